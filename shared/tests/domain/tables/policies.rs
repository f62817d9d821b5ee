//! Who wins when both sides changed a field, and what each move is called.

use shared::domain::id::Timestamp;
use shared::domain::news::News;
use shared::domain::record::{Record, Span};
use shared::domain::report::Rule;

use super::{N, Thing, X, rules};
use crate::fixture::{delta, fields, int, key};

fn at(from: i64, to: i64) -> Span {
    Span { from: Timestamp(from), to: Timestamp(to) }
}

#[test]
fn who_wins_when_both_sides_changed_a_field() {
    // NetSuite says 2, SuiteX 3; either may be heard first. `None`: a person decides.
    for (policy, netsuite, suitex, winner) in [
        ("netsuite_wins", at(10, 10), at(20, 20), Some(2)),
        ("netsuite_wins", at(20, 20), at(10, 10), Some(2)),
        ("suitex_wins", at(10, 10), at(20, 20), Some(3)),
        ("suitex_wins", at(20, 20), at(10, 10), Some(3)),
        ("latest_wins", at(10, 10), at(20, 20), Some(3)),
        ("latest_wins", at(20, 20), at(10, 10), Some(2)),
        ("latest_wins", at(10, 19), at(20, 20), Some(3)),
        ("latest_wins", at(21, 30), at(20, 20), Some(2)),
        ("latest_wins", at(10, 20), at(20, 20), Some(2)), // overlap: NetSuite's
        ("latest_wins", at(0, 90), at(20, 20), Some(2)),
        ("latest_wins", at(20, 20), at(0, 90), Some(2)),
        ("manual", at(10, 10), at(20, 20), None),
        ("manual", at(20, 20), at(10, 10), None),
    ] {
        for first in [N, X] {
            let mut thing = Thing::of(&format!("type = \"integer\", policy = \"{policy}\""), int(1));
            for side in [first, first.other()] {
                let (value, span) = if side == N { (2, netsuite) } else { (3, suitex) };
                thing.hear(&News { span, ..delta(side, 11, vec![(0, int(value))]) });
            }
            let row = format!("{policy} {netsuite:?} {suitex:?} {first} first");
            match winner {
                Some(winner) => {
                    assert_eq!(
                        (thing.get("f"), thing.clashes()),
                        (winner.to_string(), "none".into()),
                        "{row}"
                    );
                    let loser = if winner == 2 { X } else { N };
                    assert_eq!(
                        thing.planned(loser),
                        format!("update f={winner} where f={}", 5 - winner),
                        "{row}"
                    );
                    assert_eq!(thing.planned(loser.other()), "nothing", "{row}");
                }
                None => {
                    let suggested = if netsuite.to > suitex.to { 2 } else { 3 };
                    assert_eq!(thing.clashes(), format!("f 2|3→{suggested}"), "{row}");
                    assert_eq!(thing.planned(first.other()), "locked", "{row}");
                    assert_eq!(thing.planned(first), "nothing", "{row}");
                }
            }
        }
    }
}

#[test]
fn what_a_move_is_called() {
    // Base 1. NetSuite tells first, then SuiteX.
    for (netsuite, suitex, called, result) in [
        (None, Some(3), "clean", 3),
        (Some(1), Some(3), "clean", 3),
        (Some(3), Some(3), "converged", 3),
        (Some(2), Some(3), "netsuite_wins", 2),
    ] {
        let mut thing = Thing::of("type = \"integer\"", int(1));
        if let Some(n) = netsuite {
            thing.edit(N, 11, &[("f", int(n))]);
        }
        let report = suitex.map(|n| thing.edit(X, 11, &[("f", int(n))])).unwrap();
        assert_eq!(
            (rules(&report), thing.get("f")),
            (vec![called], result.to_string()),
            "{netsuite:?} {suitex:?}"
        );
    }
}

#[test]
fn created_on_both_sides_the_base_is_nothing() {
    let surface = fields("a = { type = \"integer\" }\nb = { type = \"integer\", policy = \"manual\" }");
    let mut thing = Thing { record: Record::new(key(), &surface), surface, now: Timestamp(0) };
    let report = thing.edit(N, 5, &[("a", int(1)), ("b", int(2))]);
    assert_eq!(rules(&report), ["created", "clean", "clean"]);
    let report = thing.edit(X, 1, &[("a", int(1)), ("b", int(3))]);
    assert_eq!((rules(&report), thing.clashes()), (vec!["converged", "conflict_opened"], "b 2|3→2".into()));
}

#[test]
fn a_field_that_travels_one_way_is_put_back_on_the_other() {
    for (direction, side, result, other) in [
        ("both", N, "2", "update f=2 where f=1"),
        ("both", X, "2", "update f=2 where f=1"),
        ("to_suitex", N, "2", "update f=2 where f=1"),
        ("to_netsuite", X, "2", "update f=2 where f=1"),
        ("to_suitex", X, "1", "nothing"),
        ("to_netsuite", N, "1", "nothing"),
    ] {
        let mut thing = Thing::of(&format!("type = \"integer\", direction = \"{direction}\""), int(1));
        let report = thing.edit(side, 11, &[("f", int(2))]);
        let row = format!("{direction}, {side} edits");
        assert_eq!((thing.get("f").as_str(), thing.planned(side.other()).as_str()), (result, other), "{row}");
        let refused = result == "1";
        assert_eq!(report.decisions[0].rule, if refused { Rule::Direction } else { Rule::Clean }, "{row}");
        let own = if refused { "update f=1 where f=2" } else { "nothing" };
        assert_eq!(thing.planned(side), own, "{row}");
    }
}
