//! Each function's account, and everything that it must not be able to do.

use std::collections::BTreeMap;

use mysql::migrate::Schema;
use mysql::roles;
use real_tests::Database;
use sqlx::mysql::{MySqlConnection, MySqlDatabaseError};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::root::Root;

/// What an account may do with rows.
type Rights = &'static [&'static str];

const READ: Rights = &["select"];
const GROW: Rights = &["select", "insert"];
const NOTE: Rights = &["insert"];
const KEEP: Rights = &["select", "insert", "update"];
const ALL: Rights = &["select", "insert", "update", "delete"];

/// Every right on a table's rows that each role has; what is not here must be refused.
fn expected(schema: Schema) -> BTreeMap<&'static str, Vec<(&'static str, Rights)>> {
    let book = ("schema_migration", READ);
    let surface = ("sync_surface", READ);
    let decides = [
        ("current_state", KEEP),
        ("state_history", GROW),
        ("pending_event", KEEP),
        ("event_census", KEEP),
        ("record_link", KEEP),
        ("conflicts", KEEP),
        ("conflict_field", KEEP),
        ("sync_error_queue", KEEP),
        book,
    ];
    let with = |more: &[(&'static str, Rights)]| [&decides[..], more].concat();
    let permits = [("governance", KEEP), ("open_call", ALL)];
    let logs = [("event_audit_log", NOTE), ("notification", KEEP)];
    let mark = ("sync_watermark", KEEP);
    let heeds = ("account_hold", READ);
    let asks = ("ambiguous_record", KEEP);
    let writes_the_book = ("migrate", vec![("schema_migration", KEEP)]);
    match schema {
        Schema::EventStore => BTreeMap::from([
            ("merge", vec![("event_store", GROW), book]),
            ("ns-writer", vec![("event_store", GROW), book]),
            ("sx-writer", vec![("event_store", GROW), book]),
            ("dlq", vec![("event_store", GROW), book]),
            ("review", vec![("event_store", READ), book]),
            ("reconcile", vec![("event_store", READ), book]),
            writes_the_book,
        ]),
        Schema::SyncState => BTreeMap::from([
            ("merge", [with(&logs), vec![mark, asks]].concat()),
            ("ns-writer", [with(&logs), permits.to_vec(), vec![heeds, asks]].concat()),
            ("sx-writer", [with(&logs), vec![heeds, asks]].concat()),
            ("dlq", with(&logs)),
            (
                "review",
                with(&[
                    ("event_audit_log", GROW),
                    ("account_hold", KEEP),
                    ("notification", KEEP),
                    ("notice_delivery", READ),
                    ("notice_delivery_item", READ),
                    ("ambiguous_record", READ),
                    ("governance", KEEP),
                    ("open_call", ALL),
                ]),
            ),
            (
                "notify",
                [
                    with(&logs),
                    vec![("notice_delivery", KEEP), ("notice_delivery_item", KEEP), ("notice_watch", KEEP)],
                    vec![("account_hold", KEEP), ("governance", READ), ("open_call", READ)],
                    vec![("ambiguous_record", READ)],
                ]
                .concat(),
            ),
            (
                "poller",
                [
                    vec![("current_state", READ), ("record_link", READ), ("poll_cursor", KEEP), book],
                    vec![("sync_error_queue", KEEP), ("notification", KEEP), ("event_audit_log", NOTE)],
                    permits.to_vec(),
                ]
                .concat(),
            ),
            (
                "reconcile",
                [
                    vec![("current_state", READ), ("state_history", READ), ("pending_event", READ)],
                    vec![("event_census", READ), ("record_link", READ), mark, book],
                    permits.to_vec(),
                ]
                .concat(),
            ),
            writes_the_book,
        ]),
        Schema::Tenant => BTreeMap::from([
            (
                "sx-writer",
                vec![
                    ("sync_rows", READ),
                    ("outbox_events", &["delete"]),
                    ("synced_events", GROW),
                    ("sync_turns", KEEP),
                    surface,
                    book,
                ],
            ),
            ("outbox", vec![("outbox_events", &["select", "update", "delete"]), surface, book]),
            (
                "migrate",
                vec![
                    ("sync_rows", ALL),
                    ("outbox_events", ALL),
                    ("synced_events", READ),
                    ("sync_turns", READ),
                    ("sync_surface", KEEP),
                    ("schema_migration", KEEP),
                ],
            ),
        ]),
    }
}

/// Rights on one column beside those on rows: schema, role, verb, table, column.
const ON_A_COLUMN: [(Schema, &str, &str, &str, &str); 2] = [
    (Schema::Tenant, "sx-writer", "update", "sync_rows", "edit"),
    (Schema::Tenant, "sx-writer", "select", "outbox_events", "id"),
];

#[tokio::test]
async fn a_role_can_do_what_its_function_needs_and_nothing_else() {
    for schema in Schema::ALL {
        let database = Database::fresh(schema).await;
        let prefix = format!("t-{schema}-");
        let mut root = Root::of(&database, &prefix).await;
        roles::apply(&database.pool, schema, &prefix).await.unwrap();
        roles::apply(&database.pool, schema, &prefix).await.expect("done again it changes nothing");
        let tables = root.tables().await;
        for (role, rights) in expected(schema) {
            let url = root.account(role).await;
            let mut account = MySqlConnection::connect(&url).await.unwrap();
            for (table, columns) in &tables {
                let granted = rights.iter().find(|(name, _)| name == table).map_or(&[][..], |(_, r)| r);
                rows(&mut account, schema, role, table, columns, granted).await;
                match role {
                    "migrate" => by_its_tables(&mut account, schema, table, granted).await,
                    _ => schema_changes(&mut account, role, table).await,
                }
            }
            for (name, _) in &rights {
                assert!(tables.contains_key(*name), "{schema} has no table {name}");
            }
            if role != "migrate" {
                inside(&mut account, role, &prefix).await;
            }
            elsewhere(&mut account, role, &prefix).await;
            account.close().await.unwrap();
        }
        root.remove().await;
    }
}

/// Tries every verb on every column; none of them finds a row, so only the right is asked for.
async fn rows(
    account: &mut MySqlConnection,
    schema: Schema,
    role: &str,
    table: &str,
    columns: &[String],
    granted: &[&str],
) {
    for column in columns {
        for (verb, statement) in [
            ("select", format!("select `{column}` from {table} where false")),
            ("insert", format!("insert into {table} (`{column}`) select '' from dual where false")),
            ("update", format!("update {table} set `{column}` = '' where false")),
        ] {
            let by_itself = ON_A_COLUMN.contains(&(schema, role, verb, table, column));
            let allowed = allowed(account, &statement).await;
            assert_eq!(allowed, by_itself || granted.contains(&verb), "{role}: {statement}");
        }
    }
    let statement = format!("delete from {table} where false");
    assert_eq!(allowed(account, &statement).await, granted.contains(&"delete"), "{role}: {statement}");
}

/// Tries what whoever may change a schema could come to a table's rows by.
async fn by_its_tables(account: &mut MySqlConnection, schema: Schema, table: &str, granted: &[&str]) {
    let mut all = vec![format!("grant select on {table} to current_user()")];
    if !granted.contains(&"select") {
        all.extend([
            format!("create view more as select * from {table}"),
            format!("create table more as select * from {table}"),
            format!("insert into schema_migration (name, checksum) select * from {table}"),
        ]);
    }
    for statement in all {
        assert!(!allowed(account, &statement).await, "migrate in {schema}: {statement}");
    }
}

/// Tries everything that would change the table itself.
async fn schema_changes(account: &mut MySqlConnection, role: &str, table: &str) {
    for statement in [
        format!("truncate table {table}"),
        format!("drop table {table}"),
        format!("alter table {table} add column more int"),
        format!("create index more on {table} (account_id)"),
        format!("rename table {table} to other"),
        format!("create trigger more before insert on {table} for each row set @x = 1"),
        format!("lock tables {table} write"),
        format!("grant select on {table} to current_user()"),
    ] {
        assert!(!allowed(account, &statement).await, "{role}: {statement}");
    }
}

/// Tries what would bring something more into the database.
async fn inside(account: &mut MySqlConnection, role: &str, prefix: &str) {
    for statement in [
        "create table more (id int)".to_string(),
        "create view more as select 1".to_string(),
        "create procedure more() select 1".to_string(),
        format!("set role '{prefix}migrate'"),
    ] {
        assert!(!allowed(account, &statement).await, "{role}: {statement}");
    }
}

/// Tries what would reach beyond the database.
async fn elsewhere(account: &mut MySqlConnection, role: &str, prefix: &str) {
    for statement in [
        "create database more".to_string(),
        "create user more".to_string(),
        format!("create role '{prefix}more'"),
        format!("grant '{prefix}migrate' to current_user()"),
        "select * from mysql.user".to_string(),
        "select * from sync_test_other.secrets".to_string(),
        "set global read_only = 0".to_string(),
        "select 1 into outfile 'more'".to_string(),
    ] {
        assert!(!allowed(account, &statement).await, "{role}: {statement}");
    }
}

/// Whether the server lets the account do this. Any other refusal is the test's own mistake, unless it tells that
/// the right was there.
async fn allowed(account: &mut MySqlConnection, statement: &str) -> bool {
    let Err(error) = account.execute(AssertSqlSafe(statement.to_string())).await else { return true };
    let number = error.as_database_error().and_then(|e| e.try_downcast_ref::<MySqlDatabaseError>());
    match number.map(MySqlDatabaseError::number) {
        // To a database, a table, a column, a routine; privileges, roles, grants.
        Some(1044 | 1142 | 1143 | 1370 | 1227 | 1410 | 3530 | 3961 | 1045) => false,
        // Not granted as a default or at all; no such grant.
        Some(3523 | 1141 | 1147) => false,
        // A value that does not suit the column: it got past the right.
        Some(1292 | 1364 | 1366 | 1265 | 3105 | 1054) => true,
        _ => panic!("{statement}: {error}"),
    }
}
