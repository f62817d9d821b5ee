//! Records with work, and from when.

use shared::domain::id::{RecordKey, Side};
use shared::domain::record::{Due, DueReason};
use shared::state::{LinkChange, State};

use super::{commit, commit_of, due, each, fresh, link, load, put, woken};
use crate::{acme, at, canonical, globex, key, kind, side_id};

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

#[test]
fn what_is_tried_in_vain_is_behind_since_it_first_had_work() {
    each(async |state| {
        let behind = async |since: i64, limit: usize| {
            let found = state.behind(&acme(), Side::NetSuite, at(since), limit).await.unwrap();
            found.iter().map(|key| key.id.to_string()).collect::<Vec<_>>()
        };
        let later = |at_ms, attempts| Some(Due { at: at(at_ms), reason: DueReason::BackingOff, attempts });
        // Never tried; tried again and again; tried, and the account was refused; written, and edited again.
        for (name, first, then) in [
            ("customer/a", 10, vec![]),
            ("customer/b", 20, vec![later(500, 1), later(900, 2)]),
            ("customer/c", 30, vec![later(800, 0)]),
            ("customer/d", 5, vec![later(700, 1), None, due(40)]),
            ("customer/e", 6, vec![later(700, 1), due(50)]),
        ] {
            let mut record = fresh(&acme(), name);
            record.sides.netsuite.due = due(first);
            record.sides.suitex.due = due(1);
            let mut record = put(state, record).await;
            for due in then {
                record.sides.netsuite.due = due;
                record = put(state, record).await;
            }
        }
        assert_eq!(behind(9, 9).await, [""; 0]);
        assert_eq!(behind(30, 9).await, ["a", "b", "c"]);
        assert_eq!(behind(1_000, 9).await, ["a", "b", "c", "d", "e"]);
        assert_eq!(behind(1_000, 2).await, ["a", "b"]);
        assert!(state.behind(&globex(), Side::NetSuite, at(1_000), 9).await.unwrap().is_empty());
        assert_eq!(state.behind(&acme(), Side::SuiteX, at(1), 9).await.unwrap().len(), 5);
        // What is done is behind no more.
        let mut done = load(state, &key(&acme(), "customer/a")).await.unwrap();
        done.sides.netsuite.due = None;
        put(state, done).await;
        assert_eq!(behind(1_000, 1).await, ["b"]);
    });
}

#[test]
fn what_waits_for_another_record_is_not_behind_and_begins_when_it_is_tried() {
    each(async |state| {
        let behind = async || state.behind(&acme(), Side::SuiteX, at(9_999), 9).await.unwrap();
        let mut order = fresh(&acme(), "salesorder/1");
        let (record_type, id, since) = (kind("customer"), canonical("9").as_str().into(), at(1));
        let reason = DueReason::WaitingFor { record_type, id, since };
        order.sides.suitex.due = Some(Due { at: at(5), reason, attempts: 0 });
        let order = put(state, order).await;
        assert_eq!(behind().await, []);
        // Its customer has a counterpart now: it is due at once, since nobody knows when.
        let customer = put(state, fresh(&acme(), "customer/9")).await;
        woken(link(state, &customer, Side::SuiteX, "x9").await);
        let mut order = load(state, &order.key).await.unwrap();
        assert_eq!(order.sides.suitex.due.as_ref().map(|due| due.at), Some(at(0)));
        assert_eq!(behind().await, []);
        order.sides.suitex.due = Some(Due { at: at(70), reason: DueReason::BackingOff, attempts: 1 });
        let order = put(state, order).await;
        assert_eq!(behind().await, std::slice::from_ref(&order.key));
        // It turns out to be another record: a former id has no work.
        let other = fresh(&acme(), "salesorder/2");
        let links = vec![
            LinkChange::Alias(order.key.id.clone(), order.row_revision),
            LinkChange::Set(Side::SuiteX, side_id("x1")),
        ];
        woken(commit(state, shared::state::Commit { links, ..commit_of(&other) }).await);
        assert_eq!(behind().await, []);
    });
}
