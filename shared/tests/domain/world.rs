//! The real things: a NetSuite and a SuiteX with one record each, which people edit and calls change.
//!
//! They compare before they set, remember what each call saved, and tell nothing by themselves: the model
//! decides what of it is heard, and when.

use shared::domain::id::{Revision, Side, SideId, Timestamp};
use shared::domain::record::{Intent, Verb};
use shared::domain::settle::{Reply, Seen};
use shared::domain::surface::FieldIx;
use shared::domain::value::Value;
use uuid::Uuid;

/// What a side makes of a value that it is told to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    Exact,
    Trims,
    Uppers,
    Lowers,
    /// Keeps what people type, and ignores what we write.
    Ignores,
}

/// A protection of the world that is switched off, to see that the model notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hole {
    /// Calls set without comparing.
    NoCompare,
    /// A delete compares SuiteX's row revision alone, not the values.
    DeleteComparesRevisionAlone,
    /// Reads and replies are committed though the record has moved on.
    NoAuthoritativeRead,
    /// An intent past its deadline is taken for a failure.
    NoReadBack,
    /// A look made by our call's mark does not tell what the call saved.
    NoMark,
}

/// NetSuite or SuiteX.
#[derive(Debug, Clone)]
pub(crate) struct System {
    pub(crate) side: Side,
    pub(crate) row: Option<Row>,
    /// NetSuite: lastModified in seconds; SuiteX: a counter.
    pub(crate) revision: i64,
    pub(crate) quirks: Vec<Quirk>,
    /// Its clock minus ours, ms.
    pub(crate) skew: i64,
    /// The rows that were deleted, and when.
    pub(crate) deleted: Vec<(SideId, Revision)>,
    /// The rows that calls of ours made.
    ours: Vec<SideId>,
    born: u32,
    saved: Vec<(Uuid, Vec<(FieldIx, Value)>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: SideId,
    pub(crate) values: Vec<Value>,
}

/// A call on its way.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) intent: Intent,
    pub(crate) id: Option<SideId>,
    pub(crate) revision: Option<Revision>,
}

impl System {
    pub(crate) fn new(side: Side, fields: usize) -> Self {
        Self {
            side,
            row: None,
            revision: 0,
            quirks: vec![Quirk::Exact; fields],
            skew: 0,
            deleted: Vec::new(),
            ours: Vec::new(),
            born: 0,
            saved: Vec::new(),
        }
    }

    fn tick(&mut self, now: Timestamp) -> Revision {
        self.revision = match self.side {
            Side::NetSuite => now.plus(self.skew).seconds().max(self.revision),
            Side::SuiteX => self.revision + 1,
        };
        Revision(self.revision)
    }

    fn form(&self, field: FieldIx, value: &Value) -> Value {
        let Value::Text(text) = value else { return value.clone() };
        let text = match self.quirks[field] {
            Quirk::Exact | Quirk::Ignores => return value.clone(),
            Quirk::Trims => text.trim().to_string(),
            Quirk::Uppers => text.to_uppercase(),
            Quirk::Lowers => text.to_lowercase(),
        };
        if text.is_empty() { Value::Null } else { Value::Text(text.into()) }
    }

    fn bear(&mut self, values: Vec<Value>) -> SideId {
        self.born += 1;
        let id = SideId::parse(&format!("{}{}", &self.side.as_str()[..1], self.born)).unwrap();
        self.row = Some(Row { id: id.clone(), values });
        id
    }

    /// A person makes the record.
    pub(crate) fn create(&mut self, now: Timestamp, values: &[Value]) -> Revision {
        let values = values.iter().enumerate().map(|(f, v)| self.form(f, v)).collect();
        self.bear(values);
        self.tick(now)
    }

    /// A person saves these values; answers them as they are kept.
    pub(crate) fn edit(
        &mut self,
        now: Timestamp,
        changes: Vec<(FieldIx, Value)>,
    ) -> (Vec<(FieldIx, Value)>, Revision) {
        let kept: Vec<_> = changes.into_iter().map(|(f, v)| (f, self.form(f, &v))).collect();
        let row = self.row.as_mut().expect("only what is there is edited");
        for (field, value) in &kept {
            row.values[*field] = value.clone();
        }
        (kept, self.tick(now))
    }

    /// A person deletes the record.
    pub(crate) fn delete(&mut self, now: Timestamp) -> (SideId, Revision) {
        let id = self.row.take().expect("only what is there is deleted").id;
        let gone = (id, self.tick(now));
        self.deleted.push(gone.clone());
        gone
    }

    fn seen(&self) -> Option<Seen> {
        let row = self.row.as_ref()?;
        let values = row.values.iter().cloned().enumerate().collect();
        Some(Seen { id: row.id.clone(), revision: Revision(self.revision), values, complete: true })
    }

    fn saved_by(&self, calls: &[Uuid], hole: Option<Hole>) -> Vec<(Uuid, Vec<(FieldIx, Value)>)> {
        let tells = |call: &&Uuid| hole != Some(Hole::NoMark) && calls.contains(call);
        // SuiteX remembers the last call that changed the row.
        match self.side {
            Side::NetSuite => self.saved.iter().filter(|(call, _)| tells(&call)).cloned().collect(),
            Side::SuiteX => {
                let last = self.saved.last().filter(|(call, _)| tells(&call));
                last.cloned().into_iter().collect()
            }
        }
    }

    /// A look, by id or, while there is none, by the key that a create of ours sets.
    pub(crate) fn look(&self, id: Option<&SideId>, calls: &[Uuid], hole: Option<Hole>) -> Reply {
        if let Some(seen) = self.seen().filter(|seen| id.is_none_or(|id| *id == seen.id)) {
            return Reply::Looked { seen, held: self.saved_by(calls, hole) };
        }
        let gone = match id {
            Some(id) => self.deleted.iter().find(|(gone, _)| gone == id),
            // SuiteX keeps our key of a row that it has deleted.
            None if self.side == Side::SuiteX => {
                self.deleted.iter().rfind(|(gone, _)| self.ours.contains(gone))
            }
            None => None,
        };
        gone.map_or(Reply::Missing, |(_, revision)| Reply::Gone(Some(*revision)))
    }

    /// What a call answers that writes nothing.
    fn not_as_expected(&self, id: Option<&SideId>, hole: Option<Hole>) -> Reply {
        match self.look(id, &[], hole) {
            Reply::Looked { seen, .. } => Reply::Mismatch(seen),
            other => other,
        }
    }

    /// Carries out a call. Besides the reply: whether anything changed.
    pub(crate) fn land(&mut self, call: &Call, now: Timestamp, hole: Option<Hole>) -> (Reply, bool) {
        let Call { intent, id, revision } = call;
        if intent.verb == Verb::Create {
            if self.row.is_some() {
                return (self.not_as_expected(None, hole), false);
            }
            let mut values = vec![Value::Null; self.quirks.len()];
            for (field, wanted) in self.kept(intent) {
                values[field] = wanted;
            }
            let id = self.bear(values);
            self.ours.push(id);
            self.tick(now);
            return (self.applied(intent, true), true);
        }
        let here = self.row.as_ref().filter(|row| Some(&row.id) == id.as_ref());
        let Some(row) = here else { return (self.not_as_expected(id.as_ref(), hole), false) };
        let wanted = |f: FieldIx| intent.wanted.iter().find(|(w, _)| *w == f).map(|(_, v)| v);
        let as_expected = intent.expected.iter().all(|(f, v)| {
            let held = &row.values[*f];
            held == v || wanted(*f) == Some(held)
        });
        let compares = match hole {
            Some(Hole::NoCompare) => false,
            Some(Hole::DeleteComparesRevisionAlone) => intent.verb != Verb::Delete,
            _ => true,
        };
        let same_revision = self.side == Side::NetSuite || *revision == Some(Revision(self.revision));
        if (compares && !as_expected) || (hole != Some(Hole::NoCompare) && !same_revision) {
            return (self.not_as_expected(id.as_ref(), hole), false);
        }
        if intent.verb == Verb::Delete {
            self.delete(now);
            return (Reply::Applied(None), true);
        }
        let before = row.values.clone();
        let kept = self.kept(intent);
        let values = &mut self.row.as_mut().expect("it is here").values;
        for (field, value) in kept {
            values[field] = value;
        }
        // A save is a save, even where a quirk leaves everything as it was.
        let saved = intent.wanted.iter().any(|(f, v)| before[*f] != *v);
        if saved {
            self.tick(now);
        }
        (self.applied(intent, saved), saved)
    }

    /// What this side keeps of a call's values.
    fn kept(&self, intent: &Intent) -> Vec<(FieldIx, Value)> {
        let taken = intent.wanted.iter().filter(|(f, _)| self.quirks[*f] != Quirk::Ignores);
        taken.map(|(f, v)| (*f, self.form(*f, v))).collect()
    }

    fn applied(&mut self, intent: &Intent, changed: bool) -> Reply {
        let seen = self.seen().expect("it was just written");
        let held = intent.wanted.iter().map(|(f, _)| seen.values[*f].clone()).collect();
        if changed || self.side == Side::NetSuite {
            self.saved.push((intent.operation, held));
        }
        Reply::Applied(Some(seen))
    }
}
