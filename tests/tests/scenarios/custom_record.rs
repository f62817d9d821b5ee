//! Custom records and custom fields are synced by configuration alone: nothing here is known to any code.

use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

const RENTAL: &str = r#"
[type.rental]
netsuite = "customrecord_rental"
suitex = "rentals"
delete = { netsuite = "propagate", suitex = "propagate" }

[type.rental.fields]
name = { type = "text", max = 60, policy = "latest_wins" }
days = { type = "integer", netsuite = "custrecord_days", policy = "netsuite_wins" }
fee = { type = "decimal", scale = 2, netsuite = "custrecord_fee", policy = "latest_wins" }
customer = { type = "reference", to = "customer", netsuite = "custrecord_customer", suitex = "customer_id", policy = "netsuite_wins" }
"#;

const VIP: &str = "vip = { type = \"boolean\", netsuite = \"custentity_vip\", policy = \"latest_wins\" }";

/// A world whose systems have rentals, and customers of which some are important.
fn story() -> Story {
    Story::extended(|text| {
        let fields = "[type.customer.fields]\n";
        assert!(text.contains(fields));
        text.replace(fields, &format!("{fields}{VIP}\n")) + RENTAL
    })
}

#[test]
fn a_custom_record_that_no_user_event_tells_of_is_polled_and_comes_to_suitex() {
    let mut story = story();
    let customer = story.customer(json!({"companyname": "Ada"}));
    let values = json!({"name": "Crane", "custrecord_days": 3, "custrecord_fee": "9.50",
        "custrecord_customer": customer.netsuite});
    let id = story.create_unseen("rental", values);
    story.poll();
    let rental = story.pair(NetSuite, "rental", &id);
    let held = |story: &Story, field: &str| story.value(SuiteX, "rental", &rental.suitex, field);
    assert_eq!((held(&story, "name"), held(&story, "days")), (json!("Crane"), json!(3)));
    assert_eq!((held(&story, "fee"), held(&story, "customer_id")), (json!("9.50"), json!(customer.suitex)));
    // Later changes are polled by the custom record's own column of time.
    story.edit_unseen("rental", &id, json!({"custrecord_days": 5}));
    story.poll();
    assert_eq!(held(&story, "days"), json!(5));
    story.edit(SuiteX, "rental", &rental.suitex, json!({"name": "Digger"}));
    story.settle();
    story.assert_both("rental", &rental, "name", json!("Digger"));
    story.delete_unseen("rental", &id);
    story.poll();
    assert_eq!((story.count(NetSuite, "rental"), story.count(SuiteX, "rental")), (0, 0));
    assert_eq!(story.errors(), []);
}

#[test]
fn a_custom_field_is_polled_and_written_like_any_other() {
    let mut story = story();
    let customer = story.customer(json!({"companyname": "Ada"}));
    story.edit_unseen("customer", &customer.netsuite, json!({"custentity_vip": true}));
    story.poll();
    assert_eq!(story.value(SuiteX, "customer", &customer.suitex, "vip"), json!(true));
    story.edit(SuiteX, "customer", &customer.suitex, json!({"vip": false}));
    story.settle();
    assert_eq!(story.value(NetSuite, "customer", &customer.netsuite, "custentity_vip"), json!(false));
    assert_eq!(story.errors(), []);
}
