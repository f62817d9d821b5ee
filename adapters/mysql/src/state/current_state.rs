//! The table `current_state`: records, and former ids of records.

use std::collections::BTreeMap;

use shared::domain::id::{AccountId, CanonicalId, PerSide, RecordKey, RecordType, Side, SideId, Timestamp};
use shared::state::Page;
use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use uuid::Uuid;

use super::codec::{DueRow, Row, SideRow};
use super::sql::{Bound, Statement, from_new, marks, padded, pieces_within, statements, tuples, width};
use super::{columns, cursor};

const KEY: &str = "account_id, record_type, record_id";

/// What a record is read from.
const READ: &str = "account_id, record_type, record_id, row_revision, version, alive, format, state, origins, \
    netsuite_shadow, netsuite_side, netsuite_due_at, netsuite_due_reason, netsuite_due_attempts, \
    netsuite_waits_for, netsuite_waits_since, suitex_shadow, suitex_side, suitex_due_at, suitex_due_reason, \
    suitex_due_attempts, suitex_waits_for, suitex_waits_since, conflict_id, review";

/// What a record is written to, in the order of [`bind`].
const WRITTEN: &str = "account_id, record_type, record_id, row_revision, version, alive, format, state, origins, \
    netsuite_id, netsuite_shadow, netsuite_side, netsuite_due_at, netsuite_due_reason, netsuite_due_attempts, \
    netsuite_waits_for, netsuite_waits_since, netsuite_due_since, suitex_id, suitex_shadow, suitex_side, \
    suitex_due_at, suitex_due_reason, suitex_due_attempts, suitex_waits_for, suitex_waits_since, suitex_due_since, \
    conflict_id, review";

statements! {
    LOAD = |n| format!("select {READ}, alias_of {}", of_type(n));
    LOCK = |n| format!("select {KEY}, row_revision, alias_of, netsuite_id, suitex_id, conflict_id, \
        netsuite_due_since, suitex_due_since {} order by record_id for update", of_type(n));
    IDS = |n| format!("select {KEY}, alias_of, netsuite_id, suitex_id {}", of_type(n));
    INSERT = |n| format!("insert into current_state ({WRITTEN}) values {}", tuples(n, width(WRITTEN)));
    // Every row is there, and locked: it is the statement that can change many rows in many ways.
    REPLACE = |n| format!("insert into current_state ({WRITTEN}) values {} as new on duplicate key update {}",
        tuples(n, width(WRITTEN)), from_new(WRITTEN));
    PAGE = |_| format!("select {READ} from current_state force index (primary) where account_id = ? \
        and alias_of is null and (record_type > ? or (record_type = ? and record_id > ?)) order by {KEY} limit ?");
    PAGE_OF_TYPE = |_| format!("select {READ} from current_state force index (primary) where account_id = ? \
        and record_type = ? and record_id > ? and alias_of is null order by {KEY} limit ?");
    NETSUITE_DUE = |_| due_text(Side::NetSuite);
    SUITEX_DUE = |_| due_text(Side::SuiteX);
    NETSUITE_BACKLOG = |_| backlog_text(Side::NetSuite);
    SUITEX_BACKLOG = |_| backlog_text(Side::SuiteX);
    NETSUITE_BEHIND = |_| behind_text(Side::NetSuite);
    SUITEX_BEHIND = |_| behind_text(Side::SuiteX);
    NETSUITE_NEXT = |_| next_text(Side::NetSuite);
    SUITEX_NEXT = |_| next_text(Side::SuiteX);
    NETSUITE_WAITING = |n| waiting_text(Side::NetSuite, n);
    SUITEX_WAITING = |n| waiting_text(Side::SuiteX, n);
    NETSUITE_WAKE = |n| wake_text(Side::NetSuite, n);
    SUITEX_WAKE = |n| wake_text(Side::SuiteX, n);
    ALIASES = |n| format!("select {KEY}, alias_of from current_state force index (aliases) where account_id = ? \
        and record_type = ? and alias_of in ({})", marks(n));
    // Nothing of the record that it was stays: it has no work, no conflict and no counterpart.
    BECOME_ALIAS = |_| "insert into current_state (account_id, record_type, record_id, alias_of, row_revision, \
        version, alive, format, state, origins, netsuite_side, suitex_side) \
        values (?, ?, ?, ?, 1, 0, false, 0, '{}', '{}', '{}', '{}') as new on duplicate key update \
        alias_of = new.alias_of, row_revision = current_state.row_revision + 1, alive = false, format = 0, \
        state = '{}', origins = '{}', netsuite_side = '{}', suitex_side = '{}', \
        netsuite_id = null, netsuite_shadow = null, netsuite_due_at = null, netsuite_due_reason = null, \
        netsuite_due_attempts = null, netsuite_waits_for = null, netsuite_waits_since = null, \
        netsuite_due_since = null, suitex_due_since = null, \
        suitex_id = null, suitex_shadow = null, suitex_due_at = null, suitex_due_reason = null, \
        suitex_due_attempts = null, suitex_waits_for = null, suitex_waits_since = null, \
        conflict_id = null, review = null".into();
    MOVE_ALIASES = |_| "update current_state force index (aliases) set alias_of = ? where account_id = ? \
        and record_type = ? and alias_of = ?".into();
}

/// MySQL plans ids of one account and type in less time than as many whole keys; and in less still where it may not ask
/// the other indexes how much they hold of the account.
fn of_type(count: usize) -> String {
    let ids = marks(count);
    format!(
        "from current_state force index (primary) where account_id = ? and record_type = ? and record_id in ({ids})"
    )
}

fn due_text(side: Side) -> String {
    format!(
        "select record_type, record_id from current_state where account_id = ? and {side}_due_at <= ? \
        order by {side}_due_at, record_type, record_id limit ?"
    )
}

fn backlog_text(side: Side) -> String {
    format!("select count(*) from current_state where account_id = ? and {side}_due_at <= ?")
}

fn behind_text(side: Side) -> String {
    format!(
        "select record_type, record_id from (select record_type, record_id, {side}_due_since as since \
        from current_state force index ({side}_due) where account_id = ? and {side}_due_at is not null \
        order by {side}_due_at desc, record_type desc, record_id desc limit ?) as due \
        where since <= ? order by since, record_type, record_id limit ?"
    )
}

fn next_text(side: Side) -> String {
    format!(
        "select {side}_due_at from current_state where account_id = ? and {side}_due_at is not null \
        order by {side}_due_at limit 1"
    )
}

fn waiting_text(side: Side, count: usize) -> String {
    let on = marks(count);
    format!(
        "select {KEY}, {side}_waits_for as waits_for from current_state where account_id = ? \
        and {side}_waits_for in ({on}) order by {KEY} for update"
    )
}

fn wake_text(side: Side, count: usize) -> String {
    let keys = tuples(count, 3);
    format!(
        "update current_state set {side}_due_at = 0, {side}_due_reason = 'dirty', {side}_waits_for = null, \
        {side}_waits_since = null, {side}_due_since = null, row_revision = row_revision + 1 where ({KEY}) in ({keys})"
    )
}

/// What a commit is judged by.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) row_revision: u64,
    pub(super) is_alias: bool,
    /// Its live ids.
    pub(super) ids: PerSide<Option<SideId>>,
    /// Its open conflict.
    pub(super) conflict: Option<Uuid>,
    /// Since when its work is not done.
    pub(super) behind: PerSide<Option<Timestamp>>,
}

/// A row to write, under the row revision after the one that it carries.
pub(super) struct Write<'a> {
    pub(super) row: &'a Row,
    pub(super) ids: PerSide<Option<SideId>>,
    /// Since when its work is not done.
    pub(super) behind: PerSide<Option<Timestamp>>,
}

/// The rows that are records, by the key that was asked for; a former id's is its record's.
pub(super) async fn load(
    connection: &mut MySqlConnection,
    keys: &[RecordKey],
) -> Result<BTreeMap<RecordKey, Row>, sqlx::Error> {
    find(connection, LOAD, keys, row_of).await
}

/// The live ids of these records, by the key that was asked for; a former id's are its record's.
pub(super) async fn ids(
    connection: &mut MySqlConnection,
    keys: &[RecordKey],
) -> Result<BTreeMap<RecordKey, PerSide<Option<SideId>>>, sqlx::Error> {
    find(connection, IDS, keys, ids_of).await
}

async fn find<T: Clone>(
    connection: &mut MySqlConnection,
    statement: Statement,
    keys: &[RecordKey],
    read: fn(&MySqlRow) -> Result<T, sqlx::Error>,
) -> Result<BTreeMap<RecordKey, T>, sqlx::Error> {
    let (mut found, aliases) = find_rows(connection, statement, keys, read).await?;
    let records: Vec<RecordKey> = aliases.values().cloned().collect();
    let (records, _) = find_rows(connection, statement, &records, read).await?;
    for (alias, key) in aliases {
        found.extend(records.get(&key).map(|row| (alias, row.clone())));
    }
    Ok(found)
}

/// What is there of the records with these keys; and which keys are former ids, and of what.
async fn find_rows<T>(
    connection: &mut MySqlConnection,
    statement: Statement,
    keys: &[RecordKey],
    read: fn(&MySqlRow) -> Result<T, sqlx::Error>,
) -> Result<(BTreeMap<RecordKey, T>, BTreeMap<RecordKey, RecordKey>), sqlx::Error> {
    let (mut found, mut aliases) = (BTreeMap::new(), BTreeMap::new());
    for group in groups(keys) {
        for row in bind_group(statement, &group).fetch_all(&mut *connection).await? {
            let key = columns::key(&row)?;
            match columns::canonical(&row, "alias_of")? {
                Some(id) => _ = aliases.insert(key.clone(), RecordKey { id, ..key }),
                None => _ = found.insert(key, read(&row)?),
            }
        }
    }
    Ok((found, aliases))
}

/// Locks the rows of these keys, in the order of the keys, so that nobody waits for us who has what we wait for.
pub(super) async fn lock(
    connection: &mut MySqlConnection,
    keys: &[RecordKey],
) -> Result<BTreeMap<RecordKey, Held>, sqlx::Error> {
    let mut held = BTreeMap::new();
    for group in groups(keys) {
        for row in bind_group(LOCK, &group).fetch_all(&mut *connection).await? {
            let is_alias = columns::canonical(&row, "alias_of")?.is_some();
            let (row_revision, conflict) = (row.try_get("row_revision")?, row.try_get("conflict_id")?);
            let since = |column: &str| row.try_get(column).map(|at: Option<i64>| at.map(Timestamp));
            let behind =
                PerSide { netsuite: since("netsuite_due_since")?, suitex: since("suitex_due_since")? };
            let ids = ids_of(&row)?;
            held.insert(columns::key(&row)?, Held { row_revision, is_alias, ids, conflict, behind });
        }
    }
    Ok(held)
}

/// Adds rows. One that is there already is the error 1062.
pub(super) async fn insert(connection: &mut MySqlConnection, rows: &[Write<'_>]) -> Result<(), sqlx::Error> {
    write(INSERT, connection, rows).await
}

/// Replaces rows, which the transaction holds locked.
pub(super) async fn replace(connection: &mut MySqlConnection, rows: &[Write<'_>]) -> Result<(), sqlx::Error> {
    write(REPLACE, connection, rows).await
}

async fn write(
    statement: Statement,
    connection: &mut MySqlConnection,
    rows: &[Write<'_>],
) -> Result<(), sqlx::Error> {
    for piece in pieces_within(rows, |write| write.row.size()) {
        piece.iter().fold(statement.of(piece.len()), bind).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Makes a record's row, or no row, a former id of the record `key`; the former ids of `alias` with it.
pub(super) async fn become_alias(
    connection: &mut MySqlConnection,
    alias: &RecordKey,
    key: &RecordKey,
) -> Result<(), sqlx::Error> {
    let query = bind_key(BECOME_ALIAS.query(), alias).bind(key.id.as_str());
    query.execute(&mut *connection).await?;
    let query = MOVE_ALIASES.query().bind(key.id.as_str()).bind(alias.account.as_str());
    query.bind(alias.record_type.as_str()).bind(alias.id.as_str()).execute(connection).await?;
    Ok(())
}

/// The former ids of these records, which are of one account, each with its record's key.
pub(super) async fn aliases(
    connection: &mut MySqlConnection,
    keys: &[RecordKey],
) -> Result<Vec<(RecordKey, CanonicalId)>, sqlx::Error> {
    let mut found = Vec::new();
    for group in groups(keys) {
        for row in bind_group(ALIASES, &group).fetch_all(&mut *connection).await? {
            let alias = columns::key(&row)?;
            if let Some(id) = columns::canonical(&row, "alias_of")? {
                let former = alias.id.clone();
                found.push((RecordKey { id, ..alias }, former));
            }
        }
    }
    Ok(found)
}

/// The records whose work for `side` waits for one of `on` (`type:id`), locked, each with what it waits for.
pub(super) async fn waiting(
    connection: &mut MySqlConnection,
    account: &AccountId,
    side: Side,
    on: &[String],
) -> Result<Vec<(RecordKey, String)>, sqlx::Error> {
    let statement = per_side(side, NETSUITE_WAITING, SUITEX_WAITING);
    let mut found = Vec::new();
    for group in padded(on) {
        let query = statement.of(group.len()).bind(account.as_str());
        let query = group.iter().fold(query, |query, on| query.bind(on.as_str()));
        for row in query.fetch_all(&mut *connection).await? {
            found.push((columns::key(&row)?, row.try_get("waits_for")?));
        }
    }
    Ok(found)
}

/// What waits is due: it is a change of the row like any other, so that whoever puts it off now is stale.
pub(super) async fn wake(
    connection: &mut MySqlConnection,
    side: Side,
    keys: &[RecordKey],
) -> Result<(), sqlx::Error> {
    let statement = per_side(side, NETSUITE_WAKE, SUITEX_WAKE);
    for group in padded(keys) {
        bind_keys(statement.of(group.len()), &group).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Records with work for `side` at `now`, the longest due first.
pub(super) async fn due(
    connection: &mut MySqlConnection,
    account: &AccountId,
    side: Side,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<RecordKey>, sqlx::Error> {
    let statement = per_side(side, NETSUITE_DUE, SUITEX_DUE);
    let rows = statement.query().bind(account.as_str()).bind(now.0).bind(limit).fetch_all(connection).await?;
    let key = |row: &MySqlRow| {
        Ok(RecordKey::new(account.clone(), columns::record_type(row)?, columns::record_id(row)?))
    };
    rows.iter().map(key).collect()
}

/// How many records have work for `side` at `now`.
pub(super) async fn backlog(
    connection: &mut MySqlConnection,
    account: &AccountId,
    side: Side,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let statement = per_side(side, NETSUITE_BACKLOG, SUITEX_BACKLOG);
    let row = statement.query().bind(account.as_str()).bind(now.0).fetch_one(connection).await?;
    Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
}

/// Records whose work for `side` is not done since then, the longest first; looked for among `among` of them.
pub(super) async fn behind(
    connection: &mut MySqlConnection,
    account: &AccountId,
    side: Side,
    since: Timestamp,
    (among, limit): (u64, u64),
) -> Result<Vec<RecordKey>, sqlx::Error> {
    let statement = per_side(side, NETSUITE_BEHIND, SUITEX_BEHIND);
    let query = statement.query().bind(account.as_str()).bind(among).bind(since.0).bind(limit);
    let key = |row: &MySqlRow| {
        Ok(RecordKey::new(account.clone(), columns::record_type(row)?, columns::record_id(row)?))
    };
    query.fetch_all(connection).await?.iter().map(key).collect()
}

/// When the first record has work for `side`.
pub(super) async fn next_due(
    connection: &mut MySqlConnection,
    account: &AccountId,
    side: Side,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let statement = per_side(side, NETSUITE_NEXT, SUITEX_NEXT);
    let row = statement.query().bind(account.as_str()).fetch_optional(connection).await?;
    row.map(|row| Ok(Timestamp(row.try_get(0)?))).transpose()
}

/// An account's records by key, after the cursor `after`.
pub(super) async fn page(
    connection: &mut MySqlConnection,
    account: &AccountId,
    record_type: Option<&RecordType>,
    after: Option<&str>,
    limit: u64,
) -> Result<Page<Row>, sqlx::Error> {
    let [_, last_type, last_id] = cursor::key(after);
    let query = match record_type {
        Some(kind) => {
            // A cursor of another type is before or after the whole of this one.
            let passed = last_type > kind.as_str();
            if passed {
                return Ok(Page { items: Vec::new(), next: None });
            }
            let from = if last_type == kind.as_str() { last_id } else { "" };
            PAGE_OF_TYPE.query().bind(account.as_str()).bind(kind.as_str()).bind(from)
        }
        None => PAGE.query().bind(account.as_str()).bind(last_type).bind(last_type).bind(last_id),
    };
    let rows = query.bind(limit + 1).fetch_all(connection).await?;
    let rows = rows.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
    Ok(cursor::page(rows, limit, |row| row.key.to_string()))
}

fn per_side(side: Side, netsuite: Statement, suitex: Statement) -> Statement {
    match side {
        Side::NetSuite => netsuite,
        Side::SuiteX => suitex,
    }
}

/// Keys of one account and type in each group, in the order of the keys.
fn groups(keys: &[RecordKey]) -> Vec<Vec<&RecordKey>> {
    let mut sorted: Vec<&RecordKey> = keys.iter().collect();
    sorted.sort_unstable();
    let of_one_type =
        |a: &&RecordKey, b: &&RecordKey| (&a.account, &a.record_type) == (&b.account, &b.record_type);
    let groups = sorted.chunk_by(of_one_type).flat_map(padded);
    groups.map(|group| group.into_iter().copied().collect()).collect()
}

fn bind_group(statement: Statement, group: &[&RecordKey]) -> Bound {
    let query = statement.of(group.len()).bind(group[0].account.as_str()).bind(group[0].record_type.as_str());
    group.iter().fold(query, |query, key| query.bind(key.id.as_str()))
}

fn bind_key(query: Bound, key: &RecordKey) -> Bound {
    query.bind(key.account.as_str()).bind(key.record_type.as_str()).bind(key.id.as_str())
}

fn bind_keys(query: Bound, keys: &[&RecordKey]) -> Bound {
    keys.iter().fold(query, |query, key| bind_key(query, key))
}

fn bind(query: Bound, write: &Write<'_>) -> Bound {
    let row = write.row;
    let query = bind_key(query, &row.key).bind(row.row_revision + 1).bind(row.version).bind(row.alive);
    let query = query.bind(row.format).bind(row.state.as_str()).bind(row.origins.as_str());
    let query = Side::BOTH.into_iter().fold(query, |query, side| {
        let (columns, due) = (&row.sides[side], row.sides[side].due.as_ref());
        let waits = due.and_then(|due| due.waits.as_ref());
        let query = query.bind(write.ids[side].as_ref().map(SideId::as_str));
        let query = query.bind(columns.shadow.as_deref()).bind(columns.state.as_str());
        let query = query.bind(due.map(|due| due.at)).bind(due.map(|due| due.reason.as_str()));
        let query = query.bind(due.map(|due| due.attempts));
        let query = query.bind(waits.map(|(on, _)| on.as_str())).bind(waits.map(|(_, since)| *since));
        query.bind(write.behind[side].map(|since| since.0))
    });
    query.bind(row.conflict).bind(row.review.as_deref())
}

fn row_of(row: &MySqlRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        key: columns::key(row)?,
        row_revision: row.try_get("row_revision")?,
        version: row.try_get("version")?,
        alive: row.try_get("alive")?,
        format: row.try_get("format")?,
        state: row.try_get("state")?,
        origins: row.try_get("origins")?,
        sides: PerSide { netsuite: side_of(row, Side::NetSuite)?, suitex: side_of(row, Side::SuiteX)? },
        conflict: row.try_get("conflict_id")?,
        review: row.try_get("review")?,
    })
}

fn side_of(row: &MySqlRow, side: Side) -> Result<SideRow, sqlx::Error> {
    let column = |name: &str| format!("{side}_{name}");
    let at: Option<i64> = row.try_get(&*column("due_at"))?;
    let due = match at {
        None => None,
        Some(at) => {
            let on: Option<String> = row.try_get(&*column("waits_for"))?;
            let since: Option<i64> = row.try_get(&*column("waits_since"))?;
            let reason: Option<String> = row.try_get(&*column("due_reason"))?;
            let attempts: Option<u32> = row.try_get(&*column("due_attempts"))?;
            let (reason, attempts) = (reason.unwrap_or_default(), attempts.unwrap_or_default());
            Some(DueRow { at, reason, attempts, waits: on.zip(since) })
        }
    };
    Ok(SideRow { shadow: row.try_get(&*column("shadow"))?, state: row.try_get(&*column("side"))?, due })
}

fn ids_of(row: &MySqlRow) -> Result<PerSide<Option<SideId>>, sqlx::Error> {
    let (netsuite, suitex) = (columns::side_id(row, "netsuite_id")?, columns::side_id(row, "suitex_id")?);
    Ok(PerSide { netsuite, suitex })
}
