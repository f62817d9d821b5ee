//! The table `conflicts`: which record has, or had, a conflict; when it is due, and whose it is.

use std::collections::BTreeSet;

use shared::domain::conflict::Conflict;
use shared::domain::id::{AccountId, RecordKey, RecordType, Timestamp};
use shared::state::desk::{COUNT_MAX, ConflictCounts, ConflictFilter, Filed};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use uuid::Uuid;

use super::sql::{Bound, marks, padded, pieces, statements, tuples};
use super::{columns, cursor};

const FILED: &str =
    "c.account_id, c.conflict_id, c.record_type, c.record_id, c.is_open, c.opened_at, c.due_at, c.assignee";

/// What is left to compare once an index has found the rows; bounds that let everything pass stand for no wish.
const REST: &str = "c.record_type >= ? and c.record_type <= ? and c.assignee >= ? and c.assignee <= ? \
    and c.opened_at <= ? and c.locks_record >= ? and c.locks_record <= ? and c.deleted >= ? and c.deleted <= ?";

/// After every name, and after every address.
const LAST: &str = "\u{10ffff}";

statements! {
    OPEN = |n| format!("insert into conflicts (account_id, conflict_id, record_type, record_id, is_open, opened_at, \
        due_at, locks_record, deleted) values {} as new on duplicate key update record_type = new.record_type, \
        record_id = new.record_id, is_open = true, opened_at = new.opened_at, due_at = new.due_at, \
        locks_record = new.locks_record, deleted = new.deleted", tuples(n, 9));
    CLOSE = |_| "update conflicts set is_open = false where account_id = ? and conflict_id = ?".into();
    FIND = |_| "select account_id, record_type, record_id from conflicts where conflict_id = ? limit 1".into();
    PAGE = |_| "select account_id, record_type, record_id from conflicts force index (open_conflicts) \
        where is_open = true and (account_id > ? or (account_id = ? and (record_type > ? or \
        (record_type = ? and record_id > ?)))) \
        order by account_id, record_type, record_id limit ?".into();
    PAGE_OF_ACCOUNT = |_| "select account_id, record_type, record_id from conflicts \
        force index (open_conflicts) where is_open = true and account_id = ? and (record_type > ? or \
        (record_type = ? and record_id > ?)) order by record_type, record_id limit ?".into();
    FILED_AS = |n| format!("select {FILED} from conflicts as c where c.conflict_id = ? and c.account_id in ({})", marks(n));
    FILED_OF = |n| format!("select {FILED} from conflicts as c force index (primary) where c.account_id = ? and c.conflict_id in ({})", marks(n));
    INBOX = |_| format!("select {FILED} from conflicts as c force index (inbox) where c.account_id = ? \
        and c.is_open = true and {} and {REST} order by c.due_at, c.conflict_id limit ?", after_text("c"));
    INBOX_OF_TYPE = |_| format!("select {FILED} from conflicts as c force index (of_type) where c.account_id = ? \
        and c.is_open = true and c.record_type = ? and {} and {REST} order by c.due_at, c.conflict_id limit ?",
        after_text("c"));
    INBOX_OF_ASSIGNEE = |_| format!("select {FILED} from conflicts as c force index (of_assignee) \
        where c.account_id = ? and c.is_open = true and c.assignee = ? and {} and {REST} \
        order by c.due_at, c.conflict_id limit ?", after_text("c"));
    INBOX_OF_FIELD = |_| format!("select {FILED} from conflict_field as f force index (of_field) \
        straight_join conflicts as c on c.account_id = f.account_id and c.conflict_id = f.conflict_id \
        where f.account_id = ? and f.is_open = true and f.record_type = ? and f.field = ? and {} and c.is_open = true \
        and {REST} order by f.due_at, f.conflict_id limit ?", after_text("f"));
    OPENED = |_| "select count(*) from (select 1 from conflicts force index (opened) where account_id = ? \
        and opened_at >= ? limit ?) as counted".into();
    COUNT_OPEN = |_| "select count(*) from (select 1 from conflicts force index (inbox) where account_id = ? \
        and is_open = true limit ?) as counted".into();
    COUNT_OVERDUE = |_| "select count(*) from (select 1 from conflicts force index (inbox) where account_id = ? \
        and is_open = true and due_at <= ? limit ?) as counted".into();
    COUNT_UNASSIGNED = |_| "select count(*) from (select 1 from conflicts force index (of_assignee) \
        where account_id = ? and is_open = true and assignee = '' limit ?) as counted".into();
    ASSIGN = |_| "update conflicts set assignee = ? where account_id = ? and conflict_id = ? and is_open = true \
        and assignee = ?".into();
}

fn after_text(of: &str) -> String {
    format!("{of}.due_at >= ? and ({of}.due_at > ? or {of}.conflict_id > ?)")
}

/// An open conflict, as it is filed.
pub(super) struct Opened<'a> {
    pub(super) key: &'a RecordKey,
    pub(super) conflict: &'a Conflict,
}

/// Notes that records have these conflicts, as they are.
pub(super) async fn open(
    connection: &mut MySqlConnection,
    conflicts: &[Opened<'_>],
) -> Result<(), sqlx::Error> {
    for piece in pieces(conflicts) {
        let query = piece.iter().fold(OPEN.of(piece.len()), |query, Opened { key, conflict }| {
            let query = query.bind(key.account.as_str()).bind(conflict.id);
            let query = query.bind(key.record_type.as_str()).bind(key.id.as_str()).bind(true);
            let query = query.bind(conflict.opened_at.0).bind(conflict.due_at.0);
            query.bind(conflict.locks_record()).bind(conflict.deleted_by.is_some())
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

/// The conflict with this id, if it is one of these accounts'.
pub(super) async fn filed_as(
    connection: &mut MySqlConnection,
    accounts: &[AccountId],
    conflict: Uuid,
) -> Result<Option<Filed>, sqlx::Error> {
    for group in padded(accounts) {
        let query = FILED_AS.of(group.len()).bind(conflict);
        let query = group.iter().fold(query, |query, account| query.bind(account.as_str()));
        if let Some(row) = query.fetch_optional(&mut *connection).await? {
            return filed(&row).map(Some);
        }
    }
    Ok(None)
}

/// Those of these conflicts that are one of these accounts'.
pub(super) async fn filed_all(
    connection: &mut MySqlConnection,
    accounts: &[AccountId],
    conflicts: &[Uuid],
) -> Result<Vec<Filed>, sqlx::Error> {
    let conflicts = Vec::from_iter(conflicts.iter().copied().collect::<BTreeSet<Uuid>>());
    let mut found = Vec::new();
    for account in accounts {
        for group in padded(&conflicts) {
            let query = FILED_OF.of(group.len()).bind(account.as_str());
            let rows =
                group.iter().fold(query, |query, id| query.bind(**id)).fetch_all(&mut *connection).await?;
            found.extend(rows.iter().map(filed).collect::<Result<Vec<_>, _>>()?);
        }
    }
    Ok(found)
}

fn filed(row: &MySqlRow) -> Result<Filed, sqlx::Error> {
    let assignee: String = row.try_get("assignee")?;
    Ok(Filed {
        key: columns::key(row)?,
        conflict: row.try_get("conflict_id")?,
        opened_at: Timestamp(row.try_get("opened_at")?),
        due_at: Timestamp(row.try_get("due_at")?),
        assignee: Some(assignee).filter(|name| !name.is_empty()),
        is_open: row.try_get("is_open")?,
    })
}

/// At most `limit` open conflicts, those first that are due first. `field`: its type and name.
pub(super) async fn inbox(
    connection: &mut MySqlConnection,
    account: &AccountId,
    filter: &ConflictFilter,
    field: Option<(&str, &str)>,
    after: Option<(Timestamp, Uuid)>,
    limit: u64,
) -> Result<Vec<Filed>, sqlx::Error> {
    let (kind, name) = (filter.record_type.as_ref().map(RecordType::as_str), filter.assignee.as_deref());
    let account = account.as_str();
    let query = match (field, name, kind) {
        (Some((of, field)), ..) => {
            INBOX_OF_FIELD.query().bind(account).bind(of.to_string()).bind(field.to_string())
        }
        (None, Some(name), _) => INBOX_OF_ASSIGNEE.query().bind(account).bind(name.to_string()),
        (None, None, Some(kind)) => INBOX_OF_TYPE.query().bind(account).bind(kind),
        (None, None, None) => INBOX.query().bind(account),
    };
    // Before everything: times may be anything, and an id is more than no bytes.
    let (at, id) = after.map_or((i64::MIN, Vec::new()), |(at, id)| (at.0, id.as_bytes().to_vec()));
    let query = query.bind(at).bind(at).bind(id);
    let switch = |wish: Option<bool>| (wish.unwrap_or(false), wish.unwrap_or(true));
    let (locks, deleted) = (switch(filter.locks_record), switch(filter.deleted));
    let query = query.bind(kind.unwrap_or("")).bind(kind.unwrap_or(LAST));
    let query = query.bind(name.unwrap_or("").to_string()).bind(name.unwrap_or(LAST).to_string());
    let query = query.bind(filter.opened_until.map_or(i64::MAX, |at| at.0)).bind(locks.0).bind(locks.1);
    let rows = query.bind(deleted.0).bind(deleted.1).bind(limit).fetch_all(connection).await?;
    rows.iter().map(filed).collect()
}

pub(super) async fn count(connection: &mut MySqlConnection, query: Bound) -> Result<u64, sqlx::Error> {
    Ok(query.fetch_one(connection).await?.try_get::<i64, _>(0)?.unsigned_abs())
}

/// How many conflicts were opened since then; at most `most` are counted.
pub(super) async fn opened(
    connection: &mut MySqlConnection,
    account: &AccountId,
    since: Timestamp,
    most: u64,
) -> Result<u64, sqlx::Error> {
    count(connection, OPENED.query().bind(account.as_str()).bind(since.0).bind(most)).await
}

/// How many there are, as far as they are counted.
pub(super) async fn counts(
    connection: &mut MySqlConnection,
    account: &AccountId,
    now: Timestamp,
) -> Result<ConflictCounts, sqlx::Error> {
    let account = account.as_str();
    let overdue = COUNT_OVERDUE.query().bind(account).bind(now.0).bind(COUNT_MAX);
    Ok(ConflictCounts {
        open: count(connection, COUNT_OPEN.query().bind(account).bind(COUNT_MAX)).await?,
        overdue: count(connection, overdue).await?,
        unassigned: count(connection, COUNT_UNASSIGNED.query().bind(account).bind(COUNT_MAX)).await?,
    })
}

/// Gives an open conflict from one to another; false when it is not that one's, or closed.
pub(super) async fn assign(
    connection: &mut MySqlConnection,
    account: &AccountId,
    conflict: Uuid,
    from: &str,
    to: &str,
) -> Result<bool, sqlx::Error> {
    let query =
        ASSIGN.query().bind(to.to_string()).bind(account.as_str()).bind(conflict).bind(from.to_string());
    Ok(query.execute(connection).await?.rows_affected() == 1)
}
