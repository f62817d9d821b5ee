//! The table and the laws of anchors §3.1, against the second implementation in [`super::naive`].

use std::collections::BTreeMap;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value as Json, json};
use shared::domain::absorb::absorb;
use shared::domain::id::{PerSide, Side, Timestamp};
use shared::domain::news::News;
use shared::domain::plan::{Plan, plan};
use shared::domain::record::{Record, Span};
use shared::domain::surface::{FieldIx, Policy, TypeSurface};
use shared::domain::value::Value;

use super::fixture::{delta, fields, full, int, lines, set, synced};
use super::model::faithful;
use super::naive::{self, Map, Merged, Wins, three_way};

const TAGS: usize = 4;
const FIELDS: usize = 5;

/// One field per policy, in the order of their names; the last is a set.
fn by_policy() -> &'static TypeSurface {
    static SURFACE: OnceLock<TypeSurface> = OnceLock::new();
    SURFACE.get_or_init(|| {
        fields(
            r#"
            a_netsuite = { type = "integer", policy = "netsuite_wins" }
            b_suitex = { type = "integer", policy = "suitex_wins" }
            c_latest = { type = "integer", policy = "latest_wins" }
            d_manual = { type = "integer", policy = "manual" }
            e_union = { type = "multiselect", policy = "union" }
            "#,
        )
    })
}

/// The values of the five fields: small, so that they often meet.
type Values = ([Option<i64>; TAGS], [bool; 3]);

fn values() -> impl Strategy<Value = Values> {
    (prop::array::uniform4(prop::option::of(0..3i64)), prop::array::uniform3(any::<bool>()))
}

fn side() -> impl Strategy<Value = Side> {
    prop::bool::ANY.prop_map(|first| if first { Side::NetSuite } else { Side::SuiteX })
}

/// A time that is known to lie in an interval, in seconds.
fn span() -> impl Strategy<Value = Span> {
    (11..16i64, 0..3i64)
        .prop_map(|(from, wide)| Span { from: Timestamp(from * 1000), to: Timestamp((from + wide) * 1000) })
}

fn tags(chosen: [bool; 3]) -> Vec<&'static str> {
    ["x", "y", "z"].into_iter().zip(chosen).filter(|(_, c)| *c).map(|(t, _)| t).collect()
}

fn typed((ints, chosen): &Values) -> Vec<(FieldIx, Value)> {
    let ints = ints.iter().map(|n| n.map_or(Value::Null, int));
    ints.chain([set(&tags(*chosen))]).enumerate().collect()
}

fn plain((ints, chosen): &Values) -> Map {
    let name = |f: usize| by_policy().fields[f].name.to_string();
    let mut map: Map = ints.iter().enumerate().map(|(f, n)| (name(f), json!(n))).collect();
    let tags = tags(*chosen);
    map.insert(name(TAGS), if tags.is_empty() { Json::Null } else { json!(tags) });
    map
}

fn canonical(record: &Record) -> Map {
    let render = |(f, v): (usize, &Value)| {
        let field = &by_policy().fields[f];
        (field.name.to_string(), field.kind.render(Side::SuiteX, v))
    };
    record.canonical.iter().enumerate().map(render).collect()
}

fn conflicts(record: &Record) -> std::collections::BTreeSet<String> {
    let clashes = record.conflict.iter().flat_map(|c| &c.clashes);
    clashes.map(|c| by_policy().fields[c.field].name.to_string()).collect()
}

fn base_record(base: &Values) -> Record {
    let named: Vec<_> = typed(base).into_iter().map(|(f, v)| (&*by_policy().fields[f].name, v)).collect();
    synced(by_policy(), &named)
}

/// What a side says it holds now, and when it was changed.
type Said<'a> = (Side, &'a Values, Span);

fn news((side, values, span): Said<'_>) -> News {
    News { span, ..full(side, 11, typed(values)) }
}

/// The record after both sides, in sync at `base`, have told what they hold.
fn merged(base: &Values, first: Said<'_>, second: Said<'_>) -> Record {
    let mut record = base_record(base);
    absorb(&mut record, &news(first), by_policy());
    absorb(&mut record, &news(second), by_policy());
    record
}

/// Who wins a field that both changed, said by `left`'s side after `right`'s.
fn naive_policy(field: &str, left: Said<'_>, right: Said<'_>) -> Wins {
    let if_left = |yes: bool| if yes { Wins::Left } else { Wins::Right };
    let netsuite = left.0 == Side::NetSuite;
    match field {
        "a_netsuite" => if_left(netsuite),
        "b_suitex" => if_left(!netsuite),
        "c_latest" if left.2.from > right.2.to => Wins::Left,
        "c_latest" if right.2.from > left.2.to => Wins::Right,
        "c_latest" => if_left(netsuite),
        "d_manual" => Wins::Nobody,
        _ => Wins::Union,
    }
}

fn mirror(surface: &TypeSurface) -> TypeSurface {
    let mut mirrored = surface.clone();
    for field in &mut mirrored.fields {
        field.policy = match field.policy {
            Policy::NetsuiteWins => Policy::SuitexWins,
            Policy::SuitexWins => Policy::NetsuiteWins,
            same => same,
        };
    }
    mirrored
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 2_000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Default::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_merge_is_the_one_of_the_table(
        base in values(), theirs in values(), ours in values(), side in side(), when in span(), before in span()
    ) {
        let (left, right) = ((side, &ours, when), (side.other(), &theirs, before));
        let record = merged(&base, right, left);
        let expected = three_way(&plain(&base), &plain(&ours), &plain(&theirs), |f| naive_policy(f, left, right));
        prop_assert_eq!(Merged { values: canonical(&record), conflicts: conflicts(&record) }, expected);
    }

    #[test]
    fn both_the_same_is_that(base in values(), same in values(), side in side(), when in span()) {
        let record = merged(&base, (side.other(), &same, when), (side, &same, when));
        prop_assert_eq!(canonical(&record), plain(&same));
        prop_assert_eq!(record.conflict, None);
    }

    #[test]
    fn one_that_did_not_move_yields(base in values(), moved in values(), side in side(), when in span()) {
        for said in [[(side, &moved, when), (side.other(), &base, when)], [(side, &base, when), (side.other(), &moved, when)]] {
            let record = merged(&base, said[0], said[1]);
            prop_assert_eq!(canonical(&record), plain(&moved));
            prop_assert_eq!(&record.conflict, &None);
        }
    }

    #[test]
    fn it_does_not_matter_who_tells_first(
        base in values(), n in values(), x in values(), when in prop::array::uniform2(span())
    ) {
        let (n, x) = ((Side::NetSuite, &n, when[0]), (Side::SuiteX, &x, when[1]));
        let (mut one, mut other) = (merged(&base, n, x), merged(&base, x, n));
        prop_assert_eq!(conflicts(&one), conflicts(&other));
        for (a, b) in one.conflict.iter().flat_map(|c| &c.clashes).zip(other.conflict.iter().flat_map(|c| &c.clashes)) {
            prop_assert_eq!((&a.base, &a.values), (&b.base, &b.values));
        }
        // Until a person decides, a field in conflict keeps the value of who told first.
        for field in 0..FIELDS {
            if one.is_field_locked(field) {
                (one.canonical[field], other.canonical[field]) = (Value::Null, Value::Null);
            }
        }
        prop_assert_eq!(canonical(&one), canonical(&other));
    }

    #[test]
    fn it_does_not_matter_which_side_is_which(
        base in values(), a in values(), b in values(), side in side(), when in 11..16i64, later in 1..3i64
    ) {
        // Exact times: where intervals overlap, NetSuite's is preferred by design.
        let at = |s: i64| Span::at(Timestamp(s * 1000));
        let (first, second) = ((side, &a, at(when)), (side.other(), &b, at(when + later)));
        let straight = merged(&base, first, second);
        let mut crossed = base_record(&base);
        for (side, values, span) in [first, second] {
            absorb(&mut crossed, &news((side.other(), values, span)), &mirror(by_policy()));
        }
        prop_assert_eq!(canonical(&straight), canonical(&crossed));
        prop_assert_eq!(conflicts(&straight), conflicts(&crossed));
    }

    #[test]
    fn edits_of_different_fields_never_conflict(
        base in values(), edits in values(), owners in prop::array::uniform5(side()), when in span()
    ) {
        let mut record = base_record(&base);
        for side in Side::BOTH {
            let mine = typed(&edits).into_iter().filter(|(f, _)| owners[*f] == side).collect();
            absorb(&mut record, &News { span: when, ..delta(side, 11, mine) }, by_policy());
        }
        prop_assert_eq!(canonical(&record), plain(&edits));
        prop_assert_eq!(record.conflict, None);
    }

    #[test]
    fn no_value_is_invented(
        base in values(), theirs in values(), ours in values(), side in side(), when in span(), before in span()
    ) {
        let record = merged(&base, (side.other(), &theirs, before), (side, &ours, when));
        let (base, theirs, ours) = (typed(&base), typed(&theirs), typed(&ours));
        for field in 0..TAGS {
            let result = &record.canonical[field];
            prop_assert!([&base, &theirs, &ours].iter().any(|v| v[field].1 == *result));
        }
        let (any, all) = (|v: &Value| if let Value::Set(s) = v { s.as_ref().clone() } else { Default::default() }, TAGS);
        let known: std::collections::BTreeSet<_> =
            [&base, &theirs, &ours].iter().flat_map(|v| any(&v[all].1)).collect();
        prop_assert!(any(&record.canonical[TAGS]).is_subset(&known));
    }

    #[test]
    fn once_applied_there_is_nothing_to_do(
        base in values(), theirs in values(), ours in values(), side in side(), when in span()
    ) {
        let mut record = merged(&base, (side.other(), &theirs, when), (side, &ours, when));
        let (all, conflict) = (record.canonical.clone(), record.conflict.take());
        for side in Side::BOTH {
            // What the writers do: the side comes to hold canonical, and says so.
            record.sides[side].shadow = all.clone();
            let values = all.iter().cloned().enumerate().collect();
            let before = record.clone();
            let report = absorb(&mut record, &full(side, 12, values), by_policy());
            prop_assert!(report.decisions.is_empty() && !report.changed);
            prop_assert_eq!(&record.canonical, &before.canonical);
        }
        record.conflict = conflict;
        for side in Side::BOTH {
            let planned = plan(&record, side, by_policy(), Timestamp(0), &|_, _| true);
            prop_assert_eq!(planned, Plan::Nothing);
        }
    }

    #[test]
    fn every_news_is_told_exactly_and_counts_once(
        base in values(), said in prop::collection::vec((side(), values(), 9..14i64, span(), any::<bool>(), 0..FIELDS), 1..8)
    ) {
        let mut record = base_record(&base);
        let mut seen: PerSide<i64> = PerSide { netsuite: 10, suitex: 10 };
        for (side, values, revision, span, is_full, one) in said {
            let mut values = typed(&values);
            if !is_full {
                values.retain(|(f, _)| *f == one);
            }
            let values_of = if is_full { full } else { delta };
            let news = News { span, ..values_of(side, revision, values) };
            let before = record.clone();
            let report = absorb(&mut record, &news, by_policy());
            let told = faithful(&before, &record, &report);
            prop_assert_eq!(told, Ok(()));
            prop_assert!(record.version.0 == before.version.0 + u64::from(report.changed));
            if revision < seen[side] {
                prop_assert_eq!(&record, &before, "older than the last full read");
            }
            if is_full {
                seen[side] = seen[side].max(revision);
            }
            let once = record.clone();
            let report = absorb(&mut record, &news, by_policy());
            prop_assert_eq!(&record, &once, "the same news again");
            prop_assert!(report.decisions.is_empty() && !report.changed && report.own == 0);
        }
    }

    #[test]
    fn a_group_is_one_sides_or_nobodys(
        base in pair(), n in pair(), x in pair(), when in prop::array::uniform2(span()), policy in 0..4usize
    ) {
        let surface = group_surface(["netsuite_wins", "suitex_wins", "latest_wins", "manual"][policy]);
        let mut results = Vec::new();
        for order in [[Side::NetSuite, Side::SuiteX], [Side::SuiteX, Side::NetSuite]] {
            let mut record = synced(&surface, &[("a", int(base[0])), ("b", int(base[1]))]);
            for side in order {
                let (pair, span) = if side == Side::NetSuite { (n, when[0]) } else { (x, when[1]) };
                let values = pair.into_iter().map(int).enumerate().collect();
                absorb(&mut record, &News { span, ..full(side, 11, values) }, &surface);
            }
            prop_assert!([base, n, x].iter().any(|p| p.map(int).as_slice() == record.canonical.as_slice()));
            // A conflict names exactly the fields that differ, with each side's value.
            for clash in record.conflict.iter().flat_map(|c| &c.clashes) {
                let shown = (&clash.values.netsuite, &clash.values.suitex);
                prop_assert_eq!(shown, (&int(n[clash.field]), &int(x[clash.field])));
            }
            let disagree = base != n && base != x && n != x;
            prop_assert_eq!(record.conflict.is_some(), disagree && policy == 3);
            results.push(record);
        }
        if policy != 3 {
            prop_assert_eq!(&results[0].canonical, &results[1].canonical, "whoever tells first");
        }
    }

    #[test]
    fn lines_are_merged_by_line_and_column(
        base in rows(), theirs in rows(), ours in rows(), netsuite_told_last in any::<bool>(), policy in 0..3usize
    ) {
        let policies = ["netsuite_wins", "suitex_wins", "manual"];
        let surface = line_surface(policies[policy]);
        let side = if netsuite_told_last { Side::NetSuite } else { Side::SuiteX };
        let mut record = synced(&surface, &[("lines", of_rows(&base))]);
        absorb(&mut record, &delta(side.other(), 11, vec![(0, of_rows(&theirs))]), &surface);
        absorb(&mut record, &delta(side, 11, vec![(0, of_rows(&ours))]), &surface);
        let ours_win = (policy == 0) == netsuite_told_last;
        let expected = of_rows(&naive::lines(&base, &ours, &theirs, ours_win));
        let contradiction = naive::lines(&base, &ours, &theirs, true) != naive::lines(&base, &ours, &theirs, false);
        if policy == 2 && contradiction {
            prop_assert!(record.conflict.is_some());
            prop_assert_eq!(&record.canonical[0], &of_rows(&theirs));
        } else {
            prop_assert_eq!(&record.conflict, &None);
            prop_assert_eq!(&record.canonical[0], &expected);
        }
    }
}

type Rows = BTreeMap<String, Vec<i64>>;

fn rows() -> impl Strategy<Value = Rows> {
    let row = prop::collection::vec(0..3i64, 2);
    prop::collection::btree_map(
        prop::sample::select(vec!["a".to_string(), "b".into(), "c".into()]),
        row,
        0..3,
    )
}

fn of_rows(rows_: &Rows) -> Value {
    let rows: Vec<(&str, &[i64])> = rows_.iter().map(|(k, r)| (k.as_str(), r.as_slice())).collect();
    lines(&rows)
}

fn pair() -> impl Strategy<Value = [i64; 2]> {
    prop::array::uniform2(0..3i64)
}

fn group_surface(policy: &str) -> TypeSurface {
    let field = |name| format!("{name} = {{ type = \"integer\", group = \"g\", policy = \"{policy}\" }}");
    fields(&format!("{}\n{}", field("a"), field("b")))
}

fn line_surface(policy: &str) -> TypeSurface {
    fields(&format!(
        r#"
        [type.thing.fields.lines]
        type = "lines"
        policy = "{policy}"
        key = {{ suitex = "k", netsuite = "k", netsuite_external = "e" }}
        columns = {{ quantity = {{ type = "integer" }}, rate = {{ type = "integer" }} }}
        "#
    ))
}
