//! A value that comes back to what it was is an edit like any other.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn setting_back_what_we_wrote_is_kept() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "A"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "B"}));
    story.settle();
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "A"}));
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("A"));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "B"}));
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("B"));
}

#[test]
fn there_and_back_within_a_burst_writes_nothing() {
    for side in [NetSuite, SuiteX] {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada", "phone": "A"}));
        let id = if side == NetSuite { &pair.netsuite } else { &pair.suitex };
        let before = story.writes();
        story.edit(side, "customer", id, json!({"phone": "B"}));
        story.edit(side, "customer", id, json!({"phone": "A"}));
        story.settle();
        story.assert_both("customer", &pair, "phone", json!("A"));
        assert_eq!(story.writes(), before, "{side}");
    }
}

#[test]
fn setting_back_what_we_wrote_before_its_reply_has_come_is_kept() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "A"}));
    story.netsuite(|f| f.lost_reply = 1.0);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "B"}));
    story.pass(3_000);
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "phone"), json!("B"));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "A"}));
    story.pass(3_000);
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("A"));
}

#[test]
fn the_other_side_may_set_it_back_too() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "A"}));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "B"}));
    story.settle();
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "A"}));
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("A"));
}
