//! NetSuite's clock has whole seconds: of two edits within one, it does not tell which came first.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn of_two_edits_in_one_second_the_later_remains_whatever_arrives_first() {
    for swapped in [false, true] {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada"}));
        story.hold_user_events = true;
        story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "1"}));
        story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "2"}));
        story.drain();
        if swapped {
            story.world.lanes[story.lane].user_events.make_contiguous().reverse();
        }
        story.hold_user_events = false;
        story.settle();
        story.assert_both("customer", &pair, "phone", json!("2"));
    }
}

#[test]
fn an_edit_in_the_second_of_our_own_write_is_not_lost() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    let (account, customer) = (story.account(), crate::story::kind("customer"));
    let id = pair.netsuite.clone();
    // The moment our write has landed, a person changes it again.
    story.step_until(|world| {
        let seen = world.netsuite.snapshot(&account, &customer, &id).expect("the customer");
        seen.values.get("phone") == Some(&json!("1"))
    });
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "2"}));
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("2"));
}

#[test]
fn an_edit_that_no_user_event_sees_in_a_known_second_is_found_by_the_poll() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "1"}));
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "2"}));
    story.settle();
    story.poll();
    story.assert_both("customer", &pair, "phone", json!("2"));
}
