//! The bus delivers again what was acked: single messages, and earlier ones with all that came after.

use local::bus::BusFaults;
use serde_json::json;
use simulation::faults::Rates;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn what_comes_again_changes_nothing() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    let bus = BusFaults { duplicate: 0.5, redeliver_suffix: 0.9, ack_lost: 0.3, reorder: 0.5 };
    story.world.set_rates(story.lane, Rates::default(), bus);
    let before = story.writes();
    let version = story.record(NetSuite, "customer", &pair.netsuite).version.0;
    for n in 0..10 {
        let (side, id) = if n % 2 == 0 { (NetSuite, &pair.netsuite) } else { (SuiteX, &pair.suitex) };
        story.edit(side, "customer", id, json!({"phone": format!("{n}")}));
        story.settle();
        story.assert_both("customer", &pair, "phone", json!(format!("{n}")));
    }
    assert_eq!(
        story.record(NetSuite, "customer", &pair.netsuite).version.0,
        version + 10,
        "one version per edit"
    );
    assert_eq!(story.writes(), (before.0 + 5, before.1 + 5), "one write per edit");
    let again = story.world.bus.lock().expect("a healthy bus").counts().clone();
    assert!(again.contains_key("redelivered_suffix") && again.contains_key("duplicate"), "{again:?}");
}

#[test]
fn every_event_is_counted_once() {
    let mut story = Story::new();
    let bus = BusFaults { duplicate: 0.9, redeliver_suffix: 0.9, ..BusFaults::default() };
    story.world.set_rates(story.lane, Rates::default(), bus);
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    story.settle();
    let in_ledger = story.world.ledger.len(&story.account()) as u64;
    assert_eq!(story.census().values().sum::<u64>(), in_ledger);
}
