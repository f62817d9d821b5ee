//! The deployed write RESTlet dies after each of its calls of NetSuite's modules, one after the other, and is asked again.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use shared::netsuite::wire::What;

use super::scripts::{Hub, code};
use super::{World, acme, create, key, kind, map, update};
use crate::netsuite::Mode;

/// How often each record was told to be created, updated, deleted.
fn told(hub: &Hub) -> BTreeMap<(String, String), usize> {
    let mut told = BTreeMap::new();
    for post in hub.take() {
        let event: Json = serde_json::from_str(&post.body).unwrap();
        let text = |name: &str| event[name].as_str().unwrap().to_string();
        *told.entry((text("recordId"), text("operation"))).or_default() += 1;
    }
    told
}

/// Has these writes made by a run that dies after so many calls, then again by one that lives, and once more; whether the
/// first died.
fn dies(world: &World, writes: &Json, calls: u64) -> bool {
    world.faults(|f| f.dies_after_calls = Some(calls));
    let (status, body) = world.restlet(&json!({"action": "apply", "writes": writes}));
    world.faults(|f| f.dies_after_calls = None);
    let has_died = status != 200;
    assert_eq!(has_died, code(&body) == "SSS_TIME_LIMIT_EXCEEDED", "{body}");
    for outcome in world.apply(writes.clone()) {
        assert!(
            matches!(outcome.outcome, What::Applied | What::AlreadyApplied),
            "dead after {calls} calls: {outcome:?}"
        );
    }
    for outcome in world.apply(writes.clone()) {
        assert_eq!(outcome.outcome, What::AlreadyApplied, "dead after {calls} calls");
    }
    has_died
}

#[test]
fn a_create_an_update_and_a_deletion_are_each_made_once() {
    let mut calls = 0;
    loop {
        let hub = Hub::new();
        let world = hub.world(Mode::Direct);
        let there = world.customer(json!({"companyname": "A"}));
        let item =
            world.netsuite.ui_create(&acme(), &kind("item"), &map(json!({"itemid": "I"})), true, "ann");
        let item = item.unwrap();
        hub.take();
        let writes = json!([
            create(1, "sx-1", json!({"companyname": "New", "email": "new@x"})),
            update(2, &there, json!({"companyname": "A"}), json!({"companyname": "B"})),
            {"operation": key(3), "verb": "delete", "type": "inventoryitem", "id": item,
             "expected": {"itemid": "I"}, "fields": ["itemid"]},
        ]);
        let has_died = dies(&world, &writes, calls);
        let customers = world.netsuite.all(&acme(), &kind("customer"));
        let names: Vec<&Json> = customers.iter().map(|one| &one.values["companyname"]).collect();
        assert_eq!(names, [&json!("B"), &json!("New")], "dead after {calls} calls");
        assert!(world.netsuite.all(&acme(), &kind("item")).is_empty(), "dead after {calls} calls");
        let stats = world.netsuite.stats(&acme());
        let done = (stats.creates, stats.writes_applied, stats.deletes);
        assert_eq!(done, (1, 3, 1), "dead after {calls} calls");
        // Of the update nobody is told: its call is answered.
        let once = [(&customers[1].id, "create"), (&item, "delete")];
        let once = once.map(|(id, operation)| ((id.clone(), operation.to_string()), 1));
        assert_eq!(told(&hub), BTreeMap::from(once), "dead after {calls} calls");
        if !has_died {
            break;
        }
        calls += 1;
    }
    assert!(calls > 20, "only {calls} calls");
}

#[test]
fn lines_are_there_once() {
    let mut calls = 0;
    loop {
        let world = Hub::new().world(Mode::Outbox);
        let customer = world.customer(json!({"companyname": "A"}));
        let line = |name: &str, quantity: u32| json!({"custcol_sx_line": name, "quantity": quantity});
        let values = json!({"entity": customer, "item": [line("a", 1), line("b", 2)]});
        let writes = json!([{"operation": key(1), "verb": "create", "type": "salesorder", "externalId": "sx-1",
                             "values": values, "fields": ["item"]}]);
        let has_died = dies(&world, &writes, calls);
        let orders = world.netsuite.all(&acme(), &kind("salesorder"));
        assert_eq!(orders.len(), 1, "dead after {calls} calls");
        let lines = orders[0].values["item"].as_array().unwrap();
        let held: Vec<_> = lines.iter().map(|line| (&line["custcol_sx_line"], &line["quantity"])).collect();
        assert_eq!(held, [(&json!("a"), &json!(1)), (&json!("b"), &json!(2))], "dead after {calls} calls");
        if !has_died {
            break;
        }
        calls += 1;
    }
    assert!(calls > 10, "only {calls} calls");
}

#[test]
fn what_a_person_did_since_stays() {
    let mut calls = 0;
    let mut kept = 0;
    loop {
        let world = Hub::new().world(Mode::Outbox);
        let id = world.customer(json!({"companyname": "A"}));
        let writes = json!([update(1, &id, json!({"companyname": "A"}), json!({"companyname": "B"}))]);
        world.faults(|f| f.dies_after_calls = Some(calls));
        let (status, _) = world.restlet(&json!({"action": "apply", "writes": writes}));
        world.faults(|f| f.dies_after_calls = None);
        world.edit("customer", &id, json!({"companyname": "Person's"}));
        let outcome = world.apply(writes).remove(0).outcome;
        kept += usize::from(outcome == What::AlreadyApplied);
        assert!(matches!(outcome, What::AlreadyApplied | What::Mismatch), "{calls}: {outcome:?}");
        assert_eq!(world.customer_now(&id).values["companyname"], "Person's", "dead after {calls} calls");
        if status == 200 {
            break;
        }
        calls += 1;
    }
    assert!(kept > 0 && kept < calls as usize, "dead before the save and after it: {kept} of {calls}");
}
