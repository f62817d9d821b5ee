//! A message that can never be absorbed troubles nobody but itself.

use serde_json::json;
use shared::redrive::payload_bytes;

use crate::story::{NetSuite, Story, SuiteX};

/// An event like any other, but for one escape: the first half of a pair, without the second.
const HALF_A_CHARACTER: &[u8] = br#"{
    "accountId": "acme", "recordType": "customer", "recordId": "7", "source": "netsuite-ue", "operation": "update",
    "timestamp": "2026-01-01T00:10:00Z", "revision": 1, "payload": {"changes": {"phone": "\ud83d"}}
}"#;

#[test]
fn it_is_in_the_error_queue_with_its_bytes_and_everything_else_flows() {
    for bytes in [
        &b"{\"accountId\":"[..],
        b"",
        b"[]",
        b"{\"accountId\":\"acme\",\"recordType\":\"customer\"}",
        HALF_A_CHARACTER,
        &[0xff, 0xfe, 0x00],
    ] {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada"}));
        story.publish_raw(bytes.to_vec());
        story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
        story.pass(20_000);
        story.assert_both("customer", &pair, "phone", json!("1"));
        let error = story.error();
        assert_eq!((error.class.as_str(), error.record.clone()), ("malformed", None));
        assert_eq!(payload_bytes(error.payload.as_deref().expect("its bytes")), bytes);
        assert!(error.field.is_some(), "it names what is wrong");
    }
}

#[test]
fn met_again_it_is_the_same_error_counted_up() {
    let mut story = Story::new();
    for _ in 0..3 {
        story.publish_raw(&b"{\"accountId\":"[..]);
        story.settle();
    }
    let error = story.error();
    assert_eq!(error.attempts, 3);
    story.retry(&error);
    assert_eq!(story.error().id, error.id, "and again, when somebody has it tried again");
}

#[test]
fn an_event_whose_value_is_no_value_locks_its_record_alone() {
    for (field, value) in [
        ("creditlimit", json!("a lot")),
        ("phone", json!("0\0")),
        ("comments", json!("x".repeat(5 * 1024 * 1024))),
    ] {
        let mut story = Story::new();
        let (one, other) =
            (story.customer(json!({"companyname": "Ada"})), story.customer(json!({"companyname": "Bob"})));
        let event = json!({
            "accountId": "acme", "recordType": "customer", "recordId": one.netsuite, "source": "netsuite-ue",
            "operation": "update", "timestamp": "2026-01-01T00:10:00Z", "revision": 1,
            "payload": {"changes": {field: value}},
        });
        story.publish_raw(event.to_string());
        story.settle();
        let error = story.error();
        assert_eq!(error.field.as_deref(), Some(&*format!("payload.changes.{field}")), "{error:?}");
        assert!(error.message.len() < 1_000, "{field}: the message is for people");
        story.edit(NetSuite, "customer", &one.netsuite, json!({"email": "1@x"}));
        story.edit(NetSuite, "customer", &other.netsuite, json!({"email": "2@x"}));
        story.settle();
        assert_eq!(story.value(SuiteX, "customer", &one.suitex, "email"), json!(null), "locked");
        story.assert_both("customer", &other, "email", json!("2@x"));
    }
}
