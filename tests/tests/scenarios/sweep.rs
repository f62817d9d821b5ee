//! What NetSuite no longer lists is deleted only if it is gone, and not if somebody hides it.

use std::collections::{BTreeMap, BTreeSet};

use local::netsuite::{Faults, HiddenRecords};
use serde_json::json;

use crate::story::{NetSuite, Pair, Story, SuiteX};

/// Two customers, one of which is old enough to be missed.
fn customers() -> (Story, Pair) {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    story.customer(json!({"companyname": "Bob"}));
    story.poll();
    story.poll_for(70);
    (story, pair)
}

/// The role is restricted: it no longer sees a customer.
fn hide(faults: &mut Faults, id: &str, how: HiddenRecords) {
    let id = id.parse().expect("a number");
    faults.settings.hidden_rows = BTreeMap::from([("customer".into(), BTreeSet::from([id]))]);
    faults.settings.hidden_records = how;
}

#[test]
fn what_netsuite_says_it_never_had_is_a_persons_to_judge() {
    let (mut story, pair) = customers();
    story.netsuite(|f| f.settings.untracked_deletions = BTreeSet::from(["customer".into()]));
    story.delete_unseen("customer", &pair.netsuite);
    story.poll_for(60);
    assert_eq!(story.errors(), [], "it was missing once");
    story.poll_for(90);
    assert_eq!((story.error().class.as_str(), story.error().code.as_str()), ("missing", "NOT_LISTED"));
    assert_eq!(story.record(SuiteX, "customer", &pair.suitex).conflict, None, "our role may not see it");
    // It was deleted, and whoever knows it deletes it here as well.
    story.delete(SuiteX, "customer", &pair.suitex);
    story.poll_for(240);
    assert_eq!((story.count(NetSuite, "customer"), story.count(SuiteX, "customer")), (1, 1));
    assert_eq!(story.errors(), [], "and that is over");
}

#[test]
fn what_the_role_may_not_see_is_told_to_a_person_and_deletes_nothing() {
    let (mut story, pair) = customers();
    story.netsuite(|f| hide(f, &pair.netsuite, HiddenRecords::Refused));
    story.poll_for(240);
    let error = story.error();
    assert_eq!((error.class.as_str(), error.code.as_str()), ("not_shown", "INSUFFICIENT_PERMISSION"));
    assert_eq!(story.count(SuiteX, "customer"), 2);
    assert_eq!(story.record(SuiteX, "customer", &pair.suitex).conflict, None);
    story.netsuite(|f| f.settings.hidden_rows.clear());
    story.poll_for(70);
    assert_eq!(story.errors(), [], "and that is over");
}

#[test]
fn what_comes_back_into_sight_within_the_hour_was_never_gone() {
    let (mut story, pair) = customers();
    for _ in 0..3 {
        story.netsuite(|f| hide(f, &pair.netsuite, HiddenRecords::Missing));
        story.poll_for(30);
        story.netsuite(|f| f.settings.hidden_rows.clear());
        story.poll_for(90);
    }
    assert_eq!(story.record(SuiteX, "customer", &pair.suitex).conflict, None);
    assert_eq!(story.errors(), []);
}

#[test]
fn an_edit_of_what_no_list_names_comes_with_the_sweep() {
    let (mut story, pair) = customers();
    story.netsuite(|f| hide(f, &pair.netsuite, HiddenRecords::Shown));
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "2"}));
    story.poll_for(240);
    story.assert_both("customer", &pair, "phone", json!("2"));
    assert_eq!(story.error().code, "NOT_LISTED");
    story.netsuite(|f| f.settings.hidden_rows.clear());
    story.poll_for(70);
    assert_eq!(story.errors(), [], "and that is over");
}
