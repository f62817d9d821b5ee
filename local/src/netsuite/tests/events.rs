//! What User Events tell, and when they don't.

use serde_json::{Value as Json, json};

use super::{World, acme, create, delete, key, kind, map, update};

fn told(world: &World) -> Vec<Json> {
    world.netsuite.take_user_events(&acme())
}

#[test]
fn a_persons_edits_are_told_field_by_field() {
    let world = World::new();
    world.clock.pass(250);
    let id = world.customer(json!({"companyname": "A", "email": "a@x", "phone": ""}));
    let mut created = told(&world).remove(0);
    let event_id = created["eventId"].take();
    assert!(event_id.as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    assert_eq!(
        created,
        json!({
            "eventId": null, "accountId": "acme", "recordType": "customer", "recordId": id,
            "source": "netsuite-ue", "operation": "create",
            "timestamp": "2026-01-01T00:00:00.250Z", "revision": "2026-01-01T00:00:00Z",
            "payload": {"changes": {"companyname": "A", "email": "a@x"}, "previous": {}},
            "metadata": {"context": "USERINTERFACE"}, "authContext": {"actor": "ann"},
        })
    );
    world.edit("customer", &id, json!({"companyname": "B", "email": null, "phone": null}));
    let edited = told(&world).remove(0);
    assert_ne!(edited["eventId"], event_id);
    assert_eq!(edited["operation"], "update");
    let payload = json!({"changes": {"companyname": "B", "email": null},
                         "previous": {"companyname": "A", "email": "a@x"}});
    assert_eq!(edited["payload"], payload);
    world.netsuite.ui_delete(&acme(), &kind("customer"), &id, true, "ann").unwrap();
    let deleted = told(&world).remove(0);
    assert_eq!(deleted["operation"], "delete");
    assert_eq!(deleted["payload"], json!({"changes": {}, "previous": {"companyname": "B"}}));
}

#[test]
fn of_our_restlets_saves_an_update_is_not_told_and_the_others_name_their_operation() {
    let world = World::new();
    let id = world.apply_one(create(1, "sx-1", json!({"companyname": "A"}))).id.unwrap();
    world.apply_one(update(2, &id, json!({}), json!({"companyname": "B"})));
    world.apply_one(delete(3, &id, json!({})));
    let events = told(&world);
    for (event, (operation, n)) in events.iter().zip([("create", 1), ("delete", 3)]) {
        assert_eq!(event["operation"], operation);
        assert_eq!(event["metadata"], json!({"context": "RESTLET", "operation": key(n)}));
        assert_eq!(event["externalId"], "sx-1");
        assert_eq!(event["authContext"]["actor"], "suitex-sync");
    }
    assert_eq!(events.len(), 2);
}

#[test]
fn changed_lines_are_told_as_the_whole_list() {
    let world = World::new();
    let customer = world.customer(json!({"companyname": "A"}));
    let values = map(json!({"entity": customer, "item": [{"quantity": 1}, {"quantity": 2}]}));
    let id = world.netsuite.ui_create(&acme(), &kind("salesorder"), &values, true, "ann").unwrap();
    let lines = told(&world)[1]["payload"]["changes"]["item"].clone();
    assert_eq!(lines.as_array().unwrap().len(), 2);
    let mut edited = lines.clone();
    edited[1]["quantity"] = json!(5);
    world.edit("salesorder", &id, json!({"item": edited}));
    let payload = told(&world)[0]["payload"].clone();
    assert_eq!(payload, json!({"changes": {"item": edited}, "previous": {"item": lines}}));
}

#[test]
fn some_changes_no_user_event_sees() {
    let world = World::new();
    let values = map(json!({"companyname": "A"}));
    let id = world.netsuite.ui_create(&acme(), &kind("customer"), &values, false, "csv").unwrap();
    assert!(told(&world).is_empty());
    world.faults(|f| f.user_event_off = true);
    world.edit("customer", &id, json!({"companyname": "B"}));
    assert!(told(&world).is_empty());
    world.faults(|f| (f.user_event_off, f.user_event_lost) = (false, 1.0));
    world.edit("customer", &id, json!({"companyname": "C"}));
    assert!(told(&world).is_empty());
    assert_eq!(world.customer_now(&id).values["companyname"], "C");
    let injected = world.netsuite.injected(&acme());
    assert_eq!((injected["user_event_off"], injected["user_event_lost"]), (1, 1));
}

#[test]
fn an_event_told_twice_is_one_event() {
    let world = World::new();
    world.faults(|f| f.user_event_doubled = 1.0);
    world.customer(json!({"companyname": "A"}));
    let events = told(&world);
    assert_eq!(events.len(), 2);
    assert_eq!(events[0], events[1]);
}
