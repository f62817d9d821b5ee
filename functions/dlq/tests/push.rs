//! What becomes of messages that nobody could take.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::sync::atomic::Ordering;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dlq::{App, UNKNOWN_ACCOUNT, router};
use futures::FutureExt;
use memory_ports::{World, account, get, key, post};
use serde_json::{Value as Json, json};
use shared::domain::id::Side;
use shared::pubsub::Topic;
use shared::state::{ErrorEntry, ErrorStatus, State};

struct Dlq {
    world: World,
    router: Router,
}

fn dlq() -> Dlq {
    let world = World::new();
    Dlq { router: router(App { ports: world.ports.clone() }), world }
}

impl Dlq {
    fn push(&self, path: &str, data: &[u8], attributes: Json) -> u16 {
        let message = json!({"data": STANDARD.encode(data), "messageId": "1", "attributes": attributes});
        let body = json!({"message": message, "subscription": "s"}).to_string();
        post(&self.router, path, body).status.as_u16()
    }

    fn dead(&self, data: &Json) -> u16 {
        self.push("/push/dlq", data.to_string().as_bytes(), json!({}))
    }

    fn errors(&self, of: &str) -> Vec<ErrorEntry> {
        let of = account(of);
        self.world.state.errors(Some(&of), false, None, 100).now_or_never().unwrap().unwrap().items
    }
}

fn event() -> Json {
    json!({
        "eventId": "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f", "accountId": "acme", "recordType": "customer",
        "recordId": "ns-7", "source": "netsuite-ue", "operation": "update", "timestamp": "2026-01-01T00:00:00Z",
        "payload": {"changes": {"email": "a@b.c"}}
    })
}

fn malformed() -> Json {
    let mut event = event();
    event["timestamp"] = json!("yesterday");
    event
}

#[test]
fn a_good_event_is_taken_after_all() {
    let dlq = dlq();
    assert_eq!(dlq.dead(&event()), 204);
    assert_eq!(dlq.world.ledger.len(&account("acme")), 1);
    assert_eq!(dlq.world.state.all_pending(&account("acme")).len(), 1);
    assert!(dlq.errors("acme").is_empty());
}

#[test]
fn a_malformed_event_is_filed_once_and_its_record_locked_once() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    for met in 1..=2 {
        assert_eq!(dlq.dead(&malformed()), 204);
        let errors = dlq.errors("acme");
        assert_eq!((errors.len(), errors[0].attempts, &*errors[0].class), (1, met, "malformed"));
        assert_eq!(errors[0].record.as_ref(), Some(&customer));
        assert_eq!(errors[0].field.as_deref(), Some("timestamp"));
        assert_eq!(errors[0].payload, Some(malformed().to_string()));
        let locks = dlq.world.load(&customer).locks;
        assert_eq!((locks.len(), locks[0].field, locks[0].error), (1, None, errors[0].id));
        assert_eq!(dlq.world.state.all_notices(&account("acme")).len(), 1);
    }
    assert!(dlq.world.ledger.is_empty(&account("acme")));
}

#[test]
fn whatever_it_is_it_is_kept() {
    let dlq = dlq();
    assert_eq!(dlq.push("/push/dlq", &[0xff, 0x00], json!({"account": "acme", "type": "customer"})), 204);
    assert_eq!(dlq.errors("acme")[0].payload.as_deref(), Some("data:;base64,/wA="));
    assert_eq!(post(&dlq.router, "/push/dlq", "no push at all").status, 204);
    assert_eq!(dlq.errors(UNKNOWN_ACCOUNT)[0].payload.as_deref(), Some("no push at all"));
    assert_eq!(dlq.push("/push/error", b"{}", json!({"account": "acme"})), 204);
    assert_eq!(dlq.errors("acme").len(), 2);
}

#[test]
fn a_message_of_two_megabytes_is_taken() {
    let dlq = dlq();
    let data = vec![b'x'; 3 << 20];
    assert_eq!(dlq.push("/push/dlq", &data, json!({"account": "acme"})), 204);
}

#[test]
fn a_reported_error_is_filed_with_a_notice() {
    let dlq = dlq();
    let report = json!({
        "id": "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f", "account": "acme", "record": null, "class": "identity",
        "code": "AMBIGUOUS", "message": "two customers match", "hint": "link one", "field": null, "events": [],
        "payload": null, "attempts": 1, "firstAt": "2026-01-01T00:00:00Z", "lastAt": "2026-01-01T00:00:00Z",
        "status": "open"
    });
    assert_eq!(dlq.push("/push/error", report.to_string().as_bytes(), json!({})), 204);
    assert_eq!(dlq.errors("acme")[0].code, "AMBIGUOUS");
    let notices = dlq.world.state.all_notices(&account("acme"));
    assert_eq!((notices.len(), &*notices[0].text), (1, "acme: two customers match (identity)"));
}

#[test]
fn redrive_unlocks_the_record_and_sends_the_bytes_back() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    let mut record = dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    dlq.world.tell(&mut record, Side::SuiteX, 101, false, &json!({"email": "new@b.c"}));
    dlq.world.store(&record, Vec::new());
    dlq.dead(&malformed());
    let error = dlq.errors("acme").remove(0);
    assert!(dlq.world.load(&customer).is_locked());

    let path = format!("/redrive/{}?actor=ann", error.id);
    let answer = post(&dlq.router, &path, "");
    let event = event()["eventId"].clone();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["targets"], json!(["netsuite"]));
    assert_eq!((&answer.body["events"], &answer.body["republished"]), (&json!([event]), &json!(true)));
    let record = dlq.world.load(&customer);
    assert!(!record.is_locked() && record.sides[Side::NetSuite].due.is_some());
    assert_eq!(dlq.world.bus.json(Topic::Raw), [malformed()]);
    assert_eq!(dlq.world.bus.json(Topic::Merged)[0]["targets"], json!(["netsuite"]));
    assert_eq!(dlq.errors("acme")[0].status, ErrorStatus::Retried);
    let audit = dlq.world.state.audit(&account("acme"));
    assert_eq!((audit.len(), &*audit[0].actor, &*audit[0].action), (1, "ann", "retry"));

    // Again, and it counts nothing twice; failed again, it is open again.
    post(&dlq.router, &path, "");
    assert_eq!(dlq.errors("acme")[0].attempts, 1);
    dlq.dead(&malformed());
    assert_eq!(
        (dlq.errors("acme")[0].status, dlq.world.load(&customer).is_locked()),
        (ErrorStatus::Open, true)
    );
}

#[test]
fn redrive_makes_the_errors_events_pending_again() {
    let dlq = dlq();
    dlq.dead(&event());
    let pending = dlq.world.state.all_pending(&account("acme")).remove(0);
    let error = json!({
        "id": "00000000-0000-4000-8000-000000000001", "account": "acme", "record": null, "class": "waiting",
        "code": "", "message": "", "hint": "", "field": null, "events": [pending.event_id], "payload": null,
        "attempts": 1, "firstAt": "2026-01-01T00:00:00Z", "lastAt": "2026-01-01T00:00:00Z", "status": "open"
    });
    dlq.push("/push/error", error.to_string().as_bytes(), json!({}));
    let acme = account("acme");
    let noted =
        || dlq.world.ports.buffer.take_due(&acme, memory_ports::NOW, 9).now_or_never().unwrap().unwrap();
    assert!(noted().is_empty(), "a second after it came it is due, not before");
    assert_eq!(post(&dlq.router, "/redrive/00000000-0000-4000-8000-000000000001", "").status, 200);
    assert_eq!(noted(), ["customer:netsuite:ns-7"]);
}

#[test]
fn while_the_bus_is_away_nothing_has_been_tried() {
    let dlq = dlq();
    dlq.dead(&malformed());
    dlq.world.bus.down.store(true, Ordering::Relaxed);
    let error = dlq.errors("acme").remove(0);
    assert_eq!(post(&dlq.router, &format!("/redrive/{}", error.id), "").problem().0, 503);
    assert_eq!(dlq.errors("acme")[0].status, ErrorStatus::Open);
}

#[test]
fn bad_requests_are_named() {
    let dlq = dlq();
    assert_eq!(post(&dlq.router, "/redrive/seven", "").problem(), (400, json!("id")));
    let nobody = "/redrive/00000000-0000-4000-8000-000000000001";
    assert_eq!(post(&dlq.router, nobody, "").problem(), (404, Json::Null));
    assert_eq!(get(&dlq.router, "/push/dlq").problem().0, 405);
}
