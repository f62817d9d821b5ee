//! The port `Ledger` over the database `event_store`.
//!
//! Appends of one instance are gathered: a worker takes all that wait, and writes them with one statement.
//! Reads go by themselves.

mod event_store;
mod gather;
mod round;
mod row;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use shared::domain::id::AccountId;
use shared::fault::Unavailable;
use shared::ledger::{Appended, Entry, Ledger, Stored};
use sqlx::MySqlPool;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

pub use event_store::{STATEMENTS, Statement};

use crate::fault::{retrying, unavailable, within};
use gather::Append;

/// Callers that may wait for the worker; the next one waits before the queue.
const QUEUE: usize = 4_096;

/// Longest wait for an append, the queue and all attempts included.
const APPENDED_WITHIN: Duration = Duration::from_secs(30);

/// Events asked for with one statement.
const READ_ROWS: usize = 1_000;

/// Entries that one scan gives at most, whatever limit it is given.
const SCAN_ROWS: usize = 10_000;

/// What a fault of the ledger is called.
const WHAT: &str = "ledger";

/// See [`Ledger`].
pub struct MysqlLedger {
    pool: MySqlPool,
    appends: mpsc::Sender<Append>,
    /// Every place up to this one is final: taken, or never to be. Only ever rises.
    settled: AtomicU64,
}

impl MysqlLedger {
    /// The ledger in `pool`'s database, and its worker, which the caller runs in the background: without it no
    /// append is ever answered. The worker ends once the ledger has been dropped and every append that was
    /// waiting then has its answer.
    pub fn new(pool: MySqlPool) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (appends, waiting) = mpsc::channel(QUEUE);
        let worker = gather::work(pool.clone(), waiting);
        (Self { pool, appends, settled: AtomicU64::new(0) }, worker)
    }

    /// The highest place up to `last` below which no entry can appear any more.
    ///
    /// Ids are drawn before they are committed, so a lower one may show itself after a higher one. Where all
    /// places are taken, there is nothing left to appear. A gap is either final (a statement that failed drew
    /// ids and wrote nothing) or an append that is still under way, and nothing visible tells which: so a gap
    /// is believed once it lies below an entry that was drawn [`event_store::SETTLED_AFTER_S`] ago. No append
    /// takes that long: its waits for locks are bounded, its statement is one insert, and its caller gives up
    /// much earlier. What it delays is the second line alone, as the first never scans.
    async fn settled(&self, last: u64) -> Result<u64, sqlx::Error> {
        let known = self.settled.load(Ordering::Relaxed);
        if last <= known {
            return Ok(known);
        }
        let from = event_store::old_place(&self.pool, known, last).await?;
        let settled = event_store::without_gap(&self.pool, from, last).await?;
        self.settled.fetch_max(settled, Ordering::Relaxed);
        Ok(settled)
    }
}

#[async_trait]
impl Ledger for MysqlLedger {
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Unavailable> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, told) = oneshot::channel();
        let asked = async {
            let gone = || Unavailable::new(WHAT, "its worker has ended");
            self.appends.send(Append { entries, answer }).await.map_err(|_| gone())?;
            told.await.map_err(|_| gone())?
        };
        match tokio::time::timeout(APPENDED_WITHIN, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(Unavailable::new(WHAT, "no answer in time")),
        }
    }

    async fn read(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Stored>, Unavailable> {
        let mut stored = Vec::with_capacity(events.len());
        for events in events.chunks(READ_ROWS) {
            let found = retrying(0, || event_store::read(&self.pool, account, events)).await;
            stored.extend(found.map_err(unavailable(WHAT))?);
        }
        stored.sort_by_key(|s| s.seq);
        stored.dedup_by_key(|s| s.seq);
        Ok(stored)
    }

    async fn scan(&self, account: &AccountId, after: u64, limit: usize) -> Result<Vec<Stored>, Unavailable> {
        let limit = limit.min(SCAN_ROWS);
        let scanned = async {
            let known = self.settled.load(Ordering::Relaxed);
            let mut stored = event_store::scan(&self.pool, account, after, limit).await?;
            if let Some(last) = stored.last().map(|s| s.seq).filter(|last| *last > known) {
                // What is settled now need not have been there when we read: only what is read after it is whole.
                let settled = self.settled(last).await?;
                stored = event_store::scan(&self.pool, account, after, limit).await?;
                stored.retain(|s| s.seq <= settled);
            }
            Ok(stored)
        };
        within(APPENDED_WITHIN, scanned).await.map_err(unavailable(WHAT))
    }
}
