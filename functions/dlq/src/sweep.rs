//! Goes through the errors that are not closed, some at each tick: what is over is closed, what was mended is tried again,
//! what was to be sent and was not is sent, and what nothing came of waits for a person again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use shared::domain::event::ChangeEvent;
use shared::domain::id::{AccountId, Side, Timestamp};
use shared::fault::{Fault, Unavailable};
use shared::redrive::{Redriven, close, payload_bytes, redrive, reopen, send};
use shared::state::{ErrorEntry, ErrorStatus, Place, Subject, UNREADABLE};
use uuid::Uuid;

use crate::App;
use crate::classify::{Dead, Malformed, classify};
use crate::file::{adopt, look};
use crate::overtaken::{Known, Stand, stand};

/// Who does it, in the audit.
const ACTOR: &str = "dlq";

/// Errors looked at in one tick, of each status.
const BATCH: usize = 200;

/// So many in a row that could not be looked at, and it is not they that are to blame.
const FAILED_IN_A_ROW_MAX: usize = 10;

/// Where the next tick goes on, by account and status. Lost with the instance: then it begins at the beginning.
pub(crate) type Places = Mutex<BTreeMap<(AccountId, &'static str), (Timestamp, Uuid)>>;

/// What a sweep did.
#[derive(Default, Clone, Copy)]
pub(crate) struct Swept {
    pub(crate) closed: usize,
    pub(crate) tried: usize,
    /// Errors that could not be seen to.
    pub(crate) failed: usize,
}

/// Sweeps an account. An error that cannot be seen to keeps none behind it waiting.
pub(crate) async fn sweep(app: &App, account: &AccountId) -> Result<Swept, Unavailable> {
    let mut swept = Swept::default();
    for (status, name) in [(ErrorStatus::Retried, "retried"), (ErrorStatus::Open, "open")] {
        let at = (account.clone(), name);
        let after = lock(&app.places).remove(&at);
        let now = app.ports.clock.now();
        let errors = app.ports.state.errors_by_age(account, status, after, now, BATCH).await?;
        let mut next = errors.last().filter(|_| errors.len() == BATCH).map(place);
        let mut in_a_row = 0;
        for error in &errors {
            if app.ports.tasks.is_stopping() {
                return Ok(swept);
            }
            match see_to(app, error, &mut swept).await {
                Ok(()) => in_a_row = 0,
                Err(fault) => {
                    tracing::warn!(error = %fault, error.id = %error.id, account = %account, "an error was not seen to");
                    (swept.failed, in_a_row) = (swept.failed + 1, in_a_row + 1);
                }
            }
            if in_a_row == FAILED_IN_A_ROW_MAX {
                next = Some(place(error));
                break;
            }
        }
        if let Some(next) = next {
            lock(&app.places).insert(at, next);
        }
    }
    Ok(swept)
}

fn place(error: &ErrorEntry) -> (Timestamp, Uuid) {
    (error.first_at, error.id)
}

async fn see_to(app: &App, error: &ErrorEntry, swept: &mut Swept) -> Result<(), Fault> {
    match judged(app, error).await? {
        Stand::Stands => {}
        Stand::Over(why) => {
            close(&app.ports, error, ACTOR, why).await?;
            swept.closed += 1;
        }
        Stand::Mended => {
            let why = "what it complained of has changed since";
            match redrive(&app.ports, error.id, ACTOR, Some(why)).await? {
                // Its events have gone on without it, and its record can be read.
                Redriven::Nothing if error.code == UNREADABLE => {
                    close(&app.ports, error, ACTOR, why).await?;
                    swept.closed += 1;
                }
                _ => swept.tried += 1,
            }
        }
        Stand::Look(side) => look(&app.ports, error, side).await?,
        Stand::Unsent => send(&app.ports, error).await?,
        Stand::InVain => {
            let why = "it was tried again, and nothing is known to have come of it";
            reopen(&app.ports, error, ACTOR, why).await?;
        }
    }
    Ok(())
}

async fn judged(app: &App, error: &ErrorEntry) -> Result<Stand, Fault> {
    let ports = &app.ports;
    let read = |bytes: &[u8]| classify(bytes, &BTreeMap::new(), &ports.config);
    let bytes = error.payload.as_deref().map(|text| read(&payload_bytes(text)));
    if let (ErrorStatus::Open, None, Some(Dead::Malformed(malformed))) = (error.status, &error.record, &bytes)
        && adopt(ports, error, malformed).await?
    {
        return Ok(Stand::Stands);
    }
    let loaded = match &error.record {
        Some(key) => ports.state.load(std::slice::from_ref(key)).await?.pop().flatten(),
        None => None,
    };
    if loaded.as_deref().is_some_and(|record| record.why_unreadable().is_some()) {
        return Ok(Stand::Stands);
    }
    let surface = error.record.as_ref().and_then(|key| ports.config.surface(&key.account, &key.record_type));
    // A write needs the record's decisions since; nothing else does.
    let is_write = error.status == ErrorStatus::Open && error.events.is_empty() && error.payload.is_none();
    let since = match &error.record {
        Some(key) if is_write && loaded.is_some() => ports.state.history_of(key, None, 50).await?,
        Some(_) | None => Vec::new(),
    };
    let since: Vec<_> = since.into_iter().map(|line| line.row).collect();
    let was_tried = error.status == ErrorStatus::Retried || error.tried_at.is_some();
    let known = Known {
        record: loaded.as_deref().zip(surface.map(|surface| &**surface)),
        told_by: bytes.as_ref().and_then(told_by),
        events: &events_of(app, error).await?,
        places: &if was_tried { places(app, error, bytes.as_ref()).await? } else { Vec::new() },
        since: &since,
        now: ports.clock.now(),
    };
    Ok(stand(error, &known))
}

async fn events_of(app: &App, error: &ErrorEntry) -> Result<Vec<ChangeEvent>, Unavailable> {
    // What bytes say of their id is nobody's word.
    if error.events.is_empty() || error.payload.is_some() {
        return Ok(Vec::new());
    }
    let stored = app.ports.ledger.read(&error.account, &error.events).await?;
    Ok(stored.iter().filter_map(|s| ChangeEvent::from_slice(&s.entry.payload).ok()).collect())
}

/// The side that told what could not be read.
fn told_by(bytes: &Dead) -> Option<Side> {
    match bytes {
        Dead::Event(event) => event.side(),
        Dead::Malformed(Malformed { record: Some((_, Subject::Side(side, _))), .. }) => Some(*side),
        Dead::Malformed(_) => None,
    }
}

/// Where what was tried again has come to. Bytes may claim the id of an event that the ledger has had long since: only an
/// event that says the same is theirs.
async fn places(
    app: &App,
    error: &ErrorEntry,
    bytes: Option<&Dead>,
) -> Result<Vec<Option<Place>>, Unavailable> {
    let (account, ports) = (&error.account, &app.ports);
    if let Some(edit) = error.edits.last() {
        let of_edit = ports.state.places(account, std::slice::from_ref(edit)).await?;
        if bytes.is_none() || of_edit.iter().flatten().any(Place::is_taken_in) {
            return Ok(of_edit);
        }
    }
    let Some(bytes) = bytes else { return ports.state.places(account, &error.events).await };
    let Dead::Event(event) = bytes else { return Ok(Vec::new()) };
    let stored = ports.ledger.read(&event.account_id, &[event.event_id]).await?;
    let is_it =
        stored.first().and_then(|s| ChangeEvent::from_slice(&s.entry.payload).ok()).as_ref() == Some(event);
    match is_it {
        true => ports.state.places(&event.account_id, &[event.event_id]).await,
        false => Ok(Vec::new()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
