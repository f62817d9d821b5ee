//! Notices over a real mail server, a Slack that answers HTTP, and MySQL: each trigger is one mail, one chat message and
//! one notice in the pages; an hour without mail loses none.

mod causes;
mod town;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use http::Request;
use messenger::{Channels, Config};
use mysql::migrate::Schema;
use mysql::state::MysqlState;
use notify::{App, Links};
use real_tests::{Database, address};
use serde_json::Value as Json;
use shared::blob::memory::MemoryBlob;
use shared::buffer::memory::MemoryBuffer;
use shared::domain::conflict::Conflict;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, Timestamp};
use shared::domain::record::{Record, hold_lock};
use shared::domain::surface::SyncConfig;
use shared::pubsub::{Message, Publish};
use shared::runtime::Edge;
use shared::runtime::clock::{BoxFuture, Clock};
use shared::runtime::env::Secret;
use shared::runtime::ids::RandomIds;
use shared::runtime::metrics::Metrics;
use shared::runtime::tasks::{Tasks, TokioSpawn};
use shared::state::desk::Desk;
use shared::state::notices::{Notices, Topic};
use shared::state::{Commit, ErrorEntry, ErrorStatus, Notice, State};
use tower::ServiceExt;
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const START: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;

/// A clock that the test moves.
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }

    fn sleep_until(&self, _: Timestamp) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }
}

/// Nothing is published here.
struct Silent;

#[async_trait::async_trait]
impl Publish for Silent {
    async fn publish(
        &self,
        _: shared::pubsub::Topic,
        _: Vec<Message>,
    ) -> Result<(), shared::fault::Unavailable> {
        Ok(())
    }
}

struct Office {
    state: Arc<MysqlState>,
    clock: Arc<Moved>,
    edge: Edge,
    slack: MockServer,
    /// Nobody else's, so that the tests may share a mail server.
    owner: String,
    database: Database,
}

impl Office {
    async fn new() -> Self {
        Self::with("").await
    }

    /// With more in its configuration, in which OWNER is the owner's address.
    async fn with(more: &str) -> Self {
        let owner = format!("{}@example.com", Uuid::new_v5(&Uuid::NAMESPACE_DNS, unique().as_bytes()));
        let notify =
            format!("[notify]\nowner = {{ email = [\"{owner}\"], slack = [\"ops\"] }}\ninbox_minutes = 0\n");
        let more = more.replace("OWNER", &owner);
        let text = format!("{}\n{notify}{more}", include_str!("../../../../config/sync.toml"));
        let config = Arc::new(SyncConfig::parse(&text).unwrap());
        let database = Database::fresh(Schema::SyncState).await;
        let state = Arc::new(MysqlState::new(database.pool.clone(), Arc::clone(&config)));
        let clock = Arc::new(Moved(AtomicI64::new(START)));
        let edge = Edge {
            config,
            buffer: Arc::new(MemoryBuffer::default()),
            publish: Arc::new(Silent),
            blob: Arc::new(MemoryBlob::default()),
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(RandomIds),
            tasks: Tasks::new(TokioSpawn),
            metrics: Metrics::new("notify"),
        };
        let slack = MockServer::start().await;
        let broken = Mock::given(path("/broken")).respond_with(ResponseTemplate::new(500));
        broken.with_priority(1).mount(&slack).await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&slack).await;
        Self { state, clock, edge, slack, owner, database }
    }

    /// An instance whose mail server is there.
    fn instance(&self, smtp: &str) -> Router {
        let config = Config {
            smtp: Some(Secret::new(smtp)),
            from: "SuiteX Sync <sync@example.com>".into(),
            webhooks: ["ops", "broken"]
                .map(|name| (name.to_string(), Secret::new(format!("{}/{name}", self.slack.uri()))))
                .into(),
        };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        notify::router(App {
            state: Arc::clone(&self.state) as Arc<dyn State>,
            ports: self.edge.clone(),
            messenger: Arc::new(Channels::new(&config, http).unwrap()),
            links: Links { pages: "https://sync.example.com".into(), runbooks: None },
        })
    }

    async fn tick(&self, instance: &Router) {
        self.clock.0.fetch_add(MINUTE_MS, Ordering::Relaxed);
        let request = Request::post("/tick").body(Body::empty()).unwrap();
        let answer = instance.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    /// Tells something of each topic, or `count` errors.
    async fn tell(&self, topic: Topic, count: u128) {
        let (acme, now) = (AccountId::parse("acme").unwrap(), self.clock.now());
        let mut commit = Commit::new(acme.clone());
        commit.notices = (0..count)
            .map(|n| Notice::new(&acme, topic, format!("error:{n}"), topic.as_str(), format!("ü {n}"), now))
            .collect();
        self.state.commit(vec![commit]).await.unwrap();
    }

    /// The mails that the server has for the owner.
    async fn mails(&self) -> Vec<String> {
        let server = address("SYNC_TEST_SMTP").replace("smtp://", "http://");
        let url = format!("{server}/messages?to={}", self.owner);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let found: Json = http.get(url).send().await.unwrap().json().await.unwrap();
        found.as_array().unwrap().iter().map(|mail| mail["raw"].as_str().unwrap().to_string()).collect()
    }

    async fn posts(&self) -> usize {
        self.slack.received_requests().await.unwrap().len()
    }

    async fn shown(&self) -> usize {
        let acme = AccountId::parse("acme").unwrap();
        self.state.notices(&acme, true, None, 2_000).await.unwrap().items.len()
    }
}

/// Another text for each call.
fn unique() -> String {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    format!("{} {}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[tokio::test]
async fn each_topic_is_one_mail_one_chat_message_and_one_notice() {
    let office = Office::new().await;
    let instance = office.instance(&address("SYNC_TEST_SMTP"));
    for topic in Topic::ALL {
        office.tell(*topic, 1).await;
    }
    for _ in 0..3 {
        office.tick(&instance).await;
    }
    let mails = office.mails().await;
    assert_eq!((mails.len(), office.posts().await, office.shown().await), (14, 14, 14));
    for topic in Topic::ALL {
        let runbook = format!("What to do: runbooks/{}.md", topic.as_str());
        assert_eq!(mails.iter().filter(|mail| mail.contains(&runbook)).count(), 1, "{runbook}");
    }
    let ids = mails.iter().filter_map(|mail| mail.lines().find(|line| line.starts_with("Message-ID:")));
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 14, "each its own");
}

#[tokio::test]
async fn a_thousand_repeats_are_one_digest() {
    let office = Office::new().await;
    let instance = office.instance(&address("SYNC_TEST_SMTP"));
    office.tell(Topic::Error, 1_000).await;
    for _ in 0..3 {
        office.tick(&instance).await;
    }
    let mails = office.mails().await;
    assert_eq!((mails.len(), office.posts().await, office.shown().await), (1, 1, 1_000));
    assert!(mails[0].contains("and 980 more"), "{}", mails[0]);
}

#[tokio::test]
async fn an_hour_without_mail_loses_none_and_two_instances_send_none_twice() {
    let office = Office::new().await;
    // Nobody listens there.
    let away = office.instance("smtp://127.0.0.1:1");
    for topic in [Topic::Auth, Topic::Brake, Topic::SlaPast] {
        office.tell(topic, 1).await;
        for _ in 0..20 {
            office.tick(&away).await;
        }
    }
    assert_eq!(office.mails().await.len(), 0);
    let by_chat = office.posts().await;
    assert!(by_chat >= 3, "the chat goes on");
    let (one, other) =
        (office.instance(&address("SYNC_TEST_SMTP")), office.instance(&address("SYNC_TEST_SMTP")));
    for _ in 0..10 {
        tokio::join!(office.tick(&one), office.tick(&other));
    }
    let mails = office.mails().await;
    for headline in
        ["NetSuite refuses our credentials", "a mass change is held back", "a decision is overdue"]
    {
        assert_eq!(mails.iter().filter(|mail| mail.contains(headline)).count(), 1, "{headline}");
    }
}

#[tokio::test]
async fn a_mailbox_that_is_refused_is_tried_again_and_seen() {
    let office = Office::new().await;
    let acme = AccountId::parse("acme").unwrap();
    let instance = office.instance(&address("SYNC_TEST_SMTP"));
    let entry = ErrorEntry::open(&acme, Uuid::nil(), "validation", "X", "no", "mend", office.clock.now());
    let mut commit = Commit::new(acme.clone());
    let assignee = shared::state::notices::Audience::Assignee("refused@example.com".into());
    commit.notices.push(Notice::of_error(&entry, office.clock.now()).to(vec![assignee]));
    office.state.commit(vec![commit]).await.unwrap();
    for _ in 0..3 {
        office.tick(&instance).await;
    }
    use shared::state::deliveries::Deliveries;
    let page = office.state.deliveries(&acme, true, None, 9).await.unwrap();
    let [delivery] = &page.items[..] else { panic!("one is in trouble: {page:?}") };
    assert!(
        delivery.attempts >= 2 && delivery.failure.as_ref().unwrap().contains("no such mailbox"),
        "{delivery:?}"
    );
}

/// A record with a conflict, as a program with this configuration opens it.
async fn conflict(state: &MysqlState, config: &SyncConfig) -> Uuid {
    let (acme, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
    let surface = config.surface(&acme, &kind).unwrap();
    let key = RecordKey::new(acme.clone(), kind, CanonicalId::parse("7").unwrap());
    let mut record = Record::new(key, surface);
    record.alive = true;
    let mut conflict = Conflict {
        id: Uuid::from_u128(7),
        revision: 1,
        opened_at: Timestamp(START),
        due_at: Timestamp(START),
        clashes: Vec::new(),
        deleted_by: Some(Side::SuiteX),
    };
    conflict.set_due(surface);
    record.conflict = Some(conflict);
    state.commit(vec![Commit { record: Some(record), ..Commit::new(acme) }]).await.unwrap();
    Uuid::from_u128(7)
}

#[tokio::test]
async fn what_was_filed_without_its_time_or_under_another_is_filed_anew() {
    let mut office = Office::new().await;
    let (acme, day) = (AccountId::parse("acme").unwrap(), 24 * 60 * MINUTE_MS);
    let id = conflict(&office.state, &office.edge.config).await;
    let due = async |state: &MysqlState| {
        let filed = state.conflict_of(std::slice::from_ref(&acme), id).await.unwrap().expect("it is filed");
        filed.due_at.0 - START
    };
    assert_eq!(due(&office.state).await, day);
    // As a program before the inbox had times would have left it.
    sqlx::query("update conflicts set opened_at = 0, due_at = 0")
        .execute(&office.database.pool)
        .await
        .unwrap();
    let instance = office.instance("smtp://127.0.0.1:1");
    office.tick(&instance).await;
    assert_eq!(due(&office.state).await, day);
    assert_eq!(office.shown().await, 0, "nobody is told that it is overdue");

    // Another time is agreed, and deployed.
    let text = include_str!("../../../../config/sync.toml");
    let text = text.replace("[type.customer]\n", "[type.customer]\nsla_hours = 12\n");
    let config = Arc::new(SyncConfig::parse(&text).unwrap());
    office.state = Arc::new(MysqlState::new(office.database.pool.clone(), Arc::clone(&config)));
    office.edge.config = config;
    let instance = office.instance("smtp://127.0.0.1:1");
    office.tick(&instance).await;
    assert_eq!(due(&office.state).await, day / 2);
}

#[tokio::test]
async fn what_cannot_be_read_when_its_hold_ends_is_let_go_once_it_can() {
    let office = Office::with("on_breach = \"read_only_field\"\n").await;
    let (acme, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
    let key = RecordKey::new(acme.clone(), kind.clone(), CanonicalId::parse("8").unwrap());
    let surface = office.edge.config.surface(&acme, &kind).unwrap();
    let mut record = Record::new(key.clone(), surface);
    record.alive = true;
    let (id, now) = (Uuid::from_u128(8), office.clock.now());
    let mut error = ErrorEntry::open(&acme, id, "validation", "INVALID", "no", "mend it", now);
    error.record = Some(key.clone());
    let file = async |error: &ErrorEntry, record: Option<Record>| {
        let commit = Commit { record, errors: vec![error.clone()], ..Commit::new(acme.clone()) };
        office.state.commit(vec![commit]).await.unwrap();
    };
    file(&error, Some(record)).await;
    let store = async |text: &str| {
        let stored = sqlx::query("update current_state set state = ?").bind(text.to_string());
        stored.execute(&office.database.pool).await.unwrap();
    };
    let is_held = async || {
        let stored = office.state.load(std::slice::from_ref(&key)).await.unwrap().pop().flatten().unwrap();
        stored.locks.iter().any(|lock| lock.error == hold_lock(id))
    };
    let instance = office.instance("smtp://127.0.0.1:1");
    office.clock.0.fetch_add(25 * 60 * MINUTE_MS, Ordering::Relaxed);
    office.tick(&instance).await;
    assert!(is_held().await);

    let text: String =
        sqlx::query_scalar("select state from current_state").fetch_one(&office.database.pool).await.unwrap();
    store("{").await;
    error.status = ErrorStatus::Closed;
    file(&error, None).await;
    office.tick(&instance).await;
    store(&text).await;
    assert!(is_held().await, "as it was when it could not be read");
    office.tick(&instance).await;
    assert!(!is_held().await);
}
