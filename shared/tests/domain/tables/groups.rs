//! Groups of fields: they win, conflict and are compared as one.

use shared::domain::id::Timestamp;
use shared::domain::news::News;
use shared::domain::record::Span;

use super::{N, Thing, X};
use crate::fixture::{delta, fields, int, named};

fn address(policy: &str) -> Thing {
    let field = |name: &str| {
        format!("{name} = {{ type = \"integer\", group = \"address\", policy = \"{policy}\" }}\n")
    };
    let text = format!("{}{}other = {{ type = \"integer\" }}", field("city"), field("street"));
    Thing::new(fields(&text), &[("city", int(1)), ("street", int(1)), ("other", int(1))])
}

#[test]
fn half_a_group_never_wins_alone() {
    // NetSuite moves the street, SuiteX the city.
    for (policy, city, street) in [("netsuite_wins", 1, 2), ("suitex_wins", 3, 1), ("latest_wins", 3, 1)] {
        for first in [N, X] {
            let mut thing = address(policy);
            for side in [first, first.other()] {
                let (name, value, when) = if side == N { ("street", 2, 20_000) } else { ("city", 3, 30_000) };
                let news = delta(side, 11, named(&thing.surface, &[(name, int(value)), ("other", int(9))]));
                thing.hear(&News { span: Span::at(Timestamp(when)), ..news });
            }
            let result = (thing.get("city"), thing.get("street"), thing.get("other"));
            let expected = (city.to_string(), street.to_string(), "9".into());
            assert_eq!(result, expected, "{policy}, {first} first");
        }
    }
}

#[test]
fn a_group_conflicts_as_one_and_closes_as_one() {
    let mut thing = address("manual");
    thing.edit(N, 11, &[("street", int(2))]);
    thing.edit(X, 11, &[("city", int(3)), ("other", int(7))]);
    assert_eq!(thing.clashes(), "city 1|3→1, street 2|1→2", "NetSuite's address is suggested");
    assert_eq!(thing.planned(N), "update other=7 where other=1", "only the group is locked");
    thing.edit(X, 12, &[("street", int(2))]);
    assert_eq!(thing.clashes(), "city 1|3→3", "the street agrees; SuiteX has the later address");
    thing.edit(N, 12, &[("city", int(3))]);
    assert_eq!(
        (thing.clashes(), thing.get("city"), thing.get("street")),
        ("none".into(), "3".into(), "2".into())
    );
}

#[test]
fn a_group_is_compared_as_one_and_written_as_little_as_possible() {
    let mut thing = address("netsuite_wins");
    thing.edit(X, 11, &[("city", int(3))]);
    assert_eq!(thing.planned(N), "update city=3 where city=1 street=1");
}
