//! The deployed write RESTlet dies at every point of its work: enumerated by its calls of NetSuite's modules, not drawn.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

/// Longer than any look or second attempt waits.
const LATER_MS: i64 = 900_000;

/// Lets the next run that is to write die after so many calls; whether it did.
fn dies(story: &mut Story, calls: u64) -> bool {
    story.netsuite(|faults| faults.dies_after_calls = Some(calls));
    let account = story.account();
    let before = story.world.netsuite.stats(&account);
    story.step_until(|world| {
        let now = world.netsuite.stats(&account);
        now.calls > before.calls && now.in_flight == 0
    });
    story.netsuite(|faults| faults.dies_after_calls = None);
    story.injected("died") > 0
}

#[test]
fn a_create_whose_script_dies_anywhere_makes_one_record() {
    let mut calls = 0;
    loop {
        let mut story = Story::scripted();
        let id =
            story.create(SuiteX, "customer", json!({"company_name": "Ada", "email": "ada@acme.example"}));
        let has_died = dies(&mut story, calls);
        story.pass(LATER_MS);
        story.settle();
        let pair = story.pair(SuiteX, "customer", &id);
        assert_eq!(story.count(NetSuite, "customer"), 1, "dead after {calls} calls");
        assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "companyname"), json!("Ada"));
        story.assert_both("customer", &pair, "email", json!("ada@acme.example"));
        assert_eq!(story.world.netsuite.stats(&story.account()).creates, 1, "dead after {calls} calls");
        assert_eq!(
            (story.errors(), story.count(SuiteX, "customer")),
            (vec![], 1),
            "dead after {calls} calls"
        );
        if !has_died {
            break;
        }
        calls += 1;
    }
    assert!(calls > 10, "only {calls} calls");
}

#[test]
fn an_update_whose_script_dies_anywhere_is_made_once() {
    let mut calls = 0;
    loop {
        let mut story = Story::scripted();
        let pair = story.born(SuiteX, "customer", json!({"company_name": "Ada", "phone": "1"}));
        let before = story.writes();
        story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "2"}));
        let has_died = dies(&mut story, calls);
        story.pass(LATER_MS);
        story.settle();
        story.assert_both("customer", &pair, "phone", json!("2"));
        assert_eq!(story.writes(), (before.0 + 1, before.1), "dead after {calls} calls");
        assert_eq!(story.errors(), [], "dead after {calls} calls");
        if !has_died {
            break;
        }
        calls += 1;
    }
    assert!(calls > 8, "only {calls} calls");
}
