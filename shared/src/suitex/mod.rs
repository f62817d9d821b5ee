//! SuiteX's tenant databases: what the SuiteX writer and the outbox relay need of one.
//!
//! It does not interpret: names are SuiteX's columns, values are in wire form. Knowing what to write is the
//! domain's work; rules of the business are SuiteX's own.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::domain::id::{AccountId, Revision, Timestamp};
use crate::domain::identity::Unless;
use crate::fault::Unavailable;

/// A row of a synced table, lists included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// SuiteX's id.
    pub id: String,
    /// Our canonical id, for rows that we created.
    pub sync_id: Option<String>,
    /// Row revision, up by one with each change to the row or its lists.
    pub revision: Revision,
    /// Column → value. A list is an array of objects.
    pub values: Map<String, Json>,
    /// The last call of ours that changed it. The application does not show it.
    #[serde(skip)]
    pub last_call: Option<Box<LastCall>>,
}

/// A call that has changed a row.
#[derive(Debug, Clone, PartialEq)]
pub struct LastCall {
    /// Its idempotency key.
    pub operation: Uuid,
    /// Column → value that it left there, of what it changed.
    pub values: Map<String, Json>,
}

/// What to write, in one transaction, if the row is still as we know it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Insert with the canonical id in `sync_id`. A row with that `sync_id` is not doubled and not touched: it
    /// is answered as [`Applied::Mismatch`]. Where there are others that it could be, nothing is inserted: they are
    /// answered as [`Applied::Twins`].
    Create {
        /// Our canonical id.
        sync_id: String,
        /// Column → value.
        values: Map<String, Json>,
        /// Rows that forbid it.
        #[serde(default)]
        unless: Unless,
    },
    /// Set columns where the row's revision and each column's value are as expected.
    Update {
        /// SuiteX's id.
        id: String,
        /// The revision the row must have.
        revision: Revision,
        /// Column → value that must be there now (or already the wanted one).
        expected: Map<String, Json>,
        /// Column → value to set.
        values: Map<String, Json>,
    },
    /// Delete where the row's revision and each column's value are as expected.
    Delete {
        /// SuiteX's id.
        id: String,
        /// The revision the row must have.
        revision: Revision,
        /// Column → value that must be there now.
        expected: Map<String, Json>,
    },
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// Written. The row as it is now; `None` after a delete.
    Done(Option<Row>),
    /// Not written: the row is not as expected. The row as it is now.
    Mismatch(Row),
    /// Not written: these rows could be it, at most [`crate::domain::identity::CANDIDATES_MAX`] of them.
    Twins(Vec<Row>),
    /// Not written: there is no such row. The revision at which it was deleted, where known.
    Gone(Option<Revision>),
    /// Not written: SuiteX's own rules refuse it.
    Refused {
        /// Short code.
        code: String,
        /// Text for people.
        message: String,
        /// The column, when one is to blame.
        field: Option<String>,
    },
}

/// A row of `outbox_events`, written in the same transaction as the edit that it tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Position; rows are relayed in this order.
    pub seq: u64,
    /// SuiteX's table.
    pub table: String,
    /// SuiteX's id of the row.
    pub id: String,
    /// Our canonical id, for rows that we created.
    pub sync_id: Option<String>,
    /// `create`, `update` or `delete`.
    pub operation: String,
    /// Row revision after the edit.
    pub revision: Revision,
    /// Column → new value, only what changed. On create: everything.
    pub changes: Map<String, Json>,
    /// Column → old value of what changed.
    pub previous: Map<String, Json>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
}

/// The oldest of an account's outbox rows.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxPage {
    /// In the order in which they are relayed.
    pub rows: Vec<OutboxRow>,
    /// Whether there may be more behind them.
    pub has_more: bool,
}

/// One of several changes, see [`Tenants::apply`].
#[derive(Debug, Clone)]
pub struct TenantWrite<'a> {
    /// SuiteX's table.
    pub table: &'a str,
    /// The call's idempotency key.
    pub operation: Uuid,
    /// What to write.
    pub change: Change,
}

/// The tenant databases. Implemented over MySQL for life, and by the simulated SuiteX.
#[async_trait]
pub trait Tenants: Send + Sync {
    /// The row of `table` with this id, or with this `sync_id` when the id is not known.
    async fn read(&self, account: &AccountId, table: &str, by: By<'_>) -> Result<Look, Unavailable>;

    /// Applies one change in one transaction, and leaves the call's `operation` with the row that it changed. An
    /// `Err` means that the outcome is unknown. Of an update or a deletion the outbox tells nothing that the answer
    /// says already; of a create it does, for the caller may not live to hear which row it made.
    async fn apply(
        &self,
        account: &AccountId,
        table: &str,
        operation: Uuid,
        change: &Change,
    ) -> Result<Applied, Unavailable>;

    /// Applies changes, each as [`Tenants::apply`] does; those of one row must not be two. Answers in their order.
    /// Where an answer did not come there is none after it either: what became of these is unknown.
    async fn apply_all(
        &self,
        account: &AccountId,
        writes: &[TenantWrite<'_>],
    ) -> Result<Vec<Applied>, Unavailable> {
        let mut answers = Vec::with_capacity(writes.len());
        for TenantWrite { table, operation, change } in writes {
            match self.apply(account, table, *operation, change).await {
                Ok(applied) => answers.push(applied),
                Err(error) if answers.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(answers)
    }

    /// The oldest undispatched outbox rows, in order: at most `limit`, and fewer where they are large.
    async fn outbox(&self, account: &AccountId, limit: usize) -> Result<OutboxPage, Unavailable>;

    /// Marks outbox rows as dispatched.
    async fn dispatched(&self, account: &AccountId, seqs: &[u64]) -> Result<(), Unavailable>;
}

/// How to find a row.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// By SuiteX's id.
    Id(&'a str),
    /// By our canonical id.
    SyncId(&'a str),
}

/// What a read saw.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// The row.
    Found(Row),
    /// It was there and was deleted, at this revision.
    Deleted(Revision),
    /// No such row was ever there.
    Missing,
}
