//! Records with work, and from when.

use shared::domain::id::{RecordKey, Side};
use shared::state::State;

use super::{due, each, fresh, put};
use crate::{acme, at, globex, key};

async fn names(state: &dyn State, side: Side, now: i64, limit: usize) -> Vec<String> {
    let due: Vec<RecordKey> = state.due(&acme(), side, at(now), limit).await.unwrap();
    due.iter().map(|k| format!("{}/{}", k.record_type, k.id)).collect()
}

#[test]
fn the_longest_due_come_first_and_what_is_not_due_stays_away() {
    each(async |state| {
        for (name, netsuite) in
            [("item/1", Some(30)), ("customer/1", Some(10)), ("customer/2", Some(20)), ("item/2", None)]
        {
            let mut record = fresh(&acme(), name);
            record.sides.netsuite.due = netsuite.and_then(due);
            put(state, record).await;
        }
        assert!(names(state, Side::NetSuite, 9, 10).await.is_empty());
        assert_eq!(names(state, Side::NetSuite, 20, 10).await, ["customer/1", "customer/2"]);
        assert_eq!(names(state, Side::NetSuite, 99, 10).await, ["customer/1", "customer/2", "item/1"]);
        assert_eq!(names(state, Side::NetSuite, 99, 2).await, ["customer/1", "customer/2"]);
        assert!(names(state, Side::SuiteX, 99, 10).await.is_empty());
    });
}

#[test]
fn a_later_commit_says_anew_when_a_record_is_due() {
    each(async |state| {
        let mut record = fresh(&acme(), "customer/1");
        (record.sides.netsuite.due, record.sides.suitex.due) = (due(10), due(50));
        let mut record = put(state, record).await;
        record.sides.netsuite.due = due(90);
        let mut record = put(state, record).await;
        assert!(names(state, Side::NetSuite, 89, 10).await.is_empty());
        assert_eq!(names(state, Side::NetSuite, 90, 10).await, ["customer/1"]);
        assert_eq!(names(state, Side::SuiteX, 50, 10).await, ["customer/1"]);
        record.sides.netsuite.due = None;
        put(state, record).await;
        assert!(names(state, Side::NetSuite, i64::MAX, 10).await.is_empty());
    });
}

#[test]
fn records_due_in_one_moment_are_all_due() {
    each(async |state| {
        for n in 0..20 {
            let mut record = fresh(&acme(), &format!("customer/{n}"));
            record.sides.suitex.due = due(7);
            put(state, record).await;
        }
        let mut all = names(state, Side::SuiteX, 7, 100).await;
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 20);
    });
}

#[test]
fn one_accounts_work_is_not_anothers() {
    each(async |state| {
        let mut record = fresh(&globex(), "customer/1");
        record.sides.suitex.due = due(7);
        put(state, record).await;
        assert!(names(state, Side::SuiteX, 99, 10).await.is_empty());
        let theirs = state.due(&globex(), Side::SuiteX, at(99), 10).await.unwrap();
        assert_eq!(theirs, [key(&globex(), "customer/1")]);
    });
}

#[test]
fn a_backlog_is_what_is_due_by_now_for_that_side() {
    each(async |state| {
        for (n, (netsuite, suitex)) in
            [(Some(5), None), (Some(7), Some(3)), (Some(90), None)].into_iter().enumerate()
        {
            let mut record = fresh(&acme(), &format!("customer/{n}"));
            record.sides.netsuite.due = netsuite.and_then(due);
            record.sides.suitex.due = suitex.and_then(due);
            put(state, record).await;
        }
        for (side, now, expected) in
            [(Side::NetSuite, 4, 0), (Side::NetSuite, 7, 2), (Side::NetSuite, 90, 3), (Side::SuiteX, 90, 1)]
        {
            assert_eq!(state.backlog(&acme(), side, at(now)).await.unwrap(), expected, "{side} at {now}");
        }
        assert_eq!(state.backlog(&globex(), Side::NetSuite, at(90)).await.unwrap(), 0);
    });
}
