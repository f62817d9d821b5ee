//! Lists in child tables: what to delete, set and insert so that a row has the lines that it is to have.

use std::sync::Arc;

use shared::domain::value::{LineSpec, Lines, Value};
use sqlx::MySqlConnection;

use super::names::quoted;
use super::table::{Held, List};
use super::wire::{Param, bind};

/// Rows of one insert. A statement takes 65,535 parameters.
const AT_ONCE: usize = 200;

/// A list of one row, about to be written.
pub(super) struct Writing<'a> {
    pub(super) list: &'a List,
    pub(super) spec: &'a LineSpec,
    /// The row that has the list.
    pub(super) id: u64,
}

/// A list without lines.
static NONE: Lines = Lines::new();

fn lines_of(value: &Value) -> &Lines {
    match value {
        Value::Lines(lines) => lines,
        _ => &NONE,
    }
}

impl Writing<'_> {
    /// Makes `wanted` of what is there. Only lines that differ are written, by their keys; a list without keys,
    /// or one that cannot be read, is written anew.
    pub(super) async fn write(
        &self,
        on: &mut MySqlConnection,
        held: &Held,
        wanted: &Value,
    ) -> Result<(), sqlx::Error> {
        let wanted = lines_of(wanted);
        let (Ok(held), true) = (held, self.spec.key.is_some()) else {
            self.delete_all(on).await?;
            return self.insert(on, &wanted.iter().collect::<Vec<_>>()).await;
        };
        let held = lines_of(held);
        let gone: Vec<&str> =
            held.keys().filter(|key| !wanted.contains_key(*key)).map(|key| &**key).collect();
        self.delete(on, &gone).await?;
        for (key, line) in wanted {
            if let Some(old) = held.get(key) {
                self.update(on, key, old, line).await?;
            }
        }
        let new: Vec<_> = wanted.iter().filter(|(key, _)| !held.contains_key(*key)).collect();
        self.insert(on, &new).await
    }

    /// Deletes every line of the row.
    pub(super) async fn delete_all(&self, on: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let List { table, parent, .. } = self.list;
        let sql = format!("delete from {table} where {parent} = ?");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(self.id).execute(on).await?;
        Ok(())
    }

    async fn delete(&self, on: &mut MySqlConnection, keys: &[&str]) -> Result<(), sqlx::Error> {
        let List { table, parent, .. } = self.list;
        for keys in keys.chunks(AT_ONCE) {
            let marks = marks(keys.len());
            let sql = format!("delete from {table} where {parent} = ? and {} in ({marks})", self.key());
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(self.id);
            keys.iter().fold(query, |query, key| query.bind(*key)).execute(&mut *on).await?;
        }
        Ok(())
    }

    async fn update(
        &self,
        on: &mut MySqlConnection,
        key: &str,
        old: &[Value],
        new: &[Value],
    ) -> Result<(), sqlx::Error> {
        let both = self.spec.columns.iter().zip(old.iter().zip(new));
        let changed: Vec<_> =
            both.filter(|(_, (old, new))| old != new).map(|(c, (_, new))| (c, new)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let List { table, parent, .. } = self.list;
        let sets: Vec<_> = changed.iter().map(|(c, _)| format!("{} = ?", quoted(&c.suitex))).collect();
        let sql = format!("update {table} set {} where {parent} = ? and {} = ?", sets.join(", "), self.key());
        let query = sqlx::query(sqlx::AssertSqlSafe(sql));
        let query = changed.iter().fold(query, |query, (c, new)| bind(query, Param::of(&c.kind, new)));
        query.bind(self.id).bind(key).execute(on).await?;
        Ok(())
    }

    async fn insert(
        &self,
        on: &mut MySqlConnection,
        lines: &[(&Arc<str>, &Vec<Value>)],
    ) -> Result<(), sqlx::Error> {
        let key = self.spec.key.as_ref().map(|key| quoted(&key.suitex));
        let columns = self.spec.columns.iter().map(|column| quoted(&column.suitex));
        let columns: Vec<_> = [self.list.parent.clone()].into_iter().chain(key).chain(columns).collect();
        for lines in lines.chunks(AT_ONCE) {
            let row = format!("({})", marks(columns.len()));
            let rows = vec![row.as_str(); lines.len()].join(", ");
            let sql = format!("insert into {} ({}) values {rows}", self.list.table, columns.join(", "));
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for (key, line) in lines {
                query = query.bind(self.id);
                if self.spec.key.is_some() {
                    query = query.bind(&***key);
                }
                for (column, value) in self.spec.columns.iter().zip(*line) {
                    query = bind(query, Param::of(&column.kind, value));
                }
            }
            query.execute(&mut *on).await?;
        }
        Ok(())
    }

    /// The key's column, compared byte by byte whatever its own collation.
    fn key(&self) -> String {
        let key = self.spec.key.as_ref().map_or("", |key| &key.suitex);
        format!("convert({} using utf8mb4) collate utf8mb4_0900_bin", quoted(key))
    }
}

fn marks(n: usize) -> String {
    vec!["?"; n].join(", ")
}
