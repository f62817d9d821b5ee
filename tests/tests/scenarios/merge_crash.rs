//! merge dies between its steps: the redelivery repairs what was half done.

use serde_json::json;
use simulation::world::World;

use crate::story::{ACME, NetSuite, Pair, Story, SuiteX};

/// A customer, and an edit of it in NetSuite whose event is about to be taken.
fn edited() -> (Story, Pair) {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "1"}));
    (story, pair)
}

fn in_ledger(world: &World) -> usize {
    world.ledger.len(&world.accounts[ACME])
}

fn listed(world: &World) -> usize {
    world.state.all_pending(&world.accounts[ACME]).len()
}

#[test]
fn between_the_ledger_and_the_pending_list() {
    let (mut story, pair) = edited();
    story.step_until(|world| in_ledger(world) > listed(world));
    story.crash("merge");
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("1"));
}

#[test]
fn between_the_pending_list_and_the_ack() {
    let (mut story, pair) = edited();
    let before = listed(&story.world);
    story.step_until(|world| listed(world) > before);
    story.crash("merge");
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("1"));
}

#[test]
fn between_the_commit_and_the_wake_up_of_the_writers() {
    let (mut story, pair) = edited();
    let key = story.record(NetSuite, "customer", &pair.netsuite).key.clone();
    story.step_until(|world| {
        let records = world.state.all_records(&key.account);
        records.iter().any(|r| r.key == key && r.sides[SuiteX].due.is_some())
    });
    story.crash("merge");
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("1"));
}

#[test]
fn and_nobody_delivers_it_again() {
    let (mut story, pair) = edited();
    story.step_until(|world| in_ledger(world) > listed(world));
    // Everything that was on the bus is lost with the crash: the ledger alone knows.
    let mut bus = local::bus::Bus::new(1);
    local::functions::subscribe(&mut bus);
    *story.world.bus.lock().expect("a healthy bus") = bus;
    story.crash("merge");
    story.pass(180_000);
    story.assert_both("customer", &pair, "phone", json!("1"));
}

#[test]
fn a_writer_that_dies_before_or_after_its_call_is_followed_by_one_that_looks() {
    for after in [false, true] {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada"}));
        let before = story.writes();
        story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
        let key = story.record(SuiteX, "customer", &pair.suitex).key.clone();
        story.step_until(|world| {
            let records = world.state.all_records(&key.account);
            let intends = records.iter().any(|r| r.key == key && r.sides[NetSuite].intent.is_some());
            intends && (!after || world.netsuite.stats(&key.account).writes_applied > before.0)
        });
        story.crash("ns-writer");
        story.settle();
        story.assert_both("customer", &pair, "phone", json!("1"));
        assert_eq!(story.writes(), (before.0 + 1, before.1));
    }
}
