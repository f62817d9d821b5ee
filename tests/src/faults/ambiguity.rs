//! Questions about who is who: they are read without trouble, and written by commits.

use async_trait::async_trait;
use shared::domain::id::{AccountId, RecordKey, Timestamp};
use shared::fault::Unavailable;
use shared::state::{Ambiguities, Ambiguity, State};
use uuid::Uuid;

use super::Faulty;

#[async_trait]
impl<S: State> Ambiguities for Faulty<S> {
    async fn ambiguities(&self, records: &[RecordKey]) -> Result<Vec<Option<Ambiguity>>, Unavailable> {
        let known = self.inner.ambiguities(records).await;
        self.faults.executor.give_way("after ambiguities").await;
        known
    }

    async fn open_ambiguities(
        &self,
        account: &AccountId,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Ambiguity>, Unavailable> {
        self.inner.open_ambiguities(account, after, limit).await
    }

    async fn ambiguity(&self, id: Uuid) -> Result<Option<Ambiguity>, Unavailable> {
        self.inner.ambiguity(id).await
    }
}
