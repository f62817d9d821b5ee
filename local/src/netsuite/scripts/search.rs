//! N/search, as far as the scripts search: records by external id, custom records, deleted records.

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::expression::Expression;
use super::price::CALL;
use super::rows::{Row, RowTable};
use super::run::Run;
use super::thrown::Thrown;
use super::{formats, records, rows};
use crate::netsuite::account::State;
use crate::netsuite::record::rfc3339;

/// Most rows of one `getRange`.
const RANGE_MAX: usize = 1_000;
const DAY_MS: i64 = 86_400_000;

#[derive(Deserialize)]
pub(super) struct Search {
    r#type: String,
    filters: Vec<Json>,
    columns: Vec<Column>,
    start: usize,
    end: usize,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    sort: Option<String>,
}

/// A filter: `["name", "operator", value]`.
struct Filter<'a> {
    name: &'a str,
    operator: &'a str,
    value: &'a Json,
}

/// A row found: internal id, and values by column.
struct Found {
    id: Option<u64>,
    values: Map<String, Json>,
}

/// One page of a search.
pub(super) fn search(run: &Run, search: &Search) -> Result<Json, Thrown> {
    run.spend(CALL)?;
    if search.end < search.start || search.end - search.start > RANGE_MAX {
        let message = format!("A range has at most {RANGE_MAX} results");
        return Err(Thrown::new("SSS_SEARCH_RANGE_LIMIT", message));
    }
    let [filter] = &search.filters[..] else { return by_fields(run, search) };
    let Some([Json::String(name), Json::String(operator), value]) = filter.as_array().map(Vec::as_slice)
    else {
        return by_fields(run, search);
    };
    let filter = Filter { name, operator, value };
    let state = run.account.enter();
    let mut found = match search.r#type.as_str() {
        "deletedrecord" => deleted(&state, search, &filter)?,
        name => match state.rows.table(name) {
            Some(table) => {
                let asked = Asked::parse(&state, search, table, &filter)?;
                table.rows.values().filter(|row| asked.holds(row)).map(row_found).collect()
            }
            None if filter.name == "externalid" => by_external_id(&state, search, &filter)?,
            None => {
                drop(state);
                return by_fields(run, search);
            }
        },
    };
    page(search, &mut found)
}

/// Records of a type, by what their fields hold.
fn by_fields(run: &Run, search: &Search) -> Result<Json, Thrown> {
    let state = run.account.enter();
    let table = state.store.table(records::table(&state, &search.r#type)?);
    let asked = Expression::parse(&table.schema, &search.filters)?;
    let found = table.records().filter(|record| asked.holds(record)).map(|record| {
        let id = ("internalid".into(), json!(record.id.to_string()));
        Found { id: Some(record.id), values: Map::from_iter([id]) }
    });
    page(search, &mut found.collect())
}

fn page(search: &Search, found: &mut Vec<Found>) -> Result<Json, Thrown> {
    sort(search, found)?;
    let page = found.drain(..).skip(search.start).take(search.end - search.start);
    Ok(page.map(|found| json!({ "id": found.id.map(|id| id.to_string()), "values": found.values })).collect())
}

fn unsupported(search: &Search, what: &str) -> Thrown {
    Thrown::not_simulated(format!("{what} in a search of {}", search.r#type))
}

fn by_external_id(state: &State, search: &Search, filter: &Filter<'_>) -> Result<Vec<Found>, Thrown> {
    if (filter.name, filter.operator) != ("externalid", "anyof") {
        return Err(unsupported(search, filter.name));
    }
    let table = state.store.table(records::table(state, &search.r#type)?);
    let wanted = list(filter.value);
    let ids = wanted.iter().filter_map(|external_id| table.with_external_id(external_id));
    let found = |id: u64| Found {
        id: Some(id),
        values: Map::from_iter([("internalid".into(), json!(id.to_string()))]),
    };
    Ok(ids.map(found).collect())
}

/// What is asked of a custom record.
enum Asked<'a> {
    /// Its external id is one of these.
    ExternalId(Vec<&'a str>),
    /// It was created before.
    CreatedBefore(i64),
    /// This field's number is less; a field that holds nothing is not compared.
    LessThan(&'a str, f64),
}

impl<'a> Asked<'a> {
    fn parse(state: &State, search: &Search, table: &RowTable, filter: &Filter<'a>) -> Result<Self, Thrown> {
        Ok(match (filter.name, filter.operator, filter.value) {
            ("externalid", "anyof", value) => Self::ExternalId(list(value)),
            ("created", "before", Json::String(day)) if day == "thirtydaysago" => {
                let today = state.now.0 - state.now.0.rem_euclid(DAY_MS);
                Self::CreatedBefore(today - 30 * DAY_MS)
            }
            (name, "lessthan", Json::Number(most)) if table.fields.iter().any(|(field, _)| field == name) => {
                Self::LessThan(name, most.as_f64().unwrap_or(f64::NAN))
            }
            _ => return Err(unsupported(search, &format!("{} {}", filter.name, filter.operator))),
        })
    }

    fn holds(&self, row: &Row) -> bool {
        match self {
            Self::ExternalId(ids) => row.external_id.as_deref().is_some_and(|id| ids.contains(&id)),
            Self::CreatedBefore(ms) => row.created.0 < *ms,
            Self::LessThan(name, most) => {
                row.values.get(*name).and_then(Json::as_f64).is_some_and(|held| held < *most)
            }
        }
    }
}

fn row_found(row: &Row) -> Found {
    let mut values: Map<String, Json> = row.values.iter().map(|(k, v)| (k.clone(), text(v))).collect();
    values.insert("internalid".into(), json!(row.id.to_string()));
    values.insert("created".into(), json!(rfc3339(row.created.seconds())));
    Found { id: Some(row.id), values }
}

/// Deleted records can be asked for by type alone, and do not tell their internal id.
fn deleted(state: &State, search: &Search, filter: &Filter<'_>) -> Result<Vec<Found>, Thrown> {
    let ("recordtype", "is", Some(name)) = (filter.name, filter.operator, filter.value.as_str()) else {
        return Err(unsupported(search, filter.name));
    };
    let Ok(table) = records::table(state, name) else { return Err(rows::missing()) };
    let settings = &state.faults().settings;
    let row = |deletion: &crate::netsuite::table::Deletion| Found {
        id: None,
        values: Map::from_iter([
            ("externalid".into(), json!(deletion.external_id.as_deref())),
            ("deleteddate".into(), json!(formats::to_the_minute(settings, deletion.at))),
            // What the column is sorted by: the day as people see it would not do.
            ("deleteddate.sort".into(), json!(deletion.at)),
        ]),
    };
    Ok(state.store.table(table).deleted_since(i64::MIN).map(row).collect())
}

fn sort(search: &Search, found: &mut [Found]) -> Result<(), Thrown> {
    let Some(column) = search.columns.iter().find(|c| c.sort.as_deref().is_some_and(|sort| sort != "NONE"))
    else {
        return Ok(());
    };
    match column.name.as_str() {
        "internalid" => found.sort_by_key(|row| row.id),
        "deleteddate" => found.sort_by_key(|row| row.values["deleteddate.sort"].as_i64()),
        other => return Err(unsupported(search, &format!("sorting by {other}"))),
    }
    if column.sort.as_deref() == Some("DESC") {
        found.reverse();
    }
    Ok(())
}

/// One value or several.
fn list(value: &Json) -> Vec<&str> {
    match value {
        Json::Array(values) => values.iter().filter_map(Json::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// A value as search results have it: text.
fn text(value: &Json) -> Json {
    match value {
        Json::Null => json!(""),
        Json::Number(number) => json!(number.to_string()),
        other => other.clone(),
    }
}
