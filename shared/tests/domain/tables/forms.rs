//! The form that a side gives a value, and how it settles.

use shared::domain::id::Timestamp;
use shared::domain::news::News;
use shared::domain::plan::Plan;
use shared::domain::settle::Reply;

use super::{N, Thing, X, rules};
use crate::fixture::{delta, show, text};
use crate::world::{Call, Quirk, System};

/// Lets both writers work, each reply coming back at once. How many writes there were.
fn sync(thing: &mut Thing, systems: &mut [System; 2]) -> usize {
    let mut writes = 0;
    for _ in 0..10 {
        for (at, side) in [N, X].into_iter().enumerate() {
            thing.now = thing.now.plus(1_000);
            if !matches!(thing.plan(side), Plan::Write(_)) {
                continue;
            }
            let intent = thing.intend(side);
            let state = &thing.record.sides[side];
            let call = Call { intent, id: state.id.clone(), revision: state.newest() };
            let (reply, _) = systems[at].land(&call, thing.now, None);
            thing.settle(side, reply);
            writes += 1;
        }
    }
    writes
}

#[test]
fn the_form_that_a_side_gives_a_value_settles() {
    use Quirk::{Exact, Ignores, Lowers, Trims, Uppers};
    // NetSuite's and SuiteX's way with text, who types what; then what each holds, how many writes, locks.
    for (netsuite, suitex, who, typed, held_n, held_x, writes, locks) in [
        (Exact, Exact, X, " Ab ", " Ab ", " Ab ", 1, 0),
        (Trims, Exact, X, " Ab ", "Ab", "Ab", 2, 0),
        (Trims, Exact, N, " Ab ", "Ab", "Ab", 1, 0),
        (Uppers, Exact, X, "Ab", "AB", "AB", 2, 0),
        (Exact, Uppers, N, "Ab", "AB", "AB", 2, 0),
        (Trims, Uppers, X, " Ab", "AB", "AB", 2, 0),
        (Trims, Trims, X, " Ab", "Ab", "Ab", 1, 0),
        (Lowers, Uppers, X, "Ab", "ab", "AB", 2, 0), // a fight: each keeps its own
        (Lowers, Uppers, N, "Ab", "ab", "AB", 2, 0),
        (Ignores, Exact, X, "Ab", "old", "Ab", 1, 1),
    ] {
        let mut thing = Thing::of("type = \"text\"", text("old"));
        let mut systems = [System::new(N, 1), System::new(X, 1)];
        for (at, quirk) in [netsuite, suitex].into_iter().enumerate() {
            // The plain value was there before the quirk was.
            systems[at].create(Timestamp(0), &[text("old")]);
            systems[at].quirks[0] = quirk;
            systems[at].revision = 10;
            let side = systems[at].side;
            thing.record.sides[side].id = systems[at].row.as_ref().map(|row| row.id.clone());
        }
        for round in ["1", "2"] {
            let row = format!("{netsuite:?} {suitex:?} {who} types {typed:?}, round {round}");
            let at = usize::from(who == X);
            let word = typed.replace("Ab", &format!("Ab{round}"));
            let (kept, revision) = systems[at].edit(thing.now, vec![(0, text(&word))]);
            let id = systems[at].row.as_ref().expect("a row").id.clone();
            thing.hear(&News { id, ..delta(who, revision.0, kept) });
            let made = sync(&mut thing, &mut systems);
            let held = |at: usize| show(&systems[at].row.as_ref().unwrap().values[0]);
            let expected = |s: &str| {
                format!(
                    "{:?}",
                    s.replace("Ab", &format!("Ab{round}"))
                        .replace("AB", &format!("AB{round}"))
                        .replace("ab", &format!("ab{round}"))
                )
            };
            assert_eq!((held(0), held(1)), (expected(held_n), expected(held_x)), "{row}");
            assert_eq!(thing.record.locks.len(), locks, "{row}");
            if locks == 0 {
                assert_eq!(made, writes, "{row}");
                assert_eq!(
                    (thing.planned(N), thing.planned(X)),
                    ("nothing".into(), "nothing".into()),
                    "{row}"
                );
            }
        }
    }
}

#[test]
fn the_other_sides_form_of_an_edit_is_not_an_edit() {
    // NetSuite writes Ab, SuiteX makes AB of it; before that comes back to NetSuite, NetSuite edits again.
    let mut thing = Thing::of("type = \"text\", policy = \"suitex_wins\"", text("old"));
    thing.edit(N, 11, &[("f", text("Ab"))]);
    thing.intend(X);
    let report = thing.settle(X, Reply::Applied(Some(thing.seen(X, 12, &[("f", text("AB"))]))));
    assert_eq!((rules(&report), thing.get("f").as_str()), (vec!["target_form"], "\"AB\""));
    let report = thing.edit(N, 12, &[("f", text("Cd"))]);
    assert_eq!((rules(&report), thing.get("f").as_str()), (vec!["clean"], "\"Cd\""));
}

/// "The old value" and "the form of the new value" are the same here: it is taken for the form.
#[test]
fn a_change_of_case_alone_is_a_form_on_a_side_that_folds_case() {
    let mut thing = Thing::of("type = \"text\"", text("AB"));
    thing.edit(X, 11, &[("f", text("Ab"))]);
    thing.intend(N);
    let report = thing.settle(N, Reply::Applied(Some(thing.seen(N, 12, &[("f", text("AB"))]))));
    assert_eq!(rules(&report), ["target_form"]);
}
