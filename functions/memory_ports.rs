//! Ports for the functions' router tests: everything in memory, time that stands still, a bus that keeps
//! what is published, and no runtime. Each test file includes it by path.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use shared::blob::memory::MemoryBlob;
use shared::buffer::memory::MemoryBuffer;
use shared::domain::absorb::absorb;
use shared::domain::event::parse_values;
use shared::domain::id::{
    AccountId, CanonicalId, RecordKey, RecordType, Revision, Side, SideId, Timestamp, derived_id,
};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::{Lock, Record, Span};
use shared::domain::surface::{SyncConfig, TypeSurface};
use shared::fault::Unavailable;
use shared::ledger::memory::MemoryLedger;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::clock::{BoxFuture, Clock};
use shared::runtime::ids::Ids;
use shared::runtime::metrics::Metrics;
use shared::runtime::tasks::{Spawn, Tasks};
use shared::runtime::{Edge, Ports};
use shared::state::memory::MemoryState;
use shared::state::{Ambiguity, AmbiguityStatus, Candidate, Commit, LinkChange, State, Verdict};
use tower::ServiceExt;
use uuid::Uuid;

/// The time in every test, until a test moves it: 2026-01-01T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// The outside of one function.
pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) state: Arc<MemoryState>,
    pub(crate) ledger: Arc<MemoryLedger>,
    pub(crate) blob: Arc<MemoryBlob>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) clock: Arc<Still>,
    background: Background,
}

impl World {
    /// A world with the project's own `sync.toml`.
    pub(crate) fn new() -> Self {
        Self::of("")
    }

    /// A world with more in its `sync.toml`.
    pub(crate) fn of(more: &str) -> Self {
        let config = format!("{}\n{more}", include_str!("../config/sync.toml"));
        let config = SyncConfig::parse(&config).unwrap();
        let (state, ledger) = (Arc::new(MemoryState::new()), Arc::new(MemoryLedger::default()));
        let (blob, bus) = (Arc::new(MemoryBlob::default()), Arc::new(Bus::default()));
        let clock = Arc::new(Still::at(NOW));
        let background = Background::default();
        let edge = Edge {
            config: Arc::new(config),
            buffer: Arc::new(MemoryBuffer::default()),
            publish: bus.clone(),
            blob: blob.clone(),
            clock: clock.clone(),
            ids: Arc::new(Counted::default()),
            tasks: Tasks::new(background.clone()),
            metrics: Metrics::new("test"),
        };
        let ports = Ports { state: state.clone(), ledger: ledger.clone(), edge };
        Self { ports, state, ledger, blob, bus, clock, background }
    }

    /// What is synced of the key's type.
    pub(crate) fn surface(&self, key: &RecordKey) -> Arc<TypeSurface> {
        self.ports.config.surface(&key.account, &key.record_type).unwrap().clone()
    }

    /// Stores a record that both sides have, with these values, under the ids `ns-<id>` and `sx-<id>`.
    pub(crate) fn synced(&self, key: &RecordKey, values: Json) -> Record {
        let mut record = Record::new(key.clone(), &self.surface(key));
        for side in Side::BOTH {
            self.tell(&mut record, side, 100, true, &values);
        }
        let links = Side::BOTH.map(|side| LinkChange::Set(side, record.sides[side].id.clone().unwrap()));
        self.store(&record, links.into())
    }

    /// Has a side say, at this revision, that it holds these values (by canonical name); `full`: and no others.
    pub(crate) fn tell(&self, record: &mut Record, side: Side, revision: i64, full: bool, values: &Json) {
        let surface = self.surface(&record.key);
        let prefix = if side == Side::NetSuite { "ns" } else { "sx" };
        let news = News {
            side,
            id: side_id(&format!("{prefix}-{}", record.key.id)),
            fact: Fact::Holds {
                values: parse_values(values.as_object().unwrap(), side, &surface, "").unwrap(),
                full,
            },
            revision: Some(Revision(revision)),
            span: Span::at(NOW),
            standing: Standing::Heard,
            operation: None,
            cause: derived_id("test", &[&revision.to_string(), side.as_str()]),
        };
        absorb(record, &news, &surface);
    }

    /// Stores a record; answers it as it is stored.
    pub(crate) fn store(&self, record: &Record, links: Vec<LinkChange>) -> Record {
        let mut commit = Commit::new(record.key.account.clone());
        commit.record = Some(record.clone());
        commit.links = links;
        self.commit(commit);
        self.load(&record.key)
    }

    /// Has people be asked which of NetSuite's records of these ids and values a record of SuiteX's is.
    pub(crate) fn ask_which(&self, key: &RecordKey, values: Json, candidates: &[(&str, Json)]) -> Ambiguity {
        let mut record = Record::new(key.clone(), &self.surface(key));
        self.tell(&mut record, Side::SuiteX, 100, true, &values);
        let mut asked = Ambiguity::new(key.clone(), Side::NetSuite, NOW);
        (asked.revision, asked.status) = (1, AmbiguityStatus::Open);
        let candidate = |(id, values): &(&str, Json)| Candidate {
            id: side_id(id),
            revision: Revision(7),
            values: values.as_object().unwrap().clone(),
            matched: vec![vec!["email".into()]],
            taken_by: None,
        };
        asked.candidates = candidates.iter().map(candidate).collect();
        let lock = Lock { field: None, error: asked.id(), reason: "several".into(), since: NOW };
        record.locks.push(lock);
        let links = vec![LinkChange::Set(Side::SuiteX, record.sides.suitex.id.clone().unwrap())];
        let ambiguities = vec![asked.clone()];
        self.commit(Commit { record: Some(record), links, ambiguities, ..Commit::new(key.account.clone()) });
        asked
    }

    /// Commits; it must not be stale.
    pub(crate) fn commit(&self, commit: Commit) {
        let verdicts = self.state.commit(vec![commit]).now_or_never().unwrap().unwrap();
        assert!(matches!(verdicts[0], Verdict::Committed(_)), "{verdicts:?}");
    }

    /// The record as it is stored now.
    pub(crate) fn load(&self, key: &RecordKey) -> Record {
        let records = self.state.load(std::slice::from_ref(key)).now_or_never().unwrap().unwrap();
        Record::clone(records[0].as_ref().expect("the record is there"))
    }

    /// Runs all background work to its end.
    pub(crate) fn run_background(&self) {
        loop {
            let next = self.background.0.lock().unwrap().pop_front();
            let Some(work) = next else { return };
            work.now_or_never().expect("background work waits for nothing");
        }
    }
}

/// Keeps what is published; can be away.
#[derive(Default)]
pub(crate) struct Bus {
    published: Mutex<Vec<(Topic, Message)>>,
    pub(crate) down: AtomicBool,
}

impl Bus {
    /// What was published to `topic`.
    pub(crate) fn on(&self, topic: Topic) -> Vec<Message> {
        let published = self.published.lock().unwrap();
        published.iter().filter(|(t, _)| *t == topic).map(|(_, m)| m.clone()).collect()
    }

    /// The JSON of what was published to `topic`, but for the first so many.
    pub(crate) fn json_from(&self, topic: Topic, first: usize) -> Vec<Json> {
        let published = self.published.lock().unwrap();
        let of_topic = published.iter().filter(|(t, _)| *t == topic).skip(first);
        of_topic.map(|(_, m)| serde_json::from_slice(&m.data).unwrap()).collect()
    }

    /// The JSON of what was published to `topic`.
    pub(crate) fn json(&self, topic: Topic) -> Vec<Json> {
        self.on(topic).iter().map(|m| serde_json::from_slice(&m.data).unwrap()).collect()
    }
}

#[async_trait]
impl Publish for Bus {
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable> {
        if self.down.load(Ordering::Relaxed) {
            return Err(Unavailable::new("pubsub", "pulled the plug"));
        }
        self.published.lock().unwrap().extend(messages.into_iter().map(|m| (topic, m)));
        Ok(())
    }
}

/// A clock that a test moves. Who sleeps takes the time along, and is awake at once.
pub(crate) struct Still {
    now: Arc<AtomicI64>,
    /// Who sleeps does so until the test has moved the time.
    sleeps: AtomicBool,
}

impl Still {
    fn at(now: Timestamp) -> Self {
        Self { now: Arc::new(AtomicI64::new(now.0)), sleeps: AtomicBool::new(false) }
    }

    /// Moves the time on.
    pub(crate) fn pass(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::Relaxed);
    }

    /// From now on the test alone moves the time.
    pub(crate) fn stand(&self) {
        self.sleeps.store(true, Ordering::Relaxed);
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<()> {
        if !self.sleeps.load(Ordering::Relaxed) {
            self.now.fetch_max(until.0, Ordering::Relaxed);
        }
        let now = Arc::clone(&self.now);
        // Nobody is woken: a test looks again by itself.
        let is_over =
            move || if now.load(Ordering::Relaxed) >= until.0 { Poll::Ready(()) } else { Poll::Pending };
        Box::pin(std::future::poll_fn(move |_| is_over()))
    }
}

#[derive(Default)]
struct Counted(AtomicU64);

impl Ids for Counted {
    fn draw(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

#[derive(Clone, Default)]
struct Background(Arc<Mutex<VecDeque<BoxFuture<()>>>>);

impl Spawn for Background {
    fn spawn(&self, work: BoxFuture<()>) {
        self.0.lock().unwrap().push_back(work);
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Json,
}

impl Answer {
    /// Status and the field that a problem blames (null when it blames none).
    pub(crate) fn problem(&self) -> (u16, Json) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        (self.status.as_u16(), self.body["field"].clone())
    }
}

/// Sends a request; the answer must come without waiting for anything.
pub(crate) fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).now_or_never().expect("handlers do not wait").unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
    Answer { status: parts.status, headers: parts.headers, body }
}

/// `GET`.
pub(crate) fn get(router: &Router, path: &str) -> Answer {
    ask(router, Request::get(path).body(Body::empty()).unwrap())
}

/// `POST`.
pub(crate) fn post(router: &Router, path: &str, body: impl Into<Body>) -> Answer {
    ask(router, Request::post(path).body(body.into()).unwrap())
}

pub(crate) fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

pub(crate) fn record_type(name: &str) -> RecordType {
    RecordType::parse(name).unwrap()
}

pub(crate) fn side_id(id: &str) -> SideId {
    SideId::parse(id).unwrap()
}

pub(crate) fn key(acc: &str, kind: &str, id: &str) -> RecordKey {
    RecordKey::new(account(acc), record_type(kind), CanonicalId::parse(id).unwrap())
}
