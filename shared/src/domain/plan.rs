//! What must be done so that a side equals canonical. Same record in, same plan out: an old wake-up can only
//! make the writer do today's right thing.

use std::sync::Arc;

use uuid::Uuid;

use super::id::{RecordType, Side, Timestamp, derived_id};
use super::identity::filled_keys;
use super::record::{Behind, Due, DueReason, Intent, Presence, Record, Sent, Verb};
use super::surface::{FieldIx, TypeSurface};
use super::value::{Unresolved, Value};
use crate::breakage::{self, Breakage};

/// How long a call may still land after it was sent, ms: NetSuite's script limit of 300 s and a margin.
pub const CALL_LANDS_WITHIN_MS: i64 = 310_000;

/// A call that is not on its way so long after its permit was asked for, ms, is not made: permit and intent count from
/// then.
pub const SEND_WITHIN_MS: i64 = 5_000;

/// What to do for one side of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// The side equals canonical.
    Nothing,
    /// It differs, but a lock forbids writing.
    Locked,
    /// A write is under way; look again at its deadline.
    Wait {
        /// The deadline.
        until: Timestamp,
    },
    /// Nothing can be written before this record has a counterpart.
    WaitFor(Unresolved),
    /// Look before writing.
    Read,
    /// Write.
    Write(Write),
}

/// A planned write.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// What it does.
    pub verb: Verb,
    /// Field and value to set.
    pub wanted: Vec<(FieldIx, Value)>,
    /// Field and value that must be there.
    pub expected: Vec<(FieldIx, Value)>,
    /// A reference that could not be translated and is left for later.
    pub postponed: Option<Unresolved>,
}

/// Tells whether a record (type, canonical id) has a live counterpart on the planned side.
pub type HasCounterpart<'a> = dyn Fn(&RecordType, &str) -> bool + 'a;

/// Plans for one side.
pub fn plan(
    record: &Record,
    side: Side,
    surface: &TypeSurface,
    now: Timestamp,
    has: &HasCounterpart<'_>,
) -> Plan {
    let state = &record.sides[side];
    if let Some(intent) = &state.intent {
        return if now >= intent.deadline { Plan::Read } else { Plan::Wait { until: intent.deadline } };
    }
    if state.wants_read && state.presence == Presence::There {
        return Plan::Read;
    }
    if state.detached {
        return Plan::Nothing;
    }
    let other = &record.sides[side.other()];
    let write = match (record.alive, state.presence) {
        (true, Presence::There) => update(record, side, surface, has),
        // What the other side holds is still to be looked at: half a record would find none of those that it could be.
        (true, Presence::Never | Presence::Gone) if other.wants_read && other.presence == Presence::There => {
            Plan::Nothing
        }
        (true, Presence::Never | Presence::Gone) => create(record, side, surface, has),
        (false, Presence::There) => delete(record, side),
        (false, Presence::Never | Presence::Gone) => Plan::Nothing,
    };
    match write {
        Plan::Nothing => Plan::Nothing,
        _ if record.is_locked() && !breakage::on(Breakage::LockNotChecked) => Plan::Locked,
        // A delta about a record that we have never seen whole: look before writing.
        Plan::Write(write) if write.verb != Verb::Create && state.seen.is_none() => Plan::Read,
        other => other,
    }
}

/// Whether the side has work that a writer could do now.
pub fn has_work(record: &Record, side: Side, surface: &TypeSurface, now: Timestamp) -> bool {
    !matches!(plan(record, side, surface, now, &|_, _| true), Plan::Nothing | Plan::Locked)
}

/// Sets when each side's writer has to look at the record, after something about it changed. What is backing
/// off goes on backing off.
pub fn reschedule(record: &mut Record, surface: &TypeSurface, now: Timestamp) {
    for side in Side::BOTH {
        let work = plan(record, side, surface, now, &|_, _| true);
        let state = &mut record.sides[side];
        let attempts = state.due.as_ref().map_or(0, |d| d.attempts);
        let due = |at, reason| Some(Due { at, reason, attempts });
        state.due = match work {
            Plan::Nothing | Plan::Locked => None,
            Plan::Wait { until } => state.due.take().or(due(until, DueReason::Unsettled)),
            Plan::WaitFor(_) | Plan::Read | Plan::Write(_) => match state.due.take() {
                // The reference may be another one now: look at once, but the wait goes on.
                Some(known) if matches!(known.reason, DueReason::WaitingFor { .. }) => {
                    Some(Due { at: now, ..known })
                }
                Some(known) if matches!(known.reason, DueReason::BackingOff | DueReason::Unsettled) => {
                    Some(known)
                }
                // Its place in the queue is kept: a record that is edited all the time must not wait for ever behind a
                // long backlog.
                Some(known) => Some(Due { at: known.at.min(now), ..known }),
                None => due(now, DueReason::Dirty),
            },
        };
        if state.due.is_none() {
            state.behind = None;
        }
    }
}

/// Notes a change that was taken in, and scheduled, for each side that is behind by it. `from`: the side that told of
/// it; `None`: a person, or both. A side that is behind already is so by the older change.
pub fn note_behind(
    record: &mut Record,
    from: Option<Side>,
    changed: Timestamp,
    surface: &TypeSurface,
    now: Timestamp,
) {
    for side in Side::BOTH {
        if record.sides[side].due.is_none() || record.sides[side].behind.is_some() {
            continue;
        }
        let is_behind = match plan(record, side, surface, now, &|_, _| true) {
            Plan::Nothing | Plan::Locked => false,
            // A side that is to be looked at for news of its own is not behind.
            Plan::Read => from != Some(side),
            Plan::Wait { .. } | Plan::WaitFor(_) | Plan::Write(_) => true,
        };
        if is_behind {
            // A source's clock may be ahead of ours.
            record.sides[side].behind = Some(Behind { changed: changed.min(now), decided: now });
        }
    }
}

fn update(record: &Record, side: Side, surface: &TypeSurface, has: &HasCounterpart<'_>) -> Plan {
    let state = &record.sides[side];
    let mut write = Write { verb: Verb::Update, wanted: Vec::new(), expected: Vec::new(), postponed: None };
    let mut locked = false;
    for (field, spec) in surface.fields.iter().enumerate() {
        let wanted = &record.canonical[field];
        if state.holds(field, wanted) || !record.is_written_to(side, field, surface) {
            continue;
        }
        if record.is_field_locked(field) && !breakage::on(Breakage::LockNotChecked) {
            locked = true;
            continue;
        }
        match unresolved(surface, field, wanted, has) {
            Some(missing) if spec.required => return Plan::WaitFor(missing),
            Some(missing) => write.postponed = Some(missing),
            None => {
                write.wanted.push((field, wanted.clone()));
                write.expected.push((field, state.shadow[field].clone()));
            }
        }
    }
    // Fields that conflict as one are compared as one: else half of somebody's address would survive ours.
    for at in 0..write.wanted.len() {
        let unit = &surface.units[surface.fields[write.wanted[at].0].unit];
        for &mate in unit.iter().filter(|_| unit.len() > 1) {
            if !write.expected.iter().any(|(f, _)| *f == mate) {
                write.expected.push((mate, state.shadow[mate].clone()));
            }
        }
    }
    match (write.wanted.is_empty(), write.postponed.take(), locked) {
        (false, postponed, _) => Plan::Write(Write { postponed, ..write }),
        (true, Some(missing), _) => Plan::WaitFor(missing),
        (true, None, true) => Plan::Locked,
        (true, None, false) => Plan::Nothing,
    }
}

fn create(record: &Record, side: Side, surface: &TypeSurface, has: &HasCounterpart<'_>) -> Plan {
    let mut write = Write { verb: Verb::Create, wanted: Vec::new(), expected: Vec::new(), postponed: None };
    // By its keys the side is asked for others that it could be; a key that cannot be said cannot be asked for.
    let named_by = filled_keys(surface, &record.canonical);
    if let Some(missing) =
        named_by.iter().flatten().find_map(|(f, value)| unresolved(surface, *f, value, has))
    {
        return Plan::WaitFor(missing);
    }
    for (field, spec) in surface.fields.iter().enumerate() {
        let wanted = &record.canonical[field];
        if *wanted == Value::Null
            || !record.is_written_to(side, field, surface)
            || record.is_field_locked(field)
        {
            continue;
        }
        match unresolved(surface, field, wanted, has) {
            Some(missing) if spec.required => return Plan::WaitFor(missing),
            // Records that refer to each other: create first, set the reference after.
            Some(missing) => write.postponed = Some(missing),
            None => write.wanted.push((field, wanted.clone())),
        }
    }
    Plan::Write(write)
}

/// A delete compares every field, so that an edit that we have not seen is not deleted with the record.
fn delete(record: &Record, side: Side) -> Plan {
    let expected = record.sides[side].shadow.iter().cloned().enumerate().collect();
    Plan::Write(Write { verb: Verb::Delete, wanted: Vec::new(), expected, postponed: None })
}

fn unresolved(
    surface: &TypeSurface,
    field: FieldIx,
    value: &Value,
    has: &HasCounterpart<'_>,
) -> Option<Unresolved> {
    let mut missing = None;
    surface.fields[field].kind.references(value, &mut |record_type, id: &Arc<str>| {
        if missing.is_none() && !has(record_type, id) {
            missing = Some(Unresolved { record_type: record_type.clone(), id: id.clone() });
        }
    });
    missing
}

/// Stores a planned write as the side's intent, with the values that it may put there from now on. The call
/// may be made once the record is committed.
pub fn intend(record: &mut Record, side: Side, write: Write, now: Timestamp, timeout_ms: i64) -> Intent {
    let operation = operation_of(record, side);
    let intent = Intent {
        operation,
        verb: write.verb,
        wanted: write.wanted,
        expected: write.expected,
        version: record.version,
        started: now,
        deadline: now.plus(timeout_ms),
        last_of: None,
    };
    let state = &mut record.sides[side];
    let until = now.plus(CALL_LANDS_WITHIN_MS);
    for (field, value) in &intent.wanted {
        state.sent.push(Sent { operation, field: *field, value: value.clone(), until });
    }
    state.intent = Some(intent.clone());
    intent
}

/// The idempotency key of a write decided on this row. It holds the row revision, for the same version may
/// have to be written twice: once, and again after the target was set back.
fn operation_of(record: &Record, side: Side) -> Uuid {
    let (key, version, row) =
        (record.key.to_string(), record.version.0.to_string(), record.row_revision.to_string());
    derived_id("operation", &[side.as_str(), &key, &version, &row])
}
