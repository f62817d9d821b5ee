//! The table `poll_cursor`: how far the poller has come.

use shared::domain::id::AccountId;
use sqlx::Row;
use sqlx::mysql::MySqlConnection;

use super::sql::statements;

statements! {
    FIND = |_| "select cursor_text from poll_cursor where account_id = ? and name = ?".into();
    SET = |_| "insert into poll_cursor (account_id, name, cursor_text) values (?, ?, ?) as new \
        on duplicate key update cursor_text = new.cursor_text".into();
}

/// The cursor of a scan; `None` before the first.
pub(super) async fn find(
    connection: &mut MySqlConnection,
    account: &AccountId,
    name: &str,
) -> Result<Option<String>, sqlx::Error> {
    let row = FIND.query().bind(account.as_str()).bind(name).fetch_optional(connection).await?;
    row.map(|row| row.try_get("cursor_text")).transpose()
}

/// Puts the cursor of a scan.
pub(super) async fn set(
    connection: &mut MySqlConnection,
    account: &AccountId,
    name: &str,
    cursor: &str,
) -> Result<(), sqlx::Error> {
    SET.query().bind(account.as_str()).bind(name).bind(cursor).execute(connection).await?;
    Ok(())
}
