//! What people at work ask of the state: open conflicts by the time they are due, whose they are, what was done by
//! whom, and a record's history from its newest decision back.
//!
//! Every question names its account: who may ask about which is decided before.

use async_trait::async_trait;
use serde::Serialize;
use uuid::Uuid;

use super::{AuditRow, HistoryRow};
use crate::domain::id::{AccountId, RecordKey, RecordType, Timestamp};
use crate::domain::surface::FieldIx;
use crate::fault::Unavailable;

/// Conflicts are counted up to this: beyond it, the number helps nobody and costs a scan.
pub const COUNT_MAX: u64 = 10_000;

/// A conflict in the list of those who decide; the conflict itself is in its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Its record.
    pub key: RecordKey,
    /// Its id.
    pub conflict: Uuid,
    /// Since when the sides disagree.
    pub opened_at: Timestamp,
    /// By when somebody should have decided.
    pub due_at: Timestamp,
    /// Whose it is.
    pub assignee: Option<String>,
    /// Whether it is open still.
    pub is_open: bool,
}

impl Filed {
    /// Its place in the list.
    pub fn place(&self) -> (Timestamp, Uuid) {
        (self.due_at, self.conflict)
    }
}

/// Which open conflicts are wanted. What is `None` keeps all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConflictFilter {
    /// Of this type.
    pub record_type: Option<RecordType>,
    /// On this field of a type, perhaps among others.
    pub field: Option<(RecordType, FieldIx)>,
    /// This person's; nobody's when the name is empty.
    pub assignee: Option<String>,
    /// Open since this time or longer.
    pub opened_until: Option<Timestamp>,
    /// Whether the whole record is locked by it.
    pub locks_record: Option<bool>,
    /// Whether a side has deleted the record.
    pub deleted: Option<bool>,
}

/// How many conflicts an account has, each number at most [`COUNT_MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConflictCounts {
    /// Open.
    pub open: u64,
    /// Of these, past their time.
    pub overdue: u64,
    /// Of these, nobody's.
    pub unassigned: u64,
}

/// What else of an account waits for a person, each number at most [`COUNT_MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingCounts {
    /// Open errors.
    pub errors: u64,
    /// Open questions who is who.
    pub questions: u64,
}

/// Which rows of the audit are wanted. What is `None` keeps all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// On this: a record key, `error:<id>`, `conflict:<id>`, `account:<side>`.
    pub subject: Option<String>,
    /// By this person or function.
    pub actor: Option<String>,
}

/// A row of the audit in its place: rising.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditLine {
    /// Its place.
    pub at: u64,
    /// The row.
    pub row: AuditRow,
}

/// A row of a record's history in its place: rising.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryLine {
    /// Its place.
    pub at: (u64, u32),
    /// The row.
    pub row: HistoryRow,
}

/// See the module.
#[async_trait]
pub trait Desk: Send + Sync {
    /// The conflict with this id, open or closed, if it is one of these accounts'.
    async fn conflict_of(&self, accounts: &[AccountId], conflict: Uuid)
    -> Result<Option<Filed>, Unavailable>;

    /// How much else waits for a person.
    async fn waiting_counts(&self, account: &AccountId) -> Result<WaitingCounts, Unavailable>;

    /// Those of the conflicts with these ids, open or closed, that are one of these accounts', in no particular order.
    async fn conflicts_of(
        &self,
        accounts: &[AccountId],
        conflicts: &[Uuid],
    ) -> Result<Vec<Filed>, Unavailable>;

    /// At most `limit` open conflicts, those first that are due first; after that place in the list.
    async fn open_conflicts(
        &self,
        account: &AccountId,
        filter: &ConflictFilter,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Filed>, Unavailable>;

    /// At most `limit` open conflicts that are due by `before`, those first that are due first.
    async fn conflicts_by_sla(
        &self,
        account: &AccountId,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Filed>, Unavailable> {
        let mut first = self.open_conflicts(account, &ConflictFilter::default(), None, limit).await?;
        first.retain(|filed| filed.due_at <= before);
        Ok(first)
    }

    /// How many conflicts were opened at `since` or later, whatever became of them; at most `most` are counted.
    async fn conflicts_opened(
        &self,
        account: &AccountId,
        since: Timestamp,
        most: u64,
    ) -> Result<u64, Unavailable>;

    /// How many there are.
    async fn conflict_counts(
        &self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<ConflictCounts, Unavailable>;

    /// Gives an open conflict, which is `from`'s (nobody's when `None`), to `to`, and writes the audit. False, and
    /// nothing is written: it is closed, or somebody else's by now.
    async fn assign(
        &self,
        account: &AccountId,
        conflict: Uuid,
        from: Option<&str>,
        to: Option<&str>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable>;

    /// At most `limit` rows of the audit, the newest first; before that place.
    async fn audit_of(
        &self,
        account: &AccountId,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditLine>, Unavailable>;

    /// At most `limit` rows of a record's history, the newest first; before that place. For a former id, its record's.
    async fn history_of(
        &self,
        key: &RecordKey,
        before: Option<(u64, u32)>,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, Unavailable>;
}
