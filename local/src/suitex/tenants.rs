//! The port through which the sync works on tenant databases.

use async_trait::async_trait;
use serde_json::{Map, Value as Json};
use shared::domain::id::{AccountId, Revision, Side};
use shared::domain::identity::{CANDIDATES_MAX, Unless};
use shared::fault::Unavailable;
use shared::suitex::{Applied, By, Change, Look, OutboxPage, Tenants};
use uuid::Uuid;

use super::SuiteX;
use super::intake::{Values, column};
use super::refusal::Refusal;
use super::store::{Author, Store, TableIx};
use super::table::{Place, Table};

#[async_trait]
impl Tenants for SuiteX {
    async fn read(&self, account: &AccountId, table: &str, by: By<'_>) -> Result<Look, Unavailable> {
        self.database(account, |store| match store.table_named(table) {
            Some(at) => Ok(store.table(at).look(by)),
            None => Err(Unavailable::new("suitex", format!("there is no table {table:?}"))),
        })
    }

    async fn apply(
        &self,
        account: &AccountId,
        table: &str,
        operation: Uuid,
        change: &Change,
    ) -> Result<Applied, Unavailable> {
        self.database(account, |store| {
            let author = Author::Sync(operation, self.clock.now());
            Ok(apply(store, table, change, author).unwrap_or_else(Applied::from))
        })
    }

    async fn outbox(&self, account: &AccountId, limit: usize) -> Result<OutboxPage, Unavailable> {
        self.database(account, |store| {
            let rows = store.outbox.oldest(limit);
            Ok(OutboxPage { has_more: rows.len() == limit, rows })
        })
    }

    async fn dispatched(&self, account: &AccountId, seqs: &[u64]) -> Result<(), Unavailable> {
        self.database(account, |store| {
            store.outbox.dispatched(seqs);
            Ok(())
        })
    }
}

impl SuiteX {
    /// Works on an account's database, when it can be reached.
    fn database<T>(
        &self,
        account: &AccountId,
        work: impl FnOnce(&mut Store) -> Result<T, Unavailable>,
    ) -> Result<T, Unavailable> {
        let Some(mut store) = self.store(account) else {
            return Err(Unavailable::new("suitex", format!("there is no database of {account}")));
        };
        if store.faults.down {
            return Err(Unavailable::new("suitex", format!("the database of {account} is down")));
        }
        work(&mut store)
    }
}

fn apply(store: &mut Store, table: &str, change: &Change, author: Author<'_>) -> Result<Applied, Refusal> {
    let at = store.table_named(table).ok_or_else(|| Refusal::UnknownTable { table: table.to_string() })?;
    match change {
        Change::Create { sync_id, values, unless } => create(store, at, sync_id, values, unless, author),
        Change::Update { id, revision, expected, values } => match find(store.table(at), id, *revision) {
            Ok(id) => update(store, at, id, expected, values, author),
            Err(elsewhere) => Ok(elsewhere),
        },
        Change::Delete { id, revision, expected } => match find(store.table(at), id, *revision) {
            Ok(id) if !is_as_expected(store.table(at), id, expected, &Vec::new())? => {
                Ok(Applied::Mismatch(store.table(at).row(id)))
            }
            Ok(id) => store.remove(at, id, author).map(|()| Applied::Done(None)),
            Err(elsewhere) => Ok(elsewhere),
        },
    }
}

/// The live row of this id and revision; else what to answer.
fn find(table: &Table, id: &str, revision: Revision) -> Result<u64, Applied> {
    match table.find(By::Id(id)) {
        Place::Live(id) if table.record(id).revision == revision => Ok(id),
        Place::Live(id) => Err(Applied::Mismatch(table.row(id))),
        Place::Deleted(at) => Err(Applied::Gone(Some(at))),
        Place::Nowhere => Err(Applied::Gone(None)),
    }
}

fn create(
    store: &mut Store,
    at: TableIx,
    sync_id: &str,
    values: &Map<String, Json>,
    unless: &Unless,
    author: Author<'_>,
) -> Result<Applied, Refusal> {
    if let Place::Live(id) = store.table(at).find(By::SyncId(sync_id)) {
        // Setting its values unseen could undo what somebody did to it since.
        return Ok(Applied::Mismatch(store.table(at).row(id)));
    }
    let table = store.table(at);
    let twins = table.keys().forbidding(&table.surface, Side::SuiteX, unless, || {
        table.rows().filter_map(|row| Some((row.id.parse().ok()?, row.values))).collect()
    });
    if !twins.is_empty() {
        return Ok(Applied::Twins(twins.into_iter().take(CANDIDATES_MAX).map(|id| table.row(id)).collect()));
    }
    let beside = table.keys().beside(&table.surface, Side::SuiteX, sync_id, values, &unless.except);
    store.beside.extend(beside);
    let wanted = store.accept(at, values)?;
    let id = store.insert(at, Some(sync_id), wanted, author)?;
    Ok(Applied::Done(Some(store.table(at).row(id))))
}

fn update(
    store: &mut Store,
    at: TableIx,
    id: u64,
    expected: &Map<String, Json>,
    values: &Map<String, Json>,
    author: Author<'_>,
) -> Result<Applied, Refusal> {
    let wanted = store.accept(at, values)?;
    if !is_as_expected(store.table(at), id, expected, &wanted)? {
        return Ok(Applied::Mismatch(store.table(at).row(id)));
    }
    store.set(at, id, wanted, author)?;
    Ok(Applied::Done(Some(store.table(at).row(id))))
}

/// Whether each expected column holds its expected value, or already the wanted one.
fn is_as_expected(
    table: &Table,
    id: u64,
    expected: &Map<String, Json>,
    wanted: &Values,
) -> Result<bool, Refusal> {
    for (name, value) in expected {
        let ix = column(&table.surface, name)?;
        let current = &table.record(id).values[ix];
        let is_wanted = wanted.iter().any(|(of, value)| *of == ix && value == current);
        // What SuiteX cannot hold cannot be there.
        let is_expected =
            || table.surface.fields[ix].kind.parse(Side::SuiteX, value).is_ok_and(|v| v == *current);
        if !is_wanted && !is_expected() {
            return Ok(false);
        }
    }
    Ok(true)
}
