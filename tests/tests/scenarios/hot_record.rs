//! One record is edited without end: it keeps up, and holds up nobody.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn five_hundred_edits_are_few_writes_and_both_sides_end_the_same() {
    let mut story = Story::new();
    let hot = story.customer(json!({"companyname": "Ada"}));
    let cold = story.customer(json!({"companyname": "Bob"}));
    let before = story.writes();
    for n in 0..250 {
        story.edit(NetSuite, "customer", &hot.netsuite, json!({"phone": format!("n{n}")}));
        story.edit(SuiteX, "customer", &hot.suitex, json!({"email": format!("x{n}")}));
        if n == 100 {
            story.edit(NetSuite, "customer", &cold.netsuite, json!({"phone": "1"}));
        }
        story.pass(250);
        if n == 140 {
            story.assert_both("customer", &cold, "phone", json!("1"));
        }
    }
    story.settle();
    story.assert_both("customer", &hot, "phone", json!("n249"));
    story.assert_both("customer", &hot, "email", json!("x249"));
    let after = story.writes();
    let writes = (after.0 - before.0) + (after.1 - before.1);
    assert!(writes < 250, "{writes} writes for 500 edits");
    assert_eq!(story.errors(), []);
}

#[test]
fn what_is_kept_of_a_hot_record_stays_small() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.netsuite(|f| f.lost_reply = 0.5);
    for n in 0..100 {
        story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": format!("{n}")}));
        story.pass(2_000);
    }
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    story.pass(400_000);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "last"}));
    story.settle();
    let record = story.record(SuiteX, "customer", &pair.suitex);
    let sent = record.sides[NetSuite].sent.len();
    assert!(sent <= 1, "{sent} values that may still land");
}
