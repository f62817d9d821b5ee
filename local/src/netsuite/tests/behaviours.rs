//! What an account's own rules do to values.

use serde_json::json;
use shared::netsuite::wire::What;

use super::super::{Behaviour, Faults};
use super::{World, acme, kind, map, update};

fn behave(world: &World, path: &str, behaviour: Behaviour) {
    world.faults(|f| f.behaviours = [(path.to_string(), behaviour)].into());
}

#[test]
fn an_ignored_field_is_accepted_and_stays() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A", "email": "a@x"}));
    behave(&world, "customer.companyname", Behaviour::Ignore);
    let outcome = world.apply_one(update(1, &id, json!({}), json!({"companyname": "B", "email": "b@x"})));
    assert_eq!(outcome.outcome, What::Applied);
    assert_eq!(outcome.values, map(json!({"companyname": "A", "email": "b@x"})));
    // People have another form, with the field on it.
    world.edit("customer", &id, json!({"companyname": "C"}));
    assert_eq!(world.customer_now(&id).values["companyname"], "C");
    assert_eq!(world.netsuite.injected(&acme())["ignore"], 1);
}

#[test]
fn ignored_lines_stay_with_their_keys() {
    let world = World::new();
    let customer = world.customer(json!({"companyname": "A"}));
    let values = map(json!({"entity": customer, "item": [{"quantity": 1}]}));
    let id = world.netsuite.ui_create(&acme(), &kind("salesorder"), &values, true, "ann").unwrap();
    let before = world.netsuite.snapshot(&acme(), &kind("salesorder"), &id).unwrap();
    behave(&world, "salesorder.item", Behaviour::Ignore);
    let outcome = world.apply_one(json!({"operation": super::key(1), "verb": "update", "type": "salesorder",
        "id": id, "values": {"item": [{"quantity": 2}, {"quantity": 3}]}, "fields": ["item"]}));
    assert_eq!(outcome.outcome, What::Applied);
    assert_eq!(outcome.values["item"], before.values["item"]);
}

#[test]
fn values_may_be_kept_in_another_form() {
    for (path, behaviour, written, kept) in [
        ("customer.companyname", Behaviour::Trim, json!({"companyname": "  A b "}), json!("A b")),
        ("customer.companyname", Behaviour::Trim, json!({"companyname": "   "}), json!(null)),
        ("customer.companyname", Behaviour::Upper, json!({"companyname": "straße"}), json!("STRASSE")),
        ("customer.creditlimit", Behaviour::Round, json!({"creditlimit": "12.50"}), json!("13.00")),
    ] {
        let world = World::new();
        let id = world.customer(json!({"companyname": "A", "creditlimit": 1}));
        behave(&world, path, behaviour);
        world.apply_one(update(1, &id, json!({}), written));
        let field = path.rsplit('.').next().unwrap();
        assert_eq!(world.customer_now(&id).values[field], kept, "{path}");
    }
}

#[test]
fn a_save_that_comes_out_as_before_leaves_no_trace() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    world.netsuite.take_user_events(&acme());
    behave(&world, "customer.companyname", Behaviour::Upper);
    world.clock.pass(10_000);
    let outcome = world.apply_one(update(1, &id, json!({}), json!({"companyname": "a"})));
    assert_eq!((outcome.outcome, &outcome.values["companyname"]), (What::Applied, &json!("A")));
    assert_eq!(outcome.last_modified.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert!(world.netsuite.take_user_events(&acme()).is_empty());
}

#[test]
fn a_rule_may_refuse_a_value_from_anybody() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    behave(&world, "customer.companyname", Behaviour::RefuseContaining("!".into()));
    let refused = world.apply_one(update(1, &id, json!({}), json!({"companyname": "A!"})));
    let error = refused.error.unwrap();
    assert_eq!((error.code.as_str(), error.field.as_deref()), ("USER_ERROR", Some("companyname")));
    let values = map(json!({"companyname": "A!"}));
    let error = world.netsuite.ui_edit(&acme(), &kind("customer"), &id, &values, true, "ann").unwrap_err();
    assert_eq!(error.code, "USER_ERROR");
    assert_eq!(world.customer_now(&id).values["companyname"], "A");
}

#[test]
fn a_workflow_may_refuse_any_api_write() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    world.faults(|f| f.refuse_probability = 1.0);
    let refused = world.apply_one(update(1, &id, json!({}), json!({"companyname": "B"})));
    assert!(refused.error.unwrap().message.contains("locked by a user defined workflow"));
    world.edit("customer", &id, json!({"companyname": "C"}));
    assert_eq!(world.netsuite.injected(&acme())["refused"], 1);
}

#[test]
fn a_behaviour_of_no_field_is_an_error() {
    let world = World::new();
    for path in ["customer.nonsense", "nonsense.companyname", "customer"] {
        let mut faults = world.netsuite.faults(&acme());
        faults.behaviours.insert(path.into(), Behaviour::Trim);
        assert!(world.netsuite.set_faults(&acme(), faults).is_err(), "{path}");
    }
    assert!(world.netsuite.faults(&acme()).behaviours.is_empty());
}

#[test]
fn faults_are_read_from_json_and_typing_errors_are_found() {
    let text = json!({"late": 0.1, "behaviours": {
        "customer.companyname": "trim",
        "customer.email": {"refuse_containing": "!"},
    }});
    let faults: Faults = serde_json::from_value(text).unwrap();
    assert_eq!((faults.late, faults.late_max_ms), (0.1, 300_000));
    assert_eq!(faults.behaviours["customer.email"], Behaviour::RefuseContaining("!".into()));
    assert!(serde_json::from_value::<Faults>(json!({"latte": 0.1})).is_err());
}
