//! The port `Tenants` over the tenants' own MySQL databases, and SuiteX's people on the same.
//!
//! [`ddl`] makes triggers that notice every edit; `write` writes as the port says; `outbox` hands the edits on.
//! Business tables are SuiteX's: their names come from the sync surface, their rules are MySQL's constraints.

mod app;
mod ddl;
mod index;
mod intake;
mod lines;
mod names;
mod outbox;
mod refusal;
mod surface;
mod table;
mod twins;
mod updates;
mod wire;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use shared::domain::id::AccountId;
use shared::domain::surface::{Account, SyncConfig};
use shared::fault::Unavailable;
use shared::suitex::{Applied, By, Change, Look, OutboxPage, TenantWrite, Tenants};
use sqlx::{MySqlConnection, MySqlPool};
use uuid::Uuid;

use crate::fault::{retrying, unavailable};
use crate::pool::{self, PoolOptions};
use names::number;
use table::{Place, ROWS_MAX, Table};
use updates::{Update, update_all};
use write::{Author, Deed, write};

pub use app::{App, Obstacle};
pub use ddl::{Statement, business_tables, ddl, run, tables};
pub use index::Unindexed;
pub(crate) use names::quoted;
pub use refusal::Refusal;
pub use surface::{check, make};

/// Most connections to one tenant's database.
const CONNECTIONS: u32 = 4;

/// How often a create looks again for a row that somebody else was creating.
const CREATE_ATTEMPTS: u32 = 3;

/// Where each account's database is: `mysql://user:password@host:port/database`.
#[derive(Clone, Default)]
pub struct TenantAddresses(pub BTreeMap<AccountId, String>);

impl fmt::Debug for TenantAddresses {
    /// Without the addresses: they hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The tenants' databases: a small pool for each account, so that one that is away or slow holds up no other.
pub struct MysqlTenants {
    tenants: BTreeMap<AccountId, Tenant>,
    /// Those that must be left alone, and why.
    aside: BTreeMap<AccountId, String>,
    /// Spreads those who collide.
    dice: AtomicU64,
}

/// One account's database.
struct Tenant {
    pool: MySqlPool,
    tables: Vec<Table>,
}

impl Tenant {
    fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.surface.suitex == name)
    }
}

impl MysqlTenants {
    /// The databases of the configured accounts that have an address. They are connected when they are first
    /// used. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the addresses, a line each.
    pub fn new(config: &SyncConfig, addresses: &TenantAddresses) -> Result<Self, Vec<String>> {
        let (mut tenants, mut wrong) = (BTreeMap::new(), Vec::new());
        for (id, url) in &addresses.0 {
            let Some(account) = config.accounts.get(id) else {
                wrong.push(format!("a tenant database is given for {id}, which is not a configured account"));
                continue;
            };
            match tenant(account, url) {
                Ok(tenant) => drop(tenants.insert(id.clone(), tenant)),
                Err(bad) => wrong.push(format!("the tenant database of {id}: {bad}")),
            }
        }
        let dice = AtomicU64::new(u64::from(std::process::id()));
        if wrong.is_empty() { Ok(Self { tenants, aside: BTreeMap::new(), dice }) } else { Err(wrong) }
    }

    /// Leaves the databases of these accounts alone: whoever asks for them is told the reason.
    #[must_use]
    pub fn without(mut self, aside: BTreeMap<AccountId, String>) -> Self {
        self.aside = aside;
        self
    }

    /// The pool of an account's database.
    pub fn pool(&self, account: &AccountId) -> Option<&MySqlPool> {
        self.tenants.get(account).map(|tenant| &tenant.pool)
    }

    /// Every fixed statement that runs on an account's database, with a name: for tests of how MySQL runs it.
    pub fn statements(&self, account: &AccountId) -> Vec<(String, Arc<str>)> {
        let tables = self.tenants.get(account).map_or(&[][..], |tenant| &tenant.tables);
        let outbox = [("outbox: oldest", outbox::OLDEST), ("outbox: values", outbox::VALUES)];
        let outbox = outbox.map(|(name, sql)| (name.to_string(), Arc::from(sql)));
        tables.iter().flat_map(Table::statements).chain(outbox).collect()
    }

    /// The match keys of an account's types that no index of its database serves.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn unindexed(&self, account: &AccountId) -> Result<Vec<Unindexed>, Unavailable> {
        let tenant = self.tenant(account)?;
        let work = |mut on: Connection| async move {
            let mut all = Vec::new();
            for table in &tenant.tables {
                all.extend(index::unindexed(&mut on, account, table).await?);
            }
            Ok(all)
        };
        self.on(tenant, work).await.map_err(unavailable("suitex"))
    }

    fn tenant(&self, account: &AccountId) -> Result<&Tenant, Unavailable> {
        if let Some(why) = self.aside.get(account) {
            return Err(Unavailable::new(
                "suitex",
                format!("{account} is set aside until the next start: {why}"),
            ));
        }
        let tenant = self.tenants.get(account);
        tenant.ok_or_else(|| Unavailable::new("suitex", format!("there is no database of {account}")))
    }

    /// Does `work` on a connection, again when it lost a deadlock or a wait for a lock.
    async fn on<T, W>(&self, tenant: &Tenant, work: impl Fn(Connection) -> W) -> Result<T, sqlx::Error>
    where
        W: Future<Output = Result<T, sqlx::Error>>,
    {
        let dice = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        retrying(dice, || async { work(tenant.pool.acquire().await?).await }).await
    }

    /// Answers of updates that could be done together; none where they could not.
    async fn update_all(
        &self,
        tenant: &Tenant,
        table: &Table,
        updates: &[(usize, Update<'_>)],
    ) -> Result<Vec<Applied>, Unavailable> {
        let updates: Vec<Update<'_>> = updates.iter().map(|(_, update)| *update).collect();
        let updates = &updates[..];
        let work = |mut on: Connection| async move { update_all(&mut on, table, updates).await };
        let done = self.on(tenant, work).await.map_err(unavailable("suitex"))?;
        Ok(done.unwrap_or_default())
    }

    async fn write(
        &self,
        tenant: &Tenant,
        table: &Table,
        author: Author<'_>,
        deed: Deed<'_>,
    ) -> Result<Applied, Unavailable> {
        let mut attempt = 1;
        loop {
            let work = |mut on: Connection| async move { write(&mut on, table, author, deed).await };
            match self.on(tenant, work).await {
                // Somebody created the same record while we did: the row is there now.
                Err(error) if attempt < CREATE_ATTEMPTS && refusal::names_a_living_row(&error) => {
                    attempt += 1
                }
                done => return done.map_err(unavailable("suitex")),
            }
        }
    }
}

type Connection = sqlx::pool::PoolConnection<sqlx::MySql>;

fn tenant(account: &Account, url: &str) -> Result<Tenant, pool::BadAddress> {
    let pool = pool::connect(&PoolOptions { connections: CONNECTIONS, ..PoolOptions::new(url) })?;
    Ok(Tenant { pool, tables: account.types.values().map(Table::new).collect() })
}

#[async_trait]
impl Tenants for MysqlTenants {
    async fn read(&self, account: &AccountId, table: &str, by: By<'_>) -> Result<Look, Unavailable> {
        let tenant = self.tenant(account)?;
        let Some(table) = tenant.table(table) else {
            return Err(Unavailable::new("suitex", format!("there is no table {table:?}")));
        };
        let work = |mut on: Connection| async move { place(&mut on, table, by).await };
        Ok(match self.on(tenant, work).await.map_err(unavailable("suitex"))? {
            Place::Living(row) => Look::Found(table.shown(&row)),
            Place::Deleted(revision) => Look::Deleted(revision),
            Place::Nowhere => Look::Missing,
        })
    }

    async fn apply(
        &self,
        account: &AccountId,
        table: &str,
        operation: Uuid,
        change: &Change,
    ) -> Result<Applied, Unavailable> {
        let tenant = self.tenant(account)?;
        match tenant.table(table) {
            Some(table) => self.write(tenant, table, Author::Sync(operation), change.into()).await,
            None => Ok(Refusal::unknown_table(table).into()),
        }
    }

    async fn apply_all(
        &self,
        account: &AccountId,
        writes: &[TenantWrite<'_>],
    ) -> Result<Vec<Applied>, Unavailable> {
        let tenant = self.tenant(account)?;
        let mut answers: Vec<Option<Applied>> = writes.iter().map(|_| None).collect();
        for table in &tenant.tables {
            let of_table = |write: &TenantWrite<'_>| write.table == table.surface.suitex;
            let updates = writes.iter().enumerate().filter(|(_, write)| of_table(write));
            let mut rows = BTreeSet::new();
            let updates = updates.filter_map(|(at, write)| Some((at, Update::of(write)?)));
            let updates: Vec<_> = updates.filter(|(_, update)| rows.insert(update.id)).collect();
            for updates in updates.chunks(ROWS_MAX).filter(|updates| updates.len() > 1) {
                for (answer, (at, _)) in
                    self.update_all(tenant, table, updates).await?.into_iter().zip(updates)
                {
                    answers[*at] = Some(answer);
                }
            }
        }
        let mut all = Vec::with_capacity(writes.len());
        for (answer, write) in answers.into_iter().zip(writes) {
            let answer = match answer {
                Some(answer) => Ok(answer),
                None => self.apply(account, write.table, write.operation, &write.change).await,
            };
            match answer {
                Ok(answer) => all.push(answer),
                Err(error) if all.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(all)
    }

    async fn outbox(&self, account: &AccountId, limit: usize) -> Result<OutboxPage, Unavailable> {
        let tenant = self.tenant(account)?;
        let work = |mut on: Connection| async move { outbox::oldest(&mut on, &tenant.tables, limit).await };
        self.on(tenant, work).await.map_err(unavailable("suitex"))
    }

    async fn dispatched(&self, account: &AccountId, seqs: &[u64]) -> Result<(), Unavailable> {
        let tenant = self.tenant(account)?;
        let work = |mut on: Connection| async move { outbox::remove(&mut on, seqs).await };
        self.on(tenant, work).await.map_err(unavailable("suitex"))
    }
}

async fn place(on: &mut MySqlConnection, table: &Table, by: By<'_>) -> Result<Place, sqlx::Error> {
    match by {
        By::Id(id) => match number(id) {
            Some(id) => table.find(on, id).await,
            None => Ok(Place::Nowhere),
        },
        By::SyncId(sync_id) => table.find_by_sync_id(on, sync_id).await,
    }
}
