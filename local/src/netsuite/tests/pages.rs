//! NetSuite's own pages.

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::{World, acme};

const BASE: &str = "/netsuite/1234567/ui/inventoryItem";

fn call(world: &World, method: &str, path: &str, body: Json) -> (StatusCode, Json) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, _, body) = world.send(method, path, body);
    (status, serde_json::from_str(&body).unwrap_or(Json::Null))
}

#[test]
fn a_person_creates_edits_and_deletes() {
    let world = World::new();
    let (status, made) = call(&world, "POST", &format!("{BASE}?user=bob"), json!({"itemid": "bolt"}));
    assert_eq!(status, 201);
    assert_eq!(
        (&made["itemid"], &made["baseprice"], &made["externalId"]),
        (&json!("bolt"), &json!(null), &json!(null))
    );
    let at = format!("{BASE}/{}", made["id"].as_str().unwrap());
    world.clock.pass(1_000);
    let (status, edited) = call(&world, "PATCH", &format!("{at}?user_event=off"), json!({"baseprice": 2}));
    assert_eq!((status.as_u16(), &edited["baseprice"]), (200, &json!("2.00")));
    assert_eq!(edited["lastModified"], "2026-01-01T00:00:01Z");
    assert_eq!(call(&world, "GET", &at, Json::Null).1, edited);
    assert_eq!(call(&world, "GET", BASE, Json::Null).1, json!([edited]));
    assert_eq!(call(&world, "GET", &format!("{BASE}?offset=1"), Json::Null).1, json!([]));
    assert_eq!(call(&world, "DELETE", &at, Json::Null).0, 204);
    assert_eq!(call(&world, "GET", &at, Json::Null).0, 404);

    let events = world.netsuite.take_user_events(&acme());
    let seen: Vec<_> = events.iter().map(|e| (&e["operation"], &e["authContext"]["actor"])).collect();
    assert_eq!(
        seen,
        [(&json!("create"), &json!("bob")), (&json!("delete"), &json!("netsuite-user"))],
        "the edit was made where no User Event sees it"
    );
}

#[test]
fn people_are_told_which_field_is_wrong() {
    let world = World::new();
    let (status, problem) = call(&world, "POST", BASE, json!({"quantityavailable": 1.5}));
    assert_eq!(status, 400);
    assert_eq!(problem["o:errorDetails"][0]["o:errorPath"], "quantityavailable");
}

#[test]
fn people_work_on_while_the_interfaces_are_down() {
    let world = World::new();
    world.faults(|f| (f.down, f.latency_ms, f.concurrency) = (true, 60_000, Some(0)));
    assert_eq!(call(&world, "POST", BASE, json!({"itemid": "bolt"})).0, 201);
    assert_eq!(world.netsuite.stats(&acme()).calls, 0);
}
