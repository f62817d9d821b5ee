//! Whether an error is over: a later success has overtaken it, or what it complained of was mended. Pure.

use shared::domain::event::{ChangeEvent, Operation};
use shared::domain::id::{Side, Timestamp};
use shared::domain::plan::{Plan, plan};
use shared::domain::record::{Presence, Record};
use shared::domain::surface::TypeSurface;
use shared::state::{CUT_OFF, ErrorEntry, ErrorStatus, HistoryRow};

/// What an error has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It stands.
    Stands,
    /// It is over, for this reason.
    Over(&'static str),
    /// What it complained of has changed since: worth another try.
    Mended,
}

/// What is known of an error beside itself.
pub(crate) struct Known<'a> {
    pub(crate) record: &'a Record,
    pub(crate) surface: &'a TypeSurface,
    /// The side that told something which could not be read, when one did.
    pub(crate) told_by: Option<Side>,
    /// Its events, as the ledger has them, each of them readable.
    pub(crate) events: &'a [ChangeEvent],
    /// Whether one of its events is waiting to be absorbed.
    pub(crate) is_pending: bool,
    /// The record's decisions since it was last met.
    pub(crate) since: &'a [HistoryRow],
    pub(crate) now: Timestamp,
}

/// What an error of a record has come to.
pub(crate) fn stand(error: &ErrorEntry, known: &Known<'_>) -> Stand {
    match error.status {
        ErrorStatus::Closed => Stand::Stands,
        ErrorStatus::Retried => retried(error, known),
        ErrorStatus::Open if error.payload.is_some() => unread(error, known),
        ErrorStatus::Open if !error.events.is_empty() => stuck(error, known),
        ErrorStatus::Open if error.class == CUT_OFF => cut_off(error, known),
        ErrorStatus::Open => written(error, known),
    }
}

fn is_locked_by(record: &Record, error: &ErrorEntry) -> bool {
    record.locks.iter().any(|lock| lock.error == error.id)
}

/// Whether both sides hold what was agreed, this error's locks apart.
fn is_settled(error: &ErrorEntry, known: &Known<'_>) -> bool {
    let mut free = known.record.clone();
    free.locks.retain(|lock| lock.error != error.id);
    let is_done = |side| matches!(plan(&free, side, known.surface, known.now, &|_, _| true), Plan::Nothing);
    Side::BOTH.into_iter().all(is_done)
}

/// What was tried again has gone through when nothing is left to do.
fn retried(error: &ErrorEntry, known: &Known<'_>) -> Stand {
    match !is_locked_by(known.record, error) && !known.is_pending && is_settled(error, known) {
        true => Stand::Over("it was tried again and went through"),
        false => Stand::Stands,
    }
}

/// What a side told could not be read. Filing it had the record looked at there: once that was done, whatever it told is
/// in what the look showed.
fn unread(error: &ErrorEntry, known: &Known<'_>) -> Stand {
    let Some(side) = known.told_by.filter(|_| is_locked_by(known.record, error)) else {
        return Stand::Stands;
    };
    let state = &known.record.sides[side];
    match !state.wants_read && state.seen.is_some() && state.presence != Presence::Never {
        true => Stand::Over("the record was looked at since, and its values taken in"),
        false => Stand::Stands,
    }
}

/// Events that could not be absorbed are overtaken when the side is known to have changed since, in all that they say.
fn stuck(error: &ErrorEntry, known: &Known<'_>) -> Stand {
    let all = known.events.len() == error.events.len();
    match all && known.events.iter().all(|event| is_stale(event, known)) {
        true => Stand::Over("a later change of the same record was taken in"),
        false => Stand::Stands,
    }
}

fn is_stale(event: &ChangeEvent, known: &Known<'_>) -> bool {
    let (Some(side), Some(revision)) = (event.side(), event.revision) else { return false };
    let state = &known.record.sides[side];
    if state.presence == Presence::Gone {
        return true;
    }
    if state.seen.is_some_and(|seen| seen > revision) {
        return true;
    }
    if event.operation == Operation::Delete || event.payload.full || event.payload.changes.is_empty() {
        return false;
    }
    event.payload.changes.keys().all(|name| {
        let field = known.surface.field_on(side, name);
        field.is_none_or(|field| state.known(field).is_some_and(|seen| seen > revision))
    })
}

/// A write that failed: over when there is nothing left to write, worth another try when what is to be written has changed.
fn written(error: &ErrorEntry, known: &Known<'_>) -> Stand {
    if !is_locked_by(known.record, error) {
        return Stand::Stands;
    }
    if is_settled(error, known) {
        return Stand::Over("both sides hold the same again");
    }
    let is_to_blame = |name: &str| error.field.as_deref().is_none_or(|field| field == name);
    let decisions = known.since.iter().filter(|row| row.at > error.last_at).flat_map(|row| &row.decisions);
    let mut changed = decisions.filter(|decision| decision.from != decision.to);
    match changed.any(|decision| is_to_blame(&decision.field)) {
        true => Stand::Mended,
        false => Stand::Stands,
    }
}

/// A write that broke off again and again, and locks nothing.
fn cut_off(error: &ErrorEntry, known: &Known<'_>) -> Stand {
    match is_settled(error, known) {
        true => Stand::Over("it went through in the end"),
        false => Stand::Stands,
    }
}

#[cfg(test)]
mod tests;
