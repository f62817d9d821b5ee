//! The table `account_hold`: what was stopped, and by whom.

use shared::domain::id::{AccountId, PerSide, Side, Timestamp};
use shared::state::controls::{Hold, Holder, Holds};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::sql::{Bound, statements, unreadable};

statements! {
    FIND = |_| "select side, holder, is_held, since, actor, reason from account_hold where account_id = ?".into();
    LOCK = |_| "select side, holder, is_held, since, actor, reason from account_hold \
        where account_id = ? for update".into();
    ADD = |_| "insert into account_hold (account_id, side, holder, is_held, since, actor, reason) values \
        (?, 'netsuite', 'people', false, 0, '', ''), (?, 'netsuite', 'watch', false, 0, '', ''), \
        (?, 'suitex', 'people', false, 0, '', ''), (?, 'suitex', 'watch', false, 0, '', '') as new \
        on duplicate key update account_id = account_hold.account_id".into();
    SET = |_| "update account_hold set is_held = ?, since = ?, actor = ?, reason = ? \
        where account_id = ? and side = ? and holder = ?".into();
}

/// What is held.
pub(super) async fn find(
    connection: &mut MySqlConnection,
    account: &AccountId,
) -> Result<PerSide<Holds>, sqlx::Error> {
    read(connection, FIND.query(), account).await
}

/// What is held, locked until the transaction ends.
pub(super) async fn lock(
    connection: &mut MySqlConnection,
    account: &AccountId,
) -> Result<PerSide<Holds>, sqlx::Error> {
    let account_id = account.as_str();
    let query = ADD.query().bind(account_id).bind(account_id).bind(account_id).bind(account_id);
    query.execute(&mut *connection).await?;
    read(connection, LOCK.query(), account).await
}

async fn read(
    connection: &mut MySqlConnection,
    query: Bound,
    account: &AccountId,
) -> Result<PerSide<Holds>, sqlx::Error> {
    let mut holds = PerSide::<Holds>::default();
    for row in query.bind(account.as_str()).fetch_all(connection).await? {
        let (side, holder): (&str, &str) = (row.try_get("side")?, row.try_get("holder")?);
        let known = Side::BOTH.into_iter().find(|known| known.as_str() == side);
        let side = known.ok_or_else(|| unreadable(format!("no side: {side}")))?;
        let holder =
            Holder::parse(holder).ok_or_else(|| unreadable(format!("nobody who holds: {holder}")))?;
        holds[side].set(holder, hold(&row)?);
    }
    Ok(holds)
}

fn hold(row: &MySqlRow) -> Result<Option<Hold>, sqlx::Error> {
    if !row.try_get::<bool, _>("is_held")? {
        return Ok(None);
    }
    let (since, actor, reason) = (row.try_get("since")?, row.try_get("actor")?, row.try_get("reason")?);
    Ok(Some(Hold { since: Timestamp(since), actor, reason }))
}

/// Notes that `holder` holds a side, or that it does not.
pub(super) async fn set(
    connection: &mut MySqlConnection,
    account: &AccountId,
    (side, holder): (Side, Holder),
    hold: Option<&Hold>,
) -> Result<(), sqlx::Error> {
    let query = SET.query().bind(hold.is_some()).bind(hold.map_or(0, |hold| hold.since.0));
    let query = query.bind(hold.map_or(String::new(), |hold| hold.actor.clone()));
    let query = query.bind(hold.map_or(String::new(), |hold| hold.reason.clone()));
    query.bind(account.as_str()).bind(side.as_str()).bind(holder.as_str()).execute(connection).await?;
    Ok(())
}
