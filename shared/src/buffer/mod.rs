//! What may be lost at any moment: due times, leases, the replay cache. Losing it costs latency, never data.

pub mod memory;

use async_trait::async_trait;

use crate::domain::id::{AccountId, Timestamp};
use crate::domain::surface::Coalescing;
use crate::fault::Unavailable;

/// A cache with expiry, shared by all instances.
#[async_trait]
pub trait Buffer: Send + Sync {
    /// Notes that `subject` has one more pending event; answers when it is to be absorbed.
    async fn note(
        &self,
        account: &AccountId,
        subject: &str,
        now: Timestamp,
        flush_now: bool,
        rules: &Coalescing,
    ) -> Result<Timestamp, Unavailable>;

    /// Takes out subjects that are to be absorbed by `now`, the longest due first.
    async fn take_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<String>, Unavailable>;

    /// When the next subject is due.
    async fn next_due(&self, account: &AccountId) -> Result<Option<Timestamp>, Unavailable>;

    /// Takes or renews the lease `name` for `holder` until `until`; false while somebody else has it.
    async fn lease(
        &self,
        account: &AccountId,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Unavailable>;

    /// Gives the lease back, if `holder` has it.
    async fn release(&self, account: &AccountId, name: &str, holder: &str) -> Result<(), Unavailable>;

    /// Remembers `name` until `until`; false if it is remembered already.
    async fn remember(
        &self,
        account: &AccountId,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Unavailable>;
}
