//! What a person does about what a brake holds, and how people hear of it.

use futures::FutureExt;
use shared::domain::record::Presence;
use shared::state::brake::BrakeWord;
use shared::state::notices::Topic as About;
use shared::state::{Commit, ErrorEntry, ErrorStatus, State};

use crate::memory_ports::account;
use crate::{NINE, Poll, Rules, poll};

/// Customers that are known and there; more than three deletions within an hour are held.
fn customers(count: u64) -> Poll {
    let mut poll = poll();
    poll.rules(Rules { deletions_percent: 100, nulls_max: 3, ..poll.app.rules });
    for id in 1..=count {
        poll.known(id, NINE, "a");
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll.tick();
    poll
}

fn mass(poll: &Poll, ids: std::ops::RangeInclusive<u64>, at: &str) {
    ids.for_each(|id| poll.delete(id, at));
}

/// What was told as deleted is taken in.
fn taken_in(poll: &Poll) -> usize {
    let told = poll.published(0);
    for (_, id, _) in &told {
        poll.stored("customer", id.parse().unwrap(), NINE + 3_630, "", Presence::Gone);
    }
    told.len()
}

#[test]
fn what_is_held_is_told_once_and_so_is_its_end() {
    let mut poll = customers(6);
    mass(&poll, 1..=4, "2026-01-01 10:00:30");
    for minute in 1..9 {
        poll.minute(&format!("2026-01-01 10:0{minute}:00"));
    }
    assert_eq!((poll.notices(About::Brake).len(), poll.notices(About::Error).len()), (1, 0));
    assert!(poll.notices(About::Recovered).is_empty());
    poll.rules(Rules { deletions_max: 4, ..poll.app.rules });
    for minute in 10..13 {
        poll.minute(&format!("2026-01-01 10:{minute}:00"));
    }
    assert_eq!((poll.notices(About::Brake).len(), poll.notices(About::Recovered).len()), (1, 1));
    // Another on the same day is another.
    poll.rules(Rules { deletions_max: 0, ..poll.app.rules });
    mass(&poll, 5..=5, "2026-01-01 10:13:00");
    poll.minute("2026-01-01 10:14:00");
    assert_eq!((poll.notices(About::Brake).len(), poll.errors(false).len()), (2, 2));
}

#[test]
fn what_turned_empty_is_told_once_and_so_is_its_end() {
    let poll = customers(9);
    (1..=6).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    for minute in 1..9 {
        poll.minute(&format!("2026-01-01 10:0{minute}:00"));
    }
    assert_eq!((poll.notices(About::Brake).len(), poll.notices(About::Recovered).len()), (1, 0));
    (1..=6).for_each(|id| poll.save(id, "2026-01-01 10:09:30", "a"));
    poll.minute("2026-01-01 10:10:00");
    poll.minute("2026-01-01 10:11:00");
    assert_eq!((poll.notices(About::Brake).len(), poll.notices(About::Recovered).len()), (1, 1));
}

#[test]
fn a_person_lets_pass_all_that_was_deleted_until_then_and_no_more() {
    let poll = customers(250);
    mass(&poll, 1..=240, "2026-01-01 10:00:30");
    poll.minute("2026-01-01 10:01:00");
    poll.minute("2026-01-01 10:02:00");
    assert!(poll.published(0).is_empty() && poll.netsuite.looks() < 240 + 250);
    poll.decide(BrakeWord::Pass);
    poll.minute("2026-01-01 10:03:00");
    poll.minute("2026-01-01 10:04:00");
    assert_eq!(poll.published(0).len(), 240, "those that nobody had looked at, too");
    assert!(poll.errors(true).is_empty());
    assert!(poll.notices(About::Recovered)[0].contains("pass by ada: because"));
    taken_in(&poll);
    mass(&poll, 241..=243, "2026-01-01 10:04:30");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:05:00")), 3, "what has passed is not counted any more");
    taken_in(&poll);
    mass(&poll, 244..=244, "2026-01-01 10:05:30");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:06:00")), 0, "what comes after the word is counted");
    assert_eq!((poll.errors(true).len(), poll.notices(About::Brake).len()), (1, 2));
}

#[test]
fn what_a_person_discards_is_never_told_and_opens_the_way_for_others() {
    let mut poll = customers(250);
    poll.rules(Rules { sweep_every_s: 7_200, role_sees_all: true, ..poll.app.rules });
    mass(&poll, 1..=240, "2026-01-01 10:00:30");
    poll.minute("2026-01-01 10:01:00");
    poll.decide(BrakeWord::Discard);
    poll.minute("2026-01-01 10:02:00");
    assert!(poll.errors(true).is_empty());
    assert!(poll.notices(About::Recovered)[0].contains("discard by ada: because"));
    mass(&poll, 241..=241, "2026-01-01 10:02:30");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:03:00")), 1, "later ones go on");
    taken_in(&poll);
    let looks = poll.netsuite.looks();
    // The other scans and the sweep come upon them, too.
    for now in ["2026-01-01 11:05:00", "2026-01-01 12:30:00", "2026-01-01 15:00:00", "2026-01-02 10:10:00"] {
        assert_eq!(Poll::told(&poll.later(now)), 0, "at {now}");
    }
    assert!(poll.errors(true).is_empty(), "{:?}", poll.errors(true));
    assert!(poll.netsuite.looks() < looks + 20, "nor are they looked at again and again");
}

#[test]
fn what_is_listed_again_or_known_to_be_gone_drops_out() {
    let poll = customers(8);
    mass(&poll, 1..=5, "2026-01-01 10:00:30");
    poll.minute("2026-01-01 10:01:00");
    assert_eq!(poll.errors(true).len(), 1);
    (1..=2).for_each(|id| poll.change(id, |row| row.is_deleted = false));
    // A User Event has told of the third.
    poll.stored("customer", 3, NINE + 3_630, "", Presence::Gone);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 2, "the two have changed");
    assert_eq!(poll.errors(true).len(), 1, "getting fewer does not let the others pass");
    (4..=5).for_each(|id| poll.change(id, |row| row.is_deleted = false));
    poll.minute("2026-01-01 10:03:00");
    assert!(poll.errors(true).is_empty(), "none is left");
    assert!(poll.published(0).iter().all(|(operation, _, _)| operation == "update"));
}

#[test]
fn a_brake_that_somebody_dismisses_undecided_holds_and_asks_again() {
    let poll = customers(8);
    mass(&poll, 1..=5, "2026-01-01 10:00:30");
    poll.minute("2026-01-01 10:01:00");
    let error = poll.errors(true).remove(0);
    for status in [ErrorStatus::Closed, ErrorStatus::Retried] {
        let error = ErrorEntry { status, ..error.clone() };
        poll.world.commit(Commit { errors: vec![error], ..Commit::new(account("acme")) });
        assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 0);
        assert_eq!(poll.errors(true).len(), 1, "after {status:?}");
    }
    assert_eq!(poll.notices(About::Brake).len(), 1);
}

#[test]
fn much_of_what_there_is_is_held_though_it_is_not_much() {
    for (known, percent, is_told) in [(40, 25, false), (44, 25, true), (40, 28, true), (12, 100, true)] {
        let mut poll = customers(known);
        poll.rules(Rules { deletions_max: 50, deletions_percent: percent, ..poll.app.rules });
        mass(&poll, 1..=11, "2026-01-01 10:00:30");
        let told = Poll::told(&poll.minute("2026-01-01 10:01:00"));
        assert_eq!(told == 11, is_told, "11 of {known}, {percent} % allowed: {told} told");
        assert_eq!(poll.errors(true).is_empty(), is_told);
    }
    let mut poll = customers(12);
    poll.rules(Rules { deletions_max: 50, deletions_percent: 25, ..poll.app.rules });
    mass(&poll, 1..=10, "2026-01-01 10:00:30");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 10, "ten are no mass");
}

#[test]
fn a_person_lets_pass_what_has_turned_empty() {
    let poll = customers(90);
    (1..=80).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    poll.decide(BrakeWord::Pass);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 80);
    assert!(poll.published(0).iter().all(|(_, _, email)| email == ""));
    assert!(poll.errors(true).is_empty());
    (1..=80).for_each(|id| poll.known(id, NINE + 3_630, ""));
    (81..=90).for_each(|id| poll.save(id, "2026-01-01 10:02:30", ""));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:03:00")), 0, "what comes after the word is held");
    assert_eq!(poll.notices(About::Brake).len(), 2);
}

#[test]
fn what_has_turned_empty_is_discarded_and_all_else_that_was_saved_is_told() {
    let poll = customers(90);
    (1..=80).for_each(|id| poll.save(id, "2026-01-01 10:00:30", ""));
    (1..=80).for_each(|id| poll.change(id, |row| row.phone = Some("1")));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    poll.decide(BrakeWord::Discard);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 80);
    for event in poll.world.bus.json(shared::pubsub::Topic::Raw) {
        let (payload, changes) = (&event["payload"], &event["payload"]["changes"]);
        assert!(
            payload["full"] != true && changes["phone"] == "1" && changes.get("email").is_none(),
            "{event}"
        );
    }
    assert!(poll.errors(true).is_empty());
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:03:00")) % 80, 0);
    let cursor = poll.world.state.poll_cursor(&account("acme"), "customer").now_or_never().unwrap().unwrap();
    assert!(cursor.is_some_and(|text| text.contains("\"waiting\":{}")), "none waits");
}

#[test]
fn what_the_poller_closes_stands_in_the_audit_with_why_and_what_was_decided() {
    let poll = customers(9);
    mass(&poll, 1..=4, "2026-01-01 10:00:30");
    poll.minute("2026-01-01 10:01:00");
    assert!(poll.audit().is_empty(), "to file an error is no deed");
    poll.decide(BrakeWord::Pass);
    poll.minute("2026-01-01 10:02:00");
    poll.minute("2026-01-01 10:03:00");
    let error = poll.errors(false).remove(0);
    let rows = poll.audit();
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((row.actor.as_str(), row.action.as_str()), ("poller", "closed"));
    assert_eq!(row.subject, format!("error:{}", error.id));
    let details = serde_json::json!({
        "from": "retried", "to": "closed", "why": "what was held has passed, or none of it is left",
        "code": "MASS_DELETE", "decision": "pass",
    });
    assert_eq!(row.details, details);
    // One that nobody had decided about, and what is no brake.
    (5..=8).for_each(|id| poll.save(id, "2026-01-01 10:03:30", ""));
    poll.minute("2026-01-01 10:04:00");
    (5..=8).for_each(|id| poll.save(id, "2026-01-01 10:04:30", "a"));
    poll.minute("2026-01-01 10:05:00");
    poll.minute("2026-01-01 10:06:00");
    let rows = poll.audit();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!((&rows[1].details["from"], &rows[1].details["code"]), (&"open".into(), &"MASS_NULL".into()));
    assert_eq!(rows[1].details.get("decision"), None);
}
