//! The table `event_audit_log`: who did what.

use shared::domain::id::{AccountId, Timestamp};
use shared::state::AuditRow;
use shared::state::desk::{AuditFilter, AuditLine};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::codec::{from_json, json};
use super::sql::{pieces, statements, tuples};

statements! {
    INSERT = |n| format!("insert into event_audit_log (account_id, at, actor, action, subject, details) \
        values {}", tuples(n, 6));
    PAGE = |_| page_text("");
    PAGE_OF_SUBJECT = |_| page_text(SUBJECT);
    PAGE_OF_ACTOR = |_| page_text(ACTOR);
    PAGE_OF_BOTH = |_| page_text(&format!("{SUBJECT}{ACTOR}"));
}

/// Texts are found by a checksum, and compared.
const SUBJECT: &str = "and subject_key = crc32(?) and subject = ? ";
const ACTOR: &str = "and actor_key = crc32(?) and actor = ? ";

fn page_text(which: &str) -> String {
    format!(
        "select id, at, actor, action, subject, details from event_audit_log where account_id = ? {which}\
        and id < ? order by id desc limit ?"
    )
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

/// At most `limit` rows, the newest first.
pub(super) async fn page(
    connection: &mut MySqlConnection,
    account: &AccountId,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<AuditLine>, sqlx::Error> {
    let AuditFilter { subject, actor } = filter;
    let statement = match (subject, actor) {
        (None, None) => PAGE,
        (Some(_), None) => PAGE_OF_SUBJECT,
        (None, Some(_)) => PAGE_OF_ACTOR,
        (Some(_), Some(_)) => PAGE_OF_BOTH,
    };
    let texts = [subject, actor].into_iter().flatten();
    let query = texts.fold(statement.query().bind(account.as_str()), |query, text| {
        query.bind(text.clone()).bind(text.clone())
    });
    // The column is unsigned; what is signed would be compared as a number of its own kind.
    let query = query.bind(before.unwrap_or(u64::MAX)).bind(limit);
    query.fetch_all(connection).await?.iter().map(line).collect()
}

fn line(row: &MySqlRow) -> Result<AuditLine, sqlx::Error> {
    let details = from_json("details", row.try_get("details")?)?;
    let (actor, action, subject) = (row.try_get("actor")?, row.try_get("action")?, row.try_get("subject")?);
    let audit = AuditRow { at: Timestamp(row.try_get("at")?), actor, action, subject, details };
    Ok(AuditLine { at: row.try_get("id")?, row: audit })
}
