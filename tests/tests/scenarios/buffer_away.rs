//! The buffer is away: the work is slower, and goes on.

use serde_json::json;
use shared::breakage::{self, Breakage};
use shared::domain::id::Timestamp;

use crate::story::{NetSuite, Story, SuiteX};

/// How long it is away, ms,
const AWAY_MS: i64 = 300_000;

/// and how long what is edited then may take, ms: the table says later than the buffer when something is due, and nobody but
/// the minute's tick looks.
const LATE_MS: i64 = 150_000;

/// What both sides hold after a while without the buffer in which each was edited: NetSuite's phone in SuiteX, and SuiteX's
/// e-mail address in NetSuite.
fn a_while_without(story: &mut Story) -> [serde_json::Value; 2] {
    let pair = story.customer(json!({"companyname": "Ada", "phone": "0", "email": "a@x.example"}));
    let until = story.world.executor.now().plus(AWAY_MS);
    for lane in story.world.faults.lanes.iter() {
        lane.buffer_away_until(until);
    }
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "1"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"email": "b@x.example"}));
    story.pass(LATE_MS);
    assert!(story.world.executor.now() < until, "it is away still");
    [
        story.value(SuiteX, "customer", &pair.suitex, "phone"),
        story.value(NetSuite, "customer", &pair.netsuite, "email"),
    ]
}

#[test]
fn what_is_edited_meanwhile_arrives_meanwhile() {
    let mut story = Story::new();
    assert_eq!(a_while_without(&mut story), [json!("1"), json!("b@x.example")]);
    let away: u64 =
        story.world.faults.lanes.iter().filter_map(|l| l.counts().get("buffer away").copied()).sum();
    assert!(away > 0, "it was asked");
    story.settle();
    assert_eq!(story.errors(), []);
}

#[test]
fn who_waited_for_it_would_be_noticed() {
    breakage::set(Some(Breakage::BufferRequired));
    let mut story = Story::new();
    let held = a_while_without(&mut story);
    breakage::set(None);
    assert_eq!(held, [json!("0"), json!("a@x.example")]);
    // It is late, and not lost.
    for lane in story.world.faults.lanes.iter() {
        lane.buffer_away_until(Timestamp(0));
    }
    story.settle();
    assert_eq!(story.errors(), []);
}
