//! Which news is news, by the clock of its side.

use shared::domain::id::Revision;
use shared::domain::news::{News, Standing};
use shared::domain::plan::Plan;
use shared::domain::settle::Reply;

use super::{N, Thing, X, rules};
use crate::fixture::{delta, fields, full, int, named};

#[test]
fn news_counts_by_the_sides_own_clock() {
    // The record was read in full at 10, field f heard of at 20. Value 1 is what we know of both fields.
    for (what, field, revision, value, full_read, authoritative, heard) in [
        ("older than the field's last news", "f", Some(19), 2, false, false, "stale"),
        ("older than the last full read", "g", Some(9), 2, false, false, "stale"),
        ("newer than the field's last news", "f", Some(21), 2, false, false, "taken"),
        ("newer than the read of this field", "g", Some(15), 2, false, false, "taken"),
        ("same second, same value", "f", Some(20), 1, false, false, "nothing"),
        ("same second, another value", "f", Some(20), 2, false, false, "look"),
        ("same second as the read", "g", Some(10), 2, false, false, "look"),
        ("same second, in a poll", "f", Some(20), 2, true, false, "look"),
        ("same second, authoritative", "f", Some(20), 2, true, true, "taken"),
        ("an older clock, authoritative", "f", Some(5), 2, true, true, "taken"),
        ("no clock, same value", "f", None, 1, false, false, "nothing"),
        ("no clock, another value", "f", None, 2, false, false, "look"),
    ] {
        let surface = fields("f = { type = \"integer\" }\ng = { type = \"integer\" }");
        let mut thing = Thing::new(surface, &[("f", int(1)), ("g", int(1))]);
        thing.record.sides.netsuite.note(0, Revision(20));
        let values = named(&thing.surface, &[(field, int(value))]);
        let news = if full_read { full(N, 0, values) } else { delta(N, 0, values) };
        let standing = if authoritative { Standing::Answered } else { Standing::Heard };
        let report = thing.hear(&News { revision: revision.map(Revision), standing, ..news });
        let result = match (report.stale, report.unordered, report.changed) {
            (1, 0, false) => "stale",
            (0, 1, false) => "look",
            (0, 0, true) => "taken",
            (0, 0, false) => "nothing",
            other => panic!("{what}: {other:?}"),
        };
        assert_eq!(result, heard, "{what}");
        assert_eq!(thing.plan(N) == Plan::Read, heard == "look", "{what}");
        let other =
            if heard == "taken" { format!("update {field}=2 where {field}=1") } else { "nothing".into() };
        assert_eq!(thing.planned(X), other, "{what}");
    }
}

#[test]
fn news_about_a_field_that_is_being_written_waits_for_the_reply() {
    // We write 2 over 1, without a reply yet.
    for (what, value, full_read, mark, heard) in [
        ("what we write", 2, false, false, "own"),
        ("what we write, in a poll", 2, true, false, "own"),
        ("what was there", 1, false, false, "nothing"),
        ("an edit: before our write or after?", 5, false, false, "look"),
        ("an edit, in a poll", 5, true, false, "look"),
        ("another form of it, with our mark", 5, false, true, "own"),
    ] {
        let mut thing = Thing::of("type = \"integer\", policy = \"suitex_wins\"", int(1));
        thing.edit(X, 11, &[("f", int(2))]);
        let intent = thing.intend(N);
        let news =
            if full_read { full(N, 12, vec![(0, int(value))]) } else { delta(N, 12, vec![(0, int(value))]) };
        let report = thing.hear(&News { operation: mark.then_some(intent.operation), ..news });
        let result = match (report.own, report.unordered) {
            (1, 0) => "own",
            (0, 1) => "look",
            _ => "nothing",
        };
        assert_eq!((result, thing.record.sides.netsuite.wants_read), (heard, heard == "look"), "{what}");
    }
    // The reply tells that it came after: no conflict, and NetSuite's edit stands.
    let mut thing = Thing::of("type = \"integer\", policy = \"suitex_wins\"", int(1));
    thing.edit(X, 11, &[("f", int(2))]);
    thing.intend(N);
    thing.edit(N, 12, &[("f", int(5))]);
    let (seen, held) = (thing.seen(N, 12, &[("f", int(5))]), thing.carried_out(&[("f", int(2))]));
    let report = thing.settle(N, Reply::Looked { seen, held });
    assert_eq!((rules(&report), thing.get("f").as_str()), (vec!["clean"], "5"));
}
