//! Questions about who is who, in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryState, place_of};
use crate::domain::id::{AccountId, RecordKey, Timestamp};
use crate::fault::Unavailable;
use crate::state::{Ambiguities, Ambiguity, AmbiguityStatus};

#[async_trait]
impl Ambiguities for MemoryState {
    async fn ambiguities(&self, records: &[RecordKey]) -> Result<Vec<Option<Ambiguity>>, Unavailable> {
        let accounts = self.lock();
        let find = |key: &RecordKey| accounts.get(&key.account)?.ambiguities.get(&place_of(key)).cloned();
        Ok(records.iter().map(find).collect())
    }

    async fn open_ambiguities(
        &self,
        account: &AccountId,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Ambiguity>, Unavailable> {
        let accounts = self.lock();
        let known = accounts.get(account).into_iter().flat_map(|t| t.ambiguities.values());
        let open = known.filter(|asked| asked.status == AmbiguityStatus::Open);
        let mut open: Vec<Ambiguity> =
            open.filter(|asked| after.is_none_or(|after| asked.place() > after)).cloned().collect();
        open.sort_by_key(Ambiguity::place);
        open.truncate(limit);
        Ok(open)
    }

    async fn ambiguity(&self, id: Uuid) -> Result<Option<Ambiguity>, Unavailable> {
        let accounts = self.lock();
        let mut all = accounts.values().flat_map(|t| t.ambiguities.values());
        Ok(all.find(|ambiguity| ambiguity.id() == id).cloned())
    }
}
