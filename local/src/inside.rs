//! What a world looks at in its own state and ledger beyond what the ports show: nothing that a function needs.

use std::sync::Arc;

use async_trait::async_trait;
use shared::domain::id::{AccountId, RecordType, Side, Timestamp};
use shared::domain::record::{DueReason, Record};
use shared::fault::Unavailable;
use shared::ledger::memory::MemoryLedger;
use shared::state::memory::MemoryState;
use shared::state::{AuditRow, ErrorEntry, PendingRow, Place, State, Subject};

/// Rows of one page.
const PAGE: usize = 1_000;

/// How an account's records stand.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Records that exist.
    pub alive: usize,
    /// Records with an open conflict.
    pub conflicts: usize,
    /// Records that wait for another record.
    pub waiting: usize,
    /// Records that differ on a side, or whose write is open; those that wait are not among them.
    pub unfinished: usize,
}

/// How much an account may ask of its NetSuite now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many calls may be under way.
    pub limit: u32,
    /// Failed calls in a row.
    pub failures: u32,
    /// No call before this time.
    pub not_before: Timestamp,
}

/// A look inside.
#[async_trait]
pub trait Inside: Send + Sync {
    /// How an account's records stand.
    async fn standing(&self, account: &AccountId) -> Result<Standing, Unavailable>;

    /// The events of an account that are neither absorbed nor in a conflict, in no particular order.
    async fn undone(&self, account: &AccountId) -> Result<Vec<PendingRow>, Unavailable>;

    /// All events of these subjects, done ones included, in no particular order.
    async fn events(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        subjects: &[Subject],
    ) -> Result<Vec<PendingRow>, Unavailable>;

    /// The audit of a subject, oldest first.
    async fn audit(&self, account: &AccountId, subject: &str) -> Result<Vec<AuditRow>, Unavailable>;

    /// How much an account may ask of its NetSuite now.
    async fn allowance(&self, account: &AccountId) -> Result<Allowance, Unavailable>;

    /// How many events an account's ledger holds.
    async fn ledger_len(&self, account: &AccountId) -> Result<usize, Unavailable>;
}

/// All records of an account, tombstones included.
pub(crate) async fn records(state: &dyn State, account: &AccountId) -> Result<Vec<Arc<Record>>, Unavailable> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = state.records(account, None, after.as_deref(), PAGE).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// All errors of an account, newest first.
pub(crate) async fn errors(
    state: &dyn State,
    account: &AccountId,
    open_only: bool,
) -> Result<Vec<ErrorEntry>, Unavailable> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = state.errors(Some(account), open_only, after.as_deref(), PAGE).await?;
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// The inside of a world in memory.
pub(crate) struct InMemory {
    pub(crate) state: Arc<MemoryState>,
    pub(crate) ledger: Arc<MemoryLedger>,
}

#[async_trait]
impl Inside for InMemory {
    async fn standing(&self, account: &AccountId) -> Result<Standing, Unavailable> {
        let mut standing = Standing::default();
        for record in self.state.all_records(account) {
            standing.alive += usize::from(record.alive);
            standing.conflicts += usize::from(record.conflict.is_some());
            standing.waiting += usize::from(waits(&record));
            standing.unfinished += usize::from(has_work(&record));
        }
        Ok(standing)
    }

    async fn undone(&self, account: &AccountId) -> Result<Vec<PendingRow>, Unavailable> {
        let mut rows = self.state.all_pending(account);
        rows.retain(|row| row.place.is_open() || matches!(row.place, Place::Error(_)));
        Ok(rows)
    }

    async fn events(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        subjects: &[Subject],
    ) -> Result<Vec<PendingRow>, Unavailable> {
        let mut rows = self.state.all_pending(account);
        rows.retain(|row| row.record_type == *record_type && subjects.contains(&row.subject));
        Ok(rows)
    }

    async fn audit(&self, account: &AccountId, subject: &str) -> Result<Vec<AuditRow>, Unavailable> {
        let mut rows = self.state.audit(account);
        rows.retain(|row| row.subject == subject);
        Ok(rows)
    }

    async fn allowance(&self, account: &AccountId) -> Result<Allowance, Unavailable> {
        let governance = self.state.governance(account);
        Ok(Allowance {
            limit: governance.bears.limit,
            failures: governance.failures,
            not_before: governance.not_before,
        })
    }

    async fn ledger_len(&self, account: &AccountId) -> Result<usize, Unavailable> {
        Ok(self.ledger.len(account))
    }
}

fn has_work(record: &Record) -> bool {
    Side::BOTH.into_iter().any(|side| {
        let state = &record.sides[side];
        let waits = |reason: &DueReason| matches!(reason, DueReason::WaitingFor { .. });
        state.intent.is_some() || state.due.as_ref().is_some_and(|due| !waits(&due.reason))
    })
}

fn waits(record: &Record) -> bool {
    let waits = |side| {
        let due = record.sides[side].due.as_ref();
        due.is_some_and(|due| matches!(due.reason, DueReason::WaitingFor { .. }))
    };
    Side::BOTH.into_iter().any(waits)
}
