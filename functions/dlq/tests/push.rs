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
use shared::domain::record::Lock;
use shared::pubsub::Topic;
use shared::redrive::{Dismissed, Edited, dismiss, redrive_edited};
use shared::state::notices::Topic as NoticeTopic;
use shared::state::{
    Commit, ErrorEntry, ErrorStatus, HistoryDecision, HistoryRow, PendingRow, Place, State, Subject,
};
use uuid::Uuid;

struct Dlq {
    world: World,
    router: Router,
}

fn dlq() -> Dlq {
    let world = World::new();
    Dlq { router: router(App::new(world.ports.clone())), world }
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

impl Dlq {
    fn tick(&self) -> (Json, Json) {
        let answer = post(&self.router, "/tick", "");
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer.body["closed"].clone(), answer.body["tried"].clone())
    }

    fn edit(&self, error: Uuid, edited: Json) -> Edited {
        redrive_edited(&self.world.ports, error, edited, "rita", "a typo").now_or_never().unwrap().unwrap()
    }

    fn topics(&self) -> Vec<NoticeTopic> {
        let mut notices = self.world.state.all_notices(&account("acme"));
        notices.sort_by_key(|notice| (notice.at, notice.topic));
        notices.into_iter().map(|notice| notice.topic).collect()
    }
}

#[test]
fn an_edit_goes_on_the_bus_as_an_event_of_its_own_and_the_original_stays() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    dlq.dead(&malformed());
    let error = dlq.errors("acme").remove(0);
    assert!(dlq.world.load(&customer).is_locked());

    assert_eq!(dlq.edit(Uuid::nil(), event()), Edited::NoSuchError);
    let wrong = dlq.edit(error.id, malformed());
    assert!(matches!(wrong, Edited::Refused(ref wrong) if wrong.field == "timestamp"), "{wrong:?}");
    assert!(
        dlq.world.load(&customer).is_locked() && dlq.world.bus.json(Topic::Raw).is_empty(),
        "nothing changed"
    );

    let Edited::Sent { event: id, tried } = dlq.edit(error.id, event()) else { panic!("it can be sent") };
    assert_eq!((tried.record.as_ref(), tried.republished), (Some(&customer), true));
    let sent = dlq.world.bus.json(Topic::Raw).remove(0);
    assert_eq!((&sent["eventId"], &sent["authContext"]["actor"]), (&json!(id), &json!("rita")));
    assert_eq!(sent["metadata"]["editOf"]["error"], json!(error.id));
    let after = dlq.errors("acme").remove(0);
    assert_eq!(
        (after.status, after.edits, after.payload),
        (ErrorStatus::Retried, vec![id], error.payload.clone())
    );
    assert!(!dlq.world.load(&customer).is_locked());
    let audit = dlq.world.state.audit(&account("acme"));
    assert_eq!((&*audit[0].action, &*audit[0].actor), ("retry_edited", "rita"));
    assert_eq!((&audit[0].details["why"], &audit[0].details["event"]), (&json!("a typo"), &json!(id)));

    // A double click is the same event.
    assert!(matches!(dlq.edit(error.id, event()), Edited::Sent { event, .. } if event == id));
    assert_eq!(dlq.errors("acme")[0].edits, [id]);
}

#[test]
fn a_dismissed_error_is_closed_with_its_reason_and_frees_the_record() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    dlq.dead(&malformed());
    let error = dlq.errors("acme").remove(0);
    let dismiss =
        |reason: &str| dismiss(&dlq.world.ports, error.id, "rita", reason).now_or_never().unwrap().unwrap();
    assert!(matches!(dismiss(" "), Dismissed::Refused(ref wrong) if wrong.field == "reason"));
    assert!(matches!(dismiss("a test message"), Dismissed::Closed(_)));
    let after = dlq.errors("acme").remove(0);
    assert_eq!(after.status, ErrorStatus::Closed);
    assert_eq!(after.note.as_deref(), Some("dismissed by rita: a test message"));
    assert!(!dlq.world.load(&customer).is_locked());
    assert!(matches!(dismiss("again"), Dismissed::Closed(_)));
    let audit = dlq.world.state.audit(&account("acme"));
    assert_eq!(audit.iter().filter(|row| row.action == "dismiss").count(), 1, "a double click is one");
    dlq.dead(&malformed());
    assert_eq!(dlq.errors("acme")[0].status, ErrorStatus::Open, "what comes again is open again");
}

#[test]
fn who_dismisses_an_error_ends_its_own_events_alone() {
    let dlq = dlq();
    let events = [1, 2, 3].map(Uuid::from_u128);
    let row = |event_id| PendingRow {
        account: account("acme"),
        record_type: memory_ports::record_type("customer"),
        subject: Subject::Side(Side::SuiteX, memory_ports::side_id("s7")),
        event_id,
        arrived_at: memory_ports::NOW,
        place: Place::Pending { due_at: memory_ports::NOW },
    };
    dlq.world.state.enqueue(events.map(row).to_vec()).now_or_never().unwrap().unwrap();
    let (id, now) = (Uuid::from_u128(9), memory_ports::NOW);
    let mut error = ErrorEntry::open(&account("acme"), id, "identity", "X", "no", "mend", now);
    error.events = events.to_vec();
    let mut commit = Commit::new(account("acme"));
    commit.errors = vec![error];
    // One is stuck in it; one was tried again and waits for its turn; one waits for a person in a conflict.
    let conflict = Uuid::from_u128(8);
    commit.places = vec![(events[0], Place::Error(id)), (events[2], Place::Conflict(conflict))];
    dlq.world.commit(commit);
    let dismissed = dismiss(&dlq.world.ports, id, "rita", "a test").now_or_never().unwrap().unwrap();
    assert!(matches!(dismissed, Dismissed::Closed(_)));
    let places: Vec<Place> =
        dlq.world.state.all_pending(&account("acme")).into_iter().map(|row| row.place).collect();
    assert_eq!(places, [Place::Superseded, Place::Pending { due_at: now }, Place::Conflict(conflict)]);
}

#[test]
fn an_error_that_was_closed_and_is_tried_again_has_not_waited_until_now() {
    let dlq = dlq();
    dlq.dead(&malformed());
    let error = dlq.errors("acme").remove(0);
    let dismissed = dismiss(&dlq.world.ports, error.id, "rita", "a test").now_or_never().unwrap().unwrap();
    assert!(matches!(dismissed, Dismissed::Closed(_)));
    assert_eq!(dlq.errors("acme")[0].first_at, error.first_at);
    dlq.world.clock.pass(7_000);
    let path = format!("/redrive/{}", error.id);
    assert_eq!(post(&dlq.router, &path, "").status, 200);
    let tried = dlq.errors("acme").remove(0);
    assert_eq!((tried.status, tried.first_at), (ErrorStatus::Retried, error.first_at.plus(7_000)));
    dlq.world.clock.pass(7_000);
    dlq.dead(&malformed());
    let again = dlq.errors("acme").remove(0);
    assert_eq!((again.status, again.first_at), (ErrorStatus::Open, error.first_at.plus(7_000)));
}

#[test]
fn an_error_that_was_closed_and_is_met_again_is_told_again_and_its_repeats_are_not() {
    let dlq = dlq();
    let told = || {
        let notices = dlq.world.state.all_notices(&account("acme"));
        notices.iter().filter(|notice| notice.topic == NoticeTopic::Error).count()
    };
    let again = |times: usize| {
        for _ in 0..times {
            dlq.world.clock.pass(1_000);
            dlq.dead(&malformed());
        }
    };
    again(10);
    assert_eq!(told(), 1);
    let error = dlq.errors("acme").remove(0);
    for round in 2..4 {
        let dismissed =
            dismiss(&dlq.world.ports, error.id, "rita", "a test").now_or_never().unwrap().unwrap();
        assert!(matches!(dismissed, Dismissed::Closed(_)));
        again(10);
        assert_eq!(told(), round, "the same day");
    }
    dlq.world.clock.pass(86_400_000);
    again(10);
    assert_eq!(told(), 4, "and once another day");
}

#[test]
fn an_error_closes_by_itself_when_the_record_was_looked_at_and_that_is_told() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    dlq.dead(&malformed());
    let record = dlq.world.load(&customer);
    assert!(record.sides[Side::NetSuite].wants_read && record.sides[Side::NetSuite].due.is_some());
    assert_eq!(dlq.tick(), (json!(0), json!(0)), "not before it was looked at");
    let mut looked = record;
    looked.sides[Side::NetSuite].wants_read = false;
    dlq.world.store(&looked, Vec::new());
    assert_eq!(dlq.tick(), (json!(1), json!(0)));
    let error = dlq.errors("acme").remove(0);
    assert_eq!(error.status, ErrorStatus::Closed);
    assert!(error.note.unwrap().starts_with("closed by itself: the record was looked at"));
    assert!(!dlq.world.load(&customer).is_locked());
    assert_eq!(dlq.topics(), [NoticeTopic::Error, NoticeTopic::Recovered]);
    assert_eq!(dlq.tick(), (json!(0), json!(0)), "once");
}

#[test]
fn a_refused_write_is_tried_again_by_itself_once_its_field_was_changed() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    let mut record = dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    dlq.world.tell(&mut record, Side::SuiteX, 101, false, &json!({"email": "bad@b.c"}));
    let id = Uuid::from_u128(9);
    let since = memory_ports::NOW;
    record.locks.push(Lock { field: None, error: id, reason: "refused".into(), since });
    let mut commit = Commit::new(account("acme"));
    let mut error = ErrorEntry::open(&account("acme"), id, "validation", "USER_ERROR", "no", "mend", since);
    (error.record, error.field) = (Some(customer.clone()), Some("email".into()));
    (commit.record, commit.errors) = (Some(record), vec![error]);
    dlq.world.commit(commit);
    assert_eq!(dlq.tick(), (json!(0), json!(0)));

    // Somebody corrects it at its source.
    let mut record = dlq.world.load(&customer);
    dlq.world.tell(&mut record, Side::SuiteX, 102, false, &json!({"email": "good@b.c"}));
    let mut commit = Commit::new(account("acme"));
    commit.history.push(HistoryRow {
        version: record.version,
        at: since.plus(1_000),
        source: "suitex".into(),
        actor: None,
        events: vec![],
        decisions: vec![HistoryDecision {
            field: "email".into(),
            rule: "clean".into(),
            base: json!("bad@b.c"),
            ours: json!("good@b.c"),
            from: json!("bad@b.c"),
            to: json!("good@b.c"),
        }],
    });
    commit.record = Some(record);
    dlq.world.commit(commit);
    assert_eq!(dlq.tick(), (json!(0), json!(1)));
    assert_eq!(dlq.errors("acme")[0].status, ErrorStatus::Retried);
    assert!(!dlq.world.load(&customer).is_locked());
    assert_eq!(dlq.tick(), (json!(0), json!(0)), "not written yet");

    // The writer has written it.
    let mut record = dlq.world.load(&customer);
    dlq.world.tell(&mut record, Side::NetSuite, 102, false, &json!({"email": "good@b.c"}));
    dlq.world.store(&record, Vec::new());
    assert_eq!(dlq.tick(), (json!(1), json!(0)));
    assert_eq!(dlq.topics(), [NoticeTopic::Recovered]);
}

#[test]
fn a_report_of_bytes_is_tried_again_first_and_else_locks_their_record() {
    let dlq = dlq();
    let customer = key("acme", "customer", "7");
    dlq.world.synced(&customer, json!({"email": "old@b.c"}));
    let report = |body: &Json| {
        let mut error = ErrorEntry::open(
            &account("acme"),
            Uuid::from_u128(5),
            "malformed",
            "MALFORMED_EVENT",
            "no",
            "mend",
            memory_ports::NOW,
        );
        error.payload = Some(body.to_string());
        dlq.push("/push/error", serde_json::to_string(&error).unwrap().as_bytes(), json!({"account": "acme"}))
    };
    assert_eq!(report(&event()), 204);
    assert!(
        dlq.errors("acme").is_empty() && dlq.world.ledger.len(&account("acme")) == 1,
        "it is an event after all"
    );
    assert_eq!(report(&malformed()), 204);
    let error = dlq.errors("acme").remove(0);
    assert_eq!((error.id, error.record.as_ref()), (Uuid::from_u128(5), Some(&customer)));
    assert!(dlq.world.load(&customer).is_locked());
}

#[test]
fn what_led_to_an_error_is_told() {
    let dlq = dlq();
    let attributes = json!({
        "account": "acme", "CloudPubSubDeadLetterSourceSubscription": "events.raw-sub",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5"
    });
    dlq.push("/push/dlq", b"{", attributes);
    let causes = &dlq.errors("acme")[0].causes;
    assert_eq!(causes[0], "events.raw-sub was given it 5 times, and it was not taken");
    assert_eq!(causes.len(), 2, "{causes:?}");
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
