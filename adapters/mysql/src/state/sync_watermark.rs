//! The table `sync_watermark`: how far readers have come.

use shared::domain::id::AccountId;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;

use super::sql::statements;

statements! {
    FIND = |_| "select reached from sync_watermark where account_id = ? and name = ?".into();
    RAISE = |_| "insert into sync_watermark (account_id, name, reached) values (?, ?, ?) as new \
        on duplicate key update reached = greatest(sync_watermark.reached, new.reached)".into();
}

/// How far the reader has come; 0 at first.
pub(super) async fn find(
    connection: &mut MySqlConnection,
    account: &AccountId,
    name: &str,
) -> Result<u64, sqlx::Error> {
    let row = FIND.query().bind(account.as_str()).bind(name).fetch_optional(connection).await?;
    row.map_or(Ok(0), |row| row.try_get("reached"))
}

/// Notes how far the reader has come; never back.
pub(super) async fn raise(
    connection: &mut MySqlConnection,
    account: &AccountId,
    name: &str,
    at: u64,
) -> Result<(), sqlx::Error> {
    RAISE.query().bind(account.as_str()).bind(name).bind(at).execute(connection).await?;
    Ok(())
}
