//! The protocol: headers, parameters, pages, errors, the pool.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{PATH, World};
use crate::netsuite::Nulls;

fn filled(count: usize) -> (World, Vec<String>) {
    let world = World::new();
    let ids = (0..count).map(|n| world.customer(json!({"companyname": format!("C{n}")}))).collect();
    (world, ids)
}

#[test]
fn a_page_looks_like_netsuites() {
    let (world, ids) = filled(5);
    let (status, page) =
        world.page("SELECT ID, companyName, email FROM Customer ORDER BY id", "limit=2&offset=2");
    assert_eq!(status, 200);
    let link =
        |rel: &str, offset: usize| json!({"rel": rel, "href": format!("{PATH}?limit=2&offset={offset}")});
    assert_eq!(
        page,
        json!({
            "links": [link("previous", 0), link("first", 0), link("next", 4), link("last", 4), link("self", 2)],
            "count": 2, "hasMore": true, "offset": 2, "totalResults": 5,
            "items": [
                {"links": [], "id": ids[2], "companyname": "C2"},
                {"links": [], "id": ids[3], "companyname": "C3"},
            ],
        }),
        "numbers are text, names lower case, nothing is left out"
    );
    let (_, last) = world.page("SELECT id FROM customer ORDER BY id", "limit=2&offset=4");
    assert_eq!((&last["hasMore"], &last["count"]), (&json!(false), &json!(1)));
    let (_, beyond) = world.page("SELECT id FROM customer ORDER BY id", "limit=2&offset=6");
    assert_eq!((&beyond["items"], &beyond["totalResults"]), (&json!([]), &json!(5)));
    world.settings(|s| s.nulls = Nulls::Null);
    assert_eq!(world.items("SELECT email FROM customer WHERE ROWNUM = 1"), [json!({"email": null})]);
}

#[test]
fn a_call_in_the_wrong_form_is_refused() {
    let (world, _) = filled(1);
    let query = json!({"q": "SELECT id FROM customer"}).to_string();
    let refused = |path: &str, method: &str, prefer: Option<&str>, body: &str| {
        let (status, problem) = world.ask(path, method, prefer, body);
        let details = &problem["o:errorDetails"][0];
        (status.as_u16(), details["o:errorCode"].as_str().unwrap_or("").to_string(), details.clone())
    };
    let (status, code, details) = refused(PATH, "POST", None, &query);
    assert_eq!((status, &*code, &details["o:errorHeader"]), (400, "INVALID_HEADER", &json!("Prefer")));
    assert_eq!(refused(PATH, "POST", Some("respond-async"), &query).1, "INVALID_HEADER");
    assert_eq!(world.ask(PATH, "POST", Some("Transient"), &query).0, 200);
    assert_eq!(refused(PATH, "GET", Some("transient"), "").1, "INVALID_METHOD");
    for body in ["", "[]", "{}", r#"{"q": 5}"#] {
        assert_eq!(refused(PATH, "POST", Some("transient"), body).1, "INVALID_CONTENT", "{body}");
    }
    for parameters in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=10&offset=5",
        "offset=500",
        "limit=5&offset=5000",
        "offset=100000",
    ] {
        let (status, code, details) =
            refused(&format!("{PATH}?{parameters}"), "POST", Some("transient"), &query);
        assert_eq!((status, &*code), (400, "INVALID_PARAMETER"), "{parameters}");
        assert!(details["o:errorQueryParam"].is_string(), "{parameters}");
    }
    assert_eq!(world.page("SELECT id FROM customer", "limit=5&offset=4995").0, 200);
    assert_eq!(world.ask(&PATH.replace("acme", "nobody"), "POST", Some("transient"), &query).0, 404);
}

#[test]
fn a_refused_query_is_told_in_netsuites_words() {
    let (world, _) = filled(1);
    let (status, problem) = world.page("SELECT subsidiary FROM customer", "");
    assert_eq!(
        (status.as_u16(), problem),
        (
            400,
            json!({
                "type": "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1",
                "title": "Bad Request",
                "status": 400,
                "o:errorDetails": [{
                    "detail": "Invalid search query. Detailed unprocessed description follows. Search error \
                               occurred: Unknown identifier 'subsidiary'. Available identifiers are: \
                               {customer=customer}.",
                    "o:errorQueryParam": "q",
                    "o:errorCode": "INVALID_PARAMETER",
                }],
            })
        )
    );
    assert!(world.refusal("SELECT id FROM invoice").2.ends_with("Record 'invoice' was not found."));
    assert!(world.refusal("SELECT id FROM customer LIMIT 1").2.contains("Invalid or unsupported search."));
}

#[test]
fn a_query_passes_the_same_gate_as_every_call() {
    let (world, _) = filled(1);
    world.faults(|f| f.foreign_calls = 10);
    let (status, code, _) = world.refusal("SELECT id FROM customer");
    assert_eq!((status, &*code), (429, "CONCURRENCY_LIMIT_EXCEEDED"));
    world.faults(|f| (f.foreign_calls, f.query_error) = (0, 1.0));
    let (status, code, _) = world.refusal("SELECT id FROM customer");
    assert_eq!((status, &*code), (500, "UNEXPECTED_ERROR"));
    world.faults(|f| (f.query_error, f.auth) = (0.0, true));
    assert_eq!(world.refusal("SELECT id FROM customer").0, 401);
    world.faults(|f| (f.auth, f.down) = (false, true));
    assert_eq!(world.page("SELECT id FROM customer", "").0, 503);
    assert_eq!(world.netsuite.stats(&super::acme()).calls, 4);
}

#[test]
fn pages_without_an_order_lose_and_repeat_rows() {
    let (world, ids) = filled(30);
    let read = |query: &str| {
        let pages = (0..3).map(|page| world.page(query, &format!("limit=10&offset={}", page * 10)).1);
        let items = pages.flat_map(|page| page["items"].as_array().unwrap().clone());
        items.map(|item| item["id"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let seen: BTreeSet<_> = read("SELECT id FROM customer").into_iter().collect();
    assert!(seen.len() < 30, "three pages of ten happened to hold all thirty");
    assert_eq!(read("SELECT id FROM customer ORDER BY id"), ids);
}

#[test]
fn equal_seeds_and_calls_give_equal_answers() {
    let play = |seed: u64| {
        let world = World::seeded(seed);
        for n in 0..20 {
            world.customer(json!({"companyname": format!("C{n}")}));
        }
        let pages: Vec<Json> = (0..3).map(|_| world.page("SELECT id FROM customer", "limit=10").1).collect();
        (pages[0] != pages[1], pages)
    };
    assert_eq!(play(7), play(7));
    assert_ne!(play(7), play(8));
    assert!(play(7).0, "each page is a run of its own");
}

#[test]
fn rows_beyond_the_ceiling_are_cut_off() {
    let (world, ids) = filled(6);
    world.settings(|s| s.row_ceiling = 4);
    let (_, page) = world.page("SELECT id FROM customer ORDER BY id", "limit=2&offset=2");
    assert_eq!((&page["totalResults"], &page["hasMore"]), (&json!(4), &json!(false)));
    assert_eq!(page["items"][1]["id"], json!(ids[3]));
    let (status, problem) = world.page("SELECT id FROM customer ORDER BY id", "limit=2&offset=4");
    assert_eq!(
        (status.as_u16(), &problem["o:errorDetails"][0]["o:errorQueryParam"]),
        (400, &json!("offset"))
    );
}
