//! Rows that a row to be created could be: those with one of the type's match keys. One statement for each key, by the
//! columns' own collations, so that an index serves it; what it finds is compared once more, for most collations also
//! pass over accents.
//!
//! Columns of a collation that ends in `_ci`, as SuiteX's own do, find text in any case; those that tell case apart
//! find it as we have it and in lower case. SuiteX's forms cut off the blanks around a text; what was stored past them
//! is found ([`AFTER`], [`BEFORE`]) with any spaces, tabs and line ends after it, and before it with up to eight spaces
//! or one tab or line end. A no-break space counts as a space where the collation takes it for one, as SuiteX's own
//! does. Each of these is a range of the index that holds little else.
//!
//! Two creates of one key come one after the other ([`take_turns`]). The transaction of a create also sees rows that
//! somebody has inserted and not committed yet ([`SEES_UNCOMMITTED`]), and waits for them. What somebody enters after
//! that look is not found: nothing that we could lock would keep SuiteX's people from entering a record twice.
//!
//! SuiteX should have an index that begins with the first column of each key; `index` tells where there is none.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use shared::domain::id::{Side, derived_id};
use shared::domain::identity::{CANDIDATES_MAX, Unless, key_texts};
use shared::domain::surface::{Field, FieldIx, TypeSurface};
use shared::domain::value::{Kind, Value};
use shared::suitex::Row;
use sqlx::{MySqlConnection, Row as _};

use super::names::{ID, literal, number, quoted};
use super::table::{Place, ROWS_MAX, Table};
use super::wire::{Param, bind};

/// Rows that one key finds at most: one that so many share names nothing.
const FOUND_MAX: usize = 1_000;

/// Begins a transaction whose looks show what nobody has committed yet. One text, so that nobody who gives up between
/// its two statements leaves the setting to the connection's next transaction.
pub(super) const SEES_UNCOMMITTED: &str =
    "set transaction isolation level read uncommitted; start transaction";

/// How many turns there are: enough that creates of different keys hardly ever wait for each other.
const TURNS: u128 = 1_024;

/// What may follow a text, and anything after that; the single space has a place of its own, for much begins so.
const AFTER: [&str; 7] = ["  ", " \t", " \n", " \r", "\t", "\n", "\r"];

/// What may stand before a text.
const BEFORE: [&str; 12] =
    [" ", "  ", "   ", "    ", "     ", "      ", "       ", "        ", "\t", "\n", "\r", "\r\n"];

/// How to ask for the rows of a key.
pub(super) struct Key {
    pub(super) fields: Vec<FieldIx>,
    pub(super) sql: Arc<str>,
}

impl Key {
    /// The keys of a type.
    pub(super) fn all(surface: &TypeSurface) -> Vec<Self> {
        let of_key = |fields: &Vec<FieldIx>| {
            let columns: Vec<String> = fields.iter().map(|ix| condition(&surface.fields[*ix])).collect();
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

/// Keeps other creates of these keys from asking until this transaction ends, however it ends. A turn is the lock of a
/// row and no lock by name: those stay with a pooled connection when a transaction breaks off.
pub(super) async fn take_turns(
    on: &mut MySqlConnection,
    table: &Table,
    unless: &Unless,
) -> Result<(), sqlx::Error> {
    let surface = &table.surface;
    let turn = |given: &Map<String, Json>| {
        let nth = table.keys.iter().position(|key| key.values(surface, given).is_some())?;
        let mut all = vec![Value::Null; surface.fields.len()];
        for (ix, value) in table.keys[nth].fields.iter().zip(table.keys[nth].values(surface, given)?) {
            all[*ix] = value;
        }
        // As they are compared, so that what is one key takes one turn.
        let text = key_texts(surface, &all).swap_remove(nth)?;
        let hash = derived_id("turn", &[&surface.suitex, &nth.to_string(), &text]).as_u128();
        u16::try_from(hash % TURNS).ok()
    };
    let turns: BTreeSet<u16> = unless.keys.iter().filter_map(turn).collect();
    if turns.is_empty() {
        return Ok(());
    }
    // In one order, so that two never wait for each other in a circle.
    let rows = vec!["(?)"; turns.len()].join(", ");
    let sql = format!("insert into sync_turns (turn) values {rows} on duplicate key update turn = turn");
    let query = turns.iter().fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, turn| query.bind(*turn));
    query.execute(on).await.map(drop)
}

/// The living rows that forbid a create, the oldest first. Whoever is at one of them is waited for.
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
        let params = key.fields.iter().zip(&values).flat_map(|(ix, value)| {
            let kind = &table.surface.fields[*ix].kind;
            asked_for(kind, value).into_iter().map(|value| Param::of(kind, &value))
        });
        let query = params.fold(query, bind);
        for row in query.fetch_all(&mut *on).await? {
            ids.push(row.try_get(0)?);
        }
    }
    ids.retain(|id| !unless.except.iter().any(|other| number(other.as_str()) == Some(*id)));
    ids.sort_unstable();
    ids.dedup();
    let mut twins = Vec::new();
    for ids in ids.chunks(ROWS_MAX) {
        table.lock(on, ids).await?;
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

/// The condition that a column of a key must fulfil. Its places are those of [`asked_for`].
fn condition(field: &Field) -> String {
    let column = quoted(&field.suitex);
    let Kind::Text { .. } = field.kind else { return format!("{column} = ?") };
    let likes = vec![format!("{column} like ?"); 2 * (AFTER.len() + BEFORE.len())].join(" or ");
    let blanks = ["\t", "\n", "\r", "\u{a0}"];
    let spaced = blanks.iter().fold(column.clone(), |text, blank| {
        let blank = literal(blank);
        format!("replace({text}, {blank}, ' ')")
    });
    // By index first; then without what else these ranges hold, so that it cannot fill what one statement may find.
    format!("({column} in (?, ?, ?, ?) or {likes}) and trim({spaced}) in (?, ?)")
}

/// What [`condition`] asks for: text without the blanks around it as it came, and in lower case, for columns that tell
/// the two apart.
fn asked_for(kind: &Kind, value: &Value) -> Vec<Value> {
    let (Kind::Text { .. }, Value::Text(text)) = (kind, value) else { return vec![value.clone()] };
    let spellings = [text.trim().to_string(), text.trim().to_lowercase()];
    let exact = spellings.iter().flat_map(|text| [text.clone(), format!("{text} ")]);
    let ranges = spellings.iter().flat_map(|text| {
        let text = pattern(text);
        let after = AFTER.map(|blanks| format!("{text}{blanks}%"));
        after.into_iter().chain(BEFORE.map(|blanks| format!("{blanks}{text}%")))
    });
    exact.chain(ranges).chain(spellings.clone()).map(|text| Value::Text(text.into())).collect()
}

/// A text as `like` takes it for itself.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use shared::domain::surface::SyncConfig;

    use super::*;

    #[test]
    fn a_condition_has_as_many_places_as_there_is_to_ask_for() {
        let config = "[account.acme]\n[type.customer]\nsuitex = \"customers\"\n[type.customer.fields]\n\
            name = { type = \"text\" }\nage = { type = \"integer\" }";
        let config = SyncConfig::parse(config).unwrap();
        let account = config.accounts.values().next().unwrap();
        for field in &account.types.values().next().unwrap().fields {
            let value = match field.kind {
                Kind::Text { .. } => Value::Text(" Ada ".into()),
                _ => Value::Integer(7),
            };
            let places = condition(field).matches('?').count();
            assert_eq!(places, asked_for(&field.kind, &value).len(), "{}", field.name);
        }
    }

    #[test]
    fn no_sign_of_a_text_means_more_than_itself() {
        assert_eq!(pattern(r"50%_a\b"), r"50\%\_a\\b");
    }
}
