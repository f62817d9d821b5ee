//! One tenant's database. Each change and its outbox row are one step, as MySQL's triggers would make them;
//! a change that changes nothing leaves no trace.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use shared::domain::id::{RecordType, Revision, Side, Timestamp};
use shared::domain::surface::{Account, TypeSurface};
use shared::domain::value::{Kind, Value};
use shared::suitex::{LastCall, OutboxRow};
use uuid::Uuid;

use super::faults::SuiteXFaults;
use super::intake::{Intake, Values};
use super::outbox::{Operation, Outbox, SyncedEvent};
use super::refusal::Refusal;
use super::table::Table;
use crate::beside::CreatedBeside;

/// Our own name in `actor`.
pub(super) const SYNC_ACTOR: &str = "suitex-sync";

/// Position of a table in its store.
pub(super) type TableIx = usize;

/// Who makes a change, and when.
#[derive(Debug, Clone, Copy)]
pub(super) enum Author<'a> {
    /// The sync, by one of its calls.
    Sync(Uuid, Timestamp),
    /// Somebody in SuiteX.
    Person(&'a str, Timestamp),
}

impl Author<'_> {
    fn name(&self) -> &str {
        match self {
            Author::Sync(..) => SYNC_ACTOR,
            Author::Person(name, _) => name,
        }
    }

    fn at(&self) -> Timestamp {
        match self {
            Author::Sync(_, at) | Author::Person(_, at) => *at,
        }
    }

    /// What a row remembers of who made these changes.
    fn last_call(&self, changes: &Map<String, Json>) -> Option<Box<LastCall>> {
        match self {
            Author::Sync(operation, _) => {
                Some(Box::new(LastCall { operation: *operation, values: changes.clone() }))
            }
            Author::Person(..) => None,
        }
    }
}

/// A tenant's tables, outbox and knobs.
pub(super) struct Store {
    tables: Vec<Table>,
    /// Table names as `synced_events` shares them, by table.
    names: Vec<Arc<str>>,
    pub(super) outbox: Outbox,
    pub(super) synced_events: Vec<SyncedEvent>,
    pub(super) faults: SuiteXFaults,
    line_keys: u64,
    /// Creates that had others beside them, whatever the sync asked for.
    pub(super) beside: Vec<CreatedBeside>,
}

/// A change of a row that is about to be told.
struct Told<'a> {
    table: TableIx,
    id: u64,
    sync_id: Option<String>,
    operation: Operation,
    revision: Revision,
    changes: Map<String, Json>,
    previous: Map<String, Json>,
    author: Author<'a>,
}

impl Store {
    /// An empty database with the tables of an account's surface.
    pub(super) fn new(account: &Account) -> Self {
        let tables: Vec<_> = account.types.values().map(|surface| Table::new(Arc::clone(surface))).collect();
        Self {
            names: tables.iter().map(|table| table.name().into()).collect(),
            tables,
            outbox: Outbox::default(),
            synced_events: Vec::new(),
            faults: SuiteXFaults::default(),
            line_keys: 0,
            beside: Vec::new(),
        }
    }

    /// The table of this name.
    pub(super) fn table_named(&self, name: &str) -> Option<TableIx> {
        self.tables.iter().position(|table| table.name() == name)
    }

    /// The table of this record type, or else of this name.
    pub(super) fn table_of(&self, name: &str) -> Option<TableIx> {
        self.table_of_type(name).or_else(|| self.table_named(name))
    }

    fn table_of_type(&self, name: &str) -> Option<TableIx> {
        self.tables.iter().position(|table| table.surface.record_type.as_str() == name)
    }

    pub(super) fn table(&self, at: TableIx) -> &Table {
        &self.tables[at]
    }

    /// The values as they will be stored; see [`Intake`].
    pub(super) fn accept(&mut self, at: TableIx, values: &Map<String, Json>) -> Result<Values, Refusal> {
        let surface = &self.tables[at].surface;
        Intake { surface, faults: &self.faults, line_keys: &mut self.line_keys }.accept(values)
    }

    /// Inserts a row and returns its id.
    pub(super) fn insert(
        &mut self,
        at: TableIx,
        sync_id: Option<&str>,
        wanted: Values,
        author: Author<'_>,
    ) -> Result<u64, Refusal> {
        let surface = Arc::clone(&self.tables[at].surface);
        self.check_references(&surface, &wanted)?;
        let mut values = vec![Value::Null; surface.fields.len()];
        let mut changes = Map::new();
        for (ix, value) in wanted {
            let field = &surface.fields[ix];
            if value != Value::Null {
                changes.insert(field.suitex.clone(), field.kind.render(Side::SuiteX, &value));
                self.for_each_referred(&field.kind, &value, Table::refer);
            }
            values[ix] = value;
        }
        let sync_id = sync_id.map(str::to_string);
        let id = self.tables[at].insert(sync_id.clone(), values);
        self.tables[at].record_mut(id).last_call = author.last_call(&changes);
        let (operation, revision, previous) = (Operation::Create, Revision(1), Map::new());
        self.tell(Told { table: at, id, sync_id, operation, revision, changes, previous, author });
        Ok(id)
    }

    /// Sets values of a live row. Those that are there already are no change.
    pub(super) fn set(
        &mut self,
        at: TableIx,
        id: u64,
        wanted: Values,
        author: Author<'_>,
    ) -> Result<(), Refusal> {
        let surface = Arc::clone(&self.tables[at].surface);
        let record = self.tables[at].record(id);
        let changed: Values = wanted.into_iter().filter(|(ix, value)| record.values[*ix] != *value).collect();
        if changed.is_empty() {
            return Ok(());
        }
        self.check_references(&surface, &changed)?;
        let (mut changes, mut previous) = (Map::new(), Map::new());
        for (ix, value) in changed {
            let field = &surface.fields[ix];
            self.for_each_referred(&field.kind, &value, Table::refer);
            changes.insert(field.suitex.clone(), field.kind.render(Side::SuiteX, &value));
            let old = self.tables[at].exchange(id, ix, value);
            self.for_each_referred(&field.kind, &old, Table::unrefer);
            previous.insert(field.suitex.clone(), field.kind.render(Side::SuiteX, &old));
        }
        let record = self.tables[at].record_mut(id);
        record.revision.0 += 1;
        record.last_call = author.last_call(&changes).or(record.last_call.take());
        let (sync_id, revision, operation) = (record.sync_id.clone(), record.revision, Operation::Update);
        self.tell(Told { table: at, id, sync_id, operation, revision, changes, previous, author });
        Ok(())
    }

    /// Deletes a live row to which none refers: as in MySQL, not even itself.
    pub(super) fn remove(&mut self, at: TableIx, id: u64, author: Author<'_>) -> Result<(), Refusal> {
        let table = &self.tables[at];
        let dependents = table.referred(id);
        if dependents > 0 {
            return Err(Refusal::HasDependents { table: table.name().to_string(), id, dependents });
        }
        let surface = Arc::clone(&table.surface);
        let (record, revision) = self.tables[at].remove(id);
        for (field, value) in surface.fields.iter().zip(&record.values) {
            self.for_each_referred(&field.kind, value, Table::unrefer);
        }
        let (changes, previous) = (Map::new(), Map::new());
        let (sync_id, operation) = (record.sync_id, Operation::Delete);
        self.tell(Told { table: at, id, sync_id, operation, revision, changes, previous, author });
        Ok(())
    }

    /// Writes the outbox row of a change, and its row in `synced_events` when it is ours. Of our own change only a create
    /// is told to the relay: what else we did, our caller is answered.
    fn tell(&mut self, told: Told<'_>) {
        let table = &self.names[told.table];
        if let Author::Sync(_, at) = told.author {
            let (id, operation, revision) = (told.id, told.operation, told.revision);
            self.synced_events.push(SyncedEvent { table: Arc::clone(table), id, operation, revision, at });
            if operation != Operation::Create {
                return;
            }
        }
        self.outbox.append(|seq| OutboxRow {
            seq,
            table: table.to_string(),
            id: told.id.to_string(),
            sync_id: told.sync_id,
            operation: told.operation.as_str().to_string(),
            revision: told.revision,
            changes: told.changes,
            previous: told.previous,
            at: told.author.at(),
            actor: told.author.name().to_string(),
        });
    }

    fn check_references(&self, surface: &TypeSurface, values: &Values) -> Result<(), Refusal> {
        for (ix, value) in values {
            let field = &surface.fields[*ix];
            let mut missing: Option<(RecordType, String)> = None;
            field.kind.references(value, &mut |to, id| {
                let exists = self.table_of_type(to.as_str()).is_some_and(|at| self.tables[at].has(id));
                if !exists && missing.is_none() {
                    missing = Some((to.clone(), id.to_string()));
                }
            });
            if let Some((to, id)) = missing {
                return Err(Refusal::InvalidReference { column: field.suitex.clone(), to, id });
            }
        }
        Ok(())
    }

    fn for_each_referred(&mut self, kind: &Kind, value: &Value, count: fn(&mut Table, &str)) {
        kind.references(value, &mut |to, id| {
            if let Some(at) = self.table_of_type(to.as_str()) {
                count(&mut self.tables[at], id);
            }
        });
    }
}
