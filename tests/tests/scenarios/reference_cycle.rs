//! Records that refer to each other: created first, the reference set after.

use serde_json::json;

use crate::story::{ACME, NetSuite, Story, SuiteX};

#[test]
fn two_customers_that_are_each_others_parent_come_over_from_either_side() {
    for side in [NetSuite, SuiteX] {
        let mut story = Story::new();
        let (name, parent) =
            if side == NetSuite { ("companyname", "parent") } else { ("company_name", "parent_id") };
        story.hold_user_events = true;
        let one = story.create(side, "customer", json!({name: "Ada"}));
        let two = story.create(side, "customer", json!({name: "Bob", parent: one}));
        story.edit(side, "customer", &one, json!({parent: two}));
        story.hold_user_events = false;
        story.settle();
        let (one, two) = (story.pair(side, "customer", &one), story.pair(side, "customer", &two));
        for (of, is) in [(&one, &two), (&two, &one)] {
            assert_eq!(story.value(NetSuite, "customer", &of.netsuite, "parent"), json!(is.netsuite));
            assert_eq!(story.value(SuiteX, "customer", &of.suitex, "parent_id"), json!(is.suitex));
        }
        assert_eq!(story.errors(), []);
    }
}

#[test]
fn a_customer_may_be_its_own_parent() {
    let mut story = Story::new();
    let pair = story.born(SuiteX, "customer", json!({"company_name": "Ada"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"parent_id": pair.suitex}));
    story.settle();
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "parent"), json!(pair.netsuite));
}

/// In any order, and by any instances: each looks for the other while the other is being stored.
#[test]
fn whole_records_that_refer_to_each_other_and_are_new_do_not_wait_for_each_other_for_ever() {
    for draws in 0..12 {
        let mut story = Story::new();
        story.world.lanes[ACME].dice = fastrand::Rng::with_seed(draws);
        story.hold_user_events = true;
        let one = story.create(NetSuite, "customer", json!({"companyname": "Ada"}));
        let two = story.create(NetSuite, "customer", json!({"companyname": "Bob", "parent": one}));
        story.edit(NetSuite, "customer", &one, json!({"parent": two}));
        story.drain();
        // No User Event arrives: the poll tells of both, each whole and referring to the other.
        story.world.lanes[story.lane].user_events.clear();
        story.hold_user_events = false;
        let began = story.world.executor.now();
        story.poll();
        assert_eq!(story.errors(), [], "after {draws} draws");
        assert!(story.world.executor.now().0 - began.0 < 60_000, "after {draws} draws it took long");
        let (one, two) = (story.pair(NetSuite, "customer", &one), story.pair(NetSuite, "customer", &two));
        assert_eq!(story.value(SuiteX, "customer", &one.suitex, "parent_id"), json!(two.suitex));
        assert_eq!(story.value(SuiteX, "customer", &two.suitex, "parent_id"), json!(one.suitex));
    }
}
