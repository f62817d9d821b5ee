//! What tests and the local world see of the state, beyond its port.

use std::sync::Arc;

use uuid::Uuid;

use super::MemoryState;
use crate::domain::governance::Governance;
use crate::domain::id::AccountId;
use crate::domain::record::Record;
use crate::state::deliveries::Delivery;
use crate::state::{AuditRow, Notice, PendingRow};

impl MemoryState {
    /// Every record of an account, tombstones included.
    pub fn all_records(&self, account: &AccountId) -> Vec<Arc<Record>> {
        self.with(account, |t| t.records.values().cloned().collect())
    }

    /// Every event's row of an account, done ones included.
    pub fn all_pending(&self, account: &AccountId) -> Vec<PendingRow> {
        self.with(account, |t| t.pending.values().cloned().collect())
    }

    /// The notices of an account.
    pub fn all_notices(&self, account: &AccountId) -> Vec<Notice> {
        self.with(account, |t| t.told.all())
    }

    /// The deliveries of an account, each with the notices that it tells.
    pub fn all_deliveries(&self, account: &AccountId) -> Vec<(Delivery, Vec<Uuid>)> {
        self.with(account, |t| {
            let all = t.told.deliveries.values();
            all.map(|row| (row.delivery.clone(), row.items.clone())).collect()
        })
    }

    /// The audit of an account.
    pub fn audit(&self, account: &AccountId) -> Vec<AuditRow> {
        self.with(account, |t| t.audit.clone())
    }

    /// An account's use of its NetSuite.
    pub fn governance(&self, account: &AccountId) -> Governance {
        self.with(account, |t| t.governance.clone())
    }
}
