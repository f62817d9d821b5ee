//! The table `pending_event`: where events are. Whoever moves some says so in [`Moves`], for the census.

use std::collections::{BTreeMap, BTreeSet};

use shared::domain::id::{AccountId, RecordType, Side, Timestamp};
use shared::state::{Freed, PendingRow, Place, Subject};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use uuid::Uuid;

use super::columns;
use super::event_census::Moves;
use super::sql::{Bound, marks, padded, pieces, statements, tuples, unreadable, width};
use crate::fault::{Cause, cause};

const COLUMNS: &str =
    "account_id, event_id, record_type, subject, arrived_at, place, due_at, waits_for, place_id";

/// The table, by its key: what its other indexes hold of the account MySQL need not look at.
const PRIMARY: &str = "pending_event force index (primary)";

/// A place, in the order of [`bind_place`].
const PLACE: &str = "place = ?, due_at = ?, waits_for = ?, place_id = ?";

/// Most due rows among which subjects are looked for at once.
const DUE_MAX: u64 = 65_536;

statements! {
    ENQUEUE = |n| format!("insert into pending_event ({COLUMNS}) values {}", tuples(n, width(COLUMNS)));
    LISTED = |n| format!("select event_id from {}", of_events(n));
    AT = |n| format!("select {COLUMNS} from {}", of_events(n));
    // A forced index is not dived into for each subject to guess its rows.
    OPEN = |n| format!("select {COLUMNS} from pending_event force index (open_events) where account_id = ? \
        and record_type = ? and subject in ({}) and place in ('pending', 'waiting')", marks(n));
    DUE = |_| "select record_type, subject from (select due_at, record_type, subject from pending_event \
        where account_id = ? and due_at <= ? order by due_at, record_type, subject limit ?) as due \
        group by record_type, subject order by min(due_at), record_type, subject limit ?".into();
    PLACES = |n| format!("select place from {} for update", of_events(n));
    MOVE = |n| format!("update {PRIMARY} set {PLACE} where {}", are_events(n));
    MOVE_PENDING = |n| format!("update {PRIMARY} set {PLACE} where {} and place = 'pending'", are_events(n));
    STUCK = |n| format!("select event_id from {PRIMARY} where account_id = ? and place = 'error' \
        and place_id = ? and event_id in ({}) order by event_id for update", marks(n));
    WAITING = |n| format!("select event_id, record_type, subject, waits_for from pending_event \
        where account_id = ? and waits_for in ({}) order by event_id for update", marks(n));
    WAKE = |n| format!("update {PRIMARY} set place = 'pending', due_at = arrived_at, waits_for = null where {}",
        are_events(n));
    RELEASE = |_| "update pending_event force index (held) set place = 'applied', place_id = null \
        where account_id = ? and place_id = ? and place = 'conflict'".into();
}

fn are_events(count: usize) -> String {
    format!("account_id = ? and event_id in ({})", marks(count))
}

fn of_events(count: usize) -> String {
    format!("{PRIMARY} where {}", are_events(count))
}

/// An event that waited for a link.
pub(super) struct Waiting {
    pub(super) event: Uuid,
    pub(super) record_type: RecordType,
    pub(super) subject: Subject,
    /// As [`waits_for`] names it.
    pub(super) on: String,
}

/// How a row names the link that it waits for.
pub(super) fn waits_for(record_type: &RecordType, side: Side, id: &str) -> String {
    format!("{record_type}:{side}:{id}")
}

/// Adds rows of events, in the order of the table's key; one that is there stays as it is.
pub(super) async fn enqueue(
    connection: &mut MySqlConnection,
    rows: &[&PendingRow],
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    for piece in pieces(rows) {
        match insert(connection, piece).await {
            // The statement has added none of them: those that are there must not keep out the others.
            Err(error) if cause(&error) == Cause::Duplicate => add_missing(connection, piece, moves).await?,
            added => {
                added?;
                piece.iter().for_each(|row| moves.entered(&row.account, row.place.name(), 1));
            }
        }
    }
    Ok(())
}

async fn insert(connection: &mut MySqlConnection, rows: &[&PendingRow]) -> Result<(), sqlx::Error> {
    rows.iter().fold(ENQUEUE.of(rows.len()), |query, row| bind_row(query, row)).execute(connection).await?;
    Ok(())
}

/// The same for rows of which some are there. What was added meanwhile is the error 1062 of a single row.
async fn add_missing(
    connection: &mut MySqlConnection,
    rows: &[&PendingRow],
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    for of_account in rows.chunk_by(|a, b| a.account == b.account) {
        let account = &of_account[0].account;
        let events: Vec<Uuid> = of_account.iter().map(|row| row.event_id).collect();
        let listed = BTreeSet::from_iter(listed(connection, account, &events).await?);
        let missing = of_account.iter().filter(|row| !listed.contains(&row.event_id)).copied();
        for piece in pieces(&missing.collect::<Vec<_>>()) {
            match insert(connection, piece).await {
                Err(error) if cause(&error) == Cause::Duplicate => {
                    add_singly(connection, piece, moves).await?
                }
                added => {
                    added?;
                    piece.iter().for_each(|row| moves.entered(account, row.place.name(), 1));
                }
            }
        }
    }
    Ok(())
}

async fn add_singly(
    connection: &mut MySqlConnection,
    rows: &[&PendingRow],
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    for row in rows {
        match insert(connection, &[row]).await {
            Err(error) if cause(&error) == Cause::Duplicate => {}
            added => {
                added?;
                moves.entered(&row.account, row.place.name(), 1);
            }
        }
    }
    Ok(())
}

/// Which of these events have a row.
pub(super) async fn listed(
    connection: &mut MySqlConnection,
    account: &AccountId,
    events: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut found = Vec::new();
    for group in padded(events) {
        let query = bind_events(LISTED.of(group.len()).bind(account.as_str()), &group);
        for row in query.fetch_all(&mut *connection).await? {
            found.push(row.try_get("event_id")?);
        }
    }
    Ok(found)
}

/// Where these events are.
pub(super) async fn places(
    connection: &mut MySqlConnection,
    account: &AccountId,
    events: &[Uuid],
) -> Result<BTreeMap<Uuid, Place>, sqlx::Error> {
    let mut found = BTreeMap::new();
    for group in padded(events) {
        let query = bind_events(AT.of(group.len()).bind(account.as_str()), &group);
        for row in query.fetch_all(&mut *connection).await? {
            found.insert(row.try_get("event_id")?, place_of(&row)?);
        }
    }
    Ok(found)
}

/// The open events of these subjects.
pub(super) async fn open(
    connection: &mut MySqlConnection,
    account: &AccountId,
    record_type: &RecordType,
    subjects: &[String],
) -> Result<Vec<PendingRow>, sqlx::Error> {
    let mut found = Vec::new();
    for group in padded(subjects) {
        let query = OPEN.of(group.len()).bind(account.as_str()).bind(record_type.as_str());
        let query = group.iter().fold(query, |query, subject| query.bind(subject.as_str()));
        for row in query.fetch_all(&mut *connection).await? {
            found.push(row_of(&row)?);
        }
    }
    Ok(found)
}

/// Subjects with events due at `now`, the longest due first. A subject may have many events: so many are looked
/// at until there are subjects enough.
pub(super) async fn due(
    connection: &mut MySqlConnection,
    account: &AccountId,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<(RecordType, Subject)>, sqlx::Error> {
    let mut among = limit.saturating_mul(4).clamp(1, DUE_MAX);
    loop {
        let query = DUE.query().bind(account.as_str()).bind(now.0).bind(among).bind(limit);
        let rows = query.fetch_all(&mut *connection).await?;
        if rows.len() as u64 == limit || among == DUE_MAX {
            return rows.iter().map(subject_of).collect();
        }
        among = DUE_MAX;
    }
}

/// Moves events to a place. An event without a row is nobody's.
pub(super) async fn place(
    connection: &mut MySqlConnection,
    account: &AccountId,
    events: &[Uuid],
    place: &Place,
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    for group in padded(events) {
        // Nearly all come from there.
        let query = bind_place(MOVE_PENDING.of(group.len()), place).bind(account.as_str());
        let pending = bind_events(query, &group).execute(&mut *connection).await?.rows_affected() as usize;
        moves.left(account, "pending", pending);
        moves.entered(account, place.name(), pending);
        if pending == BTreeSet::from_iter(&group).len() {
            continue;
        }
        // Those that have come are moved to where they are.
        let query = bind_events(PLACES.of(group.len()).bind(account.as_str()), &group);
        let rows = query.fetch_all(&mut *connection).await?;
        for row in &rows {
            moves.left(account, columns::place(row)?, 1);
        }
        moves.entered(account, place.name(), rows.len());
        let query = bind_place(MOVE.of(group.len()), place).bind(account.as_str());
        bind_events(query, &group).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Moves those of an error's events that are in it still.
pub(super) async fn free(
    connection: &mut MySqlConnection,
    account: &AccountId,
    freed: &Freed,
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    let mut stuck = Vec::new();
    for group in padded(&freed.events) {
        let query = bind_events(STUCK.of(group.len()).bind(account.as_str()).bind(freed.error), &group);
        for row in query.fetch_all(&mut *connection).await? {
            stuck.push(row.try_get("event_id")?);
        }
    }
    place(connection, account, &stuck, &freed.to, moves).await
}

/// The events that wait for one of these links ([`waits_for`]), locked.
pub(super) async fn waiting(
    connection: &mut MySqlConnection,
    account: &AccountId,
    on: &[String],
) -> Result<Vec<Waiting>, sqlx::Error> {
    let mut found = Vec::new();
    for group in padded(on) {
        let query = WAITING.of(group.len()).bind(account.as_str());
        let query = group.iter().fold(query, |query, on| query.bind(on.as_str()));
        for row in query.fetch_all(&mut *connection).await? {
            let (record_type, subject) = subject_of(&row)?;
            let (event, on) = (row.try_get("event_id")?, row.try_get("waits_for")?);
            found.push(Waiting { event, record_type, subject, on });
        }
    }
    Ok(found)
}

/// Events that waited, and are locked, are pending and due at once.
pub(super) async fn wake(
    connection: &mut MySqlConnection,
    account: &AccountId,
    events: &[Uuid],
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    for group in padded(events) {
        let query = bind_events(WAKE.of(group.len()).bind(account.as_str()), &group);
        query.execute(&mut *connection).await?;
    }
    moves.left(account, "waiting", events.len());
    moves.entered(account, "pending", events.len());
    Ok(())
}

/// The conflict is over: what waited in it has been applied.
pub(super) async fn release(
    connection: &mut MySqlConnection,
    account: &AccountId,
    conflict: Uuid,
    moves: &mut Moves,
) -> Result<(), sqlx::Error> {
    let query = RELEASE.query().bind(account.as_str()).bind(conflict);
    let released = query.execute(connection).await?.rows_affected() as usize;
    moves.left(account, "conflict", released);
    moves.entered(account, "applied", released);
    Ok(())
}

fn bind_row(query: Bound, row: &PendingRow) -> Bound {
    let query = query.bind(row.account.as_str()).bind(row.event_id).bind(row.record_type.as_str());
    bind_place(query.bind(subject_text(&row.subject)).bind(row.arrived_at.0), &row.place)
}

/// The columns `place`, `due_at`, `waits_for` and `place_id`.
fn bind_place(query: Bound, place: &Place) -> Bound {
    let (due_at, on, id) = match place {
        Place::Pending { due_at } => (Some(due_at.0), None, None),
        Place::Waiting { record_type, side, id, until } => {
            (Some(until.0), Some(waits_for(record_type, *side, id)), None)
        }
        Place::Applied | Place::Superseded => (None, None, None),
        Place::Conflict(id) | Place::Error(id) => (None, None, Some(*id)),
    };
    query.bind(place.name()).bind(due_at).bind(on).bind(id)
}

fn bind_events(query: Bound, events: &[&Uuid]) -> Bound {
    events.iter().fold(query, |query, event| query.bind(**event))
}

fn row_of(row: &MySqlRow) -> Result<PendingRow, sqlx::Error> {
    let (record_type, subject) = subject_of(row)?;
    Ok(PendingRow {
        account: columns::account(row)?,
        record_type,
        subject,
        event_id: row.try_get("event_id")?,
        arrived_at: Timestamp(row.try_get("arrived_at")?),
        place: place_of(row)?,
    })
}

fn place_of(row: &MySqlRow) -> Result<Place, sqlx::Error> {
    let due_at = || row.try_get("due_at").map(Timestamp);
    Ok(match columns::place(row)? {
        "pending" => Place::Pending { due_at: due_at()? },
        "waiting" => {
            let on: &str = row.try_get("waits_for")?;
            // The id is what a source wrote: it may hold anything, a colon too.
            let mut parts = on.splitn(3, ':');
            let record_type = RecordType::parse(parts.next().unwrap_or_default()).map_err(unreadable)?;
            let side = match parts.next() {
                Some("netsuite") => Side::NetSuite,
                Some("suitex") => Side::SuiteX,
                _ => return Err(unreadable(format!("an event waits for {on}"))),
            };
            let id = parts.next().unwrap_or_default().to_string();
            Place::Waiting { record_type, side, id, until: due_at()? }
        }
        "applied" => Place::Applied,
        "superseded" => Place::Superseded,
        "conflict" => Place::Conflict(row.try_get("place_id")?),
        _ => Place::Error(row.try_get("place_id")?),
    })
}

/// The subject without its type, which has a column of its own.
pub(super) fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Side(side, id) => format!("{side}:{id}"),
        Subject::Canonical(id) => format!("canonical:{id}"),
    }
}

fn subject_of(row: &MySqlRow) -> Result<(RecordType, Subject), sqlx::Error> {
    let (record_type, subject): (&str, &str) = (row.try_get("record_type")?, row.try_get("subject")?);
    let text = format!("{record_type}:{subject}");
    Subject::parse(&text).ok_or_else(|| unreadable(format!("no subject: {text}")))
}
