//! What a deletion means for the other side, by the rule of the type.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn ask_a_deletion_in_netsuite_waits_for_a_person() {
    for (keep, left) in [(true, 1), (false, 0)] {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
        story.delete(NetSuite, "customer", &pair.netsuite);
        story.settle();
        assert_eq!(story.count(SuiteX, "customer"), 1);
        let conflict = story.conflict();
        assert_eq!(conflict["deletedBy"], json!("netsuite"));
        story.resolve(&conflict, json!({ "keep": keep }));
        assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (left, left));
    }
}

#[test]
fn propagate_a_deletion_in_suitex_is_made_in_netsuite() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    let before = story.writes();
    story.delete(SuiteX, "customer", &pair.suitex);
    story.settle();
    story.poll();
    assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (0, 0));
    assert_eq!(story.writes(), (before.0 + 1, before.1));
}

#[test]
fn inactivate_a_deletion_in_suitex_leaves_the_item_in_netsuite_inactive() {
    let mut story = Story::new();
    let pair = story.born(NetSuite, "item", json!({"itemid": "Bolt"}));
    story.delete(SuiteX, "item", &pair.suitex);
    story.settle();
    assert_eq!(story.value(NetSuite, "item", &pair.netsuite, "isinactive"), json!(true));
    // SuiteX has let it go: what NetSuite does with it does not bring it back.
    story.edit(NetSuite, "item", &pair.netsuite, json!({"itemid": "Bolt 2"}));
    story.settle();
    assert_eq!((story.count(NetSuite, "item"), story.count(SuiteX, "item")), (1, 0));
}

#[test]
fn detach_a_deletion_ends_the_sync_of_the_record_and_nothing_more() {
    let mut story =
        Story::configured(|text| text.replace("suitex = \"inactivate\" }", "suitex = \"detach\" }"));
    let pair = story.born(NetSuite, "item", json!({"itemid": "Bolt", "isinactive": false}));
    let before = story.writes();
    story.delete(SuiteX, "item", &pair.suitex);
    story.settle();
    story.edit(NetSuite, "item", &pair.netsuite, json!({"itemid": "Bolt 2"}));
    story.settle();
    story.poll();
    assert_eq!((story.count(NetSuite, "item"), story.count(SuiteX, "item")), (1, 0));
    assert_eq!(story.value(NetSuite, "item", &pair.netsuite, "isinactive"), json!(false));
    assert_eq!(story.writes(), before);
}

#[test]
fn old_news_of_a_deleted_record_does_not_bring_it_back() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.hold_user_events = true;
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "1"}));
    story.pass(2_000);
    let old = story.world.lanes[story.lane].user_events.pop_front().expect("a User Event");
    story.hold_user_events = false;
    story.poll();
    story.delete(SuiteX, "customer", &pair.suitex);
    story.settle();
    assert_eq!(story.count(NetSuite, "customer"), 0);
    story.world.lanes[story.lane].user_events.push_back(old);
    story.settle();
    assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (0, 0));
}
