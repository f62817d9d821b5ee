//! What is watched, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::{At, MemoryState, Tables};
use crate::domain::id::{AccountId, RecordKey, Side, Timestamp};
use crate::domain::record::Record;
use crate::fault::Unavailable;
use crate::state::watch::{BEHIND_OF, ErrorKind, Memory, Watch, Watched, behind_since};
use crate::state::{ErrorEntry, ErrorStatus};

impl Tables {
    /// Notes since when the work of a record is not done, as it is stored now.
    pub(super) fn note_behind(&mut self, place: &At, record: &Record) {
        for side in Side::BOTH {
            let before = self.behind[side].remove(place);
            if let Some(since) = behind_since(before, record.sides[side].due.as_ref()) {
                self.behind[side].insert(place.clone(), since);
            }
        }
    }

    /// The record is another one's former id.
    pub(super) fn forget_behind(&mut self, place: &At) {
        for side in Side::BOTH {
            self.behind[side].remove(place);
        }
    }
}

#[async_trait]
impl Watch for MemoryState {
    async fn watch_memory(&self, account: &AccountId) -> Result<Memory, Unavailable> {
        Ok(self.with(account, |t| t.told.memory.clone()))
    }

    async fn note_watched(
        &self,
        account: &AccountId,
        revision: u64,
        watched: Watched,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(account, |t| {
            if t.told.memory.revision != revision {
                return false;
            }
            t.told.memory = Memory { revision: revision + 1, text: watched.text };
            for notice in watched.notices {
                t.told.add(notice);
            }
            true
        }))
    }

    async fn behind(
        &self,
        account: &AccountId,
        side: Side,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Unavailable> {
        Ok(self.with(account, |t| {
            let last = t.due[side].iter().rev().take(BEHIND_OF);
            let behind = last.filter_map(|(_, place)| Some((*t.behind[side].get(place)?, place)));
            let mut behind: Vec<_> = behind.filter(|(at, _)| *at <= since).collect();
            behind.sort();
            let key = |(kind, id): &At| RecordKey::new(account.clone(), kind.clone(), id.clone());
            behind.into_iter().take(limit).map(|(_, place)| key(place)).collect()
        }))
    }

    async fn error_kinds(
        &self,
        account: &AccountId,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<(ErrorKind, u64)>, Unavailable> {
        Ok(self.with(account, |t| {
            let is_new = |e: &&ErrorEntry| e.status == ErrorStatus::Open && e.first_at >= since;
            let mut newest: Vec<&ErrorEntry> = t.errors.values().filter(is_new).collect();
            newest.sort_by_key(|e| (std::cmp::Reverse(e.first_at), e.id));
            let mut kinds: BTreeMap<ErrorKind, u64> = BTreeMap::new();
            for error in newest.into_iter().take(most) {
                let kind = ErrorKind { class: error.class.clone(), code: error.code.clone() };
                *kinds.entry(kind).or_default() += 1;
            }
            kinds.into_iter().collect()
        }))
    }

    async fn errors_by_age(
        &self,
        account: &AccountId,
        status: ErrorStatus,
        after: Option<(Timestamp, Uuid)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ErrorEntry>, Unavailable> {
        // The index has its ids the other way round.
        let place = |at: Timestamp, id: Uuid| (at, std::cmp::Reverse(id));
        Ok(self.with(account, |t| {
            let errors = t.errors.values().filter(|e| e.status == status && e.first_at <= until);
            let behind =
                |e: &&ErrorEntry| after.is_none_or(|(at, id)| place(e.first_at, e.id) > place(at, id));
            let mut errors: Vec<ErrorEntry> = errors.filter(behind).cloned().collect();
            errors.sort_by_key(|e| place(e.first_at, e.id));
            errors.truncate(limit);
            errors
        }))
    }
}
