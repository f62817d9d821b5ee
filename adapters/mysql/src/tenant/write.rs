//! One write in one transaction: lock, compare, write, look again. The sync writes so, and so do people. What the
//! sync updates it updates together, as far as nothing is refused: each statement then serves many rows.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use shared::domain::id::{Revision, Side};
use shared::domain::surface::FieldIx;
use shared::domain::value::Value;
use shared::suitex::{Applied, Change, TenantWrite};
use sqlx::{Connection, MySqlConnection};
use uuid::Uuid;

use crate::fault::{Cause, cause};

use super::intake::{self, Values, accept, column};
use super::lines::Writing;
use super::names::{ID, number, quoted};
use super::refusal::{Refusal, names_a_living_row};
use super::table::{Held, Living, Place, Table, spec};
use super::wire::{Param, bind};

/// Our own name in `actor`.
const SYNC_ACTOR: &str = "suitex-sync";

/// What tells the triggers who writes. The edit is the transaction: all that it does to a row is one edit.
const TELL_TRIGGERS: &str = "set @sync_actor = ?, @sync_id = ?, @sync_call = ?, @sync_edit = uuid()";

/// A line key that no other line has.
const FRESH_LINE_KEY: &str = "select concat('sx-', uuid_short())";

/// The same of another call: what it does to a row is an edit of its own, for the edit is a row's.
const TELL_CALL: &str = "set @sync_call = ?";

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
    Create { sync_id: Option<&'a str>, values: &'a Map<String, Json> },
    Update { id: &'a str, known: Option<Known<'a>>, values: &'a Map<String, Json> },
    Delete { id: &'a str, known: Option<Known<'a>> },
}

/// How the row must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    revision: Revision,
    expected: &'a Map<String, Json>,
}

impl<'a> From<&'a Change> for Deed<'a> {
    fn from(change: &'a Change) -> Self {
        let known = |revision: &Revision, expected| Some(Known { revision: *revision, expected });
        match change {
            Change::Create { sync_id, values } => Deed::Create { sync_id: Some(sync_id), values },
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
enum Stop {
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
    let mut transaction = on.begin().await?;
    let applied = match (Write { on: &mut transaction, table, author }).perform(deed).await {
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

/// An update by the sync.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update<'a> {
    /// The row.
    pub(super) id: u64,
    known: Known<'a>,
    values: &'a Map<String, Json>,
    operation: Uuid,
}

impl<'a> Update<'a> {
    /// The update that a write of ours is, if it is one.
    pub(super) fn of(write: &'a TenantWrite<'_>) -> Option<Self> {
        let Change::Update { id, revision, expected, values } = &write.change else { return None };
        let known = Known { revision: *revision, expected };
        Some(Self { id: number(id)?, known, values, operation: write.operation })
    }
}

/// Does updates of different rows in one transaction; an answer for each, in their order. `None`: one of them is refused,
/// and nothing was done; singly, the others go through.
pub(super) async fn update_all(
    on: &mut MySqlConnection,
    table: &Table,
    updates: &[Update<'_>],
) -> Result<Option<Vec<Applied>>, sqlx::Error> {
    let mut transaction = on.begin().await?;
    let mut write = Write { on: &mut transaction, table, author: Author::Sync(Uuid::nil()) };
    match write.update_all(updates).await {
        Ok(applied) => {
            transaction.commit().await?;
            Ok(Some(applied))
        }
        Err(Stop::Failed(error)) if !is_refusal(&error) => Err(error),
        Err(Stop::Refused(_) | Stop::Failed(_)) => {
            transaction.rollback().await?;
            Ok(None)
        }
    }
}

/// Whether the database has said no, and will say so again: not lost, and in nobody's way.
fn is_refusal(error: &sqlx::Error) -> bool {
    match cause(error) {
        Cause::Duplicate | Cause::Refused(_) | Cause::Denied(_) | Cause::Server(_) => true,
        Cause::Deadlock | Cause::LockWait | Cause::Lost => false,
    }
}

/// A write under way.
struct Write<'a> {
    on: &'a mut MySqlConnection,
    table: &'a Table,
    author: Author<'a>,
}

impl Write<'_> {
    async fn perform(&mut self, deed: Deed<'_>) -> Result<Applied, Stop> {
        let (actor, call) = match self.author {
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
            Deed::Create { sync_id, values } => self.create(sync_id, values).await,
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

    async fn update_all(&mut self, updates: &[Update<'_>]) -> Result<Vec<Applied>, Stop> {
        let ids: Vec<u64> = updates.iter().map(|update| update.id).collect();
        let nobody = None::<String>;
        sqlx::query(TELL_TRIGGERS)
            .bind(SYNC_ACTOR)
            .bind(&nobody)
            .bind(&nobody)
            .execute(&mut *self.on)
            .await?;
        self.table.lock(self.on, &ids).await?;
        let mut found = self.table.find_all(self.on, &ids).await?;
        let (mut before, mut applied) = (BTreeMap::new(), Vec::with_capacity(updates.len()));
        for update in updates {
            let place = found.remove(&update.id).unwrap_or(Place::Nowhere);
            let row = match as_known(self.table, place, Some(update.known)) {
                Ok(row) => row,
                Err(elsewhere) => {
                    applied.push(Some(elsewhere));
                    continue;
                }
            };
            let told = sqlx::query(TELL_CALL).bind(update.operation.to_string());
            told.execute(&mut *self.on).await?;
            applied.push(self.set(&row, Some(update.known), update.values).await?);
            before.insert(update.id, row.revision);
        }
        let mut after = self.table.find_all(self.on, &ids).await?;
        let mut changed = Vec::new();
        let answers = ids.iter().zip(applied).map(|(id, mismatch)| {
            let Some(Place::Living(row)) = after.remove(id) else {
                return mismatch.unwrap_or(Applied::Gone(None));
            };
            if before.get(id).is_some_and(|before| *before != row.revision) {
                changed.push((*id, row.revision));
            }
            mismatch.unwrap_or_else(|| Applied::Done(Some(self.table.shown(&row))))
        });
        let answers = answers.collect();
        self.tell_suitex("update", &changed).await?;
        Ok(answers)
    }

    /// Tells SuiteX which rows the sync has changed, with their revisions.
    async fn tell_suitex(&mut self, operation: &str, changed: &[(u64, Revision)]) -> Result<(), Stop> {
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

    async fn create(&mut self, sync_id: Option<&str>, values: &Map<String, Json>) -> Result<Applied, Stop> {
        if let Some(sync_id) = sync_id
            && let Place::Living(row) = self.table.find_by_sync_id(self.on, sync_id).await?
        {
            // Setting its values unseen could undo what somebody did to it since.
            return Ok(Applied::Mismatch(self.table.shown(&row)));
        }
        let wanted = self.accept(values).await?;
        let (lists, columns): (Values, Values) = wanted.into_iter().partition(|(ix, _)| self.is_list(*ix));
        let id = self.insert_row(&columns).await?;
        for (ix, value) in &lists {
            self.write_list(id, *ix, &Ok(Value::Null), value).await?;
        }
        self.answer(id, "create", Revision(0)).await
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
    async fn set(
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

    /// The row as it is now, and word to SuiteX when the sync made it so. `before` is its last revision.
    async fn answer(&mut self, id: u64, operation: &str, before: Revision) -> Result<Applied, Stop> {
        let (revision, applied) = match self.table.find(self.on, id).await? {
            Place::Living(row) => (row.revision, Applied::Done(Some(self.table.shown(&row)))),
            Place::Deleted(at) => (at, Applied::Done(None)),
            Place::Nowhere => (before, Applied::Done(None)),
        };
        if matches!(self.author, Author::Sync(_)) && revision != before {
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
fn as_known(table: &Table, place: Place, known: Option<Known<'_>>) -> Result<Living, Applied> {
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
