//! The floor: the same events as rows of the same table, by plain statements of many rows.

use futures::future::try_join_all;
use shared::domain::event::ChangeEvent;
use shared::ledger::Entry;
use sqlx::{MySqlPool, QueryBuilder};
use tokio::time::Instant;

use crate::Failure;

/// Rows of one statement, each a transaction of its own.
pub(crate) const ROWS: usize = 100;

/// Statements under way at once.
pub(crate) const CONNECTIONS: usize = 8;

/// Inserts the events into the ledger's own table; rows a second.
pub(crate) async fn append(pool: &MySqlPool, events: &[ChangeEvent]) -> Result<f64, Failure> {
    let entries: Vec<Entry> = events.iter().map(Entry::of).collect();
    let began = Instant::now();
    let share = entries.len().div_ceil(CONNECTIONS).max(1);
    try_join_all(entries.chunks(share).map(|part| async move {
        for rows in part.chunks(ROWS) {
            insert(pool, rows).await?;
        }
        Ok::<(), Failure>(())
    }))
    .await?;
    Ok(entries.len() as f64 / began.elapsed().as_secs_f64())
}

async fn insert(pool: &MySqlPool, rows: &[Entry]) -> Result<(), Failure> {
    let mut insert = QueryBuilder::new(
        "insert into event_store (account_id, event_id, aggregate_type, aggregate_id, source, operation, \
        occurred_at, body, created_at) ",
    );
    insert.push_values(rows, |mut values, entry| {
        let at = chrono_time(entry.occurred_at.0);
        values
            .push_bind(entry.account.as_str())
            .push_bind(entry.event_id)
            .push_bind(entry.record_type.as_str());
        values.push_bind(&entry.record_id).push_bind(entry.source).push_bind(entry.operation);
        values.push("from_unixtime(").push_bind_unseparated(at).push_unseparated(")");
        values.push_bind(&entry.payload[..]).push("sysdate(6)");
    });
    insert.build().persistent(rows.len() == ROWS).execute(pool).await?;
    Ok(())
}

fn chrono_time(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
