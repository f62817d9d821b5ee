//! What may be lost: due times, leases, the replay cache.

use std::sync::Arc;

use futures::future::BoxFuture;
use shared::buffer::Buffer;
use shared::domain::surface::Coalescing;

use crate::{acme, at, globex, rows};

/// A buffer, and how to lose all that is in it.
pub(crate) struct Losable {
    pub(crate) buffer: Arc<dyn Buffer>,
    pub(crate) lose: Box<dyn Fn() -> BoxFuture<'static, ()>>,
}

fn each(check: impl AsyncFn(&Losable)) {
    for row in rows::buffers() {
        row.check(&check);
    }
}

const RULES: Coalescing = Coalescing { quiet_ms: 100, max_wait_ms: 1_000, max_events: 5 };

#[test]
fn a_subject_is_due_once_it_is_quiet() {
    each(async |Losable { buffer, .. }| {
        let note = async |now| buffer.note(&acme(), "a", at(now), false, &RULES).await.unwrap();
        assert_eq!(note(0).await, at(100));
        assert_eq!(note(60).await, at(160), "not quiet yet");
        assert!(buffer.take_due(&acme(), at(159), 9).await.unwrap().is_empty());
        assert_eq!(buffer.next_due(&acme()).await.unwrap(), Some(at(160)));
        assert_eq!(buffer.take_due(&acme(), at(160), 9).await.unwrap(), ["a"]);
        assert!(buffer.take_due(&acme(), at(999), 9).await.unwrap().is_empty(), "taken out");
        assert_eq!(buffer.next_due(&acme()).await.unwrap(), None);
    });
}

#[test]
fn a_subject_that_never_is_quiet_is_due_all_the_same() {
    each(async |Losable { buffer, .. }| {
        let rules = Coalescing { max_events: 1_000, ..RULES };
        let mut due = at(0);
        for now in (0..1_000).step_by(50) {
            due = buffer.note(&acme(), "a", at(now), false, &rules).await.unwrap();
        }
        assert_eq!(due, at(1_000), "since the first event, not since the last");
        assert_eq!(buffer.take_due(&acme(), at(1_000), 9).await.unwrap(), ["a"]);
        assert_eq!(
            buffer.note(&acme(), "a", at(1_010), false, &rules).await.unwrap(),
            at(1_110),
            "a new beginning"
        );
    });
}

#[test]
fn many_events_are_due_at_once() {
    each(async |Losable { buffer, .. }| {
        let mut due = at(0);
        for now in 0..5 {
            due = buffer.note(&acme(), "a", at(now), false, &RULES).await.unwrap();
        }
        assert_eq!(due, at(4));
    });
}

#[test]
fn who_is_told_to_hurry_stays_told() {
    each(async |Losable { buffer, .. }| {
        assert_eq!(buffer.note(&acme(), "a", at(10), true, &RULES).await.unwrap(), at(10));
        assert_eq!(buffer.note(&acme(), "a", at(12), false, &RULES).await.unwrap(), at(12));
        assert_eq!(buffer.take_due(&acme(), at(12), 9).await.unwrap(), ["a"]);
        assert_eq!(buffer.note(&acme(), "a", at(20), false, &RULES).await.unwrap(), at(120), "once");
    });
}

#[test]
fn the_longest_due_come_first_and_no_more_than_asked() {
    each(async |Losable { buffer, .. }| {
        for (subject, now) in [("b", 5), ("a", 10), ("c", 1)] {
            buffer.note(&acme(), subject, at(now), false, &RULES).await.unwrap();
        }
        assert_eq!(buffer.take_due(&acme(), at(105), 1).await.unwrap(), ["c"]);
        assert_eq!(buffer.take_due(&acme(), at(109), 9).await.unwrap(), ["b"]);
        assert_eq!(buffer.next_due(&acme()).await.unwrap(), Some(at(110)));
    });
}

#[test]
fn a_lease_has_one_holder() {
    each(async |Losable { buffer, .. }| {
        let lease = async |who: &str, now, until| {
            buffer.lease(&acme(), "drain", who, at(now), at(until)).await.unwrap()
        };
        assert!(lease("ann", 0, 100).await);
        assert!(!lease("bob", 50, 150).await);
        assert!(lease("ann", 90, 200).await, "renewed");
        assert!(!lease("bob", 150, 250).await, "and so held longer");
        assert!(lease("bob", 200, 300).await, "expired");
        assert!(!lease("ann", 201, 301).await, "lost to another");
    });
}

#[test]
fn a_lease_is_given_back_by_its_holder_alone() {
    each(async |Losable { buffer, .. }| {
        let lease = async |who: &str| buffer.lease(&acme(), "drain", who, at(0), at(100)).await.unwrap();
        assert!(lease("ann").await);
        buffer.release(&acme(), "drain", "bob").await.unwrap();
        assert!(!lease("bob").await);
        buffer.release(&acme(), "drain", "ann").await.unwrap();
        assert!(lease("bob").await);
        buffer.release(&acme(), "nothing", "ann").await.unwrap();
    });
}

#[test]
fn leases_of_other_names_are_other_leases() {
    each(async |Losable { buffer, .. }| {
        assert!(buffer.lease(&acme(), "drain:netsuite", "ann", at(0), at(9)).await.unwrap());
        assert!(buffer.lease(&acme(), "drain:suitex", "bob", at(0), at(9)).await.unwrap());
    });
}

#[test]
fn what_is_remembered_is_new_once_until_it_expires() {
    each(async |Losable { buffer, .. }| {
        let remember =
            async |name: &str, now, until| buffer.remember(&acme(), name, at(now), at(until)).await.unwrap();
        assert!(remember("m1", 0, 300).await);
        assert!(!remember("m1", 1, 301).await);
        assert!(!remember("m1", 299, 599).await);
        assert!(remember("m2", 299, 599).await);
        assert!(remember("m1", 300, 600).await, "expired; asking had not prolonged it");
        assert!(!remember("m1", 301, 601).await);
    });
}

#[test]
fn accounts_share_nothing() {
    each(async |Losable { buffer, .. }| {
        buffer.note(&acme(), "a", at(0), true, &RULES).await.unwrap();
        assert!(buffer.take_due(&globex(), at(9), 9).await.unwrap().is_empty());
        assert_eq!(buffer.next_due(&globex()).await.unwrap(), None);
        assert!(buffer.lease(&acme(), "drain", "ann", at(0), at(9)).await.unwrap());
        assert!(buffer.lease(&globex(), "drain", "bob", at(0), at(9)).await.unwrap());
        assert!(buffer.remember(&acme(), "m", at(0), at(9)).await.unwrap());
        assert!(buffer.remember(&globex(), "m", at(0), at(9)).await.unwrap());
    });
}

#[test]
fn everything_may_be_lost_and_it_goes_on_empty() {
    each(async |Losable { buffer, lose }| {
        buffer.note(&acme(), "a", at(0), true, &RULES).await.unwrap();
        assert!(buffer.lease(&acme(), "drain", "ann", at(0), at(100)).await.unwrap());
        assert!(buffer.remember(&acme(), "m", at(0), at(100)).await.unwrap());
        lose().await;
        assert!(buffer.take_due(&acme(), at(9), 9).await.unwrap().is_empty());
        assert_eq!(buffer.next_due(&acme()).await.unwrap(), None);
        assert!(buffer.lease(&acme(), "drain", "bob", at(0), at(100)).await.unwrap());
        buffer.release(&acme(), "drain", "ann").await.unwrap();
        assert!(!buffer.lease(&acme(), "drain", "ann", at(1), at(100)).await.unwrap(), "bob has it");
        assert!(buffer.remember(&acme(), "m", at(1), at(100)).await.unwrap());
        assert_eq!(buffer.note(&acme(), "a", at(10), false, &RULES).await.unwrap(), at(110));
    });
}
