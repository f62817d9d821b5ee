//! What turns empty in NetSuite, in few records and in many.

use std::collections::BTreeSet;

use shared::domain::record::Presence;
use shared::state::notices::Topic;

use crate::memory_ports::account;
use crate::{NINE, Poll, Rules, poll, update};

/// Customers that are known, with an address.
fn customers(ids: std::ops::RangeInclusive<u64>) -> Poll {
    let mut poll = poll();
    poll.rules(Rules { nulls_max: 3, ..poll.app.rules });
    for id in ids {
        poll.known(id, NINE, "a");
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll.tick();
    poll
}

fn codes(poll: &Poll) -> Vec<String> {
    poll.errors(true).into_iter().map(|error| error.code).collect()
}

fn told(poll: &Poll) -> Vec<String> {
    poll.published(0).into_iter().map(|(_, id, _)| id).collect()
}

#[test]
fn a_few_that_turn_empty_are_told_at_once() {
    let poll = customers(1..=9);
    (1..=3).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    let looks = poll.netsuite.looks();
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 3);
    assert_eq!(poll.published(0), ["1", "2", "3"].map(|id| update(id, "")));
    assert_eq!(poll.netsuite.looks(), looks + 3, "and cost no look of their own");
}

#[test]
fn many_that_turn_empty_are_told_if_most_do_not() {
    let poll = customers(1..=20);
    (1..=8).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    (9..=16).for_each(|id| poll.save(id, "2026-01-01 10:00:30", "b"));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 16);
    assert!(poll.errors(false).is_empty());
}

#[test]
fn most_that_turn_empty_wait_for_a_person() {
    let mut poll = customers(1..=90);
    (1..=80).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    (81..=85).for_each(|id| poll.save(id, "2026-01-01 10:00:30", "b"));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 5, "what is not empty is told");
    assert!(told(&poll).iter().all(|id| id.parse::<u64>().unwrap() > 80));
    let error = &poll.errors(true)[0];
    assert_eq!((error.class.as_str(), error.code.as_str()), ("brake", "MASS_NULL"));
    assert!(error.message.contains("email") && error.message.contains("80 of 85"), "{error:?}");
    let notices = poll.world.state.all_notices(&account("acme"));
    assert_eq!(notices.iter().filter(|notice| notice.topic == Topic::Brake).count(), 1);
    // They have been taken in.
    (81..=85).for_each(|id| poll.known(id, NINE + 3_630, "b"));
    for minute in 2..6 {
        assert_eq!(Poll::told(&poll.minute(&format!("2026-01-01 10:0{minute}:00"))), 0);
    }
    assert_eq!(codes(&poll), ["MASS_NULL"], "told once");
    poll.save(88, "2026-01-01 10:05:30", "c");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:06:00")), 1, "others go on");
    // Somebody has looked, and lets them pass.
    poll.rules(Rules { nulls_max: 100, ..poll.app.rules });
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:07:00")), 80);
    assert_eq!(poll.published(0).iter().filter(|event| event.2 == "").count(), 80);
    assert!(poll.errors(true).is_empty(), "and that is over");
}

#[test]
fn what_is_shown_again_is_never_told_as_empty() {
    let poll = customers(1..=80);
    (1..=80).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    // The role sees the field again: nothing was saved.
    (1..=80).for_each(|id| poll.change(id, |row| row.email = "a".into()));
    for minute in 2..5 {
        poll.minute(&format!("2026-01-01 10:0{minute}:00"));
    }
    let ids: BTreeSet<String> = told(&poll).into_iter().collect();
    assert_eq!(ids.len(), 80, "they were saved, after all");
    assert!(poll.published(0).iter().all(|event| event.2 == "a"));
    assert!(poll.errors(true).is_empty(), "and that is over");
}

#[test]
fn getting_less_does_not_make_it_right() {
    let poll = customers(1..=9);
    (1..=6).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    poll.minute("2026-01-01 10:01:00");
    (1..=4).for_each(|id| poll.save(id, "2026-01-01 10:01:30", "a"));
    poll.minute("2026-01-01 10:02:00");
    assert!(poll.published(0).iter().all(|event| event.2 == "a"), "{:?}", poll.published(0));
    assert_eq!(codes(&poll), ["MASS_NULL"]);
    (5..=6).for_each(|id| poll.save(id, "2026-01-01 10:02:30", "a"));
    poll.minute("2026-01-01 10:03:00");
    assert!(poll.published(0).iter().all(|event| event.2 == "a") && poll.errors(true).is_empty());
}

#[test]
fn a_mass_is_known_though_the_scan_that_finds_it_takes_several_ticks() {
    let poll = customers(1..=400);
    (1..=400).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    *poll.netsuite.slow.lock().unwrap() = Some((poll.world.clock.clone(), 20_000));
    let mut minute = 1;
    while codes(&poll).is_empty() {
        assert_eq!(Poll::told(&poll.minute(&format!("2026-01-01 10:{minute:02}:00"))), 0);
        minute += 1;
        assert!(minute < 20);
    }
    assert!(poll.errors(true)[0].message.contains("400 of 400"), "{:?}", poll.errors(true));
}

#[test]
fn a_few_that_a_short_tick_has_left_waiting_are_told_by_the_next() {
    let poll = customers(1..=400);
    (1..=2).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    (3..=400).for_each(|id| poll.save(id, "2026-01-01 10:00:30", "b"));
    *poll.netsuite.slow.lock().unwrap() = Some((poll.world.clock.clone(), 20_000));
    let mut minute = 1;
    while !told(&poll).contains(&"1".to_string()) {
        poll.minute(&format!("2026-01-01 10:{minute:02}:00"));
        minute += 1;
        assert!(minute < 20);
    }
    let mut all = told(&poll);
    all.sort_unstable();
    all.dedup();
    assert_eq!((all.len(), codes(&poll).len()), (400, 0), "in minute {minute}");
}

#[test]
fn what_waits_and_is_deleted_meanwhile_holds_nothing_up() {
    let poll = customers(1..=5);
    (1..=4).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    poll.minute("2026-01-01 10:01:00");
    assert_eq!(codes(&poll), ["MASS_NULL"]);
    for id in 1..=4 {
        poll.lose(id);
        poll.stored("customer", id, NINE + 3_700, "", Presence::Gone);
    }
    poll.minute("2026-01-01 10:02:00");
    assert!(poll.errors(true).is_empty() && poll.published(0).is_empty());
}
