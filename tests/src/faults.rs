//! The outside with faults: every port is the real one, wrapped so that a task gives way before and after
//! each effect (there the seed may run others, or kill the instance), and so that an effect may be refused,
//! or done without its answer.

mod ambiguity;
mod buffer;
mod desk;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use shared::domain::governance::{Begun, Call, CallEnd, Governance};
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::{Limits, SyncConfig};
use shared::fault::Unavailable;
use shared::ledger::{Appended, Entry, Ledger, Stored};
use shared::netsuite::transport::{Lost, Transport};
use shared::pubsub::{Message, Publish, Topic};
use shared::state::{
    Census, Commit, ErrorEntry, HistoryRow, Link, Page, PendingRow, Place, State, Subject, Verdict,
};
use shared::suitex::{Applied, By, Change, Look, OutboxPage, Tenants};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use uuid::Uuid;

use crate::aim::{Aim, Harm};
use crate::cursors::Cursors;
use crate::executor::{Executor, Lane};
use crate::sends::Sends;
use crate::watch::Watch;

/// How often what goes wrong, per effect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// The request never arrives.
    pub request_lost: f64,
    /// It is done; its answer never arrives.
    pub reply_lost: f64,
    /// The instance dies just before or just after.
    pub crash: f64,
    /// The database will not take a decision.
    pub refused: f64,
    /// Until then nothing that is stored can be reached.
    pub down_until: Timestamp,
    /// Until then the buffer cannot be reached.
    pub buffer_away_until: Timestamp,
}

/// One account's dice, rates and counts.
pub struct LaneFaults {
    dice: Mutex<fastrand::Rng>,
    rates: Mutex<Rates>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    aim: Mutex<Aim>,
}

impl LaneFaults {
    /// Faults that roll dice of their own.
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            rates: Mutex::default(),
            counts: Mutex::default(),
            aim: Mutex::default(),
        }
    }

    /// From now on effects are counted, and the `nth` (from 0), if any, is hit.
    pub fn aim(&self, at: Option<(usize, Harm)>) {
        *lock(&self.aim) = Aim::at(at);
    }

    /// Effects since the aim was taken.
    pub fn effects(&self) -> usize {
        lock(&self.aim).effects()
    }

    fn hit(&self) -> Option<Harm> {
        lock(&self.aim).hit()
    }

    /// Sets how often what goes wrong.
    pub fn set(&self, rates: Rates) {
        *lock(&self.rates) = rates;
    }

    /// Nothing that is stored can be reached until then.
    pub fn down_until(&self, until: Timestamp) {
        lock(&self.rates).down_until = until;
    }

    /// The buffer cannot be reached until then.
    pub fn buffer_away_until(&self, until: Timestamp) {
        lock(&self.rates).buffer_away_until = until;
    }

    /// Counts a fault.
    pub fn count(&self, kind: &'static str) {
        *lock(&self.counts).entry(kind).or_default() += 1;
    }

    /// What went wrong so far.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.counts).clone()
    }

    fn roll(&self, chance: f64) -> bool {
        chance > 0.0 && lock(&self.dice).f64() < chance
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all wrapped ports share.
#[derive(Clone)]
pub struct Faults {
    /// Runs tasks.
    pub executor: Executor,
    /// The accounts, in the order of the lanes.
    pub accounts: Arc<Vec<AccountId>>,
    /// Each account's faults.
    pub lanes: Arc<Vec<LaneFaults>>,
    /// What is synced.
    pub config: Arc<SyncConfig>,
    /// Looks at every commit.
    pub watch: Arc<Watch>,
    /// Looks at every cursor.
    pub cursors: Arc<Cursors>,
    /// Looks at every message to people.
    pub sends: Arc<Sends>,
}

/// The points around an effect, by kind.
struct Points {
    before: &'static str,
    after: &'static str,
    request_lost: &'static str,
    reply_lost: &'static str,
    what: &'static str,
    /// How much more often it goes wrong: what is rare beside commits must be seen to fail too.
    weight: f64,
}

macro_rules! points {
    ($name:ident, $what:literal, $weight:literal) => {
        const $name: Points = Points {
            before: concat!("before ", $what),
            after: concat!("after ", $what),
            request_lost: concat!("request lost: ", $what),
            reply_lost: concat!("reply lost: ", $what),
            what: $what,
            weight: $weight,
        };
    };
}

mod told;

pub use told::FaultyMessenger;

points!(COMMIT, "commit", 1.0);
points!(ENQUEUE, "enqueue", 1.0);
points!(LEDGER, "ledger append", 1.0);
points!(PUBLISH, "publish", 1.0);
points!(TENANT, "tenant write", 4.0);
points!(DISPATCHED, "outbox mark", 2.0);
points!(CALL, "netsuite call", 5.0);
points!(PERMIT, "permit", 1.0);
points!(CURSOR, "poll cursor", 2.0);

/// How long a connection may take, ms: a call that is not on its way by then is not made.
const CONNECT_MS: i64 = 5_000;

impl Faults {
    /// The lane of an account; foreign accounts run in the first.
    pub fn lane(&self, account: &AccountId) -> Lane {
        self.accounts.iter().position(|a| a == account).unwrap_or(0)
    }

    async fn around<T>(
        &self,
        account: &AccountId,
        points: &Points,
        effect: impl Future<Output = Result<T, Unavailable>>,
    ) -> Result<T, Unavailable> {
        let faults = &self.lanes[self.lane(account)];
        let rates = *lock(&faults.rates);
        let harm = faults.hit();
        self.pass(faults, points.before, rates.crash * points.weight, harm == Some(Harm::CrashBefore)).await;
        if self.executor.now() < rates.down_until {
            faults.count("database down");
            return Err(Unavailable::new(points.what, "down"));
        }
        if faults.roll(rates.request_lost * points.weight) || harm == Some(Harm::RequestLost) {
            faults.count(points.request_lost);
            return Err(Unavailable::new(points.what, "request lost"));
        }
        let done = effect.await?;
        self.pass(faults, points.after, rates.crash * points.weight, harm == Some(Harm::CrashAfter)).await;
        if faults.roll(rates.reply_lost * points.weight) || harm == Some(Harm::ReplyLost) {
            faults.count(points.reply_lost);
            return Err(Unavailable::new(points.what, "reply lost"));
        }
        Ok(done)
    }

    /// Gives way at a point; perhaps the instance dies there, or must.
    async fn pass(&self, faults: &LaneFaults, point: &'static str, crash: f64, must_die: bool) {
        if faults.roll(crash) || must_die {
            self.executor.doom();
        }
        self.executor.give_way(point).await;
    }

    /// The NetSuite transport: requests go to the simulator's own router.
    pub fn transport(&self, router: axum::Router) -> Transport {
        let faults = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
            let (faults, router) = (faults.clone(), router.clone());
            async move { faults.send(router, request).await }
        }))
    }

    async fn send(&self, router: axum::Router, request: Request<Bytes>) -> Result<Response<Bytes>, Lost> {
        // /netsuite/{account}/…
        let account = request.uri().path().split('/').nth(2).and_then(|a| AccountId::parse(a).ok());
        let lane = account.map_or(0, |a| self.lane(&a));
        let rates = *lock(&self.lanes[lane].rates);
        let asked = self.executor.now();
        let harm = self.lanes[lane].hit();
        let dies = |when| harm == Some(when);
        self.pass(&self.lanes[lane], CALL.before, rates.crash * CALL.weight, dies(Harm::CrashBefore)).await;
        if self.executor.now().0 - asked.0 > CONNECT_MS
            || self.lanes[lane].roll(rates.request_lost * CALL.weight)
            || harm == Some(Harm::RequestLost)
        {
            self.lanes[lane].count(CALL.request_lost);
            return Err(Lost::NotSent("connection refused".into()));
        }
        let response = router.oneshot(request.map(axum::body::Body::from)).await;
        let response = response.unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| Lost::NoAnswer(e.to_string()))?.to_bytes();
        self.pass(&self.lanes[lane], CALL.after, rates.crash * CALL.weight, dies(Harm::CrashAfter)).await;
        if self.lanes[lane].roll(rates.reply_lost * CALL.weight) || harm == Some(Harm::ReplyLost) {
            self.lanes[lane].count(CALL.reply_lost);
            return Err(Lost::NoAnswer("connection reset".into()));
        }
        Ok(Response::from_parts(parts, body))
    }
}

/// A port with faults.
pub struct Faulty<P> {
    /// The real one.
    pub inner: Arc<P>,
    /// What goes wrong.
    pub faults: Faults,
}

#[async_trait]
impl<L: Ledger> Ledger for Faulty<L> {
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Unavailable> {
        let Some(account) = entries.first().map(|e| e.account.clone()) else { return Ok(Vec::new()) };
        self.faults.around(&account, &LEDGER, self.inner.append(entries)).await
    }

    async fn read(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Stored>, Unavailable> {
        self.inner.read(account, events).await
    }

    async fn scan(&self, account: &AccountId, after: u64, limit: usize) -> Result<Vec<Stored>, Unavailable> {
        self.inner.scan(account, after, limit).await
    }
}

#[async_trait]
impl<P: Publish> Publish for Faulty<P> {
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable> {
        let account = messages.first().and_then(|m| AccountId::parse(m.attributes.get("account")?).ok());
        let account = account.unwrap_or_else(|| self.faults.accounts[0].clone());
        self.faults.around(&account, &PUBLISH, self.inner.publish(topic, messages)).await
    }
}

#[async_trait]
impl<T: Tenants> Tenants for Faulty<T> {
    async fn read(&self, account: &AccountId, table: &str, by: By<'_>) -> Result<Look, Unavailable> {
        let look = self.inner.read(account, table, by).await;
        self.faults.executor.give_way("after tenant read").await;
        look
    }

    async fn apply(
        &self,
        account: &AccountId,
        table: &str,
        operation: Uuid,
        change: &Change,
    ) -> Result<Applied, Unavailable> {
        let asked = self.faults.executor.now();
        let apply = async {
            match self.faults.executor.now().0 - asked.0 {
                ..=CONNECT_MS => self.inner.apply(account, table, operation, change).await,
                _ => Err(Unavailable::new("tenant database", "no connection in time")),
            }
        };
        self.faults.around(account, &TENANT, apply).await
    }

    async fn outbox(&self, account: &AccountId, limit: usize) -> Result<OutboxPage, Unavailable> {
        self.inner.outbox(account, limit).await
    }

    async fn dispatched(&self, account: &AccountId, seqs: &[u64]) -> Result<(), Unavailable> {
        self.faults.around(account, &DISPATCHED, self.inner.dispatched(account, seqs)).await
    }
}

impl<S: State> Faulty<S> {
    /// Of the commits that hold a decision, some are refused as if a column could not take their values.
    async fn commit_all_but_refused(
        &self,
        account: &AccountId,
        commits: &[Commit],
    ) -> Result<Vec<Verdict>, Unavailable> {
        let faults = &self.faults.lanes[self.faults.lane(account)];
        let rate = lock(&faults.rates).refused;
        let refuse = |commit: &Commit| {
            let is_refused = !commit.history.is_empty() && faults.roll(rate);
            if is_refused {
                faults.count("commit refused");
            }
            is_refused
        };
        let refused: Vec<bool> = commits.iter().map(refuse).collect();
        let taken = commits.iter().zip(&refused).filter(|(_, refused)| !**refused);
        let taken: Vec<Commit> = taken.map(|(commit, _)| commit.clone()).collect();
        let mut verdicts = self.inner.commit(taken).await?.into_iter();
        let verdict = |refused: bool| match refused {
            true => Some(Verdict::Refused("too long for its column".into())),
            false => verdicts.next(),
        };
        Ok(refused.into_iter().filter_map(verdict).collect())
    }
}

#[async_trait]
impl<S: State> State for Faulty<S> {
    async fn load(&self, keys: &[RecordKey]) -> Result<Vec<Option<Arc<Record>>>, Unavailable> {
        let loaded = self.inner.load(keys).await;
        self.faults.executor.give_way("after load").await;
        loaded
    }

    async fn links(
        &self,
        account: &AccountId,
        ids: &[(RecordType, Side, SideId)],
    ) -> Result<Vec<Option<Link>>, Unavailable> {
        self.inner.links(account, ids).await
    }

    async fn counterparts(
        &self,
        account: &AccountId,
        side: Side,
        records: &[(RecordType, CanonicalId)],
    ) -> Result<Vec<Option<SideId>>, Unavailable> {
        self.inner.counterparts(account, side, records).await
    }

    async fn commit(&self, commits: Vec<Commit>) -> Result<Vec<Verdict>, Unavailable> {
        let Some(account) = commits.first().map(|c| c.account.clone()) else { return Ok(Vec::new()) };
        let watched = async {
            let before = self.faults.watch.before(&*self.inner, &commits).await?;
            let verdicts = self.commit_all_but_refused(&account, &commits).await?;
            let now = self.faults.executor.now();
            self.faults.watch.committed(&before, &commits, &verdicts, &self.faults.config, now);
            Ok(verdicts)
        };
        self.faults.around(&account, &COMMIT, watched).await
    }

    async fn enqueue(&self, rows: Vec<PendingRow>) -> Result<(), Unavailable> {
        let Some(account) = rows.first().map(|r| r.account.clone()) else { return Ok(()) };
        self.faults.around(&account, &ENQUEUE, self.inner.enqueue(rows)).await
    }

    async fn unlisted(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Uuid>, Unavailable> {
        self.inner.unlisted(account, events).await
    }

    async fn watermark(&self, account: &AccountId, name: &str) -> Result<u64, Unavailable> {
        self.inner.watermark(account, name).await
    }

    async fn set_watermark(&self, account: &AccountId, name: &str, at: u64) -> Result<(), Unavailable> {
        self.inner.set_watermark(account, name, at).await
    }

    async fn poll_cursor(&self, account: &AccountId, name: &str) -> Result<Option<String>, Unavailable> {
        self.inner.poll_cursor(account, name).await
    }

    async fn set_poll_cursor(
        &self,
        account: &AccountId,
        name: &str,
        cursor: &str,
    ) -> Result<(), Unavailable> {
        let watched = async {
            self.inner.set_poll_cursor(account, name, cursor).await?;
            let unseen = self.faults.cursors.passed_unseen(&*self.inner, account, name, cursor);
            unseen.into_iter().for_each(|what| self.faults.watch.violated("I19", what));
            Ok(())
        };
        self.faults.around(account, &CURSOR, watched).await
    }

    async fn pending(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        subjects: &[Subject],
    ) -> Result<Vec<PendingRow>, Unavailable> {
        self.inner.pending(account, record_type, subjects).await
    }

    async fn places(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Option<Place>>, Unavailable> {
        self.inner.places(account, events).await
    }

    async fn pending_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(RecordType, Subject)>, Unavailable> {
        self.inner.pending_due(account, now, limit).await
    }

    async fn next_due(&self, account: &AccountId, side: Side) -> Result<Option<Timestamp>, Unavailable> {
        self.inner.next_due(account, side).await
    }

    async fn due(
        &self,
        account: &AccountId,
        side: Side,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Unavailable> {
        self.inner.due(account, side, now, limit).await
    }

    async fn begin_calls(
        &self,
        account: &AccountId,
        calls: &[Call],
        limits: &Limits,
    ) -> Result<Begun, Unavailable> {
        self.faults.around(account, &PERMIT, self.inner.begin_calls(account, calls, limits)).await
    }

    async fn end_call(
        &self,
        account: &AccountId,
        call: Uuid,
        end: CallEnd,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(), Unavailable> {
        self.faults.around(account, &PERMIT, self.inner.end_call(account, call, end, now, limits)).await
    }

    async fn governance_of(&self, account: &AccountId) -> Result<Governance, Unavailable> {
        self.inner.governance_of(account).await
    }

    async fn backlog(&self, account: &AccountId, side: Side, now: Timestamp) -> Result<u64, Unavailable> {
        self.inner.backlog(account, side, now).await
    }

    async fn history(&self, key: &RecordKey) -> Result<Vec<HistoryRow>, Unavailable> {
        self.inner.history(key).await
    }

    async fn records(
        &self,
        account: &AccountId,
        record_type: Option<&RecordType>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable> {
        self.inner.records(account, record_type, after, limit).await
    }

    async fn conflicts(
        &self,
        account: Option<&AccountId>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable> {
        self.inner.conflicts(account, after, limit).await
    }

    async fn conflict(&self, id: Uuid) -> Result<Option<Arc<Record>>, Unavailable> {
        self.inner.conflict(id).await
    }

    async fn errors(
        &self,
        account: Option<&AccountId>,
        open_only: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ErrorEntry>, Unavailable> {
        self.inner.errors(account, open_only, after, limit).await
    }

    async fn error(&self, id: Uuid) -> Result<Option<ErrorEntry>, Unavailable> {
        self.inner.error(id).await
    }

    async fn census(&self, account: &AccountId) -> Result<Census, Unavailable> {
        self.inner.census(account).await
    }
}
