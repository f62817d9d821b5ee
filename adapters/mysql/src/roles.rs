//! Who may do what: a role per function in each database, made from `migrations/roles`.
//!
//! A role has no password; whoever runs the servers makes one account per function, grants it the function's
//! role and makes that its default.

use std::fmt;

use sqlx::{AssertSqlSafe, Executor, MySqlPool};

use crate::fault::{Cause, cause, number};
use crate::migrate::Schema;
use crate::tenant::quoted;

/// What the roles' names begin with, unless one server is to hold several systems.
pub const PREFIX: &str = "sync-";

/// The statements that make the roles of a database; the names begin with `prefix`.
pub fn statements(schema: Schema, prefix: &str) -> Vec<String> {
    let template = match schema {
        Schema::EventStore => include_str!("../../../migrations/roles/event_store.sql"),
        Schema::SyncState => include_str!("../../../migrations/roles/sync_state.sql"),
        Schema::Tenant => include_str!("../../../migrations/roles/tenant.sql"),
    };
    let lines: Vec<&str> = template.lines().filter(|line| !line.starts_with("--")).collect();
    let statements = lines.join("\n").replace("{role}", prefix);
    statements.split(';').map(|statement| statement.trim().to_string()).collect()
}

/// The statements that make the role of `migrate` alone. It can be made of an empty database: a right that
/// includes `CREATE` may be granted on a table that is not there yet.
pub fn statements_of_migrate(schema: Schema, prefix: &str) -> Vec<String> {
    let role = format!("'{prefix}migrate'");
    statements(schema, prefix).into_iter().filter(|statement| statement.ends_with(&role)).collect()
}

/// The statements that let the SuiteX writer write a tenant's business tables and lists.
pub fn business_tables<'a>(tables: impl IntoIterator<Item = &'a str>, prefix: &str) -> Vec<String> {
    let grant = |table: &str| {
        let (verbs, table) = (ON_BUSINESS_TABLES.join(", "), quoted(table));
        format!("grant {verbs} on {table} to '{prefix}sx-writer'")
    };
    tables.into_iter().map(grant).collect()
}

/// What the SuiteX writer may do with a business table.
const ON_BUSINESS_TABLES: [&str; 4] = ["select", "insert", "update", "delete"];

/// Makes the roles of `pool`'s database, which is migrated. Done again it changes nothing. The account must be
/// allowed to create roles and to grant what it grants.
pub async fn apply(pool: &MySqlPool, schema: Schema, prefix: &str) -> Result<(), sqlx::Error> {
    run(pool, statements(schema, prefix)).await
}

/// Runs statements of this module.
pub async fn run(pool: &MySqlPool, statements: Vec<String>) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    for statement in statements {
        // Our own files, names of sync.toml in quotes, and a prefix of the operator's.
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

/// A right on a table's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// select, insert, update or delete.
    pub verb: String,
    /// The table.
    pub table: String,
    /// The one column that it is about, where it is not about all.
    pub column: Option<String>,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, table, column } = self;
        match column {
            Some(column) => write!(f, "{verb} ({column}) on {table}"),
            None => write!(f, "{verb} on {table}"),
        }
    }
}

/// Every right on rows that `role` (without a prefix) has by our files. Those on all tables, which only `migrate`
/// has, are not among them.
pub fn rights(schema: Schema, role: &str) -> Vec<Right> {
    let end = format!(" to '{role}'");
    let mut rights = Vec::new();
    for statement in statements(schema, "") {
        let grant = statement.strip_prefix("grant ").and_then(|grant| grant.strip_suffix(&end));
        let Some((verbs, table)) = grant.and_then(|grant| grant.split_once(" on ")) else { continue };
        for verb in verbs.split(", ").filter(|_| table != "*") {
            let (verb, column) = match verb.split_once(' ') {
                Some((verb, column)) => (verb, Some(column.trim_matches(['(', ')']).to_string())),
                None => (verb, None),
            };
            rights.push(Right { verb: verb.to_string(), table: table.to_string(), column });
        }
    }
    rights
}

/// What the SuiteX writer needs beside [`rights`].
pub fn rights_on_business_tables<'a>(tables: impl IntoIterator<Item = &'a str>) -> Vec<Right> {
    let right =
        |table: &str, verb: &str| Right { verb: verb.to_string(), table: table.to_string(), column: None };
    tables.into_iter().flat_map(|table| ON_BUSINESS_TABLES.map(|verb| right(table, verb))).collect()
}

/// Which of `needed` the account of `pool` does not have. The server is asked how it would do each, which it tells
/// only those who may: whence a right comes (a role, the database, all databases) is its own affair.
///
/// # Errors
///
/// What is no answer to that question; a table that is not there is one.
pub async fn lacking(pool: &MySqlPool, needed: Vec<Right>) -> Result<Vec<Right>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut lacking = Vec::new();
    for right in needed {
        match connection.execute(AssertSqlSafe(question(&right))).await {
            Err(error) if matches!(cause(&error), Cause::Denied(_)) => lacking.push(right),
            // A column that nobody has got past the right.
            Err(error) if number(&error) == Some(1054) && right.column.is_none() => {}
            answer => _ = answer?,
        }
    }
    Ok(lacking)
}

/// A statement that changes nothing, and that is refused to whoever lacks the right.
fn question(right: &Right) -> String {
    let table = quoted(&right.table);
    match (right.verb.as_str(), &right.column) {
        ("insert", _) => format!("explain insert into {table} () values ()"),
        ("update", Some(column)) => {
            format!("explain update {table} set {0} = {0} where false", quoted(column))
        }
        // Which columns there are need not be known: the right is asked for first.
        ("update", None) => format!("explain update {table} set `no such column` = 1 where false"),
        ("delete", _) => format!("explain delete from {table} where false"),
        (_, Some(column)) => format!("explain select {} from {table} where false", quoted(column)),
        // Of every column: who may read a single one may count the rows.
        (_, None) => format!("explain select * from {table} where false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_bear_the_prefix_and_only_migrate_may_change_a_schema() {
        for schema in Schema::ALL {
            for statement in statements(schema, "x-") {
                let words = statement.split_whitespace().collect::<Vec<_>>();
                assert!(words.last().is_some_and(|role| role.starts_with("'x-")), "{statement}");
                let verbs = statement.split(" on ").next().unwrap_or_default();
                let changes = ["create,", "alter", "drop", "trigger", "index", "references", "all"];
                let changes = changes.iter().any(|verb| verbs.contains(verb));
                assert!(!changes || statement.ends_with("migrate'"), "{statement}");
                assert!(!statement.contains("grant option"), "{statement}");
            }
        }
    }

    #[test]
    fn a_tables_name_cannot_end_the_statement() {
        let grants = business_tables(["customers", "a`b"], "x-");
        assert!(grants[0].ends_with("on `customers` to 'x-sx-writer'"));
        assert!(grants[1].contains("`a``b`"));
    }

    #[test]
    fn rights_are_read_from_the_files() {
        let told = |schema, role| rights(schema, role).iter().map(Right::to_string).collect::<Vec<_>>();
        assert_eq!(
            told(Schema::Tenant, "sx-writer"),
            [
                "select on sync_rows",
                "update (edit) on sync_rows",
                "select (id) on outbox_events",
                "delete on outbox_events",
                "select on synced_events",
                "insert on synced_events",
                "select on sync_turns",
                "insert on sync_turns",
                "update on sync_turns",
                "select on schema_migration",
                "select on sync_surface",
            ]
        );
        assert_eq!(told(Schema::EventStore, "ingest"), [""; 0]);
        assert!(told(Schema::EventStore, "merge").contains(&"insert on event_store".to_string()));
        // Every grant is understood, and those of migrate on all tables are no rights on rows of one.
        for schema in Schema::ALL {
            for statement in statements(schema, "").iter().filter(|s| s.starts_with("grant ")) {
                let role = statement.rsplit_once(" to ").map_or("", |(_, role)| role).trim_matches('\'');
                let known = |right: &Right| ON_BUSINESS_TABLES.contains(&right.verb.as_str());
                let known = |right: &Right| known(right) || (role == "migrate" && right.verb == "create");
                assert!(rights(schema, role).iter().all(known), "{statement}");
                assert!(statement.contains(" on * to ") || !rights(schema, role).is_empty(), "{statement}");
            }
        }
    }
}
