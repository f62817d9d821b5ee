use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

/// Status, content type and body of a request's answer.
fn send(suitex: &Arc<SuiteX>, method: &str, path: &str, body: &str) -> (u16, String, Json) {
    let request = Request::builder().method(method).uri(format!("/suitex/{path}"));
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = at_once(suitex.router().oneshot(request)).unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get(header::CONTENT_TYPE).map_or("", |v| v.to_str().unwrap()).to_string();
    let bytes = at_once(response.into_body().collect()).unwrap().to_bytes();
    (status, kind, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[test]
fn rows_are_created_read_listed_edited_and_deleted() {
    let suitex = suitex();
    let mut row = json!({
        "id": "1", "sync_id": null, "revision": 1,
        "company": "Acme", "credit_limit": null, "tags": null, "parent_id": null,
    });
    let records = "acme/records/customer";
    let json = "application/json".to_string();
    assert_eq!(
        send(&suitex, "POST", &format!("{records}?user=ann"), r#"{"company":"Acme"}"#),
        (201, json.clone(), row.clone())
    );
    assert_eq!(send(&suitex, "GET", "acme/records/customers/1", ""), (200, json.clone(), row.clone()));
    (row["company"], row["revision"]) = (json!("B"), json!(2));
    assert_eq!(
        send(&suitex, "PATCH", &format!("{records}/1"), r#"{"company":"B"}"#),
        (200, json.clone(), row.clone())
    );
    assert_eq!(send(&suitex, "GET", records, ""), (200, json, json!([row])));
    assert_eq!(send(&suitex, "DELETE", &format!("{records}/1?user=bob"), ""), (204, "".into(), Json::Null));
    let actors: Vec<_> = suitex.outbox_rows().into_iter().map(|row| row.actor).collect();
    assert_eq!(actors, ["ann", "suitex-user", "bob"]);
}

#[test]
fn a_list_comes_in_pages() {
    let suitex = suitex();
    for _ in 0..5 {
        suitex.add("item", json!({}));
    }
    let ids = |query: &str| -> Vec<String> {
        let (_, _, rows) = send(&suitex, "GET", &format!("acme/records/item{query}"), "");
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(ids(""), ["1", "2", "3", "4", "5"]);
    assert_eq!(ids("?limit=2&offset=3"), ["4", "5"]);
    assert!(ids("?offset=9").is_empty());
}

#[test]
fn errors_are_problems_that_name_what_is_wrong() {
    let suitex = suitex();
    suitex.add("customer", json!({}));
    suitex.add("customer", json!({"parent_id": "1"}));
    suitex.add("customer", json!({}));
    suitex.delete(&acme(), "customer", "3", "ann").unwrap();
    for (method, path, body, status, field, detail) in [
        ("GET", "nobody/records/customer", "", 404, None, "account"),
        ("GET", "a%20b/records/customer", "", 404, None, "account"),
        ("POST", "acme/records/ship", "{}", 404, None, "\"ship\""),
        ("GET", "acme/records/customer/9", "", 404, None, "\"9\""),
        ("GET", "acme/records/customer/3", "", 410, None, "deleted"),
        ("PATCH", "acme/records/customer/3", "{}", 410, None, "deleted"),
        ("DELETE", "acme/records/customer/3", "", 410, None, "deleted"),
        ("DELETE", "acme/records/customer/1", "", 409, None, "1 times"),
        ("POST", "acme/records/customer", "{\"company\":", 400, None, "line 1"),
        ("POST", "acme/records/customer", "[]", 400, None, "object"),
        ("PATCH", "acme/records/customer/1", "", 400, None, "object"),
        ("GET", "acme/records/customer?limit=many", "", 400, None, "limit"),
        ("POST", "acme/records/customer", r#"{"colour":1}"#, 422, Some("colour"), "customers has no column"),
        ("POST", "acme/records/customer", r#"{"id":"1"}"#, 422, Some("id"), "has no column"),
        (
            "PATCH",
            "acme/records/customer/1",
            r#"{"credit_limit":"x"}"#,
            422,
            Some("credit_limit"),
            "a decimal",
        ),
        ("PATCH", "acme/records/customer/1", r#"{"parent_id":"3"}"#, 422, Some("parent_id"), "no customer"),
    ] {
        let (got, kind, problem) = send(&suitex, method, path, body);
        assert_eq!((got, &*kind), (status, "application/problem+json"), "{method} {path}: {problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem.get("field").and_then(Json::as_str), field, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
        assert!(problem["type"].as_str().unwrap().starts_with("urn:suitex:problem:"), "{problem}");
        assert!(problem["title"].is_string());
    }
    assert_eq!(suitex.outbox_len(&acme()), 4);
}
