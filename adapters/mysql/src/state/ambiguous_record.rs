//! The table `ambiguous_record`: of which records a side has several that could be them.

use std::collections::BTreeMap;

use shared::domain::id::{AccountId, RecordKey, Timestamp};
use shared::state::Ambiguity;
use shared::state::desk::COUNT_MAX;
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use uuid::Uuid;

use super::codec::{from_json, json};
use super::columns;
use super::conflicts::count;
use super::sql::{from_new, padded, pieces_within, statements, tuples, width};

const COLUMNS: &str = "account_id, record_type, record_id, ambiguity_id, status, opened_at, details";

statements! {
    FIND = |n| format!("select account_id, record_type, record_id, details from ambiguous_record \
        where (account_id, record_type, record_id) in ({})", tuples(n, 3));
    BY_ID = |_| "select details from ambiguous_record where ambiguity_id = ? limit 1".into();
    // Whoever writes it holds its record.
    PUT = |n| format!("insert into ambiguous_record ({COLUMNS}) values {} as new \
        on duplicate key update {}", tuples(n, width(COLUMNS)), from_new("status, opened_at, details"));
    COUNT_OPEN = |_| "select count(*) from (select 1 from ambiguous_record force index (open_by_age) \
        where account_id = ? and status = 'open' limit ?) as counted".into();
    PAGE = |_| "select details from ambiguous_record force index (open_by_age) where account_id = ? \
        and status = 'open' and opened_at >= ? and (opened_at > ? or ambiguity_id > ?) \
        order by opened_at, ambiguity_id limit ?".into();
}

/// Writes them as they are from now on; of one that is given twice, the last counts.
pub(super) async fn put(
    connection: &mut MySqlConnection,
    ambiguities: &[&Ambiguity],
) -> Result<(), sqlx::Error> {
    let last: BTreeMap<&RecordKey, &Ambiguity> = ambiguities.iter().map(|a| (&a.record, *a)).collect();
    let rows: Vec<(&Ambiguity, String)> = last.into_values().map(|a| (a, json(a))).collect();
    for piece in pieces_within(&rows, |(_, details)| details.len()) {
        let query = piece.iter().fold(PUT.of(piece.len()), |query, (ambiguity, details)| {
            let key = &ambiguity.record;
            let query = query.bind(key.account.as_str()).bind(key.record_type.as_str()).bind(key.id.as_str());
            let query = query.bind(ambiguity.id()).bind(ambiguity.status.as_str());
            query.bind(ambiguity.opened_at.0).bind(details.as_str())
        });
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// What is known about these records.
pub(super) async fn of(
    connection: &mut MySqlConnection,
    records: &[RecordKey],
) -> Result<BTreeMap<RecordKey, Ambiguity>, sqlx::Error> {
    let mut found = BTreeMap::new();
    for group in padded(records) {
        let query = group.iter().fold(FIND.of(group.len()), |query, key| {
            query.bind(key.account.as_str()).bind(key.record_type.as_str()).bind(key.id.as_str())
        });
        for row in query.fetch_all(&mut *connection).await? {
            found.insert(columns::key(&row)?, row_of(&row)?);
        }
    }
    Ok(found)
}

/// One, by its id.
pub(super) async fn find(
    connection: &mut MySqlConnection,
    id: Uuid,
) -> Result<Option<Ambiguity>, sqlx::Error> {
    let row = BY_ID.query().bind(id).fetch_optional(connection).await?;
    row.as_ref().map(row_of).transpose()
}

/// At most `limit` open ones, those first that have waited longest, after that place.
pub(super) async fn page(
    connection: &mut MySqlConnection,
    account: &AccountId,
    after: Option<(Timestamp, Uuid)>,
    limit: u64,
) -> Result<Vec<Ambiguity>, sqlx::Error> {
    let (at, id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (at.0, id));
    let query = PAGE.query().bind(account.as_str()).bind(at).bind(at).bind(id).bind(limit);
    query.fetch_all(connection).await?.iter().map(row_of).collect()
}

/// How many are open.
pub(super) async fn count_open(
    connection: &mut MySqlConnection,
    account: &AccountId,
) -> Result<u64, sqlx::Error> {
    count(connection, COUNT_OPEN.query().bind(account.as_str()).bind(COUNT_MAX)).await
}

fn row_of(row: &MySqlRow) -> Result<Ambiguity, sqlx::Error> {
    from_json("details", row.try_get("details")?)
}
