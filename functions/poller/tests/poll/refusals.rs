//! What NetSuite does not show, and what it dies of.

use serde_json::json;
use shared::state::notices::Topic as About;
use shared::state::{Commit, ErrorEntry, ErrorStatus};

use crate::memory_ports::account;
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
    assert!(poll.errors(false).is_empty(), "a few minutes may be anything");
    for minute in 6..30 {
        assert_eq!(poll.minute(&format!("2026-01-01 10:{minute:02}:00")).status.as_u16(), 503);
    }
    let errors = poll.errors(true);
    assert_eq!(errors.len(), 1, "one for all its ticks: {errors:?}");
    let error = &errors[0];
    let said = (error.class.as_str(), error.code.as_str(), error.attempts);
    assert_eq!(said, ("not_polled", "INVALID_PARAMETER", 1));
    assert!(error.message.contains("customer since 2026-01-01T00:01:00"), "{error:?}");
    assert!(error.message.contains("Record was not found") && error.hint.contains("permission"), "{error:?}");
    assert_eq!(poll.notices(About::Error).len(), 1);
    poll.netsuite.refused.lock().unwrap().clear();
    poll.save(7, "2026-01-01 09:00:00", "a");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:30:00")), 1);
    assert!(poll.errors(true).is_empty(), "and that is over");
    assert_eq!(poll.notices(About::Recovered).len(), 1);
}

#[test]
fn a_list_of_deletions_that_is_refused_is_told_to_a_person_once() {
    let poll = poll();
    poll.netsuite.refused.lock().unwrap().insert("deletedrecord");
    for minute in 0..20 {
        assert_eq!(poll.minute(&format!("2026-01-01 10:{minute:02}:00")).status.as_u16(), 503);
    }
    let errors = poll.errors(false);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].message.contains("what was deleted"), "{errors:?}");
    poll.netsuite.refused.lock().unwrap().clear();
    poll.minute("2026-01-01 10:20:00");
    assert_eq!((poll.errors(true).len(), poll.notices(About::Recovered).len()), (0, 1));
}

#[test]
fn what_a_person_dismisses_and_is_still_refused_is_told_again_the_next_day() {
    let poll = poll();
    poll.netsuite.refused.lock().unwrap().insert("customer");
    (0..15).for_each(|minute| _ = poll.minute(&format!("2026-01-01 10:{minute:02}:00")));
    let error = poll.errors(true).remove(0);
    let dismissed = ErrorEntry { status: ErrorStatus::Closed, ..error };
    poll.world.commit(Commit { errors: vec![dismissed], ..Commit::new(account("acme")) });
    poll.later("2026-01-01 22:00:00");
    assert!(poll.errors(true).is_empty());
    poll.later("2026-01-02 10:30:00");
    assert_eq!((poll.errors(true).len(), poll.notices(About::Error).len()), (1, 2));
}

#[test]
fn a_row_that_is_like_no_other_holds_none_up() {
    let poll = poll();
    let odd = [("customer", json!({"at": "2026-01-01 09:00:00"})), ("customer", json!({"id": 8}))];
    *poll.netsuite.odd.lock().unwrap() = odd.into();
    (7..=9).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    poll.change(8, |row| row.is_unlisted = true);
    assert_eq!(Poll::told(&poll.tick()), 3, "one without a time is asked for all the same");
    let errors = poll.errors(true);
    assert_eq!((errors.len(), errors[0].code.as_str()), (1, "ODD_ROW"), "{errors:?}");
    assert!(errors[0].message.contains("customer") && errors[0].message.contains("09:00:00"), "{errors:?}");
    assert_eq!(poll.notices(About::Error).len(), 1);
}

#[test]
fn what_is_refused_and_then_shown_is_told_with_its_end() {
    let poll = poll();
    poll.save(7, "2026-01-01 09:00:00", "a");
    poll.change(7, |row| row.is_refused = true);
    poll.tick();
    assert_eq!(poll.notices(About::Error).len(), 1);
    poll.later("2026-01-01 11:00:00");
    assert_eq!(poll.notices(About::Error).len(), 1);
    poll.change(7, |row| row.is_refused = false);
    poll.later("2026-01-01 12:00:00");
    let over = poll.notices(About::Recovered);
    assert_eq!(over.len(), 1);
    assert!(over[0].contains("shows it again. It was: NetSuite tells that customer 7"), "{over:?}");
}
