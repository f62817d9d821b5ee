//! A burst of edits is a few writes, and the last edit is what remains.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn twenty_edits_in_a_burst_are_two_writes_at_most() {
    for side in [NetSuite, SuiteX] {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada"}));
        let id = if side == NetSuite { &pair.netsuite } else { &pair.suitex };
        let before = story.writes();
        for n in 0..20 {
            story.edit(side, "customer", id, json!({"phone": format!("{n}"), "city": format!("city {n}")}));
            story.world.executor.advance(20);
            story.world.poke(story.lane);
            story.drain();
        }
        story.settle();
        story.assert_both("customer", &pair, "phone", json!("19"));
        story.assert_both("customer", &pair, "city", json!("city 19"));
        let after = story.writes();
        let writes = (after.0 - before.0) + (after.1 - before.1);
        assert!((1..=2).contains(&writes), "{writes} writes after a burst on {side}");
    }
}

#[test]
fn who_never_rests_is_still_heard_within_the_longest_wait() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    // An edit every half second is never quiet for a second.
    for n in 0..60 {
        story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": format!("{n}")}));
        story.pass(500);
    }
    let seen: u32 = story.value(SuiteX, "customer", &pair.suitex, "phone").as_str().unwrap().parse().unwrap();
    assert!(seen >= 30, "after half a minute SuiteX has the edit of second {}", seen / 2);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("59"));
}
