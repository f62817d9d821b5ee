//! Who may do what: a role per function in each database, made from `migrations/roles`.
//!
//! A role has no password; whoever runs the servers makes one account per function, grants it the function's
//! role and makes that its default.

use sqlx::{AssertSqlSafe, Executor, MySqlPool};

use crate::migrate::Schema;

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

/// The statements that let the SuiteX writer write a tenant's business tables and lists.
pub fn business_tables<'a>(tables: impl IntoIterator<Item = &'a str>, prefix: &str) -> Vec<String> {
    let grant = |table: &str| {
        let table = table.replace('`', "``");
        format!("grant select, insert, update, delete on `{table}` to '{prefix}sx-writer'")
    };
    tables.into_iter().map(grant).collect()
}

/// Makes the roles of `pool`'s database, which is migrated. Done again it changes nothing. The account must be
/// allowed to create roles and to grant what it grants.
pub async fn apply(pool: &MySqlPool, schema: Schema, prefix: &str) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    for statement in statements(schema, prefix) {
        // Our own files and a prefix of the operator's.
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
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
}
