//! Our own write comes back: as the reply, in NetSuite with the poll and from an old User Event script too. None of them
//! is an edit.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn a_write_to_netsuite_comes_back_and_causes_no_write() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    let (netsuite, suitex) = story.writes();
    for (old_script, phone) in [(false, "2"), (true, "3")] {
        story.netsuite(|f| f.user_event_old = old_script);
        story.edit(SuiteX, "customer", &pair.suitex, json!({ "phone": phone }));
        story.settle();
        story.poll();
        story.assert_both("customer", &pair, "phone", json!(phone));
    }
    assert_eq!(story.writes(), (netsuite + 2, suitex));
}

#[test]
fn a_write_to_suitex_comes_back_and_causes_no_write() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    let (netsuite, suitex) = story.writes();
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "2", "email": "ada@example.com"}));
    story.settle();
    story.poll();
    story.assert_both("customer", &pair, "phone", json!("2"));
    story.assert_both("customer", &pair, "email", json!("ada@example.com"));
    assert_eq!(story.writes(), (netsuite, suitex + 1), "both fields in one write");
}

#[test]
fn a_user_event_of_our_write_that_comes_before_its_reply_is_no_edit_either() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    let before = story.writes();
    story.netsuite(|f| (f.lost_reply, f.user_event_old) = (1.0, true));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "2"}));
    story.pass(8_000);
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("2"));
    assert_eq!(story.writes(), (before.0 + 1, before.1));
}
