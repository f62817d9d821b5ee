//! The table `conflicts`: which record has, or had, a conflict.

use shared::domain::id::{AccountId, RecordKey};
use sqlx::mysql::MySqlConnection;
use uuid::Uuid;

use super::sql::{pieces, statements, tuples};
use super::{columns, cursor};

statements! {
    OPEN = |n| format!("insert into conflicts (account_id, conflict_id, record_type, record_id, is_open) \
        values {} as new on duplicate key update record_type = new.record_type, record_id = new.record_id, \
        is_open = true", tuples(n, 5));
    CLOSE = |_| "update conflicts set is_open = false where account_id = ? and conflict_id = ?".into();
    FIND = |_| "select account_id, record_type, record_id from conflicts where conflict_id = ? limit 1".into();
    PAGE = |_| "select account_id, record_type, record_id from conflicts force index (open_conflicts) \
        where is_open = true and (account_id > ? or (account_id = ? and (record_type > ? or \
        (record_type = ? and record_id > ?)))) \
        order by account_id, record_type, record_id limit ?".into();
    PAGE_OF_ACCOUNT = |_| "select account_id, record_type, record_id from conflicts \
        force index (open_conflicts) where is_open = true and account_id = ? and (record_type > ? or \
        (record_type = ? and record_id > ?)) order by record_type, record_id limit ?".into();
}

/// Notes that records have these conflicts.
pub(super) async fn open(
    connection: &mut MySqlConnection,
    conflicts: &[(&RecordKey, Uuid)],
) -> Result<(), sqlx::Error> {
    for piece in pieces(conflicts) {
        let query = piece.iter().fold(OPEN.of(piece.len()), |query, (key, id)| {
            let query = query.bind(key.account.as_str()).bind(*id);
            query.bind(key.record_type.as_str()).bind(key.id.as_str()).bind(true)
        });
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Notes that a conflict is over.
pub(super) async fn close(
    connection: &mut MySqlConnection,
    account: &AccountId,
    conflict: Uuid,
) -> Result<(), sqlx::Error> {
    CLOSE.query().bind(account.as_str()).bind(conflict).execute(connection).await?;
    Ok(())
}

/// The record that has, or had, this conflict.
pub(super) async fn find(
    connection: &mut MySqlConnection,
    conflict: Uuid,
) -> Result<Option<RecordKey>, sqlx::Error> {
    let row = FIND.query().bind(conflict).fetch_optional(connection).await?;
    row.as_ref().map(columns::key).transpose()
}

/// At most `limit` keys of records with an open conflict, after the cursor `after`.
pub(super) async fn page(
    connection: &mut MySqlConnection,
    account: Option<&AccountId>,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<RecordKey>, sqlx::Error> {
    let [last_account, last_type, last_id] = cursor::key(after);
    let query = match account {
        Some(account) => PAGE_OF_ACCOUNT.query().bind(account.as_str()),
        None => PAGE.query().bind(last_account).bind(last_account),
    };
    let query = query.bind(last_type).bind(last_type).bind(last_id).bind(limit);
    query.fetch_all(connection).await?.iter().map(columns::key).collect()
}
