//! All records of one account: ids, references between records, and what is valid.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use shared::domain::id::RecordType;
use shared::domain::surface::{Account as AccountSurface, FieldIx};
use shared::domain::value::{Kind, Value};

use super::record::{Body, Record, internal_id};
use super::refusal::{Reason, Refused};
use super::schema::{self, Schema};
use super::sublist::Sublist;
use super::table::{Table, When};

/// Position of a type's table.
pub(super) type TableIx = usize;

/// A record as a writer wants it saved.
pub(super) struct Draft {
    /// What it is to hold: everything, not only what was written.
    pub(super) body: Body,
    /// Its external id.
    pub(super) external_id: Option<Arc<str>>,
    /// The mark of our scripts' last write.
    pub(super) mark: Option<Arc<str>>,
    /// The fields that were written.
    pub(super) written: Vec<FieldIx>,
}

/// An account's records.
#[derive(Debug)]
pub(super) struct Store {
    tables: Vec<Table>,
    /// NetSuite's and our names of the types, in lower case.
    names: BTreeMap<String, TableIx>,
    types: BTreeMap<RecordType, TableIx>,
    last_id: u64,
    last_line: u64,
    checkboxes_hold: bool,
    /// Internal id → how many fields and columns of other records refer to it.
    referrers: BTreeMap<u64, u64>,
}

/// The name under which an external id is written and read beside the fields.
pub(super) const EXTERNAL_ID: &str = "externalId";

impl Store {
    pub(super) fn new(account: &AccountSurface) -> Self {
        let mut store = Self {
            tables: Vec::new(),
            names: BTreeMap::new(),
            types: BTreeMap::new(),
            last_id: 1000,
            last_line: 0,
            checkboxes_hold: false,
            referrers: BTreeMap::new(),
        };
        for (ix, (record_type, surface)) in account.types.iter().enumerate() {
            store.tables.push(Table::new(Schema::new(surface.clone())));
            store.types.insert(record_type.clone(), ix);
            store.names.entry(record_type.as_str().to_ascii_lowercase()).or_insert(ix);
        }
        // NetSuite's own names win over ours.
        for (ix, surface) in account.types.values().enumerate() {
            store.names.insert(surface.netsuite.to_ascii_lowercase(), ix);
        }
        store
    }

    /// The table of a type, by NetSuite's or our name in any case.
    pub(super) fn table_named(&self, name: &str) -> Result<TableIx, Refused> {
        let found = self.names.get(name).or_else(|| self.names.get(&name.to_ascii_lowercase()));
        found.copied().ok_or_else(|| Refused::unknown_type(name))
    }

    /// The table of one of our types.
    pub(super) fn table_of(&self, record_type: &RecordType) -> Result<TableIx, Refused> {
        self.types.get(record_type).copied().ok_or_else(|| Refused::unknown_type(record_type.as_str()))
    }

    /// A table.
    pub(super) fn table(&self, table: TableIx) -> &Table {
        &self.tables[table]
    }

    /// All tables, in the order of their [`TableIx`].
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }

    /// All tables, in the order of their [`TableIx`].
    pub(super) fn tables_mut(&mut self) -> impl Iterator<Item = &mut Table> {
        self.tables.iter_mut()
    }

    /// From now on an empty checkbox is false, as in NetSuite: a script cannot tell the two apart.
    pub(super) fn checkboxes_are_never_empty(&mut self) {
        self.checkboxes_hold = true;
    }

    /// What a new record holds.
    fn blank(&self, schema: &Schema) -> Body {
        let mut body = Body::empty(schema);
        for (value, field) in body.values.iter_mut().zip(schema.fields()) {
            *value = self.settled(&field.kind, Value::Null);
        }
        body
    }

    fn settled(&self, kind: &Kind, value: Value) -> Value {
        match (kind, value) {
            (Kind::Boolean, Value::Null) if self.checkboxes_hold => Value::Bool(false),
            (_, value) => value,
        }
    }

    /// The record that `values`, written over `current`, would make. Nothing is stored.
    pub(super) fn draft(
        &mut self,
        table: TableIx,
        current: Option<u64>,
        values: &Map<String, Json>,
    ) -> Result<Draft, Refused> {
        let table = &self.tables[table];
        let schema = &table.schema;
        let mut draft = match current {
            None => Draft { body: self.blank(schema), external_id: None, mark: None, written: Vec::new() },
            Some(id) => {
                let record = table.get(id).ok_or_else(Refused::missing)?;
                let external_id = record.external_id.clone();
                let (body, mark) = (record.body.clone(), record.mark.clone());
                Draft { body, external_id, mark, written: Vec::with_capacity(values.len()) }
            }
        };
        for (name, json) in values {
            if name == EXTERNAL_ID {
                draft.external_id = plain_text(EXTERNAL_ID, json)?;
                continue;
            }
            if schema.mark() == Some(name) {
                draft.mark = plain_text(name, json)?;
                continue;
            }
            let ix = schema.writable(name)?;
            match &schema.field(ix).kind {
                Kind::Lines(spec) => {
                    let sublist = Sublist { name, ix, spec };
                    let written = sublist.read(json, &draft.body, &mut self.last_line)?;
                    draft.body.set_lines(ix, written.value, written.ids);
                }
                kind => {
                    let value = schema::parse(kind, name, json)?;
                    draft.body.values[ix] = self.settled(kind, value);
                }
            }
            draft.written.push(ix);
        }
        Ok(draft)
    }

    /// Refuses an external id that another record of the type has.
    pub(super) fn refuse_taken_external_id(
        &self,
        table: TableIx,
        id: Option<u64>,
        external_id: Option<&str>,
    ) -> Result<(), Refused> {
        match external_id.and_then(|external_id| self.tables[table].with_external_id(external_id)) {
            Some(other) if Some(other) != id => Err(Refused::field(
                Reason::DuplicateExternalId,
                EXTERNAL_ID,
                "This entity already exists: another record has this external id.",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses references to what is not there.
    pub(super) fn refuse_dangling(
        &self,
        table: TableIx,
        body: &Body,
        fields: &[FieldIx],
    ) -> Result<(), Refused> {
        let schema = &self.tables[table].schema;
        for &ix in fields {
            let field = schema.field(ix);
            let mut dangling = None;
            field.kind.references(&body.values[ix], &mut |to, id| {
                if self.referred(to, id).is_none() {
                    dangling.get_or_insert_with(|| (to.clone(), id.clone()));
                }
            });
            if let Some((to, id)) = dangling {
                let name = &field.netsuite;
                let message = format!("Invalid {name} reference key {id}: there is no such {to}.");
                return Err(Refused::field(Reason::BadReference, name, message));
            }
        }
        Ok(())
    }

    fn referred(&self, to: &RecordType, id: &str) -> Option<u64> {
        let id = internal_id(id)?;
        self.tables[*self.types.get(to)?].get(id).map(|record| record.id)
    }

    /// Stores a new record and returns its id.
    pub(super) fn insert(&mut self, table: TableIx, draft: Draft, when: When) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.count_references(table, id, &draft.body, &draft.written, u64::wrapping_add);
        let Draft { body, external_id, mark, .. } = draft;
        let record = Record { id, external_id, last_modified: when.second, saves: 1, mark, body };
        self.tables[table].put(record, when.visible_from);
        id
    }

    /// Stores a record anew, in which `changed` fields differ. Returns it as it was.
    pub(super) fn replace(
        &mut self,
        table: TableIx,
        id: u64,
        draft: Draft,
        changed: &[FieldIx],
        when: When,
    ) -> Option<Record> {
        let saves = self.tables[table].get(id)?.saves + 1;
        self.count_references(table, id, &draft.body, changed, u64::wrapping_add);
        let Draft { body, external_id, mark, .. } = draft;
        let record = Record { id, external_id, last_modified: when.second, saves, mark, body };
        let before = self.tables[table].put(record, when.visible_from)?;
        self.count_references(table, id, &before.body, changed, u64::wrapping_sub);
        Some(before)
    }

    /// Deletes a record that nothing refers to, and returns it.
    pub(super) fn delete(&mut self, table: TableIx, id: u64, when: When) -> Result<Record, Refused> {
        self.tables[table].get(id).ok_or_else(Refused::missing)?;
        if self.referrers.contains_key(&id) {
            let message = "This record cannot be deleted because it has dependent records";
            return Err(Refused::new(Reason::Business, message));
        }
        let record = self.tables[table].remove(id, when).ok_or_else(Refused::missing)?;
        let all: Vec<FieldIx> = record.body.filled().collect();
        self.count_references(table, id, &record.body, &all, u64::wrapping_sub);
        Ok(record)
    }

    /// Counts the references that these fields of a record hold: `step` adds one or takes one away. A
    /// record's references to itself do not keep it from being deleted.
    fn count_references(
        &mut self,
        table: TableIx,
        from: u64,
        body: &Body,
        fields: &[FieldIx],
        step: fn(u64, u64) -> u64,
    ) {
        let schema = Arc::clone(&self.tables[table].schema);
        for &ix in fields {
            schema.field(ix).kind.references(&body.values[ix], &mut |_, id| {
                let Some(to) = internal_id(id).filter(|to| *to != from) else { return };
                let count = self.referrers.entry(to).or_default();
                *count = step(*count, 1);
                if *count == 0 {
                    self.referrers.remove(&to);
                }
            });
        }
    }
}

fn plain_text(name: &str, json: &Json) -> Result<Option<Arc<str>>, Refused> {
    match schema::parse(&Kind::Text { max: None }, name, json)? {
        Value::Text(text) => Ok(Some(text)),
        _ => Ok(None),
    }
}
