//! All SQL of the table `event_store`.

use std::collections::HashSet;

use futures::TryStreamExt;
use serde_json::json;
use shared::domain::id::AccountId;
use shared::ledger::Stored;
use sqlx::{Error, MySqlPool, Row as _};
use uuid::Uuid;

use super::row::{self, Row};

/// How long ago, in seconds, an entry was drawn for every gap below it to be final.
pub(super) const SETTLED_AFTER_S: u32 = 60;

/// How many places are looked at, downwards, for one that was drawn so long ago.
const YOUNG_MAX: u64 = 200_000;

/// A scan ends early at so many bytes.
const SCAN_BYTES: usize = 32 * 1024 * 1024;

/// A statement that reads, for who wants to see its plan.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// With a `?` for each parameter.
    pub sql: &'static str,
    /// SQL values that suit the parameters.
    pub values: &'static [&'static str],
    /// The key of `event_store` by which it goes.
    pub key: &'static str,
}

/// Every statement of this table that reads.
pub const STATEMENTS: &[Statement] = &[
    Statement { sql: KNOWN, values: &["'[]'"], key: "event" },
    Statement { sql: READ, values: &["'[]'", "'acme'"], key: "event" },
    Statement { sql: SCAN, values: &["'acme'", "0", "100"], key: "PRIMARY" },
    Statement { sql: OLD_PLACE, values: &["0", "100", "60"], key: "place" },
    Statement { sql: FIRST_GAP, values: &["0", "100", "0"], key: "place" },
];

// One parameter however many events are asked for, so that the statement stays prepared.
const KNOWN: &str = "select straight_join there.account_id, there.event_id \
    from json_table(?, '$[*]' columns ( \
        account_id varchar(200) character set ascii collate ascii_bin path '$[0]', \
        event_id char(32) character set ascii collate ascii_bin path '$[1]')) as asked \
    join event_store as there \
        on there.account_id = asked.account_id and there.event_id = unhex(asked.event_id)";

/// Which of these rows' events are there.
pub(super) async fn known(pool: &MySqlPool, rows: &[Row]) -> Result<HashSet<(AccountId, Uuid)>, Error> {
    let asked: Vec<_> =
        rows.iter().map(|row| json!([row.entry.account, row.entry.event_id.simple().to_string()])).collect();
    let found = sqlx::query(KNOWN).bind(json!(asked)).fetch_all(pool).await?;
    let key = |row: &sqlx::mysql::MySqlRow| {
        let account: &str = row.try_get("account_id")?;
        let account = AccountId::parse(account).map_err(|e| Error::Decode(e.into()))?;
        Ok((account, row.try_get("event_id")?))
    };
    found.iter().map(key).collect()
}

const INSERT: &str = "insert into event_store (account_id, event_id, aggregate_type, aggregate_id, source, \
    operation, occurred_at, body, created_at) values ";

// `sysdate`, not `now`: the moment before the id is drawn, not the one at which the statement began to wait.
const INSERT_ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, sysdate(6))";

/// Statements of up to so many rows stay prepared.
const PREPARED_ROWS: usize = 16;

/// Appends rows: all of them, or none.
pub(super) async fn insert(pool: &MySqlPool, rows: &[&Row]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut sql = String::with_capacity(INSERT.len() + rows.len() * (INSERT_ROW.len() + 2));
    sql.push_str(INSERT);
    for at in 0..rows.len() {
        sql.push_str(if at == 0 { "" } else { ", " });
        sql.push_str(INSERT_ROW);
    }
    // Made of constants alone.
    let mut insert = sqlx::query(sqlx::AssertSqlSafe(sql)).persistent(rows.len() <= PREPARED_ROWS);
    for Row { entry, occurred_at } in rows {
        insert = insert
            .bind(entry.account.as_str())
            .bind(entry.event_id)
            .bind(entry.record_type.as_str())
            .bind(&entry.record_id)
            .bind(entry.source)
            .bind(entry.operation)
            .bind(occurred_at)
            .bind(&entry.payload[..]);
    }
    insert.execute(pool).await.map(drop)
}

const READ: &str = "select straight_join id, kept.event_id, aggregate_type, aggregate_id, source, \
        operation, occurred_at, body \
    from json_table(?, '$[*]' columns ( \
        event_id char(32) character set ascii collate ascii_bin path '$')) as asked \
    join event_store as kept force index (event) on kept.account_id = ? and kept.event_id = unhex(asked.event_id)";

/// The entries of these events, in no order.
pub(super) async fn read(
    pool: &MySqlPool,
    account: &AccountId,
    events: &[Uuid],
) -> Result<Vec<Stored>, Error> {
    let asked: Vec<String> = events.iter().map(|event| event.simple().to_string()).collect();
    let found = sqlx::query(READ).bind(json!(asked)).bind(account.as_str()).fetch_all(pool).await?;
    found.iter().map(|row| row::stored(account, row)).collect()
}

const SCAN: &str = "select id, event_id, aggregate_type, aggregate_id, source, operation, occurred_at, body \
    from event_store force index (primary) where account_id = ? and id > ? order by id limit ?";

/// The account's entries after a place, as far as they can be seen, in ledger order.
pub(super) async fn scan(
    pool: &MySqlPool,
    account: &AccountId,
    after: u64,
    limit: usize,
) -> Result<Vec<Stored>, Error> {
    let mut rows = sqlx::query(SCAN).bind(account.as_str()).bind(after).bind(limit as u64).fetch(pool);
    let (mut stored, mut bytes) = (Vec::new(), 0);
    while bytes < SCAN_BYTES
        && let Some(row) = rows.try_next().await?
    {
        let entry = row::stored(account, &row)?;
        bytes += entry.entry.payload.len();
        stored.push(entry);
    }
    Ok(stored)
}

const OLD_PLACE: &str = "select id from event_store force index (place) \
    where id > ? and id <= ? and created_at <= sysdate(6) - interval ? second order by id desc limit 1";

/// The highest place up to `last` that was drawn long ago; `known` when all above `known` are young.
pub(super) async fn old_place(pool: &MySqlPool, known: u64, last: u64) -> Result<u64, Error> {
    let from = known.max(last.saturating_sub(YOUNG_MAX));
    let place = sqlx::query_scalar(OLD_PLACE).bind(from).bind(last).bind(SETTLED_AFTER_S);
    Ok(place.fetch_optional(pool).await?.unwrap_or(known))
}

const FIRST_GAP: &str = "select min(nth) from ( \
        select id, cast(row_number() over (order by id) as signed) as nth \
        from event_store force index (place) where id > ? and id <= ?) as place \
    where id <> ? + nth";

/// The highest place up to `last` (which is taken) to which there is no gap after `from`; `from` itself when
/// there are too many places to be looked at.
pub(super) async fn without_gap(pool: &MySqlPool, from: u64, last: u64) -> Result<u64, Error> {
    if last - from > YOUNG_MAX {
        return Ok(from);
    }
    let first: Option<i64> =
        sqlx::query_scalar(FIRST_GAP).bind(from).bind(last).bind(from).fetch_one(pool).await?;
    // The n-th place that is taken is not the n-th place: the one before it was the last in its place.
    Ok(first.map_or(last, |nth| from + nth.unsigned_abs() - 1))
}
