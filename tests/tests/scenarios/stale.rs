//! An event that was overtaken on its way changes nothing.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn an_old_user_event_is_superseded() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "0"}));
    story.hold_user_events = true;
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "1"}));
    story.pass(5_000);
    let old = story.world.lanes[story.lane].user_events.pop_front().expect("a User Event");
    story.hold_user_events = false;
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "2"}));
    story.settle();
    let (before, places) = (story.writes(), story.census());
    story.world.lanes[story.lane].user_events.push_back(old);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("2"));
    assert_eq!(story.writes(), before);
    let superseded = |census: &shared::state::Census| census.get("superseded").copied().unwrap_or(0);
    assert_eq!(superseded(&story.census()), superseded(&places) + 1);
}

#[test]
fn an_old_event_still_tells_of_a_field_that_nothing_newer_told_of() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.hold_user_events = true;
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "1", "city": "Ulm"}));
    story.pass(5_000);
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "2"}));
    story.pass(1_000);
    story.world.lanes[story.lane].user_events.make_contiguous().reverse();
    story.hold_user_events = false;
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("2"));
    story.assert_both("customer", &pair, "city", json!("Ulm"));
}

#[test]
fn a_poll_that_was_delayed_does_not_undo_what_came_after_it() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "0"}));
    story.tell_of_changes();
    story.pass(5_000);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    story.settle();
    story.poll();
    story.assert_both("customer", &pair, "phone", json!("1"));
}
