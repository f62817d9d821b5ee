//! A call that timed out may still land, minutes later.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

/// A customer with phone 1 on its way to NetSuite in a call that lands up to five minutes from now.
fn underway() -> (Story, crate::story::Pair) {
    // Whose clock is ahead is no matter here.
    let mut story = Story::configured(|text| text.replace("max = 32, policy = \"latest_wins\"", "max = 32"));
    let pair = story.customer(json!({"companyname": "Ada", "phone": "0"}));
    story.netsuite(|f| f.late = 1.0);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    story.pass(4_000);
    story.netsuite(|f| f.late = 0.0);
    assert!(story.injected("late") > 0);
    (story, pair)
}

#[test]
fn a_write_that_lands_late_is_recognised_as_ours() {
    let (mut story, pair) = underway();
    story.settle();
    story.pass(400_000);
    story.poll();
    story.assert_both("customer", &pair, "phone", json!("1"));
}

#[test]
fn a_write_that_lands_late_does_not_undo_a_later_edit_in_suitex() {
    let (mut story, pair) = underway();
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "2"}));
    story.settle();
    story.pass(400_000);
    story.poll();
    story.assert_both("customer", &pair, "phone", json!("2"));
}

#[test]
fn a_write_that_lands_late_does_not_undo_an_edit_in_netsuite() {
    let (mut story, pair) = underway();
    story.pass(10_000);
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "2"}));
    story.settle();
    story.pass(400_000);
    story.poll();
    story.assert_both("customer", &pair, "phone", json!("2"));
}

#[test]
fn a_create_that_lands_late_makes_one_record() {
    let mut story = Story::new();
    story.netsuite(|f| f.late = 1.0);
    let id = story.create(SuiteX, "customer", json!({"company_name": "Ada"}));
    story.pass(4_000);
    assert!(story.injected("late") > 0);
    story.netsuite(|f| f.late = 0.0);
    story.settle();
    story.pass(400_000);
    story.poll();
    story.pair(SuiteX, "customer", &id);
    assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (1, 1));
}
