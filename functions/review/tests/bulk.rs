//! Many conflicts at once, rules that decide, previews, preconditions, overrides.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use http::Request;
use memory_ports::{Answer, World, ask, get, key, post};
use review::identity::Development;
use review::{App, Identity, router};
use serde_json::{Value as Json, json};
use shared::domain::event::ChangeEvent;
use shared::domain::id::Side;
use shared::pubsub::Topic;

struct Desk {
    world: World,
    router: Router,
}

/// So many customers in conflict about their comments, the first of which is due first.
fn desk(count: usize) -> Desk {
    let world = World::new();
    for n in 0..count {
        let mut record =
            world.synced(&key("acme", "customer", &format!("{n:04}")), json!({"comments": "base"}));
        world.tell(&mut record, Side::SuiteX, 101, false, &json!({"comments": format!("sx{n}")}));
        world.tell(&mut record, Side::NetSuite, 101, false, &json!({"comments": format!("ns{n}")}));
        world.store(&record, Vec::new());
    }
    let identity = Identity::Development(Development::new(&world.ports.config));
    Desk { router: router(App { ports: world.ports.clone(), identity }), world }
}

impl Desk {
    fn post(&self, path: &str, body: Json) -> Answer {
        post(&self.router, &format!("/api/v1/{path}"), body.to_string())
    }

    fn with_tag(&self, path: &str, tag: &str, body: Json) -> Answer {
        let request = Request::post(format!("/api/v1/{path}")).header("if-match", tag);
        ask(&self.router, request.body(Body::from(body.to_string())).unwrap())
    }

    fn plan(&self, body: Json) -> Json {
        let planned = self.post("conflicts/plan", body);
        assert_eq!(planned.status, 200, "{planned:?}");
        planned.body
    }

    /// The plan as it is sent back.
    fn batch(planned: &Json) -> Json {
        let judged = |item: &Json| {
            let conflict = &item["conflict"];
            json!({"conflictId": conflict["conflictId"], "conflictRevision": conflict["conflictRevision"]})
        };
        let items: Vec<Json> = planned["items"].as_array().unwrap().iter().map(judged).collect();
        json!({"plan": planned["plan"], "policy": planned["policy"], "items": items, "note": "month's end"})
    }

    fn published(&self) -> Vec<ChangeEvent> {
        let messages = self.world.bus.on(Topic::Raw);
        messages.iter().map(|m| ChangeEvent::from_slice(&m.data).unwrap()).collect()
    }

    fn edit(&self, n: usize, value: &str) {
        let mut record = self.world.load(&key("acme", "customer", &format!("{n:04}")));
        self.world.tell(&mut record, Side::SuiteX, 102, false, &json!({"comments": value}));
        self.world.store(&record, Vec::new());
    }

    fn first(&self) -> Json {
        get(&self.router, "/api/v1/conflicts?limit=1").body["items"][0].clone()
    }
}

#[test]
fn five_hundred_are_planned_and_decided_each_by_an_event_of_its_own() {
    let desk = desk(501);
    let planned = desk.plan(json!({"policy": "netsuite_wins", "type": "customer"}));
    assert_eq!((planned["items"].as_array().unwrap().len(), &planned["more"]), (500, &json!(true)));
    assert_eq!(planned["cost"], json!({"netsuiteWrites": 0, "suitexWrites": 500, "netsuiteCalls": 0}));
    let item = &planned["items"][0];
    let effect = item["effects"].as_array().unwrap().iter().find(|e| e["side"] == "suitex").unwrap();
    let n = item["conflict"]["recordId"].as_str().unwrap().parse::<usize>().unwrap();
    assert_eq!(effect["verb"], "update");
    assert_eq!(effect["fields"]["comments"], json!({"from": format!("sx{n}"), "to": format!("ns{n}")}));
    assert!(desk.published().is_empty(), "a plan changes nothing");

    let applied = desk.post("conflicts/apply", Desk::batch(&planned));
    assert_eq!(
        (applied.status.as_u16(), &applied.body["accepted"], &applied.body["left"]),
        (202, &json!(500), &json!(0))
    );
    let events = desk.published();
    assert_eq!(events.iter().map(|e| e.event_id).collect::<BTreeSet<_>>().len(), 500);
    assert!(
        events
            .iter()
            .all(|e| e.actor() == Some("ada@dev.example") && e.auth_context["note"] == "month's end")
    );
    // A double click decides nothing twice: the same decision is the same event.
    desk.post("conflicts/apply", Desk::batch(&planned));
    assert_eq!(desk.published().iter().map(|e| e.event_id).collect::<BTreeSet<_>>().len(), 500);
    let audit = get(&desk.router, "/api/v1/audit/acme").body;
    assert_eq!(audit["items"][0]["details"]["accepted"], 500);
}

#[test]
fn what_has_moved_on_since_the_plan_is_left_and_told() {
    let desk = desk(3);
    let planned = desk.plan(json!({"policy": "suitex_wins"}));
    assert_eq!(planned["cost"], json!({"netsuiteWrites": 3, "suitexWrites": 0, "netsuiteCalls": 1}));
    desk.edit(1, "newer");
    let applied = desk.post("conflicts/apply", Desk::batch(&planned)).body;
    assert_eq!((&applied["accepted"], &applied["left"]), (&json!(2), &json!(1)));
    let left = applied["items"].as_array().unwrap().iter().find(|fate| fate["eventId"].is_null()).unwrap();
    assert!(left["reason"].as_str().unwrap().contains("revision"), "{left}");
}

#[test]
fn nothing_is_applied_that_was_not_planned() {
    let desk = desk(2);
    let planned = desk.plan(json!({"policy": "suitex_wins"}));
    let good = Desk::batch(&planned);
    let with = |name: &str, value: Json| {
        let mut batch = good.clone();
        batch[name] = value;
        batch
    };
    for (batch, status, field) in [
        (with("policy", json!("netsuite_wins")), 409, json!("plan")),
        (with("items", json!([good["items"][0]])), 409, json!("plan")),
        (with("plan", json!("00000000-0000-4000-8000-000000000001")), 409, json!("plan")),
        (with("items", json!([])), 422, json!("items")),
        (with("items", json!([{"conflictId": 7}])), 422, json!("$")),
        (with("note", json!("x".repeat(2_001))), 422, json!("note")),
        (with("colour", json!(1)), 422, json!("$")),
    ] {
        assert_eq!(desk.post("conflicts/apply", batch.clone()).problem(), (status, field), "{batch}");
    }
    for (body, field) in [
        (json!({"policy": "manual"}), "policy"),
        (json!({"policy": "excel"}), "policy"),
        (json!({}), "policy"),
        (json!({"policy": "suitex_wins", "colour": 1}), "colour"),
        (json!({"policy": "suitex_wins", "note": "x"}), "note"),
    ] {
        assert_eq!(desk.post("conflicts/plan", body.clone()).problem(), (422, json!(field)), "{body}");
    }
    assert!(desk.published().is_empty());
}

#[test]
fn who_may_not_decide_can_plan_and_decides_nothing() {
    let desk = desk(2);
    let planned = desk.plan(json!({"policy": "suitex_wins"}));
    let seen = desk.post("conflicts/plan?as=vera", json!({"policy": "suitex_wins"})).body;
    assert_eq!((seen["items"].as_array().unwrap().len(), seen["left"].as_array().unwrap().len()), (0, 2));
    let applied = desk.post("conflicts/apply?as=vera", Desk::batch(&planned)).body;
    assert_eq!((&applied["accepted"], &applied["left"]), (&json!(0), &json!(2)));
    assert!(desk.published().is_empty());
}

/// Has a side delete the record of the n-th conflict, so that somebody must say whether it lives on.
fn delete(desk: &Desk, n: usize) -> Json {
    let mut record = desk.world.load(&key("acme", "customer", &format!("{n:04}")));
    record.conflict.as_mut().expect("a conflict").deleted_by = Some(Side::NetSuite);
    let id = record.conflict.as_ref().map(|conflict| conflict.id);
    desk.world.store(&record, Vec::new());
    json!(id)
}

#[test]
fn no_rule_decides_whether_a_record_lives_on() {
    for policy in ["suitex_wins", "netsuite_wins", "latest_wins"] {
        let desk = desk(3);
        let deleted = delete(&desk, 1);
        let planned = desk.plan(json!({"policy": policy}));
        let items = planned["items"].as_array().unwrap();
        assert_eq!(items.len(), 2, "{policy}");
        assert!(items.iter().all(|item| item["conflict"]["conflictId"] != deleted), "{policy}");
        let left = &planned["left"][0];
        assert_eq!(
            (&left["conflictId"], planned["left"].as_array().unwrap().len()),
            (&deleted, 1),
            "it is told"
        );
        assert!(left["reason"].as_str().unwrap().contains("lives on"), "{left}");

        let path = format!("conflicts/{}", deleted.as_str().unwrap());
        let revision = get(&desk.router, &format!("/api/v1/{path}")).body["conflictRevision"].clone();
        let route = json!({"policy": policy, "conflictRevision": revision});
        assert_eq!(desk.post(&format!("{path}/route"), route).problem(), (422, json!("policy")), "{policy}");
        assert!(desk.published().is_empty(), "{policy}: nothing is decided unasked");
        // Deleted between the plan and its application.
        let also = delete(&desk, 2);
        let applied = desk.post("conflicts/apply", Desk::batch(&planned)).body;
        assert_eq!((&applied["accepted"], &applied["left"]), (&json!(1), &json!(1)), "{policy}: {applied}");
        let left =
            applied["items"].as_array().unwrap().iter().find(|fate| fate["eventId"].is_null()).unwrap();
        assert_eq!(left["conflictId"], also);
        assert!(desk.published().iter().all(|e| e.payload.resolution.as_ref().unwrap().keep.is_none()));
        // A person may, of course.
        let answer = json!({"choice": "suitex", "keep": true, "conflictRevision": revision});
        assert_eq!(desk.post(&format!("{path}/resolve"), answer).status, 202);
    }
}

#[test]
fn deletions_and_conflicts_of_others_do_not_fill_the_plan() {
    let desk = desk(501);
    for n in 0..500 {
        delete(&desk, n);
    }
    let planned = desk.plan(json!({"policy": "suitex_wins"}));
    assert_eq!(planned["items"].as_array().unwrap().len(), 1, "the one that a rule can decide");
    assert_eq!((planned["left"].as_array().unwrap().len(), &planned["more"]), (100, &json!(false)));
    // Gus decides in globex alone: acme's are neither in his plan nor told.
    let of_gus = desk.post("conflicts/plan?as=gus", json!({"policy": "suitex_wins"})).body;
    assert_eq!((&of_gus["items"], &of_gus["left"]), (&json!([]), &json!([])));
}

#[test]
fn a_rule_decides_as_it_would_have() {
    for (policy, choice) in
        [("suitex_wins", "suitex"), ("netsuite_wins", "netsuite"), ("latest_wins", "suggested")]
    {
        let desk = desk(1);
        let first = desk.first();
        let path = format!("conflicts/{}/route", first["conflictId"].as_str().unwrap());
        let body = json!({"policy": policy, "conflictRevision": first["conflictRevision"], "note": "surge"});
        assert_eq!(desk.post(&path, body).status, 202);
        let resolution = serde_json::to_value(&desk.published()[0].payload.resolution).unwrap();
        assert_eq!(resolution["fields"]["comments"], choice, "{policy}");
    }
}

#[test]
fn a_preview_says_what_would_be_written_where_and_writes_nothing() {
    let desk = desk(1);
    let first = desk.first();
    let path = format!("conflicts/{}/preview", first["conflictId"].as_str().unwrap());
    let answer =
        json!({"conflictRevision": first["conflictRevision"], "fields": {"comments": {"value": "both"}}});
    let effects = desk.post(&path, answer).body["effects"].clone();
    assert_eq!(
        effects,
        json!([
            {"side": "netsuite", "verb": "update", "fields": {"comments": {"from": "ns0", "to": "both"}}},
            {"side": "suitex", "verb": "update", "fields": {"comments": {"from": "sx0", "to": "both"}}},
        ])
    );
    assert!(desk.published().is_empty());
}

#[test]
fn a_change_names_the_state_on_which_it_was_judged() {
    let desk = desk(1);
    let first = desk.first();
    let id = first["conflictId"].as_str().unwrap();
    let shown = get(&desk.router, &format!("/api/v1/conflicts/{id}"));
    let tag = shown.headers["etag"].to_str().unwrap().to_string();
    let path = format!("conflicts/{id}/resolve");
    let answer = || json!({"choice": "suitex"});
    assert_eq!(desk.post(&path, answer()).problem(), (428, json!("conflictRevision")));
    for bad in ["7", "\"x\"", "*", "\"1\", \"2\""] {
        assert_eq!(desk.with_tag(&path, bad, answer()).problem(), (400, json!("If-Match")), "{bad}");
    }
    let other = json!({"choice": "suitex", "conflictRevision": 99});
    assert_eq!(desk.with_tag(&path, &tag, other).problem(), (400, json!("conflictRevision")));
    desk.edit(0, "newer");
    let stale = desk.with_tag(&path, &tag, answer());
    assert_eq!(stale.problem().0, 412);
    assert_eq!(stale.body["conflict"]["fields"]["comments"]["suitex"], "newer", "what there is to judge now");
    let seen = first["conflictRevision"].as_u64().unwrap();
    let changes = get(&desk.router, &format!("/api/v1/conflicts/{id}/changes?since={seen}")).body;
    assert_eq!(changes["revision"], seen + 1);
    let tag =
        get(&desk.router, &format!("/api/v1/conflicts/{id}")).headers["etag"].to_str().unwrap().to_string();
    assert_eq!(desk.with_tag(&path, &tag, answer()).status, 202);
}

#[test]
fn an_admin_sets_values_and_says_why() {
    let desk = desk(1);
    let path = "records/acme/customer/0000/override";
    let version = get(&desk.router, "/api/v1/records/acme/customer/0000").body["version"].clone();
    let body = |change: Json| {
        let mut body = json!({"version": version, "fields": {"email": "o@a.example"}, "note": "by phone"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    for (change, status, field) in [
        (json!({"version": null}), 428, json!("version")),
        (json!({"note": null}), 422, json!("note")),
        (json!({"note": "  "}), 422, json!("note")),
        (json!({"fields": {}}), 422, json!("fields")),
        (json!({"fields": {"colour": 1}}), 422, json!("fields.colour")),
        (json!({"fields": {"credit_limit": "a lot"}}), 422, json!("fields.credit_limit")),
        (json!({"fields": {"parent": "999"}}), 422, json!("fields.parent")),
        (json!({"unlock": "yes"}), 422, json!("unlock")),
        (json!({"by": "me"}), 422, json!("by")),
        (json!({"version": 99}), 409, Json::Null),
    ] {
        assert_eq!(desk.post(path, body(change.clone())).problem(), (status, field), "{change}");
    }
    assert_eq!(desk.post(&format!("{path}?as=rita"), body(json!({}))).problem().0, 403);
    assert!(desk.published().is_empty());
    let first = desk.post(path, body(json!({})));
    assert_eq!(first.status, 202, "{first:?}");
    assert_eq!(desk.post(path, body(json!({}))).body, first.body, "a double click is one override");
    let event = &desk.published()[0];
    let overriding = event.payload.overriding.as_ref().expect("an override");
    assert_eq!(overriding.fields["email"], "o@a.example");
    assert_eq!((event.actor(), &event.auth_context["note"]), (Some("ada@dev.example"), &json!("by phone")));
}

#[test]
fn another_sites_page_cannot_decide() {
    let desk = desk(1);
    let first = desk.first();
    let id = first["conflictId"].as_str().unwrap();
    let body = json!({"choice": "suitex", "conflictRevision": first["conflictRevision"]}).to_string();
    let from = |headers: &[(&str, &str)]| {
        let path = format!("/api/v1/conflicts/{id}/resolve");
        let request =
            headers.iter().fold(Request::post(path), |request, (name, value)| request.header(*name, *value));
        let length = body.len().to_string();
        ask(&desk.router, request.header("content-length", length).body(Body::from(body.clone())).unwrap())
    };
    let json = ("content-type", "application/json");
    assert_eq!(from(&[("sec-fetch-site", "cross-site"), json]).problem().0, 403);
    assert_eq!(from(&[("origin", "https://evil.example"), ("host", "sync.example"), json]).problem().0, 403);
    assert_eq!(from(&[("sec-fetch-site", "same-origin"), ("content-type", "text/plain")]).problem().0, 415);
    assert!(desk.published().is_empty());
    let good = from(&[("sec-fetch-site", "same-origin"), json]);
    assert_eq!(good.status, 202);
    assert!(good.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert_eq!(good.headers["cache-control"], "no-store");
    assert_eq!(good.headers["x-content-type-options"], "nosniff");
}

#[test]
fn ten_thousand_open_conflicts_come_in_pages_in_the_order_in_which_they_are_due() {
    let desk = desk(1_000);
    assert_eq!(get(&desk.router, "/api/v1/conflicts?limit=10000").problem(), (400, json!("limit")));
    let (mut seen, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = get(&desk.router, &format!("/api/v1/conflicts?limit=200{after}")).body;
        for item in page["items"].as_array().unwrap() {
            assert!(seen.insert(item["conflictId"].as_str().unwrap().to_string()), "each once");
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 1_000);
    for (query, field) in [
        ("after=x", "after"),
        ("type=invoice", "type"),
        ("field=comments", "field"),
        ("field=customer.colour", "field"),
        ("policy=latest_wins", "policy"),
        ("risk=none", "risk"),
        ("olderThanHours=soon", "olderThanHours"),
    ] {
        assert_eq!(
            get(&desk.router, &format!("/api/v1/conflicts?{query}")).problem(),
            (400, json!(field)),
            "{query}"
        );
    }
    for (query, count) in [
        ("field=customer.comments", 5),
        ("field=customer.email", 0),
        ("type=item", 0),
        ("type=customer", 5),
        ("policy=ask", 0),
        ("policy=manual", 5),
        ("risk=low", 5),
        ("risk=high", 0),
        ("olderThanHours=1", 0),
        ("olderThanHours=0", 5),
        ("account=globex", 0),
    ] {
        let page = get(&desk.router, &format!("/api/v1/conflicts?limit=5&{query}")).body;
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
}

#[test]
fn a_script_in_a_customers_name_stays_text() {
    let desk = desk(0);
    let script = "<script>alert(1)</script>";
    desk.world.synced(&key("acme", "customer", "1"), json!({"company_name": script}));
    let shown = get(&desk.router, "/api/v1/records/acme/customer/1");
    assert_eq!(shown.body["state"]["company_name"], script);
    assert_eq!(shown.headers["content-type"], "application/json");
    assert_eq!(shown.headers["x-content-type-options"], "nosniff");
}
