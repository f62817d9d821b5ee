//! No account sees, delays or changes another.

use http::StatusCode;
use local::signed::signed;
use serde_json::json;
use simulation::world::SECRETS;

use crate::story::{ACME, GLOBEX, NetSuite, Story, SuiteX};

#[test]
fn the_same_ids_in_two_accounts_are_two_records() {
    let mut story = Story::new();
    let acme = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    story.lane = GLOBEX;
    let globex = story.customer(json!({"companyname": "Bob", "phone": "2"}));
    assert_eq!((&acme.netsuite, &acme.suitex), (&globex.netsuite, &globex.suitex), "else it shows nothing");
    story.edit(SuiteX, "customer", &globex.suitex, json!({"phone": "3"}));
    story.settle();
    story.assert_both("customer", &globex, "phone", json!("3"));
    story.lane = ACME;
    story.assert_both("customer", &acme, "phone", json!("1"));
}

#[test]
fn one_accounts_outage_delays_no_other() {
    let mut story = Story::new();
    let acme = story.customer(json!({"companyname": "Ada"}));
    story.lane = GLOBEX;
    let globex = story.customer(json!({"companyname": "Bob"}));
    story.lane = ACME;
    story.netsuite(|f| f.down = true);
    story.edit(SuiteX, "customer", &acme.suitex, json!({"phone": "1"}));
    story.pass(60_000);
    story.lane = GLOBEX;
    story.edit(SuiteX, "customer", &globex.suitex, json!({"phone": "2"}));
    story.pass(5_000);
    story.assert_both("customer", &globex, "phone", json!("2"));
    story.lane = ACME;
    assert_eq!(story.value(NetSuite, "customer", &acme.netsuite, "phone"), json!(null));
    story.netsuite(|f| f.down = false);
    story.settle();
    story.assert_both("customer", &acme, "phone", json!("1"));
}

#[test]
fn the_key_decides_the_account_whatever_the_body_says() {
    let mut story = Story::new();
    let event = json!({
        "accountId": "globex", "recordType": "customer", "recordId": "1", "source": "netsuite-ue",
        "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "payload": {"changes": {"phone": "7"}},
    });
    let (name, secret) = SECRETS[ACME];
    let request = signed(name, secret, "m1", story.world.executor.now(), event.to_string().into());
    let (status, problem) = story.send("ingest", request);
    assert_eq!((status, &problem["field"]), (StatusCode::FORBIDDEN, &json!("accountId")));
}
