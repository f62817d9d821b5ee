//! What a call's reply, or a look at the side, makes of an intent: `confirm` of the design, and its relatives.

use uuid::Uuid;

use super::absorb::{accept_form, is_fight, reply_cause, take_in};
use super::id::{Revision, Side, SideId, Timestamp};
use super::news::{Fact, News, Standing};
use super::record::{Lock, Presence, Record, Span, Verb};
use super::report::{Decision, Report, Rule};
use super::surface::{FieldIx, TypeSurface};
use super::value::Value;

/// The record as the side holds it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The side's id.
    pub id: SideId,
    /// The side's clock.
    pub revision: Revision,
    /// Every synced field that the side let us see.
    pub values: Vec<(FieldIx, Value)>,
    /// Whether every field could be understood. One that refers to a record without a link yet could not: its
    /// news must not count as seen, or the event that waits for the link would be stale when it comes.
    pub complete: bool,
}

/// What a call, or a look, brought back.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The write was taken; `None` after a delete.
    Applied(Option<Seen>),
    /// Nothing was written and this call never will be: a field did not hold what we expected, or the record
    /// to be created was there already.
    Mismatch(Seen),
    /// A look.
    Looked {
        /// The record now.
        seen: Seen,
        /// The calls [in doubt](super::record::SideState::calls_in_doubt) that were carried out, oldest first, each
        /// with what the record held right after it, at least where the call changed it.
        held: Vec<(Uuid, Vec<(FieldIx, Value)>)>,
    },
    /// The side has deleted the record, at this revision.
    Gone(Option<Revision>),
    /// The side has no such record, or does not show it.
    Missing,
    /// The side refused the write, or did not try it.
    NotDone,
}

/// Settles the side's intent, if there is one, by a reply to it or by a look made since. The caller commits
/// only if nothing else was committed since the call began: that gives the reply its standing.
pub fn settle(
    record: &mut Record,
    side: Side,
    reply: Reply,
    now: Timestamp,
    surface: &TypeSurface,
) -> Report {
    let state = &mut record.sides[side];
    let intent = state.intent.take();
    // A call that was not even tried has not looked.
    let looked = reply != Reply::NotDone;
    state.wants_read &= !looked;
    let operation = intent.as_ref().map(|i| i.operation);
    let mut report = Report::of(Some(side));
    match reply {
        Reply::Applied(None) => gone(record, side, None, operation, now, surface, &mut report),
        Reply::Applied(Some(seen)) => {
            if let Some(intent) = &intent {
                confirm(
                    record,
                    side,
                    intent.verb,
                    &intent.wanted,
                    &intent.expected,
                    &seen.values,
                    now,
                    &mut report,
                );
            }
            forget(record, side, operation);
            look(record, side, seen, Standing::Answered, operation, now, surface, &mut report);
        }
        Reply::Looked { seen, held } => {
            for (call, held) in held {
                match intent.as_ref().filter(|i| i.operation == call) {
                    Some(i) => {
                        confirm(record, side, i.verb, &i.wanted, &i.expected, &held, now, &mut report);
                    }
                    None => landed_late(record, side, call, &held, now, &mut report),
                }
                forget(record, side, Some(call));
            }
            look(record, side, seen, Standing::Accounted, operation, now, surface, &mut report);
        }
        Reply::Mismatch(seen) => {
            // It wrote nothing and never will: its values, where they are found, are somebody else's.
            forget(record, side, operation);
            look(record, side, seen, Standing::Answered, operation, now, surface, &mut report);
        }
        Reply::Gone(revision) => {
            // Our create was carried out and somebody has deleted the record since, before we knew it: it must
            // not be created again. (Unless this is the deletion that we know of.)
            let state = &mut record.sides[side];
            let created = intent.as_ref().is_some_and(|i| i.verb == Verb::Create);
            if created && (state.presence == Presence::Never || revision > state.newest()) {
                state.presence = Presence::There;
            }
            gone(record, side, revision, operation, now, surface, &mut report);
        }
        Reply::NotDone => forget(record, side, operation),
        Reply::Missing => {}
    }
    let state = &mut record.sides[side];
    if looked && !state.wants_read {
        // What can no longer land, and is not what was seen, need not be recognised.
        state.sent.retain(|s| s.until > now);
    }
    if report.changed {
        record.version = record.version.next();
    }
    report
}

/// Settles a reply whose intent is known to be finished, though others committed meanwhile: the call can no
/// longer land, and a look must tell what it left.
pub fn unsettle(record: &mut Record, side: Side, now: Timestamp) {
    let state = &mut record.sides[side];
    if let Some(intent) = &mut state.intent {
        intent.deadline = now;
    }
}

/// A call that will not land, or has landed and is accounted for, need not be recognised.
fn forget(record: &mut Record, side: Side, call: Option<Uuid>) {
    record.sides[side].sent.retain(|s| Some(s.operation) != call);
}

/// A call given up for unknown was carried out after all. Until that was known nothing moved the shadows of
/// its fields but its own mark, so they still hold what it expected.
fn landed_late(
    record: &mut Record,
    side: Side,
    call: Uuid,
    held: &[(FieldIx, Value)],
    now: Timestamp,
    report: &mut Report,
) {
    let state = &record.sides[side];
    let sent = state.sent.iter().filter(|s| s.operation == call);
    let wanted: Vec<_> = sent.map(|s| (s.field, s.value.clone())).collect();
    let expected: Vec<_> = wanted.iter().map(|(f, _)| (*f, state.shadow[*f].clone())).collect();
    confirm(record, side, Verb::Update, &wanted, &expected, held, now, report);
}

/// Compares what was written with what the side made of it.
#[expect(clippy::too_many_arguments, reason = "one reply's parts, passed once")]
fn confirm(
    record: &mut Record,
    side: Side,
    verb: Verb,
    wanted: &[(FieldIx, Value)],
    expected: &[(FieldIx, Value)],
    held: &[(FieldIx, Value)],
    now: Timestamp,
    report: &mut Report,
) {
    if verb == Verb::Create {
        let state = &mut record.sides[side];
        // A record made anew has a clock of its own.
        (state.presence, state.seen) = (Presence::There, None);
        state.field_seen.clear();
    }
    for (field, wanted) in wanted {
        let Some((_, held)) = held.iter().find(|(f, _)| f == field) else { continue };
        let old = expected.iter().find(|(f, _)| f == field).map_or(&Value::Null, |(_, v)| v);
        record.sides[side].shadow[*field] = held.clone();
        if held == wanted {
            continue;
        }
        // In a fight of two forms the side rightly stays as it is; so does one that folds blanks or case.
        if held == old && !is_fight(record, side, *field, wanted, held) && !is_folded(wanted, held) {
            not_persisted(record, side, *field, wanted, now, report);
        } else {
            accept_form(record, side, *field, wanted.clone(), report);
        }
    }
}

/// Whether two texts differ in blanks around them or in case alone: then one is a form of the other.
fn is_folded(wanted: &Value, held: &Value) -> bool {
    match (wanted, held) {
        (Value::Text(wanted), Value::Text(held)) => {
            wanted.trim().to_lowercase() == held.trim().to_lowercase()
        }
        _ => false,
    }
}

/// The side took the write and kept the old value: a person must look, and we must not try for ever.
fn not_persisted(
    record: &mut Record,
    side: Side,
    field: FieldIx,
    wanted: &Value,
    now: Timestamp,
    report: &mut Report,
) {
    let held = record.sides[side].shadow[field].clone();
    report.not_persisted.push(field);
    report.decisions.push(Decision {
        field: Some(field),
        rule: Rule::NotPersisted,
        base: held.clone(),
        ours: held,
        theirs: wanted.clone(),
        result: record.canonical[field].clone(),
    });
    let error = not_persisted_error(&record.key, side, field);
    let reason = format!("{side} does not keep this field");
    record.locks.retain(|l| l.error != error);
    record.locks.push(Lock { field: Some(field), error, reason, since: now });
}

/// The id of the error "this side does not keep this field of this record".
pub fn not_persisted_error(key: &super::id::RecordKey, side: Side, field: FieldIx) -> Uuid {
    super::id::derived_id("not_persisted", &[&key.to_string(), side.as_str(), &field.to_string()])
}

#[expect(clippy::too_many_arguments, reason = "one reply's parts, passed once")]
fn look(
    record: &mut Record,
    side: Side,
    seen: Seen,
    standing: Standing,
    operation: Option<Uuid>,
    now: Timestamp,
    surface: &TypeSurface,
    report: &mut Report,
) {
    let news = News {
        side,
        id: seen.id,
        fact: Fact::Holds { values: seen.values, full: seen.complete },
        revision: Some(seen.revision),
        // The change lies between the last full read and the side's own time of the last change.
        span: span_of(record, side, seen.revision, now),
        standing,
        operation: None,
        cause: cause_of(record, operation),
    };
    take_in(record, &news, surface, report);
}

fn gone(
    record: &mut Record,
    side: Side,
    revision: Option<Revision>,
    operation: Option<Uuid>,
    now: Timestamp,
    surface: &TypeSurface,
    report: &mut Report,
) {
    let news = News {
        side,
        id: record.sides[side].id.clone().unwrap_or_else(unnamed),
        fact: Fact::Deleted,
        revision: revision.or(record.sides[side].newest()),
        span: Span::at(now),
        standing: Standing::Answered,
        operation: None,
        cause: cause_of(record, operation),
    };
    take_in(record, &news, surface, report);
}

fn unnamed() -> SideId {
    SideId::parse("unknown").expect("a constant name")
}

fn cause_of(record: &Record, operation: Option<Uuid>) -> Uuid {
    let look = || super::id::derived_id("look", &[&record.key.to_string(), &record.row_revision.to_string()]);
    operation.map_or_else(look, reply_cause)
}

fn span_of(record: &Record, side: Side, revision: Revision, now: Timestamp) -> Span {
    match side {
        Side::NetSuite => {
            let from = Timestamp(record.sides[side].seen.map_or(0, |r| r.0 * 1000));
            // NetSuite's clock may be ahead of ours: then it is no later than now by ours.
            Span { from, to: Timestamp(revision.0 * 1000 + 999).min(now).max(from) }
        }
        // SuiteX's revision is a counter and tells no time.
        Side::SuiteX => Span { from: Timestamp(0), to: now },
    }
}
