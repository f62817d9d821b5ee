//! Both sides change a field whose policy is to ask: a conflict opens, lives, and ends.

use http::StatusCode;
use serde_json::{Value as Json, json};

use crate::story::{NetSuite, Pair, Story, SuiteX};

/// A customer whose comments say `n` in NetSuite and `x` in SuiteX.
fn clash() -> (Story, Pair) {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "comments": "b"}));
    story.edit(NetSuite, "customer", &pair.netsuite, json!({"comments": "n"}));
    story.edit(SuiteX, "customer", &pair.suitex, json!({"comments": "x"}));
    story.settle();
    (story, pair)
}

#[test]
fn both_sides_keep_what_they_have_until_somebody_decides() {
    let (mut story, pair) = clash();
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "comments"), json!("n"));
    assert_eq!(story.value(SuiteX, "customer", &pair.suitex, "comments"), json!("x"));
    let field = story.conflict()["fields"]["comments"].take();
    let shown = ["base", "netsuite", "suitex", "policy"].map(|name| field[name].clone());
    assert_eq!(shown, [json!("b"), json!("n"), json!("x"), json!("manual")]);
    assert_eq!(story.census().get("conflict"), Some(&1), "the event that opened it waits in it");
}

#[test]
fn a_low_risk_locks_the_field_and_a_high_one_the_record() {
    for (field, column, locks_record) in
        [("comments", "comments", false), ("creditlimit", "credit_limit", true)]
    {
        let mut story = Story::new();
        let pair = story.customer(json!({"companyname": "Ada"}));
        story.edit(NetSuite, "customer", &pair.netsuite, json!({field: "1"}));
        story.edit(SuiteX, "customer", &pair.suitex, json!({column: "2"}));
        story.settle();
        story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "7"}));
        story.settle();
        let arrived = story.value(NetSuite, "customer", &pair.netsuite, "phone") == json!("7");
        assert_eq!(arrived, !locks_record, "{field}");
        let conflict = story.conflict();
        story.resolve(&conflict, json!({"choice": "suitex"}));
        story.assert_both("customer", &pair, "phone", json!("7"));
    }
}

#[test]
fn what_a_person_decides_is_on_both_sides() {
    for (decision, expected) in [
        (json!({"choice": "netsuite"}), json!("n")),
        (json!({"choice": "suitex"}), json!("x")),
        (json!({"fields": {"comments": {"value": "both"}}}), json!("both")),
        (json!({"fields": {"comments": {"value": null}}}), json!(null)),
        (json!({"fields": {"comments": {"choice": "netsuite"}}}), json!("n")),
    ] {
        let (mut story, pair) = clash();
        let conflict = story.conflict();
        story.resolve(&conflict, decision);
        story.assert_both("customer", &pair, "comments", expected);
        assert_eq!(story.census().get("conflict"), Some(&0), "nothing waits in it any more");
        let record = story.record(SuiteX, "customer", &pair.suitex);
        let rules: Vec<String> =
            story.history(&record).into_iter().flat_map(|r| r.decisions).map(|d| d.rule).collect();
        assert!(rules.contains(&"conflict_opened".into()) && rules.contains(&"resolved".into()), "{rules:?}");
    }
}

#[test]
fn the_suggestion_is_what_is_shown_as_such() {
    let (mut story, pair) = clash();
    let conflict = story.conflict();
    let suggested: Json = conflict["fields"]["comments"]["suggested"].clone();
    story.resolve(&conflict, json!({"choice": "suggested"}));
    story.assert_both("customer", &pair, "comments", suggested);
}

#[test]
fn a_later_edit_rebases_it_and_a_decision_on_the_old_view_does_not_count() {
    let (mut story, pair) = clash();
    let old = story.conflict();
    story.edit(SuiteX, "customer", &pair.suitex, json!({"comments": "x2"}));
    story.settle();
    let body = json!({"conflictRevision": old["conflictRevision"], "choice": "suitex"});
    let path = format!("conflicts/{}/resolve", old["conflictId"].as_str().expect("an id"));
    let (status, answer) = story.post(&path, body);
    assert_eq!(status, StatusCode::CONFLICT);
    let now = story.conflict();
    assert_eq!(answer["conflict"], now, "the answer shows what there is to decide now");
    assert_eq!(now["conflictId"], old["conflictId"]);
    assert!(now["conflictRevision"].as_u64() > old["conflictRevision"].as_u64());
    assert_eq!(now["fields"]["comments"]["suitex"], json!("x2"));
    story.resolve(&now, json!({"choice": "suitex"}));
    story.assert_both("customer", &pair, "comments", json!("x2"));
}

#[test]
fn a_decision_that_is_overtaken_on_its_way_does_not_count() {
    let (mut story, pair) = clash();
    let old = story.conflict();
    // The person has decided; the edit is absorbed first.
    story.edit(SuiteX, "customer", &pair.suitex, json!({"comments": "x2"}));
    story.world.poke(story.lane);
    story.drain();
    story.resolve(&old, json!({"choice": "netsuite"}));
    let now = story.conflict();
    assert_eq!(now["fields"]["comments"]["suitex"], json!("x2"));
    assert_eq!(
        story.value(SuiteX, "customer", &pair.suitex, "comments"),
        json!("x2"),
        "nothing was overwritten"
    );
}

#[test]
fn it_closes_by_itself_when_the_sides_agree() {
    let (mut story, pair) = clash();
    let old = story.conflict();
    story.edit(SuiteX, "customer", &pair.suitex, json!({"comments": "n"}));
    story.settle();
    story.assert_both("customer", &pair, "comments", json!("n"));
    assert_eq!(story.get("conflicts")["items"], json!([]));
    let path = format!("conflicts/{}/resolve", old["conflictId"].as_str().expect("an id"));
    let (status, _) =
        story.post(&path, json!({"conflictRevision": old["conflictRevision"], "choice": "suitex"}));
    assert_eq!(status, StatusCode::CONFLICT, "it is closed");
}
