//! A tenant's table: its rows, and what is remembered of deleted ones. It checks nothing; the store does.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Map;
use shared::domain::id::{Revision, Side};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::Value;
use shared::suitex::{By, LastCall, Look, Row};

use crate::beside::KeyIndex;

/// A live row.
pub(super) struct Record {
    pub(super) sync_id: Option<String>,
    pub(super) revision: Revision,
    /// By field of the surface.
    pub(super) values: Vec<Value>,
    pub(super) last_call: Option<Box<LastCall>>,
}

/// Where a row is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Here, under this id.
    Live(u64),
    /// It was deleted, at this revision.
    Deleted(Revision),
    /// There never was one.
    Nowhere,
}

/// One table of one tenant. Its hash maps are looked up, never iterated: their order is not ours.
pub(super) struct Table {
    pub(super) surface: Arc<TypeSurface>,
    rows: BTreeMap<u64, Record>,
    deleted: HashMap<u64, Revision>,
    /// Of live and deleted rows: a canonical id is never given to a second row.
    by_sync_id: HashMap<String, u64>,
    /// How often the tenant's rows refer to a row of this table. Rows that nobody refers to are absent.
    referred: HashMap<u64, u64>,
    last_id: u64,
    keys: KeyIndex,
}

impl Table {
    pub(super) fn new(surface: Arc<TypeSurface>) -> Self {
        Self {
            surface,
            rows: BTreeMap::new(),
            deleted: HashMap::new(),
            by_sync_id: HashMap::new(),
            referred: HashMap::new(),
            last_id: 0,
            keys: KeyIndex::of_columns(),
        }
    }

    /// The table's name.
    pub(super) fn name(&self) -> &str {
        &self.surface.suitex
    }

    /// Where the row with this id or `sync_id` is.
    pub(super) fn find(&self, by: By<'_>) -> Place {
        let id = match by {
            By::Id(id) => number(id),
            By::SyncId(sync_id) => self.by_sync_id.get(sync_id).copied(),
        };
        let Some(id) = id else { return Place::Nowhere };
        match self.deleted.get(&id) {
            Some(revision) => Place::Deleted(*revision),
            None if self.rows.contains_key(&id) => Place::Live(id),
            None => Place::Nowhere,
        }
    }

    /// What a read of that row sees.
    pub(super) fn look(&self, by: By<'_>) -> Look {
        match self.find(by) {
            Place::Live(id) => Look::Found(self.row(id)),
            Place::Deleted(revision) => Look::Deleted(revision),
            Place::Nowhere => Look::Missing,
        }
    }

    /// A live row. Panics when there is none under this id: it comes from [`Place::Live`].
    pub(super) fn record(&self, id: u64) -> &Record {
        &self.rows[&id]
    }

    /// A live row, to be changed. Panics as [`Table::record`] does.
    pub(super) fn record_mut(&mut self, id: u64) -> &mut Record {
        self.rows.get_mut(&id).expect("the id of a live row")
    }

    /// Puts a value into a field of a live row, and answers what was there. Panics as [`Table::record`] does.
    pub(super) fn exchange(&mut self, id: u64, ix: FieldIx, value: Value) -> Value {
        let is_in_key = self.surface.match_keys.iter().flatten().any(|field| *field == ix);
        if is_in_key {
            self.keys.note(&self.surface, id, Some(&self.rows[&id].values), None);
        }
        let old = std::mem::replace(&mut self.record_mut(id).values[ix], value);
        if is_in_key {
            self.keys.note(&self.surface, id, None, Some(&self.rows[&id].values));
        }
        old
    }

    /// The live rows by their match keys.
    pub(super) fn keys(&self) -> &KeyIndex {
        &self.keys
    }

    /// A live row as it is shown. Panics as [`Table::record`] does.
    pub(super) fn row(&self, id: u64) -> Row {
        self.shown(id, self.record(id))
    }

    /// Inserts a row at revision 1 and returns its id.
    pub(super) fn insert(&mut self, sync_id: Option<String>, values: Vec<Value>) -> u64 {
        self.last_id += 1;
        if let Some(sync_id) = &sync_id {
            self.by_sync_id.insert(sync_id.clone(), self.last_id);
        }
        self.keys.note(&self.surface, self.last_id, None, Some(&values));
        self.rows.insert(self.last_id, Record { sync_id, revision: Revision(1), values, last_call: None });
        self.last_id
    }

    /// Removes a live row and remembers the revision of its deletion, which it returns with the row. Panics as
    /// [`Table::record`] does.
    pub(super) fn remove(&mut self, id: u64) -> (Record, Revision) {
        let record = self.rows.remove(&id).expect("the id of a live row");
        self.keys.note(&self.surface, id, Some(&record.values), None);
        let revision = Revision(record.revision.0 + 1);
        self.deleted.insert(id, revision);
        (record, revision)
    }

    /// Whether a reference to this id is one to a live row.
    pub(super) fn has(&self, id: &str) -> bool {
        number(id).is_some_and(|id| self.rows.contains_key(&id))
    }

    /// How often rows refer to this one.
    pub(super) fn referred(&self, id: u64) -> u64 {
        self.referred.get(&id).copied().unwrap_or(0)
    }

    /// One more row refers to `id`.
    pub(super) fn refer(&mut self, id: &str) {
        if let Some(id) = number(id) {
            *self.referred.entry(id).or_default() += 1;
        }
    }

    /// One row less refers to `id`.
    pub(super) fn unrefer(&mut self, id: &str) {
        let Some(id) = number(id) else { return };
        if let Some(times) = self.referred.get_mut(&id) {
            *times -= 1;
            if *times == 0 {
                self.referred.remove(&id);
            }
        }
    }

    /// Rows by id.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        self.rows.iter().map(|(id, record)| self.shown(*id, record))
    }

    fn shown(&self, id: u64, record: &Record) -> Row {
        let mut values = Map::new();
        for (field, value) in self.surface.fields.iter().zip(&record.values) {
            values.insert(field.suitex.clone(), field.kind.render(Side::SuiteX, value));
        }
        Row {
            id: id.to_string(),
            sync_id: record.sync_id.clone(),
            revision: record.revision,
            values,
            last_call: record.last_call.clone(),
        }
    }
}

/// An id of ours. One row has one id: `7` is not `07`.
fn number(id: &str) -> Option<u64> {
    let plain = id.bytes().all(|b| b.is_ascii_digit()) && !id.starts_with('0');
    id.parse().ok().filter(|_| plain)
}
