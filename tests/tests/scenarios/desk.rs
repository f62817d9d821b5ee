//! What people do at their desk, through both systems: writes held, values set against every rule, and the audit of it.

use futures::FutureExt;
use http::StatusCode;
use serde_json::{Value as Json, json};
use shared::domain::id::Version;
use shared::state::controls::Controls;

use crate::story::{NetSuite, Pair, Story, SuiteX};

fn hold(story: &mut Story, side: &str, verb: &str) {
    let account = story.account();
    let held = story.world.state.holds(&account).now_or_never().expect("in memory").expect("there");
    let tag = format!("\"{}.{}\"", held.netsuite.tag(), held.suitex.tag());
    let path = format!("accounts/{account}/{side}/{verb}");
    let (status, answer) = story.post_if(&path, Some(&tag), json!({"note": "month's end"}));
    assert_eq!(status, StatusCode::OK, "{answer}");
}

fn overridden(story: &mut Story, kind: &str, pair: &Pair, body: Json) -> (StatusCode, Json) {
    let account = story.account();
    let path = format!("records/{account}/{kind}/suitex:{}", pair.suitex);
    let mut all = json!({"version": story.get(&path)["version"], "note": "by phone"});
    all.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
    let done = story.post(&format!("{path}/override"), all);
    story.settle();
    done
}

fn audited(story: &mut Story) -> Vec<(String, String)> {
    let account = story.account();
    let rows = story.get(&format!("audit/{account}"))["items"].clone();
    let people =
        rows.as_array().expect("rows").iter().filter(|row| row["actor"].as_str().unwrap_or("").contains('@'));
    let text = |json: &Json| json.as_str().unwrap_or_default().to_string();
    people.map(|row| (text(&row["actor"]), text(&row["action"]))).collect()
}

#[test]
fn held_writes_wait_and_go_on_when_they_are_let_go() {
    for (side, other, held) in [(NetSuite, SuiteX, "netsuite"), (SuiteX, NetSuite, "suitex")] {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada", "phone": "0"}));
        hold(&mut story, held, "suspend");
        story.pass(3_000);
        let before = story.writes();
        let id = if other == SuiteX { pair.suitex.clone() } else { pair.netsuite.clone() };
        story.edit(other, "customer", &id, json!({"phone": "7"}));
        story.pass(180_000);
        assert_eq!(story.writes(), before, "{held}: nothing is written there, nor is it given up");
        let record = story.record(SuiteX, "customer", &pair.suitex);
        assert!(
            record.sides[side].intent.is_none() && record.sides[side].due.is_some(),
            "{held}: it stays due"
        );
        // The other direction goes on.
        let id = if side == SuiteX { pair.suitex.clone() } else { pair.netsuite.clone() };
        story.edit(side, "customer", &id, json!({"email": "e@a.example"}));
        hold(&mut story, held, "resume");
        story.pass(70_000);
        story.settle();
        story.assert_both("customer", &pair, "phone", json!("7"));
        assert_eq!(audited(&mut story).len(), 2);
    }
}

#[test]
fn an_admin_sets_a_value_against_policy_and_direction_and_it_stays() {
    let mut story = Story::new();
    let item = story.born(NetSuite, "item", json!({"itemid": "Nut", "upccode": "S1"}));
    let version = story.record(SuiteX, "item", &item.suitex).version;
    let (status, answer) = overridden(&mut story, "item", &item, json!({"fields": {"sku": "S2"}}));
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    assert_eq!(
        story.value(NetSuite, "item", &item.netsuite, "upccode"),
        json!("S2"),
        "the field comes from there"
    );
    assert_eq!(story.value(SuiteX, "item", &item.suitex, "sku"), json!("S2"));
    assert_eq!(story.record(SuiteX, "item", &item.suitex).version, Version(version.0 + 1));
    story.poll();
    assert_eq!(
        story.value(SuiteX, "item", &item.suitex, "sku"),
        json!("S2"),
        "a full read puts nothing back"
    );
    assert_eq!(audited(&mut story), [("ada@dev.example".into(), "overridden".into())]);
    let account = story.account();
    let why =
        story.get(&format!("records/{account}/item/suitex:{}/why/sku", item.suitex))["sentence"].clone();
    let why = why.as_str().expect("a sentence");
    assert!(why.starts_with("sku is \"S2\" because ada@dev.example set it on "), "{why}");
}

#[test]
fn an_override_of_a_field_in_conflict_ends_the_conflict() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "comments": "b"}));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"comments": "n"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"comments": "x"}));
    story.settle();
    let (status, answer) = overridden(&mut story, "customer", &pair, json!({"fields": {"comments": "o"}}));
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    story.assert_both("customer", &pair, "comments", json!("o"));
    assert_eq!(story.get("conflicts")["items"], json!([]));
    assert_eq!(story.census().get("conflict"), Some(&0));
}

#[test]
fn an_override_that_was_overtaken_on_its_way_does_not_count() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "0"}));
    let account = story.account();
    let path = format!("records/{account}/customer/suitex:{}", pair.suitex);
    let seen = story.get(&path)["version"].clone();
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "7"}));
    story.world.poke(story.lane);
    story.drain();
    let body = json!({"version": seen, "fields": {"phone": "8"}, "note": "by phone"});
    let (status, answer) = story.post(&format!("{path}/override"), body);
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("7"));
    assert_eq!(audited(&mut story), [("ada@dev.example".into(), "override_outdated".into())]);
}

#[test]
fn a_decision_is_in_the_audit_with_who_when_why_from_and_to() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "comments": "b"}));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"comments": "n"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"comments": "x"}));
    story.settle();
    let conflict = story.conflict();
    story.resolve(&conflict, json!({"fields": {"comments": {"value": "both"}}, "note": "asked them"}));
    let account = story.account();
    let rows = story.get(&format!("audit/{account}?actor=ada@dev.example"))["items"].clone();
    let details = &rows[0]["details"];
    assert_eq!((&rows[0]["action"], &details["why"]), (&json!("resolved"), &json!("asked them")));
    assert_eq!(details["to"], json!({"comments": "both"}));
    assert!(["n", "x"].contains(&details["from"]["comments"].as_str().unwrap_or_default()), "{details}");
    assert_eq!(
        rows[0]["subject"].as_str().map(|s| s.starts_with(&format!("{account}:customer:"))),
        Some(true)
    );
    story.assert_both("customer", &pair, "comments", json!("both"));
}
