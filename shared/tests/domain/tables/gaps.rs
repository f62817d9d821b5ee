//! What is wanting: today's behaviour, to be changed on purpose only.

use shared::domain::id::Timestamp;
use shared::domain::news::News;
use shared::domain::record::Span;
use shared::domain::settle::Reply;

use super::{N, Thing, X};
use crate::fixture::{delta, int};

/// A look at SuiteX knows nothing of when, so that a later edit found by a failed write loses to an earlier
/// one of NetSuite; the same edit heard from the outbox wins.
#[test]
fn today_latest_wins_is_decided_by_how_suitexs_edit_is_heard() {
    for (by_look, winner) in [(true, "2"), (false, "3")] {
        let mut thing = Thing::of("type = \"integer\", policy = \"latest_wins\"", int(1));
        thing.edit(N, 500, &[("f", int(2))]);
        let later = News { span: Span::at(Timestamp(900_000)), ..delta(X, 11, vec![(0, int(3))]) };
        if by_look {
            thing.intend(X);
            thing.settle(X, Reply::Looked { seen: thing.seen(X, 11, &[("f", int(3))]), held: Vec::new() });
        }
        thing.hear(&later);
        assert_eq!(thing.get("f"), winner, "found by a look: {by_look}");
    }
}

/// Nothing ends this but the writer's own count of attempts.
#[test]
fn today_a_record_that_is_not_found_is_looked_for_again() {
    let mut thing = Thing::of("type = \"integer\"", int(1));
    thing.record.sides.netsuite.seen = None;
    thing.edit(X, 11, &[("f", int(2))]);
    for _ in 0..3 {
        assert_eq!(thing.planned(N), "read");
        thing.settle(N, Reply::Missing);
    }
}
