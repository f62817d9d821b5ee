//! One record whose row cannot be read, among ten, in a real MySQL: the other nine go on, in merge and in a writer; of the
//! tenth a person is told, and it goes on once its row can be read again.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use local::suitex::SuiteX;
use merge::App;
use mysql::migrate::Schema;
use mysql::state::MysqlState;
use real_tests::Database;
use serde_json::{Map, Value as Json, json};
use shared::blob::memory::MemoryBlob;
use shared::buffer::memory::MemoryBuffer;
use shared::domain::id::{AccountId, RecordType, Side, SideId};
use shared::domain::surface::SyncConfig;
use shared::fault::Unavailable;
use shared::ledger::memory::MemoryLedger;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::clock::SystemClock;
use shared::runtime::ids::RandomIds;
use shared::runtime::metrics::Metrics;
use shared::runtime::tasks::{Tasks, TokioSpawn};
use shared::runtime::{Edge, Ports};
use shared::state::{ErrorEntry, ErrorStatus, Link, Place, State};
use shared::writer::Writer;
use sqlx::Executor;
use tower::ServiceExt;
use uuid::Uuid;

/// Records, the last of which is spoilt.
const RECORDS: u128 = 10;

/// Nothing is published here: what messages wake is woken by ticks.
struct Silent;

#[async_trait::async_trait]
impl Publish for Silent {
    async fn publish(&self, _: Topic, _: Vec<Message>) -> Result<(), Unavailable> {
        Ok(())
    }
}

/// merge, sx-writer and dlq over one MySQL, and a SuiteX to write to.
struct World {
    database: Database,
    state: Arc<MysqlState>,
    suitex: Arc<SuiteX>,
    merge: Router,
    writer: Router,
    dlq: Router,
    tasks: Tasks,
}

impl World {
    async fn new() -> Self {
        let text = include_str!("../../../../config/sync.toml");
        let text = text.replace("quiet_ms = 1000 ", "quiet_ms = 50 ");
        let config = Arc::new(SyncConfig::parse(&text).expect("the product's own configuration"));
        let database = Database::fresh(Schema::SyncState).await;
        let state = Arc::new(MysqlState::new(database.pool.clone(), Arc::clone(&config)));
        let suitex = SuiteX::new(Arc::clone(&config), Arc::new(SystemClock));
        let tasks = Tasks::new(TokioSpawn);
        let edge = Edge {
            config,
            buffer: Arc::new(MemoryBuffer::default()),
            publish: Arc::new(Silent),
            blob: Arc::new(MemoryBlob::default()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            tasks: tasks.clone(),
            metrics: Metrics::new("test"),
        };
        let ports = Ports { state: Arc::clone(&state) as _, ledger: Arc::new(MemoryLedger::default()), edge };
        let target = Arc::new(sx_writer::SuiteX { tenants: Arc::clone(&suitex) as _ });
        Self {
            merge: merge::router(App { ports: ports.clone(), blob_bucket: "bodies".into() }),
            writer: sx_writer::router(sx_writer::App { writer: Writer { ports: ports.clone(), target } }),
            dlq: dlq::router(dlq::App::new(ports)),
            database,
            state,
            suitex,
            tasks,
        }
    }

    async fn post(&self, router: &Router, path: &str, body: String) {
        let request = Request::post(path).body(Body::from(body)).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// NetSuite tells of a save of customer `n`.
    async fn told(&self, operation: &str, event: u128, n: u128, changes: Json) {
        let event = json!({
            "eventId": Uuid::from_u128(event), "accountId": "acme", "recordType": "customer",
            "recordId": ns(n).as_str(), "source": "netsuite-ue", "operation": operation,
            "timestamp": format!("2026-01-01T00:00:{:02}Z", event / 100), "revision": 1_767_225_600 + event / 100,
            "payload": { "changes": changes, "full": operation == "create" }
        });
        let message = json!({"data": STANDARD.encode(event.to_string()), "messageId": "1", "attributes": {}});
        self.post(&self.merge, "/push", json!({"message": message, "subscription": "s"}).to_string()).await;
    }

    /// Ticks, and waits until nobody has anything to do.
    async fn settle(&self) {
        for router in [&self.merge, &self.writer] {
            self.post(router, "/tick?account=acme", String::new()).await;
            for _ in 0..600 {
                rest(50).await;
                if !self.tasks.is_busy() {
                    break;
                }
            }
            assert!(!self.tasks.is_busy(), "somebody does not come to an end");
        }
    }

    async fn spoil(&self, n: u128, sql: &str) {
        let link = self.link(n).await;
        let sql = format!("update current_state set {sql} where record_id = '{}'", link.canonical);
        let done = self.database.pool.execute(sqlx::AssertSqlSafe(sql)).await.expect("the row");
        assert_eq!(done.rows_affected(), 1);
    }

    async fn link(&self, n: u128) -> Link {
        let asked = [(customer(), Side::NetSuite, ns(n))];
        self.state.links(&acme(), &asked).await.expect("the state").remove(0).expect("a link")
    }

    /// SuiteX's phone numbers, sorted.
    fn phones(&self) -> Vec<String> {
        let phone = |values: &Map<String, Json>| values["phone"].as_str().unwrap_or_default().to_string();
        let mut all: Vec<String> =
            self.suitex.all(&acme(), "customers").iter().map(|row| phone(&row.values)).collect();
        all.sort();
        all
    }

    async fn places(&self, events: std::ops::Range<u128>) -> Vec<Place> {
        let events: Vec<Uuid> = events.map(Uuid::from_u128).collect();
        let places = self.state.places(&acme(), &events).await.expect("the state");
        places.into_iter().map(|place| place.expect("a place")).collect()
    }

    async fn errors(&self) -> Vec<ErrorEntry> {
        self.state.errors(Some(&acme()), false, None, 100).await.expect("the state").items
    }
}

fn acme() -> AccountId {
    AccountId::parse("acme").expect("an account's name")
}

fn customer() -> RecordType {
    RecordType::parse("customer").expect("a type's name")
}

fn ns(n: u128) -> SideId {
    SideId::parse(&(1_000 + n).to_string()).expect("an id")
}

/// So many times this phone number, and the others.
fn expected(new: usize, others: &[&str]) -> Vec<String> {
    let mut all = vec!["new".to_string(); new];
    all.extend(others.iter().map(ToString::to_string));
    all.sort();
    all
}

#[expect(clippy::disallowed_methods, reason = "a real database runs on the machine's own clock")]
async fn rest(millis: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
}

/// Ten customers that both sides have.
async fn ten() -> World {
    let world = World::new().await;
    for n in 0..RECORDS {
        let values =
            json!({"companyname": format!("C{n}"), "email": format!("c{n}@x.example"), "phone": "old"});
        world.told("create", 100 + n, n, values).await;
    }
    world.settle().await;
    assert_eq!(world.phones(), vec!["old"; RECORDS as usize], "{:?}", world.suitex.all(&acme(), "customers"));
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_stops_its_own_record_alone() {
    let world = ten().await;
    let last = RECORDS - 1;
    let key = world.link(last).await.canonical;
    world.spoil(last, "suitex_side = concat('{', suitex_side)").await;
    for n in 0..RECORDS {
        world.told("update", 200 + n, n, json!({"phone": "new"})).await;
    }
    world.settle().await;

    // Nine are absorbed and written; the tenth's event is the error's.
    assert_eq!(world.phones(), expected(9, &["old"]));
    assert_eq!(world.places(200..200 + last).await, vec![Place::Applied; last as usize]);
    let errors = world.errors().await;
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert_eq!((&*error.code, error.status), ("UNREADABLE", ErrorStatus::Open));
    assert_eq!(error.record.as_ref().map(|key| &key.id), Some(&key));
    assert!(error.message.contains(key.as_str()) && error.message.contains("its side"), "{}", error.message);
    assert_eq!(error.events, [Uuid::from_u128(200 + last)]);
    assert_eq!(world.places(200 + last..201 + last).await, [Place::Error(error.id)]);

    // Nor does it stop the pages, or make anything of the row.
    let page = world.state.records(&acme(), None, None, 100).await.expect("a page");
    assert_eq!(page.items.len(), RECORDS as usize);
    world.post(&world.dlq, "/tick?account=acme", String::new()).await;
    assert_eq!(world.errors().await[0].status, ErrorStatus::Open, "it cannot be read yet");

    world.spoil(last, "suitex_side = substring(suitex_side, 2)").await;
    world.post(&world.dlq, "/tick?account=acme", String::new()).await;
    world.settle().await;
    assert_eq!(world.phones(), expected(10, &[]));
    assert_eq!(world.places(200 + last..201 + last).await, [Place::Applied]);
    world.post(&world.dlq, "/tick?account=acme", String::new()).await;
    let open = world.errors().await.into_iter().filter(|error| error.status != ErrorStatus::Closed);
    assert_eq!(open.count(), 0, "it is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_passes_over_what_it_cannot_read() {
    let world = ten().await;
    for n in 0..RECORDS {
        world.told("update", 200 + n, n, json!({"phone": "new"})).await;
    }
    // Absorbed, and not written: the writer is not woken by the message that nobody carries.
    world.post(&world.merge, "/tick?account=acme", String::new()).await;
    while world.places(200..200 + RECORDS).await.iter().any(|place| *place != Place::Applied) {
        rest(50).await;
    }
    world.spoil(3, "format = format + 1").await;
    world.settle().await;
    assert_eq!(world.phones(), expected(9, &["old"]));
    let errors = world.errors().await;
    let [error] = &errors[..] else { panic!("{errors:?}") };
    assert_eq!(error.record.as_ref().map(|key| &key.id), Some(&world.link(3).await.canonical));
    assert!(error.message.contains("its format is 2"), "{}", error.message);
    // Once is enough, however often the tick comes.
    world.settle().await;
    assert_eq!(world.errors().await[0].attempts, 1);

    // The release that knows the format has been deployed.
    world.spoil(3, "format = format - 1").await;
    world.settle().await;
    assert_eq!(world.phones(), expected(10, &[]));
    world.post(&world.dlq, "/tick?account=acme", String::new()).await;
    let open = world.errors().await.into_iter().filter(|error| error.status != ErrorStatus::Closed);
    assert_eq!(open.count(), 0, "it is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_later_release_has_added_is_passed_over() {
    let world = ten().await;
    for side in ["netsuite_side", "suitex_side"] {
        world.spoil(0, &format!("{side} = concat('{{\"mood\":[1],', substring({side}, 2))")).await;
    }
    world.told("update", 200, 0, json!({"phone": "new"})).await;
    world.settle().await;
    assert_eq!(world.phones(), expected(1, &["old"; 9]));
    assert_eq!((world.places(200..201).await, world.errors().await.len()), (vec![Place::Applied], 0));
}
