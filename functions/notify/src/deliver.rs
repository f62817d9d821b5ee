//! Claim → send → note, for what is due.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use shared::breakage::{self, Breakage};
use shared::domain::governance::{backoff_ms, dice};
use shared::domain::id::{AccountId, Timestamp};
use shared::fault::Unavailable;
use shared::messenger::NotTaken;
use shared::state::deliveries::{Attempt, Channel, Delivery, Recipient};

use crate::App;
use crate::message::{SPELLED_OUT, message};

/// Deliveries looked at in a tick.
const BATCH: usize = 1_000;

/// A claim lasts so long, ms: longer than a channel takes to answer. It bounds the delay after a crash.
const CLAIM_MS: i64 = 120_000;

/// What could not be sent for so long, ms, is given up: three days. By then it is told by other means, or stale.
const GIVE_UP_MS: i64 = 3 * 86_400_000;

/// Channels that were found away in this tick: nobody waits for them twice.
pub(crate) type Away = Mutex<BTreeSet<String>>;

/// Sends what is due; answers how many were taken, and how many were not.
pub(crate) async fn deliver(
    app: &App,
    account: &AccountId,
    away: &Away,
) -> Result<(usize, usize), Unavailable> {
    let state = &app.state;
    let due = state.deliveries_due(account, app.ports.clock.now(), BATCH).await?;
    let (mut sent, mut failed) = (0, 0);
    for delivery in due {
        if app.ports.tasks.is_stopping() {
            break;
        }
        if is_away(away, &delivery.to) {
            continue;
        }
        let (claim, now) = (app.ports.ids.draw(), app.ports.clock.now());
        let times = (now, now.plus(CLAIM_MS));
        let claimed = state.claim_delivery(account, delivery.id, claim, times, SPELLED_OUT).await?;
        // Another instance has it.
        let Some(claimed) = claimed else { continue };
        let result = app.messenger.send(&delivery.to, &message(&claimed, &app.links)).await;
        let now = app.ports.clock.now();
        if let Err(why) = &result {
            tracing::warn!(%why, %account, channel = delivery.to.channel.as_str(), "a notice was not taken");
            if matches!(why, NotTaken::Away(_)) {
                away.lock().unwrap_or_else(PoisonError::into_inner).insert(way(&delivery.to));
            }
        }
        let end = ended(&claimed.delivery, result, now);
        let outcome = match end {
            Attempt::Sent => "sent",
            Attempt::Again { .. } => "again",
            Attempt::GivenUp { .. } => "given_up",
        };
        app.ports.metrics.message(delivery.to.channel.as_str(), outcome);
        let counted = if end == Attempt::Sent { &mut sent } else { &mut failed };
        *counted += 1;
        if end == Attempt::Sent && breakage::on(Breakage::SentNotNoted) {
            continue;
        }
        // Not ours any more: our claim ran out while we were sending, and somebody else has sent it again.
        let _ = state.end_delivery(account, delivery.id, claim, end, now).await?;
    }
    Ok((sent, failed))
}

/// What becomes of a delivery after this attempt.
fn ended(delivery: &Delivery, result: Result<(), NotTaken>, now: Timestamp) -> Attempt {
    match result {
        Ok(()) => Attempt::Sent,
        Err(why) if now >= delivery.created_at.plus(GIVE_UP_MS) => Attempt::GivenUp { why: why.to_string() },
        Err(why) => {
            let wait = backoff_ms(delivery.attempts, dice(&delivery.id));
            Attempt::Again { at: now.plus(wait), why: why.to_string() }
        }
    }
}

/// What is away together: all mail goes by one server, each webhook by its own.
fn way(to: &Recipient) -> String {
    match to.channel {
        Channel::Email => "email".into(),
        Channel::Slack => format!("slack:{}", to.name),
    }
}

fn is_away(away: &Away, to: &Recipient) -> bool {
    away.lock().unwrap_or_else(PoisonError::into_inner).contains(&way(to))
}
