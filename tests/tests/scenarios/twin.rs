//! A copy of a synced record carries its mark: two records, one mark, and a person must tell them apart.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

#[test]
fn a_copy_with_our_mark_is_an_error_and_no_duplicate() {
    let mut story = Story::new();
    let original = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    let copy =
        story.create(NetSuite, "customer", json!({"companyname": "Ada 2", "externalId": original.netsuite}));
    story.settle();
    assert_eq!(story.count(SuiteX, "customer"), 1);
    let error = story.error();
    assert_eq!(error.class, "identity");
    assert!(error.message.contains(&copy), "{error:?}");
    story.assert_both("customer", &original, "phone", json!("1"));
    assert_eq!(story.value(SuiteX, "customer", &original.suitex, "company_name"), json!("Ada"));
}

#[test]
fn the_original_goes_on_while_the_copy_waits_for_a_person() {
    let mut story = Story::new();
    let original = story.customer(json!({"companyname": "Ada"}));
    story.create(NetSuite, "customer", json!({"companyname": "Ada 2", "externalId": original.netsuite}));
    story.settle();
    story.edit(NetSuite, "customer", &original.netsuite, json!({"phone": "1"}));
    story.settle();
    story.edit(SuiteX, "customer", &original.suitex, json!({"email": "a@b.c"}));
    story.settle();
    story.assert_both("customer", &original, "phone", json!("1"));
    story.assert_both("customer", &original, "email", json!("a@b.c"));
}

#[test]
fn an_external_id_that_we_never_gave_is_the_customers_own() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "externalId": "CRM-17"}));
    assert_eq!(story.errors(), []);
    assert_eq!(story.value(SuiteX, "customer", &pair.suitex, "company_name"), json!("Ada"));
}
