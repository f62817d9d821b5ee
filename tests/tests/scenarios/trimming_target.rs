//! A target that stores another form of what it is told: the form becomes the value, and nobody fights.

use local::netsuite::Behaviour;
use serde_json::json;

use crate::story::{NetSuite, Pair, Story, SuiteX};

fn customer(field: &str, behaviour: Behaviour) -> (Story, Pair) {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.netsuite(|f| drop(f.behaviours.insert(format!("customer.{field}"), behaviour)));
    (story, pair)
}

#[test]
fn the_trimmed_form_is_written_back_once_and_that_is_all() {
    let (mut story, pair) = customer("phone", Behaviour::Trim);
    let before = story.writes();
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": " 1 "}));
    story.settle();
    story.poll();
    story.assert_both("customer", &pair, "phone", json!("1"));
    assert_eq!(story.writes(), (before.0 + 1, before.1 + 1));
}

#[test]
fn upper_case_and_rounding_are_forms_like_any_other() {
    let (mut story, pair) = customer("city", Behaviour::Upper);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"city": "Ulm"}));
    story.settle();
    story.assert_both("customer", &pair, "city", json!("ULM"));
    let (mut story, pair) = customer("creditlimit", Behaviour::Round);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"credit_limit": "12.60"}));
    story.settle();
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "creditlimit"), json!("13.00"));
    assert_eq!(story.value(SuiteX, "customer", &pair.suitex, "credit_limit"), json!("13.00"));
    story.forget_edits();
}

#[test]
fn who_writes_the_untrimmed_form_again_is_heard_and_ends_at_the_same_form() {
    let (mut story, pair) = customer("phone", Behaviour::Trim);
    for _ in 0..3 {
        story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": " 1 "}));
        story.settle();
        assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "phone"), json!("1"));
    }
    assert_eq!(story.errors(), []);
}
