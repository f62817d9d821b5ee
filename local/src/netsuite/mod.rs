//! A NetSuite that speaks: RESTlet, REST web services, and the pages on which people edit.
//!
//! The same code answers over a socket in `cargo run` and in process in the simulation. It starts no tasks
//! and asks nobody but the clock for the time and its own seeded dice for chance, so equal seeds and equal
//! calls give equal answers. It lets everybody in until it is told whom (`sign_in`), and knows no fields beyond the sync
//! surface.
//!
//! ```text
//! sign_in, around:
//! restlet ─┐                       ┌─ late calls land when their time has come
//! rest ────┼─► gate (pool, faults) ┼─► save ─► store (tables, references) ─► user_event queue,
//! suiteql ─┘                       │               │                        or the account's scripts
//! ui ──────────────────────────────┘               │ what became visible since the last query
//!                                          query ─► mirror (SQLite)
//! ```
//!
//! With [`Scripts::Deployed`] the files that customers deploy do the work of `restlet` and `user_event`: see
//! `scripts`. With [`Scripts::Native`] no thread is started and nothing depends on the order of threads.

mod account;
mod catalog;
mod cause;
mod faults;
mod gate;
mod mirror;
mod notes;
mod record;
mod refusal;
mod reply;
mod rest;
mod restlet;
mod rules;
mod save;
mod schema;
pub(crate) mod scripts;
mod settings;
mod sign_in;
mod store;
mod sublist;
mod suiteql;
mod table;
#[cfg(test)]
mod tests;
mod ui;
mod unseen;
mod user_event;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use serde_json::{Map, Value as Json};
use shared::domain::id::{AccountId, RecordType};
use shared::domain::surface::SyncConfig;
use shared::netsuite::wire::Refusal;
use shared::runtime::clock::Clock;

use crate::beside::CreatedBeside;
use account::{Account, State};
use sign_in::Door;
use table::Table;
use user_event::Origin;

pub use account::Stats;
pub use cause::Cause;
pub use faults::{Behaviour, Faults};
pub use record::Snapshot;
pub use rules::Rules;
pub use scripts::{Answer, Deployed, Files, Mode, Outside, Post, Scripts, Unreached};
pub use settings::{
    DeletedType, HiddenRecords, NoteFields, NotesShown, Nulls, ScriptDates, Settings, UnsetCheckbox,
};
pub use sign_in::{Certificate, Integration};

/// Largest body that NetSuite takes, in bytes.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// Every account's NetSuite.
pub struct NetSuite {
    accounts: BTreeMap<AccountId, Arc<Account>>,
    /// The accounts by how they appear in an address: our id, or NetSuite's in the form that host names have.
    addresses: BTreeMap<String, Arc<Account>>,
}

impl NetSuite {
    /// One empty, healthy NetSuite for each configured account. An account's dice depend on the seed and its
    /// name only.
    pub fn new(config: Arc<SyncConfig>, clock: Arc<dyn Clock>, seed: u64, scripts: Scripts) -> Arc<NetSuite> {
        let mut accounts = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for (id, surface) in &config.accounts {
            let account = Account::new(surface, Arc::clone(&clock), seed, &scripts);
            addresses.entry(host_form(&surface.netsuite_account)).or_insert_with(|| Arc::clone(&account));
            accounts.insert(id.clone(), account);
        }
        // Our own ids win over NetSuite's.
        addresses.extend(accounts.iter().map(|(id, account)| (host_form(id.as_str()), Arc::clone(account))));
        Arc::new(NetSuite { accounts, addresses })
    }

    /// All of NetSuite's addresses, under `/netsuite/{account}/`.
    pub fn router(self: &Arc<Self>) -> Router {
        restlet::routes()
            .merge(rest::routes())
            .merge(suiteql::routes())
            .layer(from_fn_with_state(Arc::clone(self), sign_in::guard))
            .merge(sign_in::routes())
            .merge(ui::routes())
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(Arc::clone(self))
    }

    /// From now on an account lets in this integration alone; until then, everybody.
    pub fn require_sign_in(&self, account: &AccountId, integration: Integration) -> Result<(), Refusal> {
        let account = self.account(account)?;
        account.enter().door = Some(Door::new(account.netsuite_account.clone(), integration));
        Ok(())
    }

    /// NetSuite forgets every access token of an account, as when an administrator revokes them.
    pub fn forget_tokens(&self, account: &AccountId) {
        self.look(account, |state| state.door.as_mut().map(Door::forget_tokens));
    }

    /// Puts faults into force in an account, from the next call on. Refused when a behaviour names no field.
    pub fn set_faults(&self, account: &AccountId, faults: Faults) -> Result<(), Refusal> {
        Ok(self.account(account)?.enter().set_faults(faults)?)
    }

    /// The faults in force in an account.
    pub fn faults(&self, account: &AccountId) -> Faults {
        self.look(account, |state| state.faults().clone())
    }

    /// How many faults were injected into an account so far, by kind.
    pub fn injected(&self, account: &AccountId) -> BTreeMap<&'static str, u64> {
        self.look(account, |state| state.injected().clone())
    }

    /// What happened in an account so far.
    pub fn stats(&self, account: &AccountId) -> Stats {
        self.look(account, |state| state.stats)
    }

    /// Saves and deletions by RESTlet that changed something, of a type: internal id and how often.
    pub fn writes(&self, account: &AccountId, record_type: &RecordType) -> Vec<(String, u64)> {
        self.look(account, |state| {
            let Ok(table) = state.store.table_of(record_type) else { return Vec::new() };
            let of = state.writes.range((table, 0)..=(table, u64::MAX));
            of.map(|((_, id), times)| (id.to_string(), *times)).collect()
        })
    }

    /// Records that the native twin of our RESTlet created beside others that they could be.
    pub fn created_beside(&self, account: &AccountId) -> Vec<CreatedBeside> {
        self.look(account, |state| state.beside.clone())
    }

    /// A person creates a record; the answer is its internal id. Where scripts are deployed, this and what follows
    /// wait for them: async callers go `scripts::aside`. `user_event: false`: as by CSV import,
    /// which User Events do not see.
    pub fn ui_create(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        values: &Map<String, Json>,
        user_event: bool,
        user: &str,
    ) -> Result<String, Refusal> {
        self.account(account)?.act(|state| {
            let table = state.store.table_of(record_type)?;
            Ok(state.create(table, None, values, &Origin::person(user, user_event))?.to_string())
        })
    }

    /// A person edits a record: the named fields are set, null clears, an array replaces a sublist.
    pub fn ui_edit(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        id: &str,
        values: &Map<String, Json>,
        user_event: bool,
        user: &str,
    ) -> Result<(), Refusal> {
        self.account(account)?.act(|state| {
            let table = state.store.table_of(record_type)?;
            state.update(table, ui::parse_id(id)?, values, &Origin::person(user, user_event))?;
            Ok(())
        })
    }

    /// Something changes a record; User Events see it as NetSuite has it.
    pub fn change(
        &self,
        account: &AccountId,
        (record_type, id): (&RecordType, &str),
        values: &Map<String, Json>,
        cause: Cause,
    ) -> Result<(), Refusal> {
        self.account(account)?.act(|state| {
            let table = state.store.table_of(record_type)?;
            let origin = cause.origin("ann", &state.faults().settings);
            state.update(table, ui::parse_id(id)?, values, &origin)?;
            Ok(())
        })
    }

    /// A person deletes a record.
    pub fn ui_delete(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        id: &str,
        user_event: bool,
        user: &str,
    ) -> Result<(), Refusal> {
        self.account(account)?.act(|state| {
            let table = state.store.table_of(record_type)?;
            Ok(state.delete(table, ui::parse_id(id)?, &Origin::person(user, user_event))?)
        })
    }

    /// A record as it is now.
    pub fn snapshot(&self, account: &AccountId, record_type: &RecordType, id: &str) -> Option<Snapshot> {
        let id = record::internal_id(id)?;
        self.look_at(account, record_type, |table| table.get(id).map(|r| r.snapshot(&table.schema)))
    }

    /// Every record of a type, by id.
    pub fn all(&self, account: &AccountId, record_type: &RecordType) -> Vec<Snapshot> {
        self.look_at(account, record_type, |table| {
            table.records().map(|record| record.snapshot(&table.schema)).collect()
        })
    }

    /// Records last saved in this second or later, by time and id.
    pub fn changed_since(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        seconds: i64,
    ) -> Vec<Snapshot> {
        self.look_at(account, record_type, |table| {
            table.changed_since(seconds).map(|record| record.snapshot(&table.schema)).collect()
        })
    }

    /// Records deleted in this second or later, by time and id: internal id, second, external id.
    pub fn deleted_since(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        seconds: i64,
    ) -> Vec<(String, i64, Option<String>)> {
        let told = |deletion: &table::Deletion| {
            (deletion.id.to_string(), deletion.at, deletion.external_id.as_deref().map(str::to_string))
        };
        self.look_at(account, record_type, |table| table.deleted_since(seconds).map(told).collect())
    }

    /// The bodies that the User Event script has posted since this was last asked.
    pub fn take_user_events(&self, account: &AccountId) -> Vec<Json> {
        self.look(account, |state| std::mem::take(&mut state.user_events))
    }

    /// The account under an address.
    fn account_at(&self, address: &str) -> Option<&Arc<Account>> {
        self.addresses.get(address).or_else(|| self.addresses.get(&host_form(address)))
    }

    fn account(&self, account: &AccountId) -> Result<&Arc<Account>, Refusal> {
        self.accounts.get(account).ok_or_else(|| account::unknown_account(account))
    }

    /// Looks at an account; one that does not exist looks empty.
    fn look<T: Default>(&self, account: &AccountId, look: impl FnOnce(&mut State) -> T) -> T {
        self.accounts.get(account).map_or_else(T::default, |account| look(&mut account.enter()))
    }

    /// Looks at a type's records; a type that does not exist has none.
    fn look_at<T: Default>(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        look: impl FnOnce(&Table) -> T,
    ) -> T {
        self.look(account, |state| match state.store.table_of(record_type) {
            Ok(table) => look(state.store.table(table)),
            Err(_) => T::default(),
        })
    }
}

/// An account's name as it stands in a host name: `1234567_SB1` is `1234567-sb1`.
fn host_form(account: &str) -> String {
    account.to_ascii_lowercase().replace('_', "-")
}
