//! The triggers that notice every edit of a synced table, made from the sync surface. Pure, but for [`run`].
//!
//! Who writes does not matter: a query builder, a migration, a person at a console. A trigger only says what a
//! row was and is; the procedures of `migrations/tenant` find out what changed, count the revision and write
//! the outbox row.
//!
//! ```text
//! customers           insert → sync_created   update → sync_edited   delete → sync_deleted
//! sales_orders_lines  insert, update, delete → sync_line → sync_edited of the order
//! ```
//!
//! An application may say who edits (`set @sync_actor = 'ann'`), and that the statements of a transaction are one
//! edit and not one each (`set @sync_edit = uuid()` when it begins, null when it has ended). Both are kindnesses:
//! nothing is lost without them.
//!
//! What MySQL's triggers do not see: `TRUNCATE`, and rows that a foreign key deletes or sets to null. A list
//! may go with its row by `ON DELETE CASCADE`; nothing else synced may be changed by one.

use std::collections::BTreeSet;

use shared::domain::surface::{Account, Field, TypeSurface};
use shared::domain::value::{Kind, LineSpec};
use sqlx::{Connection, MySqlConnection, MySqlPool};

use super::names::{ID, child_table, literal, parent_column, quoted};
use super::table::spec;
use super::wire::{self, column_type};

/// A statement of the data definition language. The statements of one list belong on one connection, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(String);

impl Statement {
    /// Its SQL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What makes the synced tables of an account tell their edits, for the first time or after the surface has
/// changed. They must exist, and so must the tables and procedures of `migrations/tenant`.
///
/// A table is locked while its triggers are exchanged: no edit falls in between. Then every row that is not
/// known yet is taken in, at revision 1.
pub fn ddl(account: &Account) -> Vec<Statement> {
    let mut statements = vec![Statement("set session lock_wait_timeout = 30".to_string())];
    for surface in account.types.values() {
        statements.extend(triggers(surface));
        statements.push(take_in(surface));
    }
    statements
}

/// The tables that [`ddl`] speaks of: business tables and their lists.
pub fn tables(account: &Account) -> Vec<String> {
    account.types.values().flat_map(|surface| tables_of(surface)).collect()
}

/// The names of the triggers that [`ddl`] makes.
pub(super) fn trigger_names(account: &Account) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for surface in account.types.values() {
        for table in tables_of(surface) {
            names.extend(EVENTS.map(|event| trigger_name(&table, "after", event)));
        }
        let keyed = lists(surface).filter(|(_, spec)| spec.key.is_some());
        names.extend(keyed.map(|(list, _)| trigger_name(&child_table(surface, list), "before", "insert")));
    }
    names
}

/// Removes triggers.
pub(super) fn without_triggers<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<Statement> {
    let drop = |name: &String| Statement(format!("drop trigger if exists {}", quoted(name)));
    names.into_iter().map(drop).collect()
}

/// The synced tables themselves, for development and tests; in life they are SuiteX's. References are foreign
/// keys, which refuse what SuiteX refuses.
pub fn business_tables(account: &Account) -> Vec<Statement> {
    // A table may refer to one that comes later.
    let mut statements = vec![Statement("set session foreign_key_checks = off".to_string())];
    for surface in account.types.values() {
        statements.push(business_table(account, surface));
        statements.extend(lists(surface).map(|(list, spec)| list_table(account, surface, list, spec)));
    }
    statements
}

/// Runs statements on a connection of their own.
///
/// # Errors
///
/// The first statement's that failed; those before it stay done, and all may be run again.
pub async fn run(pool: &MySqlPool, statements: &[Statement]) -> Result<(), sqlx::Error> {
    // Not back to the pool: it may hold table locks, and settings of its own.
    let mut connection = pool.acquire().await?.detach();
    run_on(&mut connection, statements).await?;
    connection.close().await
}

/// Runs statements on a connection that nobody uses for anything else afterwards.
pub(super) async fn run_on(
    connection: &mut MySqlConnection,
    statements: &[Statement],
) -> Result<(), sqlx::Error> {
    for statement in statements {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.as_str())).execute(&mut *connection).await?;
    }
    Ok(())
}

fn lists(surface: &TypeSurface) -> impl Iterator<Item = (&Field, &LineSpec)> {
    surface.fields.iter().filter_map(|field| Some((field, spec(field)?)))
}

/// A type's table, and those of its lists.
fn tables_of(surface: &TypeSurface) -> impl Iterator<Item = String> {
    let children = lists(surface).map(|(list, _)| child_table(surface, list));
    std::iter::once(surface.suitex.clone()).chain(children)
}

fn triggers(surface: &TypeSurface) -> Vec<Statement> {
    let locks: Vec<_> = tables_of(surface).map(|table| format!("{} write", quoted(&table))).collect();
    let mut statements = vec![Statement(format!("lock tables {}", locks.join(", ")))];
    statements.extend(row_triggers(surface));
    for (list, spec) in lists(surface) {
        statements.extend(line_triggers(surface, list, spec));
    }
    statements.push(Statement("unlock tables".to_string()));
    statements
}

fn row_triggers(surface: &TypeSurface) -> Vec<Statement> {
    let table = literal(&surface.suitex);
    let new = wire::columns_of(surface, "new");
    let gather_changes = wire::gather_changes(surface, "was", "is_now");
    let created = |row: &str| format!("call sync_created({table}, {row}.{ID}, {new});");
    let deleted = |row: &str| format!("call sync_deleted({table}, {row}.{ID});");
    let edited = format!(
        "declare was, is_now json default json_object(); \
         if old.{ID} = new.{ID} then {gather_changes} call sync_edited({table}, new.{ID}, was, is_now); \
         else {} {} end if;",
        deleted("old"),
        created("new"),
    );
    [("insert", created("new")), ("update", edited), ("delete", deleted("old"))]
        .into_iter()
        .flat_map(|(event, body)| trigger(&surface.suitex, "after", event, &body))
        .collect()
}

fn line_triggers(surface: &TypeSurface, list: &Field, spec: &LineSpec) -> Vec<Statement> {
    let child = child_table(surface, list);
    let parent = quoted(&parent_column(surface));
    let call = |row: &str, line: &str| {
        let (table, list) = (literal(&surface.suitex), literal(&list.suitex));
        format!("call sync_line({table}, {row}.{parent}, {list}, {row}.{ID}, {line});")
    };
    let (added, removed) = (call("new", &wire::line_of(spec, "new")), call("old", "null"));
    let edited = format!(
        "if not (old.{parent} <=> new.{parent} and old.{ID} = new.{ID}) then {removed} end if; {added}"
    );
    let mut statements = Vec::new();
    if let Some(key) = &spec.key {
        let key = quoted(&key.suitex);
        let given = format!(
            "if coalesce(length(new.{key}), 0) = 0 then set new.{key} = concat('sx-', uuid_short()); end if;"
        );
        statements.extend(trigger(&child, "before", "insert", &given));
    }
    for (event, body) in [("insert", added), ("update", edited), ("delete", removed)] {
        statements.extend(trigger(&child, "after", event, &body));
    }
    statements
}

/// What a row may meet.
const EVENTS: [&str; 3] = ["insert", "update", "delete"];

/// Each trigger has its table's name in its own.
pub(super) fn trigger_name(table: &str, time: &str, event: &str) -> String {
    format!("sync_{table}_{event}_{time}")
}

/// Puts a trigger in the place of the one that had its name.
fn trigger(table: &str, time: &str, event: &str, body: &str) -> [Statement; 2] {
    let name = quoted(&trigger_name(table, time, event));
    let table = quoted(table);
    [
        Statement(format!("drop trigger if exists {name}")),
        Statement(format!("create trigger {name} {time} {event} on {table} for each row begin {body} end")),
    ]
}

/// Takes in the rows that are there, and lists as they are now. It waits for edits under way and lets nobody
/// edit what it has read, so that it cannot keep an old list.
fn take_in(surface: &TypeSurface) -> Statement {
    let table = literal(&surface.suitex);
    let members: Vec<String> = lists(surface)
        .map(|(list, _)| {
            let lines = wire::lines_of(surface, list, "t.id");
            // The clause belongs to the query in brackets.
            let locked = format!("{} for share)", &lines[..lines.len() - 1]);
            format!("{}, coalesce({locked}, json_object())", literal(&list.suitex))
        })
        .collect();
    let refresh = if members.is_empty() { "row_id = fresh.row_id" } else { "lists = fresh.lists" };
    Statement(format!(
        "insert into sync_rows (table_name, row_id, revision, lists) \
         select table_name, row_id, revision, lists from (\
         select {table} table_name, t.{ID} row_id, 1 revision, json_object({}) lists from {} t for share\
         ) fresh on duplicate key update {refresh}",
        members.join(", "),
        quoted(&surface.suitex),
    ))
}

fn business_table(account: &Account, surface: &TypeSurface) -> Statement {
    let mut parts = vec![format!("{ID} bigint unsigned not null auto_increment primary key")];
    for field in surface.fields.iter().filter(|field| spec(field).is_none()) {
        parts.push(format!("{} {} null", quoted(&field.suitex), column_type(&field.kind)));
        parts.extend(foreign_key(account, &field.suitex, &field.kind));
    }
    parts.extend(surface.match_keys.iter().filter_map(|key| index(surface, &surface.fields[*key.first()?])));
    create(&surface.suitex, &parts)
}

fn list_table(account: &Account, surface: &TypeSurface, list: &Field, spec: &LineSpec) -> Statement {
    let (parent, table) = (quoted(&parent_column(surface)), quoted(&surface.suitex));
    let mut parts = vec![
        format!("{ID} bigint unsigned not null auto_increment primary key"),
        format!("{parent} bigint unsigned not null"),
        format!("foreign key ({parent}) references {table} ({ID}) on delete cascade"),
    ];
    match &spec.key {
        Some(key) => {
            let key = quoted(&key.suitex);
            parts.push(format!("{key} varchar(200) collate utf8mb4_0900_bin null"));
            parts.push(format!("unique key ({parent}, {key})"));
        }
        None => parts.push(format!("key ({parent})")),
    }
    for column in &spec.columns {
        parts.push(format!("{} {} null", quoted(&column.suitex), column_type(&column.kind)));
        parts.extend(foreign_key(account, &column.suitex, &column.kind));
    }
    create(&child_table(surface, list), &parts)
}

/// An index by which rows with a match key are found. A reference has one already.
fn index(surface: &TypeSurface, first: &Field) -> Option<String> {
    let name = quoted(&format!("match_{}_{}", surface.suitex, first.suitex));
    let column = quoted(&first.suitex);
    let length = if column_type(&first.kind).ends_with("text") { "(191)" } else { "" };
    (!matches!(first.kind, Kind::Reference { .. })).then(|| format!("key {name} ({column}{length})"))
}

fn foreign_key(account: &Account, column: &str, kind: &Kind) -> Option<String> {
    let Kind::Reference { to } = kind else { return None };
    let table = quoted(&account.types.get(to)?.suitex);
    Some(format!("foreign key ({}) references {table} ({ID})", quoted(column)))
}

fn create(table: &str, parts: &[String]) -> Statement {
    Statement(format!(
        "create table if not exists {} ({}) default character set utf8mb4 collate utf8mb4_0900_ai_ci",
        quoted(table),
        parts.join(", "),
    ))
}
