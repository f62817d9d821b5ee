//! Statuses by which NetSuite, or what stands before it, answers without an answer: what was turned away at the door was not
//! done, what came back in part may have been, and either way the edit arrives once.

use local::netsuite::Faults;
use serde_json::json;
use shared::domain::governance::CallEnd;
use shared::netsuite::error::call_fault;

use crate::story::{Pair, Story, SuiteX};

/// As long as an account stays suspended for a refused sign-in before it is asked again, and more.
const LATER_MS: i64 = 1_200_000;

/// An edit of a customer's phone, made while NetSuite is like this for half a minute.
fn edited(strike: fn(&mut Faults), count: &str) -> (Story, Pair, (u64, u64)) {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    let before = story.writes();
    story.netsuite(strike);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "2"}));
    story.pass(30_000);
    assert!(story.injected(count) > 0, "{count}: else this shows nothing");
    let meanwhile = story.writes();
    story.netsuite(|faults| {
        (faults.moved, faults.foreign_domain, faults.partial_content) = (false, false, 0.0)
    });
    story.pass(LATER_MS);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("2"));
    assert_eq!(story.writes(), (before.0 + 1, before.1), "{count}");
    assert_eq!(story.errors(), [], "{count}");
    (story, pair, (meanwhile.0 - before.0, meanwhile.1 - before.1))
}

#[test]
fn what_is_sent_elsewhere_or_forbidden_is_not_done_and_arrives_when_the_way_is_free() {
    type Strike = fn(&mut Faults);
    let (moved, forbidden): (Strike, Strike) = (|f| f.moved = true, |f| f.foreign_domain = true);
    for (strike, count) in [(moved, "moved"), (forbidden, "foreign_domain")] {
        let (story, _, meanwhile) = edited(strike, count);
        assert_eq!(meanwhile, (0, 0), "{count}");
        let calls = story.world.netsuite.injected(&story.account())[count];
        assert!(calls < 10, "{count}: knocked {calls} times in half a minute");
    }
}

#[test]
fn what_is_answered_in_part_is_looked_after_and_not_done_again() {
    let (_, _, meanwhile) = edited(|f| f.partial_content = 1.0, "partial_content");
    assert_eq!(meanwhile, (1, 0), "it was done, though nobody could read so");
}

#[test]
fn a_partial_answer_is_no_answer_however_whole_it_looks() {
    let status = http::StatusCode::PARTIAL_CONTENT;
    for body in ["", r#"{"results":[{"outcome":"appl"#, r#"{"results":[],"remainingUsage":9}"#] {
        let fault = call_fault(status, body.as_bytes());
        assert_eq!(fault.end, CallEnd::Unclear, "{fault}");
    }
}
