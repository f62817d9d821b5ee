//! The table `sync_error_queue`: what needs a person.

use std::collections::BTreeMap;

use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Timestamp};
use shared::state::brake::BrakeWord;
use shared::state::desk::COUNT_MAX;
use shared::state::{ErrorEntry, ErrorStatus, Page, Sent};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use uuid::Uuid;

use super::codec::{from_json, json};
use super::conflicts::count;
use super::sql::{Bound, Statement, from_new, padded, pieces_within, statements, tuples, unreadable, width};
use super::{columns, cursor};

/// Every column, as [`row_of`] reads them.
pub(super) const COLUMNS: &str = "account_id, error_id, record_type, record_id, class, code, message, hint, field, events, \
    payload, attempts, first_at, last_at, status, causes, note, edits, brake, tried_at, to_send";

statements! {
    LOCK = |n| format!("select {COLUMNS} from sync_error_queue where (account_id, error_id) in ({}) \
        order by account_id, error_id for update", tuples(n, 2));
    INSERT = |n| format!("insert into sync_error_queue ({COLUMNS}) values {}", tuples(n, width(COLUMNS)));
    // Every row is there, and locked.
    REPLACE = |n| format!("insert into sync_error_queue ({COLUMNS}) values {} as new \
        on duplicate key update {}", tuples(n, width(COLUMNS)), from_new(COLUMNS));
    DECIDE = |_| "update sync_error_queue set status = ?, brake = ?, note = ?, last_at = ? \
        where account_id = ? and error_id = ?".into();
    COUNT_OPEN = |_| "select count(*) from (select 1 from sync_error_queue force index (newest_of_account_and_status) \
        where account_id = ? and status = 'open' limit ?) as counted".into();
    SENT = |_| "update sync_error_queue set to_send = 0 where account_id = ? and error_id = ? and tried_at = ?".into();
    FIND = |_| format!("select {COLUMNS} from sync_error_queue where error_id = ? limit 1");
    PAGE = |_| page_text("newest", "");
    PAGE_OPEN = |_| page_text("newest_of_status", "status = 'open' and ");
    PAGE_OF_ACCOUNT = |_| page_text("newest_of_account", "account_id = ? and ");
    PAGE_OPEN_OF_ACCOUNT = |_| page_text("newest_of_account_and_status", "account_id = ? and status = 'open' and ");
}

fn page_text(index: &str, of: &str) -> String {
    format!(
        "select {COLUMNS} from sync_error_queue force index ({index}) \
        where {of}(first_at < ? or (first_at = ? and error_id > ?)) order by first_at desc, error_id limit ?"
    )
}

/// Files errors: the same error again is the same row, counted up.
pub(super) async fn file(
    connection: &mut MySqlConnection,
    errors: Vec<&ErrorEntry>,
) -> Result<(), sqlx::Error> {
    let known = lock(connection, &errors).await?;
    let mut filed: BTreeMap<(AccountId, Uuid), ErrorEntry> = BTreeMap::new();
    for error in errors {
        let key = (error.account.clone(), error.id);
        let entry = match filed.get(&key).or_else(|| known.get(&key)) {
            Some(known) => known.met_again(error),
            None => error.clone(),
        };
        filed.insert(key, entry);
    }
    let (old, new): (Vec<_>, Vec<_>) = filed.into_iter().partition(|(key, _)| known.contains_key(key));
    write(REPLACE, connection, &old).await?;
    write(INSERT, connection, &new).await
}

/// Notes that errors' bytes are on the bus, each for one try of its own.
pub(super) async fn sent(
    connection: &mut MySqlConnection,
    account: &AccountId,
    sent: &[Sent],
) -> Result<(), sqlx::Error> {
    for Sent { error, tried_at } in sent {
        let query = SENT.query().bind(account.as_str()).bind(*error).bind(tried_at.0);
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// One error of an account, locked until the transaction ends.
pub(super) async fn find_locked(
    connection: &mut MySqlConnection,
    account: &AccountId,
    id: Uuid,
) -> Result<Option<ErrorEntry>, sqlx::Error> {
    let row = LOCK.of(1).bind(account.as_str()).bind(id).fetch_optional(connection).await?;
    row.as_ref().map(row_of).transpose()
}

/// Writes what was decided about what the brake of a locked error holds.
pub(super) async fn decide(connection: &mut MySqlConnection, error: &ErrorEntry) -> Result<(), sqlx::Error> {
    let query = DECIDE.query().bind(status_name(error.status)).bind(error.brake.map(BrakeWord::as_str));
    let query = query.bind(error.note.as_deref()).bind(error.last_at.0);
    query.bind(error.account.as_str()).bind(error.id).execute(connection).await?;
    Ok(())
}

async fn lock(
    connection: &mut MySqlConnection,
    errors: &[&ErrorEntry],
) -> Result<BTreeMap<(AccountId, Uuid), ErrorEntry>, sqlx::Error> {
    let mut known = BTreeMap::new();
    for group in padded(errors) {
        let query = group
            .iter()
            .fold(LOCK.of(group.len()), |query, error| query.bind(error.account.as_str()).bind(error.id));
        for row in query.fetch_all(&mut *connection).await? {
            let entry = row_of(&row)?;
            known.insert((entry.account.clone(), entry.id), entry);
        }
    }
    Ok(known)
}

async fn write(
    statement: Statement,
    connection: &mut MySqlConnection,
    errors: &[((AccountId, Uuid), ErrorEntry)],
) -> Result<(), sqlx::Error> {
    let size =
        |(_, error): &(_, ErrorEntry)| error.message.len() + error.payload.as_ref().map_or(0, String::len);
    for piece in pieces_within(errors, size) {
        let query = piece.iter().fold(statement.of(piece.len()), |query, (_, error)| bind(query, error));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// One error.
pub(super) async fn find(
    connection: &mut MySqlConnection,
    id: Uuid,
) -> Result<Option<ErrorEntry>, sqlx::Error> {
    let row = FIND.query().bind(id).fetch_optional(connection).await?;
    row.as_ref().map(row_of).transpose()
}

/// How many are open.
pub(super) async fn count_open(
    connection: &mut MySqlConnection,
    account: &AccountId,
) -> Result<u64, sqlx::Error> {
    count(connection, COUNT_OPEN.query().bind(account.as_str()).bind(COUNT_MAX)).await
}

/// Errors, newest first, after the cursor `after`.
pub(super) async fn page(
    connection: &mut MySqlConnection,
    account: Option<&AccountId>,
    open_only: bool,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<ErrorEntry>, sqlx::Error> {
    let (at, id) = cursor::error(after);
    let query = match (account, open_only) {
        (None, false) => PAGE.query(),
        (None, true) => PAGE_OPEN.query(),
        (Some(account), false) => PAGE_OF_ACCOUNT.query().bind(account.as_str()),
        (Some(account), true) => PAGE_OPEN_OF_ACCOUNT.query().bind(account.as_str()),
    };
    let rows = query.bind(at).bind(at).bind(id).bind(limit + 1).fetch_all(connection).await?;
    let errors = rows.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
    Ok(cursor::page(errors, limit, |error| format!("{}:{}", error.first_at.0, error.id)))
}

fn bind(query: Bound, error: &ErrorEntry) -> Bound {
    let key = error.record.as_ref();
    let query = query.bind(error.account.as_str()).bind(error.id);
    let query = query.bind(key.map(|key| key.record_type.as_str())).bind(key.map(|key| key.id.as_str()));
    let query = query.bind(error.class.as_str()).bind(error.code.as_str()).bind(error.message.as_str());
    let query = query.bind(error.hint.as_str()).bind(error.field.as_deref()).bind(json(&error.events));
    let query = query.bind(error.payload.as_deref()).bind(error.attempts);
    let query = query.bind(error.first_at.0).bind(error.last_at.0).bind(status_name(error.status));
    let query = query.bind(json(&error.causes)).bind(error.note.as_deref()).bind(json(&error.edits));
    let query = query.bind(error.brake.map(BrakeWord::as_str));
    query.bind(error.tried_at.map(|at| at.0)).bind(error.to_send)
}

/// How a status is stored.
pub(super) fn status_name(status: ErrorStatus) -> &'static str {
    match status {
        ErrorStatus::Open => "open",
        ErrorStatus::Retried => "retried",
        ErrorStatus::Closed => "closed",
    }
}

/// The error in a row.
pub(super) fn row_of(row: &MySqlRow) -> Result<ErrorEntry, sqlx::Error> {
    let account = columns::account(row)?;
    let kind: Option<&str> = row.try_get("record_type")?;
    let kind = kind.map(RecordType::parse).transpose().map_err(unreadable)?;
    let id: Option<CanonicalId> = columns::canonical(row, "record_id")?;
    let status = match row.try_get("status")? {
        "open" => ErrorStatus::Open,
        "retried" => ErrorStatus::Retried,
        "closed" => ErrorStatus::Closed,
        other => return Err(unreadable(format!("no status of an error: {other}"))),
    };
    Ok(ErrorEntry {
        id: row.try_get("error_id")?,
        record: kind.zip(id).map(|(kind, id)| RecordKey::new(account.clone(), kind, id)),
        account,
        class: row.try_get("class")?,
        code: row.try_get("code")?,
        message: row.try_get("message")?,
        hint: row.try_get("hint")?,
        field: row.try_get("field")?,
        events: from_json("events", row.try_get("events")?)?,
        payload: row.try_get("payload")?,
        attempts: row.try_get("attempts")?,
        first_at: Timestamp(row.try_get("first_at")?),
        last_at: Timestamp(row.try_get("last_at")?),
        status,
        causes: list(row, "causes")?,
        note: row.try_get("note")?,
        edits: list(row, "edits")?,
        brake: brake(row)?,
        tried_at: row.try_get::<Option<i64>, _>("tried_at")?.map(Timestamp),
        to_send: row.try_get("to_send")?,
    })
}

fn brake(row: &MySqlRow) -> Result<Option<BrakeWord>, sqlx::Error> {
    let text: Option<&str> = row.try_get("brake")?;
    let unknown = |text| unreadable(format!("no decision about a brake: {text}"));
    text.map(|text| BrakeWord::parse(text).ok_or_else(|| unknown(text))).transpose()
}

/// A list in a column that rows of an earlier level leave null.
fn list<T: serde::de::DeserializeOwned>(row: &MySqlRow, column: &str) -> Result<Vec<T>, sqlx::Error> {
    let text: Option<&str> = row.try_get(column)?;
    text.map_or(Ok(Vec::new()), |text| from_json(column, text))
}
