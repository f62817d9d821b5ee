//! A conflict's life, from its opening to its resolution.

use shared::domain::absorb::absorb_resolution;
use shared::domain::conflict::{Choice, Resolution};
use shared::domain::id::Timestamp;
use shared::domain::news::News;
use shared::domain::plan::has_work;
use shared::domain::record::{Lock, Sent, Span, hold_lock};
use uuid::Uuid;

use super::{N, Thing, X, rules};
use crate::fixture::{delta, fields, int, synced};

fn in_conflict(risk: &str) -> Thing {
    let text = format!(
        "f = {{ type = \"integer\", policy = \"manual\", risk = \"{risk}\" }}\ng = {{ type = \"integer\" }}"
    );
    let mut thing = Thing::new(fields(&text), &[("f", int(1)), ("g", int(1))]);
    thing.edit(N, 11, &[("f", int(2)), ("g", int(5))]);
    thing.edit(X, 11, &[("f", int(3))]);
    thing
}

#[test]
fn a_conflict_locks_its_field_or_the_record_by_risk() {
    assert_eq!(in_conflict("low").planned(X), "update g=5 where g=1");
    assert_eq!(in_conflict("high").planned(X), "locked");
    assert!(!has_work(&in_conflict("low").record, N, &in_conflict("low").surface, Timestamp(0)));
}

#[test]
fn a_conflict_shows_the_latest_of_both_sides_and_closes_when_they_agree() {
    let mut thing = in_conflict("low");
    assert_eq!(thing.record.conflict.as_ref().unwrap().revision, 1);
    for (side, value, shown, revision) in [
        (N, 4, "f 4|3→4", Some(2)),
        (X, 5, "f 4|5→5", Some(3)),
        (X, 6, "f 4|6→6", Some(4)),
        (N, 6, "none", None),
    ] {
        thing.edit(side, 12 + value, &[("f", int(value))]);
        assert_eq!(thing.clashes(), shown);
        assert_eq!(thing.record.conflict.as_ref().map(|c| c.revision), revision);
    }
    assert_eq!((thing.get("f").as_str(), thing.planned(N).as_str()), ("6", "nothing"));
}

#[test]
fn what_was_edited_last_is_suggested_whatever_was_heard_last() {
    let at = |side, revision, value, from: i64, to: i64| {
        let span = Span { from: Timestamp(from), to: Timestamp(to) };
        News { span, ..delta(side, revision, vec![(0, int(value))]) }
    };
    let mut thing = in_conflict("low");
    for (news, shown) in [
        (at(N, 12, 4, 20_000, 20_000), "f 4|3→4"),
        (at(X, 12, 5, 15_000, 15_000), "f 4|5→4"),
        (at(X, 13, 6, 20_001, 20_001), "f 4|6→6"),
        (at(N, 13, 7, 20_000, 20_000), "f 7|6→6"),
        // The two times overlap.
        (at(N, 14, 8, 20_000, 30_000), "f 8|6→8"),
        (at(X, 14, 9, 25_000, 25_000), "f 8|9→8"),
    ] {
        thing.hear(&news);
        assert_eq!(thing.clashes(), shown);
    }
    thing.resolve(vec![(0, Choice::Suggested)], None);
    assert_eq!(thing.get("f"), "8");
}

#[test]
fn a_conflict_shows_our_own_late_write_too() {
    let mut thing = in_conflict("low");
    let until = Timestamp(i64::MAX);
    let sent = Sent { operation: Uuid::from_u128(1), field: 0, value: int(8), until };
    thing.record.sides.netsuite.sent.push(sent);
    let landed = delta(N, 12, vec![(0, int(8))]);
    thing.hear(&News { operation: Some(Uuid::from_u128(1)), ..landed });
    assert_eq!(thing.clashes(), "f 8|3→8");
    assert_eq!(thing.record.sides.netsuite.sent, [], "it will not land again");
}

#[test]
fn a_resolution_counts_for_what_was_judged() {
    let choose = |choice| vec![(0, choice)];
    for (choice, result, netsuite, suitex) in [
        (Choice::Side(N), "2", "nothing", "update f=2 where f=3"),
        (Choice::Side(X), "3", "update f=3 where f=2", "nothing"),
        (Choice::Suggested, "2", "nothing", "update f=2 where f=3"), // overlapping times
        (Choice::Edited(int(9)), "9", "update f=9 where f=2", "update f=9 where f=3"),
    ] {
        let mut thing = in_conflict("low");
        thing.record.sides.suitex.shadow[1] = int(5);
        let version = thing.record.version;
        let report = thing.resolve(choose(choice), None);
        assert_eq!((rules(&report), thing.clashes()), (vec!["resolved"], "none".into()));
        assert_eq!(thing.record.version, version.next(), "a decision is a change, whatever it decides");
        assert_eq!(
            (thing.get("f").as_str(), thing.planned(N), thing.planned(X)),
            (result, netsuite.into(), suitex.into())
        );
    }
}

#[test]
fn a_decision_ends_what_was_stopped_for_want_of_it_and_no_other_lock() {
    let mut thing = in_conflict("low");
    let conflict = thing.record.conflict.clone().unwrap().id;
    let lock = |error| Lock { field: Some(0), error, reason: "why".into(), since: Timestamp(0) };
    thing.record.locks = vec![lock(hold_lock(conflict)), lock(Uuid::nil())];
    thing.resolve(vec![(0, Choice::Side(N))], None);
    assert_eq!(thing.record.locks, [lock(Uuid::nil())], "whether or not the watcher looks again");
}

#[test]
fn a_resolution_of_something_else_changes_nothing() {
    let thing = in_conflict("low");
    let conflict = thing.record.conflict.clone().unwrap();
    let right =
        Resolution { conflict: conflict.id, revision: 1, fields: vec![(0, Choice::Side(N))], keep: None };
    for (why, resolution) in [
        ("an older revision", Resolution { revision: 0, ..right.clone() }),
        ("a newer revision", Resolution { revision: 2, ..right.clone() }),
        ("another conflict", Resolution { conflict: Uuid::nil(), ..right.clone() }),
        ("no choice for the field", Resolution { fields: vec![(1, Choice::Side(N))], ..right.clone() }),
    ] {
        let mut record = thing.record.clone();
        let report = absorb_resolution(&mut record, &resolution, Timestamp(0));
        assert!(report.outdated_resolution && !report.changed, "{why}");
        assert_eq!(record, thing.record, "{why}");
    }
    let mut none = synced(&thing.surface, &[]);
    assert!(absorb_resolution(&mut none, &right, Timestamp(0)).outdated_resolution, "no conflict");
}
