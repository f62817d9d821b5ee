//! What becomes of an error that is tried again, whoever dies while it is.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dlq::{App, UNKNOWN_ACCOUNT, router};
use futures::FutureExt;
use memory_ports::{NOW, World, account, key, post};
use serde_json::{Value as Json, json};
use shared::domain::event::ChangeEvent;
use shared::domain::id::Side;
use shared::domain::record::{Lock, hold_lock};
use shared::domain::settle::unstorable_error;
use shared::fault::Unavailable;
use shared::intake;
use shared::pubsub::{Message, Publish, Topic};
use shared::redrive::{Redriven, redrive};
use shared::runtime::Ports;
use shared::state::notices::Topic as NoticeTopic;
use shared::state::{Commit, ErrorEntry, ErrorStatus, Place, State};
use uuid::Uuid;

/// A bus that never answers: whoever asks it is given up.
struct Hangs;

#[async_trait]
impl Publish for Hangs {
    async fn publish(&self, _: Topic, _: Vec<Message>) -> Result<(), Unavailable> {
        std::future::pending().await
    }
}

struct Dlq {
    world: World,
    router: Router,
}

fn dlq() -> Dlq {
    let world = World::new();
    Dlq { router: router(App::new(world.ports.clone())), world }
}

impl Dlq {
    fn dead(&self, data: &[u8], attributes: &Json) {
        let message = json!({"data": STANDARD.encode(data), "messageId": "1", "attributes": attributes});
        let body = json!({"message": message, "subscription": "s"}).to_string();
        assert_eq!(post(&self.router, "/push/dlq", body).status, 204);
    }

    /// An error of acme's with these bytes.
    fn file(&self, bytes: &str) -> ErrorEntry {
        let id = Uuid::from_u128(7);
        let mut error = ErrorEntry::open(&account("acme"), id, "malformed", "unreadable", "no", "mend", NOW);
        error.payload = Some(bytes.to_string());
        self.world.commit(Commit { errors: vec![error], ..Commit::new(account("acme")) });
        self.error(id)
    }

    fn error(&self, id: Uuid) -> ErrorEntry {
        self.world.state.error(id).now_or_never().unwrap().unwrap().expect("the error")
    }

    fn only(&self, of: &str) -> ErrorEntry {
        let of = account(of);
        let mut errors =
            self.world.state.errors(Some(&of), false, None, 9).now_or_never().unwrap().unwrap().items;
        assert_eq!(errors.len(), 1);
        errors.remove(0)
    }

    fn tick(&self) -> (u16, Json) {
        let answer = post(&self.router, "/tick", "");
        (answer.status.as_u16(), answer.body["closed"].clone())
    }

    fn sent(&self) -> usize {
        self.world.bus.on(Topic::Raw).len()
    }

    /// Merge takes what is on the bus; nothing is absorbed yet.
    fn take(&self, event: &Json) {
        let event = ChangeEvent::from_slice(event.to_string().as_bytes()).unwrap();
        intake::take(&self.world.ports, vec![event]).now_or_never().unwrap().unwrap();
    }

    fn absorbed(&self, event: &Json) {
        let id = Uuid::parse_str(event["eventId"].as_str().unwrap()).unwrap();
        let places = vec![(id, Place::Applied)];
        self.world.commit(Commit { places, ..Commit::new(account("acme")) });
    }

    fn told(&self, topic: NoticeTopic) -> usize {
        let notices = self.world.state.all_notices(&account("acme"));
        notices.into_iter().filter(|notice| notice.topic == topic).count()
    }
}

fn event() -> Json {
    json!({
        "eventId": "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f", "accountId": "acme", "recordType": "customer",
        "recordId": "ns-7", "source": "netsuite-ue", "operation": "update", "timestamp": "2026-01-01T00:00:00Z",
        "payload": {"changes": {"email": "a@b.c"}}
    })
}

#[test]
fn what_was_not_sent_because_its_sender_died_is_sent_by_the_tick_once() {
    let dlq = dlq();
    let error = dlq.file(&event().to_string());
    let mut dying: Ports = dlq.world.ports.clone();
    dying.edge.publish = Arc::new(Hangs);
    assert!(redrive(&dying, error.id, "ann", None).now_or_never().is_none(), "given up half way");
    let after = dlq.error(error.id);
    assert_eq!((after.status, after.to_send, dlq.sent()), (ErrorStatus::Retried, true, 0));
    assert_eq!(dlq.tick(), (200, json!(0)));
    assert_eq!(dlq.sent(), 0, "its sender may be at it");
    dlq.world.clock.pass(30_000);
    for _ in 0..2 {
        assert_eq!(dlq.tick(), (200, json!(0)), "what is on the bus has not gone through");
        assert_eq!(dlq.world.bus.json(Topic::Raw), [event()]);
    }
    dlq.take(&event());
    assert_eq!(dlq.tick(), (200, json!(0)), "it is taken, and not absorbed");
    dlq.absorbed(&event());
    assert_eq!(dlq.tick(), (200, json!(1)));
    let over = dlq.error(error.id);
    assert_eq!(over.note.as_deref(), Some("closed by itself: it was tried again and went through"));
    assert_eq!(dlq.told(NoticeTopic::Recovered), 1);
}

#[test]
fn a_note_that_it_was_sent_changes_nothing_about_what_has_failed_again() {
    let dlq = dlq();
    dlq.dead(b"{", &json!({"account": "acme"}));
    let error = dlq.only("acme");
    assert!(matches!(
        redrive(&dlq.world.ports, error.id, "ann", None).now_or_never(),
        Some(Ok(Redriven::Tried(_)))
    ));
    let tried = dlq.only("acme");
    dlq.dead(b"{", &json!({"account": "acme"}));
    assert_eq!(dlq.only("acme").status, ErrorStatus::Open);
    shared::redrive::send(&dlq.world.ports, &tried).now_or_never().unwrap().unwrap();
    let again = dlq.only("acme");
    assert_eq!((again.status, again.tried_at), (ErrorStatus::Open, None));
}

#[test]
fn bytes_that_claim_an_id_which_the_ledger_has_had_long_since_prove_nothing() {
    let dlq = dlq();
    dlq.take(&event());
    dlq.absorbed(&event());
    let mut other = event();
    other["payload"]["changes"]["email"] = json!("other@b.c");
    let error = dlq.file(&other.to_string());
    assert_eq!(post(&dlq.router, &format!("/redrive/{}", error.id), "").status, 200);
    dlq.world.clock.pass(60_000);
    assert_eq!(dlq.tick(), (200, json!(0)), "it was another event that was absorbed");
    // And nothing that was absorbed before is absorbed anew.
    let places: Vec<Place> =
        dlq.world.state.all_pending(&account("acme")).into_iter().map(|row| row.place).collect();
    assert_eq!(places, [Place::Applied]);
}

#[test]
fn events_of_no_record_are_over_when_they_are_taken_in() {
    let dlq = dlq();
    dlq.take(&event());
    let id = Uuid::from_u128(9);
    let stuck = Uuid::parse_str(event()["eventId"].as_str().unwrap()).unwrap();
    let mut error =
        ErrorEntry::open(&account("acme"), id, "identity", "DUPLICATE_IDENTITY", "no", "mend", NOW);
    error.events = vec![stuck];
    let places = vec![(stuck, Place::Error(id))];
    dlq.world.commit(Commit { errors: vec![error], places, ..Commit::new(account("acme")) });
    assert_eq!(post(&dlq.router, &format!("/redrive/{id}"), "").status, 200);
    assert_eq!(dlq.tick(), (200, json!(0)), "the ledger had it all the time");
    dlq.absorbed(&event());
    assert_eq!(dlq.tick(), (200, json!(1)));
}

#[test]
fn what_nothing_comes_of_waits_for_a_person_again_with_all_its_past() {
    let dlq = dlq();
    let error = dlq.file("{");
    assert_eq!(post(&dlq.router, &format!("/redrive/{}?why=try", error.id), "").status, 200);
    dlq.world.clock.pass(15 * 60_000);
    assert_eq!(dlq.tick(), (200, json!(0)));
    let open = dlq.error(error.id);
    assert_eq!((open.status, open.first_at), (ErrorStatus::Open, error.first_at));
    assert_eq!(dlq.told(NoticeTopic::Error), 1);
    let audit = dlq.world.state.audit(&account("acme"));
    let told: Vec<_> = audit
        .iter()
        .map(|row| (&*row.actor, &*row.action, &row.details["from"], &row.details["to"]))
        .collect();
    assert_eq!(
        told,
        [
            ("operator", "retry", &json!("open"), &json!("retried")),
            ("dlq", "reopened", &json!("retried"), &json!("open"))
        ]
    );
    assert_eq!(audit[0].details["why"], "try");
    assert!(audit[1].details["why"].as_str().unwrap().contains("nothing"), "{:?}", audit[1]);
}

#[test]
fn where_nothing_is_stuck_nothing_is_tried_and_it_stays_open() {
    let dlq = dlq();
    let id = Uuid::from_u128(9);
    let error = ErrorEntry::open(&account("acme"), id, "brake", "MASS_DELETE", "too many", "see there", NOW);
    dlq.world.commit(Commit { errors: vec![error.clone()], ..Commit::new(account("acme")) });
    assert_eq!(post(&dlq.router, &format!("/redrive/{id}"), "").problem(), (422, json!("id")));
    assert_eq!(dlq.error(id).status, ErrorStatus::Open);
    // One that was retried in vain by an earlier release is seen again.
    let retried = ErrorEntry { status: ErrorStatus::Retried, ..error };
    dlq.world.commit(Commit { errors: vec![retried], ..Commit::new(account("acme")) });
    dlq.world.clock.pass(15 * 60_000);
    dlq.tick();
    assert_eq!(dlq.error(id).status, ErrorStatus::Open);
}

#[test]
fn nobodys_bytes_are_sent_and_seen_again_too() {
    let dlq = dlq();
    dlq.dead(b"{", &json!({}));
    let error = dlq.only(UNKNOWN_ACCOUNT);
    let mut dying: Ports = dlq.world.ports.clone();
    dying.edge.publish = Arc::new(Hangs);
    assert!(redrive(&dying, error.id, "ann", None).now_or_never().is_none());
    dlq.world.clock.pass(60_000);
    dlq.tick();
    assert_eq!(dlq.sent(), 1);
    dlq.world.clock.pass(15 * 60_000);
    dlq.tick();
    assert_eq!(dlq.error(error.id).status, ErrorStatus::Open);
}

#[test]
fn an_error_that_cannot_be_seen_to_keeps_no_other_waiting() {
    let dlq = dlq();
    let unsent = dlq.file(&event().to_string());
    let mut dying: Ports = dlq.world.ports.clone();
    dying.edge.publish = Arc::new(Hangs);
    assert!(redrive(&dying, unsent.id, "ann", None).now_or_never().is_none());
    let customer = key("acme", "customer", "7");
    let record = dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    let id = Uuid::from_u128(8);
    let mut over = ErrorEntry::open(&account("acme"), id, "validation", "X", "no", "mend", NOW);
    over.record = Some(customer);
    let mut locked = record;
    let reason = "no".to_string();
    locked.locks.push(Lock { field: None, error: id, reason, since: NOW });
    let errors = vec![over];
    dlq.world.commit(Commit { record: Some(locked), errors, ..Commit::new(account("acme")) });
    dlq.world.clock.pass(60_000);
    dlq.world.bus.down.store(true, Ordering::Relaxed);
    assert_eq!(dlq.tick(), (503, json!(1)), "the one behind it is closed, and the failure is told");
    assert_eq!(dlq.error(id).status, ErrorStatus::Closed);
    dlq.world.bus.down.store(false, Ordering::Relaxed);
    assert_eq!(dlq.tick().0, 200);
    assert_eq!(dlq.sent(), 1);
}

#[test]
fn who_tries_it_again_ends_what_was_stopped_because_nobody_had() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    let mut record = dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    let id = Uuid::from_u128(8);
    let mut error = ErrorEntry::open(&account("acme"), id, "validation", "X", "no", "mend", NOW);
    error.record = Some(customer.clone());
    for of in [id, hold_lock(id)] {
        record.locks.push(Lock { field: None, error: of, reason: "no".into(), since: NOW });
    }
    let errors = vec![error];
    dlq.world.commit(Commit { record: Some(record), errors, ..Commit::new(account("acme")) });
    assert_eq!(post(&dlq.router, &format!("/redrive/{id}"), "").status, 200);
    assert_eq!(dlq.world.load(&customer).locks, [], "whether or not the watcher looks again");
}

#[test]
fn a_message_about_a_record_that_nobody_knew_is_over_once_that_was_looked_at() {
    let dlq = dlq();
    let mut malformed = event();
    malformed["timestamp"] = json!("yesterday");
    dlq.dead(malformed.to_string().as_bytes(), &json!({}));
    let error = dlq.only("acme");
    assert_eq!(error.record, None);
    dlq.tick();
    assert_eq!(dlq.error(error.id).record, None, "nobody knows it yet");
    let customer = key("acme", "customer", "7");
    dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    assert_eq!(dlq.tick(), (200, json!(0)));
    let (adopted, record) = (dlq.error(error.id), dlq.world.load(&customer));
    assert_eq!((adopted.record.as_ref(), adopted.attempts), (Some(&customer), error.attempts));
    assert!(record.is_locked() && record.sides[Side::NetSuite].wants_read, "what it says may be there");
    assert_eq!(dlq.tick(), (200, json!(0)));
    let mut looked = record;
    looked.sides[Side::NetSuite].wants_read = false;
    dlq.world.store(&looked, Vec::new());
    assert_eq!(dlq.tick(), (200, json!(1)));
    assert!(!dlq.world.load(&customer).is_locked());
}

/// Nobody retries it, for nothing is stuck: the writer looks again by itself.
#[test]
fn what_could_not_be_stored_closes_by_itself_once_it_was_and_says_so() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    let mut record = dlq.world.synced(&customer, json!({"email": "a@b.c"}));
    record.sides.netsuite.wants_read = true;
    dlq.world.store(&record, Vec::new());
    let id = unstorable_error(&customer, Side::NetSuite);
    let mut error =
        ErrorEntry::open(&account("acme"), id, "validation", "NOT_STORABLE", "too long", "mend", NOW);
    error.record = Some(customer.clone());
    dlq.world.commit(Commit { errors: vec![error], ..Commit::new(account("acme")) });
    dlq.world.clock.pass(60_000);
    assert_eq!((dlq.tick(), dlq.error(id).status), ((200, json!(0)), ErrorStatus::Open));
    // The next look is answered with what can be stored.
    let mut record = dlq.world.load(&customer);
    dlq.world.tell(&mut record, Side::NetSuite, 101, true, &json!({"email": "a@b.c"}));
    record.sides.netsuite.wants_read = false;
    dlq.world.store(&record, Vec::new());
    assert_eq!(dlq.tick(), (200, json!(1)));
    let over = dlq.error(id);
    assert_eq!(over.note.as_deref(), Some("closed by itself: what that side holds was stored since"));
    assert_eq!((over.status, dlq.told(NoticeTopic::Recovered)), (ErrorStatus::Closed, 1));
    let audit = dlq.world.state.audit(&account("acme"));
    assert_eq!((audit.len(), audit[0].actor.as_str(), audit[0].action.as_str()), (1, "dlq", "closed"));
}
