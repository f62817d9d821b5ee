//! One write in one transaction: lock, compare, write, look again. The sync writes so, and so do people.

use serde_json::{Map, Value as Json};
use shared::domain::id::{Revision, Side};
use shared::domain::identity::Unless;
use shared::domain::surface::FieldIx;
use shared::domain::value::Value;
use shared::suitex::{Applied, Change};
use sqlx::{Connection, MySqlConnection};
use uuid::Uuid;

use super::intake::{self, Values, accept, column};
use super::lines::Writing;
use super::names::{ID, number, quoted};
use super::refusal::{Refusal, names_a_living_row};
use super::table::{Held, Living, Place, Table, spec};
use super::twins;
use super::wire::{Param, bind};

/// Our own name in `actor`.
pub(super) const SYNC_ACTOR: &str = "suitex-sync";

/// What tells the triggers who writes. The edit is the transaction: all that it does to a row is one edit.
pub(super) const TELL_TRIGGERS: &str =
    "set @sync_actor = ?, @sync_id = ?, @sync_call = ?, @sync_edit = uuid()";

/// A line key that no other line has.
const FRESH_LINE_KEY: &str = "select concat('sx-', uuid_short())";

/// Tells SuiteX of changes by the sync.
const TELL_SUITEX: &str = "insert into synced_events (table_name, row_id, operation, revision) values";

/// Who writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Author<'a> {
    /// The sync, by one of its calls; SuiteX is told of it.
    Sync(Uuid),
    /// Somebody in SuiteX.
    Person(&'a str),
}

/// What is to be done. A person's write expects nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed<'a> {
    Create { sync_id: Option<&'a str>, values: &'a Map<String, Json>, unless: Option<&'a Unless> },
    Update { id: &'a str, known: Option<Known<'a>>, values: &'a Map<String, Json> },
    Delete { id: &'a str, known: Option<Known<'a>> },
}

impl Deed<'_> {
    /// What is looked for before something is created.
    fn asks(&self) -> Option<&Unless> {
        match self {
            Deed::Create { unless, .. } => unless.filter(|unless| !unless.keys.is_empty()),
            Deed::Update { .. } | Deed::Delete { .. } => None,
        }
    }
}

/// How the row must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) revision: Revision,
    pub(super) expected: &'a Map<String, Json>,
}

impl<'a> From<&'a Change> for Deed<'a> {
    fn from(change: &'a Change) -> Self {
        let known = |revision: &Revision, expected| Some(Known { revision: *revision, expected });
        match change {
            Change::Create { sync_id, values, unless } => {
                Deed::Create { sync_id: Some(sync_id), values, unless: Some(unless) }
            }
            Change::Update { id, revision, expected, values } => {
                Deed::Update { id, known: known(revision, expected), values }
            }
            Change::Delete { id, revision, expected } => {
                Deed::Delete { id, known: known(revision, expected) }
            }
        }
    }
}

/// Why a write ended early.
pub(super) enum Stop {
    Refused(Refusal),
    Failed(sqlx::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Stop::Failed(error)
    }
}

/// A refusal of the row, or of one of its lists, or a failure.
fn refused(list: Option<&str>) -> impl Fn(sqlx::Error) -> Stop {
    move |error| match Refusal::of(&error, list) {
        Some(refusal) if !names_a_living_row(&error) => Stop::Refused(refusal),
        _ => Stop::Failed(error),
    }
}

/// Does `deed` in one transaction. When the connection dies on the way, all of it is undone, or else all of it
/// is done: the caller reads the error as unknown.
pub(super) async fn write(
    on: &mut MySqlConnection,
    table: &Table,
    author: Author<'_>,
    deed: Deed<'_>,
) -> Result<Applied, sqlx::Error> {
    let mut transaction = match deed.asks() {
        Some(_) => on.begin_with(twins::SEES_UNCOMMITTED).await?,
        None => on.begin().await?,
    };
    let is_ours = matches!(author, Author::Sync(_));
    let applied = match (Write { on: &mut transaction, table, is_ours }).perform(author, deed).await {
        Ok(applied) => applied,
        Err(Stop::Refused(refusal)) => {
            transaction.rollback().await?;
            return Ok(refusal.into());
        }
        Err(Stop::Failed(error)) => return Err(error),
    };
    transaction.commit().await?;
    Ok(applied)
}

/// A write under way.
pub(super) struct Write<'a> {
    pub(super) on: &'a mut MySqlConnection,
    pub(super) table: &'a Table,
    /// The sync writes, and SuiteX is told of it.
    pub(super) is_ours: bool,
}

impl Write<'_> {
    async fn perform(&mut self, author: Author<'_>, deed: Deed<'_>) -> Result<Applied, Stop> {
        let (actor, call) = match author {
            Author::Sync(operation) => (SYNC_ACTOR, Some(operation.to_string())),
            Author::Person(name) => (name, None),
        };
        let sync_id = match deed {
            Deed::Create { sync_id, .. } => sync_id.filter(|_| call.is_some()),
            Deed::Update { .. } | Deed::Delete { .. } => None,
        };
        let told = sqlx::query(TELL_TRIGGERS).bind(actor).bind(sync_id).bind(call);
        told.execute(&mut *self.on).await?;
        match deed {
            Deed::Create { sync_id, values, .. } => self.create(sync_id, values, deed.asks()).await,
            Deed::Update { id, known, values } => match self.hold(id, known).await? {
                Ok(living) => self.update(living, known, values).await,
                Err(elsewhere) => Ok(elsewhere),
            },
            Deed::Delete { id, known } => match self.hold(id, known).await? {
                Ok(living) => self.delete(living, known).await,
                Err(elsewhere) => Ok(elsewhere),
            },
        }
    }

    /// Tells SuiteX which rows the sync has changed, with their revisions.
    pub(super) async fn tell_suitex(
        &mut self,
        operation: &str,
        changed: &[(u64, Revision)],
    ) -> Result<(), Stop> {
        if changed.is_empty() {
            return Ok(());
        }
        let rows = vec!["(?, ?, ?, ?)"; changed.len()].join(", ");
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{TELL_SUITEX} {rows}")));
        let query = changed.iter().fold(query, |query, (id, revision)| {
            query.bind(&self.table.surface.suitex).bind(*id).bind(operation).bind(revision.0)
        });
        query.execute(&mut *self.on).await?;
        Ok(())
    }

    /// The living row of this id, at the revision that is known; else what to answer.
    async fn hold(&mut self, id: &str, known: Option<Known<'_>>) -> Result<Result<Living, Applied>, Stop> {
        let Some(id) = number(id) else { return Ok(Err(Applied::Gone(None))) };
        self.table.lock(self.on, &[id]).await?;
        Ok(as_known(self.table, self.table.find(self.on, id).await?, known))
    }

    async fn create(
        &mut self,
        sync_id: Option<&str>,
        values: &Map<String, Json>,
        unless: Option<&Unless>,
    ) -> Result<Applied, Stop> {
        if let Some(unless) = unless {
            twins::take_turns(self.on, self.table, unless).await?;
        }
        if let Some(row) = self.made_before(sync_id).await? {
            // Setting its values unseen could undo what somebody did to it since.
            return Ok(Applied::Mismatch(self.table.shown(&row)));
        }
        if let Some(unless) = unless {
            let rows = twins::find(self.on, self.table, unless).await?;
            if !rows.is_empty() {
                return Ok(Applied::Twins(rows));
            }
        }
        let wanted = self.accept(values).await?;
        let (lists, columns): (Values, Values) = wanted.into_iter().partition(|(ix, _)| self.is_list(*ix));
        let id = self.insert_row(&columns).await?;
        for (ix, value) in &lists {
            self.write_list(id, *ix, &Ok(Value::Null), value).await?;
        }
        self.answer(id, "create", Revision(0)).await
    }

    /// The living row of this canonical id. One that is only just being made is waited for.
    async fn made_before(&mut self, sync_id: Option<&str>) -> Result<Option<Living>, Stop> {
        let Some(sync_id) = sync_id else { return Ok(None) };
        let Place::Living(row) = self.table.find_by_sync_id(self.on, sync_id).await? else { return Ok(None) };
        self.table.lock(self.on, &[row.id]).await?;
        Ok(match self.table.find(self.on, row.id).await? {
            Place::Living(row) => Some(row),
            Place::Deleted(_) | Place::Nowhere => None,
        })
    }

    async fn update(
        &mut self,
        row: Living,
        known: Option<Known<'_>>,
        values: &Map<String, Json>,
    ) -> Result<Applied, Stop> {
        match self.set(&row, known, values).await? {
            Some(mismatch) => Ok(mismatch),
            None => self.answer(row.id, "update", row.revision).await,
        }
    }

    /// Sets what differs, or says that the row is not as expected.
    pub(super) async fn set(
        &mut self,
        row: &Living,
        known: Option<Known<'_>>,
        values: &Map<String, Json>,
    ) -> Result<Option<Applied>, Stop> {
        let wanted = self.accept(values).await?;
        if let Some(known) = known
            && !is_as_expected(self.table, row, known.expected, &wanted)?
        {
            return Ok(Some(Applied::Mismatch(self.table.shown(row))));
        }
        let changed = wanted.into_iter().filter(|(ix, value)| row.values[*ix].as_ref() != Ok(value));
        let (lists, columns): (Values, Values) = changed.partition(|(ix, _)| self.is_list(*ix));
        self.update_row(row.id, &columns).await?;
        for (ix, value) in &lists {
            self.write_list(row.id, *ix, &row.values[*ix], value).await?;
        }
        Ok(None)
    }

    async fn delete(&mut self, row: Living, known: Option<Known<'_>>) -> Result<Applied, Stop> {
        if let Some(known) = known
            && !is_as_expected(self.table, &row, known.expected, &Vec::new())?
        {
            return Ok(Applied::Mismatch(self.table.shown(&row)));
        }
        for ix in 0..self.table.lists.len() {
            if let Some((list, writing)) = self.list(row.id, ix) {
                writing.delete_all(self.on).await.map_err(refused(Some(&list)))?;
            }
        }
        let sql = format!("delete from {} where {ID} = ?", self.table.name);
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(row.id);
        query.execute(&mut *self.on).await.map_err(refused(None))?;
        self.answer(row.id, "delete", row.revision).await
    }

    /// The values to store. Keys for lines that have none come from MySQL.
    async fn accept(&mut self, values: &Map<String, Json>) -> Result<Values, Stop> {
        let mut keys = Vec::new();
        for _ in 0..intake::keyless_lines(&self.table.surface, values) {
            keys.push(sqlx::query_scalar(FRESH_LINE_KEY).fetch_one(&mut *self.on).await?);
        }
        Ok(accept(&self.table.surface, values, keys)?)
    }

    async fn insert_row(&mut self, columns: &Values) -> Result<u64, Stop> {
        let names: Vec<_> = columns.iter().map(|(ix, _)| self.column(*ix)).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!("insert into {} ({}) values ({marks})", self.table.name, names.join(", "));
        let query = columns.iter().fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, (ix, value)| {
            bind(query, Param::of(&self.table.surface.fields[*ix].kind, value))
        });
        Ok(query.execute(&mut *self.on).await.map_err(refused(None))?.last_insert_id())
    }

    async fn update_row(&mut self, id: u64, columns: &Values) -> Result<(), Stop> {
        if columns.is_empty() {
            return Ok(());
        }
        let sets: Vec<_> = columns.iter().map(|(ix, _)| format!("{} = ?", self.column(*ix))).collect();
        let sql = format!("update {} set {} where {ID} = ?", self.table.name, sets.join(", "));
        let query = columns.iter().fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, (ix, value)| {
            bind(query, Param::of(&self.table.surface.fields[*ix].kind, value))
        });
        query.bind(id).execute(&mut *self.on).await.map_err(refused(None))?;
        Ok(())
    }

    async fn write_list(&mut self, id: u64, ix: FieldIx, held: &Held, wanted: &Value) -> Result<(), Stop> {
        let Some((list, writing)) = self.list(id, ix) else { return Ok(()) };
        writing.write(self.on, held, wanted).await.map_err(refused(Some(&list)))
    }

    /// The row as it is now, and word to SuiteX when the sync made it so. `before` is its last revision. What the answer
    /// says need not come back as news; what SuiteX's own triggers did to other rows does.
    async fn answer(&mut self, id: u64, operation: &str, before: Revision) -> Result<Applied, Stop> {
        let (revision, applied) = match self.table.find(self.on, id).await? {
            Place::Living(row) => (row.revision, Applied::Done(Some(self.table.shown(&row)))),
            Place::Deleted(at) => (at, Applied::Done(None)),
            Place::Nowhere => (before, Applied::Done(None)),
        };
        if self.is_ours && revision != before {
            // A create is told, for its caller may not live to hear which row it made.
            if operation != "create" {
                self.table.take_back(self.on, &[id]).await?;
            }
            self.tell_suitex(operation, &[(id, revision)]).await?;
        }
        Ok(applied)
    }

    fn is_list(&self, ix: FieldIx) -> bool {
        self.table.lists[ix].is_some()
    }

    fn column(&self, ix: FieldIx) -> String {
        quoted(&self.table.surface.fields[ix].suitex)
    }
}

impl<'a> Write<'a> {
    /// A list of row `id`, with its name. `None` when the field is a column.
    fn list(&self, id: u64, ix: FieldIx) -> Option<(String, Writing<'a>)> {
        let table = self.table;
        let field = &table.surface.fields[ix];
        let (list, spec) = (table.lists[ix].as_ref()?, spec(field)?);
        Some((field.suitex.clone(), Writing { list, spec, id }))
    }
}

/// The living row, at the revision that is known; else what to answer.
pub(super) fn as_known(table: &Table, place: Place, known: Option<Known<'_>>) -> Result<Living, Applied> {
    match place {
        Place::Living(row) if known.is_none_or(|known| known.revision == row.revision) => Ok(row),
        Place::Living(row) => Err(Applied::Mismatch(table.shown(&row))),
        Place::Deleted(at) => Err(Applied::Gone(Some(at))),
        Place::Nowhere => Err(Applied::Gone(None)),
    }
}

/// Whether each expected column holds its expected value, or already the wanted one.
fn is_as_expected(
    table: &Table,
    row: &Living,
    expected: &Map<String, Json>,
    wanted: &Values,
) -> Result<bool, Refusal> {
    for (name, json) in expected {
        let ix = column(&table.surface, name)?;
        let held = &row.values[ix];
        let is_wanted = wanted.iter().any(|(of, value)| *of == ix && held.as_ref() == Ok(value));
        // What SuiteX cannot hold cannot be there.
        let is_expected = || match held {
            Ok(held) => table.surface.fields[ix].kind.parse(Side::SuiteX, json).is_ok_and(|v| v == *held),
            Err(held) => held == json,
        };
        if !is_wanted && !is_expected() {
            return Ok(false);
        }
    }
    Ok(true)
}
