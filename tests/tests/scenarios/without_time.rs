//! A type that NetSuite lists by no time is read whole.

use std::collections::BTreeSet;

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn what_changed_unseen_is_found_and_what_did_not_is_not_told() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    for n in 0..20 {
        story.customer(json!({"companyname": format!("c{n}")}));
    }
    story.poll();
    story
        .netsuite(|f| f.settings.unfilterable_columns = BTreeSet::from(["customer.lastmodifieddate".into()]));
    story.poll_for(20);
    let before = (story.census(), story.writes());
    story.poll_for(30);
    assert_eq!((story.census(), story.writes()), before, "nothing has changed");
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "2"}));
    story.poll_for(20);
    story.assert_both("customer", &pair, "phone", json!("2"));
    assert_eq!(story.writes(), (before.1.0, before.1.1 + 1));
    assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (21, 21));
    // It is listed by time again.
    story.netsuite(|f| f.settings.unfilterable_columns.clear());
    story.poll_for(10);
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "3"}));
    story.poll();
    story.assert_both("customer", &pair, "phone", json!("3"));
    assert_eq!(story.errors(), []);
}
