//! An explicit null clears a field; a field that is missing says nothing.

use serde_json::{Value as Json, json};

use crate::story::{NetSuite, Pair, Story, SuiteX};

/// What a script tells of a record, as it is in NetSuite now.
fn told(story: &Story, pair: &Pair, payload: Json) -> Json {
    let customer = crate::story::kind("customer");
    let seen =
        story.world.netsuite.snapshot(&story.account(), &customer, &pair.netsuite).expect("the customer");
    json!({
        "accountId": "acme", "recordType": "customer", "recordId": pair.netsuite, "source": "netsuite-ue",
        "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "revision": seen.last_modified_secs,
        "payload": payload,
    })
}

#[test]
fn null_clears_and_what_is_not_named_stays() {
    for side in [NetSuite, SuiteX] {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada", "phone": "1", "email": "a@b.c"}));
        let id = if side == NetSuite { &pair.netsuite } else { &pair.suitex };
        story.edit(side, "customer", id, json!({"phone": null}));
        story.settle();
        story.assert_both("customer", &pair, "phone", json!(null));
        story.assert_both("customer", &pair, "email", json!("a@b.c"));
    }
}

#[test]
fn empty_text_is_nothing_too() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": ""}));
    story.settle();
    story.assert_both("customer", &pair, "phone", json!(null));
}

#[test]
fn a_full_read_that_lacks_a_field_does_not_clear_it() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1", "email": "a@b.c"}));
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "2"}));
    // The role may not see the e-mail address: not being visible is not being null.
    let event = told(&story, &pair, json!({"changes": {"companyname": "Ada", "phone": "2"}, "full": true}));
    story.world.lanes[story.lane].user_events.push_back(event);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("2"));
    story.assert_both("customer", &pair, "email", json!("a@b.c"));
}
