//! The table `event_census`: how many events are in each place, so that nobody has to count them.
//!
//! A transaction notes what it moves as it goes, and counts it once, last: however many events move, it is one
//! statement, and what everybody counts in is locked no longer than the commit takes.

use std::collections::BTreeMap;

use shared::domain::id::AccountId;
use shared::state::Census;
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::columns;
use super::sql::{pieces, statements};

statements! {
    COUNT = |n| format!("insert into event_census (account_id, place, shard, events) values {} as moved \
        on duplicate key update events = event_census.events + moved.events",
        vec!["(?, ?, connection_id() mod 64, ?)"; n].join(","));
    CENSUS = |_| "select place, cast(sum(events) as signed) as events from event_census where account_id = ? \
        group by place".into();
}

/// How many events more, or fewer, a transaction leaves in each place of each account.
#[derive(Debug, Default)]
pub(super) struct Moves(BTreeMap<(AccountId, &'static str), i64>);

impl Moves {
    /// So many events have come to `place`.
    pub(super) fn entered(&mut self, account: &AccountId, place: &'static str, events: usize) {
        self.note(account, place, i64::try_from(events).unwrap_or(i64::MAX));
    }

    /// So many events have left `place`.
    pub(super) fn left(&mut self, account: &AccountId, place: &'static str, events: usize) {
        self.note(account, place, -i64::try_from(events).unwrap_or(i64::MAX));
    }

    fn note(&mut self, account: &AccountId, place: &'static str, events: i64) {
        *self.0.entry((account.clone(), place)).or_default() += events;
    }

    /// Counts them, in the order of the table's key: two who count at once don't wait for each other crosswise.
    pub(super) async fn count(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let moved: Vec<_> = self.0.iter().filter(|(_, events)| **events != 0).collect();
        for piece in pieces(&moved) {
            let query = piece.iter().fold(COUNT.of(piece.len()), |query, ((account, place), events)| {
                query.bind(account.as_str()).bind(*place).bind(**events)
            });
            query.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// Events by place.
pub(super) async fn census(
    connection: &mut MySqlConnection,
    account: &AccountId,
) -> Result<Census, sqlx::Error> {
    let rows = CENSUS.query().bind(account.as_str()).fetch_all(connection).await?;
    let count = |row: &MySqlRow| {
        let count: i64 = row.try_get("events")?;
        Ok((columns::place(row)?, count.max(0) as u64))
    };
    rows.iter().map(count).collect()
}
