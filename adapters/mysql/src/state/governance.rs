//! The tables `governance` and `open_call`: an account's use of its NetSuite. The arithmetic is the domain's; here
//! each step of it is one short transaction.

use shared::domain::governance::{Bears, Governance, OpenCall, Pace};
use shared::domain::id::{AccountId, Timestamp};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::sql::{Bound, from_new, marks, padded, pieces, statements, tuples, width};

const COLUMNS: &str = "account_id, permits, proven, tries, try_at, fell_at, window_from, saturated, failures, \
    not_before, lent_from, poll_waits_until, pace_from, pace_done, pace_before, day, requests, overloads, refused_sign_ins, \
    suspended_at";

const CALL_COLUMNS: &str = "account_id, call_id, free_at, silent_from, begun_at, writes";

statements! {
    // Both tables are locked: under READ COMMITTED a plain read of the calls would show them as they were
    // before we waited for the account's row.
    LOCK = |_| format!("{} for update", look_text());
    LOOK = |_| look_text();
    ADD = |_| format!("insert into governance ({COLUMNS}) values {} \
        on duplicate key update account_id = governance.account_id", tuples(1, width(COLUMNS)));
    SAVE = |_| format!("insert into governance ({COLUMNS}) values {} as new on duplicate key update {}",
        tuples(1, width(COLUMNS)), from_new(COLUMNS));
    OPEN_CALLS = |n| format!("insert into open_call ({CALL_COLUMNS}) values {} as new \
        on duplicate key update free_at = new.free_at, silent_from = new.silent_from",
        tuples(n, width(CALL_COLUMNS)));
    CLOSE_CALLS = |n| format!("delete from open_call where account_id = ? and call_id in ({})", marks(n));
}

fn look_text() -> String {
    "select g.*, c.call_id, c.free_at, c.silent_from, c.begun_at, c.writes from governance as g \
        left join open_call as c on c.account_id = g.account_id where g.account_id = ?"
        .into()
}

/// The account's governance, locked until the transaction ends.
pub(super) async fn lock(
    connection: &mut MySqlConnection,
    account: &AccountId,
) -> Result<Governance, sqlx::Error> {
    if let Some(known) = read(connection, LOCK.query(), account).await? {
        return Ok(known);
    }
    bind(ADD.query(), account, &Governance::default()).execute(&mut *connection).await?;
    Ok(read(connection, LOCK.query(), account).await?.unwrap_or_default())
}

/// The account's governance, as somebody may be changing it just now.
pub(super) async fn look(
    connection: &mut MySqlConnection,
    account: &AccountId,
) -> Result<Governance, sqlx::Error> {
    Ok(read(connection, LOOK.query(), account).await?.unwrap_or_default())
}

async fn read(
    connection: &mut MySqlConnection,
    query: Bound,
    account: &AccountId,
) -> Result<Option<Governance>, sqlx::Error> {
    let rows = query.bind(account.as_str()).fetch_all(connection).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut known = Governance {
        open: Vec::new(),
        bears: Bears {
            limit: first.try_get("permits")?,
            proven: first.try_get("proven")?,
            tries: first.try_get("tries")?,
            try_at: Timestamp(first.try_get("try_at")?),
            fell_at: Timestamp(first.try_get("fell_at")?),
            window: Timestamp(first.try_get("window_from")?),
            saturated: first.try_get("saturated")?,
        },
        failures: first.try_get("failures")?,
        not_before: Timestamp(first.try_get("not_before")?),
        lent_from: Timestamp(first.try_get("lent_from")?),
        poll_waits_until: Timestamp(first.try_get("poll_waits_until")?),
        pace: Pace {
            from: Timestamp(first.try_get("pace_from")?),
            done: first.try_get("pace_done")?,
            before: first.try_get("pace_before")?,
        },
        day: first.try_get("day")?,
        requests: first.try_get("requests")?,
        overloads: first.try_get("overloads")?,
        refused_sign_ins: first.try_get("refused_sign_ins")?,
        suspended: first.try_get::<Option<i64>, _>("suspended_at")?.map(Timestamp),
    };
    for row in &rows {
        known.open.extend(call_of(row)?);
    }
    Ok(Some(known))
}

/// Stores what has changed from `old` to `new`.
pub(super) async fn save(
    connection: &mut MySqlConnection,
    account: &AccountId,
    old: &Governance,
    new: &Governance,
) -> Result<(), sqlx::Error> {
    let is_open = |calls: &[OpenCall], call: &OpenCall| calls.iter().any(|c| c.id == call.id);
    let closed: Vec<_> = old.open.iter().filter(|c| !is_open(&new.open, c)).map(|c| c.id).collect();
    let changed: Vec<_> = new.open.iter().filter(|call| !old.open.contains(call)).collect();
    for group in padded(&closed) {
        let query = CLOSE_CALLS.of(group.len()).bind(account.as_str());
        group.iter().fold(query, |query, call| query.bind(**call)).execute(&mut *connection).await?;
    }
    for piece in pieces(&changed) {
        let query = piece.iter().fold(OPEN_CALLS.of(piece.len()), |query, call| {
            let query =
                query.bind(account.as_str()).bind(call.id).bind(call.until.0).bind(call.silent_from.0);
            query.bind(call.begun.0).bind(call.writes)
        });
        query.execute(&mut *connection).await?;
    }
    if *old != (Governance { open: old.open.clone(), ..new.clone() }) {
        bind(SAVE.query(), account, new).execute(connection).await?;
    }
    Ok(())
}

fn bind(query: Bound, account: &AccountId, governance: &Governance) -> Bound {
    let Governance { open: _, bears, failures, not_before, lent_from, pace, day, requests, .. } = governance;
    let Governance { poll_waits_until, overloads, refused_sign_ins, suspended, .. } = governance;
    let Bears { limit, proven, tries, try_at, fell_at, window, saturated } = bears;
    let query = query.bind(account.as_str()).bind(*limit).bind(*proven).bind(*tries).bind(try_at.0);
    let query = query.bind(fell_at.0).bind(window.0).bind(*saturated).bind(*failures).bind(not_before.0);
    let query =
        query.bind(lent_from.0).bind(poll_waits_until.0).bind(pace.from.0).bind(pace.done).bind(pace.before);
    let query = query.bind(*day).bind(*requests).bind(*overloads);
    query.bind(*refused_sign_ins).bind(suspended.map(|at| at.0))
}

fn call_of(row: &MySqlRow) -> Result<Option<OpenCall>, sqlx::Error> {
    let Some(id) = row.try_get("call_id")? else { return Ok(None) };
    let (until, silent_from) = (Timestamp(row.try_get("free_at")?), Timestamp(row.try_get("silent_from")?));
    let (begun, writes) = (Timestamp(row.try_get("begun_at")?), row.try_get("writes")?);
    Ok(Some(OpenCall { id, until, silent_from, begun, writes }))
}
