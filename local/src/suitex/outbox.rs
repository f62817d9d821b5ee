//! What is written beside each change: `outbox_events` for the relay, `synced_events` for SuiteX itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::domain::id::{Revision, Timestamp};
use shared::suitex::OutboxRow;

/// Rows that were not dispatched yet, in order. Dispatched ones are gone, so that reading costs what it reads.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: BTreeMap<u64, OutboxRow>,
    last_seq: u64,
}

impl Outbox {
    /// Appends the row that `row` makes of its position.
    pub(super) fn append(&mut self, row: impl FnOnce(u64) -> OutboxRow) {
        self.last_seq += 1;
        self.waiting.insert(self.last_seq, row(self.last_seq));
    }

    /// The position of the newest row ever appended.
    pub(super) fn last_seq(&self) -> u64 {
        self.last_seq
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn oldest(&self, limit: usize) -> Vec<OutboxRow> {
        self.waiting.values().take(limit).cloned().collect()
    }

    pub(super) fn dispatched(&mut self, seqs: &[u64]) {
        for seq in seqs {
            self.waiting.remove(seq);
        }
    }
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It came to be.
    Create,
    /// It changed.
    Update,
    /// It was deleted.
    Delete,
}

impl Operation {
    /// As in `outbox_events`.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }
}

/// A row of `synced_events`: a change that the sync applied, from which SuiteX raises its own domain events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncedEvent {
    /// SuiteX's table.
    pub table: Arc<str>,
    /// SuiteX's id of the row.
    pub id: u64,
    /// What happened to it.
    pub operation: Operation,
    /// Its revision after the change.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
}
