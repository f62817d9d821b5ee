//! A synced table: its fixed statements, and what a row of it looks like when it was read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use shared::domain::id::{Revision, Side};
use shared::domain::surface::{Field, TypeSurface};
use shared::domain::value::{Kind, LineSpec, Value};
use shared::suitex::{LastCall, Row};
use sqlx::mysql::MySqlRow;
use sqlx::types::Json as Column;
use sqlx::{MySqlConnection, Row as _};
use uuid::Uuid;

use super::names::{ID, child_table, literal, parent_column, quoted};
use super::twins::Key;
use super::wire::{self, Bound};

/// Most rows of one statement.
pub(super) const ROWS_MAX: usize = 64;

/// A list of a synced table.
pub(super) struct List {
    /// Child table, quoted.
    pub(super) table: String,
    /// Its column with the id of the row, quoted.
    pub(super) parent: String,
    /// Takes the locks of all lines of some rows.
    lock: Many,
}

/// A synced table of one tenant.
pub(super) struct Table {
    pub(super) surface: Arc<TypeSurface>,
    /// The table, quoted.
    pub(super) name: String,
    /// By field; `None` for a column.
    pub(super) lists: Vec<Option<List>>,
    by_ids: Many,
    by_sync_id: Arc<str>,
    page: Arc<str>,
    lock_rows: Many,
    lock_revisions: Many,
    take_back: Many,
    /// How to ask for rows by their match keys.
    pub(super) keys: Vec<Key>,
}

/// A statement about some rows: a text for each number of ids that is a power of two.
struct Many(Vec<Arc<str>>);

impl Many {
    /// The statement between whose halves the ids stand.
    fn new(before: &str, after: &str) -> Self {
        let text = |size: u32| {
            let marks = vec!["?"; 1 << size].join(", ");
            Arc::from(format!("{before} in ({marks}){after}"))
        };
        Self((0..=ROWS_MAX.ilog2()).map(text).collect())
    }

    /// The statement for these ids, at most [`ROWS_MAX`]; the last of them fills what is left.
    fn of(&self, ids: &[u64]) -> Bound<'_> {
        let size = ids.len().clamp(1, ROWS_MAX).next_power_of_two();
        let text = Arc::clone(&self.0[size.ilog2() as usize]);
        let all = ids.iter().chain(std::iter::repeat_n(ids.last().unwrap_or(&0), size - ids.len().min(size)));
        all.take(size).fold(sqlx::query(sqlx::AssertSqlSafe(text)), |query, id| query.bind(*id))
    }
}

/// What a column or list holds: a value of its kind, or else the wire form that its kind refuses.
pub(super) type Held = Result<Value, Json>;

/// A living row.
pub(super) struct Living {
    pub(super) id: u64,
    pub(super) sync_id: Option<String>,
    pub(super) revision: Revision,
    /// The last call of ours that changed it.
    last_call: Option<Box<LastCall>>,
    /// By field.
    pub(super) values: Vec<Held>,
}

/// Where a row is to be found.
pub(super) enum Place {
    Living(Living),
    /// It was deleted, at this revision.
    Deleted(Revision),
    Nowhere,
}

impl Table {
    pub(super) fn new(surface: &Arc<TypeSurface>) -> Self {
        let (name, of_table) = (quoted(&surface.suitex), literal(&surface.suitex));
        let read = format!(
            "select s.row_id, s.sync_id, s.revision, s.call_id, s.call_values, s.is_deleted or t.{ID} is null is_deleted, {} held \
             from sync_rows s left join {name} t on t.{ID} = s.row_id where s.table_name = {of_table}",
            row_of(surface),
        );
        let lists = surface.fields.iter().map(|field| list(surface, field)).collect();
        Self {
            lists,
            by_ids: Many::new(&format!("{read} and s.row_id"), ""),
            by_sync_id: format!("{read} and s.sync_id = ? order by s.row_id desc limit 1").into(),
            page: format!(
                "{read} and not s.is_deleted and t.{ID} is not null order by s.row_id limit ? offset ?"
            )
            .into(),
            lock_rows: Many::new(
                &format!("select 1 from {name} where {ID}"),
                &format!(" order by {ID} for update"),
            ),
            lock_revisions: Many::new(
                &format!(
                    "select 1 from sync_rows force index (primary) where table_name = {of_table} and row_id"
                ),
                " order by row_id for update",
            ),
            take_back: Many::new(
                &format!(
                    "delete told from sync_rows own force index (primary) straight_join outbox_events told on told.id = own.outbox_id \
                     where own.table_name = {of_table} and own.row_id"
                ),
                "",
            ),
            keys: Key::all(surface),
            surface: Arc::clone(surface),
            name,
        }
    }

    /// Every fixed statement, by name.
    pub(super) fn statements(&self) -> Vec<(String, Arc<str>)> {
        let name = |what: &str| format!("{}: {what}", self.surface.suitex);
        let own = [("read by canonical id", &self.by_sync_id), ("page", &self.page)];
        let own = own.map(|(what, sql)| (name(what), Arc::clone(sql)));
        let many = [
            ("read by id", &self.by_ids),
            ("lock the rows", &self.lock_rows),
            ("lock their revisions", &self.lock_revisions),
            ("take back", &self.take_back),
        ];
        let many = many.map(|(what, many)| (name(what), many)).into_iter();
        let lists = self.lists.iter().flatten();
        let many = many.chain(lists.map(|list| (format!("{}: lock its lines", list.table), &list.lock)));
        let many = many.flat_map(|(what, many)| {
            let text =
                move |sql: &Arc<str>| (format!("{what}, {} ids", sql.matches('?').count()), Arc::clone(sql));
            many.0.iter().map(text)
        });
        let keys = self.keys.iter().enumerate();
        let keys = keys.map(|(nth, key)| (name(&format!("key {nth}")), Arc::clone(&key.sql)));
        own.into_iter().chain(many).chain(keys).collect()
    }

    /// Keeps everybody else from the rows until the transaction ends. In the order in which a person's statement
    /// comes by them (row, lines, revision), so that neither waits for the other in a circle.
    pub(super) async fn lock(&self, on: &mut MySqlConnection, ids: &[u64]) -> Result<(), sqlx::Error> {
        let lines = self.lists.iter().flatten().map(|list| &list.lock);
        for many in [&self.lock_rows].into_iter().chain(lines).chain([&self.lock_revisions]) {
            many.of(ids).fetch_all(&mut *on).await?;
        }
        Ok(())
    }

    /// Takes out of the outbox what the running edit of these rows has put there. What is done to them from then on is told
    /// in a row of its own.
    pub(super) async fn take_back(&self, on: &mut MySqlConnection, ids: &[u64]) -> Result<(), sqlx::Error> {
        if !ids.is_empty() {
            self.take_back.of(ids).execute(on).await?;
        }
        Ok(())
    }

    /// The row of this id, in one statement: all of it at one moment.
    pub(super) async fn find(&self, on: &mut MySqlConnection, id: u64) -> Result<Place, sqlx::Error> {
        self.place(self.by_ids.of(&[id]).fetch_optional(on).await?)
    }

    /// The rows of these ids, at most [`ROWS_MAX`], in one statement. What was never there is not among them.
    pub(super) async fn find_all(
        &self,
        on: &mut MySqlConnection,
        ids: &[u64],
    ) -> Result<BTreeMap<u64, Place>, sqlx::Error> {
        let rows = self.by_ids.of(ids).fetch_all(on).await?;
        rows.into_iter().map(|row| Ok((row.try_get("row_id")?, self.place(Some(row))?))).collect()
    }

    /// The newest row of this canonical id. A living one is the newest.
    pub(super) async fn find_by_sync_id(
        &self,
        on: &mut MySqlConnection,
        sync_id: &str,
    ) -> Result<Place, sqlx::Error> {
        let query = sqlx::query(sqlx::AssertSqlSafe(Arc::clone(&self.by_sync_id))).bind(sync_id);
        self.place(query.fetch_optional(on).await?)
    }

    /// Living rows by id.
    pub(super) async fn page(
        &self,
        on: &mut MySqlConnection,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let query = sqlx::query(sqlx::AssertSqlSafe(Arc::clone(&self.page))).bind(limit).bind(offset);
        let rows = query.fetch_all(on).await?;
        rows.iter().map(|row| Ok(self.shown(&self.living(row)?))).collect()
    }

    fn place(&self, row: Option<MySqlRow>) -> Result<Place, sqlx::Error> {
        let Some(row) = row else { return Ok(Place::Nowhere) };
        match row.try_get("is_deleted")? {
            true => Ok(Place::Deleted(Revision(row.try_get("revision")?))),
            false => self.living(&row).map(Place::Living),
        }
    }

    fn living(&self, row: &MySqlRow) -> Result<Living, sqlx::Error> {
        let Column(mut held): Column<Map<String, Json>> = row.try_get("held")?;
        let values = self.surface.fields.iter().map(|field| {
            let json = held.remove(&field.suitex).unwrap_or_default();
            field.kind.parse(Side::SuiteX, &json).map_err(|_| json)
        });
        let (call, left): (Option<String>, Option<Column<Map<String, Json>>>) =
            (row.try_get("call_id")?, row.try_get("call_values")?);
        let call = call.and_then(|call| Uuid::parse_str(&call).ok()).zip(left);
        let last_call = call.map(|(operation, Column(values))| {
            Box::new(LastCall { operation, values: self.canonical(values) })
        });
        Ok(Living {
            last_call,
            values: values.collect(),
            id: row.try_get("row_id")?,
            sync_id: row.try_get("sync_id")?,
            revision: Revision(row.try_get("revision")?),
        })
    }

    /// The row as the port shows it.
    pub(super) fn shown(&self, living: &Living) -> Row {
        let mut values = Map::new();
        for (field, held) in self.surface.fields.iter().zip(&living.values) {
            let json = match held {
                Ok(value) => field.kind.render(Side::SuiteX, value),
                Err(json) => json.clone(),
            };
            values.insert(field.suitex.clone(), json);
        }
        let (id, sync_id) = (living.id.to_string(), living.sync_id.clone());
        Row { id, sync_id, revision: living.revision, values, last_call: living.last_call.clone() }
    }

    /// Wire form as MySQL made it, in canonical form where the column's kind takes it.
    pub(super) fn canonical(&self, values: Map<String, Json>) -> Map<String, Json> {
        let canonical = |(name, json): (String, Json)| {
            let field = self.surface.fields.iter().find(|field| field.suitex == name);
            let parsed = field.map(|field| (field, field.kind.parse(Side::SuiteX, &json)));
            match parsed {
                Some((field, Ok(value))) => (name, field.kind.render(Side::SuiteX, &value)),
                Some((_, Err(_))) | None => (name, json),
            }
        };
        values.into_iter().map(canonical).collect()
    }
}

/// The SQL expression of a row as one object, lists included. MySQL puts the members of an object in the order
/// of their ids, and so the lines of a list.
fn row_of(surface: &TypeSurface) -> String {
    let columns = wire::columns_of(surface, "t");
    let lists = surface.fields.iter().filter(|field| matches!(field.kind, Kind::Lines(_)));
    let members: Vec<String> = lists
        .map(|list| {
            let lines = wire::lines_of(surface, list, "t.id");
            format!("{}, json_extract({lines}, '$.*')", literal(&list.suitex))
        })
        .collect();
    match members.is_empty() {
        true => columns,
        false => format!("json_merge_preserve({columns}, json_object({}))", members.join(", ")),
    }
}

fn list(surface: &TypeSurface, field: &Field) -> Option<List> {
    spec(field)?;
    let (table, parent) = (quoted(&child_table(surface, field)), quoted(&parent_column(surface)));
    let lock = Many::new(&format!("select {ID} from {table} where {parent}"), " for update");
    Some(List { table, parent, lock })
}

/// What the lines of a list hold.
pub(super) fn spec(field: &Field) -> Option<&LineSpec> {
    let Kind::Lines(spec) = &field.kind else { return None };
    Some(spec)
}
