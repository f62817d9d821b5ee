//! What we store about one record: the canonical state, a shadow per side, and what is under way.
//!
//! It holds no rule: [`super::absorb`], [`super::plan`] and [`super::settle`] decide.

use std::sync::Arc;

use uuid::Uuid;

use super::conflict::Conflict;
use super::id::{PerSide, RecordKey, Revision, Side, SideId, Timestamp, Version, derived_id};
use super::surface::{FieldIx, TypeSurface};
use super::value::Value;

/// One value per field of the type's surface, in its order. What was never told is [`Value::Null`].
pub type Fields = Vec<Value>;

/// Everything known about one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its key.
    pub key: RecordKey,
    /// Up by one with every commit of anything about the record. Kept by the state, never by the domain.
    pub row_revision: u64,
    /// Up by one with each change to the canonical state.
    pub version: Version,
    /// Whether the record exists, as agreed. A record with a version that is not alive is a tombstone.
    pub alive: bool,
    /// The agreed values.
    pub canonical: Fields,
    /// Who set each canonical value, and when.
    pub origins: Vec<Option<Origin>>,
    /// What we know of each side.
    pub sides: PerSide<SideState>,
    /// The open conflict; at most one, over any number of fields.
    pub conflict: Option<Conflict>,
    /// Locks besides the conflict's own.
    pub locks: Vec<Lock>,
}

/// Who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The side, or `None` for a person's resolution.
    pub side: Option<Side>,
    /// Between when and when.
    pub span: Span,
}

/// A moment that is known to lie between two others (both inclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub to: Timestamp,
}

impl Span {
    /// A moment that is known exactly.
    pub fn at(moment: Timestamp) -> Self {
        Self { from: moment, to: moment }
    }
}

/// Whether a side has the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// It never had, as far as we know.
    #[default]
    Never,
    /// It has.
    There,
    /// It had, and deleted it.
    Gone,
}

/// What we know of one side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SideState {
    /// Its id of the record, while linked.
    pub id: Option<SideId>,
    /// Whether it has the record.
    pub presence: Presence,
    /// The values it was last known to hold.
    pub shadow: Fields,
    /// Revision of the last full read; `None` before the first.
    pub seen: Option<Revision>,
    /// It was made without us and linked since, and has not been read whole yet: no line of its lists is one of ours.
    pub made_apart: bool,
    /// Revision of the last news per field, while newer than `seen`.
    pub field_seen: Vec<(FieldIx, Revision)>,
    /// What we tried to write and may still land.
    pub sent: Vec<Sent>,
    /// The write under way.
    pub intent: Option<Intent>,
    /// Writes in a row that ended in doubt and, when they were looked for, had not been carried out.
    pub cut: u32,
    /// Its clock could not order two pieces of news: look before anything else.
    pub wants_read: bool,
    /// It has work, from when, and why.
    pub due: Option<Due>,
    /// The oldest change that it has not been given yet, as long as it has work. No rule asks for it: it is measured.
    pub behind: Option<Behind>,
    /// How the side rewrites what we write.
    pub forms: Vec<Form>,
    /// No longer synced to this side; what it does is of no concern.
    pub detached: bool,
}

/// A change that a side has not been given yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// When it was made, by its source's clock; at the latest, where that is not known exactly.
    pub changed: Timestamp,
    /// When it was taken in.
    pub decided: Timestamp,
}

/// A value that a call may still put there.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The call's idempotency key.
    pub operation: Uuid,
    /// The field.
    pub field: FieldIx,
    /// The value.
    pub value: Value,
    /// From then on the call can no longer land.
    pub until: Timestamp,
}

/// A side's own form of a value: it was told `wanted` and holds `held`.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// The field.
    pub field: FieldIx,
    /// What we wrote.
    pub wanted: Value,
    /// What it made of it.
    pub held: Value,
}

/// What a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Make the record.
    Create,
    /// Set fields.
    Update,
    /// Remove the record.
    Delete,
}

/// A fully decided write, stored before the call is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// Idempotency key.
    pub operation: Uuid,
    /// What it does.
    pub verb: Verb,
    /// Values to set.
    pub wanted: Vec<(FieldIx, Value)>,
    /// Values that must be there.
    pub expected: Vec<(FieldIx, Value)>,
    /// The version that it brings to the side.
    pub version: Version,
    /// When the call starts.
    pub started: Timestamp,
    /// Without a reply by then, whoever finds the intent settles it by a read.
    pub deadline: Timestamp,
    /// The call whose last write this is. A call makes its writes in order: if this one was done, it is over.
    pub last_of: Option<Uuid>,
}

/// A record has work on a side.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// From when.
    pub at: Timestamp,
    /// Why.
    pub reason: DueReason,
    /// Failed attempts so far.
    pub attempts: u32,
}

/// Why a record has work, or why its work waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueReason {
    /// The side differs from canonical.
    Dirty,
    /// A write's outcome is unknown, or the side must be looked at.
    Unsettled,
    /// A referred record has no counterpart on the side yet.
    WaitingFor {
        /// Its type.
        record_type: super::id::RecordType,
        /// Its canonical id.
        id: Arc<str>,
        /// Since when.
        since: Timestamp,
    },
    /// An attempt failed; another follows.
    BackingOff,
}

/// Stops automatic writes of a record, or of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// The field; `None` locks the record.
    pub field: Option<FieldIx>,
    /// The error that locked it.
    pub error: Uuid,
    /// A word for people.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// What the locks that stand for a matter name in place of an error: it is a conflict or an error that nobody has decided
/// in time. Whoever ends the matter takes them away.
pub fn hold_lock(matter: Uuid) -> Uuid {
    derived_id("hold", &[&matter.to_string()])
}

/// The id of the error that says of a record that the state cannot read it.
pub fn unreadable_error(key: &RecordKey) -> Uuid {
    derived_id("unreadable", &[&key.to_string()])
}

/// The row revision of what stands for a record that cannot be read: no row ever has it.
const UNREADABLE: u64 = u64::MAX / 2;

impl Record {
    /// What stands for a record whose row the state cannot read: locked, and with nothing to do. No row has its revision,
    /// so that nothing decided on it is ever stored: what the row says stays as it is.
    pub fn unreadable(key: RecordKey, fields: usize, why: &str) -> Self {
        let empty = vec![Value::Null; fields];
        let side = || SideState { shadow: empty.clone(), ..SideState::default() };
        let error = unreadable_error(&key);
        let lock = Lock { field: None, error, reason: why.to_string(), since: Timestamp(0) };
        Self {
            key,
            row_revision: UNREADABLE,
            version: Version(0),
            alive: true,
            origins: vec![None; fields],
            sides: PerSide { netsuite: side(), suitex: side() },
            canonical: empty,
            conflict: None,
            locks: vec![lock],
        }
    }

    /// Why the state could not read it, if it could not.
    pub fn why_unreadable(&self) -> Option<&str> {
        let lock = self.locks.first().filter(|_| self.row_revision == UNREADABLE)?;
        Some(&lock.reason)
    }

    /// A record of which nothing is known yet.
    pub fn new(key: RecordKey, surface: &TypeSurface) -> Self {
        let empty = vec![Value::Null; surface.fields.len()];
        let side = || SideState { shadow: empty.clone(), ..SideState::default() };
        Self {
            key,
            row_revision: 0,
            version: Version(0),
            alive: false,
            origins: vec![None; surface.fields.len()],
            sides: PerSide { netsuite: side(), suitex: side() },
            canonical: empty,
            conflict: None,
            locks: Vec::new(),
        }
    }

    /// Whether the record as a whole may not be written.
    pub fn is_locked(&self) -> bool {
        self.locks.iter().any(|l| l.field.is_none())
            || self.conflict.as_ref().is_some_and(Conflict::locks_record)
    }

    /// The conflict is over, and nothing is locked any more because nobody had decided it.
    pub fn close_conflict(&mut self) {
        if let Some(conflict) = self.conflict.take() {
            self.end_hold(conflict.id);
        }
    }

    /// Nothing is locked any more because nobody had decided this in time.
    pub fn end_hold(&mut self, matter: Uuid) {
        let hold = hold_lock(matter);
        self.locks.retain(|lock| lock.error != hold);
    }

    /// Whether a person's decision is what this field holds.
    pub fn is_set_by_person(&self, field: FieldIx) -> bool {
        self.origins[field].is_some_and(|origin| origin.side.is_none())
    }

    /// Whether this field's agreed value is written to `side`: as its direction says, or because a person set it.
    pub fn is_written_to(&self, side: Side, field: FieldIx, surface: &TypeSurface) -> bool {
        surface.fields[field].direction.accepts_from(side.other()) || self.is_set_by_person(field)
    }

    /// Whether this field may not be written.
    pub fn is_field_locked(&self, field: FieldIx) -> bool {
        self.locks.iter().any(|l| l.field == Some(field))
            || self.conflict.as_ref().is_some_and(|c| c.clash(field).is_some())
    }
}

impl SideState {
    /// The newest revision we know of, for one field.
    pub fn known(&self, field: FieldIx) -> Option<Revision> {
        let news = self.field_seen.iter().find(|(f, _)| *f == field).map(|(_, r)| *r);
        self.seen.max(news)
    }

    /// The newest revision we know of, for anything.
    pub fn newest(&self) -> Option<Revision> {
        self.field_seen.iter().map(|(_, r)| *r).max().max(self.seen)
    }

    /// Notes that there was news of `field` at `revision`.
    pub fn note(&mut self, field: FieldIx, revision: Revision) {
        if self.seen.is_some_and(|seen| revision <= seen) {
            return;
        }
        match self.field_seen.iter_mut().find(|(f, _)| *f == field) {
            Some((_, known)) => *known = revision.max(*known),
            None => self.field_seen.push((field, revision)),
        }
    }

    /// Notes a full read at `revision`.
    pub fn note_full(&mut self, revision: Revision) {
        let seen = self.seen.map_or(revision, |seen| seen.max(revision));
        self.seen = Some(seen);
        self.made_apart = false;
        self.field_seen.retain(|(_, r)| *r > seen);
    }

    /// Whether the side has the record, under another id than this one.
    pub fn is_there_as_another(&self, id: &SideId) -> bool {
        self.presence == Presence::There && self.id.as_ref().is_some_and(|own| own != id)
    }

    /// Whether the write under way is to put `value` into `field`.
    pub fn is_being_sent(&self, field: FieldIx, value: &Value) -> bool {
        self.intent.as_ref().is_some_and(|i| i.wanted.iter().any(|(f, v)| *f == field && v == value))
    }

    /// The calls that may have been carried out, or may be yet, oldest first.
    pub fn calls_in_doubt(&self) -> Vec<Uuid> {
        let mut calls: Vec<Uuid> = Vec::new();
        let sent = self.sent.iter().map(|s| s.operation);
        for call in sent.chain(self.intent.as_ref().map(|i| i.operation)) {
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        calls
    }

    /// What the call `operation` wrote to `field`.
    pub fn sent_by(&self, operation: Uuid, field: FieldIx) -> Option<&Sent> {
        self.sent.iter().find(|s| s.operation == operation && s.field == field)
    }

    /// Forgets what the call `operation` wrote to `field`, and answers it.
    pub fn take_sent(&mut self, operation: Uuid, field: FieldIx) -> Option<Value> {
        let at = self.sent.iter().position(|s| s.operation == operation && s.field == field)?;
        Some(self.sent.remove(at).value)
    }

    /// Whether the side holds `wanted` in `field`, in its own form or another.
    pub fn holds(&self, field: FieldIx, wanted: &Value) -> bool {
        let shadow = &self.shadow[field];
        shadow == wanted
            || self.forms.iter().any(|f| f.field == field && f.held == *shadow && f.wanted == *wanted)
    }

    /// Remembers that the side makes `held` of `wanted`.
    pub fn learn(&mut self, field: FieldIx, wanted: Value, held: Value) {
        self.forms.retain(|f| f.field != field);
        self.forms.push(Form { field, wanted, held });
    }
}
