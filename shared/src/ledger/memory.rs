//! The ledger in memory: for `cargo run`, tests and the simulation.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Appended, Entry, Ledger, Stored};
use crate::domain::id::AccountId;
use crate::fault::Unavailable;

/// See [`Ledger`].
#[derive(Default)]
pub struct MemoryLedger {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    accounts: BTreeMap<AccountId, Book>,
}

#[derive(Default)]
struct Book {
    by_seq: BTreeMap<u64, Entry>,
    by_event: BTreeMap<Uuid, u64>,
}

impl MemoryLedger {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How many entries an account has.
    pub fn len(&self, account: &AccountId) -> usize {
        self.inner().accounts.get(account).map_or(0, |b| b.by_seq.len())
    }

    /// Whether an account has none.
    pub fn is_empty(&self, account: &AccountId) -> bool {
        self.len(account) == 0
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Unavailable> {
        let mut inner = self.inner();
        let mut answers = Vec::with_capacity(entries.len());
        for entry in entries {
            let seq = inner.next + 1;
            let book = inner.accounts.entry(entry.account.clone()).or_default();
            let new = !book.by_event.contains_key(&entry.event_id);
            if new {
                book.by_event.insert(entry.event_id, seq);
                book.by_seq.insert(seq, entry);
                inner.next = seq;
            }
            answers.push(if new { Appended::Fresh } else { Appended::Known });
        }
        Ok(answers)
    }

    async fn read(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Stored>, Unavailable> {
        let inner = self.inner();
        let Some(book) = inner.accounts.get(account) else { return Ok(Vec::new()) };
        let mut seqs: Vec<u64> = events.iter().filter_map(|id| book.by_event.get(id).copied()).collect();
        seqs.sort_unstable();
        seqs.dedup();
        Ok(seqs.into_iter().map(|seq| Stored { seq, entry: book.by_seq[&seq].clone() }).collect())
    }

    async fn scan(&self, account: &AccountId, after: u64, limit: usize) -> Result<Vec<Stored>, Unavailable> {
        let inner = self.inner();
        let Some(book) = inner.accounts.get(account) else { return Ok(Vec::new()) };
        let rows = book.by_seq.range(after + 1..).take(limit);
        Ok(rows.map(|(seq, entry)| Stored { seq: *seq, entry: entry.clone() }).collect())
    }
}
