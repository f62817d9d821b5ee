//! The native twin and the deployed scripts, side by side: the same calls and saves have the same outcomes.
//!
//! Compared is what they mean: decimals by value, an empty checkbox as false, lines by their keys. Ids of events are
//! the scripts' own. Of a deleted record the scripts know the id by which it was asked for and no other, and by
//! external id the time to the minute; the twin knows everything, which nobody must rely on.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};
use shared::netsuite::wire::{Answer, Outcome, What};

use super::scripts::Hub;
use super::{World, acme, create, delete, key, kind, map, update};
use crate::netsuite::{Faults, Mode};

struct Both {
    twin: World,
    deployed: World,
    hub: Arc<Hub>,
}

impl Both {
    fn new() -> Self {
        let hub = Hub::new();
        let deployed = hub.world(Mode::Outbox);
        Self { twin: World::new(), deployed, hub }
    }

    fn each<T>(&self, act: impl Fn(&World) -> T) -> [T; 2] {
        [act(&self.twin), act(&self.deployed)]
    }

    fn pass(&self, millis: i64) {
        self.each(|world| world.clock.pass(millis));
    }

    fn faults(&self, change: impl Fn(&mut Faults)) {
        self.each(|world| world.faults(&change));
    }

    /// A record of a person's making; it has the same id in both.
    fn made(&self, record_type: &str, values: Json) -> String {
        let ids = self.each(|world| {
            world.netsuite.ui_create(&acme(), &kind(record_type), &map(values.clone()), true, "ann").unwrap()
        });
        assert_eq!(ids[0], ids[1]);
        ids[0].clone()
    }

    fn edit(&self, record_type: &str, id: &str, values: Json) {
        self.each(|world| world.edit(record_type, id, values.clone()));
    }

    fn apply(&self, writes: Json) -> Vec<Outcome> {
        self.ask(json!({ "action": "apply", "writes": writes }))
    }

    fn one(&self, write: Json) -> Outcome {
        self.apply(json!([write])).remove(0)
    }

    fn read(&self, read: Json) -> Outcome {
        self.ask(json!({ "action": "read", "reads": [read] })).remove(0)
    }

    /// The same answer from both, and the same records after it.
    fn ask(&self, call: Json) -> Vec<Outcome> {
        let [twin, deployed] = self.each(|world| world.answer(&call));
        assert_eq!(told(&twin), told(&deployed), "{call}");
        self.have_the_same_records();
        deployed.results
    }

    fn have_the_same_records(&self) {
        for name in ["customer", "item", "salesorder"] {
            let [twin, deployed] = self.each(|world| {
                let all = world.netsuite.all(&acme(), &kind(name));
                canonical(&serde_json::to_value(all).unwrap())
            });
            assert_eq!(twin, deployed);
        }
    }

    /// The events since the last time, which both told the same.
    fn events(&self) -> Vec<Json> {
        self.deployed.netsuite.run_outbox_script(&acme());
        let twin = self.twin.netsuite.take_user_events(&acme());
        let deployed: Vec<Json> =
            self.hub.take().iter().map(|post| serde_json::from_str(&post.body).unwrap()).collect();
        let events = |events: &[Json]| events.iter().map(event).collect::<Vec<_>>();
        assert_eq!(events(&twin), events(&deployed));
        deployed
    }
}

/// What an answer says, in one form.
fn told(answer: &Answer) -> (Vec<Json>, i64) {
    let outcome = |outcome: &Outcome| {
        let mut json = canonical(&serde_json::to_value(outcome).unwrap());
        // NetSuite's sentences are for people; that there is one is enough.
        if let Some(error) = json.get_mut("error") {
            error["message"] = json!(!error["message"].as_str().unwrap_or_default().is_empty());
        }
        let gone = !matches!(outcome.outcome, What::Found | What::Mismatch | What::Refused)
            && outcome.values.is_empty();
        if let (true, Some(object)) = (gone, json.as_object_mut()) {
            object.remove("id");
            object.remove("externalId");
        }
        json
    };
    // How far a write got before it was refused, and so what it cost, is not the twin's to know.
    let refused = answer.results.iter().any(|outcome| outcome.outcome == What::Refused);
    (answer.results.iter().map(outcome).collect(), if refused { 0 } else { answer.remaining_usage })
}

/// An event without its id, and without what says nothing.
fn event(event: &Json) -> Json {
    let mut event = canonical(event);
    event["eventId"] = Json::Null;
    for part in ["changes", "previous"] {
        let kept = event["payload"][part].as_object().into_iter().flatten();
        let changed = event["payload"]["changes"].as_object().cloned().unwrap_or_default();
        let other = |name: &String| event["operation"] == "update" && changed.contains_key(name);
        let kept: Map<String, Json> = kept
            .filter(|(name, v)| other(name) || !v.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        event["payload"][part] = Json::Object(kept);
    }
    event
}

/// One form for what is the same.
fn canonical(json: &Json) -> Json {
    match json {
        Json::Bool(false) => Json::Null,
        Json::Null | Json::Bool(true) => json.clone(),
        Json::Number(number) => number_text(&number.to_string()).unwrap_or_else(|| json.clone()),
        Json::String(text) => number_text(text).unwrap_or_else(|| json.clone()),
        Json::Array(items) => items.iter().map(canonical).collect(),
        Json::Object(object) => object.iter().map(|(k, v)| (k.clone(), canonical(v))).collect(),
    }
}

fn number_text(text: &str) -> Option<Json> {
    let number: Decimal = text.parse().ok()?;
    Some(json!(number.normalize().to_string()))
}

fn all(n: u128, verb: &str, id: Option<&str>, values: Json) -> Json {
    json!({"operation": key(n), "verb": verb, "type": "customer", "id": id, "values": values, "expected": {},
           "fields": ["companyname", "email", "creditlimit", "custentity_tags", "isinactive", "parent", "nonsense"]})
}

#[test]
fn updates() {
    let both = Both::new();
    let id = both.made(
        "customer",
        json!({"companyname": "Old", "creditlimit": "12.50", "custentity_tags": ["b", "a"]}),
    );
    both.pass(2_000);
    let applied = both.one(update(
        1,
        &id,
        json!({"companyname": "Old", "creditlimit": 12.5}),
        json!({"companyname": "New"}),
    ));
    assert_eq!(applied.outcome, What::Applied);
    both.pass(2_000);
    assert_eq!(
        both.one(update(2, &id, json!({"companyname": "Old"}), json!({"companyname": "x"}))).outcome,
        What::Mismatch
    );
    assert_eq!(
        both.one(update(1, &id, json!({"companyname": "Old"}), json!({"companyname": "New"}))).outcome,
        What::AlreadyApplied
    );
    both.edit("customer", &id, json!({"companyname": "Edited"}));
    let again = both.one(update(1, &id, json!({"companyname": "Old"}), json!({"companyname": "New"})));
    assert_eq!((again.outcome, &again.values["companyname"]), (What::AlreadyApplied, &json!("Edited")));
    // What holds already is not saved again.
    both.pass(2_000);
    assert_eq!(
        both.one(update(3, &id, json!({}), json!({"companyname": "Edited"}))).last_modified,
        again.last_modified
    );
    for (n, values) in [
        (10, json!({"creditlimit": "0.1"})),
        (11, json!({"creditlimit": 1234567.891})),
        (12, json!({"creditlimit": null, "isinactive": true, "custentity_tags": ["z", "a", "a"]})),
        (13, json!({"isinactive": "F", "custentity_tags": []})),
        (14, json!({"comments": "line\nline, \"quoted\", é ✓", "companyname": ""})),
    ] {
        both.pass(1_000);
        assert_eq!(both.one(all(n, "update", Some(&id), values)).outcome, What::Applied);
    }
}

#[test]
fn every_kind_of_value() {
    let both = Both::new();
    let customer = both.made("customer", json!({"companyname": "A"}));
    let order = json!({"operation": key(1), "verb": "create", "type": "salesorder", "externalId": "so-1",
        "values": {"entity": customer, "trandate": "2026-03-29", "shipdate": "2026-12-31", "memo": "m",
                   "custbody_confirmed_at": "2026-03-29T01:30:00.000Z", "orderstatus": "B", "shippingcost": "-0.005"},
        "fields": ["entity", "trandate", "shipdate", "custbody_confirmed_at", "memo", "orderstatus", "shippingcost", "item"]});
    let made = both.one(order);
    assert_eq!((made.outcome, &made.values["trandate"]), (What::Applied, &json!("2026-03-29")));
    let item = json!({"operation": key(2), "verb": "create", "type": "inventoryitem", "externalId": "i-1",
        "values": {"itemid": "bolt", "baseprice": "0.07", "quantityavailable": 7, "class": "c", "upccode": null},
        "fields": ["itemid", "baseprice", "quantityavailable", "class", "isinactive", "upccode"]});
    assert_eq!(both.one(item).outcome, What::Applied);
    for bad in [
        json!({"trandate": "2026-02-30"}),
        json!({"orderstatus": "Q"}),
        json!({"custbody_confirmed_at": "soon"}),
    ] {
        let write = json!({"operation": key(3), "verb": "update", "type": "salesorder", "externalId": "so-1",
                           "values": bad, "fields": ["memo"]});
        assert_eq!(both.one(write).error.unwrap().code, "INVALID_FLD_VALUE");
    }
}

#[test]
fn creates_and_deletions() {
    let both = Both::new();
    let first = both.one(create(1, "sx-7", json!({"companyname": "A"})));
    both.pass(1_500);
    let second = both.one(create(2, "sx-7", json!({"companyname": "B"})));
    assert_eq!((first.outcome, second.outcome, &first.id), (What::Applied, What::AlreadyApplied, &second.id));
    let id = first.id.unwrap();
    assert_eq!(both.one(delete(3, &id, json!({"companyname": "B"}))).outcome, What::Mismatch);
    both.pass(60_000);
    assert_eq!(both.one(delete(4, &id, json!({"companyname": "A"}))).outcome, What::Applied);
    both.pass(60_000);
    assert_eq!(both.one(delete(4, &id, json!({}))).outcome, What::AlreadyApplied);
    assert_eq!(both.one(delete(5, &id, json!({}))).outcome, What::AlreadyApplied);
    assert_eq!(both.one(update(6, &id, json!({}), json!({"email": "a@x"}))).outcome, What::Deleted);
    assert_eq!(both.one(create(1, "sx-7", json!({"companyname": "A"}))).outcome, What::Deleted);
    for missing in ["999999", "007", "x"] {
        assert_eq!(both.one(update(7, missing, json!({}), json!({}))).outcome, What::Missing);
        assert_eq!(both.one(delete(8, missing, json!({}))).outcome, What::Missing);
    }
    let reborn = both.one(create(9, "sx-7", json!({"companyname": "A"})));
    assert_ne!(reborn.id.as_ref(), Some(&id));
}

#[test]
fn refusals() {
    let both = Both::new();
    let id = both.made("customer", json!({"companyname": "Old"}));
    for (values, code, field) in [
        (json!({"parent": "424242"}), "INVALID_KEY_OR_REF", "parent"),
        (json!({"company_name": "x"}), "INVALID_FLD_VALUE", "company_name"),
        (json!({"creditlimit": "a lot"}), "INVALID_FLD_VALUE", "creditlimit"),
        (json!({"companyname": "x".repeat(84)}), "INVALID_FLD_VALUE", "companyname"),
    ] {
        let refused = both.one(update(1, &id, json!({}), values));
        let error = refused.error.unwrap();
        assert_eq!((error.code.as_str(), error.field.as_deref()), (code, Some(field)));
        assert_eq!(refused.values["companyname"], "Old");
    }
    let mut write = update(2, &id, json!({}), json!({}));
    write["type"] = json!("invoice");
    assert_eq!(both.one(write).error.unwrap().code, "INVALID_RCRD_TYPE");
    let child = both.made("customer", json!({"companyname": "Child", "parent": id}));
    assert_eq!(both.one(delete(3, &id, json!({}))).error.unwrap().code, "USER_ERROR");
    assert_eq!(both.one(delete(4, &child, json!({}))).outcome, What::Applied);
    both.faults(|f| f.refuse_probability = 1.0);
    assert_eq!(both.one(update(5, &id, json!({}), json!({"email": "x"}))).error.unwrap().code, "USER_ERROR");
}

#[test]
fn reads() {
    let both = Both::new();
    let id = both.one(create(1, "sx-1", json!({"companyname": "A"}))).id.unwrap();
    both.one(update(2, &id, json!({}), json!({"companyname": "B"})));
    both.edit("customer", &id, json!({"companyname": "C"}));
    let fields = ["companyname", "email", "nonsense"];
    let operations = [key(1), key(2), key(3)];
    let by_id = both.read(json!({"type": "customer", "id": id, "operations": operations, "fields": fields}));
    assert_eq!((by_id.held.len(), &by_id.held[&key(1)]["companyname"]), (2, &json!("A")));
    both.read(json!({"type": "customer", "externalId": "sx-1", "fields": fields}));
    both.read(json!({"type": "customer", "id": "424242", "fields": fields}));
    both.read(json!({"type": "customer", "externalId": "never", "fields": fields}));
    assert_eq!(both.read(json!({"type": "nosuch", "id": id, "fields": fields})).outcome, What::Refused);
    both.pass(60_000);
    both.one(delete(4, &id, json!({})));
    assert_eq!(both.read(json!({"type": "customer", "id": id, "fields": fields})).outcome, What::Deleted);
    assert_eq!(
        both.read(json!({"type": "customer", "externalId": "sx-1", "fields": fields})).outcome,
        What::Deleted
    );
}

#[test]
fn lines() {
    let both = Both::new();
    let customer = both.made("customer", json!({"companyname": "A"}));
    let item = both.made("item", json!({"itemid": "bolt"}));
    let line =
        |quantity: i64| json!({"item": item, "quantity": quantity, "rate": "1.5", "custcol_discount": null});
    let id = both.made("salesorder", json!({"entity": customer, "item": [line(1), line(2), line(3)]}));
    let write = |n: u128, expected: Json, lines: Json| {
        both.pass(1_000);
        both.one(json!({"operation": key(n), "verb": "update", "type": "salesorder", "id": id, "expected": expected,
                        "values": {"item": lines}, "fields": ["item", "memo"]}))
    };
    let now = || {
        both.read(json!({"type": "salesorder", "id": id, "fields": ["item"]})).values["item"]
            .as_array()
            .cloned()
            .unwrap()
    };
    let before = now();
    // One is edited, one added, one goes.
    let mut lines = before.clone();
    lines[1]["quantity"] = json!(20);
    assert_eq!(write(1, json!({"item": before}), json!(lines)).outcome, What::Applied);
    assert_eq!(write(2, json!({"item": before}), json!(before)).outcome, What::Mismatch);
    let mut ours = line(4);
    ours["custcol_sx_line"] = json!("sx-l1");
    let with_ours = [now(), vec![ours.clone()]].concat();
    assert_eq!(write(3, json!({}), json!(with_ours)).outcome, What::Applied);
    let gone = now().remove(1);
    let without: Vec<Json> =
        now().into_iter().filter(|l| l["lineuniquekey"] != gone["lineuniquekey"]).collect();
    assert_eq!(write(4, json!({}), json!(without)).outcome, What::Applied);
    // It comes back under the key that it had.
    let mut back = gone.clone();
    back["custcol_sx_line"] = gone["lineuniquekey"].clone();
    back.as_object_mut().unwrap().remove("lineuniquekey");
    let with_back = [now(), vec![back]].concat();
    assert_eq!(write(5, json!({}), json!(with_back)).outcome, What::Applied);
    assert_eq!(now().len(), 4);
    // What cannot be.
    for bad in [
        json!([{"lineuniquekey": "999", "item": item, "quantity": 1}]),
        json!([{"item": item, "colour": "red"}]),
        json!([ours, ours]),
        json!([now()[0], now()[0]]),
        json!([{"item": "424242", "quantity": 1}]),
        json!("none"),
    ] {
        assert_eq!(write(6, json!({}), bad).outcome, What::Refused);
    }
    assert_eq!(write(7, json!({}), json!(null)).outcome, What::Applied);
}

#[test]
fn what_the_account_makes_of_values() {
    let both = Both::new();
    let id = both.made("customer", json!({"companyname": "Old", "comments": "kept"}));
    both.faults(|f| {
        f.behaviours = serde_json::from_value(json!({
            "customer.companyname": "trim", "customer.comments": "ignore", "customer.creditlimit": "round",
            "customer.city": {"refuse_containing": "bad"},
        }))
        .unwrap();
    });
    both.one(update(1, &id, json!({}), json!({"companyname": "  New ", "creditlimit": "2.5"})));
    let ignored = update(2, &id, json!({}), json!({"comments": "new", "email": "e"}));
    both.one(ignored);
    let refused = both.one(update(3, &id, json!({}), json!({"city": "a bad place"})));
    assert_eq!(refused.error.unwrap().field.as_deref(), Some("city"));
}

#[test]
fn one_bad_write_spoils_no_other() {
    let both = Both::new();
    let id = both.made("customer", json!({"companyname": "Old"}));
    let mut writes: Vec<Json> =
        (0..9).map(|n| create(n, &format!("sx-{n}"), json!({"companyname": n.to_string()}))).collect();
    writes[3]["values"] = json!({"creditlimit": "poison"});
    writes[6]["values"] = json!({"parent": "424242"});
    writes.push(update(9, &id, json!({"companyname": "not this"}), json!({"email": "x"})));
    let outcomes = both.apply(json!(writes));
    let applied = outcomes.iter().filter(|outcome| outcome.outcome == What::Applied).count();
    assert_eq!((applied, outcomes[3].outcome, outcomes[9].outcome), (7, What::Refused, What::Mismatch));
}

#[test]
fn what_units_do_not_reach_is_not_attempted() {
    let both = Both::new();
    let id = both.made("customer", json!({"companyname": "Old"}));
    let read = json!({"type": "customer", "id": id, "operations": [key(7)], "fields": ["email"]});
    let many: Vec<_> = std::iter::repeat_n(read, 1_000).collect();
    let outcomes = both.ask(json!({"action": "read", "reads": many}));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.outcome == What::NotAttempted).count(), 61);
}

#[test]
fn time_runs_out_alike() {
    let both = Both::new();
    both.faults(|f| f.latency_per_write_ms = 45_000);
    let writes: Vec<Json> =
        (0..10).map(|n| create(n, &format!("sx-{n}"), json!({"companyname": "A"}))).collect();
    let call = json!({"action": "apply", "writes": writes}).to_string();
    let [twin, deployed] = both.each(|world| {
        use super::StatusCode;
        use http_body_util::BodyExt;
        let mut underway = world.begin("POST", super::RESTLET, call.clone());
        assert!(futures::FutureExt::now_or_never(&mut underway).is_none());
        // All that it waits for is over by then.
        world.clock.pass(250_000);
        let response = super::waited(underway);
        assert_eq!(response.status(), StatusCode::OK);
        let body = super::waited(response.into_body().collect()).unwrap().to_bytes();
        let answer: Answer = serde_json::from_slice(&body).unwrap();
        answer.results.iter().filter(|outcome| outcome.outcome == What::Applied).count()
    });
    assert_eq!((twin, deployed), (5, 5));
}

#[test]
fn user_events() {
    let both = Both::new();
    both.pass(250);
    let id = both.made("customer", json!({"companyname": "A", "email": "a@x", "creditlimit": 5}));
    let created = both.events();
    assert_eq!((created.len(), &created[0]["operation"]), (1, &json!("create")));
    both.pass(1_000);
    both.edit("customer", &id, json!({"companyname": "B", "email": null, "custentity_tags": ["y", "x"]}));
    let edited = both.events().remove(0);
    assert_eq!(
        edited["payload"]["previous"],
        json!({"companyname": "A", "email": "a@x", "custentity_tags": null})
    );
    both.pass(1_000);
    both.one(update(1, &id, json!({}), json!({"companyname": "C", "isinactive": true})));
    assert!(both.events().is_empty(), "the call is answered");
    // Who edits after us does not write in our name.
    both.edit("customer", &id, json!({"companyname": "D"}));
    assert_eq!(both.events()[0]["metadata"], json!({"context": "USERINTERFACE"}));
    both.one(create(2, "sx-2", json!({"companyname": "E"})));
    let made = both.events().remove(0);
    assert_eq!(made["externalId"], "sx-2");
    assert_eq!(made["metadata"], json!({"context": "RESTLET", "operation": key(2)}));
    both.each(|world| {
        world
            .netsuite
            .ui_edit(&acme(), &kind("customer"), &id, &map(json!({"phone": "1"})), false, "csv")
            .unwrap();
    });
    assert!(both.events().is_empty());
    both.pass(1_000);
    both.each(|world| world.netsuite.ui_delete(&acme(), &kind("customer"), &id, true, "ann").unwrap());
    assert_eq!(both.events()[0]["payload"]["previous"]["companyname"], "D");
}

#[test]
fn user_events_of_lines_and_of_the_rest_interface() {
    let both = Both::new();
    let customer = both.made("customer", json!({"companyname": "A"}));
    let item = both.made("item", json!({"itemid": "bolt", "quantityavailable": 3}));
    let id = both.made(
        "salesorder",
        json!({"entity": customer, "trandate": "2026-01-02", "item": [{"item": item, "quantity": 1}]}),
    );
    both.events();
    let lines = both.read(json!({"type": "salesorder", "id": id, "fields": ["item"]})).values["item"].clone();
    let mut edited = lines.clone();
    edited[0]["rate"] = json!("2.25");
    both.one(json!({"operation": key(1), "verb": "update", "type": "salesorder", "id": id,
                    "values": {"item": edited, "custbody_confirmed_at": "2026-01-02T03:04:05Z"}, "fields": ["item"]}));
    assert!(both.events().is_empty());
    both.each(|world| {
        let path = format!("/netsuite/acme/services/rest/record/v1/salesorder/{id}");
        assert_eq!(world.send("PATCH", &path, json!({"memo": "by REST"}).to_string()).0, 204);
    });
    assert_eq!(both.events()[0]["metadata"]["context"], "RESTWEBSERVICES");
}

#[test]
fn an_inline_edit_tells_the_edited_fields_alone() {
    let both = Both::new();
    let id = both.made("customer", json!({"companyname": "A", "email": "a@x", "phone": "1"}));
    both.events();
    both.each(|world| {
        let path = format!("/netsuite/acme/ui/customer/{id}?inline=on&user=ann");
        assert_eq!(world.send("PATCH", &path, json!({"phone": "2"}).to_string()).0, 200);
    });
    let told = both.events().remove(0);
    assert_eq!(told["payload"], json!({"changes": {"phone": "2"}, "previous": {"phone": "1"}}));
}

#[test]
fn an_order_of_five_hundred_lines_fits_into_one_call() {
    let both = Both::new();
    let customer = both.made("customer", json!({"companyname": "Ada"}));
    let item = both.made("item", json!({"itemid": "Bolt"}));
    let line = |n: usize, quantity: usize| json!({"custcol_sx_line": format!("sx-{n}"), "item": item, "quantity": quantity, "rate": "1.5"});
    let lines = |changed: Option<usize>| -> Vec<Json> {
        (0..500).map(|n| line(n, if Some(n) == changed { 9_999 } else { n + 1 })).collect()
    };
    let create = json!({
        "operation": key(1), "verb": "create", "type": "salesorder", "externalId": "sx-o1", "expected": {},
        "values": {"entity": customer, "item": lines(None)}, "fields": ["entity", "item", "memo"],
    });
    let [twin, deployed] = both.each(|world| world.answer(&json!({"action": "apply", "writes": [create]})));
    assert_eq!(told(&twin), told(&deployed));
    let made = &deployed.results[0];
    assert_eq!((made.outcome, made.values["item"].as_array().map(Vec::len)), (What::Applied, Some(500)));
    assert!(deployed.remaining_usage > 4_900, "of 5,000 units {} are left", deployed.remaining_usage);
    both.pass(2_000);
    let id = made.id.clone().unwrap();
    let update = json!({
        "operation": key(2), "verb": "update", "type": "salesorder", "id": id, "expected": {},
        "values": {"item": lines(Some(250))}, "fields": ["item"],
    });
    let [twin, deployed] = both.each(|world| world.answer(&json!({"action": "apply", "writes": [update]})));
    assert_eq!(told(&twin), told(&deployed));
    let changed = deployed.results[0].values["item"].as_array().unwrap();
    let named = changed.iter().find(|line| line["custcol_sx_line"] == "sx-250").unwrap();
    assert_eq!((changed.len(), canonical(&named["quantity"])), (500, json!("9999")));
    let before = made.values["item"].as_array().unwrap();
    let differ = before.iter().zip(changed).filter(|(before, after)| before != after).count();
    assert_eq!(differ, 1, "one line's change writes one line: the others keep their keys and cells");
    assert!(deployed.remaining_usage > 4_900, "of 5,000 units {} are left", deployed.remaining_usage);
}

#[test]
fn creates_beside_others() {
    let both = Both::new();
    let ada = both.made("customer", json!({"companyname": "Ada", "email": "Ada@x.y"}));
    let eve = both.made("customer", json!({"companyname": "Eve", "email": "eve@x.y"}));
    let unless = |n: u128, unless: Json| {
        let mut write = create(n, "sx-7", json!({"companyname": "A", "email": "ada@x.y"}));
        write["unless"] = unless;
        both.one(write)
    };
    let found = unless(1, json!({"keys": [{"email": " ada@X.y"}]}));
    assert_eq!((found.outcome, found.twins[0].id.as_ref()), (What::Twins, Some(&ada)));
    let found = unless(2, json!({"keys": [{"email": "ada@x.y"}, {"companyname": "eve"}]}));
    assert_eq!(found.twins.iter().filter_map(|twin| twin.id.clone()).collect::<Vec<_>>(), [ada.clone(), eve]);
    let both_values = json!({"keys": [{"email": "eve@x.y", "companyname": "Ada"}]});
    assert_eq!(unless(3, both_values).outcome, What::Applied, "all of a key together");
    let again = unless(4, json!({"keys": [{"email": "ada@x.y"}]}));
    assert_eq!(again.outcome, What::AlreadyApplied, "what was created before is found first");
    let mut other = create(5, "sx-8", json!({"companyname": "A", "email": "ada@x.y"}));
    other["unless"] = json!({"keys": [{"email": "ada@x.y"}], "except": [ada, again.id]});
    assert_eq!(both.one(other).outcome, What::Applied);
}
