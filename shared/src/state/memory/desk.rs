//! Open conflicts by the time they are due, the audit, what is held.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use uuid::Uuid;

use super::{At, MemoryState, Tables, place_of};
use crate::domain::conflict::Conflict;
use crate::domain::id::{AccountId, PerSide, RecordKey, Side, Timestamp};
use crate::fault::Unavailable;
use crate::state::brake::BrakeDecision;
use crate::state::controls::{Controls, Hold, Holder, Holds};
use crate::state::desk::{
    AuditFilter, AuditLine, COUNT_MAX, ConflictCounts, ConflictFilter, Desk, Filed, HistoryLine,
    WaitingCounts,
};
use crate::state::{AmbiguityStatus, AuditRow, ErrorEntry, ErrorStatus};

/// What is filed of an account's conflicts, and what is held.
#[derive(Default)]
pub(super) struct Filing {
    /// Conflicts ever opened.
    conflicts: BTreeMap<Uuid, Entry>,
    /// The open ones by the time they are due.
    due: BTreeSet<(Timestamp, Uuid)>,
    holds: PerSide<Holds>,
}

struct Entry {
    place: At,
    opened_at: Timestamp,
    due_at: Timestamp,
    assignee: Option<String>,
    is_open: bool,
}

impl Filing {
    /// The record has this conflict, open.
    pub(super) fn open(&mut self, place: &At, conflict: &Conflict) {
        let known = self.conflicts.get(&conflict.id);
        if let Some(known) = known {
            self.due.remove(&(known.due_at, conflict.id));
        }
        let (opened_at, due_at) = (conflict.opened_at, conflict.due_at);
        let assignee = known.and_then(|known| known.assignee.clone());
        self.due.insert((due_at, conflict.id));
        let entry = Entry { place: place.clone(), opened_at, due_at, assignee, is_open: true };
        self.conflicts.insert(conflict.id, entry);
    }

    /// The conflict is over; its id stays known, so that who decides it again is told so.
    pub(super) fn close(&mut self, conflict: Uuid) {
        if let Some(entry) = self.conflicts.get_mut(&conflict) {
            entry.is_open = false;
            self.due.remove(&(entry.due_at, conflict));
        }
    }

    /// Where the record is that has, or had, the conflict.
    pub(super) fn place(&self, conflict: Uuid) -> Option<&At> {
        self.conflicts.get(&conflict).map(|entry| &entry.place)
    }

    /// The open conflicts' ids and places.
    pub(super) fn open_ones(&self) -> impl Iterator<Item = (Uuid, &At)> {
        self.due.iter().filter_map(|(_, id)| Some((*id, &self.conflicts.get(id)?.place)))
    }

    fn filed(&self, account: &AccountId, id: Uuid) -> Option<Filed> {
        let entry = self.conflicts.get(&id)?;
        let (kind, record) = entry.place.clone();
        Some(Filed {
            key: RecordKey::new(account.clone(), kind, record),
            conflict: id,
            opened_at: entry.opened_at,
            due_at: entry.due_at,
            assignee: entry.assignee.clone(),
            is_open: entry.is_open,
        })
    }
}

impl Tables {
    fn keeps(&self, filter: &ConflictFilter, filed: &Filed) -> bool {
        let place = place_of(&filed.key);
        let Some(conflict) = self.records.get(&place).and_then(|r| r.conflict.as_ref()) else {
            return false;
        };
        let of_field = |(kind, field): &(_, usize)| place.0 == *kind && conflict.clash(*field).is_some();
        filter.record_type.as_ref().is_none_or(|kind| place.0 == *kind)
            && filter.field.as_ref().is_none_or(of_field)
            && filter.assignee.as_deref().is_none_or(|name| filed.assignee.as_deref().unwrap_or("") == name)
            && filter.opened_until.is_none_or(|until| filed.opened_at <= until)
            && filter.locks_record.is_none_or(|locks| conflict.locks_record() == locks)
            && filter.deleted.is_none_or(|deleted| conflict.deleted_by.is_some() == deleted)
    }
}

#[async_trait]
impl Desk for MemoryState {
    async fn conflict_of(
        &self,
        accounts: &[AccountId],
        conflict: Uuid,
    ) -> Result<Option<Filed>, Unavailable> {
        let of = |account: &AccountId| self.with(account, |t| t.filing.filed(account, conflict));
        Ok(accounts.iter().find_map(of))
    }

    async fn conflicts_of(
        &self,
        accounts: &[AccountId],
        conflicts: &[Uuid],
    ) -> Result<Vec<Filed>, Unavailable> {
        let conflicts = BTreeSet::from_iter(conflicts);
        let of = |account: &AccountId| -> Vec<Filed> {
            self.with(account, |t| conflicts.iter().filter_map(|id| t.filing.filed(account, **id)).collect())
        };
        Ok(accounts.iter().flat_map(of).collect())
    }

    async fn open_conflicts(
        &self,
        account: &AccountId,
        filter: &ConflictFilter,
        after: Option<(Timestamp, Uuid)>,
        limit: usize,
    ) -> Result<Vec<Filed>, Unavailable> {
        Ok(self.with(account, |t| {
            let passed = |place: &&(Timestamp, Uuid)| after.is_none_or(|after| **place > after);
            let filed = t.filing.due.iter().filter(passed).filter_map(|(_, id)| t.filing.filed(account, *id));
            filed.filter(|filed| t.keeps(filter, filed)).take(limit).collect()
        }))
    }

    async fn conflicts_opened(
        &self,
        account: &AccountId,
        since: Timestamp,
        most: u64,
    ) -> Result<u64, Unavailable> {
        let is_since = |entry: &&Entry| entry.opened_at >= since;
        let opened = self.with(account, |t| t.filing.conflicts.values().filter(is_since).count() as u64);
        Ok(opened.min(most))
    }

    async fn conflict_counts(
        &self,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<ConflictCounts, Unavailable> {
        Ok(self.with(account, |t| {
            let open = || t.filing.conflicts.values().filter(|entry| entry.is_open);
            let count = |n: usize| (n as u64).min(COUNT_MAX);
            ConflictCounts {
                open: count(open().count()),
                overdue: count(open().filter(|entry| entry.due_at <= now).count()),
                unassigned: count(open().filter(|entry| entry.assignee.is_none()).count()),
            }
        }))
    }

    async fn waiting_counts(&self, account: &AccountId) -> Result<WaitingCounts, Unavailable> {
        Ok(self.with(account, |t| {
            let errors = t.errors.values().filter(|error| error.status == ErrorStatus::Open).count();
            let questions =
                t.ambiguities.values().filter(|asked| asked.status == AmbiguityStatus::Open).count();
            let count = |n: usize| (n as u64).min(COUNT_MAX);
            WaitingCounts { errors: count(errors), questions: count(questions) }
        }))
    }

    async fn assign(
        &self,
        account: &AccountId,
        conflict: Uuid,
        from: Option<&str>,
        to: Option<&str>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(account, |t| {
            let entry = t.filing.conflicts.get_mut(&conflict);
            let Some(entry) = entry.filter(|e| e.is_open && e.assignee.as_deref() == from) else {
                return false;
            };
            entry.assignee = to.map(str::to_string);
            t.audit.push(audit);
            true
        }))
    }

    async fn audit_of(
        &self,
        account: &AccountId,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AuditLine>, Unavailable> {
        Ok(self.with(account, |t| {
            let lines = t.audit.iter().enumerate().rev().map(|(n, row)| (n as u64 + 1, row));
            let wanted = lines.filter(|(at, row)| {
                before.is_none_or(|before| *at < before)
                    && filter.subject.as_ref().is_none_or(|subject| row.subject == *subject)
                    && filter.actor.as_ref().is_none_or(|actor| row.actor == *actor)
            });
            wanted.take(limit).map(|(at, row)| AuditLine { at, row: row.clone() }).collect()
        }))
    }

    async fn history_of(
        &self,
        key: &RecordKey,
        before: Option<(u64, u32)>,
        limit: usize,
    ) -> Result<Vec<HistoryLine>, Unavailable> {
        Ok(self.with(&key.account, |t| {
            let rows = t.history.get(&t.follow(&place_of(key))).map_or(&[][..], Vec::as_slice);
            let lines = rows.iter().enumerate().rev().map(|(n, row)| ((n as u64 + 1, 0), row));
            let wanted = lines.filter(|(at, _)| before.is_none_or(|before| *at < before));
            wanted.take(limit).map(|(at, row)| HistoryLine { at, row: row.clone() }).collect()
        }))
    }
}

#[async_trait]
impl Controls for MemoryState {
    async fn holds(&self, account: &AccountId) -> Result<PerSide<Holds>, Unavailable> {
        Ok(self.with(account, |t| t.filing.holds.clone()))
    }

    async fn set_hold(
        &self,
        account: &AccountId,
        (side, holder): (Side, Holder),
        from: Option<&Hold>,
        to: Option<Hold>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable> {
        Ok(self.with(account, |t| {
            if t.filing.holds[side].of(holder) != from || from == to.as_ref() {
                return false;
            }
            t.filing.holds[side].set(holder, to);
            t.audit.push(audit);
            true
        }))
    }

    async fn decide_brake(
        &self,
        account: &AccountId,
        error: Uuid,
        decision: &BrakeDecision,
        audit: AuditRow,
    ) -> Result<Option<ErrorEntry>, Unavailable> {
        Ok(self.with(account, |t| {
            let known = t.errors.get_mut(&error)?;
            *known = known.decided(decision)?;
            t.audit.push(audit);
            Some(known.clone())
        }))
    }
}
