//! A write was done and its answer lost: the outcome is read back, never guessed.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn a_lost_reply_is_read_back_and_nothing_is_written_twice() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    let before = story.writes();
    story.netsuite(|f| f.lost_reply = 1.0);
    story.hold_user_events = true;
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    story.pass(10_000);
    assert!(story.injected("lost_reply") > 0);
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "phone"), json!("1"));
    assert!(story.world.lanes[story.lane].user_events.is_empty(), "nobody tells of it");
    story.netsuite(|f| f.lost_reply = 0.0);
    story.hold_user_events = false;
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("1"));
    assert_eq!(story.writes(), (before.0 + 1, before.1));
}

#[test]
fn a_create_whose_reply_is_lost_makes_one_record() {
    let mut story = Story::new();
    story.netsuite(|f| (f.lost_reply, f.user_event_off) = (1.0, true));
    let id = story.create(SuiteX, "customer", json!({"company_name": "Ada", "phone": "1"}));
    story.pass(10_000);
    assert!(story.injected("lost_reply") > 0);
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    let pair = story.pair(SuiteX, "customer", &id);
    story.assert_both("customer", &pair, "phone", json!("1"));
    assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (1, 1));
}

#[test]
fn an_edit_made_while_the_outcome_is_unknown_is_kept() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.netsuite(|f| f.lost_reply = 1.0);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    story.pass(3_000);
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "2"}));
    story.pass(3_000);
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("2"));
}

#[test]
fn a_lost_request_is_simply_made_again() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    let before = story.writes();
    story.netsuite(|f| f.lost_request = 1.0);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    story.pass(10_000);
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "phone"), json!(null));
    story.netsuite(|f| f.lost_request = 0.0);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("1"));
    assert_eq!(story.writes(), (before.0 + 1, before.1));
}

#[test]
fn a_create_that_is_told_of_as_another_record_and_waits_for_a_reference_is_one_record() {
    let mut story = Story::new();
    let (account, order) = (story.account(), crate::story::kind("salesorder"));
    story.hold_user_events = true;
    story.netsuite(|f| f.lost_reply = 1.0);
    let made = story.create(SuiteX, "salesorder", json!({"memo": "m"}));
    story.pass(3_000);
    let id = story.world.netsuite.all(&account, &order)[0].id.clone();
    // It is given a customer of whom nobody has heard, and a script of the account tells of it without our mark.
    let ada = json!({"companyname": "Ada"}).as_object().expect("an object").clone();
    let ada = story.world.netsuite.ui_create(&account, &crate::story::kind("customer"), &ada, false, "ann");
    story.edit(NetSuite, "salesorder", &id, json!({"entity": ada.expect("a customer")}));
    story.drain();
    // Of the create nothing is heard.
    let events = &mut story.world.lanes[crate::story::ACME].user_events;
    let mut edit = events.pop_back().expect("the edit's event");
    edit.as_object_mut().expect("an event").retain(|name, _| name != "externalId" && name != "metadata");
    *events = [edit].into();
    story.hold_user_events = false;
    // What is told of the order waits for its customer, and so the record that it made knows nothing, its own id not either.
    story.pass(20_000);
    assert!(story.census().get("waiting").is_some_and(|waiting| *waiting > 0), "{:?}", story.census());
    story.netsuite(|f| f.lost_reply = 0.0);
    story.pass(400_000);
    assert_eq!(story.pair(SuiteX, "salesorder", &made).netsuite, id);
    story.poll();
    assert_eq!((story.count(NetSuite, "salesorder"), story.count(SuiteX, "salesorder")), (1, 1));
    assert_eq!(story.errors(), []);
}
