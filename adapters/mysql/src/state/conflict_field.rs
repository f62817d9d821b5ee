//! The table `conflict_field`: which fields a conflict is about.

use shared::domain::id::AccountId;
use shared::domain::surface::SyncConfig;
use sqlx::mysql::MySqlConnection;
use uuid::Uuid;

use super::conflicts::Opened;
use super::sql::{pieces, statements, tuples};

statements! {
    OPEN = |n| format!("insert into conflict_field (account_id, conflict_id, record_type, field, is_open, due_at) \
        values {} as new on duplicate key update is_open = true, due_at = new.due_at", tuples(n, 6));
    CLOSE = |_| "update conflict_field set is_open = false where account_id = ? and conflict_id = ?".into();
}

/// Notes which fields these conflicts are about.
pub(super) async fn open(
    connection: &mut MySqlConnection,
    conflicts: &[Opened<'_>],
    config: &SyncConfig,
) -> Result<(), sqlx::Error> {
    let fields = conflicts.iter().flat_map(|opened| {
        let surface = config.surface(&opened.key.account, &opened.key.record_type);
        let clashes = opened.conflict.clashes.iter();
        clashes.filter_map(move |clash| Some((opened, &*surface?.fields[clash.field].name)))
    });
    let fields: Vec<_> = fields.collect();
    for piece in pieces(&fields) {
        let query = piece.iter().fold(OPEN.of(piece.len()), |query, (Opened { key, conflict }, field)| {
            let query = query.bind(key.account.as_str()).bind(conflict.id).bind(key.record_type.as_str());
            query.bind(*field).bind(true).bind(conflict.due_at.0)
        });
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Notes that a conflict is about none of its fields.
pub(super) async fn close(
    connection: &mut MySqlConnection,
    account: &AccountId,
    conflict: Uuid,
) -> Result<(), sqlx::Error> {
    CLOSE.query().bind(account.as_str()).bind(conflict).execute(connection).await?;
    Ok(())
}
