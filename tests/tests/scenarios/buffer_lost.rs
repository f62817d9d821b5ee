//! The buffer forgets everything at the worst of times: it costs time, nothing else.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn pending_events_are_found_by_the_tick() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    let listed = story.world.state.all_pending(&story.account()).len();
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "1"}));
    let account = story.account();
    story.step_until(|world| world.state.all_pending(&account).len() > listed);
    story.world.buffer.flush_all();
    story.crash("merge");
    story.pass(120_000);
    story.assert_both("customer", &pair, "phone", json!("1"));
}

#[test]
fn lost_at_every_moment_everything_still_arrives() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    for n in 0..20 {
        let (side, id) = if n % 2 == 0 { (NetSuite, &pair.netsuite) } else { (SuiteX, &pair.suitex) };
        story.edit(side, "customer", id, json!({"phone": format!("{n}")}));
        for _ in 0..n {
            story.pass(250);
            story.world.buffer.flush_all();
        }
    }
    story.settle();
    let value = story.value(NetSuite, "customer", &pair.netsuite, "phone");
    assert_eq!(story.value(SuiteX, "customer", &pair.suitex, "phone"), value);
    assert!(value == json!("19") || value == json!("18"), "one of the last edits: {value}");
    assert_eq!(story.errors(), []);
}
