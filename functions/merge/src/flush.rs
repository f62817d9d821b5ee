//! The flusher: absorbs what is pending for an account's records once they are quiet, many records at a time.

mod absorption;
mod batch;

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::breakage::{self, Breakage};
use shared::domain::id::{AccountId, RecordType, Timestamp};
use shared::fault::Unavailable;
use shared::state::Subject;

use crate::App;

/// Subjects absorbed at once.
const ROUND: usize = 100;

/// Subjects that one tick takes up from the table.
const SWEEP: usize = ROUND * 10;

/// After a round the next one waits for so long by each subject of it, ms: where news comes by the hundred a second, a
/// hundred are absorbed almost as cheaply as ten. Elsewhere nobody notices.
const GATHER_MS: i64 = 10;

/// No round waits for longer than this, ms.
const GATHER_MAX_MS: i64 = 300;

/// So many rounds that fail one after the other end the flusher: what it needs is away.
const FAILURES: usize = 3;

/// Others may commit to a record while we decide; after so many times the tick takes over.
const TRIES: usize = 10;

/// Wakes the account's flusher in this instance.
pub(crate) fn wake(app: &App, account: &AccountId) {
    let (flusher, account) = (app.clone(), account.clone());
    app.ports.tasks.wake(format!("flush:{account}"), move || {
        let (app, account) = (flusher.clone(), account.clone());
        Box::pin(async move {
            if let Err(error) = run(&app, &account).await {
                tracing::warn!(%error, "flusher stopped; the tick starts it again");
            }
        })
    });
}

/// Works until nothing of the account is noted in the buffer.
async fn run(app: &App, account: &AccountId) -> Result<(), Unavailable> {
    let ports = &app.ports;
    let (mut failures, mut not_before) = (0, Timestamp(0));
    while !ports.tasks.is_stopping() {
        if ports.clock.now() < not_before {
            ports.clock.sleep_until(not_before).await;
        }
        let now = ports.clock.now();
        let due = match ports.buffer.take_due(account, now, ROUND).await {
            Ok(due) => due,
            Err(away) => return without_buffer(app, account, now, &away).await,
        };
        if due.is_empty() {
            match ports.buffer.next_due(account).await {
                Ok(Some(at)) => ports.clock.sleep_until(at).await,
                Ok(None) => break,
                Err(away) => return without_buffer(app, account, now, &away).await,
            }
            continue;
        }
        // A full round has left others behind.
        let gather = if due.len() < ROUND { (due.len() as i64 * GATHER_MS).min(GATHER_MAX_MS) } else { 0 };
        not_before = now.plus(gather);
        match flush(app, account, due.iter().filter_map(|text| Subject::parse(text))).await {
            Ok(()) => failures = 0,
            // One record that always fails must not stop those after it; it is left to the tick.
            Err(error) => {
                failures += 1;
                if failures == FAILURES {
                    return Err(error);
                }
                tracing::warn!(%error, %account, "not all absorbed; the tick takes up what is left");
            }
        }
    }
    Ok(())
}

/// Goes once over what is due by the table, which is later than the buffer would say. Instances may do so at
/// the same time: they get in each other's way, no more.
async fn without_buffer(
    app: &App,
    account: &AccountId,
    now: Timestamp,
    away: &Unavailable,
) -> Result<(), Unavailable> {
    if breakage::on(Breakage::BufferRequired) {
        return Err(away.clone());
    }
    tracing::warn!(%away, "flushing by the table alone");
    for due in app.ports.state.pending_due(account, now, SWEEP).await?.chunks(ROUND) {
        if app.ports.tasks.is_stopping() {
            break;
        }
        flush(app, account, due.iter().cloned()).await?;
    }
    Ok(())
}

/// Notes in the buffer what is due by the table: what the buffer forgot, and what has waited too long.
pub(crate) async fn sweep(app: &App, account: &AccountId, now: Timestamp) -> Result<usize, Unavailable> {
    let due = app.ports.state.pending_due(account, now, SWEEP).await?;
    // The flusher, which the tick wakes next, goes by the table then.
    if let Err(away) = note(app, account, &due).await {
        tracing::warn!(%away, "due subjects not noted in the buffer");
    }
    Ok(due.len())
}

async fn note(app: &App, account: &AccountId, subjects: &[(RecordType, Subject)]) -> Result<(), Unavailable> {
    let now = app.ports.clock.now();
    for (record_type, subject) in subjects {
        let text = subject.to_text(record_type);
        app.ports.buffer.note(account, &text, now, true, &app.ports.config.coalescing).await?;
    }
    Ok(())
}

/// Absorbs what is pending for the records that `subjects` name.
async fn flush(
    app: &App,
    account: &AccountId,
    subjects: impl Iterator<Item = (RecordType, Subject)>,
) -> Result<(), Unavailable> {
    let mut by_type: BTreeMap<RecordType, Vec<Subject>> = BTreeMap::new();
    for (record_type, subject) in subjects {
        by_type.entry(record_type).or_default().push(subject);
    }
    for (record_type, mut subjects) in by_type {
        let Some(surface) = app.ports.config.surface(account, &record_type).map(Arc::clone) else { continue };
        for _ in 0..TRIES {
            subjects = batch::absorb(app, account, &record_type, subjects, &surface).await?;
            if subjects.is_empty() {
                break;
            }
        }
    }
    Ok(())
}
