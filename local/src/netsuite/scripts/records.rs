//! N/record: loading, saving and deleting, in standard mode.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use shared::domain::value::{Kind, LineSpec};

use super::price::Family;
use super::rows::{self, Row, RowTable};
use super::run::Run;
use super::thrown::Thrown;
use crate::netsuite::account::State;
use crate::netsuite::record::{Body, Record, internal_id, rfc3339};
use crate::netsuite::refusal::Refused;
use crate::netsuite::schema::Schema;
use crate::netsuite::store::{EXTERNAL_ID, TableIx};
use crate::netsuite::user_event::{Context, Origin};

#[derive(Deserialize)]
pub(super) struct Of {
    r#type: String,
    #[serde(default)]
    id: String,
}

/// What a script offers to save.
#[derive(Deserialize)]
pub(super) struct Offered {
    r#type: String,
    /// Absent in a new record.
    id: Option<String>,
    /// Version of the stored record when it was loaded.
    #[serde(default)]
    version: u64,
    /// The fields that were set, and whole sublists.
    values: Map<String, Json>,
}

/// Where the records of a type are.
enum Place<'a> {
    Table(TableIx),
    Rows(&'a RowTable),
}

/// A new record, never saved.
pub(super) fn create(run: &Run, of: &Of) -> Result<Json, Thrown> {
    run.spend(Family::of(&of.r#type).load())?;
    let state = run.account.enter();
    Ok(match place(&state, &of.r#type)? {
        Place::Table(table) => document(&state.store.table(table).schema, None),
        Place::Rows(table) => row_document(&of.r#type, table, None),
    })
}

pub(super) fn load(run: &Run, of: &Of) -> Result<Json, Thrown> {
    run.spend(Family::of(&of.r#type).load())?;
    let state = run.account.enter();
    let id = internal_id(&of.id).ok_or_else(rows::missing)?;
    match place(&state, &of.r#type)? {
        Place::Table(table) => {
            let of = state.store.table(table);
            let record = of.get(id).ok_or_else(rows::missing)?;
            Ok(document(&of.schema, Some(record)))
        }
        Place::Rows(table) => {
            let row = table.rows.get(&id).ok_or_else(rows::missing)?;
            Ok(row_document(&of.r#type, table, Some(row)))
        }
    }
}

/// Saves what was offered; the answer is the record's id and its new version.
pub(super) fn save(run: &Run, offered: Offered) -> Result<Json, Thrown> {
    run.spend(Family::of(&offered.r#type).save())?;
    let id = match &offered.id {
        None => None,
        Some(id) => Some(internal_id(id).ok_or_else(rows::missing)?),
    };
    let saved = run.account.act(|state| match place(state, &offered.r#type)? {
        Place::Table(table) => save_record(run, state, table, id, offered),
        Place::Rows(_) => save_row(state, id, offered),
    })?;
    run.saved();
    Ok(saved)
}

fn save_record(
    run: &Run,
    state: &mut State,
    table: TableIx,
    id: Option<u64>,
    offered: Offered,
) -> Result<Json, Thrown> {
    let mut values = offered.values;
    if let Some(external_id) = values.remove("externalid") {
        values.insert(EXTERNAL_ID.to_string(), external_id);
    }
    let ours = run.context == Context::Restlet;
    if ours {
        run.slow(state.faults().latency_per_write_ms);
    }
    let origin = origin(run);
    let id = match id {
        None => {
            let id = state.create(table, None, &values, &origin)?;
            if ours {
                state.stats.creates += 1;
                state.wrote(table, id);
            }
            id
        }
        Some(id) => {
            let stored = state.store.table(table).get(id).ok_or_else(rows::missing)?;
            if stored.saves != offered.version || state.strikes("collision", |f| f.collision) {
                return Err(Thrown::new("RCRD_HAS_BEEN_CHANGED", "Record has been changed"));
            }
            let changed = state.update(table, id, &values, &origin)?;
            if ours && changed {
                state.wrote(table, id);
            }
            id
        }
    };
    let version = state.store.table(table).get(id).map(|record| record.saves);
    Ok(json!({ "id": id.to_string(), "version": version }))
}

fn save_row(state: &mut State, id: Option<u64>, offered: Offered) -> Result<Json, Thrown> {
    let now = state.now;
    let table = state.rows.table_mut(&offered.r#type).ok_or_else(rows::missing)?;
    if let Some(id) = id
        && table.rows.get(&id).ok_or_else(rows::missing)?.version != offered.version
    {
        return Err(Thrown::new("CUSTOM_RECORD_COLLISION", "The record was changed by another user."));
    }
    let id = table.save(id, offered.values, now)?;
    Ok(json!({ "id": id.to_string(), "version": table.rows.get(&id).map(|row| row.version) }))
}

pub(super) fn delete(run: &Run, of: &Of) -> Result<Json, Thrown> {
    run.spend(Family::of(&of.r#type).save())?;
    let id = internal_id(&of.id).ok_or_else(rows::missing)?;
    run.account.act(|state| match place(state, &of.r#type)? {
        Place::Table(table) => {
            let ours = run.context == Context::Restlet;
            if ours {
                run.slow(state.faults().latency_per_write_ms);
            }
            state.delete(table, id, &origin(run))?;
            if ours {
                state.stats.deletes += 1;
                state.wrote(table, id);
            }
            Ok::<_, Thrown>(())
        }
        Place::Rows(_) => {
            let gone = state.rows.table_mut(&of.r#type).and_then(|table| table.rows.remove(&id));
            gone.map(|_| ()).ok_or_else(rows::missing)
        }
    })?;
    run.saved();
    Ok(json!(of.id))
}

fn origin(run: &Run) -> Origin<'_> {
    Origin {
        context: run.context,
        user: &run.user,
        operation: None,
        user_event: run.is_seen(),
        inline: false,
    }
}

fn place<'a>(state: &'a State, record_type: &str) -> Result<Place<'a>, Thrown> {
    if let Some(table) = state.rows.table(record_type) {
        return Ok(Place::Rows(table));
    }
    Ok(Place::Table(table(state, record_type)?))
}

/// The table of a type. Scripts know NetSuite's own names only.
pub(super) fn table(state: &State, record_type: &str) -> Result<TableIx, Thrown> {
    let table = state.store.table_named(record_type)?;
    let name = &state.store.table(table).schema.surface().netsuite;
    if name.eq_ignore_ascii_case(record_type) {
        Ok(table)
    } else {
        Err(Refused::unknown_type(record_type).into())
    }
}

/// A record as our N/record takes it apart; a new one when there is none.
pub(in crate::netsuite) fn document(schema: &Schema, record: Option<&Record>) -> Json {
    let blank = Body::empty(schema);
    let body = record.map_or(&blank, |record| &record.body);
    let (mut fields, mut values, mut sublists) = (Vec::new(), Map::new(), Map::new());
    for (ix, field) in schema.fields().iter().enumerate() {
        let shown = body.render(schema, ix);
        if let Kind::Lines(spec) = &field.kind {
            let lines = if shown.is_null() { json!([]) } else { shown };
            sublists.insert(field.netsuite.clone(), json!({ "columns": columns(spec), "lines": lines }));
        } else {
            let label = field.netsuite.as_str();
            fields.push(
                json!({ "id": label, "type": type_name(&field.netsuite, &field.kind), "label": label }),
            );
            values.insert(field.netsuite.clone(), shown);
        }
    }
    if let Some(mark) = schema.mark() {
        fields.push(json!({ "id": mark, "type": "text", "label": "SuiteX Sync operation" }));
        values.insert(mark.into(), json!(record.and_then(|record| record.mark.as_deref())));
    }
    fields.push(json!({ "id": "externalid", "type": "text", "system": true }));
    values.insert("externalid".into(), json!(record.and_then(|record| record.external_id.as_deref())));
    fields.push(json!({ "id": "lastmodifieddate", "type": "datetimetz", "system": true }));
    values.insert("lastmodifieddate".into(), json!(record.map(|record| rfc3339(record.last_modified))));
    json!({
        "type": schema.surface().netsuite,
        "id": record.map(|record| record.id.to_string()),
        "version": record.map_or(0, |record| record.saves),
        "fields": fields,
        "values": values,
        "sublists": sublists,
    })
}

fn columns(spec: &LineSpec) -> Vec<Json> {
    let keys = spec.key.iter().flat_map(|key| [&key.netsuite, &key.netsuite_external]);
    let keys = keys.map(|key| json!({ "id": key, "type": "text" }));
    let columns =
        spec.columns.iter().map(|c| json!({ "id": c.netsuite, "type": type_name(&c.netsuite, &c.kind) }));
    keys.chain(columns).collect()
}

fn row_document(record_type: &str, table: &RowTable, row: Option<&Row>) -> Json {
    let system = [("externalid", "text"), ("lastmodified", "datetimetz"), ("created", "datetimetz")];
    let fields = table.fields.iter().map(|(id, kind)| json!({ "id": id, "type": kind, "label": id }));
    let fields: Vec<Json> =
        fields.chain(system.map(|(id, kind)| json!({ "id": id, "type": kind, "system": true }))).collect();
    let mut values: Map<String, Json> = Map::new();
    if let Some(row) = row {
        values.extend(row.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        values.insert("externalid".into(), json!(row.external_id));
        values.insert("lastmodified".into(), json!(rfc3339(row.modified.seconds())));
        values.insert("created".into(), json!(rfc3339(row.created.seconds())));
    }
    json!({
        "type": record_type,
        "id": row.map(|row| row.id.to_string()),
        "version": row.map_or(0, |row| row.version),
        "fields": fields,
        "values": values,
        "sublists": {},
    })
}

/// What NetSuite calls the type of such a field.
fn type_name(name: &str, kind: &Kind) -> &'static str {
    match kind {
        // NetSuite counts goods in fractions too, whatever we take them for.
        Kind::Integer if name.starts_with("quantity") => "float",
        Kind::Integer => "integer",
        Kind::Text { max } if max.is_some_and(|max| max > 300) => "textarea",
        Kind::Text { .. } => "text",
        Kind::Decimal { scale: 2 } => "currency",
        Kind::Decimal { .. } => "rate",
        Kind::Boolean => "checkbox",
        Kind::Date => "date",
        Kind::DateTime => "datetimetz",
        Kind::Select { .. } | Kind::Reference { .. } => "select",
        Kind::MultiSelect => "multiselect",
        Kind::Lines(_) => "",
    }
}
