//! What NetSuite does not show, and what it dies of.

use serde_json::json;

use crate::{Poll, poll, update};

#[test]
fn what_is_refused_is_asked_for_again_until_it_is_shown() {
    let poll = poll();
    poll.save(7, "2026-01-01 09:00:00", "a");
    poll.save(8, "2026-01-01 09:00:01", "b");
    poll.change(7, |row| row.is_refused = true);
    assert_eq!(Poll::told(&poll.tick()), 1, "its neighbours do not wait");
    assert_eq!(Poll::told(&poll.later("2026-01-01 11:00:00")), 0);
    let error = &poll.errors(true)[0];
    assert_eq!((error.code.as_str(), error.attempts), ("INSUFFICIENT_PERMISSION", 1));
    assert!(error.message.contains("customer 7") && error.hint.contains("grant"), "{error:?}");
    poll.change(7, |row| row.is_refused = false);
    assert_eq!(Poll::told(&poll.later("2026-01-01 12:00:00")), 1);
    assert_eq!(poll.published(1), [update("7", "a")]);
    assert_eq!((poll.errors(true).len(), poll.errors(false).len()), (0, 1));
    let looks = poll.netsuite.looks();
    poll.later("2026-01-01 13:00:00");
    assert_eq!(poll.netsuite.looks(), looks, "nothing is owed any more");
}

#[test]
fn however_much_is_refused_the_scan_goes_on() {
    let poll = poll();
    (1..=1_200).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    (1..=1_200).for_each(|id| poll.change(id, |row| row.is_refused = true));
    poll.save(2_000, "2026-01-01 09:00:00", "b");
    assert_eq!(Poll::told(&poll.tick()), 1, "what comes after them is told");
    let looks = poll.netsuite.looks();
    poll.later("2026-01-01 11:00:00");
    assert_eq!(poll.netsuite.looks(), looks + 50, "one call a tick");
    assert!(poll.errors(true).iter().any(|e| e.code == "TOO_MUCH_REFUSED"));
    (1..=1_200).for_each(|id| poll.change(id, |row| row.is_refused = false));
    for minute in 0..30 {
        poll.later(&format!("2026-01-01 12:{minute:02}:00"));
    }
    let mut told: Vec<_> = poll.published(0).into_iter().map(|(_, id, _)| id).collect();
    told.sort();
    told.dedup();
    assert_eq!((told.len(), poll.errors(true).len()), (1_201, 0), "nothing was forgotten");
}

#[test]
fn one_record_that_kills_its_calls_holds_no_other_up_for_long() {
    let poll = poll();
    (1..=120).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    poll.change(37, |row| row.is_deadly = true);
    for minute in 1..=3 {
        poll.minute(&format!("2026-01-01 10:0{minute}:00"));
    }
    assert_eq!(poll.published(0).len(), 119);
    let error = &poll.errors(true)[0];
    assert!(error.message.contains("customer 37") && error.code == "SSS_TIME_LIMIT_EXCEEDED", "{error:?}");
    poll.change(37, |row| row.is_deadly = false);
    poll.minute("2026-01-01 10:04:00");
    assert_eq!((poll.published(119), poll.errors(true).len()), (vec![update("37", "a")], 0));
}

#[test]
fn a_type_that_is_not_shown_keeps_no_other_from_being_polled() {
    let poll = poll();
    poll.netsuite.refused.lock().unwrap().insert("customer");
    poll.put("inventoryitem", 8, "2026-01-01 09:00:00", "b");
    poll.put("salesorder", 9, "2026-01-01 09:00:00", "c");
    for minute in 0..6 {
        let answer = poll.minute(&format!("2026-01-01 10:0{minute}:00"));
        assert_eq!((answer.status.as_u16(), &answer.body["accounts"]), (503, &json!(["acme"])));
    }
    assert_eq!(poll.published(0).len(), 2);
}
