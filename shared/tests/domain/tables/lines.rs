//! Lists: sets, lines, and lines without a key.

use shared::domain::id::Timestamp;
use shared::domain::news::News;
use shared::domain::record::Span;
use shared::domain::value::Value;

use super::{N, Thing, X, rules};
use crate::fixture::{delta, lines, set, show, surface};

#[test]
fn sets_keep_what_was_added_and_lose_what_was_removed() {
    let split = |s: &'static str| s.split(' ').filter(|i| !i.is_empty()).collect::<Vec<_>>();
    for (base, netsuite, suitex, result, called) in [
        ("a", "a b", "a c", "{a b c}", "union"),
        ("a b", "b", "a", "-", "union"),
        ("a b", "b c", "a b d", "{b c d}", "union"),
        ("", "a", "b", "{a b}", "union"),
        ("a", "", "a b", "{b}", "union"),
        ("a", "b", "b", "{b}", "converged"),
        ("a", "a", "b", "{b}", "clean"),
    ] {
        for first in [N, X] {
            let of = |side| if side == N { netsuite } else { suitex };
            let mut thing = Thing::of("type = \"multiselect\", policy = \"union\"", set(&split(base)));
            thing.edit(first, 11, &[("f", set(&split(of(first))))]);
            let report = thing.edit(first.other(), 11, &[("f", set(&split(of(first.other()))))]);
            assert_eq!(thing.get("f"), result, "{base} / {netsuite} / {suitex}");
            if of(first.other()) != base {
                assert_eq!(rules(&report), [called], "{base} / {netsuite} / {suitex}");
            }
        }
    }
}

const LINES: &str = r#"
    [type.thing.fields.f]
    type = "lines"
    policy = "POLICY"
    key = { suitex = "k", netsuite = "k", netsuite_external = "e" }
    columns = { a_quantity = { type = "integer" }, b_rate = { type = "integer" } }
"#;

#[test]
fn lines_are_merged_per_line_and_column() {
    // Before: p:1,1 q:1,1.
    for (policy, netsuite, suitex, canonical, called, conflict) in [
        ("manual", "p:2,1 q:1,1", "p:1,3 q:1,1", "p:2,3 q:1,1", "combined", None),
        ("manual", "p:2,1 q:1,1", "p:1,1 q:1,3", "p:2,1 q:1,3", "combined", None),
        ("manual", "p:1,1", "p:1,1 q:1,1 r:5,5", "p:1,1 r:5,5", "combined", None),
        ("manual", "q:1,1", "p:1,1", "", "combined", None),
        ("manual", "p:2,1 q:1,4", "p:3,1 q:1,1", "p:2,1 q:1,4", "conflict_opened", Some("p:3,1 q:1,4")),
        ("manual", "p:1,1", "p:1,1 q:1,9", "p:1,1", "conflict_opened", Some("p:1,1 q:1,9")),
        ("netsuite_wins", "p:2,1 q:1,1", "p:3,7 q:1,1", "p:2,7 q:1,1", "netsuite_wins", None),
        ("suitex_wins", "p:2,1 q:1,1", "p:3,7 q:1,1", "p:3,7 q:1,1", "suitex_wins", None),
        ("netsuite_wins", "p:1,1", "p:1,1 q:1,9", "p:1,1", "netsuite_wins", None),
        ("suitex_wins", "p:1,1", "p:1,1 q:1,9", "p:1,1 q:1,9", "suitex_wins", None),
        ("latest_wins", "p:2,1 q:1,1", "p:3,1 q:1,1", "p:3,1 q:1,1", "latest_wins", None),
    ] {
        let mut thing = Thing::new(surface(&LINES.replace("POLICY", policy)), &[("f", rows("p:1,1 q:1,1"))]);
        thing.edit(N, 11, &[("f", rows(netsuite))]);
        let news = delta(X, 11, vec![(0, rows(suitex))]);
        let report = thing.hear(&News { span: Span::at(Timestamp(20_000)), ..news });
        let row = format!("{policy} {netsuite} / {suitex}");
        assert_eq!(thing.get("f"), show(&rows(canonical)), "{row}");
        assert_eq!(rules(&report), [called], "{row}");
        let suggested = |s| format!("f [{netsuite}]|[{suitex}]→[{s}]");
        assert_eq!(thing.clashes(), conflict.map_or("none".into(), suggested), "{row}");
    }
}

/// Lines from `key:cell,cell key:cell,cell`.
fn rows(text: &str) -> Value {
    let parsed: Vec<(&str, Vec<i64>)> = text
        .split_whitespace()
        .map(|row| row.split_once(':').expect("key:cells"))
        .map(|(key, cells)| (key, cells.split(',').map(|n| n.parse().expect("a number")).collect()))
        .collect();
    lines(&parsed.iter().map(|(key, cells)| (*key, cells.as_slice())).collect::<Vec<_>>())
}

#[test]
fn lines_without_a_key_are_one_value() {
    let text = LINES.replace("POLICY", "suitex_wins");
    let text: String = text.lines().filter(|l| !l.contains("key =")).map(|l| format!("{l}\n")).collect();
    let mut thing = Thing::new(surface(&text), &[("f", lines(&[("000000", &[1, 1]), ("000001", &[1, 1])]))]);
    thing.edit(N, 11, &[("f", lines(&[("000000", &[2, 1]), ("000001", &[1, 1])]))]);
    let report = thing.edit(X, 11, &[("f", lines(&[("000000", &[1, 1]), ("000001", &[1, 3])]))]);
    assert_eq!((thing.get("f").as_str(), rules(&report)), ("[000000:1,1 000001:1,3]", vec!["suitex_wins"]));
}

#[test]
fn a_suggestion_for_lines_keeps_both_sides_lines() {
    let mut thing =
        Thing::new(surface(&LINES.replace("POLICY", "manual")), &[("f", lines(&[("p", &[1, 1])]))]);
    thing.edit(N, 11, &[("f", lines(&[("p", &[2, 1]), ("n", &[5, 5])]))]);
    thing.edit(X, 11, &[("f", lines(&[("p", &[3, 1])]))]);
    assert_eq!(thing.clashes(), "f [n:5,5 p:2,1]|[p:3,1]→[n:5,5 p:2,1]");
    thing.edit(X, 12, &[("f", lines(&[("p", &[4, 1])]))]);
    assert_eq!(thing.clashes(), "f [n:5,5 p:2,1]|[p:4,1]→[n:5,5 p:4,1]");
}

#[test]
fn a_suggestion_for_lists_that_were_empty_keeps_both_sides_lines_unless_they_were_made_apart() {
    for (made_apart, suggested, rebased) in
        [(false, "[n:5,5 p:3,1 x:7,7]", "[n:5,5 p:4,1 x:7,7]"), (true, "[p:3,1 x:7,7]", "[p:4,1 x:7,7]")]
    {
        let mut thing = Thing::new(surface(&LINES.replace("POLICY", "manual")), &[]);
        thing.edit(N, 11, &[("f", rows("p:2,1 n:5,5"))]);
        thing.record.sides.suitex.made_apart = made_apart;
        thing.edit(X, 12, &[("f", rows("p:3,1 x:7,7"))]);
        assert_eq!(thing.clashes(), format!("f [n:5,5 p:2,1]|[p:3,1 x:7,7]→{suggested}"));
        thing.record.sides.suitex.made_apart = false;
        thing.edit(X, 13, &[("f", rows("p:4,1 x:7,7"))]);
        assert_eq!(thing.clashes(), format!("f [n:5,5 p:2,1]|[p:4,1 x:7,7]→{rebased}"));
    }
}

#[test]
fn lines_that_were_put_together_are_as_late_as_the_later_of_both_edits() {
    let mut thing =
        Thing::new(surface(&LINES.replace("POLICY", "latest_wins")), &[("f", rows("p:1,1 q:1,1"))]);
    let at = |side, revision, text: &str, second: i64| {
        let news = delta(side, revision, vec![(0, rows(text))]);
        News { span: Span::at(Timestamp(second * 1_000)), ..news }
    };
    thing.hear(&at(X, 11, "p:9,1 q:1,1", 30));
    assert_eq!(rules(&thing.hear(&at(N, 11, "p:1,1 q:2,1", 10))), ["combined"]);
    // Heard last, and edited before SuiteX's.
    assert_eq!(rules(&thing.hear(&at(N, 12, "p:5,1 q:2,1", 20))), ["latest_wins"]);
    assert_eq!(thing.get("f"), "[p:9,1 q:2,1]");
}
