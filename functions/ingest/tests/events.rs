//! The door, as a producer sees it.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use http::Request;
use ingest::{App, BODY_MAX_BYTES, EVENTS_MAX, router};
use memory_ports::{Answer, NOW, World, account, ask, get};
use serde_json::{Value as Json, json};
use shared::blob::offload::Offload;
use shared::blob::{self, Blob, BlobRef};
use shared::pubsub::Topic;
use shared::runtime::signature::Signer;

const ACME: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const GLOBEX: &str = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
const STRANGER: &str = "whsec_QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC";

struct Door {
    world: World,
    router: Router,
    sent: std::cell::Cell<u32>,
}

fn door() -> Door {
    let world = World::new();
    let keys = format!("acme={ACME};globex={GLOBEX};initech={STRANGER}").parse().unwrap();
    let app = App {
        ports: world.ports.edge.clone(),
        keys: std::sync::Arc::new(keys),
        offload: Offload { bucket: "bodies".into(), over_bytes: 1_000 },
    };
    Door { router: router(app), world, sent: 0.into() }
}

impl Door {
    fn send(&self, body: &Json) -> Answer {
        self.send_as("acme", ACME, &body.to_string())
    }

    fn send_as(&self, key: &str, secret: &str, body: &str) -> Answer {
        self.sent.set(self.sent.get() + 1);
        let id = format!("msg_{}", self.sent.get());
        ask(&self.router, signed("/ingest/v1/events", &id, key, secret, body))
    }
}

fn signed(path: &str, id: &str, key: &str, secret: &str, body: &str) -> Request<Body> {
    let signature = Signer::parse(secret).unwrap().sign(id, NOW.seconds(), body.as_bytes());
    Request::post(path)
        .header("webhook-id", id)
        .header("webhook-timestamp", NOW.seconds())
        .header("webhook-key-id", key)
        .header("webhook-signature", signature)
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn event(record: &str) -> Json {
    json!({
        "accountId": "acme", "recordType": "customer", "recordId": record, "source": "netsuite-ue",
        "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "payload": {"changes": {"email": "a@b.c"}}
    })
}

fn with(field: &str, value: Json) -> Json {
    let mut event = event("5");
    event[field] = value;
    event
}

#[test]
fn a_good_event_is_on_the_bus_once_it_is_accepted() {
    let door = door();
    let answer = door.send(&event("5"));
    assert_eq!(answer.status, 202);
    let published = door.world.bus.json(Topic::Raw);
    assert_eq!(published.len(), 1);
    assert_eq!(answer.body, json!({"accepted": [published[0]["eventId"]]}));
    assert_eq!(published[0]["orderingKey"], "acme:customer:5");
    let message = &door.world.bus.on(Topic::Raw)[0];
    assert_eq!((&*message.ordering_key, &*message.attributes["source"]), ("acme:customer:5", "netsuite-ue"));
}

#[test]
fn both_paths_and_all_three_shapes_are_taken() {
    let door = door();
    let request = signed("/v1/events", "msg_a", "acme", ACME, &event("5").to_string());
    assert_eq!(ask(&door.router, request).status, 202);
    assert_eq!(door.send(&json!([event("6"), event("7")])).body["accepted"].as_array().unwrap().len(), 2);
    assert_eq!(door.send(&json!({"events": [event("8")]})).status, 202);
    let records: Vec<_> = door.world.bus.json(Topic::Raw).iter().map(|e| e["recordId"].clone()).collect();
    assert_eq!(records, ["5", "6", "7", "8"]);
}

#[test]
fn ten_mebibytes_are_taken_and_one_byte_more_is_not() {
    let door = door();
    let of_size = |size: usize| {
        let bare = event("5").to_string();
        format!("{bare}{}", " ".repeat(size - bare.len()))
    };
    assert_eq!(door.send_as("acme", ACME, &of_size(BODY_MAX_BYTES)).status, 202);
    assert_eq!(door.send_as("acme", ACME, &of_size(BODY_MAX_BYTES + 1)).problem().0, 413);
    assert_eq!(door.world.bus.on(Topic::Raw).len(), 1);
}

#[test]
fn who_is_not_known_changes_nothing() {
    let door = door();
    let body = event("5").to_string();
    assert_eq!(door.send_as("acme", STRANGER, &body).problem().0, 401);
    assert_eq!(door.send_as("nobody", ACME, &body).problem().0, 401);
    let unsigned = Request::post("/v1/events").body(Body::from(body.clone())).unwrap();
    assert_eq!(ask(&door.router, unsigned).problem().0, 401);
    let mut tampered = signed("/v1/events", "m", "acme", ACME, &body);
    *tampered.body_mut() = Body::from(event("6").to_string());
    assert_eq!(ask(&door.router, tampered).problem().0, 401);
    door.world.clock.pass(301_000);
    assert_eq!(door.send_as("acme", ACME, &body).problem().0, 401);
    assert!(door.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn the_key_determines_the_account() {
    let door = door();
    let answer = door.send_as("globex", GLOBEX, &event("5").to_string());
    assert_eq!(answer.problem(), (403, json!("accountId")));
    let answer = door.send_as("globex", GLOBEX, &json!([event("5")]).to_string());
    assert_eq!(answer.problem(), (403, json!("[0].accountId")));
    assert!(door.world.bus.on(Topic::Raw).is_empty());
}

#[test]
fn a_replay_is_refused_for_as_long_as_its_signature_holds() {
    let door = door();
    let body = event("5").to_string();
    let again = || ask(&door.router, signed("/v1/events", "msg_r", "acme", ACME, &body));
    assert_eq!(again().status, 202);
    assert_eq!(again().problem().0, 409);
    door.world.clock.pass(300_999);
    assert_eq!(again().problem().0, 409);
    door.world.clock.pass(1);
    assert_eq!(again().problem().0, 401);
    assert_eq!(door.world.bus.on(Topic::Raw).len(), 1);
    // The id belongs to the account: nobody else's message is taken for a replay.
    let door = self::door();
    let mine = signed("/v1/events", "msg_r", "acme", ACME, &body);
    let other = with("accountId", json!("globex")).to_string();
    let theirs = signed("/v1/events", "msg_r", "globex", GLOBEX, &other);
    assert_eq!(
        (ask(&door.router, mine).status, ask(&door.router, theirs).status),
        (http::StatusCode::ACCEPTED, http::StatusCode::ACCEPTED)
    );
}

#[test]
fn what_is_wrong_is_named() {
    let door = door();
    let no_email = json!({"changes": {"email": {"a": 1}}});
    let bad_date = json!({
        "accountId": "acme", "recordType": "salesorder", "recordId": "5", "source": "suitex",
        "operation": "update", "timestamp": "2026-01-01T00:00:00Z",
        "payload": {"changes": {"order_date": "2026-02-30"}}
    });
    let resolution = json!({"changes": {"email": "x"}, "resolution":
        {"conflictId": "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f", "conflictRevision": 1}});
    for (body, status, field) in [
        (json!("x"), 400, "$"),
        (json!(7), 400, "$"),
        (json!([]), 422, "$"),
        (json!({"events": []}), 422, "events"),
        (json!({"events": {}}), 422, "events"),
        (json!([event("5"), 7]), 422, "[1]"),
        (json!({"events": [event("5"), with("recordId", json!(""))]}), 422, "events[1].recordId"),
        (json!([event("5"), event("5")]), 422, "[1].eventId"),
        (json!(vec![event("5"); EVENTS_MAX + 1]), 422, "$"),
        (json!({}), 422, "accountId"),
        (with("recordType", json!("invoice")), 422, "recordType"),
        (with("source", json!("review")), 403, "source"),
        (with("source", json!("reconcile")), 403, "source"),
        (with("source", json!("excel")), 422, "source"),
        (with("timestamp", json!("2026-02-30T00:00:00Z")), 422, "timestamp"),
        (with("payload", no_email), 422, "payload.changes.email"),
        (bad_date, 422, "payload.changes.order_date"),
        (with("payload", resolution), 422, "payload.resolution"),
        (with("metadata", json!({"payloadRef": "gs://bodies/pinned/acme/aa"})), 422, "metadata.payloadRef"),
        (with("fullSnapshotRef", json!("gs://bodies/pinned/globex/aa")), 422, "fullSnapshotRef"),
        (with("fullSnapshotRef", json!("http://169.254.169.254/")), 422, "fullSnapshotRef"),
        (with("colour", json!("x".repeat(3 << 20))), 422, "$"),
        (json!([event("6"), with("colour", json!("x".repeat(3 << 20)))]), 422, "[1]"),
    ] {
        let text = body.to_string();
        let start: String = text.chars().take(200).collect();
        assert_eq!(door.send(&body).problem(), (status, json!(field)), "{start}");
    }
    assert_eq!(door.send_as("acme", ACME, "{\"accountId\":").problem(), (400, json!("$")));
    assert!(door.world.bus.on(Topic::Raw).is_empty(), "all valid or all refused");
}

#[test]
fn a_signer_without_configuration_is_told_so() {
    let door = door();
    let body = with("accountId", json!("initech")).to_string();
    assert_eq!(door.send_as("initech", STRANGER, &body).problem(), (422, json!("accountId")));
}

#[test]
fn a_large_delta_travels_by_reference() {
    let door = door();
    let comments = "x".repeat(3_000);
    assert_eq!(door.send(&with("payload", json!({"changes": {"comments": comments}}))).status, 202);
    let event = &door.world.bus.json(Topic::Raw)[0];
    assert_eq!(event["payload"], json!({"changes": {}}));
    assert_eq!(
        stored(&door.world, &event["metadata"]["payloadRef"]),
        json!({"changes": {"comments": comments}})
    );
}

#[test]
fn a_large_full_read_becomes_a_snapshot() {
    let door = door();
    let comments = "x".repeat(3_000);
    let payload = json!({"changes": {"comments": comments}, "full": true});
    assert_eq!(door.send(&with("payload", payload)).status, 202);
    let event = &door.world.bus.json(Topic::Raw)[0];
    assert_eq!(event["payload"], json!({"changes": {}, "full": true}));
    assert_eq!(stored(&door.world, &event["fullSnapshotRef"]), json!({"comments": comments}));
}

fn stored(world: &World, reference: &Json) -> Json {
    use futures::FutureExt;
    let at = BlobRef::parse(reference.as_str().unwrap(), "bodies", &account("acme")).unwrap();
    let body = world.blob.get(&at).now_or_never().unwrap().unwrap();
    let blob::Body::Whole(bytes) = body else { panic!("{body:?}") };
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn nothing_is_accepted_that_the_bus_does_not_have() {
    let door = door();
    door.world.bus.down.store(true, Ordering::Relaxed);
    let answer = door.send(&event("5"));
    assert_eq!(answer.problem(), (503, Json::Null));
    assert_eq!(answer.headers["retry-after"], "5");
    door.world.bus.down.store(false, Ordering::Relaxed);
    assert_eq!(door.send(&event("5")).status, 202);
}

#[test]
fn what_happens_at_the_door_is_counted() {
    let door = door();
    door.send(&event("5"));
    door.send(&json!(7));
    let text = door.world.ports.metrics.render();
    assert!(
        text.contains("source=\"netsuite-ue\"} 1") && text.contains("reason=\"bad-request\"} 1"),
        "{text}"
    );
    assert_eq!(get(&door.router, "/v1/events").problem().0, 405);
    assert_eq!(get(&door.router, "/healthz").status, 200);
}
