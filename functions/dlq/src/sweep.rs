//! Goes through the errors that are not closed, some at each tick: what is over is closed, what was mended is tried again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use shared::domain::event::ChangeEvent;
use shared::domain::id::{AccountId, Side, SideId, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::Account;
use shared::fault::Fault;
use shared::intake::subjects_of;
use shared::redrive::{close, payload_bytes, redrive};
use shared::runtime::Ports;
use shared::state::{ErrorEntry, ErrorStatus, Subject};
use uuid::Uuid;

use crate::App;
use crate::classify::{Dead, classify};
use crate::overtaken::{Known, Stand, stand};

/// Who does it, in the audit.
const ACTOR: &str = "dlq";

/// Errors looked at in one tick, of each status.
const BATCH: usize = 200;

/// Where the next tick goes on, by account and status. Lost with the instance: then it begins at the beginning.
pub(crate) type Places = Mutex<BTreeMap<(AccountId, &'static str), (Timestamp, Uuid)>>;

/// What a sweep did.
#[derive(Default, Clone, Copy)]
pub(crate) struct Swept {
    pub(crate) closed: usize,
    pub(crate) tried: usize,
}

/// Sweeps an account.
pub(crate) async fn sweep(app: &App, account: &Account) -> Result<Swept, Fault> {
    let mut swept = Swept::default();
    for (status, name) in [(ErrorStatus::Retried, "retried"), (ErrorStatus::Open, "open")] {
        let at = (account.id.clone(), name);
        let after = lock(&app.places).remove(&at);
        let now = app.ports.clock.now();
        let errors = app.ports.state.errors_by_age(&account.id, status, after, now, BATCH).await?;
        if let Some(last) = errors.last().filter(|_| errors.len() == BATCH) {
            lock(&app.places).insert(at, (last.first_at, last.id));
        }
        for error in errors {
            if app.ports.tasks.is_stopping() {
                return Ok(swept);
            }
            match judged(app, account, &error).await? {
                Stand::Stands => {}
                Stand::Over(why) => {
                    close(&app.ports, &error, ACTOR, why).await?;
                    swept.closed += 1;
                }
                Stand::Mended => {
                    redrive(&app.ports, error.id, ACTOR).await?;
                    swept.tried += 1;
                }
            }
        }
    }
    Ok(swept)
}

async fn judged(app: &App, account: &Account, error: &ErrorEntry) -> Result<Stand, Fault> {
    let ports = &app.ports;
    let events: Vec<ChangeEvent> = match error.events.is_empty() {
        true => Vec::new(),
        false => {
            let stored = ports.ledger.read(&account.id, &error.events).await?;
            stored.iter().filter_map(|s| ChangeEvent::from_slice(&s.entry.payload).ok()).collect()
        }
    };
    let Some(key) = &error.record else {
        // Bytes that were sent again are over when what they are was accepted.
        let taken = error.status == ErrorStatus::Retried && is_taken(ports, account, error, &events).await?;
        return Ok(if taken { Stand::Over("it was tried again and accepted") } else { Stand::Stands });
    };
    let Some(surface) = account.types.get(&key.record_type) else { return Ok(Stand::Stands) };
    let loaded = ports.state.load(std::slice::from_ref(key)).await?.pop().flatten();
    // A write needs the record's decisions since; nothing else does.
    let Some(record) = loaded else { return Ok(Stand::Stands) };
    let is_write = error.status == ErrorStatus::Open && error.events.is_empty() && error.payload.is_none();
    let since = if is_write { ports.state.history_of(key, None, 50).await? } else { Vec::new() };
    let since: Vec<_> = since.into_iter().map(|line| line.row).collect();
    let known = Known {
        record: &record,
        surface,
        told_by: told_by(app, error),
        events: &events,
        is_pending: is_pending(ports, account, &record, error).await?,
        since: &since,
        now: ports.clock.now(),
    };
    Ok(stand(error, &known))
}

/// The side that told what could not be read.
fn told_by(app: &App, error: &ErrorEntry) -> Option<Side> {
    let bytes = payload_bytes(error.payload.as_deref()?);
    match classify(&bytes, &BTreeMap::new(), &app.ports.config) {
        Dead::Event(event) => event.side(),
        Dead::Malformed(malformed) => match malformed.record? {
            (_, Subject::Side(side, _)) => Some(side),
            (_, Subject::Canonical(_)) => None,
        },
    }
}

async fn is_pending(
    ports: &Ports,
    account: &Account,
    record: &Record,
    error: &ErrorEntry,
) -> Result<bool, Fault> {
    if error.events.is_empty() && error.edits.is_empty() {
        return Ok(false);
    }
    let id = |side: Side| Some((side, record.sides[side].id.clone()?));
    let ids: Vec<(Side, SideId)> = Side::BOTH.into_iter().filter_map(id).collect();
    let subjects = subjects_of(&record.key.id, ids.into_iter());
    let open = ports.state.pending(&account.id, &record.key.record_type, &subjects).await?;
    Ok(open.iter().any(|row| error.events.contains(&row.event_id) || error.edits.contains(&row.event_id)))
}

async fn is_taken(
    ports: &Ports,
    account: &Account,
    error: &ErrorEntry,
    events: &[ChangeEvent],
) -> Result<bool, Fault> {
    let edits = match error.edits.is_empty() {
        true => 0,
        false => ports.ledger.read(&account.id, &error.edits).await?.len(),
    };
    Ok(!events.is_empty() || edits > 0)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
