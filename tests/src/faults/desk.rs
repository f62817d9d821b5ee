//! People's questions: asked of the state as it is.

use async_trait::async_trait;
use shared::domain::id::{AccountId, PerSide, RecordKey, Side, Timestamp};
use shared::fault::Unavailable;
use shared::state::brake::BrakeDecision;
use shared::state::controls::{Controls, Hold, Holder, Holds};
use shared::state::desk::{
    AuditFilter, AuditLine, ConflictCounts, ConflictFilter, Desk, Filed, HistoryLine, WaitingCounts,
};
use shared::state::{AuditRow, ErrorEntry, State};
use uuid::Uuid;

use super::Faulty;

#[async_trait]
impl<S: State> Desk for Faulty<S> {
    async fn conflict_of(
        &self,
        accounts: &[AccountId],
        conflict: Uuid,
    ) -> Result<Option<Filed>, Unavailable> {
        self.inner.conflict_of(accounts, conflict).await
    }

    async fn conflicts_of(
        &self,
        accounts: &[AccountId],
        conflicts: &[Uuid],
    ) -> Result<Vec<Filed>, Unavailable> {
        self.inner.conflicts_of(accounts, conflicts).await
    }

    async fn open_conflicts(
        &self,
        account: &AccountId,
        filter: &ConflictFilter,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Filed>, Unavailable> {
        self.inner.open_conflicts(account, filter, after, limit).await
    }

    async fn conflicts_opened(
        &self,
        account: &AccountId,
        since: Timestamp,
        most: u64,
    ) -> Result<u64, Unavailable> {
        self.inner.conflicts_opened(account, since, most).await
    }

    async fn conflict_counts(
        &self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<ConflictCounts, Unavailable> {
        self.inner.conflict_counts(account, now).await
    }

    async fn waiting_counts(&self, account: &AccountId) -> Result<WaitingCounts, Unavailable> {
        self.inner.waiting_counts(account).await
    }

    async fn assign(
        &self,
        account: &AccountId,
        conflict: Uuid,
        from: Option<&str>,
        to: Option<&str>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable> {
        self.inner.assign(account, conflict, from, to, audit).await
    }

    async fn audit_of(
        &self,
        account: &AccountId,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditLine>, Unavailable> {
        self.inner.audit_of(account, filter, before, limit).await
    }

    async fn history_of(
        &self,
        key: &RecordKey,
        before: Option<(u64, u32)>,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, Unavailable> {
        self.inner.history_of(key, before, limit).await
    }
}

#[async_trait]
impl<S: State> Controls for Faulty<S> {
    async fn holds(&self, account: &AccountId) -> Result<PerSide<Holds>, Unavailable> {
        self.inner.holds(account).await
    }

    async fn set_hold(
        &self,
        account: &AccountId,
        of: (Side, Holder),
        from: Option<&Hold>,
        to: Option<Hold>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable> {
        self.inner.set_hold(account, of, from, to, audit).await
    }

    async fn decide_brake(
        &self,
        account: &AccountId,
        error: Uuid,
        decision: &BrakeDecision,
        audit: AuditRow,
    ) -> Result<Option<ErrorEntry>, Unavailable> {
        self.inner.decide_brake(account, error, decision, audit).await
    }
}
