//! What was deleted.

use futures::FutureExt;
use serde_json::json;
use shared::domain::record::Presence;
use shared::pubsub::Topic;

use crate::memory_ports::account;
use crate::{NINE, Poll, Rules, deletion, poll};

/// Customers that are known and there.
fn customers(poll: &Poll, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        poll.known(id, NINE, "a");
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll.tick();
}

#[test]
fn only_what_is_listed_as_deleted_and_not_found_is_told_as_deleted() {
    let poll = poll();
    customers(&poll, 1..=4);
    poll.delete(1, "2026-01-01 10:00:30");
    poll.change(2, |row| row.is_hidden = true);
    poll.save(99, "2026-01-01 10:00:31", "never known");
    poll.delete(99, "2026-01-01 10:00:32");
    // An item of the same id is there.
    poll.stored("item", 1, NINE, "", Presence::There);
    poll.put("inventoryitem", 1, "2026-01-01 09:00:00", "i");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 1);
    assert_eq!(poll.published(0), [deletion("1")]);
    assert_eq!(poll.world.bus.json(Topic::Raw)[0]["recordType"], "customer");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 0);
}

#[test]
fn records_of_two_types_that_had_one_id_and_one_end() {
    let poll = poll();
    customers(&poll, 1..=1);
    poll.stored("item", 1, NINE, "", Presence::There);
    poll.put("inventoryitem", 1, "2026-01-01 09:00:00", "i");
    poll.delete(1, "2026-01-01 10:00:30");
    // A page and more of deletions that concern nobody, so that the two stand at its end.
    (2_001..3_000).for_each(|id| {
        poll.save(id, "2026-01-01 10:00:30", "x");
        poll.delete(id, "2026-01-01 10:00:30");
    });
    poll.minute("2026-01-01 10:01:00");
    let mut rows = poll.netsuite.rows.lock().unwrap();
    rows.get_mut(&("inventoryitem", 1)).unwrap().is_deleted = true;
    rows.get_mut(&("inventoryitem", 1)).unwrap().at = "2026-01-01 10:00:30".into();
    drop(rows);
    poll.minute("2026-01-01 10:02:00");
    poll.minute("2026-01-01 10:03:00");
    let kinds: Vec<_> = poll.world.bus.json(Topic::Raw).iter().map(|e| e["recordType"].clone()).collect();
    assert_eq!(kinds, [json!("customer"), json!("item")]);
}

#[test]
fn a_deletion_is_one_event_whoever_finds_it_and_when() {
    let poll = poll();
    customers(&poll, 1..=1);
    poll.delete(1, "2026-01-01 10:00:30");
    // No look knows when it was deleted, and somebody loses the cursor.
    poll.change(1, |row| row.is_forgotten = true);
    poll.minute("2026-01-01 10:01:00");
    let acme = account("acme");
    poll.app.state.set_poll_cursor(&acme, "deletions", "{}").now_or_never().unwrap().unwrap();
    poll.minute("2026-01-01 10:02:00");
    let ids: Vec<_> = poll.world.bus.json(Topic::Raw).iter().map(|e| e["eventId"].clone()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_deletion_is_never_older_than_what_is_known() {
    let poll = poll();
    customers(&poll, 1..=1);
    // By the wall it was deleted an hour before it was saved last.
    poll.known(1, NINE + 7_200, "a");
    poll.delete(1, "2026-01-01 10:00:30");
    poll.minute("2026-01-01 10:01:00");
    assert_eq!(poll.world.bus.json(Topic::Raw)[0]["revision"], NINE + 7_200);
}

#[test]
fn what_is_known_only_after_it_was_deleted_is_found_an_hour_or_a_day_later() {
    for (late_m, hours) in [(30, 1), (90, 24)] {
        let poll = poll();
        poll.save(1, "2026-01-01 10:00:30", "a");
        poll.delete(1, "2026-01-01 10:00:40");
        let mut now = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap().and_hms_opt(10, 0, 0).unwrap();
        for minute in 1..=(hours * 60 + 6) {
            now += chrono::TimeDelta::minutes(1);
            poll.minute(&now.format("%Y-%m-%d %H:%M:%S").to_string());
            if minute == late_m {
                // Its creation has been taken in.
                poll.known(1, NINE + 3_630, "a");
            }
            let told = poll.published(0);
            assert_eq!(told.contains(&deletion("1")), minute > hours * 60, "in minute {minute}");
            if !told.is_empty() {
                break;
            }
        }
        assert_eq!(poll.published(0), [deletion("1")]);
    }
}

#[test]
fn many_deletions_at_once_wait_for_a_person() {
    let mut poll = poll();
    customers(&poll, 1..=4);
    (1..=4).for_each(|id| poll.delete(id, "2026-01-01 10:00:30"));
    poll.save(9, "2026-01-01 10:00:30", "b");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 1, "changes go on");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 0);
    let codes: Vec<String> = poll.errors(true).into_iter().map(|e| e.code).collect();
    assert_eq!(codes, ["MASS_DELETE"], "told once");
    let looks = poll.netsuite.looks();
    poll.later("2026-01-01 10:05:00");
    assert_eq!(
        poll.netsuite.looks(),
        looks + 1,
        "but for the customer that is settled now, nothing is looked at"
    );
    // Somebody has looked, and lets them pass.
    poll.rules(Rules { deletions_max: 10, ..poll.app.rules });
    assert_eq!(Poll::told(&poll.later("2026-01-01 10:06:00")), 4);
    assert!(poll.errors(true).is_empty(), "and that is over");
}

#[test]
fn a_mass_of_deletions_is_held_though_a_tick_is_too_short_to_look_at_all() {
    let mut poll = poll();
    poll.rules(Rules { deletions_max: 120, ..poll.app.rules });
    customers(&poll, 1..=900);
    (1..=900).for_each(|id| poll.delete(id, "2026-01-01 10:00:30"));
    *poll.netsuite.slow.lock().unwrap() = Some((poll.world.clock.clone(), 20_000));
    for minute in 1..=4 {
        assert_eq!(Poll::told(&poll.minute(&format!("2026-01-01 10:0{minute}:00"))), 0);
    }
    assert_eq!(poll.errors(true).len(), 1);
    assert!(poll.netsuite.looks() < 900 + 400, "as many as it takes to know");
}

#[test]
fn as_many_as_are_meant_pass_in_each_hour() {
    let poll = poll();
    customers(&poll, 1..=6);
    (1..=3).for_each(|id| poll.delete(id, "2026-01-01 10:00:30"));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 3);
    // They have been taken in.
    (1..=3).for_each(|id| poll.stored("customer", id, NINE + 3_630, "", Presence::Gone));
    poll.delete(4, "2026-01-01 10:30:00");
    assert_eq!(Poll::told(&poll.later("2026-01-01 10:31:00")), 0, "one more within an hour");
    assert_eq!(Poll::told(&poll.later("2026-01-01 11:12:00")), 0, "it does not become right by waiting");
}

#[test]
fn a_deletion_whose_look_is_refused_is_looked_at_again() {
    let poll = poll();
    customers(&poll, 1..=1);
    poll.delete(1, "2026-01-01 10:00:30");
    poll.change(1, |row| row.is_refused = true);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    let error = &poll.errors(true)[0];
    assert_eq!((error.code.as_str(), error.class.as_str()), ("INSUFFICIENT_PERMISSION", "not_shown"));
    assert_eq!(Poll::told(&poll.later("2026-01-01 10:20:00")), 0);
    poll.change(1, |row| row.is_refused = false);
    assert_eq!(Poll::told(&poll.later("2026-01-01 10:40:00")), 1);
    assert_eq!((poll.published(0), poll.errors(true).len()), (vec![deletion("1")], 0));
}
