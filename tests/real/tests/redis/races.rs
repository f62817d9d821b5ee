//! Several instances at once: each method is atomic.

use std::collections::BTreeSet;

use futures::future::join_all;
use real_tests::RedisDatabase;
use shared::buffer::Buffer;
use shared::domain::surface::Coalescing;

use crate::{RULES, acme, at, instance};

#[tokio::test]
async fn of_those_who_race_for_a_lease_one_wins() {
    let database = RedisDatabase::fresh();
    let instances: Vec<_> = (0..4).map(|_| instance(&database.address())).collect();
    for round in 0..200 {
        let now = at(round * 100);
        let asked = instances.iter().enumerate().map(async |(n, buffer)| {
            buffer.lease(&acme(), "drain", &format!("holder {n}"), now, now.plus(100)).await.unwrap()
        });
        let won = join_all(asked).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
    }
}

#[tokio::test]
async fn of_copies_that_arrive_together_one_is_new() {
    let acme = acme();
    let database = RedisDatabase::fresh();
    let instances: Vec<_> = (0..4).map(|_| instance(&database.address())).collect();
    for round in 0..200 {
        let name = format!("webhook:{round}");
        let asked = instances.iter().map(|buffer| buffer.remember(&acme, &name, at(0), at(300)));
        let new = join_all(asked).await.into_iter().map(Result::unwrap).filter(|new| *new).count();
        assert_eq!(new, 1, "round {round}");
    }
}

#[tokio::test]
async fn events_noted_together_are_all_counted() {
    let acme = acme();
    let database = RedisDatabase::fresh();
    let instances = [instance(&database.address()), instance(&database.address())];
    let rules = Coalescing { max_events: 100, ..RULES };
    let noted = (0..100).map(|n| instances[n % 2].note(&acme, "a", at(0), false, &rules));
    let due: Vec<_> = join_all(noted).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(due.iter().filter(|due| **due == at(0)).count(), 1, "the hundredth, and no other");
}

#[tokio::test]
async fn what_is_due_is_taken_by_one() {
    let acme = acme();
    let database = RedisDatabase::fresh();
    let instances: Vec<_> = (0..4).map(|_| instance(&database.address())).collect();
    for n in 0..400 {
        instances[0].note(&acme, &format!("s{n:03}"), at(0), true, &RULES).await.unwrap();
    }
    let mut seen = BTreeSet::new();
    for _ in 0..10 {
        let taken = join_all(instances.iter().map(|buffer| buffer.take_due(&acme, at(0), 10))).await;
        for subject in taken.into_iter().flat_map(Result::unwrap) {
            assert!(seen.insert(subject.clone()), "{subject} was taken twice");
        }
    }
    assert_eq!(seen.len(), 400);
}
