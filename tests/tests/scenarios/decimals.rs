//! 12.50 is 12.5: equality is equality of canonical forms.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn another_spelling_of_the_same_number_is_no_change() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "creditlimit": "12.50"}));
    assert_eq!(story.value(SuiteX, "customer", &pair.suitex, "credit_limit"), json!("12.50"));
    let (before, version) = (story.writes(), story.record(NetSuite, "customer", &pair.netsuite).version);
    for spelling in [json!(12.5), json!("12.5"), json!("12.500"), json!("+12.50")] {
        let event = json!({
            "accountId": "acme", "recordType": "customer", "recordId": pair.netsuite, "source": "netsuite-ue",
            "operation": "update", "timestamp": "2026-01-01T00:10:00Z", "revision": 4_000_000_000_i64,
            "payload": {"changes": {"creditlimit": spelling}},
        });
        story.world.lanes[story.lane].user_events.push_back(event);
        story.settle();
    }
    assert_eq!(story.writes(), before);
    assert_eq!(story.record(NetSuite, "customer", &pair.netsuite).version, version);
    assert_eq!(story.errors(), []);
}

#[test]
fn both_sides_may_come_to_the_same_number_in_their_own_spelling() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "creditlimit": "1"}));
    let before = story.writes();
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"creditlimit": 12.5}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"credit_limit": "12.50"}));
    story.settle();
    assert_eq!(story.writes(), before, "they agree already");
    assert_eq!(story.get("conflicts")["items"], json!([]));
}
