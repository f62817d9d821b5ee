//! The table `event_audit_log`: who did what.

use shared::domain::id::AccountId;
use shared::state::AuditRow;
use sqlx::mysql::MySqlConnection;

use super::codec::json;
use super::sql::{pieces, statements, tuples};

statements! {
    INSERT = |n| format!("insert into event_audit_log (account_id, at, actor, action, subject, details) \
        values {}", tuples(n, 6));
}

/// Adds rows.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    rows: &[(&AccountId, &AuditRow)],
) -> Result<(), sqlx::Error> {
    for piece in pieces(rows) {
        let query = piece.iter().fold(INSERT.of(piece.len()), |query, (account, row)| {
            let query = query.bind(account.as_str()).bind(row.at.0).bind(row.actor.as_str());
            query.bind(row.action.as_str()).bind(row.subject.as_str()).bind(json(&row.details))
        });
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
