//! What people do in SuiteX, as plain calls; `api` is the same over the wire.

use serde_json::{Map, Value as Json};
use shared::domain::id::AccountId;
use shared::suitex::{By, Row};

use super::SuiteX;
use super::problem::Problem;
use super::store::{Author, Store, TableIx};
use super::table::Place;

impl SuiteX {
    /// Creates a row. The type may be ours (`customer`) or SuiteX's table (`customers`), here and below.
    pub fn create(
        &self,
        account: &AccountId,
        record_type: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Problem> {
        self.step(account, record_type, |store, at| {
            let wanted = store.accept(at, values)?;
            let id = store.insert(at, None, wanted, Author::Person(actor, self.clock.now()))?;
            Ok(store.table(at).row(id))
        })
    }

    /// Sets some columns of a row. A list is replaced as a whole.
    pub fn edit(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Problem> {
        self.step(account, record_type, |store, at| {
            let id = live(store, at, id)?;
            let wanted = store.accept(at, values)?;
            store.set(at, id, wanted, Author::Person(actor, self.clock.now()))?;
            Ok(store.table(at).row(id))
        })
    }

    /// Deletes a row.
    pub fn delete(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        actor: &str,
    ) -> Result<(), Problem> {
        self.step(account, record_type, |store, at| {
            let id = live(store, at, id)?;
            Ok(store.remove(at, id, Author::Person(actor, self.clock.now()))?)
        })
    }

    /// A row as people see it.
    pub(super) fn view(&self, account: &AccountId, record_type: &str, id: &str) -> Result<Row, Problem> {
        self.step(account, record_type, |store, at| Ok(store.table(at).row(live(store, at, id)?)))
    }

    /// Some rows as people see them, by id.
    pub(super) fn list(
        &self,
        account: &AccountId,
        record_type: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Row>, Problem> {
        self.step(account, record_type, |store, at| {
            Ok(store.table(at).rows().skip(offset).take(limit).collect())
        })
    }

    /// Does `work` in one step, and calls the hooks after it if it left something in the outbox.
    fn step<T>(
        &self,
        account: &AccountId,
        record_type: &str,
        work: impl FnOnce(&mut Store, TableIx) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let mut store = self.store(account).ok_or_else(|| Problem::no_account(account.as_str()))?;
        if store.faults.down {
            return Err(Problem::down());
        }
        let at = store.table_of(record_type).ok_or_else(|| Problem::no_type(record_type))?;
        let before = store.outbox.last_seq();
        let result = work(&mut store, at);
        let has_committed = store.outbox.last_seq() != before;
        drop(store);
        if has_committed {
            self.committed(account);
        }
        result
    }
}

fn live(store: &Store, at: TableIx, id: &str) -> Result<u64, Problem> {
    let table = store.table(at);
    match table.find(By::Id(id)) {
        Place::Live(id) => Ok(id),
        Place::Deleted(_) => Err(Problem::deleted(table.name(), id)),
        Place::Nowhere => Err(Problem::no_row(table.name(), id)),
    }
}
