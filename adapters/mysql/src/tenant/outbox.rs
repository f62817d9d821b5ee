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
use shared::suitex::{OutboxPage, OutboxRow};
use sqlx::mysql::MySqlRow;
use sqlx::types::Json as Column;
use sqlx::{Connection, MySqlConnection, Row};

use super::table::Table;

/// The oldest rows. Those of open transactions are passed over, not waited for. Values of more than 64 KiB stay
/// behind: a hundred edits of a 5 MB field must not be in memory at once.
pub(super) const OLDEST: &str = "select id, table_name, row_id, sync_id, operation, revision, at, actor, is_sealed, \
    cast(json_storage_size(changes) + json_storage_size(previous) as unsigned) as bytes, \
    if(json_storage_size(changes) + json_storage_size(previous) > 65536, null, changes) as changes, \
    if(json_storage_size(changes) + json_storage_size(previous) > 65536, null, previous) as previous \
    from outbox_events order by id limit ? for update skip locked";

/// What stayed behind of one of them.
pub(super) const VALUES: &str = "select changes, previous from outbox_events where id = ?";

/// A page ends with the row that fills it, as MySQL stores its values.
const PAGE_BYTES: u64 = 8 * 1024 * 1024;

/// Rows that one statement marks or removes.
const AT_ONCE: usize = 512;

/// The oldest rows, sealed: a later statement of the same edit must not join a row that was read, or it would
/// be removed unread.
pub(super) async fn oldest(
    on: &mut MySqlConnection,
    tables: &[Table],
    limit: usize,
) -> Result<OutboxPage, sqlx::Error> {
    let mut transaction = on.begin().await?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = sqlx::query(OLDEST).bind(most).fetch_all(&mut *transaction).await?;
    let mut rows = Vec::with_capacity(found.len());
    let (mut unsealed, mut bytes) = (Vec::new(), 0);
    for row in &found {
        if bytes >= PAGE_BYTES {
            break;
        }
        bytes += row.try_get::<u64, _>("bytes")?;
        let id: u64 = row.try_get("id")?;
        let values = match Values::of(row)? {
            Some(values) => values,
            None => {
                let row = sqlx::query(VALUES).bind(id).fetch_one(&mut *transaction).await?;
                Values::of(&row)?.ok_or(sqlx::Error::RowNotFound)?
            }
        };
        if !row.try_get::<bool, _>("is_sealed")? {
            unsealed.push(id);
        }
        rows.push(outbox_row(row, values, tables)?);
    }
    of_rows(&mut transaction, "update outbox_events set is_sealed = true where id in", &unsealed).await?;
    transaction.commit().await?;
    let has_more = rows.len() < found.len() || found.len() == limit;
    Ok(OutboxPage { rows, has_more })
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

/// New and old values, by column.
struct Values {
    changes: Map<String, Json>,
    previous: Map<String, Json>,
}

impl Values {
    /// None when they stayed behind.
    fn of(row: &MySqlRow) -> Result<Option<Self>, sqlx::Error> {
        let changes: Option<Column<Map<String, Json>>> = row.try_get("changes")?;
        let previous: Option<Column<Map<String, Json>>> = row.try_get("previous")?;
        let values = changes.zip(previous);
        Ok(values.map(|(Column(changes), Column(previous))| Self { changes, previous }))
    }
}

fn outbox_row(row: &MySqlRow, values: Values, tables: &[Table]) -> Result<OutboxRow, sqlx::Error> {
    let name: String = row.try_get("table_name")?;
    let table = tables.iter().find(|table| table.surface.suitex == name);
    let canonical = |values| match table {
        Some(table) => table.canonical(values),
        None => values,
    };
    let at: chrono::NaiveDateTime = row.try_get("at")?;
    Ok(OutboxRow {
        seq: row.try_get("id")?,
        id: row.try_get::<u64, _>("row_id")?.to_string(),
        sync_id: row.try_get("sync_id")?,
        operation: row.try_get("operation")?,
        revision: Revision(row.try_get("revision")?),
        changes: canonical(values.changes),
        previous: canonical(values.previous),
        at: Timestamp(at.and_utc().timestamp_millis()),
        actor: row.try_get("actor")?,
        table: name,
    })
}
