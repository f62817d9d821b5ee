//! A create is told of by everybody who saw it, before and after we know its other side: it is one record.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

fn assert_one_each(story: &Story) {
    assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (1, 1));
    assert_eq!(story.errors(), []);
}

#[test]
fn our_create_in_netsuite_is_told_of_by_its_user_event_and_the_poll() {
    let mut story = Story::new();
    story.create(SuiteX, "customer", json!({"company_name": "Ada"}));
    story.settle();
    story.poll();
    assert_one_each(&story);
}

#[test]
fn our_create_in_suitex_is_told_of_by_its_outbox_row() {
    let mut story = Story::new();
    let id = story.create(NetSuite, "customer", json!({"companyname": "Ada"}));
    story.settle();
    story.poll();
    assert_one_each(&story);
    let pair = story.pair(NetSuite, "customer", &id);
    let row = story.world.suitex.row(&story.account(), "customer", &pair.suitex).expect("the row");
    assert_eq!(row.sync_id.as_deref(), Some(id.as_str()), "it carries our mark");
}

#[test]
fn user_event_and_poll_tell_of_one_create_at_the_same_time() {
    let mut story = Story::new();
    story.netsuite(|f| f.user_event_doubled = 1.0);
    story.create(NetSuite, "customer", json!({"companyname": "Ada"}));
    story.poll();
    assert_one_each(&story);
}

#[test]
fn the_user_event_of_our_create_comes_before_the_reply() {
    let mut story = Story::new();
    story.netsuite(|f| f.lost_reply = 1.0);
    story.create(SuiteX, "customer", json!({"company_name": "Ada"}));
    story.pass(2_000);
    story.tell_of_changes();
    story.pass(5_000);
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    assert_one_each(&story);
}

#[test]
fn our_create_is_told_of_without_our_mark_before_we_know_of_it() {
    let mut story = Story::new();
    story.hold_user_events = true;
    story.netsuite(|f| f.lost_reply = 1.0);
    story.create(SuiteX, "customer", json!({"company_name": "Ada"}));
    story.pass(3_000);
    // An old script that tells neither external id nor operation.
    for event in &mut story.world.lanes[crate::story::ACME].user_events {
        let event = event.as_object_mut().expect("an event");
        event.retain(|name, _| name != "externalId" && name != "metadata");
    }
    story.hold_user_events = false;
    story.pass(3_000);
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    assert_eq!(story.count(NetSuite, "customer"), 1);
    let errors = story.errors();
    assert!(story.count(SuiteX, "customer") == 1 || !errors.is_empty(), "never a blind duplicate");
}
