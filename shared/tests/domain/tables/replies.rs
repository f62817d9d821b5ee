//! What a reply means for the intent that it answers.

use shared::domain::news::News;
use shared::domain::plan::CALL_LANDS_WITHIN_MS;
use shared::domain::record::Intent;
use shared::domain::settle::{Reply, not_persisted_error};
use shared::domain::value::Value;

use super::{N, Thing, X, rules};
use crate::fixture::{delta, fields, full, int, named, text};

#[test]
fn what_a_reply_makes_of_an_intent() {
    // SuiteX moved f from 1 to 2; NetSuite is told.
    type Make = fn(&Thing) -> Reply;
    type Row = (&'static str, Make, &'static [&'static str], &'static str, &'static str, usize);
    let cases: [Row; 9] = [
        ("taken", |t| Reply::Applied(Some(t.seen(N, 12, &[("f", int(2))]))), &[], "2", "nothing", 0),
        (
            "taken, and somebody edited another field",
            |t| Reply::Applied(Some(t.seen(N, 12, &[("f", int(2)), ("g", int(9))]))),
            &["clean"],
            "2",
            "nothing",
            0,
        ),
        (
            "taken, in another form",
            |t| Reply::Applied(Some(t.seen(N, 12, &[("f", int(4))]))),
            &["target_form"],
            "4",
            "nothing",
            0,
        ),
        (
            "taken, and ignored",
            |t| Reply::Applied(Some(t.seen(N, 12, &[]))),
            &["not_persisted"],
            "2",
            "locked",
            0,
        ),
        (
            "not taken: another value was there",
            |t| Reply::Looked { seen: t.seen(N, 12, &[("f", int(7))]), held: Vec::new() },
            &["netsuite_wins"],
            "7",
            "nothing",
            1,
        ),
        (
            "a look: it was carried out, then edited",
            |t| Reply::Looked {
                seen: t.seen(N, 12, &[("f", int(7))]),
                held: t.carried_out(&[("f", int(2))]),
            },
            &["clean"],
            "7",
            "nothing",
            0,
        ),
        (
            "a look: not carried out yet",
            |t| Reply::Looked { seen: t.seen(N, 10, &[]), held: Vec::new() },
            &[],
            "2",
            "update f=2 where f=1",
            1,
        ),
        ("refused", |_| Reply::NotDone, &[], "2", "update f=2 where f=1", 0),
        ("not found", |_| Reply::Missing, &[], "2", "update f=2 where f=1", 1),
    ];
    for (what, reply, called, result, planned, remembered) in cases {
        let surface = fields("f = { type = \"integer\" }\ng = { type = \"integer\" }");
        let mut thing = Thing::new(surface, &[("f", int(1)), ("g", int(1))]);
        thing.edit(X, 11, &[("f", int(2))]);
        thing.intend(N);
        let reply = reply(&thing);
        let report = thing.settle(N, reply);
        assert_eq!(rules(&report), called, "{what}");
        assert_eq!((thing.get("f").as_str(), thing.planned(N).as_str()), (result, planned), "{what}");
        let state = &thing.record.sides.netsuite;
        assert_eq!((state.sent.len(), &state.intent), (remembered, &None), "{what}: what may still land");
    }
}

/// However late a look that shows nothing: the write may be what the record holds, and no edit of anybody's.
#[test]
fn what_was_sent_to_a_record_that_is_not_shown_is_known_again_when_it_is() {
    let mut thing = Thing::of("type = \"integer\"", int(1));
    thing.edit(X, 11, &[("f", int(2))]);
    let call = thing.intend(N).operation;
    thing.now = thing.now.plus(86_400_000);
    thing.settle(N, Reply::Missing);
    thing.edit(X, 12, &[("f", int(1))]);
    let held = vec![(call, vec![(0, int(2))])];
    let report = thing.settle(N, Reply::Looked { seen: thing.seen(N, 12, &[("f", int(2))]), held });
    assert!(rules(&report).is_empty(), "no edit was found");
    assert_eq!((thing.get("f").as_str(), thing.planned(N).as_str()), ("1", "update f=1 where f=2"));
    assert_eq!(thing.record.sides.netsuite.sent, [], "it is accounted for");
}

#[test]
fn a_field_that_the_target_ignores_is_locked_and_named_once() {
    let surface = fields("f = { type = \"integer\" }\ng = { type = \"integer\" }");
    let mut thing = Thing::new(surface, &[("f", int(1)), ("g", int(1))]);
    thing.edit(X, 11, &[("f", int(2)), ("g", int(3))]);
    thing.intend(N);
    let report = thing.settle(N, Reply::Applied(Some(thing.seen(N, 12, &[("g", int(3))]))));
    assert_eq!((rules(&report), report.not_persisted), (vec!["not_persisted"], vec![0]));
    let error = not_persisted_error(&thing.record.key, N, 0);
    assert_eq!(thing.record.locks.iter().map(|l| (l.field, l.error)).collect::<Vec<_>>(), [(Some(0), error)]);
    thing.edit(X, 12, &[("g", int(4))]);
    assert_eq!(thing.planned(N), "update g=4 where g=3", "the other fields go on");
}

#[test]
fn a_call_that_was_not_tried_has_not_looked() {
    let mut thing = Thing::of("type = \"integer\"", int(1));
    thing.edit(X, 11, &[("f", int(2))]);
    thing.intend(N);
    thing.edit(N, 12, &[("f", int(5))]); // nobody can tell whether before or after our write
    thing.settle(N, Reply::NotDone);
    assert_eq!(thing.planned(N), "read", "the edit is still to be looked at");
}

/// A call of `f` = 2 hung, was given up, and may still land; `f` is to be 3 by now.
fn in_doubt(kind: &str, before: Value, hangs: Value, since: Value) -> (Thing, Intent) {
    let mut thing = Thing::of(kind, before);
    thing.edit(X, 11, &[("f", hangs)]);
    let intent = thing.intend(N);
    thing.now = thing.now.plus(60_000);
    thing.settle(N, Reply::Looked { seen: thing.seen(N, 10, &[]), held: Vec::new() });
    thing.edit(X, 12, &[("f", since)]);
    (thing, intent)
}

#[test]
fn news_while_a_call_may_still_land_is_looked_at_and_the_look_tells_whose_it_is() {
    for (what, now, landed, result) in [
        ("our own write", 2, true, "3"),
        ("somebody's edit to the same value", 2, false, "2"),
        ("our write, and an edit after it", 7, true, "7"),
        ("our write, and an edit back to what was before", 1, true, "1"),
    ] {
        let (mut thing, intent) =
            in_doubt("type = \"integer\", policy = \"netsuite_wins\"", int(1), int(2), int(3));
        if now != 1 {
            let report = thing.edit(N, 13, &[("f", int(now))]);
            assert_eq!((report.unordered, thing.planned(N).as_str()), (1, "read"), "{what}");
        }
        let seen = thing.seen(N, 14, &[("f", int(now))]);
        let held = (intent.operation, vec![(0, int(2))]);
        thing.settle(N, Reply::Looked { seen, held: Vec::from_iter(landed.then_some(held)) });
        assert_eq!(thing.get("f"), result, "{what}");
        assert_eq!(thing.record.sides.netsuite.sent.is_empty(), landed, "{what}: it may still land");
    }
}

#[test]
fn a_mark_tells_that_a_call_has_landed_and_the_same_value_after_it_is_somebodys() {
    let (mut thing, intent) =
        in_doubt("type = \"integer\", policy = \"netsuite_wins\"", int(1), int(2), int(3));
    let news = delta(N, 13, vec![(0, int(2))]);
    let report = thing.hear(&News { operation: Some(intent.operation), ..news });
    assert_eq!((report.own, thing.get("f").as_str()), (1, "3"), "our own write, not an edit");
    thing.edit(N, 14, &[("f", int(7))]);
    assert_eq!(thing.get("f"), "7");
    thing.edit(N, 15, &[("f", int(2))]);
    assert_eq!(thing.get("f"), "2", "somebody's own way back, not our write again");
}

#[test]
fn a_form_that_lands_after_its_deadline_is_no_edit() {
    let (mut thing, intent) =
        in_doubt("type = \"text\", policy = \"netsuite_wins\"", text("old"), text("Ab"), text("c"));
    thing.hear(&full(N, 12, vec![(0, text("AB"))]));
    let (seen, held) = (thing.seen(N, 12, &[("f", text("AB"))]), named(&thing.surface, &[("f", text("AB"))]));
    let report = thing.settle(N, Reply::Looked { seen, held: vec![(intent.operation, held)] });
    assert_eq!((rules(&report), thing.get("f").as_str()), (vec![], "\"c\""));
}

#[test]
fn an_answer_to_another_call_does_not_tell_whose_value_it_shows() {
    let surface = fields("f = { type = \"integer\" }\ng = { type = \"integer\" }");
    let mut thing = Thing::new(surface, &[("f", int(1)), ("g", int(1))]);
    thing.edit(X, 11, &[("f", int(2))]);
    let first = thing.intend(N);
    thing.settle(N, Reply::Looked { seen: thing.seen(N, 10, &[]), held: Vec::new() }); // it hangs
    thing.edit(X, 12, &[("f", int(1)), ("g", int(5))]);
    thing.intend(N);
    let seen = thing.seen(N, 14, &[("f", int(2)), ("g", int(5))]);
    thing.settle(N, Reply::Applied(Some(seen)));
    assert_eq!(thing.planned(N), "read");
    thing.now = thing.now.plus(CALL_LANDS_WITHIN_MS);
    let seen = thing.seen(N, 14, &[("f", int(2))]);
    let held = named(&thing.surface, &[("f", int(2)), ("g", int(1))]);
    thing.settle(N, Reply::Looked { seen, held: vec![(first.operation, held)] });
    assert_eq!(thing.planned(N), "update f=1 where f=2");
    assert_eq!(thing.record.sides.netsuite.sent, [], "what can no longer land is forgotten");
}

#[test]
fn the_same_row_gives_the_same_operation_and_another_row_another() {
    let mut thing = Thing::of("type = \"integer\"", int(1));
    thing.edit(X, 11, &[("f", int(2))]);
    let mut twin = Thing { surface: thing.surface.clone(), record: thing.record.clone(), now: thing.now };
    let first = thing.intend(N);
    assert_eq!(first.operation, twin.intend(N).operation);
    thing.settle(N, Reply::NotDone);
    assert_ne!(first.operation, thing.intend(N).operation);
}

/// A write that the comparison refused will never land: the value that it wanted, found there later, is a
/// person's edit.
#[test]
fn an_edit_to_a_value_that_we_failed_to_write_is_somebodys() {
    let mut thing = Thing::of("type = \"integer\", policy = \"netsuite_wins\"", int(1));
    thing.edit(X, 11, &[("f", int(2))]);
    thing.intend(N);
    let mismatch = Reply::Mismatch(thing.seen(N, 12, &[("f", int(3))]));
    thing.settle(N, mismatch);
    assert_eq!(thing.get("f"), "3");
    let report = thing.edit(N, 13, &[("f", int(2))]);
    assert_eq!((report.own, thing.get("f").as_str(), thing.planned(N).as_str()), (0, "2", "nothing"));
}
