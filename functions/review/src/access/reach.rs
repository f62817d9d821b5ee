//! What this function asks of the outside, by account: in this folder and nowhere else.

use std::sync::Arc;

use serde_json::Value as Json;
use shared::domain::event::ChangeEvent;
use shared::domain::governance::Governance;
use shared::domain::id::{CanonicalId, PerSide, RecordKey, RecordType, Side, SideId, Timestamp};
use shared::domain::record::Record;
use shared::fault::Unavailable;
use shared::intake::subjects_of;
use shared::pubsub::{Topic, change_message};
use shared::redrive::{
    Dismissed, Edited, Redriven, can_retry, dismiss, original, pages, redrive, redrive_edited,
};
use shared::runtime::problem::Problem;
use shared::state::controls::{Hold, Holder, Holds};
use shared::state::desk::{AuditFilter, AuditLine, ConflictCounts, ConflictFilter, Filed, HistoryLine};
use shared::state::{AuditRow, Census, Commit, ErrorEntry, Page, Verdict};
use shared::travel;
use uuid::Uuid;

use super::{Access, Seat};

/// Records are loaded in lots of this size.
const LOT: usize = 100;

/// A record and what it is called within its account.
type Name = (RecordType, CanonicalId);

impl Seat {
    /// The conflict with this id, and the account that it belongs to, if the person may look at that.
    pub(crate) async fn conflict(&self, id: Uuid) -> Result<Option<(Access, Filed)>, Unavailable> {
        let accounts = self.accounts();
        let ids: Vec<_> = accounts.iter().map(|access| access.account.clone()).collect();
        let Some(filed) = self.ports.state.conflict_of(&ids, id).await? else { return Ok(None) };
        Ok(accounts.into_iter().find(|access| access.account == filed.key.account).map(|a| (a, filed)))
    }

    /// The error with this id, and the account that it belongs to, if the person may look at that. What was filed
    /// under no account that is configured belongs to who is an admin everywhere.
    pub(crate) async fn error(&self, id: Uuid) -> Result<Option<(Option<Access>, ErrorEntry)>, Unavailable> {
        let Some(error) = self.ports.state.error(id).await? else { return Ok(None) };
        if !self.ports.config.accounts.contains_key(&error.account) {
            return Ok(self.is_admin_everywhere().then_some((None, error)));
        }
        let mut accounts = self.accounts().into_iter();
        Ok(accounts.find(|access| access.account == error.account).map(|access| (Some(access), error)))
    }

    /// Errors of all accounts, and of none; for who is an admin everywhere.
    pub(crate) async fn all_errors(
        &self,
        open_only: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<Page<ErrorEntry>>, Unavailable> {
        if !self.is_admin_everywhere() {
            return Ok(None);
        }
        self.ports.state.errors(None, open_only, after, limit).await.map(Some)
    }

    /// Has an error tried again that `Seat::error` has found.
    pub(crate) async fn retry(&self, error: &ErrorEntry, why: Option<&str>) -> Result<Redriven, Problem> {
        Ok(redrive(&self.ports, error.id, self.person.email(), why).await?)
    }

    /// Whether anything would happen if an error that `Seat::error` has found were tried again.
    pub(crate) async fn can_retry(&self, error: &ErrorEntry) -> Result<bool, Unavailable> {
        can_retry(&self.ports, error).await
    }

    /// Has an error tried again with other content, that `Seat::error` has found.
    pub(crate) async fn retry_edited(
        &self,
        error: &ErrorEntry,
        edited: Json,
        why: &str,
    ) -> Result<Edited, Problem> {
        Ok(redrive_edited(&self.ports, error.id, edited, self.person.email(), why).await?)
    }

    /// What is stuck in an error that `Seat::error` has found, for a person to edit.
    pub(crate) async fn original(&self, error: &ErrorEntry) -> Result<Option<Json>, Unavailable> {
        original(&self.ports, error).await
    }

    /// Where the record of an error that `Seat::error` has found is shown in each system.
    pub(crate) async fn pages(&self, error: &ErrorEntry) -> Result<PerSide<Option<String>>, Unavailable> {
        pages(&self.ports, error).await
    }

    /// Closes an error, that `Seat::error` has found, without trying anything again.
    pub(crate) async fn dismiss(&self, error: &ErrorEntry, why: &str) -> Result<Dismissed, Problem> {
        Ok(dismiss(&self.ports, error.id, self.person.email(), why).await?)
    }
}

impl Access {
    fn key(&self, (kind, id): &Name) -> RecordKey {
        RecordKey::new(self.account.clone(), kind.clone(), id.clone())
    }

    /// The record of this name, as it is now.
    pub(crate) async fn record(&self, name: &Name) -> Result<Option<Arc<Record>>, Unavailable> {
        Ok(self.ports.state.load(&[self.key(name)]).await?.pop().flatten())
    }

    /// The records of these names, in their order.
    pub(crate) async fn records_of(&self, names: &[Name]) -> Result<Vec<Option<Arc<Record>>>, Unavailable> {
        let keys: Vec<RecordKey> = names.iter().map(|name| self.key(name)).collect();
        let mut records = Vec::with_capacity(keys.len());
        for lot in keys.chunks(LOT) {
            records.extend(self.ports.state.load(lot).await?);
        }
        Ok(records)
    }

    /// The account's records by name.
    pub(crate) async fn records(
        &self,
        kind: Option<&RecordType>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable> {
        self.ports.state.records(&self.account, kind, after, limit).await
    }

    /// Which record a side knows under this id.
    pub(crate) async fn linked(
        &self,
        kind: &RecordType,
        side: Side,
        id: SideId,
    ) -> Result<Option<CanonicalId>, Unavailable> {
        let links = self.ports.state.links(&self.account, &[(kind.clone(), side, id)]).await?;
        Ok(links.into_iter().next().flatten().map(|link| link.canonical))
    }

    /// The ids of events about a record that are accepted and not absorbed, in the order in which they came.
    pub(crate) async fn pending(&self, record: &Record) -> Result<Vec<Uuid>, Unavailable> {
        let key = &record.key;
        let ids = Side::BOTH.into_iter().filter_map(|side| Some((side, record.sides[side].id.clone()?)));
        let subjects = subjects_of(&key.id, ids);
        let mut rows = self.ports.state.pending(&self.account, &key.record_type, &subjects).await?;
        rows.sort_by_key(|row| (row.arrived_at, row.event_id));
        Ok(rows.into_iter().map(|row| row.event_id).collect())
    }

    /// These events, in ledger order, as far as the ledger has them.
    pub(crate) async fn events(&self, ids: &[Uuid]) -> Result<Vec<ChangeEvent>, Unavailable> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let stored = self.ports.ledger.read(&self.account, ids).await?;
        Ok(stored.iter().filter_map(|s| ChangeEvent::from_slice(&s.entry.payload).ok()).collect())
    }

    /// A record's history, the newest first, before that place.
    pub(crate) async fn history(
        &self,
        name: &Name,
        before: Option<(u64, u32)>,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, Unavailable> {
        self.ports.state.history_of(&self.key(name), before, limit).await
    }

    /// Open conflicts, those first that are due first.
    pub(crate) async fn open_conflicts(
        &self,
        filter: &ConflictFilter,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Filed>, Unavailable> {
        self.ports.state.open_conflicts(&self.account, filter, after, limit).await
    }

    /// What is filed of a conflict.
    pub(crate) async fn filed(&self, conflict: Uuid) -> Result<Option<Filed>, Unavailable> {
        self.ports.state.conflict_of(std::slice::from_ref(&self.account), conflict).await
    }

    /// What is filed of these conflicts, as far as they are the account's.
    pub(crate) async fn filed_all(&self, conflicts: &[Uuid]) -> Result<Vec<Filed>, Unavailable> {
        self.ports.state.conflicts_of(std::slice::from_ref(&self.account), conflicts).await
    }

    /// How many conflicts there are.
    pub(crate) async fn conflict_counts(&self) -> Result<ConflictCounts, Unavailable> {
        self.ports.state.conflict_counts(&self.account, self.now()).await
    }

    /// Gives a conflict from one person to another; false when it is somebody else's by now, or closed.
    pub(crate) async fn assign(
        &self,
        conflict: Uuid,
        from: Option<&str>,
        to: Option<&str>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable> {
        self.ports.state.assign(&self.account, conflict, from, to, audit).await
    }

    /// Errors, newest first.
    pub(crate) async fn errors(
        &self,
        open_only: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ErrorEntry>, Unavailable> {
        self.ports.state.errors(Some(&self.account), open_only, after, limit).await
    }

    /// Events by place.
    pub(crate) async fn census(&self) -> Result<Census, Unavailable> {
        self.ports.state.census(&self.account).await
    }

    /// Records that have work, by side.
    pub(crate) async fn backlog(&self) -> Result<PerSide<u64>, Unavailable> {
        let (state, now) = (&self.ports.state, self.now());
        Ok(PerSide {
            netsuite: state.backlog(&self.account, Side::NetSuite, now).await?,
            suitex: state.backlog(&self.account, Side::SuiteX, now).await?,
        })
    }

    /// Since when the longest due record has waited, by side.
    pub(crate) async fn oldest_due(&self) -> Result<PerSide<Option<Timestamp>>, Unavailable> {
        let (state, now) = (&self.ports.state, self.now());
        let past = |at: Option<Timestamp>| at.filter(|at| *at <= now);
        Ok(PerSide {
            netsuite: past(state.next_due(&self.account, Side::NetSuite).await?),
            suitex: past(state.next_due(&self.account, Side::SuiteX).await?),
        })
    }

    /// The use of the account's NetSuite.
    pub(crate) async fn governance(&self) -> Result<Governance, Unavailable> {
        self.ports.state.governance_of(&self.account).await
    }

    /// What is held.
    pub(crate) async fn holds(&self) -> Result<PerSide<Holds>, Unavailable> {
        self.ports.state.holds(&self.account).await
    }

    /// Holds writes to a side, or lets them go; false when what is held is not `from` any more.
    pub(crate) async fn set_hold(
        &self,
        of: (Side, Holder),
        from: Option<&Hold>,
        to: Option<Hold>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable> {
        self.ports.state.set_hold(&self.account, of, from, to, audit).await
    }

    /// The audit, newest first.
    pub(crate) async fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditLine>, Unavailable> {
        self.ports.state.audit_of(&self.account, filter, before, limit).await
    }

    /// What the writer to a side has written of late, newest first.
    pub(crate) async fn written(&self, side: Side, limit: usize) -> Result<Vec<AuditRow>, Unavailable> {
        let filter = AuditFilter { actor: Some(travel::writer_to(side)), ..AuditFilter::default() };
        Ok(self.audit(&filter, None, limit).await?.into_iter().map(|line| line.row).collect())
    }

    /// Writes rows of the audit.
    pub(crate) async fn note(&self, rows: Vec<AuditRow>) -> Result<(), Problem> {
        let commit = Commit { audit: rows, ..Commit::new(self.account.clone()) };
        match self.ports.state.commit(vec![commit]).await?.pop() {
            Some(Verdict::Committed(_)) => Ok(()),
            other => {
                tracing::error!(?other, "an audit row was not written");
                Err(Problem::internal("the log has the details"))
            }
        }
    }

    /// Publishes decisions: the only way back. All of them are about this account.
    pub(crate) async fn publish(&self, events: &[ChangeEvent]) -> Result<(), Problem> {
        debug_assert!(events.iter().all(|event| event.account_id == self.account));
        let own = events.iter().filter(|event| event.account_id == self.account);
        let messages: Vec<_> = own.map(change_message).collect();
        self.ports.publish.publish(Topic::Raw, messages).await?;
        for event in events {
            self.ports.metrics.event(event.source.as_str());
        }
        Ok(())
    }
}
