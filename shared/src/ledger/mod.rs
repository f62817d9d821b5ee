//! The ledger: every accepted event, append-only.

pub mod memory;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::domain::event::ChangeEvent;
use crate::domain::id::{AccountId, RecordType, Timestamp};
use crate::fault::Unavailable;

/// An event to append.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Tenant.
    pub account: AccountId,
    /// The event's id, unique within the account.
    pub event_id: Uuid,
    /// Record type.
    pub record_type: RecordType,
    /// The source's id of the record.
    pub record_id: String,
    /// Who said so.
    pub source: &'static str,
    /// What happened.
    pub operation: &'static str,
    /// When, at the source.
    pub occurred_at: Timestamp,
    /// The event's JSON.
    pub payload: Bytes,
}

impl Entry {
    /// The entry of an event.
    pub fn of(event: &ChangeEvent) -> Self {
        Self {
            account: event.account_id.clone(),
            event_id: event.event_id,
            record_type: event.record_type.clone(),
            record_id: event.record_id.to_string(),
            source: event.source.as_str(),
            operation: event.operation.as_str(),
            occurred_at: event.timestamp,
            payload: event.to_bytes().into(),
        }
    }
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its place: rising, with gaps.
    pub seq: u64,
    /// The entry.
    pub entry: Entry,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It was new.
    Fresh,
    /// Its event was there already.
    Known,
    /// The ledger cannot hold it, now or ever, for this reason. The others are not affected.
    Refused(String),
}

/// Appends and reads; there is nothing else to do with a ledger.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Appends what is not there yet; answers for each. `Ok` only once all that were not refused are durable.
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Unavailable>;

    /// The stored entries of these events, in ledger order. What is not there is left out.
    async fn read(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Stored>, Unavailable>;

    /// Entries of an account after `seq`, in ledger order, at most `limit`; only those that no slower append
    /// can still precede, so that a reader who goes on after the last one misses none.
    async fn scan(&self, account: &AccountId, after: u64, limit: usize) -> Result<Vec<Stored>, Unavailable>;
}
