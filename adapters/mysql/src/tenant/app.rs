//! What people do in SuiteX, on real tenant databases: the simulated application without its own store. It
//! stands for SuiteX in development and tests; it is no part of the sync.

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use shared::domain::id::AccountId;
use shared::fault::Unavailable;
use shared::suitex::{Applied, Row};

use super::refusal::Refusal;
use super::table::{Place, Table};
use super::write::{Author, Deed};
use super::{Connection, MysqlTenants, Tenant, number};
use crate::fault::unavailable;

/// Why a request of a person was not carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Obstacle {
    /// No database of this account is known.
    #[error("there is no account {0:?}")]
    NoAccount(String),
    /// The account has neither a type nor a table of this name.
    #[error("there is no record type {0:?}")]
    NoType(String),
    /// The table never had such a row.
    #[error("{table} has no row {id:?}")]
    NoRow {
        /// SuiteX's table.
        table: String,
        /// The id that was asked for.
        id: String,
    },
    /// The row was deleted.
    #[error("row {id:?} of {table} was deleted")]
    Deleted {
        /// SuiteX's table.
        table: String,
        /// The id that was asked for.
        id: String,
    },
    /// SuiteX's own rules refuse it.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The database is away.
    #[error(transparent)]
    Down(#[from] Unavailable),
}

/// SuiteX's people. A type may be ours (`customer`) or SuiteX's table (`customers`).
pub struct App {
    tenants: Arc<MysqlTenants>,
}

impl App {
    /// People on these databases.
    pub fn new(tenants: Arc<MysqlTenants>) -> Self {
        Self { tenants }
    }

    /// Creates a row.
    pub async fn create(
        &self,
        account: &AccountId,
        record_type: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Obstacle> {
        let row = self
            .perform(account, record_type, actor, Deed::Create { sync_id: None, values, unless: None })
            .await?;
        row.ok_or_else(|| Unavailable::new("suitex", "the new row is gone").into())
    }

    /// Sets some columns of a row. A list is replaced as a whole.
    pub async fn edit(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Obstacle> {
        let deed = Deed::Update { id, known: None, values };
        let row = self.perform(account, record_type, actor, deed).await?;
        row.ok_or_else(|| Unavailable::new("suitex", "the edited row is gone").into())
    }

    /// Deletes a row.
    pub async fn delete(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        actor: &str,
    ) -> Result<(), Obstacle> {
        self.perform(account, record_type, actor, Deed::Delete { id, known: None }).await.map(drop)
    }

    /// A row as people see it.
    pub async fn view(&self, account: &AccountId, record_type: &str, id: &str) -> Result<Row, Obstacle> {
        let (tenant, table) = self.table(account, record_type)?;
        let Some(number) = number(id) else { return Err(no_row(table, id)) };
        let work = |mut on: Connection| async move { table.find(&mut on, number).await };
        match self.tenants.on(tenant, work).await.map_err(unavailable("suitex"))? {
            Place::Living(row) => Ok(table.shown(&row)),
            Place::Deleted(_) => Err(deleted(table, id)),
            Place::Nowhere => Err(no_row(table, id)),
        }
    }

    /// Some rows as people see them, by id.
    pub async fn list(
        &self,
        account: &AccountId,
        record_type: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Row>, Obstacle> {
        let (tenant, table) = self.table(account, record_type)?;
        let bounded = |n| i64::try_from(n).unwrap_or(i64::MAX).unsigned_abs();
        let work =
            |mut on: Connection| async move { table.page(&mut on, bounded(offset), bounded(limit)).await };
        Ok(self.tenants.on(tenant, work).await.map_err(unavailable("suitex"))?)
    }

    /// How many outbox rows have not been dispatched.
    pub async fn outbox_len(&self, account: &AccountId) -> Result<u64, Obstacle> {
        self.count(account, "select count(*) from outbox_events").await
    }

    /// How many changes of the sync changed something, as far as SuiteX has not yet read of them.
    pub async fn sync_writes(&self, account: &AccountId) -> Result<u64, Obstacle> {
        self.count(account, "select count(*) from synced_events").await
    }

    async fn count(&self, account: &AccountId, sql: &'static str) -> Result<u64, Obstacle> {
        let tenant = self.tenant(account)?;
        let work = |mut on: Connection| async move {
            let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *on).await?;
            Ok(count.unsigned_abs())
        };
        Ok(self.tenants.on(tenant, work).await.map_err(unavailable("suitex"))?)
    }

    async fn perform(
        &self,
        account: &AccountId,
        record_type: &str,
        actor: &str,
        deed: Deed<'_>,
    ) -> Result<Option<Row>, Obstacle> {
        let (tenant, table) = self.table(account, record_type)?;
        let id = match deed {
            Deed::Create { .. } => "",
            Deed::Update { id, .. } | Deed::Delete { id, .. } => id,
        };
        match self.tenants.write(tenant, table, Author::Person(actor), deed).await? {
            Applied::Done(row) => Ok(row),
            // A person's write expects nothing that could be otherwise.
            Applied::Mismatch(row) => Ok(Some(row)),
            Applied::Twins(rows) => Ok(rows.into_iter().next()),
            Applied::Gone(Some(_)) => Err(deleted(table, id)),
            Applied::Gone(None) => Err(no_row(table, id)),
            Applied::Refused { code, message, field } => {
                Err(Obstacle::Refused(Refusal { code, message, field }))
            }
        }
    }

    fn tenant(&self, account: &AccountId) -> Result<&Tenant, Obstacle> {
        let tenant = self.tenants.tenants.get(account);
        tenant.ok_or_else(|| Obstacle::NoAccount(account.to_string()))
    }

    fn table(&self, account: &AccountId, name: &str) -> Result<(&Tenant, &Table), Obstacle> {
        let tenant = self.tenant(account)?;
        let of_type = tenant.tables.iter().find(|table| table.surface.record_type.as_str() == name);
        let table = of_type.or_else(|| tenant.table(name));
        table.map(|table| (tenant, table)).ok_or_else(|| Obstacle::NoType(name.to_string()))
    }
}

fn no_row(table: &Table, id: &str) -> Obstacle {
    Obstacle::NoRow { table: table.surface.suitex.clone(), id: id.to_string() }
}

fn deleted(table: &Table, id: &str) -> Obstacle {
    Obstacle::Deleted { table: table.surface.suitex.clone(), id: id.to_string() }
}
