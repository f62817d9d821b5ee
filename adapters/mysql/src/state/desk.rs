//! The ports `Desk` and `Controls`.

use async_trait::async_trait;
use shared::domain::id::{AccountId, PerSide, RecordKey, Side, Timestamp};
use shared::fault::Unavailable;
use shared::state::brake::BrakeDecision;
use shared::state::controls::{Controls, Hold, Holder, Holds};
use shared::state::desk::{
    AuditFilter, AuditLine, ConflictCounts, ConflictFilter, Desk, Filed, HistoryLine, WaitingCounts,
};
use shared::state::{AuditRow, ErrorEntry};
use uuid::Uuid;

use super::{
    MysqlState, WHAT, account_hold, ambiguous_record, ask, conflicts, cursor, event_audit_log, state_history,
    sync_error_queue,
};
use crate::fault::{retrying, unavailable};

#[async_trait]
impl Desk for MysqlState {
    async fn conflict_of(
        &self,
        accounts: &[AccountId],
        conflict: Uuid,
    ) -> Result<Option<Filed>, Unavailable> {
        ask!(self, |c| conflicts::filed_as(c, accounts, conflict))
    }

    async fn conflicts_of(
        &self,
        accounts: &[AccountId],
        conflicts: &[Uuid],
    ) -> Result<Vec<Filed>, Unavailable> {
        ask!(self, |c| conflicts::filed_all(c, accounts, conflicts))
    }

    async fn open_conflicts(
        &self,
        account: &AccountId,
        filter: &ConflictFilter,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Filed>, Unavailable> {
        let field = match &filter.field {
            None => None,
            Some((kind, field)) => {
                let spec = self.config.surface(account, kind).and_then(|surface| surface.fields.get(*field));
                // What is not configured is in no conflict.
                let Some(spec) = spec else { return Ok(Vec::new()) };
                Some((kind.as_str(), &*spec.name))
            }
        };
        let limit = cursor::size(limit);
        ask!(self, |c| conflicts::inbox(c, account, filter, field, after, limit))
    }

    async fn conflicts_opened(
        &self,
        account: &AccountId,
        since: Timestamp,
        most: u64,
    ) -> Result<u64, Unavailable> {
        ask!(self, |c| conflicts::opened(c, account, since, most))
    }

    async fn conflict_counts(
        &self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<ConflictCounts, Unavailable> {
        ask!(self, |c| conflicts::counts(c, account, now))
    }

    async fn waiting_counts(&self, account: &AccountId) -> Result<WaitingCounts, Unavailable> {
        Ok(WaitingCounts {
            errors: ask!(self, |c| sync_error_queue::count_open(c, account))?,
            questions: ask!(self, |c| ambiguous_record::count_open(c, account))?,
        })
    }

    async fn assign(
        &self,
        account: &AccountId,
        conflict: Uuid,
        from: Option<&str>,
        to: Option<&str>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable> {
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
        let assign = || async {
            let mut transaction = self.pool.begin().await?;
            let done = conflicts::assign(&mut transaction, account, conflict, from, to).await?;
            if done {
                event_audit_log::insert(&mut transaction, &[(account, &audit)]).await?;
            }
            transaction.commit().await?;
            Ok(done)
        };
        retrying(self.dice(), assign).await.map_err(unavailable(WHAT))
    }

    async fn audit_of(
        &self,
        account: &AccountId,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditLine>, Unavailable> {
        ask!(self, |c| event_audit_log::page(c, account, filter, before, cursor::size(limit)))
    }

    async fn history_of(
        &self,
        key: &RecordKey,
        before: Option<(u64, u32)>,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, Unavailable> {
        ask!(self, |c| state_history::back(c, key, before, cursor::size(limit)))
    }
}

#[async_trait]
impl Controls for MysqlState {
    async fn holds(&self, account: &AccountId) -> Result<PerSide<Holds>, Unavailable> {
        ask!(self, |c| account_hold::find(c, account))
    }

    async fn set_hold(
        &self,
        account: &AccountId,
        (side, holder): (Side, Holder),
        from: Option<&Hold>,
        to: Option<Hold>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable> {
        let set = || async {
            let mut transaction = self.pool.begin().await?;
            let known = account_hold::lock(&mut transaction, account).await?;
            let changes = known[side].of(holder) == from && from != to.as_ref();
            if changes {
                account_hold::set(&mut transaction, account, (side, holder), to.as_ref()).await?;
                event_audit_log::insert(&mut transaction, &[(account, &audit)]).await?;
            }
            transaction.commit().await?;
            Ok(changes)
        };
        retrying(self.dice(), set).await.map_err(unavailable(WHAT))
    }

    async fn decide_brake(
        &self,
        account: &AccountId,
        error: Uuid,
        decision: &BrakeDecision,
        audit: AuditRow,
    ) -> Result<Option<ErrorEntry>, Unavailable> {
        let decide = || async {
            let mut transaction = self.pool.begin().await?;
            let known = sync_error_queue::find_locked(&mut transaction, account, error).await?;
            let decided = known.and_then(|known| known.decided(decision));
            if let Some(decided) = &decided {
                sync_error_queue::decide(&mut transaction, decided).await?;
                event_audit_log::insert(&mut transaction, &[(account, &audit)]).await?;
            }
            transaction.commit().await?;
            Ok(decided)
        };
        retrying(self.dice(), decide).await.map_err(unavailable(WHAT))
    }
}
