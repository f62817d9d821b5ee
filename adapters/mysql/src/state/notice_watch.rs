//! The table `notice_watch`: what the watcher remembers of an account.

use async_trait::async_trait;
use shared::domain::id::{AccountId, RecordKey, Side, Timestamp};
use shared::fault::Unavailable;
use shared::state::watch::{BEHIND_OF, ErrorKind, Memory, Watch, Watched};
use shared::state::{ErrorEntry, ErrorStatus};
use sqlx::Row;
use sqlx::mysql::MySqlConnection;
use uuid::Uuid;

use super::sql::statements;
use super::{MysqlState, WHAT, ask, current_state, cursor, errors_watched, notification};
use crate::fault::{Cause, cause, retrying, unavailable};

statements! {
    FIND = |_| "select revision, memory from notice_watch where account_id = ?".into();
    ADD = |_| "insert into notice_watch (account_id, revision, memory) values (?, 1, ?)".into();
    REPLACE = |_| "update notice_watch set revision = revision + 1, memory = ? \
        where account_id = ? and revision = ?".into();
}

async fn find(connection: &mut MySqlConnection, account: &AccountId) -> Result<Memory, sqlx::Error> {
    let row = FIND.query().bind(account.as_str()).fetch_optional(connection).await?;
    row.map_or(Ok(Memory::default()), |row| {
        Ok(Memory { revision: row.try_get("revision")?, text: row.try_get("memory")? })
    })
}

/// Whether the memory was still at `revision`, and is replaced.
async fn replace(
    connection: &mut MySqlConnection,
    account: &AccountId,
    revision: u64,
    text: &str,
) -> Result<bool, sqlx::Error> {
    if revision > 0 {
        let query = REPLACE.query().bind(text).bind(account.as_str()).bind(revision);
        return Ok(query.execute(connection).await?.rows_affected() == 1);
    }
    match ADD.query().bind(account.as_str()).bind(text).execute(connection).await {
        Ok(_) => Ok(true),
        Err(error) if cause(&error) == Cause::Duplicate => Ok(false),
        Err(error) => Err(error),
    }
}

async fn note(
    state: &MysqlState,
    account: &AccountId,
    revision: u64,
    watched: &Watched,
) -> Result<bool, sqlx::Error> {
    let mut transaction = state.pool.begin().await?;
    if !replace(&mut transaction, account, revision, &watched.text).await? {
        transaction.rollback().await?;
        return Ok(false);
    }
    let notices: Vec<_> = watched.notices.iter().map(|notice| (account, notice)).collect();
    notification::insert(&mut transaction, &notices).await?;
    transaction.commit().await?;
    Ok(true)
}

#[async_trait]
impl Watch for MysqlState {
    async fn watch_memory(&self, account: &AccountId) -> Result<Memory, Unavailable> {
        ask!(self, |c| find(c, account))
    }

    async fn note_watched(
        &self,
        account: &AccountId,
        revision: u64,
        watched: Watched,
    ) -> Result<bool, Unavailable> {
        let work = || note(self, account, revision, &watched);
        retrying(self.dice(), work).await.map_err(unavailable(WHAT))
    }

    async fn behind(
        &self,
        account: &AccountId,
        side: Side,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Unavailable> {
        let most = (BEHIND_OF as u64, cursor::size(limit));
        ask!(self, |c| current_state::behind(c, account, side, since, most))
    }

    async fn error_kinds(
        &self,
        account: &AccountId,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<(ErrorKind, u64)>, Unavailable> {
        ask!(self, |c| errors_watched::kinds(c, account, since, most as u64))
    }

    async fn errors_by_age(
        &self,
        account: &AccountId,
        status: ErrorStatus,
        after: Option<(Timestamp, Uuid)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ErrorEntry>, Unavailable> {
        let limit = cursor::size(limit);
        ask!(self, |c| errors_watched::by_age(c, account, status, after, until, limit))
    }
}
