//! What is known to be there and is not listed any more.

use shared::domain::record::Presence;
use shared::pubsub::Topic;

use crate::{NINE, Poll, Rules, deletion, poll, update};

/// A day before: what was saved within the hour is not swept, and our clock shows midnight when NetSuite's shows ten.
const DAY_BEFORE: i64 = NINE - 86_400;

/// Customers that are known and there, and a sweep that has just not begun.
fn customers(ids: std::ops::RangeInclusive<u64>) -> Poll {
    let mut poll = poll();
    poll.rules(Rules { sweep_every_s: 7_200, role_sees_all: true, ..poll.app.rules });
    for id in ids {
        poll.known(id, DAY_BEFORE, "a");
        poll.save(id, "2025-12-31 09:00:00", "a");
    }
    poll.tick();
    poll.later("2026-01-01 11:59:00");
    poll
}

fn lists(poll: &Poll) -> usize {
    *poll.netsuite.lists.lock().unwrap()
}

#[test]
fn a_deletion_that_nobody_lists_is_found_and_told_once_it_is_missing_twice() {
    let poll = customers(1..=3);
    poll.lose(2);
    assert_eq!(Poll::told(&poll.later("2026-01-01 12:01:00")), 0, "once says nothing");
    assert_eq!(Poll::told(&poll.later("2026-01-01 12:59:00")), 0);
    assert_eq!(Poll::told(&poll.later("2026-01-01 13:02:00")), 1);
    assert_eq!((poll.published(0), poll.errors(false).len()), (vec![deletion("2")], 0));
    poll.stored("customer", 2, NINE + 14_400, "", Presence::Gone);
    for now in ["2026-01-01 15:00:00", "2026-01-01 18:00:00", "2026-01-01 21:00:00"] {
        assert_eq!(Poll::told(&poll.later(now)), 0);
    }
}

#[test]
fn a_deletion_that_netsuite_remembers_when_asked_needs_no_second_answer() {
    let poll = customers(1..=3);
    poll.delete(2, "2025-12-31 08:00:00");
    poll.change(2, |row| row.is_unlisted = true);
    assert_eq!(Poll::told(&poll.later("2026-01-01 12:01:00")), 1);
    assert_eq!(poll.published(0), [deletion("2")]);
    assert_eq!(poll.world.bus.json(Topic::Raw)[0]["revision"], DAY_BEFORE, "and not before what is known");
}

#[test]
fn what_the_role_no_longer_sees_is_told_to_a_person_and_not_as_deleted() {
    let poll = customers(1..=3);
    poll.change(2, |row| (row.is_hidden, row.is_refused) = (true, true));
    let mut now = 12;
    while now < 23 {
        assert_eq!(Poll::told(&poll.later(&format!("2026-01-01 {now}:30:00"))), 0);
        now += 1;
    }
    let errors = poll.errors(true);
    assert_eq!(errors.len(), 1, "told once: {errors:?}");
    assert_eq!((errors[0].class.as_str(), errors[0].code.as_str()), ("not_shown", "INSUFFICIENT_PERMISSION"));
    assert!(errors[0].message.contains("customer 2"), "{errors:?}");
    poll.change(2, |row| (row.is_hidden, row.is_refused) = (false, false));
    assert_eq!(Poll::told(&poll.later("2026-01-01 23:59:00")), 0);
    assert!(poll.errors(true).is_empty(), "and that is over");
}

#[test]
fn what_may_be_hidden_is_a_persons_to_judge_and_is_over_when_it_is_listed_again() {
    let mut poll = customers(1..=3);
    poll.rules(Rules { role_sees_all: false, ..poll.app.rules });
    poll.change(2, |row| row.is_hidden = true);
    for hour in 12..23 {
        assert_eq!(Poll::told(&poll.later(&format!("2026-01-01 {hour}:30:00"))), 0);
    }
    let errors = poll.errors(true);
    assert_eq!(errors.len(), 1, "told once: {errors:?}");
    assert_eq!((errors[0].class.as_str(), errors[0].code.as_str()), ("missing", "NOT_LISTED"));
    poll.change(2, |row| row.is_hidden = false);
    assert_eq!(Poll::told(&poll.later("2026-01-01 23:59:00")), 0);
    assert!(poll.errors(true).is_empty() && poll.published(0).is_empty(), "and that is over");
}

#[test]
fn what_was_hidden_for_a_while_is_not_gone() {
    let poll = customers(1..=3);
    poll.change(2, |row| row.is_hidden = true);
    poll.later("2026-01-01 12:01:00");
    poll.change(2, |row| row.is_hidden = false);
    poll.later("2026-01-01 13:02:00");
    poll.change(2, |row| row.is_hidden = true);
    assert_eq!(Poll::told(&poll.later("2026-01-01 14:10:00")), 0);
    poll.change(2, |row| row.is_hidden = false);
    assert_eq!(Poll::told(&poll.later("2026-01-01 15:20:00")), 0);
    assert!(poll.published(0).is_empty() && poll.errors(false).is_empty());
}

#[test]
fn what_no_list_names_is_read_by_the_sweep_and_told_to_a_person() {
    let poll = customers(1..=3);
    poll.save(2, "2026-01-01 11:30:00", "b");
    poll.change(2, |row| row.is_unlisted = true);
    assert_eq!(Poll::told(&poll.later("2026-01-01 12:01:00")), 1);
    assert_eq!(poll.published(0), [update("2", "b")]);
    assert_eq!(poll.errors(true)[0].code, "NOT_LISTED");
    poll.known(2, NINE + 9_000, "b");
    assert_eq!(Poll::told(&poll.later("2026-01-01 13:02:00")), 0, "it holds what is known");
    poll.lose(2);
    assert_eq!(Poll::told(&poll.later("2026-01-01 14:10:00")), 0);
    assert_eq!(Poll::told(&poll.later("2026-01-01 15:20:00")), 1);
    assert_eq!((poll.published(1), poll.errors(true).len()), (vec![deletion("2")], 0));
}

#[test]
fn a_sweep_goes_on_where_it_failed_and_costs_a_share_of_each_tick() {
    let poll = customers(1..=4_200);
    poll.lose(4_199);
    *poll.netsuite.lists_left.lock().unwrap() = Some(2);
    assert_eq!(poll.later("2026-01-01 12:01:00").status.as_u16(), 503, "half way");
    assert_eq!(lists(&poll), 2);
    *poll.netsuite.lists_left.lock().unwrap() = None;
    poll.minute("2026-01-01 12:02:00");
    assert_eq!(lists(&poll), 2 + 6, "no tick asks for more");
    poll.minute("2026-01-01 12:03:00");
    assert_eq!(lists(&poll), 9, "nine pages of 4,200: none twice");
    let looks = poll.netsuite.looks();
    poll.minute("2026-01-01 12:04:00");
    assert_eq!((lists(&poll), poll.netsuite.looks()), (9, looks), "and then it rests");
    assert_eq!(Poll::told(&poll.later("2026-01-01 13:10:00")), 1);
    assert_eq!(poll.published(0), [deletion("4199")]);
    poll.stored("customer", 4_199, NINE, "", Presence::Gone);
    poll.later("2026-01-01 14:02:00");
    assert_eq!(
        lists(&poll),
        10 + 4,
        "but for the one that was missing, until two hours later; two are of other types"
    );
}

#[test]
fn many_that_are_missing_wait_for_a_person() {
    let mut poll = customers(1..=9);
    (1..=4).for_each(|id| poll.lose(id));
    poll.later("2026-01-01 12:01:00");
    assert_eq!(Poll::told(&poll.later("2026-01-01 13:02:00")), 0);
    let codes: Vec<String> = poll.errors(true).into_iter().map(|e| e.code).collect();
    assert_eq!(codes, ["MASS_DELETE"]);
    let looks = poll.netsuite.looks();
    assert_eq!(Poll::told(&poll.later("2026-01-01 14:02:00")), 0);
    assert_eq!(poll.netsuite.looks(), looks);
    // Somebody has looked, and lets them pass.
    poll.rules(Rules { deletions_max: 10, ..poll.app.rules });
    assert_eq!(Poll::told(&poll.later("2026-01-01 14:03:00")), 4);
    assert!(poll.errors(true).is_empty(), "and that is over");
}

#[test]
fn a_type_whose_list_is_refused_keeps_no_other_from_being_swept() {
    let poll = customers(1..=3);
    poll.stored("item", 7, DAY_BEFORE, "", Presence::There);
    poll.netsuite.refused.lock().unwrap().insert("customer");
    poll.later("2026-01-01 12:01:00");
    poll.later("2026-01-01 13:02:00");
    assert_eq!(poll.published(0), [deletion("7")]);
}
