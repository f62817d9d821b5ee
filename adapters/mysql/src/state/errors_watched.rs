//! The table `sync_error_queue`, as it is watched: errors by kind, and by age.

use shared::domain::id::{AccountId, Timestamp};
use shared::state::watch::ErrorKind;
use shared::state::{ErrorEntry, ErrorStatus};
use sqlx::Row;
use sqlx::mysql::MySqlConnection;
use uuid::Uuid;

use super::sql::statements;
use super::sync_error_queue::{COLUMNS, row_of, status_name};

statements! {
    KINDS = |_| "select class, code, count(*) as errors from (select class, code from sync_error_queue \
        force index (newest_of_account_and_status) where account_id = ? and status = 'open' and first_at >= ? \
        order by first_at desc, error_id limit ?) as newest group by class, code".into();
    // The index read backwards: its ids rise while its times fall.
    BY_AGE = |_| format!("select {COLUMNS} from sync_error_queue force index (newest_of_account_and_status) \
        where account_id = ? and status = ? and first_at <= ? and (first_at > ? or (first_at = ? and error_id < ?)) \
        order by first_at, error_id desc limit ?");
}

/// The open errors that were first met since then, by kind.
pub(super) async fn kinds(
    connection: &mut MySqlConnection,
    account: &AccountId,
    since: Timestamp,
    most: u64,
) -> Result<Vec<(ErrorKind, u64)>, sqlx::Error> {
    let rows = KINDS.query().bind(account.as_str()).bind(since.0).bind(most).fetch_all(connection).await?;
    let kind = |row: &sqlx::mysql::MySqlRow| {
        let kind = ErrorKind { class: row.try_get("class")?, code: row.try_get("code")? };
        Ok((kind, row.try_get::<i64, _>("errors")?.unsigned_abs()))
    };
    let mut kinds = rows.iter().map(kind).collect::<Result<Vec<_>, sqlx::Error>>()?;
    kinds.sort();
    Ok(kinds)
}

/// Errors of one status, the oldest first.
pub(super) async fn by_age(
    connection: &mut MySqlConnection,
    account: &AccountId,
    status: ErrorStatus,
    after: Option<(Timestamp, Uuid)>,
    until: Timestamp,
    limit: u64,
) -> Result<Vec<ErrorEntry>, sqlx::Error> {
    let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (at.0, id));
    let query = BY_AGE.query().bind(account.as_str()).bind(status_name(status)).bind(until.0);
    let rows = query.bind(at).bind(at).bind(id).bind(limit).fetch_all(connection).await?;
    rows.iter().map(row_of).collect()
}
