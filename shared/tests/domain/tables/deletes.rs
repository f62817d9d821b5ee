//! What a deletion means, by rule and by decision.

use shared::domain::absorb::{absorb, absorb_resolution};
use shared::domain::conflict::Resolution;
use shared::domain::id::{Revision, SideId, Timestamp};
use shared::domain::news::News;
use shared::domain::record::{Presence, Record, Verb};
use shared::domain::settle::{Reply, Seen};
use shared::domain::value::Value;

use super::{N, Thing, X, rules};
use crate::fixture::{deleted, delta, fields, full, int, key, side_id, surface};

fn deletable(rule: &str) -> Thing {
    let text = format!(
        r#"
        inactive = "off"
        delete = {{ netsuite = "{rule}", suitex = "{rule}" }}
        [type.thing.fields]
        f = {{ type = "integer" }}
        off = {{ type = "boolean" }}
        "#
    );
    Thing::new(surface(&text), &[("f", int(1)), ("off", Value::Bool(false))])
}

#[test]
fn what_a_deletion_means() {
    for side in [N, X] {
        let other = side.other();
        for (rule, before, called, now, plan_other, plan_own) in [
            ("propagate", "unchanged", "delete_propagated", "dead", "delete where f=1 off=false", "nothing"),
            (
                "inactivate",
                "unchanged",
                "delete_inactivated",
                "alive",
                "update off=true where off=false",
                "nothing",
            ),
            ("detach", "unchanged", "delete_detached", "alive", "nothing", "nothing"),
            ("ask", "unchanged", "delete_asked", "asked", "nothing", "locked"),
            ("propagate", "changed", "delete_asked", "asked", "nothing", "locked"),
            ("inactivate", "changed", "delete_asked", "asked", "nothing", "locked"),
            ("detach", "changed", "delete_asked", "asked", "nothing", "locked"),
            ("ask", "changed", "delete_asked", "asked", "nothing", "locked"),
            ("propagate", "absent", "deleted_on_both", "dead", "nothing", "nothing"),
            ("inactivate", "absent", "deleted_on_both", "dead", "nothing", "nothing"),
            ("detach", "absent", "deleted_on_both", "dead", "nothing", "nothing"),
            ("ask", "absent", "deleted_on_both", "dead", "nothing", "nothing"),
        ] {
            let mut thing = deletable(rule);
            match before {
                "changed" => drop(thing.edit(other, 11, &[("f", int(7))])),
                "absent" => thing.record.sides[other].presence = Presence::Never,
                _ => {}
            }
            let report = thing.deletes(side, 20);
            let row = format!("{side} deletes, {other} {before}, {rule}");
            assert_eq!(report.decisions.last().unwrap().rule.name(), called, "{row}");
            let state = match (thing.record.alive, &thing.record.conflict) {
                (true, Some(_)) => "asked",
                (true, None) => "alive",
                (false, _) => "dead",
            };
            assert_eq!(state, now, "{row}");
            assert_eq!(
                (thing.planned(other), thing.planned(side)),
                (plan_other.into(), plan_own.into()),
                "{row}"
            );
            assert_eq!(report.retired, Some(side_id(side)), "{row}");
        }
    }
}

#[test]
fn a_person_decides_what_a_deletion_means() {
    for (alive_before, keep, plan_gone, plan_other) in [
        (true, true, "create f=1 off=false", "nothing"),
        (true, false, "nothing", "delete where f=1 off=false"),
        (false, true, "create f=9 off=false", "nothing"),
        (false, false, "nothing", "delete where f=9 off=false"),
    ] {
        // Asked about a deletion; or an edit came after a deletion that was agreed.
        let mut thing = deletable(if alive_before { "ask" } else { "propagate" });
        thing.deletes(N, 20);
        if !alive_before {
            let report = thing.edit(X, 21, &[("f", int(9))]);
            assert_eq!(rules(&report), ["clean", "delete_asked"]);
        }
        assert_eq!((thing.clashes().as_str(), thing.record.alive), ("deleted by netsuite", alive_before));
        assert_eq!(thing.planned(X), if alive_before { "nothing" } else { "locked" });
        let undecided = Resolution {
            conflict: thing.record.conflict.as_ref().unwrap().id,
            revision: thing.record.conflict.as_ref().unwrap().revision,
            fields: Vec::new(),
            keep: None,
        };
        assert!(absorb_resolution(&mut thing.record, &undecided, Timestamp(0)).outdated_resolution);
        let report = thing.resolve(Vec::new(), Some(keep));
        assert_eq!((rules(&report), thing.record.alive), (vec!["resolved"], keep));
        assert_eq!((thing.planned(N).as_str(), thing.planned(X).as_str()), (plan_gone, plan_other));
    }
}

#[test]
fn what_only_the_deleted_record_could_tell_goes_with_it() {
    // Deleted where its value comes from, kept by a person, and made anew there without it.
    let surface = fields("f = { type = \"integer\", direction = \"to_suitex\" }\ng = { type = \"integer\" }");
    let mut thing = Thing::new(surface, &[("f", int(1)), ("g", int(5))]);
    thing.deletes(N, 20);
    thing.resolve(Vec::new(), Some(true));
    let intent = thing.intend(N);
    assert_eq!((intent.verb, intent.wanted), (Verb::Create, vec![(1, int(5))]));
    let made = Seen { id: side_id(N), ..thing.seen(N, 30, &[("g", int(5))]) };
    let report = thing.settle(N, Reply::Applied(Some(made)));
    assert_eq!((rules(&report), thing.get("f").as_str()), (vec!["direction"], "-"));
    assert_eq!((thing.planned(X).as_str(), thing.planned(N).as_str()), ("update f=- where f=1", "nothing"));
}

#[test]
fn a_deletion_is_heard_once_and_only_if_it_is_news() {
    for (what, revision, heard) in [
        ("older than a full read", Some(9), false),
        ("of the same second", Some(10), true),
        ("newer", Some(11), true),
    ] {
        let mut thing = deletable("propagate");
        let before = thing.record.clone();
        let report = thing.hear(&News { revision: revision.map(Revision), ..deleted(X, 0) });
        assert_eq!(thing.record.alive, !heard, "{what}");
        if !heard {
            assert_eq!(report.stale, 1, "{what}");
            thing.record.row_revision = before.row_revision;
            assert_eq!(thing.record, before, "{what}");
        }
        let once = thing.record.clone();
        let again = absorb(&mut thing.record, &deleted(X, 30), &thing.surface);
        if heard {
            assert!(again.decisions.is_empty() && thing.record == once, "twice");
        }
    }
}

#[test]
fn a_deletion_without_a_revision_makes_us_look() {
    let mut thing = deletable("propagate");
    let report = thing.hear(&News { revision: None, ..deleted(X, 0) });
    assert_eq!((report.unordered, thing.record.alive, thing.planned(X).as_str()), (1, true, "read"));
    thing.settle(X, Reply::Gone(Some(Revision(12))));
    assert!(!thing.record.alive);
}

#[test]
fn a_deletion_that_meets_an_edit_not_yet_written_is_asked_about() {
    let mut thing = deletable("propagate");
    thing.edit(N, 11, &[("f", int(7))]);
    let intent = thing.intend(X);
    assert_eq!(intent.verb, Verb::Update);
    let report = thing.settle(X, Reply::Gone(Some(Revision(12))));
    assert_eq!((rules(&report), thing.clashes().as_str()), (vec!["delete_asked"], "deleted by suitex"));
}

#[test]
fn what_we_created_and_somebody_deleted_before_we_knew_is_not_created_again() {
    let surface = fields("f = { type = \"integer\" }");
    let mut thing = Thing { record: Record::new(key(), &surface), surface, now: Timestamp(1_000_000) };
    thing.hear(&full(N, 5, vec![(0, int(1))]));
    assert_eq!(thing.intend(X).verb, Verb::Create);
    let report = thing.settle(X, Reply::Gone(Some(Revision(2))));
    assert_eq!((rules(&report), thing.planned(X).as_str()), (vec!["delete_asked"], "locked"));
    // Kept by a person, and created once more: the deletion that we know of is not another one.
    thing.resolve(Vec::new(), Some(true));
    assert_eq!(thing.intend(X).verb, Verb::Create);
    let report = thing.settle(X, Reply::Gone(Some(Revision(2))));
    assert_eq!((rules(&report), thing.planned(X).as_str()), (vec![], "create f=1"));
}

#[test]
fn a_deleted_records_conflict_goes_with_its_last_side() {
    let mut thing = deletable("ask");
    thing.deletes(N, 20);
    let report = thing.deletes(X, 21);
    assert_eq!((rules(&report), thing.clashes().as_str()), (vec!["deleted_on_both"], "none"));
    assert!(!thing.record.alive);
}

#[test]
fn news_of_a_copy_is_not_the_records_own() {
    let copy = || SideId::parse("copy").unwrap();
    let mut thing = Thing::of("type = \"integer\"", int(1));
    let report = thing.hear(&News { id: copy(), ..deleted(X, 99) });
    assert_eq!((report.stale, report.retired), (1, None), "its late deletion deletes nothing");
    let report = thing.hear(&News { id: copy(), ..delta(X, 98, vec![(0, int(7))]) });
    assert_eq!((report.stale, thing.get("f").as_str()), (1, "1"), "and its clock is another one");
    thing.edit(X, 11, &[("f", int(2))]);
    assert_eq!((thing.get("f").as_str(), thing.planned(N).as_str()), ("2", "update f=2 where f=1"));
}
