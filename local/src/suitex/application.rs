//! SuiteX as its people and the world see it, wherever its rows are.

use async_trait::async_trait;
use serde_json::{Map, Value as Json};
use shared::domain::id::AccountId;
use shared::fault::Unavailable;
use shared::suitex::Row;

use super::{Problem, SuiteX};

/// What can be done with SuiteX. A type may be ours (`customer`) or SuiteX's table (`customers`).
#[async_trait]
pub trait Application: Send + Sync {
    /// Some rows as people see them, by id.
    async fn list(
        &self,
        account: &AccountId,
        record_type: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Row>, Problem>;

    /// A row as people see it.
    async fn view(&self, account: &AccountId, record_type: &str, id: &str) -> Result<Row, Problem>;

    /// Creates a row.
    async fn create(
        &self,
        account: &AccountId,
        record_type: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Problem>;

    /// Sets some columns of a row. A list is replaced as a whole.
    async fn edit(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Problem>;

    /// Deletes a row.
    async fn delete(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        actor: &str,
    ) -> Result<(), Problem>;

    /// How many outbox rows have not been dispatched.
    async fn outbox_len(&self, account: &AccountId) -> Result<usize, Unavailable>;

    /// How many changes of the sync changed something.
    async fn sync_writes(&self, account: &AccountId) -> Result<u64, Unavailable>;
}

/// All at once, in memory.
#[async_trait]
impl Application for SuiteX {
    async fn list(
        &self,
        account: &AccountId,
        record_type: &str,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Row>, Problem> {
        SuiteX::list(self, account, record_type, offset, limit)
    }

    async fn view(&self, account: &AccountId, record_type: &str, id: &str) -> Result<Row, Problem> {
        SuiteX::view(self, account, record_type, id)
    }

    async fn create(
        &self,
        account: &AccountId,
        record_type: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Problem> {
        SuiteX::create(self, account, record_type, values, actor)
    }

    async fn edit(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        values: &Map<String, Json>,
        actor: &str,
    ) -> Result<Row, Problem> {
        SuiteX::edit(self, account, record_type, id, values, actor)
    }

    async fn delete(
        &self,
        account: &AccountId,
        record_type: &str,
        id: &str,
        actor: &str,
    ) -> Result<(), Problem> {
        SuiteX::delete(self, account, record_type, id, actor)
    }

    async fn outbox_len(&self, account: &AccountId) -> Result<usize, Unavailable> {
        Ok(SuiteX::outbox_len(self, account))
    }

    async fn sync_writes(&self, account: &AccountId) -> Result<u64, Unavailable> {
        Ok(SuiteX::sync_writes(self, account))
    }
}
