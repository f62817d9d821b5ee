use super::*;
use serde_json::json;

fn decision(rule: &str, base: Json, ours: Json, from: Json, to: Json) -> Decision {
    Decision { field: "f".into(), rule: rule.into(), base, ours, from, to }
}

fn clean(from: Json, to: Json) -> Decision {
    decision("clean", from.clone(), to.clone(), from, to)
}

fn end(value: Json) -> End {
    End { alive: true, agreed: Map::from_iter([("f".to_string(), value)]), ..End::default() }
}

fn of_value(value: &str, decisions: &[Decision], later: &[Later<'_>], end: &End) -> Fate {
    let decisions: Vec<&Decision> = decisions.iter().collect();
    of(&Change::Value(json!(value)), &decisions, later, end, "f")
}

#[test]
fn an_edit_stands_or_is_edited_on() {
    let history = [clean(json!(null), json!("a")), clean(json!("a"), json!("b"))];
    assert_eq!(of_value("a", &history, &[], &end(json!("b"))), Fate::EditedOn);
    assert_eq!(of_value("b", &history, &[], &end(json!("b"))), Fate::Stands);
    assert!(matches!(of_value("b", &history, &[], &end(json!("c"))), Fate::Lacking(_)));
}

#[test]
fn of_two_that_collide_one_loses_to_the_rule() {
    let won = [
        clean(json!("0"), json!("a")),
        decision("latest_wins", json!("0"), json!("b"), json!("a"), json!("b")),
    ];
    let lost = [
        clean(json!("0"), json!("a")),
        decision("netsuite_wins", json!("0"), json!("b"), json!("a"), json!("a")),
    ];
    let fates = |history: &[Decision], stands| {
        ["a", "b"].map(|value| of_value(value, history, &[], &end(json!(stands))))
    };
    assert_eq!(fates(&won, "b"), [Fate::Lost("latest_wins".into()), Fate::Stands]);
    assert_eq!(fates(&lost, "a"), [Fate::Stands, Fate::Lost("netsuite_wins".into())]);
}

#[test]
fn a_conflict_is_decided_by_a_person_or_waits_or_moves_on() {
    let opened = || {
        vec![
            clean(json!("0"), json!("a")),
            decision("conflict_opened", json!("0"), json!("b"), json!("a"), json!("a")),
        ]
    };
    let mut open = end(json!("a"));
    open.disputed.insert("f".into());
    assert_eq!(of_value("b", &opened(), &[], &open), Fate::Waits);
    assert_eq!(of_value("a", &opened(), &[], &open), Fate::Waits);

    let mut history = opened();
    history.push(decision("conflict_rebased", json!("b"), json!("c"), json!("a"), json!("a")));
    history.push(decision("resolved", json!("0"), json!("c"), json!("a"), json!("c")));
    let fate = |value| of_value(value, &history, &[], &end(json!("c")));
    assert_eq!(["a", "b", "c"].map(fate), [Fate::Resolved, Fate::Overwritten, Fate::Resolved]);

    let dead = End::default();
    assert_eq!(of_value("b", &opened(), &[], &dead), Fate::Withdrawn);
}

#[test]
fn what_nobody_saw_must_have_been_written_over() {
    let history = [clean(json!("0"), json!("b"))];
    let ended = end(json!("b"));
    assert_eq!(of_value("a", &history, &[Later::Wrote(&json!("b"))], &ended), Fate::Overwritten);
    assert_eq!(of_value("a", &history, &[Later::Deleted], &ended), Fate::Withdrawn);
    assert!(matches!(of_value("a", &history, &[], &ended), Fate::Lacking(_)));
    assert!(matches!(of_value("a", &history, &[Later::Wrote(&json!("a"))], &ended), Fate::Lacking(_)));
    let in_error = End { in_error: true, ..ended };
    assert_eq!(of_value("a", &history, &[], &in_error), Fate::Waits);
}

#[test]
fn sets_and_lines_are_followed_by_item_and_cell() {
    let row = |key: &str, quantity: u32| json!({"line_key": key, "quantity": quantity});
    let history = [
        clean(json!([row("k", 1)]), json!([row("k", 2)])),
        decision(
            "latest_wins",
            json!([row("k", 1)]),
            json!([row("k", 3)]),
            json!([row("k", 2)]),
            json!([row("k", 3), row("l", 9)]),
        ),
        clean(json!([row("k", 3), row("l", 9)]), json!([row("l", 9)])),
    ];
    let decisions: Vec<&Decision> = history.iter().collect();
    let ended = end(json!([row("l", 9)]));
    let fate = |change: Change| of(&change, &decisions, &[], &ended, "f");
    let cell = |value: u32| Change::Cell { line: "k".into(), column: "quantity".into(), value: json!(value) };
    assert_eq!(fate(cell(2)), Fate::Lost("latest_wins".into()));
    assert_eq!(fate(cell(3)), Fate::EditedOn);
    assert_eq!(fate(Change::LineRemoved("k".into())), Fate::Stands);

    let history = [clean(json!(["x"]), json!(["x", "t"])), clean(json!(["x", "t"]), json!(["t"]))];
    let decisions: Vec<&Decision> = history.iter().collect();
    let ended = end(json!(["t"]));
    assert_eq!(of(&Change::Added("t".into()), &decisions, &[], &ended, "f"), Fate::Stands);
    assert_eq!(of(&Change::Removed("x".into()), &decisions, &[], &ended, "f"), Fate::Stands);
}

#[test]
fn a_deletion_is_applied_decided_or_waits() {
    let exists = |rule: &str| decision(rule, json!(true), json!(true), json!(true), json!(true));
    let fate = |rules: &[&str], end: &End| {
        let history: Vec<Decision> = rules.iter().map(|rule| exists(rule)).collect();
        of(&Change::Deleted, &history.iter().collect::<Vec<_>>(), &[], end, EXISTS)
    };
    let (dead, alive) = (End::default(), end(json!(null)));
    assert_eq!(fate(&["created", "delete_propagated"], &dead), Fate::Stands);
    assert_eq!(fate(&["created", "delete_inactivated"], &alive), Fate::Stands);
    assert_eq!(fate(&["created", "delete_asked", "resolved"], &alive), Fate::Resolved);
    assert!(matches!(fate(&["created"], &alive), Fate::Lacking(_)));
}

#[test]
fn an_edit_counts_once_and_each_of_its_values_once() {
    let mut accounts = Accounts::default();
    accounts.enter(&[Fate::Stands, Fate::Lost("netsuite_wins".into())]);
    accounts.enter(&[Fate::Stands]);
    assert_eq!((accounts.edits.values().sum::<u64>(), accounts.values.values().sum::<u64>()), (2, 3));
    assert_eq!(accounts.edits[&Fate::Lost("netsuite_wins".into())], 1);
}
