//! One account's poll: NetSuite's time, then each type, then deletions.

use shared::domain::surface::Account;

use crate::App;
use crate::caller::{Caller, LEASE, Stop};
use crate::{changed, cursor, deleted, query};

/// What came of an account's poll.
#[derive(Debug, Default)]
pub(crate) struct Polled {
    /// Events on the bus.
    pub(crate) published: usize,
    /// What went wrong; running out of time is not.
    pub(crate) stopped: Option<Stop>,
}

/// Polls an account, as far as time and permits go.
pub(crate) async fn poll(app: &App, account: &Account) -> Polled {
    let holder = app.ports.ids.draw().to_string();
    let until = app.ports.clock.now().plus(app.rules.budget_ms);
    let caller = Caller { app, account, holder: &holder, until };
    let mut polled = Polled::default();
    match all(&caller, &mut polled.published).await {
        Ok(()) | Err(Stop::Later) => {}
        Err(stop) => polled.stopped = Some(stop),
    }
    // A lease that cannot be given back runs out.
    let _ = app.ports.buffer.release(&account.id, LEASE, &holder).await;
    polled
}

async fn all(caller: &Caller<'_>, published: &mut usize) -> Result<(), Stop> {
    let rules = &caller.app.rules;
    let now = caller.app.ports.clock.now();
    let rows = caller.query(&query::now(rules.lag_s)).await?;
    let upto =
        rows.first().and_then(|row| row.get("upto")).and_then(|time| time.as_str()).unwrap_or_default();
    if !cursor::is_time(upto) {
        return Err(Stop::Odd(format!("it was asked for the time and said {upto:?}")));
    }
    let mut types: Vec<_> = caller.account.types.values().collect();
    types.sort_by_key(|surface| std::cmp::Reverse(surface.priority));
    let mut failed = None;
    for surface in types {
        match changed::scan(caller, surface, upto, now).await {
            Ok(events) => *published += events,
            // A type that NetSuite does not show us must not keep the others from being polled.
            Err(stop @ (Stop::Fault(_) | Stop::Odd(_))) => {
                tracing::warn!(account = %caller.account.id, record_type = %surface.record_type, %stop, "not polled");
                failed = Some(stop);
            }
            Err(stop) => return Err(stop),
        }
    }
    *published += deleted::scan(caller, upto, now).await?;
    failed.map_or(Ok(()), Err)
}
