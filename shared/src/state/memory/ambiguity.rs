//! Questions about who is who, in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryState, place_of};
use crate::domain::id::{AccountId, RecordKey};
use crate::fault::Unavailable;
use crate::state::{Ambiguities, Ambiguity, AmbiguityStatus, Page};

#[async_trait]
impl Ambiguities for MemoryState {
    async fn ambiguities(&self, records: &[RecordKey]) -> Result<Vec<Option<Ambiguity>>, Unavailable> {
        let accounts = self.lock();
        let find = |key: &RecordKey| accounts.get(&key.account)?.ambiguities.get(&place_of(key)).cloned();
        Ok(records.iter().map(find).collect())
    }

    async fn open_ambiguities(
        &self,
        account: Option<&AccountId>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Ambiguity>, Unavailable> {
        let accounts = self.lock();
        let chosen = accounts.iter().filter(|(id, _)| account.is_none_or(|a| a == *id));
        let open = chosen.flat_map(|(_, t)| t.ambiguities.values());
        let open = open.filter(|ambiguity| ambiguity.status == AmbiguityStatus::Open);
        let mut keyed: Vec<(String, &Ambiguity)> = open.map(|a| (a.record.to_string(), a)).collect();
        keyed.retain(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = keyed.len() > limit;
        keyed.truncate(limit);
        let next = keyed.last().filter(|_| more).map(|(key, _)| key.clone());
        Ok(Page { items: keyed.into_iter().map(|(_, ambiguity)| ambiguity.clone()).collect(), next })
    }

    async fn ambiguity(&self, id: Uuid) -> Result<Option<Ambiguity>, Unavailable> {
        let accounts = self.lock();
        let mut all = accounts.values().flat_map(|t| t.ambiguities.values());
        Ok(all.find(|ambiguity| ambiguity.id() == id).cloned())
    }
}
