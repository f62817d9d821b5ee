//! Match keys that no index of SuiteX's serves: before each create, a whole table would be read. Nothing is wrong in
//! what is then found, so nothing is refused; whoever runs the system is told what to do.

use std::fmt;

use shared::domain::id::AccountId;
use sqlx::MySqlConnection;

use super::names::quoted;
use super::table::Table;

/// Characters of a long text that the index holds.
const PREFIX: u32 = 191;

/// Most bytes of a whole column that an index takes.
const KEY_BYTES_MAX: u64 = 3_072;

/// Columns with which an index begins.
const INDEXED: &str = "select cast(column_name as char) from information_schema.statistics \
    where table_schema = database() and table_name = ? and seq_in_index = 1 \
    and index_type = 'BTREE' and is_visible = 'YES' and column_name is not null";

/// What a table's columns are, and how long, in bytes, where they are text.
const COLUMNS: &str = "select cast(column_name as char), cast(data_type as char), \
    cast(coalesce(character_octet_length, 0) as unsigned) \
    from information_schema.columns where table_schema = database() and table_name = ?";

/// A match key that no index serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unindexed {
    /// In whose database.
    pub account: AccountId,
    /// SuiteX's table,
    pub table: String,
    /// and the first column of the key.
    pub column: String,
    /// The statement that mends it.
    pub remedy: String,
}

impl fmt::Display for Unindexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, table, column, remedy } = self;
        write!(
            f,
            "{account}: no index of {table} begins with {column}, by which rows are looked for before one is created; \
             each create reads the whole table. Run in that database: {remedy}"
        )
    }
}

/// The match keys of a table that no index serves. Columns that are not there are told by the first write.
pub(super) async fn unindexed(
    on: &mut MySqlConnection,
    account: &AccountId,
    table: &Table,
) -> Result<Vec<Unindexed>, sqlx::Error> {
    let (surface, mut missing) = (&table.surface, Vec::new());
    if table.keys.is_empty() {
        return Ok(missing);
    }
    let indexed: Vec<String> = sqlx::query_scalar(INDEXED).bind(&surface.suitex).fetch_all(&mut *on).await?;
    let columns = sqlx::query_as::<_, (String, String, u64)>(COLUMNS).bind(&surface.suitex);
    let columns = columns.fetch_all(&mut *on).await?;
    for key in &table.keys {
        let names = key.fields.iter().map(|ix| surface.fields[*ix].suitex.as_str());
        // MySQL's names of columns are in any case.
        let is_served = |name: &str| indexed.iter().any(|column| column.eq_ignore_ascii_case(name));
        let Some(first) = names.clone().next().filter(|_| !names.clone().any(is_served)) else { continue };
        let Some((_, data_type, bytes)) = columns.iter().find(|(name, ..)| name.eq_ignore_ascii_case(first))
        else {
            continue;
        };
        missing.push(Unindexed {
            account: account.clone(),
            table: surface.suitex.clone(),
            column: first.to_string(),
            remedy: remedy(&surface.suitex, first, data_type, *bytes),
        });
    }
    missing.dedup();
    Ok(missing)
}

/// The statement that makes an index, without keeping anybody from the table.
fn remedy(table: &str, column: &str, data_type: &str, bytes: u64) -> String {
    let is_long = data_type.ends_with("text") || bytes > KEY_BYTES_MAX;
    let length = if is_long { format!("({PREFIX})") } else { String::new() };
    let mut name = format!("match_{table}_{column}");
    name.truncate(name.char_indices().nth(64).map_or(name.len(), |(at, _)| at));
    let (name, table, column) = (quoted(&name), quoted(table), quoted(column));
    format!("create index {name} on {table} ({column}{length}) algorithm = inplace lock = none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_takes_the_beginning_of_what_is_too_long_for_it() {
        let of = |data_type, bytes| remedy("customers", "email", data_type, bytes);
        let whole =
            "create index `match_customers_email` on `customers` (`email`) algorithm = inplace lock = none";
        assert_eq!(of("varchar", 1_016), whole);
        assert_eq!(of("int", 0), whole);
        assert!(of("varchar", 4_000).contains("(`email`(191))"));
        assert!(of("mediumtext", 16_777_215).contains("(`email`(191))"));
        assert!(remedy(&"t".repeat(60), "c", "int", 0).contains(&format!("`match_{}`", "t".repeat(58))));
    }
}
