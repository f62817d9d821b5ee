//! The relay over a tenant database that keeps its rows in a list.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use futures::FutureExt;
use memory_ports::{NOW, World, account, get, post};
use outbox::{App, router};
use serde_json::{Map, Value as Json, json};
use shared::blob::offload::Offload;
use shared::blob::{BlobRef, Body};
use shared::domain::id::AccountId;
use shared::fault::Unavailable;
use shared::pubsub::Topic;
use shared::suitex::{Applied, By, Change, Look, OutboxPage, OutboxRow, Tenants};

#[derive(Default)]
struct Rows {
    undispatched: Mutex<BTreeMap<AccountId, Vec<OutboxRow>>>,
    down: Mutex<Option<AccountId>>,
    /// Whether each row is so large that it comes alone.
    are_large: AtomicBool,
}

#[async_trait]
impl Tenants for Rows {
    async fn read(&self, _: &AccountId, _: &str, _: By<'_>) -> Result<Look, Unavailable> {
        unreachable!("a relay reads no record")
    }

    async fn apply(&self, _: &AccountId, _: &str, _: uuid::Uuid, _: &Change) -> Result<Applied, Unavailable> {
        unreachable!("a relay writes no record")
    }

    async fn outbox(&self, account: &AccountId, limit: usize) -> Result<OutboxPage, Unavailable> {
        if self.down.lock().unwrap().as_ref() == Some(account) {
            return Err(Unavailable::new("suitex", "away"));
        }
        let rows = self.undispatched.lock().unwrap();
        let limit = if self.are_large.load(Ordering::Relaxed) { 1 } else { limit };
        let all = rows.get(account).map(Vec::as_slice).unwrap_or_default();
        Ok(OutboxPage { rows: all.iter().take(limit).cloned().collect(), has_more: all.len() > limit })
    }

    async fn dispatched(&self, account: &AccountId, seqs: &[u64]) -> Result<(), Unavailable> {
        let mut rows = self.undispatched.lock().unwrap();
        rows.get_mut(account).unwrap().retain(|row| !seqs.contains(&row.seq));
        Ok(())
    }
}

struct Relay {
    world: World,
    rows: Arc<Rows>,
    router: Router,
}

fn relay(batch: usize) -> Relay {
    let world = World::new();
    let rows = Arc::new(Rows::default());
    let app = App {
        ports: world.ports.edge.clone(),
        tenants: rows.clone(),
        batch,
        offload: Offload { bucket: "bodies".into(), over_bytes: 1_000 },
    };
    Relay { router: router(app), world, rows }
}

impl Relay {
    fn edits(&self, of: &str, rows: impl IntoIterator<Item = OutboxRow>) {
        self.rows.undispatched.lock().unwrap().entry(account(of)).or_default().extend(rows);
    }

    fn left(&self, of: &str) -> usize {
        self.rows.undispatched.lock().unwrap().get(&account(of)).map_or(0, Vec::len)
    }

    fn published(&self) -> Vec<Json> {
        self.world.bus.json(Topic::Raw).into_iter().map(|e| e["recordId"].clone()).collect()
    }
}

fn row(seq: u64, table: &str) -> OutboxRow {
    let json = json!({
        "seq": seq, "table": table, "id": seq.to_string(), "sync_id": null, "operation": "update", "revision": 1,
        "changes": {"email": "new"}, "previous": {}, "at": "2026-01-01T00:00:00Z", "actor": "ann"
    });
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_tick_relays_every_accounts_rows_in_order_however_many() {
    let relay = relay(2);
    relay.edits("acme", (1..=5).map(|seq| row(seq, "customers")));
    relay.edits("globex", [row(9, "items")]);
    let answer = post(&relay.router, "/tick", "");
    assert_eq!((answer.status.as_u16(), answer.body), (200, json!({"relayed": 6})));
    assert_eq!(relay.published(), ["1", "2", "3", "4", "5", "9"]);
    assert_eq!(relay.left("acme") + relay.left("globex"), 0);
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 0}));
}

#[test]
fn what_is_too_large_to_travel_goes_by_the_bucket() {
    let relay = relay(10);
    let large = Map::from_iter([("email".to_string(), Json::from("x".repeat(2_000)))]);
    relay.edits("acme", [OutboxRow { changes: large.clone(), ..row(1, "customers") }, row(2, "customers")]);
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 2}));
    let events = relay.world.bus.json(Topic::Raw);
    assert_eq!((events[0]["payload"]["changes"].clone(), events.len()), (json!({}), 2));
    let at = events[0]["metadata"]["payloadRef"].as_str().expect("a reference");
    let at = BlobRef::parse(at, "bodies", &account("acme")).unwrap();
    let Body::Whole(body) = relay.world.ports.blob.get(&at).now_or_never().unwrap().unwrap() else {
        panic!("no body")
    };
    let body: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["changes"], Json::Object(large));
}

#[test]
fn rows_that_come_one_by_one_because_they_are_large_are_all_relayed() {
    let relay = relay(10);
    relay.rows.are_large.store(true, Ordering::Relaxed);
    relay.edits("acme", (1..=3).map(|seq| row(seq, "customers")));
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 3}));
    assert_eq!((relay.published(), relay.left("acme")), (vec![json!("1"), json!("2"), json!("3")], 0));
}

#[test]
fn a_tick_for_one_account_leaves_the_others_alone() {
    let relay = relay(10);
    relay.edits("acme", [row(1, "customers")]);
    relay.edits("globex", [row(2, "customers")]);
    assert_eq!(post(&relay.router, "/tick?account=globex", "").body, json!({"relayed": 1}));
    assert_eq!((relay.left("acme"), relay.left("globex")), (1, 0));
}

#[test]
fn a_poke_answers_first_and_relays_then() {
    let relay = relay(10);
    relay.edits("acme", [row(1, "customers")]);
    assert_eq!(post(&relay.router, "/poke?account=acme", "").status, 202);
    assert!(relay.published().is_empty());
    relay.world.run_background();
    assert_eq!(relay.published(), ["1"]);
}

#[test]
fn rows_that_tell_nothing_do_not_travel_and_do_not_stay() {
    let relay = relay(10);
    relay.edits("acme", [row(1, "sessions"), row(2, "customers")]);
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 1}));
    assert_eq!(relay.left("acme"), 0);
    assert!(relay.world.ports.metrics.render().contains("reason=\"not_synced\"} 1"));
}

#[test]
fn a_row_that_can_never_be_an_event_goes_to_the_dead_letters() {
    let relay = relay(10);
    relay.edits("acme", [OutboxRow { id: "a:b".into(), ..row(1, "customers") }, row(2, "customers")]);
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 1}));
    let dead = relay.world.bus.on(Topic::DeadLetter);
    assert_eq!((dead.len(), &*dead[0].attributes["account"]), (1, "acme"));
    assert_eq!(relay.left("acme"), 0);
}

#[test]
fn an_edit_that_is_too_large_to_be_stored_is_a_persons_and_the_rest_goes_on() {
    let relay = relay(10);
    let of = |bytes: usize| Map::from_iter([("email".to_string(), Json::from("x".repeat(bytes)))]);
    let half = 17 * 1_024 * 1_024;
    let huge = OutboxRow { changes: of(half), previous: of(half), ..row(1, "customers") };
    let created = OutboxRow { operation: "create".into(), changes: of(2 * half), ..row(2, "customers") };
    // An id that is none: its row would be stored whole, but for its size.
    let stranger = OutboxRow { id: "a:b".into(), changes: of(2 * half), ..row(3, "customers") };
    let large = OutboxRow { changes: of(half), ..row(4, "customers") };
    relay.edits("acme", [huge, created, stranger, large, row(5, "customers")]);
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 2}));
    assert_eq!((relay.published(), relay.left("acme")), (vec![json!("4"), json!("5")], 0));
    let dead = relay.world.bus.on(Topic::DeadLetter);
    assert_eq!(dead.len(), 3);
    let told: Json = serde_json::from_slice(&dead[0].data).unwrap();
    assert_eq!((&told["seq"], &told["table"], &told["id"]), (&json!(1), &json!("customers"), &json!("1")));
    assert_eq!((&told["operation"], &told["columns"]), (&json!("update"), &json!(["email"])));
    assert!(told["bytes"].as_u64().unwrap() > 2 * half as u64 && dead[0].data.len() < 1_000, "no values");
    for row in &dead[..2] {
        assert!(row.attributes["reason"].contains("can be stored"), "{}", row.attributes["reason"]);
    }
}

#[test]
fn nothing_is_dispatched_that_the_bus_does_not_have() {
    let relay = relay(10);
    relay.edits("acme", [row(1, "customers")]);
    relay.world.bus.down.store(true, std::sync::atomic::Ordering::Relaxed);
    let answer = post(&relay.router, "/tick", "");
    assert_eq!((answer.problem().0, &answer.body["accounts"]), (503, &json!(["acme"])));
    assert_eq!(relay.left("acme"), 1);
}

#[test]
fn an_account_that_is_away_does_not_keep_the_others_waiting() {
    let relay = relay(10);
    relay.edits("globex", [row(1, "customers")]);
    *relay.rows.down.lock().unwrap() = Some(account("acme"));
    let answer = post(&relay.router, "/tick", "");
    assert_eq!((answer.problem().0, &answer.body["relayed"]), (503, &json!(1)));
    assert_eq!(relay.published(), ["1"]);
}

#[test]
fn one_relay_at_a_time_and_a_crashed_one_is_replaced() {
    let relay = relay(10);
    relay.edits("acme", [row(1, "customers")]);
    let acme = account("acme");
    let other = relay.world.ports.buffer.lease(&acme, "outbox", "other", NOW, NOW.plus(30_000));
    assert!(other.now_or_never().unwrap().unwrap());
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 0}));
    relay.world.clock.pass(30_000);
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 1}));
}

#[test]
fn a_stopping_process_relays_no_more() {
    let relay = relay(10);
    relay.edits("acme", [row(1, "customers")]);
    relay.world.ports.tasks.stop();
    assert_eq!(post(&relay.router, "/tick", "").body, json!({"relayed": 0}));
    assert_eq!(relay.left("acme"), 1);
}

#[test]
fn bad_requests_are_named() {
    let relay = relay(10);
    for (path, status) in [("/tick?account=nobody", 404), ("/poke?account=a:b", 404), ("/poke", 400)] {
        assert_eq!(post(&relay.router, path, "").problem(), (status, json!("account")), "{path}");
    }
    assert_eq!(get(&relay.router, "/tick").problem().0, 405);
}
