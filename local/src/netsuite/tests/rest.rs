//! The record service.

use http::StatusCode;
use serde_json::{Value as Json, json};

use super::{World, acme};

const BASE: &str = "/netsuite/acme/services/rest/record/v1/customer";

fn call(world: &World, method: &str, path: &str, body: Json) -> (StatusCode, Json, Option<String>) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, headers, body) = world.send(method, path, body);
    let location = headers.get("location").map(|l| l.to_str().unwrap().to_string());
    (status, serde_json::from_str(&body).unwrap_or(Json::Null), location)
}

#[test]
fn a_record_lives_and_dies() {
    let world = World::new();
    let (status, _, at) = call(&world, "POST", BASE, json!({"companyname": "A", "externalId": "C-1"}));
    assert_eq!(status, 204);
    let at = at.unwrap();
    let (status, _, _) = call(&world, "PATCH", &at, json!({"email": "a@x", "phone": "1"}));
    assert_eq!(status, 204);
    call(&world, "PATCH", &format!("{BASE}/eid:C-1"), json!({"phone": null}));
    let (status, record, _) = call(&world, "GET", &at, Json::Null);
    assert_eq!(status, 200);
    let id = at.rsplit('/').next().unwrap();
    assert_eq!(
        record,
        json!({"id": id, "externalId": "C-1", "lastModifiedDate": "2026-01-01T00:00:00Z",
               "companyname": "A", "email": "a@x"})
    );
    let events = world.netsuite.take_user_events(&acme());
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|e| e["metadata"] == json!({"context": "RESTWEBSERVICES"})));
    assert_eq!(call(&world, "DELETE", &at, Json::Null).0, 204);
    let (status, problem, _) = call(&world, "GET", &at, Json::Null);
    assert_eq!(
        (status.as_u16(), &problem["o:errorDetails"][0]["o:errorCode"]),
        (404, &json!("NONEXISTENT_ID"))
    );
}

#[test]
fn put_by_external_id_creates_and_then_updates() {
    let world = World::new();
    let path = format!("{BASE}/eid:C-2");
    let (status, _, first) = call(&world, "PUT", &path, json!({"companyname": "A"}));
    assert_eq!(status, 204);
    let (_, _, second) = call(&world, "PUT", &path, json!({"companyname": "B"}));
    assert_eq!(first, second);
    assert_eq!(call(&world, "GET", &path, Json::Null).1["companyname"], "B");
    assert_eq!(call(&world, "PUT", &first.unwrap(), json!({})).0, 405, "only by external id");
    let (status, problem, _) = call(&world, "POST", BASE, json!({"externalId": "C-2"}));
    assert_eq!(status, 400);
    assert_eq!(problem["o:errorDetails"][0]["o:errorPath"], "externalId");
}

#[test]
fn a_collection_comes_in_pages() {
    let world = World::new();
    let ids: Vec<_> = (0..5).map(|n| world.customer(json!({"companyname": n.to_string()}))).collect();
    let (_, page, _) = call(&world, "GET", &format!("{BASE}?limit=2&offset=2"), Json::Null);
    assert_eq!(
        (&page["hasMore"], &page["totalResults"], &page["count"]),
        (&json!(true), &json!(5), &json!(2))
    );
    assert_eq!(page["items"][0]["id"], json!(ids[2]));
    assert_eq!(page["items"][0]["links"][0]["href"], format!("{BASE}/{}", ids[2]));
    let (_, page, _) = call(&world, "GET", &format!("{BASE}?limit=2&offset=4"), Json::Null);
    assert_eq!((&page["hasMore"], &page["count"]), (&json!(false), &json!(1)));
    assert_eq!(call(&world, "GET", &format!("{BASE}?limit=0"), Json::Null).0, 400);
    assert_eq!(call(&world, "GET", &format!("{BASE}?limit=many"), Json::Null).0, 400);
}

#[test]
fn errors_name_the_field() {
    let world = World::new();
    for (body, code, path) in [
        (json!({"nonsense": 1}), "NONEXISTENT_FIELD", "nonsense"),
        (json!({"creditlimit": "x"}), "INVALID_CONTENT", "creditlimit"),
        (json!({"parent": {"id": "9"}}), "INVALID_KEY_OR_REF", "parent"),
    ] {
        let (status, problem, _) = call(&world, "POST", BASE, body);
        let details = &problem["o:errorDetails"][0];
        assert_eq!((status.as_u16(), &details["o:errorCode"]), (400, &json!(code)));
        assert_eq!(details["o:errorPath"], path);
        assert_eq!(problem["type"], "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1");
        assert_eq!(problem["title"], "Bad Request");
    }
    assert_eq!(call(&world, "POST", BASE, json!([1])).0, 400);
    let nowhere = BASE.replace("customer", "invoice");
    assert_eq!(call(&world, "GET", &nowhere, Json::Null).0, 404);
    assert_eq!(call(&world, "GET", &BASE.replace("customer", "CUSTOMER"), Json::Null).0, 200);
}
