//! What a call's reply, or a look at the side, makes of an intent: `confirm` of the design, and its relatives.

use uuid::Uuid;

use super::absorb::{accept_form, is_fight, reply_cause, take_in};
use super::id::{RecordKey, Revision, Side, SideId, Timestamp, derived_id};
use super::news::{Fact, News, Standing};
use super::record::{Intent, Lock, Presence, Record, Sent, SideState, Span, Verb};
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
    // Of a record that is there, and is not shown, nothing was seen: what we sent may be what it holds.
    let is_hidden = reply == Reply::Missing && state.presence == Presence::There;
    state.wants_read &= !looked;
    let operation = intent.as_ref().map(|i| i.operation);
    let report = Report::of(Some(side));
    let mut settling = Settling { record, side, operation, now, surface, report };
    match reply {
        Reply::Applied(None) => settling.gone(None),
        Reply::Applied(Some(seen)) => {
            if let Some(intent) = &intent {
                settling.confirm(intent, &seen.values);
            }
            settling.forget(operation);
            settling.look(seen, Standing::Answered);
        }
        Reply::Looked { seen, held } => {
            for (call, held) in held {
                match intent.as_ref().filter(|i| i.operation == call) {
                    Some(intent) => settling.confirm(intent, &held),
                    None => settling.landed_late(call, &held),
                }
                settling.forget(Some(call));
            }
            settling.look(seen, Standing::Accounted);
        }
        Reply::Mismatch(seen) => {
            // It wrote nothing and never will: its values, where they are found, are somebody else's.
            settling.forget(operation);
            settling.look(seen, Standing::Answered);
        }
        Reply::Gone(revision) => {
            // Our create was carried out and somebody has deleted the record since, before we knew it: it must
            // not be created again. (Unless this is the deletion that we know of.)
            let created = intent.as_ref().is_some_and(|i| i.verb == Verb::Create);
            let state = settling.state();
            if created && (state.presence == Presence::Never || revision > state.newest()) {
                state.presence = Presence::There;
            }
            settling.gone(revision);
        }
        Reply::NotDone => settling.forget(operation),
        Reply::Missing => {}
    }
    let Settling { record, report, .. } = settling;
    let state = &mut record.sides[side];
    if looked && !is_hidden && !state.wants_read {
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

/// A reply on its way into the record.
struct Settling<'a> {
    record: &'a mut Record,
    side: Side,
    /// The call that is settled.
    operation: Option<Uuid>,
    now: Timestamp,
    surface: &'a TypeSurface,
    report: Report,
}

impl Settling<'_> {
    fn state(&mut self) -> &mut SideState {
        &mut self.record.sides[self.side]
    }

    /// A call that will not land, or has landed and is accounted for, need not be recognised.
    fn forget(&mut self, call: Option<Uuid>) {
        self.state().sent.retain(|s| Some(s.operation) != call);
    }

    /// Compares what the open intent wanted with what the side made of it.
    fn confirm(&mut self, intent: &Intent, held: &[(FieldIx, Value)]) {
        if intent.verb == Verb::Create {
            // A record made anew has a clock of its own.
            let state = self.state();
            (state.presence, state.seen) = (Presence::There, None);
            state.field_seen.clear();
        }
        for (field, wanted) in &intent.wanted {
            let expected = intent.expected.iter().find(|(f, _)| f == field);
            self.confirm_field(*field, wanted, expected.map_or(&Value::Null, |(_, v)| v), held);
        }
    }

    /// A call given up for unknown was carried out after all. Until that was known nothing moved the shadows of
    /// its fields but its own mark, so they still hold what it expected.
    fn landed_late(&mut self, call: Uuid, held: &[(FieldIx, Value)]) {
        let sent: Vec<_> = self.state().sent.iter().filter(|s| s.operation == call).cloned().collect();
        for Sent { field, value, .. } in sent {
            let expected = self.state().shadow[field].clone();
            self.confirm_field(field, &value, &expected, held);
        }
    }

    fn confirm_field(&mut self, field: FieldIx, wanted: &Value, expected: &Value, held: &[(FieldIx, Value)]) {
        let Some((_, held)) = held.iter().find(|(f, _)| *f == field) else { return };
        self.state().shadow[field] = held.clone();
        if held == wanted {
            return;
        }
        // In a fight of two forms the side rightly stays as it is; so does one that folds blanks or case.
        let is_fight = is_fight(self.record, self.side, field, wanted, held);
        if held == expected && !is_fight && !is_folded(wanted, held) {
            self.not_persisted(field, wanted);
        } else {
            accept_form(self.record, self.side, field, wanted.clone(), &mut self.report);
        }
    }

    /// The side took the write and kept the old value: a person must look, and we must not try for ever.
    fn not_persisted(&mut self, field: FieldIx, wanted: &Value) {
        let held = self.state().shadow[field].clone();
        self.report.not_persisted.push(field);
        self.report.decisions.push(Decision {
            field: Some(field),
            rule: Rule::NotPersisted,
            base: held.clone(),
            ours: held,
            theirs: wanted.clone(),
            result: self.record.canonical[field].clone(),
        });
        let error = not_persisted_error(&self.record.key, self.side, field);
        let reason = format!("{} does not keep this field", self.side);
        self.record.locks.retain(|l| l.error != error);
        self.record.locks.push(Lock { field: Some(field), error, reason, since: self.now });
    }

    /// The record as the side holds it.
    fn look(&mut self, seen: Seen, standing: Standing) {
        // The change lies between the last full read and the side's own time of the last change.
        let span = span_of(self.record, self.side, seen.revision, self.now);
        let fact = Fact::Holds { values: seen.values, full: seen.complete };
        self.take_in(seen.id, fact, Some(seen.revision), span, standing);
    }

    /// The side has deleted the record.
    fn gone(&mut self, revision: Option<Revision>) {
        let state = self.state();
        let (id, revision) = (state.id.clone().unwrap_or_else(unnamed), revision.or(state.newest()));
        self.take_in(id, Fact::Deleted, revision, Span::at(self.now), Standing::Answered);
    }

    fn take_in(
        &mut self,
        id: SideId,
        fact: Fact,
        revision: Option<Revision>,
        span: Span,
        standing: Standing,
    ) {
        let cause = match self.operation {
            Some(operation) => reply_cause(operation),
            None => {
                let row = self.record.row_revision.to_string();
                derived_id("look", &[&self.record.key.to_string(), &row])
            }
        };
        let news = News { side: self.side, id, fact, revision, span, standing, operation: None, cause };
        take_in(self.record, &news, self.surface, &mut self.report);
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

/// The id of the error "this side does not keep this field of this record".
pub fn not_persisted_error(key: &RecordKey, side: Side, field: FieldIx) -> Uuid {
    derived_id("not_persisted", &[&key.to_string(), side.as_str(), &field.to_string()])
}

/// The id of the error "this side holds a value that this field cannot take".
pub fn unreadable_error(key: &RecordKey, side: Side, field: &str) -> Uuid {
    derived_id("unreadable", &[&key.to_string(), side.as_str(), field])
}

/// The id of the error "what this side holds of this record cannot be stored".
pub fn unstorable_error(key: &RecordKey, side: Side) -> Uuid {
    derived_id("unstorable", &[&key.to_string(), side.as_str()])
}

/// The id of the error "this side shows this record no longer".
pub fn missing_error(key: &RecordKey, side: Side) -> Uuid {
    derived_id("missing", &[&key.to_string(), side.as_str()])
}

fn unnamed() -> SideId {
    SideId::parse("unknown").expect("a constant name")
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
