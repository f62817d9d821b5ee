//! The records of one type, with every index that saves a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::domain::id::Timestamp;

use super::record::Record;
use super::schema::Schema;
use super::unseen::Unseen;
use crate::beside::KeyIndex;

/// A record that was deleted.
#[derive(Debug, Clone)]
pub(super) struct Deletion {
    /// Internal id that it had; never used again.
    pub(super) id: u64,
    /// Second of the deletion.
    pub(super) at: i64,
    /// External id that it had; free again.
    pub(super) external_id: Option<Arc<str>>,
}

/// When something is saved or deleted.
#[derive(Debug, Clone, Copy)]
pub(super) struct When {
    /// The second, which becomes its lastModified.
    pub(super) second: i64,
    /// When queries see it, if not at once.
    pub(super) visible_from: Option<Timestamp>,
}

/// What there is under an id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    /// A record.
    Record(&'a Record),
    /// A record was here.
    Deleted(&'a Deletion),
    /// Nothing ever.
    Nothing,
}

/// The records of one type.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) schema: Arc<Schema>,
    /// What queries have yet to learn.
    pub(super) unseen: Unseen,
    records: BTreeMap<u64, Record>,
    by_external_id: BTreeMap<Arc<str>, u64>,
    by_last_modified: BTreeSet<(i64, u64)>,
    deletions: BTreeMap<u64, Deletion>,
    /// The latest deletion of each external id.
    deletion_by_external_id: BTreeMap<Arc<str>, u64>,
    by_deletion_time: BTreeSet<(i64, u64)>,
    keys: KeyIndex,
}

impl Table {
    pub(super) fn new(schema: Schema) -> Self {
        Self {
            schema: Arc::new(schema),
            unseen: Unseen::default(),
            records: BTreeMap::new(),
            by_external_id: BTreeMap::new(),
            by_last_modified: BTreeSet::new(),
            deletions: BTreeMap::new(),
            deletion_by_external_id: BTreeMap::new(),
            by_deletion_time: BTreeSet::new(),
            keys: KeyIndex::default(),
        }
    }

    /// The record with this internal id.
    pub(super) fn get(&self, id: u64) -> Option<&Record> {
        self.records.get(&id)
    }

    /// The id of the record with this external id.
    pub(super) fn with_external_id(&self, external_id: &str) -> Option<u64> {
        self.by_external_id.get(external_id).copied()
    }

    /// The records by their match keys.
    pub(super) fn keys(&self) -> &KeyIndex {
        &self.keys
    }

    /// What there is under an internal id.
    pub(super) fn find(&self, id: u64) -> Found<'_> {
        match (self.records.get(&id), self.deletions.get(&id)) {
            (Some(record), _) => Found::Record(record),
            (None, Some(deletion)) => Found::Deleted(deletion),
            (None, None) => Found::Nothing,
        }
    }

    /// What there is under an external id: the record, or else the one that had it last.
    pub(super) fn find_external(&self, external_id: &str) -> Found<'_> {
        let id =
            self.by_external_id.get(external_id).or_else(|| self.deletion_by_external_id.get(external_id));
        id.map_or(Found::Nothing, |id| self.find(*id))
    }

    /// Stores a record, in place of the one with its id.
    pub(super) fn put(&mut self, record: Record, visible_from: Option<Timestamp>) -> Option<Record> {
        let before = self.records.remove(&record.id);
        self.unseen.note(record.id, before.as_ref(), Some(&record), visible_from);
        if let Some(before) = &before {
            self.unindex(before);
        }
        let held = before.as_ref().map(|before| &before.body.values[..]);
        self.keys.note(self.schema.surface(), record.id, held, Some(&record.body.values));
        self.by_last_modified.insert((record.last_modified, record.id));
        if let Some(external_id) = &record.external_id {
            self.by_external_id.insert(external_id.clone(), record.id);
        }
        self.records.insert(record.id, record);
        before
    }

    /// Removes a record and remembers that it was there. Returns it as its last User Event sees it.
    pub(super) fn remove(&mut self, id: u64, when: When) -> Option<Record> {
        let When { second: at, visible_from } = when;
        let mut record = self.records.remove(&id)?;
        self.unseen.note(id, Some(&record), None, visible_from);
        self.unindex(&record);
        self.keys.note(self.schema.surface(), id, Some(&record.body.values), None);
        record.last_modified = at;
        record.saves += 1;
        if let Some(external_id) = &record.external_id {
            self.deletion_by_external_id.insert(external_id.clone(), id);
        }
        self.deletions.insert(id, Deletion { id, at, external_id: record.external_id.clone() });
        self.by_deletion_time.insert((at, id));
        Some(record)
    }

    fn unindex(&mut self, record: &Record) {
        self.by_last_modified.remove(&(record.last_modified, record.id));
        if let Some(external_id) = &record.external_id {
            self.by_external_id.remove(external_id);
        }
    }

    /// Takes the ids of everything that queries see in another form than when this was last asked.
    pub(super) fn take_changes(&mut self, now: Timestamp) -> Vec<u64> {
        match self.unseen.take(now) {
            Some(changed) => changed.into_iter().collect(),
            None => self.records.keys().chain(self.deletions.keys()).copied().collect(),
        }
    }

    /// A record as queries see it.
    pub(super) fn shown(&self, id: u64) -> Option<&Record> {
        self.unseen.withheld(id).unwrap_or_else(|| self.records.get(&id))
    }

    /// A deletion that queries see.
    pub(super) fn shown_deletion(&self, id: u64) -> Option<&Deletion> {
        self.deletions.get(&id).filter(|_| self.unseen.withheld(id).is_none())
    }

    /// All records, by id.
    pub(super) fn records(&self) -> impl ExactSizeIterator<Item = &Record> {
        self.records.values()
    }

    /// Records last saved in this second or later, the longest unchanged first.
    pub(super) fn changed_since(&self, seconds: i64) -> impl Iterator<Item = &Record> {
        self.by_last_modified.range((seconds, 0)..).filter_map(|(_, id)| self.records.get(id))
    }

    /// Records deleted in this second or later, in order.
    pub(super) fn deleted_since(&self, seconds: i64) -> impl Iterator<Item = &Deletion> {
        self.by_deletion_time.range((seconds, 0)..).filter_map(|(_, id)| self.deletions.get(id))
    }
}
