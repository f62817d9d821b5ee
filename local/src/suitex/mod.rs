//! SuiteX, simulated: a multi-tenant application with people, its own tables and rules, an outbox beside each
//! change, and the port through which the sync writes to it.
//!
//! It knows nothing of merging. What it promises is what `migrations/tenant` makes MySQL promise: a row's
//! revision goes up by one with each change of it, the outbox row of an edit is written in the same step, ids are never
//! given twice, and a canonical id names one row for ever.

mod api;
mod application;
mod faults;
mod intake;
mod outbox;
mod people;
mod problem;
mod refusal;
mod store;
mod table;
mod tenants;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::domain::id::AccountId;
use shared::domain::surface::SyncConfig;
use shared::runtime::clock::Clock;
use shared::suitex::{By, Look, Row};

use crate::beside::CreatedBeside;

pub use api::router;
pub use application::Application;
pub use faults::{Behaviour, SuiteXFaults};
pub use outbox::{Operation, SyncedEvent};
pub use problem::Problem;

use store::Store;
use table::Table;

/// Called with the account after each commit of a person.
pub type CommitHook = Box<dyn Fn(&AccountId) + Send + Sync>;

/// All tenants' databases and the application on top. Each tenant has its own lock; none is held across an
/// await or while a hook runs.
pub struct SuiteX {
    clock: Arc<dyn Clock>,
    stores: BTreeMap<AccountId, Mutex<Store>>,
    hooks: Mutex<Vec<Arc<CommitHook>>>,
}

impl SuiteX {
    /// An empty database for each configured account.
    pub fn new(config: Arc<SyncConfig>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let store = |account| Mutex::new(Store::new(account));
        let stores = config.accounts.iter().map(|(id, account)| (id.clone(), store(account))).collect();
        Arc::new(Self { clock, stores, hooks: Mutex::default() })
    }

    /// Has `hook` called after each commit of a person, outside of all locks.
    pub fn on_commit(&self, hook: CommitHook) {
        lock(&self.hooks).push(Arc::new(hook));
    }

    /// Sets how an account's SuiteX behaves from now on.
    pub fn set_faults(&self, account: &AccountId, faults: SuiteXFaults) {
        if let Some(mut store) = self.store(account) {
            store.faults = faults;
        }
    }

    /// A row, whether or not the database is down: for looking on from outside.
    pub fn row(&self, account: &AccountId, record_type: &str, id: &str) -> Option<Row> {
        match self.look_at(account, record_type, |table| table.look(By::Id(id)))? {
            Look::Found(row) => Some(row),
            Look::Deleted(_) | Look::Missing => None,
        }
    }

    /// All rows of a type by id, whether or not the database is down.
    pub fn all(&self, account: &AccountId, record_type: &str) -> Vec<Row> {
        self.look_at(account, record_type, |table| table.rows().collect()).unwrap_or_default()
    }

    /// How many outbox rows have not been dispatched.
    pub fn outbox_len(&self, account: &AccountId) -> usize {
        self.store(account).map_or(0, |store| store.outbox.len())
    }

    /// How many changes of the sync changed something.
    pub fn sync_writes(&self, account: &AccountId) -> u64 {
        self.store(account).map_or(0, |store| store.synced_events.len() as u64)
    }

    /// Rows that the sync created beside others that they could be.
    pub fn created_beside(&self, account: &AccountId) -> Vec<CreatedBeside> {
        self.store(account).map_or_else(Vec::new, |store| store.beside.clone())
    }

    /// The rows of `synced_events`: one for each change of the sync that changed something.
    pub fn synced_events(&self, account: &AccountId) -> Vec<SyncedEvent> {
        self.store(account).map_or_else(Vec::new, |store| store.synced_events.clone())
    }

    fn store(&self, account: &AccountId) -> Option<MutexGuard<'_, Store>> {
        self.stores.get(account).map(lock)
    }

    fn look_at<T>(
        &self,
        account: &AccountId,
        record_type: &str,
        look: impl FnOnce(&Table) -> T,
    ) -> Option<T> {
        let store = self.store(account)?;
        let at = store.table_of(record_type)?;
        Some(look(store.table(at)))
    }

    fn committed(&self, account: &AccountId) {
        // A copy, so that a hook may add hooks.
        let hooks = lock(&self.hooks).clone();
        for hook in hooks {
            hook(account);
        }
    }
}

/// A panic under the lock is a failed test already; the data is as good as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
