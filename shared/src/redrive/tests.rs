//! What an edit may say, and what bytes become.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{edit, no_reason, payload_bytes, payload_text};
use crate::domain::event::{ChangeEvent, FieldError};
use crate::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Timestamp};
use crate::domain::surface::SyncConfig;
use crate::state::ErrorEntry;

#[test]
fn any_bytes_survive_as_a_payload() {
    for bytes in
        [&b"{\"a\":1}"[..], b"", &[0xff, 0x00], "ä".as_bytes(), b"data:;base64,eA==", b"data:;base64,%"]
    {
        assert_eq!(payload_bytes(&payload_text(bytes)), bytes);
    }
    assert_eq!(payload_text(b"{}"), "{}");
}

const ORIGINAL: &str = "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f";

fn body() -> Json {
    json!({
        "eventId": ORIGINAL, "accountId": "acme", "recordType": "customer", "recordId": "7", "source": "suitex",
        "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "revision": 4,
        "payload": {"changes": {"email": "a@b.c"}}, "authContext": {"actor": "ann"},
        "metadata": {"operation": "00000000-0000-0000-0000-000000000009", "traceparent": "00-1-1-01"}
    })
}

fn with(field: &str, value: Json) -> Json {
    let mut body = body();
    body[field] = value;
    body
}

fn entry() -> ErrorEntry {
    let acme = AccountId::parse("acme").unwrap();
    let mut entry =
        ErrorEntry::open(&acme, Uuid::from_u128(7), "validation", "X", "no", "mend", Timestamp(1));
    entry.events = vec![Uuid::parse_str(ORIGINAL).unwrap()];
    entry
}

fn edited(entry: &ErrorEntry, original: Option<Json>, body: Json) -> Result<ChangeEvent, FieldError> {
    let config = SyncConfig::parse(include_str!("../../../config/sync.toml")).unwrap();
    edit::event(&config, entry, original.as_ref(), body, "rita", "a typo")
}

fn refused(original: Option<Json>, body: Json) -> String {
    edited(&entry(), original, body).unwrap_err().field
}

#[test]
fn an_edit_is_an_event_of_its_own_that_names_what_it_stands_for() {
    let event =
        edited(&entry(), Some(body()), with("payload", json!({"changes": {"email": "a@b.nl"}}))).unwrap();
    assert_ne!(event.event_id.to_string(), ORIGINAL);
    assert_eq!(event.payload.changes["email"], "a@b.nl");
    assert_eq!(event.actor(), Some("rita"), "who typed the value");
    let edit = &event.metadata["editOf"];
    assert_eq!((&edit["error"], &edit["events"]), (&json!(Uuid::from_u128(7)), &json!([ORIGINAL])));
    assert_eq!((&edit["actorBefore"], &edit["reason"]), (&json!("ann"), &json!("a typo")));
    assert!(event.own_operation().is_none(), "it is no echo of a call of ours");
    assert_eq!(event.metadata["traceparent"], "00-1-1-01");
}

#[test]
fn the_same_edit_is_one_event_and_another_is_another() {
    let id = |email: &str| {
        let body = with("payload", json!({"changes": {"email": email}}));
        edited(&entry(), Some(self::body()), body).unwrap().event_id
    };
    assert_eq!(id("x@y.z"), id("x@y.z"));
    assert_ne!(id("x@y.z"), id("y@y.z"));
}

#[test]
fn an_edit_is_about_what_the_original_was_about() {
    for (field, value) in [
        ("accountId", json!("globex")),
        ("recordType", json!("item")),
        ("recordId", json!("8")),
        ("source", json!("netsuite-ue")),
        ("timestamp", json!("yesterday")),
        ("payload", json!({"changes": {"credit_limit": "much"}})),
    ] {
        let at = refused(Some(body()), with(field, value));
        assert!(at.starts_with(field), "{field}: {at}");
    }
    assert_eq!(refused(Some(body()), json!([1])), "$");
    assert_eq!(refused(Some(body()), with("recordType", json!("invoice"))), "recordType");
}

#[test]
fn what_could_not_be_read_may_become_anything_but_a_decision() {
    let garbage = Some(json!({"accountId": "acme", "timestamp": "yesterday"}));
    assert!(edited(&entry(), garbage.clone(), with("recordId", json!("8"))).is_ok());
    let decision = json!({
        "accountId": "acme", "recordType": "customer", "recordId": "7", "source": "review", "operation": "update",
        "timestamp": "2026-01-01T00:00:00Z",
        "payload": {"changes": {}, "resolution": {"conflictId": ORIGINAL, "conflictRevision": 1, "fields": {}}}
    });
    assert_eq!(refused(garbage, decision.clone()), "source");

    // Where only a write is stuck, a person decides about that record, and about no other.
    let (acme, kind) = (AccountId::parse("acme").unwrap(), RecordType::parse("customer").unwrap());
    let key = |id| RecordKey::new(acme.clone(), kind.clone(), CanonicalId::parse(id).unwrap());
    let of_write = |id| ErrorEntry { events: vec![], record: Some(key(id)), ..entry() };
    assert!(edited(&of_write("7"), None, decision.clone()).is_ok());
    assert_eq!(edited(&of_write("8"), None, decision).unwrap_err().field, "recordId");
    assert_eq!(edited(&of_write("7"), None, body()).unwrap_err().field, "source");
    assert_eq!(edited(&ErrorEntry { record: None, ..of_write("7") }, None, body()).unwrap_err().field, "$");
}

#[test]
fn a_reason_is_given_and_is_no_novel() {
    assert!(no_reason("x").is_none());
    for bad in ["", "  \n", &"ä".repeat(1_001)] {
        assert_eq!(no_reason(bad).unwrap().field, "reason");
    }
}
