//! The buffer in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;

use super::Buffer;
use crate::domain::coalesce::flush_at;
use crate::domain::id::{AccountId, Timestamp};
use crate::domain::surface::Coalescing;
use crate::fault::Unavailable;

/// See [`Buffer`].
#[derive(Default)]
pub struct MemoryBuffer {
    accounts: Mutex<BTreeMap<AccountId, Keys>>,
}

#[derive(Default)]
struct Keys {
    subjects: BTreeMap<String, Pending>,
    due: BTreeSet<(Timestamp, String)>,
    leases: BTreeMap<String, (String, Timestamp)>,
    remembered: BTreeMap<String, Timestamp>,
    expiries: BTreeSet<(Timestamp, String)>,
}

#[derive(Clone, Copy)]
struct Pending {
    first: Timestamp,
    count: usize,
    flush_now: bool,
    due: Timestamp,
}

impl MemoryBuffer {
    fn with<T>(&self, account: &AccountId, body: impl FnOnce(&mut Keys) -> T) -> T {
        let mut accounts = self.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match accounts.get_mut(account) {
            Some(keys) => body(keys),
            None => body(accounts.entry(account.clone()).or_default()),
        }
    }

    /// Forgets everything: what FLUSHALL does to Redis.
    pub fn flush_all(&self) {
        self.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    /// Forgets everything of one account.
    pub fn flush_account(&self, account: &AccountId) {
        self.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(account);
    }

    /// How many keys an account has.
    pub fn keys(&self, account: &AccountId) -> usize {
        self.with(account, |k| k.subjects.len() + k.leases.len() + k.remembered.len())
    }
}

#[async_trait]
impl Buffer for MemoryBuffer {
    async fn note(
        &self,
        account: &AccountId,
        subject: &str,
        now: Timestamp,
        flush_now: bool,
        rules: &Coalescing,
    ) -> Result<Timestamp, Unavailable> {
        Ok(self.with(account, |keys| {
            let known = keys.subjects.get(subject).copied();
            if let Some(known) = known {
                keys.due.remove(&(known.due, subject.to_string()));
            }
            let first = known.map_or(now, |k| k.first);
            let count = known.map_or(0, |k| k.count) + 1;
            let flush_now = flush_now || known.is_some_and(|k| k.flush_now);
            let due = flush_at(first, now, count, flush_now, rules);
            keys.due.insert((due, subject.to_string()));
            keys.subjects.insert(subject.to_string(), Pending { first, count, flush_now, due });
            due
        }))
    }

    async fn take_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Unavailable> {
        Ok(self.with(account, |keys| {
            let mut taken = Vec::new();
            while taken.len() < limit
                && let Some((due, subject)) = keys.due.pop_first()
            {
                if due > now {
                    keys.due.insert((due, subject));
                    break;
                }
                keys.subjects.remove(&subject);
                taken.push(subject);
            }
            taken
        }))
    }

    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, Unavailable> {
        Ok(self.with(account, |keys| keys.due.first().map(|(due, _)| *due)))
    }

    async fn lease(
        &self,
        account: &AccountId,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(account, |keys| match keys.leases.get(name) {
            Some((other, expires)) if other != holder && *expires > now => false,
            _ => {
                keys.leases.insert(name.to_string(), (holder.to_string(), until));
                true
            }
        }))
    }

    async fn release(&self, account: &AccountId, name: &str, holder: &str) -> Result<(), Unavailable> {
        self.with(account, |keys| {
            if keys.leases.get(name).is_some_and(|(who, _)| who == holder) {
                keys.leases.remove(name);
            }
        });
        Ok(())
    }

    async fn remember(
        &self,
        account: &AccountId,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(account, |keys| {
            while let Some((expiry, name)) = keys.expiries.first().cloned() {
                if expiry > now {
                    break;
                }
                keys.expiries.pop_first();
                keys.remembered.remove(&name);
            }
            if keys.remembered.contains_key(name) {
                return false;
            }
            keys.remembered.insert(name.to_string(), until);
            keys.expiries.insert((until, name.to_string()));
            true
        }))
    }
}
