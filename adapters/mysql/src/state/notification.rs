//! The table `notification`: notices for people.

use shared::domain::id::AccountId;
use shared::state::Notice;
use sqlx::mysql::MySqlConnection;

use super::sql::{pieces, statements, tuples};

statements! {
    INSERT = |n| format!("insert into notification (account_id, notification_id, at, topic, message) values {} \
        on duplicate key update at = notification.at", tuples(n, 5));
}

/// Adds notices; one that is there stays as it is.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    notices: &[(&AccountId, &Notice)],
) -> Result<(), sqlx::Error> {
    for piece in pieces(notices) {
        let query = piece.iter().fold(INSERT.of(piece.len()), |query, (account, notice)| {
            let query = query.bind(account.as_str()).bind(notice.id).bind(notice.at.0);
            query.bind(notice.topic.as_str()).bind(notice.text.as_str())
        });
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
