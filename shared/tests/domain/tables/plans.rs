//! What is planned for a side.

use shared::domain::id::Timestamp;
use shared::domain::news::{News, Standing};
use shared::domain::plan::{has_work, plan};
use shared::domain::record::{Lock, Presence, Record};
use shared::domain::settle::unsettle;
use shared::domain::surface::FieldIx;
use shared::domain::value::Value;
use uuid::Uuid;

use super::{N, Thing, X};
use crate::fixture::{delta, fields, full, int, key, named, surface, text};

#[test]
fn what_is_planned() {
    fn lock(field: Option<FieldIx>) -> Lock {
        Lock { field, error: Uuid::nil(), reason: "a test".into(), since: Timestamp(0) }
    }
    type Do = fn(&mut Thing);
    let cases: [(&str, Do, &str); 12] = [
        ("in sync", |_| {}, "nothing"),
        ("the other side moved", |t| drop(t.edit(X, 11, &[("f", int(2))])), "update f=2 where f=1"),
        ("this side moved", |t| drop(t.edit(N, 11, &[("f", int(2))])), "nothing"),
        (
            "the record is locked",
            |t| {
                t.edit(X, 11, &[("f", int(2))]);
                t.record.locks.push(lock(None));
            },
            "locked",
        ),
        (
            "one field is locked",
            |t| {
                t.edit(X, 11, &[("f", int(2)), ("g", int(3))]);
                t.record.locks.push(lock(Some(0)));
            },
            "update g=3 where g=1",
        ),
        ("a lock and nothing to do", |t| t.record.locks.push(lock(None)), "nothing"),
        (
            "a write is under way",
            |t| {
                t.edit(X, 11, &[("f", int(2))]);
                t.intend(N);
            },
            "wait until 1060000",
        ),
        (
            "a write is past its deadline",
            |t| {
                t.edit(X, 11, &[("f", int(2))]);
                t.intend(N);
                t.now = t.now.plus(60_000);
            },
            "read",
        ),
        (
            "a write whose reply was of no use",
            |t| {
                t.edit(X, 11, &[("f", int(2))]);
                t.intend(N);
                unsettle(&mut t.record, N, t.now);
            },
            "read",
        ),
        ("the clock could not tell", |t| drop(t.edit(N, 10, &[("f", int(2))])), "read"),
        (
            "never seen whole",
            |t| {
                t.record.sides.netsuite.seen = None;
                t.edit(X, 11, &[("f", int(2))]);
            },
            "read",
        ),
        (
            "detached",
            |t| {
                t.edit(X, 11, &[("f", int(2))]);
                t.record.sides.netsuite.detached = true;
            },
            "nothing",
        ),
    ];
    for (what, prepare, expected) in cases {
        let surface = fields("f = { type = \"integer\" }\ng = { type = \"integer\" }");
        let mut thing = Thing::new(surface, &[("f", int(1)), ("g", int(1))]);
        prepare(&mut thing);
        assert_eq!(thing.planned(N), expected, "{what}");
        let work = has_work(&thing.record, N, &thing.surface, thing.now);
        assert_eq!(work, !matches!(expected, "nothing" | "locked"), "{what}");
    }
}

#[test]
fn a_reference_that_names_a_record_is_waited_for_before_one_is_created() {
    let file = "match = [[\"f\", \"r\"], \"g\"]\n[type.thing.fields]\n\
        f = { type = \"integer\" }\ng = { type = \"integer\" }\nr = { type = \"reference\", to = \"other\" }\n\
        [type.other.fields]\nx = { type = \"integer\" }";
    for (f, has, there, expected) in [
        (Some(2), false, false, "wait for other 77"),
        (Some(2), true, false, "create f=2 r=\"77\""),
        // The key has nothing to say.
        (None, false, false, "create, later 77"),
        // Who is there need not be found.
        (Some(2), false, true, "update f=2 where f=-, later 77"),
    ] {
        let mut thing = Thing::new(surface(file), &[]);
        if !there {
            thing.record.sides.netsuite.presence = Presence::Never;
        }
        let f = f.map_or(Value::Null, int);
        thing.edit(X, 11, &[("f", f.clone()), ("r", text("77"))]);
        let planned = plan(&thing.record, N, &thing.surface, thing.now, &|_, _| has);
        assert_eq!(thing.in_words(planned), expected, "{f:?}, counterpart {has}, there {there}");
    }
}

#[test]
fn references_wait_for_their_counterpart() {
    let with = |required: bool| {
        format!(
            "[type.thing.fields]\nf = {{ type = \"integer\" }}\n\
             r = {{ type = \"reference\", to = \"other\", required = {required} }}\n\
             [type.other.fields]\nx = {{ type = \"integer\" }}"
        )
    };
    for (required, there, has, expected) in [
        (true, false, false, "wait for other 77"),
        (false, false, false, "create f=2, later 77"),
        (true, false, true, "create f=2 r=\"77\""),
        (true, true, false, "wait for other 77"),
        (false, true, false, "update f=2 where f=1, later 77"),
        (false, true, true, "update f=2 r=\"77\" where f=1 r=-"),
    ] {
        let mut thing = Thing::new(surface(&with(required)), &[("f", int(1))]);
        if !there {
            thing.record.sides.netsuite.presence = Presence::Never;
        }
        thing.edit(X, 11, &[("f", int(2)), ("r", text("77"))]);
        let planned = plan(&thing.record, N, &thing.surface, thing.now, &|_, _| has);
        assert_eq!(
            thing.in_words(planned),
            expected,
            "required {required}, there {there}, counterpart {has}"
        );
    }
    // Only the reference is left: wait for it.
    let mut thing = Thing::new(surface(&with(false)), &[("f", int(1))]);
    thing.edit(X, 11, &[("r", text("77"))]);
    let planned = plan(&thing.record, N, &thing.surface, thing.now, &|_, _| false);
    assert_eq!(thing.in_words(planned), "wait for other 77");
}

#[test]
fn nothing_is_made_from_what_is_still_to_be_looked_at() {
    let surface = fields("f = { type = \"integer\" }\ng = { type = \"integer\" }");
    let mut thing = Thing { record: Record::new(key(), &surface), surface, now: Timestamp(1_000_000) };
    // Without a revision nobody knows whether it is what NetSuite holds.
    let told = named(&thing.surface, &[("f", int(1))]);
    thing.hear(&News { revision: None, ..delta(N, 0, told) });
    assert_eq!((thing.planned(N), thing.planned(X)), ("read".into(), "nothing".into()));
    let all = named(&thing.surface, &[("f", int(1)), ("g", int(2))]);
    thing.hear(&News { standing: Standing::Answered, ..full(N, 11, all) });
    thing.record.sides.netsuite.wants_read = false;
    assert_eq!((thing.planned(N), thing.planned(X)), ("nothing".into(), "create f=1 g=2".into()));
}
