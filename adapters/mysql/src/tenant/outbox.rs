//! `outbox_events`: what the triggers wrote, for the relay.
//!
//! Ids are given when a row is inserted and rows are seen when their transaction commits, so a lower id may
//! appear after a higher one. Nothing is lost by that, for the relay keeps no position: what is there is to be
//! relayed. And the edits of one record do come in order: a trigger locks the record's row in `sync_rows`
//! before it inserts here and the lock lasts until the commit, so that the next edit of that record gets its
//! id only once this one can be seen.
//!
//! ```text
//! A   edit 7 ── lock 7 ── id 1 ───────────────── commit
//! B        edit 8 ── lock 8 ── id 2 ── commit                    seen first, another record
//! C             edit 7 ── waits for A's lock ………… lock 7 ── id 3 ── commit
//! ```

use serde_json::{Map, Value as Json};
use shared::domain::id::{Revision, Timestamp};
use shared::suitex::OutboxRow;
use sqlx::mysql::MySqlRow;
use sqlx::types::Json as Column;
use sqlx::{Connection, MySqlConnection, Row};

use super::table::Table;

/// The oldest rows. Those of open transactions are passed over, not waited for.
pub(super) const OLDEST: &str = "select id, table_name, row_id, sync_id, operation, revision, changes, previous, \
     at, actor, is_sealed from outbox_events order by id limit ? for update skip locked";

/// Rows that one statement marks or removes.
const AT_ONCE: usize = 512;

/// The oldest rows, sealed: a later statement of the same edit must not join a row that was read, or it would
/// be removed unread.
pub(super) async fn oldest(
    on: &mut MySqlConnection,
    tables: &[Table],
    limit: usize,
) -> Result<Vec<OutboxRow>, sqlx::Error> {
    let mut transaction = on.begin().await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = sqlx::query(OLDEST).bind(limit).fetch_all(&mut *transaction).await?;
    let mut rows = Vec::with_capacity(found.len());
    let mut unsealed = Vec::new();
    for row in &found {
        let read = outbox_row(row, tables)?;
        if !row.try_get::<bool, _>("is_sealed")? {
            unsealed.push(read.seq);
        }
        rows.push(read);
    }
    of_rows(&mut transaction, "update outbox_events set is_sealed = true where id in", &unsealed).await?;
    transaction.commit().await?;
    Ok(rows)
}

/// Removes rows that the bus has. The ledger keeps what they told.
pub(super) async fn remove(on: &mut MySqlConnection, seqs: &[u64]) -> Result<(), sqlx::Error> {
    of_rows(on, "delete from outbox_events where id in", seqs).await
}

async fn of_rows(on: &mut MySqlConnection, statement: &str, ids: &[u64]) -> Result<(), sqlx::Error> {
    for ids in ids.chunks(AT_ONCE) {
        // A text for each power of two, the last id repeated: a connection prepares few, and once.
        let size = ids.len().next_power_of_two();
        let marks = vec!["?"; size].join(", ");
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{statement} ({marks})")));
        let ids = (0..size).map(|at| ids[at.min(ids.len() - 1)]);
        ids.fold(query, |query, id| query.bind(id)).execute(&mut *on).await?;
    }
    Ok(())
}

fn outbox_row(row: &MySqlRow, tables: &[Table]) -> Result<OutboxRow, sqlx::Error> {
    let name: String = row.try_get("table_name")?;
    let table = tables.iter().find(|table| table.surface.suitex == name);
    let values = |column: &str| {
        let Column(values): Column<Map<String, Json>> = row.try_get(column)?;
        Ok::<_, sqlx::Error>(match table {
            Some(table) => table.canonical(values),
            None => values,
        })
    };
    let at: chrono::NaiveDateTime = row.try_get("at")?;
    Ok(OutboxRow {
        seq: row.try_get("id")?,
        id: row.try_get::<u64, _>("row_id")?.to_string(),
        sync_id: row.try_get("sync_id")?,
        operation: row.try_get("operation")?,
        revision: Revision(row.try_get("revision")?),
        changes: values("changes")?,
        previous: values("previous")?,
        at: Timestamp(at.and_utc().timestamp_millis()),
        actor: row.try_get("actor")?,
        table: name,
    })
}
