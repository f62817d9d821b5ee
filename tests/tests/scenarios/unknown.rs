//! Events for an account or a type that nobody has configured.

use http::StatusCode;
use local::signed::signed;
use serde_json::{Value as Json, json};
use simulation::world::SECRETS;

use crate::story::{ACME, Story};

fn event(account: &str, kind: &str) -> Json {
    json!({
        "accountId": account, "recordType": kind, "recordId": "1", "source": "netsuite-ue", "operation": "update",
        "timestamp": "2026-01-01T00:00:00Z", "revision": 1, "payload": {"changes": {"phone": "7"}},
    })
}

#[test]
fn at_the_door_they_are_refused_and_told_why() {
    let mut story = Story::new();
    let (name, secret) = SECRETS[ACME];
    let now = story.world.executor.now();
    for (n, (account, kind, status, field)) in [
        ("initech", "customer", StatusCode::FORBIDDEN, "accountId"),
        ("acme", "vendor", StatusCode::UNPROCESSABLE_ENTITY, "recordType"),
    ]
    .into_iter()
    .enumerate()
    {
        let request = signed(name, secret, &format!("m{n}"), now, event(account, kind).to_string().into());
        let (got, problem) = story.send("ingest", request);
        assert_eq!((got, &problem["field"]), (status, &json!(field)), "{problem}");
    }
    assert_eq!(story.world.ledger.len(&story.account()), 0);
}

#[test]
fn on_the_bus_they_go_to_the_error_queue_with_their_bytes() {
    for (account, kind, field) in [("initech", "customer", "accountId"), ("acme", "vendor", "recordType")] {
        let mut story = Story::new();
        let event = event(account, kind).to_string();
        story.publish_raw(event.clone());
        story.settle();
        let error = story.error();
        assert_eq!((error.field.as_deref(), error.payload.as_deref()), (Some(field), Some(event.as_str())));
        assert_eq!(story.world.ledger.len(&story.account()), 0);
    }
}
