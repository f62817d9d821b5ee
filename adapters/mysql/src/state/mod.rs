//! The port `State` over the database `sync_state`: one file per table with all of its SQL.
//!
//! `codec` makes rows of records and is pure, as is `round`, which judges commits; `commit` writes them.

mod account_hold;
mod ambiguity;
mod ambiguous_record;
mod codec;
mod columns;
mod commit;
mod conflict_field;
mod conflicts;
mod current_state;
mod cursor;
mod desk;
mod errors_watched;
mod event_audit_log;
mod event_census;
mod governance;
mod notice_delivery;
mod notice_told;
mod notice_watch;
mod notification;
mod pending_event;
mod poll_cursor;
mod record_link;
mod round;
mod sql;
mod state_history;
mod sync_error_queue;
mod sync_watermark;
mod together;
mod wake;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use shared::domain::governance::{Begun, Call, CallEnd, Governance};
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::{Limits, SyncConfig};
use shared::fault::Unavailable;
use shared::state::{
    Census, Commit, ErrorEntry, HistoryRow, Link, Notice, Page, PendingRow, Place, State, Subject, Verdict,
};
use sqlx::MySqlPool;
use uuid::Uuid;

use self::codec::Row;
use self::event_census::Moves;
use self::record_link::LinkId;
use self::round::Prepared;
use self::together::{Asked, Together};
use crate::fault::{Cause, cause, retrying, unavailable};

/// How the port's errors name it.
const WHAT: &str = "state";

/// The state in MySQL. Instances share it; each has its own, and copies of that are the same.
#[derive(Clone)]
pub struct MysqlState {
    pool: MySqlPool,
    config: Arc<SyncConfig>,
    /// Spreads those who collide and begin again.
    dice: Arc<AtomicU64>,
    /// Events that are being listed.
    listing: Arc<Together<PendingRow>>,
    /// What is being written of each account, which waits for no other's locks. Of one that the configuration lacks
    /// under no name.
    writing: Arc<BTreeMap<Option<AccountId>, Writing>>,
}

/// What callers write about one account.
struct Writing {
    commits: Together<Arc<Prepared>, Vec<Verdict>>,
    ends: Together<Ended>,
}

/// How a call ended, and when.
type Ended = (Uuid, CallEnd, Timestamp);

impl MysqlState {
    /// The state behind `pool`, a pool of [`crate::pool::connect`] on a database of
    /// [`crate::migrate::Schema::SyncState`]. `config` names the fields of the records.
    pub fn new(pool: MySqlPool, config: Arc<SyncConfig>) -> Self {
        let accounts = config.accounts.keys().cloned().map(Some).chain([None]);
        let none = || Writing { commits: Together::new(), ends: Together::new() };
        Self {
            writing: Arc::new(accounts.map(|account| (account, none())).collect()),
            pool,
            config,
            dice: Arc::new(AtomicU64::new(u64::from(std::process::id()))),
            listing: Arc::new(Together::new()),
        }
    }

    fn dice(&self) -> u64 {
        self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }

    fn writing(&self, account: &AccountId) -> &Writing {
        let known = self.writing.get(&Some(account.clone()));
        known.unwrap_or_else(|| &self.writing[&None])
    }

    /// Lists the events of several callers. What is the matter with one caller's is told to that caller alone.
    async fn list(self, callers: Vec<Asked<PendingRow>>) {
        let rows = callers.iter().flat_map(|caller| caller.rows.iter().cloned()).collect();
        let listed = self.list_together(rows).await;
        let is_refused = |error| matches!(cause(error), Cause::Refused(_));
        if callers.len() > 1 && listed.as_ref().is_err_and(is_refused) {
            for mut caller in callers {
                let listed = self.list_together(std::mem::take(&mut caller.rows)).await;
                caller.tell(listed.map_err(unavailable(WHAT)));
            }
            return;
        }
        let listed = listed.map_err(unavailable(WHAT));
        callers.into_iter().for_each(|caller| caller.tell(listed.clone()));
    }

    async fn list_together(&self, mut rows: Vec<PendingRow>) -> Result<(), sqlx::Error> {
        // All in one order: two who list the same events don't wait for each other crosswise.
        rows.sort_by(|a, b| (&a.account, a.event_id).cmp(&(&b.account, b.event_id)));
        rows.dedup_by(|a, b| (&a.account, a.event_id) == (&b.account, b.event_id));
        let rows: Vec<&PendingRow> = rows.iter().collect();
        retrying(self.dice(), || async {
            let mut transaction = self.pool.begin().await?;
            let mut moves = Moves::default();
            pending_event::enqueue(&mut transaction, &rows, &mut moves).await?;
            moves.count(&mut transaction).await?;
            transaction.commit().await
        })
        .await
    }

    /// Notes how an account's calls ended, those of several callers in their order.
    async fn end_all(self, account: AccountId, limits: Limits, callers: Vec<Asked<Ended>>) {
        let (account, limits) = (&account, &limits);
        let finish = || async {
            let mut transaction = self.pool.begin().await?;
            let old = governance::lock(&mut transaction, account).await?;
            let mut new = old.clone();
            let ended = callers.iter().flat_map(|caller| &caller.rows);
            let notices = ended.filter_map(|(call, end, now)| {
                new.end(*call, *end, *now, limits).map(|turn| Notice::of_turn(account, turn, *now))
            });
            let notices: Vec<Notice> = notices.collect();
            governance::save(&mut transaction, account, &old, &new).await?;
            let notices: Vec<_> = notices.iter().map(|notice| (account, notice)).collect();
            notification::insert(&mut transaction, &notices).await?;
            transaction.commit().await
        };
        let ended = retrying(self.dice(), finish).await.map_err(unavailable(WHAT));
        callers.into_iter().for_each(|caller| caller.tell(ended.clone()));
    }

    /// The record of a row. One that cannot be read stops nobody else's: in its place stands what is locked, and is never
    /// written.
    fn record(&self, row: &Row) -> Arc<Record> {
        let surface = self.config.surface(&row.key.account, &row.key.record_type);
        let record = codec::decode(row, surface.map(Arc::as_ref)).unwrap_or_else(|error| {
            tracing::error!(record = %row.key, %error, "a record cannot be read");
            let fields = surface.map_or(0, |surface| surface.fields.len());
            Record::unreadable(row.key.clone(), fields, &error.to_string())
        });
        Arc::new(record)
    }

    fn page(&self, rows: Page<Row>) -> Page<Arc<Record>> {
        Page { items: rows.items.iter().map(|row| self.record(row)).collect(), next: rows.next }
    }
}

/// Every statement by the name of its table and its own, for two rows or keys where it takes several: for whoever
/// wants to see how MySQL would run them.
pub fn statements() -> Vec<(String, String)> {
    let tables = [
        ("account_hold", account_hold::STATEMENTS),
        ("conflict_field", conflict_field::STATEMENTS),
        ("ambiguous_record", ambiguous_record::STATEMENTS),
        ("conflicts", conflicts::STATEMENTS),
        ("current_state", current_state::STATEMENTS),
        ("event_audit_log", event_audit_log::STATEMENTS),
        ("event_census", event_census::STATEMENTS),
        ("governance", governance::STATEMENTS),
        ("errors_watched", errors_watched::STATEMENTS),
        ("notice_delivery", notice_delivery::STATEMENTS),
        ("notice_told", notice_told::STATEMENTS),
        ("notice_watch", notice_watch::STATEMENTS),
        ("notification", notification::STATEMENTS),
        ("pending_event", pending_event::STATEMENTS),
        ("poll_cursor", poll_cursor::STATEMENTS),
        ("record_link", record_link::STATEMENTS),
        ("state_history", state_history::STATEMENTS),
        ("sync_error_queue", sync_error_queue::STATEMENTS),
        ("sync_watermark", sync_watermark::STATEMENTS),
    ];
    let all = tables.into_iter().flat_map(|(table, statements)| statements.iter().map(move |s| (table, s)));
    all.map(|(table, (name, statement))| (format!("{table}.{name}"), statement.text(2))).collect()
}

/// Asks on a connection of its own, and again after a deadlock.
macro_rules! ask {
    ($state:ident, |$connection:ident| $work:expr) => {
        retrying($state.dice(), || async {
            let mut connection = $state.pool.acquire().await?;
            let $connection = &mut *connection;
            $work.await
        })
        .await
        .map_err(unavailable(WHAT))
    };
}
use ask;

#[async_trait]
impl State for MysqlState {
    async fn load(&self, keys: &[RecordKey]) -> Result<Vec<Option<Arc<Record>>>, Unavailable> {
        let asked = Vec::from_iter(BTreeSet::from_iter(keys.iter().cloned()));
        let rows = ask!(self, |c| current_state::load(c, &asked))?;
        Ok(keys.iter().map(|key| rows.get(key).map(|row| self.record(row))).collect())
    }

    async fn links(
        &self,
        account: &AccountId,
        ids: &[(RecordType, Side, SideId)],
    ) -> Result<Vec<Option<Link>>, Unavailable> {
        let name = |(record_type, side, id): &(RecordType, Side, SideId)| {
            let (account, record_type) = (account.clone(), record_type.clone());
            LinkId { account, record_type, side: *side, id: id.clone() }
        };
        let ids: Vec<LinkId> = ids.iter().map(name).collect();
        let found = ask!(self, |c| record_link::find(c, &ids))?;
        Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
    }

    async fn counterparts(
        &self,
        account: &AccountId,
        side: Side,
        records: &[(RecordType, CanonicalId)],
    ) -> Result<Vec<Option<SideId>>, Unavailable> {
        let key = |(kind, id): &(RecordType, CanonicalId)| {
            RecordKey::new(account.clone(), kind.clone(), id.clone())
        };
        let keys: Vec<RecordKey> = records.iter().map(key).collect();
        let found = ask!(self, |c| current_state::ids(c, &keys))?;
        Ok(keys.iter().map(|key| found.get(key)?[side].clone()).collect())
    }

    async fn commit(&self, commits: Vec<Commit>) -> Result<Vec<Verdict>, Unavailable> {
        commit::commit(self, commits).await
    }

    async fn enqueue(&self, rows: Vec<PendingRow>) -> Result<(), Unavailable> {
        if rows.is_empty() {
            return Ok(());
        }
        self.listing.ask(rows, |callers| self.clone().list(callers)).await
    }

    async fn unlisted(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Uuid>, Unavailable> {
        let listed = ask!(self, |c| pending_event::listed(c, account, events))?;
        let listed = BTreeSet::from_iter(listed);
        Ok(events.iter().filter(|event| !listed.contains(event)).copied().collect())
    }

    async fn watermark(&self, account: &AccountId, name: &str) -> Result<u64, Unavailable> {
        ask!(self, |c| sync_watermark::find(c, account, name))
    }

    async fn set_watermark(&self, account: &AccountId, name: &str, at: u64) -> Result<(), Unavailable> {
        ask!(self, |c| sync_watermark::raise(c, account, name, at))
    }

    async fn poll_cursor(&self, account: &AccountId, name: &str) -> Result<Option<String>, Unavailable> {
        ask!(self, |c| poll_cursor::find(c, account, name))
    }

    async fn set_poll_cursor(
        &self,
        account: &AccountId,
        name: &str,
        cursor: &str,
    ) -> Result<(), Unavailable> {
        ask!(self, |c| poll_cursor::set(c, account, name, cursor))
    }

    async fn pending(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        subjects: &[Subject],
    ) -> Result<Vec<PendingRow>, Unavailable> {
        let subjects = BTreeSet::from_iter(subjects.iter().map(pending_event::subject_text));
        let subjects = Vec::from_iter(subjects);
        ask!(self, |c| pending_event::open(c, account, record_type, &subjects))
    }

    async fn places(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Option<Place>>, Unavailable> {
        let found = ask!(self, |c| pending_event::places(c, account, events))?;
        Ok(events.iter().map(|event| found.get(event).cloned()).collect())
    }

    async fn pending_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(RecordType, Subject)>, Unavailable> {
        ask!(self, |c| pending_event::due(c, account, now, cursor::size(limit)))
    }

    async fn next_due(&self, account: &AccountId, side: Side) -> Result<Option<Timestamp>, Unavailable> {
        ask!(self, |c| current_state::next_due(c, account, side))
    }

    async fn due(
        &self,
        account: &AccountId,
        side: Side,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Unavailable> {
        ask!(self, |c| current_state::due(c, account, side, now, cursor::size(limit)))
    }

    async fn begin_calls(
        &self,
        account: &AccountId,
        calls: &[Call],
        limits: &Limits,
    ) -> Result<Begun, Unavailable> {
        let begin = || async {
            let mut transaction = self.pool.begin().await?;
            let old = governance::lock(&mut transaction, account).await?;
            let mut new = old.clone();
            let begun = Begun::of(calls, |call| new.begin(call, limits));
            governance::save(&mut transaction, account, &old, &new).await?;
            transaction.commit().await?;
            Ok(begun)
        };
        retrying(self.dice(), begin).await.map_err(unavailable(WHAT))
    }

    async fn end_call(
        &self,
        account: &AccountId,
        call: Uuid,
        end: CallEnd,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(), Unavailable> {
        let end_all = |callers| self.clone().end_all(account.clone(), *limits, callers);
        self.writing(account).ends.ask(vec![(call, end, now)], end_all).await
    }

    async fn governance_of(&self, account: &AccountId) -> Result<Governance, Unavailable> {
        ask!(self, |c| governance::look(c, account))
    }

    async fn backlog(&self, account: &AccountId, side: Side, now: Timestamp) -> Result<u64, Unavailable> {
        ask!(self, |c| current_state::backlog(c, account, side, now))
    }

    async fn history(&self, key: &RecordKey) -> Result<Vec<HistoryRow>, Unavailable> {
        ask!(self, |c| state_history::of_record(c, key))
    }

    async fn records(
        &self,
        account: &AccountId,
        record_type: Option<&RecordType>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable> {
        let limit = cursor::size(limit);
        Ok(self.page(ask!(self, |c| current_state::page(c, account, record_type, after, limit))?))
    }

    async fn conflicts(
        &self,
        account: Option<&AccountId>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable> {
        let limit = cursor::size(limit);
        let keys = ask!(self, |c| conflicts::page(c, account, after, limit + 1))?;
        let keys = cursor::page(keys, limit, RecordKey::to_string);
        let records = self.load(&keys.items).await?;
        // One may have closed meanwhile.
        let open = records.into_iter().flatten().filter(|record| record.conflict.is_some());
        Ok(Page { items: open.collect(), next: keys.next })
    }

    async fn conflict(&self, id: Uuid) -> Result<Option<Arc<Record>>, Unavailable> {
        let Some(key) = ask!(self, |c| conflicts::find(c, id))? else { return Ok(None) };
        // Where its record turned out to be another one, the conflict is nobody's.
        Ok(self.load(std::slice::from_ref(&key)).await?.pop().flatten().filter(|record| record.key == key))
    }

    async fn errors(
        &self,
        account: Option<&AccountId>,
        open_only: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ErrorEntry>, Unavailable> {
        ask!(self, |c| sync_error_queue::page(c, account, open_only, after, cursor::size(limit)))
    }

    async fn error(&self, id: Uuid) -> Result<Option<ErrorEntry>, Unavailable> {
        ask!(self, |c| sync_error_queue::find(c, id))
    }

    async fn census(&self, account: &AccountId) -> Result<Census, Unavailable> {
        ask!(self, |c| event_census::census(c, account))
    }
}
