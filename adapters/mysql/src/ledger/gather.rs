//! The worker: takes all appends that wait, has them written in one go, answers each.

use std::time::Duration;

use shared::fault::Unavailable;
use shared::ledger::{Appended, Entry};
use sqlx::MySqlPool;
use tokio::sync::{mpsc, oneshot};

use super::round;

/// Entries written with one statement, unless a single append has more.
const ROWS_MAX: usize = 512;

/// Bytes written with one statement, unless a single append has more.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest wait for others to come along.
const GATHER: Duration = Duration::from_millis(2);

/// A caller's append. The caller may be gone before it is answered; that is no concern of the others.
pub(super) struct Append {
    pub(super) entries: Vec<Entry>,
    pub(super) answer: oneshot::Sender<Result<Vec<Appended>, Unavailable>>,
}

/// Writes what waits until all senders are gone and nothing waits any more.
pub(super) async fn work(pool: MySqlPool, mut waiting: mpsc::Receiver<Append>) {
    let (mut expected, mut caution) = (1, round::Caution::default());
    while let Some(first) = waiting.recv().await {
        let batch = gather(first, &mut waiting, expected).await;
        expected = batch.appends.len();
        let Batch { mut appends, .. } = batch;
        // Who has gone away delivers it again.
        appends.retain(|append| !append.answer.is_closed());
        let entries = appends.iter_mut().map(|append| std::mem::take(&mut append.entries)).collect();
        let answers = round::append(&pool, entries, &mut caution).await;
        for (append, answer) in appends.into_iter().zip(answers) {
            // A caller who left meanwhile has been served all the same.
            let _ = append.answer.send(answer);
        }
    }
}

struct Batch {
    appends: Vec<Append>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.rows >= ROWS_MAX || self.bytes >= BYTES_MAX
    }

    fn add(&mut self, append: Append) {
        self.rows += append.entries.len();
        self.bytes += append.entries.iter().map(|entry| entry.payload.len()).sum::<usize>();
        self.appends.push(append);
    }
}

/// `first` and what comes along with it: all that waits already, and, when there were several the last time,
/// as many again, for at most [`GATHER`]. A lone caller never waits for company.
async fn gather(first: Append, waiting: &mut mpsc::Receiver<Append>, expected: usize) -> Batch {
    let mut batch = Batch { appends: Vec::with_capacity(expected), rows: 0, bytes: 0 };
    batch.add(first);
    while !batch.is_full()
        && let Ok(next) = waiting.try_recv()
    {
        batch.add(next);
    }
    let company = async {
        while batch.appends.len() < expected && !batch.is_full() {
            let Some(next) = waiting.recv().await else { return };
            batch.add(next);
        }
    };
    // Time that runs out is no failure: what has come is written.
    let _ = tokio::time::timeout(GATHER, company).await;
    batch
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use shared::domain::id::{AccountId, RecordType, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn append(rows: usize, bytes: usize) -> Append {
        let entry = |n: usize| Entry {
            account: AccountId::parse("acme").unwrap(),
            event_id: Uuid::from_u128(n as u128),
            record_type: RecordType::parse("customer").unwrap(),
            record_id: "5".into(),
            source: "suitex",
            operation: "update",
            occurred_at: Timestamp(0),
            payload: Bytes::from(vec![b' '; bytes]),
        };
        Append { entries: (0..rows).map(entry).collect(), answer: oneshot::channel().0 }
    }

    async fn gathered(sent: Vec<Append>, expected: usize) -> Vec<usize> {
        let (queue, mut waiting) = mpsc::channel(100);
        for append in sent {
            queue.try_send(append).expect("room");
        }
        let mut batches = Vec::new();
        while let Ok(first) = waiting.try_recv() {
            batches.push(gather(first, &mut waiting, expected).await.appends.len());
        }
        batches
    }

    #[tokio::test]
    async fn what_waits_goes_together_within_bounds() {
        let some = |n: usize, rows, bytes| (0..n).map(|_| append(rows, bytes)).collect::<Vec<_>>();
        assert_eq!(gathered(some(7, 1, 10), 1).await, [7]);
        assert_eq!(gathered(some(5, 200, 10), 1).await, [3, 2]);
        assert_eq!(gathered(some(3, 1, BYTES_MAX), 1).await, [1, 1, 1]);
        assert_eq!(gathered(some(1, 2_000, 10), 1).await, [1], "an append is never taken apart");
    }

    #[tokio::test(start_paused = true)]
    async fn company_is_awaited_for_two_milliseconds_where_there_was_some() {
        let (queue, mut waiting) = mpsc::channel(100);
        let began = tokio::time::Instant::now();
        gather(append(1, 1), &mut waiting, 1).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "a lone caller is served at once");
        queue.try_send(append(1, 1)).expect("room");
        assert_eq!(gather(append(1, 1), &mut waiting, 9).await.appends.len(), 2);
        assert!(began.elapsed() >= GATHER && began.elapsed() < 2 * GATHER);
    }
}
