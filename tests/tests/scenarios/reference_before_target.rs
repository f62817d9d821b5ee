//! An order comes before its customer: it waits, and goes on the moment the customer is there.

use local::netsuite::Behaviour;
use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

/// So long a record waits for one that it refers to, in ms, where `sync.toml` says nothing.
const REFERENCE_WAIT_MS: i64 = 3_600_000;

#[test]
fn an_order_whose_customer_is_told_of_later_waits_for_it() {
    let mut story = Story::new();
    let item = story.born(NetSuite, "item", json!({"itemid": "Bolt"}));
    story.hold_user_events = true;
    let customer = story.create(NetSuite, "customer", json!({"companyname": "Ada"}));
    let line = json!({"item": item.netsuite, "quantity": 1, "rate": "10"});
    let order = story.create(NetSuite, "salesorder", json!({"entity": customer, "item": [line]}));
    story.drain();
    // The order's event alone arrives.
    let of_customer = story.world.lanes[story.lane].user_events.pop_front().expect("the customer's event");
    story.hold_user_events = false;
    story.pass(30_000);
    assert_eq!((story.count(SuiteX, "salesorder"), story.census().get("waiting")), (0, Some(&1)));
    story.world.lanes[story.lane].user_events.push_back(of_customer);
    story.settle();
    let (order, customer) =
        (story.pair(NetSuite, "salesorder", &order), story.pair(NetSuite, "customer", &customer));
    assert_eq!(story.value(SuiteX, "salesorder", &order.suitex, "customer_id"), json!(customer.suitex));
    let lines = story.value(SuiteX, "salesorder", &order.suitex, "lines");
    assert_eq!(lines[0]["item_id"], json!(item.suitex));
}

#[test]
fn an_order_whose_customer_netsuite_does_not_have_yet_waits_for_it() {
    let mut story = Story::new();
    let item = story.born(SuiteX, "item", json!({"name": "Bolt"}));
    let refuses = Behaviour::RefuseContaining("Ada".into());
    story.netsuite(|f| drop(f.behaviours.insert("customer.companyname".into(), refuses)));
    let customer = story.create(SuiteX, "customer", json!({"company_name": "Ada"}));
    let line = json!({"item_id": item.suitex, "quantity": 1, "rate": "10"});
    let order = story.create(SuiteX, "salesorder", json!({"customer_id": customer, "lines": [line]}));
    story.pass(15_000);
    assert_eq!((story.count(NetSuite, "customer"), story.count(NetSuite, "salesorder")), (0, 0));
    let waits = story.get(&format!("records/acme/salesorder/suitex:{order}"));
    assert_eq!(waits["status"], json!("waiting"), "{waits:#}");
    story.netsuite(|f| f.behaviours.clear());
    for error in story.errors() {
        story.retry(&error);
    }
    story.settle();
    let (order, customer) =
        (story.pair(SuiteX, "salesorder", &order), story.pair(SuiteX, "customer", &customer));
    assert_eq!(story.value(NetSuite, "salesorder", &order.netsuite, "entity"), json!(customer.netsuite));
    assert_eq!(story.errors(), []);
}

#[test]
fn an_order_whose_customer_netsuite_never_gets_becomes_an_error_of_its_own() {
    let mut story = Story::new();
    let item = story.born(SuiteX, "item", json!({"name": "Bolt"}));
    let refuses = Behaviour::RefuseContaining("Ada".into());
    story.netsuite(|f| drop(f.behaviours.insert("customer.companyname".into(), refuses)));
    let customer = story.create(SuiteX, "customer", json!({"company_name": "Ada"}));
    let line = json!({"item_id": item.suitex, "quantity": 1, "rate": "10"});
    story.create(SuiteX, "salesorder", json!({"customer_id": customer, "lines": [line]}));
    story.pass(REFERENCE_WAIT_MS + 120_000);
    let errors = story.errors();
    let (of_order, of_customer): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| error.code == "REFERENCE_MISSING");
    assert_eq!((of_order.len(), of_customer.len()), (1, 1));
    story.netsuite(|f| f.behaviours.clear());
    for error in of_customer.iter().chain(&of_order) {
        story.retry(error);
    }
    assert_eq!((story.count(NetSuite, "customer"), story.count(NetSuite, "salesorder")), (1, 1));
    assert_eq!(story.errors(), []);
}

#[test]
fn a_customer_that_never_comes_makes_the_order_an_error_that_names_it() {
    let mut story = Story::new();
    let item = story.born(NetSuite, "item", json!({"itemid": "Bolt"}));
    story.hold_user_events = true;
    let customer = story.create(NetSuite, "customer", json!({"companyname": "Ada"}));
    let line = json!({"item": item.netsuite, "quantity": 1, "rate": "10"});
    story.create(NetSuite, "salesorder", json!({"entity": customer, "item": [line]}));
    story.drain();
    let of_customer = story.world.lanes[story.lane].user_events.pop_front().expect("the customer's event");
    story.hold_user_events = false;
    story.settle();
    let error = story.error();
    assert!(error.message.contains(&format!("customer {customer}")), "{error:?}");
    // Once it has come, the order can be tried again.
    story.world.lanes[story.lane].user_events.push_back(of_customer);
    story.settle();
    story.retry(&error);
    assert_eq!((story.count(SuiteX, "customer"), story.count(SuiteX, "salesorder")), (1, 1));
    assert_eq!(story.errors(), []);
}
