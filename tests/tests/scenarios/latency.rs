//! How long a change took is told by when it was made at its source, whatever happened in between. By the source's
//! clock, which in this world is off by minutes: a change of the future has taken no time until it was taken in.

use serde_json::{Value as Json, json};

use crate::story::{NetSuite, Story, SuiteX};

const HOUR_MS: i64 = 3_600_000;

/// What the account says of changes that were written to a side.
fn arrived(story: &mut Story, side: &str) -> Json {
    let account = story.account();
    story.get(&format!("accounts/{account}"))["latency"][side].clone()
}

/// What half of them took, and until they were taken in, ms.
fn half(arrived: &Json) -> (i64, i64) {
    let ms = |json: &Json| json["p50Ms"].as_i64().unwrap_or_else(|| panic!("no time in {arrived}"));
    (ms(&arrived["took"]), ms(&arrived["untilDecided"]))
}

#[test]
fn an_edit_counts_from_its_source_to_the_other_side() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "0"}));
    story.world.executor.advance(2 * HOUR_MS);
    story.netsuite(|f| f.latency_ms = 2_000);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "7"}));
    story.settle();
    let to = arrived(&mut story, "netsuite");
    let (took, decided) = half(&to);
    assert_eq!((&to["changes"], &to["isMet"]), (&json!(1), &json!(true)), "{to}");
    assert!((decided + 2_000..decided + 6_000).contains(&took), "the call takes two seconds: {to}");
    assert_eq!(arrived(&mut story, "suitex"), json!({"changes": 0}), "an echo is no change");

    story.edit(NetSuite, "customer", &pair.netsuite, json!({"phone": "8"}));
    story.settle();
    let to = arrived(&mut story, "suitex");
    let (took, decided) = half(&to);
    assert!(to["changes"] == 1 && (decided..decided + 10_000).contains(&took) && took < HOUR_MS, "{to}");
}

#[test]
fn what_waits_for_netsuite_counts_from_its_oldest_edit() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "0", "email": "a@a.example"}));
    story.world.executor.advance(2 * HOUR_MS);
    story.netsuite(|f| f.down = true);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "7"}));
    story.pass(100_000);
    story.edit(SuiteX, "customer", &pair.suitex, json!({"email": "b@a.example"}));
    story.pass(20_000);
    story.netsuite(|f| f.down = false);
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("7"));
    let to = arrived(&mut story, "netsuite");
    assert!(to["changes"] == 1 && to["isMet"] == false && half(&to).0 >= 120_000, "{to}");
}

#[test]
fn a_value_that_is_set_back_counts_from_the_edit_that_it_undoes() {
    let mut story = Story::new();
    let item = story.born(NetSuite, "item", json!({"itemid": "Nut", "upccode": "S1"}));
    story.world.executor.advance(2 * HOUR_MS);
    story.edit(SuiteX, "item", &item.suitex, json!({"sku": "mine"}));
    story.settle();
    assert_eq!(story.value(SuiteX, "item", &item.suitex, "sku"), json!("S1"));
    let to = arrived(&mut story, "suitex");
    assert!(to["changes"] == 1 && (0..HOUR_MS).contains(&half(&to).0), "not from two hours ago: {to}");
}

#[test]
fn what_a_person_decides_counts_from_the_decision() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "comments": "0"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"comments": "sx"}));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"comments": "ns"}));
    story.pass(20_000);
    story.world.executor.advance(2 * HOUR_MS);
    let open = story.get("conflicts")["items"][0].clone();
    let path = format!("conflicts/{}/resolve", open["conflictId"].as_str().expect("a conflict"));
    story.post(&path, json!({"conflictRevision": open["conflictRevision"], "choice": "netsuite"}));
    story.settle();
    let to = arrived(&mut story, "suitex");
    assert!(to["changes"] == 1 && half(&to).0 < HOUR_MS, "nobody waits for a person's mind: {to}");
}
