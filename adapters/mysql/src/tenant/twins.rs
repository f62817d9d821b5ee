//! Rows that a row to be created could be: those with one of the type's match keys. One statement for each key, by the
//! columns' own collations, so that an index serves it; what it finds is compared once more, for most collations also
//! pass over accents.
//!
//! Columns of a collation that ends in `_ci`, as SuiteX's own do, find text in any case; those that tell case apart
//! find it as we have it and in lower case. What was stored with blanks around it, past SuiteX's forms, which cut
//! them off, is not found: no index could serve that. Nor is a row that somebody has inserted and not committed yet.
//!
//! SuiteX should have an index that begins with the first column of each key.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use shared::domain::id::Side;
use shared::domain::identity::{CANDIDATES_MAX, Unless};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::{Kind, Value};
use shared::suitex::Row;
use sqlx::{MySqlConnection, Row as _};

use super::names::{ID, number, quoted};
use super::table::{Place, ROWS_MAX, Table};
use super::wire::{Param, bind};

/// Rows that one key finds at most: one that so many share names nothing.
const FOUND_MAX: usize = 1_000;

/// How to ask for the rows of a key.
pub(super) struct Key {
    fields: Vec<FieldIx>,
    pub(super) sql: Arc<str>,
}

impl Key {
    /// The keys of a type.
    pub(super) fn all(surface: &TypeSurface) -> Vec<Self> {
        let of_key = |fields: &Vec<FieldIx>| {
            let column = |ix: &FieldIx| format!("{} in (?, ?)", quoted(&surface.fields[*ix].suitex));
            let columns: Vec<String> = fields.iter().map(column).collect();
            let (table, columns) = (quoted(&surface.suitex), columns.join(" and "));
            let sql = format!("select {ID} from {table} where {columns} limit {FOUND_MAX}");
            Self { fields: fields.clone(), sql: sql.into() }
        };
        surface.match_keys.iter().map(of_key).collect()
    }

    /// The values of the key, if these are its fields.
    fn values(&self, surface: &TypeSurface, given: &Map<String, Json>) -> Option<Vec<Value>> {
        let value = |ix: &FieldIx| {
            let field = &surface.fields[*ix];
            field.kind.parse(Side::SuiteX, given.get(&field.suitex)?).ok()
        };
        let values = self.fields.iter().map(value).collect::<Option<Vec<_>>>()?;
        (given.len() == values.len()).then_some(values)
    }
}

/// The living rows that forbid a create, the oldest first.
pub(super) async fn find(
    on: &mut MySqlConnection,
    table: &Table,
    unless: &Unless,
) -> Result<Vec<Row>, sqlx::Error> {
    let mut ids: Vec<u64> = Vec::new();
    for given in &unless.keys {
        let asked = table.keys.iter().find_map(|key| Some((key, key.values(&table.surface, given)?)));
        let Some((key, values)) = asked else { continue };
        let query = sqlx::query(sqlx::AssertSqlSafe(Arc::clone(&key.sql)));
        let query = key.fields.iter().zip(&values).fold(query, |query, (ix, value)| {
            let kind = &table.surface.fields[*ix].kind;
            let [one, other] = spellings(kind, value).map(|value| Param::of(kind, &value));
            bind(bind(query, one), other)
        });
        for row in query.fetch_all(&mut *on).await? {
            ids.push(row.try_get(0)?);
        }
    }
    ids.retain(|id| !unless.except.iter().any(|other| number(other.as_str()) == Some(*id)));
    ids.sort_unstable();
    ids.dedup();
    let mut twins = Vec::new();
    for ids in ids.chunks(ROWS_MAX) {
        let found = table.find_all(on, ids).await?;
        let living = found.values().filter_map(|place| match place {
            Place::Living(row) => Some(table.shown(row)),
            Place::Deleted(_) | Place::Nowhere => None,
        });
        twins.extend(living.filter(|row| unless.finds(&row.id, &row.values, Side::SuiteX, &table.surface)));
        if twins.len() >= CANDIDATES_MAX {
            twins.truncate(CANDIDATES_MAX);
            break;
        }
    }
    Ok(twins)
}

/// Text as it came, without the blanks around it, and in lower case, for columns that tell the two apart.
fn spellings(kind: &Kind, value: &Value) -> [Value; 2] {
    match (kind, value) {
        (Kind::Text { .. }, Value::Text(text)) => {
            [Value::Text(text.trim().into()), Value::Text(text.trim().to_lowercase().into())]
        }
        (_, value) => [value.clone(), value.clone()],
    }
}
