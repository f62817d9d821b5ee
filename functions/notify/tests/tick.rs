//! What people hear: each trigger once by each channel, a flood as a digest, nothing lost while mail is away.

mod office;

use std::sync::atomic::Ordering;

use futures::FutureExt;
use office::memory_ports::{account, key, post};
use office::{HOUR_MS, MINUTE_MS, memory_ports, office, office_with};
use serde_json::json;
use shared::domain::id::Side;
use shared::domain::record::{Due, DueReason};
use shared::state::deliveries::{Channel, Deliveries};
use shared::state::memory::MemoryState;
use shared::state::notices::Topic;
use shared::state::{Commit, ErrorEntry, ErrorStatus, Notice, Place};
use uuid::Uuid;

#[test]
fn a_suspended_account_is_told_at_once_and_that_it_goes_on() {
    let office = office();
    office.refuse_sign_in(3);
    office.tick();
    office.told_once(Topic::Auth, "NetSuite refuses our credentials");
    office.pass(10 * MINUTE_MS);
    assert!(office.heard().is_empty(), "once");
}

#[test]
fn a_backlog_is_told() {
    let office = office();
    office.pending(10_001);
    office.tick();
    office.told_once(Topic::Backlog, "changes are waiting too long");
    let events = (0..10_001u128).map(|n| (Uuid::from_u128(n), Place::Applied)).collect();
    office.commit(|commit| commit.places = events);
    office.pass(MINUTE_MS);
    office.told_once(Topic::Recovered, "it is over");
}

#[test]
fn what_has_waited_an_hour_is_told() {
    let office = office();
    let customer = key("acme", "customer", "7");
    let mut record = office.world.synced(&customer, json!({"email": "old@b.c"}));
    office.world.tell(&mut record, Side::SuiteX, 101, false, &json!({"email": "new@b.c"}));
    let surface = office.world.surface(&customer);
    shared::domain::plan::reschedule(&mut record, &surface, office.now());
    office.world.store(&record, Vec::new());
    office.pass(59 * MINUTE_MS);
    assert!(office.heard().is_empty());
    office.pass(2 * MINUTE_MS);
    office.told_once(Topic::Backlog, "changes are waiting too long");
}

#[test]
fn a_surge_of_conflicts_is_told_as_one() {
    let office = office_with("conflict_count = 9\n");
    for n in 0..10 {
        office.conflict(&n.to_string());
    }
    office.tick();
    office.told_once(Topic::ConflictSurge, "unusually many conflicts");
}

#[test]
fn new_conflicts_are_told_as_work_once_an_hour() {
    let office = office_with("[account.acme.notify]\ninbox_minutes = 60\n");
    office.conflict("1");
    office.tick();
    office.told_once(Topic::Inbox, "conflicts wait for a decision");
    office.pass(10 * MINUTE_MS);
    office.conflict("2");
    office.conflict("3");
    office.pass(49 * MINUTE_MS);
    assert!(office.heard().is_empty(), "not one by one");
    office.pass(2 * MINUTE_MS);
    assert_eq!(office.shown(Topic::Inbox).len(), 2);
    office.pass(5 * HOUR_MS);
    assert_eq!(office.shown(Topic::Inbox).len(), 2, "nothing was added");
}

#[test]
fn one_reason_refused_again_and_again_is_told_as_one() {
    let office = office();
    for n in 0..20 {
        let error = office.error(n, ErrorStatus::Open);
        office.commit(|commit| commit.errors.push(error));
    }
    office.tick();
    office.told_once(Topic::Refusals, "many records are refused for one reason");
}

#[test]
fn an_error_that_was_filed_and_a_brake_are_told() {
    let office = office();
    let (error, now) = (office.error(1, ErrorStatus::Open), office.now());
    office.commit(|commit| commit.notices.push(Notice::of_error(&error, now)));
    office.tick();
    office.told_once(Topic::Error, "an error needs a person");
    let brake = Notice::new(&account("acme"), Topic::Brake, "error:1", "today", "held", now);
    office.commit(|commit| commit.notices.push(brake));
    office.tick();
    office.told_once(Topic::Brake, "a mass change is held back");
}

#[test]
fn a_thousand_repeats_are_one_digest() {
    let office = office();
    for n in 0..1_000 {
        let (error, now) = (office.error(n, ErrorStatus::Open), office.now());
        let notice = Notice::of_error(&error, now);
        // Said twice it is still one.
        office.commit(|commit| commit.notices = vec![notice.clone(), notice]);
    }
    office.pass(2 * MINUTE_MS);
    assert_eq!(office.shown(Topic::Error).len(), 1_000, "each is in the pages");
    let heard = office.people.heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 2, "one mail, one chat message");
    assert!(heard.iter().all(|(_, message)| message.subject == "acme: 1000 × an error needs a person"));
    office.pass(3 * HOUR_MS);
    assert_eq!(office.people.heard.lock().unwrap().len(), 2, "and no more");
}

#[test]
fn what_is_tried_in_vain_for_an_hour_is_told_too() {
    let office = office();
    let customer = key("acme", "customer", "7");
    let mut record = office.world.synced(&customer, json!({"email": "old@b.c"}));
    office.world.tell(&mut record, Side::SuiteX, 101, false, &json!({"email": "new@b.c"}));
    let surface = office.world.surface(&customer);
    shared::domain::plan::reschedule(&mut record, &surface, office.now());
    office.world.store(&record, Vec::new());
    for minute in 1..=70 {
        assert_eq!(office.shown(Topic::Backlog).len(), usize::from(minute > 60), "minute {minute}");
        // NetSuite is away: each attempt puts it off by a second, and none counts.
        let mut record = office.world.load(&customer);
        let at = office.now().plus(30_000);
        record.sides.netsuite.due = Some(Due { at, reason: DueReason::BackingOff, attempts: 0 });
        office.world.store(&record, Vec::new());
        office.pass(MINUTE_MS);
    }
    office.told_once(Topic::Backlog, "changes are waiting too long");
}

#[test]
fn an_event_that_nobody_can_absorb_for_an_hour_is_told_too() {
    let office = office();
    office.pending(1);
    office.pass(59 * MINUTE_MS);
    assert_eq!(office.shown(Topic::Backlog).len(), 0);
    office.pass(2 * MINUTE_MS);
    office.told_once(Topic::Backlog, "changes are waiting too long");
}

#[test]
fn an_hour_without_mail_loses_none_and_the_chat_goes_on() {
    let office = office();
    office.people.mail_is_away.store(true, Ordering::Relaxed);
    for n in 0..60 {
        if n % 20 == 0 {
            let (error, now) = (office.error(n, ErrorStatus::Open), office.now());
            office.commit(|commit| commit.notices.push(Notice::of_error(&error, now)));
        }
        office.pass(MINUTE_MS);
    }
    let in_trouble = || {
        let (acme, state) = (account("acme"), &office.world.state);
        state.deliveries(&acme, true, None, 100).now_or_never().unwrap().unwrap().items
    };
    assert!(!in_trouble().is_empty(), "it can be seen");
    let by = |channel| {
        let heard = office.people.heard.lock().unwrap();
        heard.iter().filter(|(to, m)| to.channel == channel && m.subject.contains("an error")).count()
    };
    assert_eq!((by(Channel::Email), by(Channel::Slack)), (0, 3));
    assert_eq!(office.shown(Topic::Delivery).len(), 1, "that mail does not get through is told once");
    office.people.mail_is_away.store(false, Ordering::Relaxed);
    office.pass(10 * MINUTE_MS);
    assert_eq!((by(Channel::Email), by(Channel::Slack)), (3, 3), "each once");
    assert_eq!(in_trouble(), []);
}

#[test]
fn a_mail_server_that_is_away_is_asked_once_a_tick() {
    let office = office();
    office.people.mail_is_away.store(true, Ordering::Relaxed);
    for topic in [Topic::Auth, Topic::Error, Topic::Brake, Topic::Backlog] {
        for n in 0..3 {
            let once = n.to_string();
            let notice = Notice::new(&account("acme"), topic, "account:acme", &once, "t", office.now());
            office.commit(|commit| commit.notices.push(notice));
        }
    }
    office.tick();
    let heard = office.people.heard.lock().unwrap().len();
    assert_eq!((office.people.tried.load(Ordering::Relaxed) - heard, heard), (1, 12));
}

#[test]
fn two_instances_never_tell_twice() {
    let office = office();
    for n in 0..3 {
        let (error, now) = (office.error(n, ErrorStatus::Open), office.now());
        office.commit(|commit| commit.notices.push(Notice::of_error(&error, now)));
    }
    office.pending(10_001);
    for _ in 0..5 {
        assert_eq!(post(&office.router, "/tick", "").status, 200);
        assert_eq!(post(&office.other, "/tick", "").status, 200);
        office.world.clock.pass(MINUTE_MS);
    }
    assert_eq!(office.people.heard.lock().unwrap().len(), 2 * 3 + 2);
}

#[test]
fn a_claim_that_runs_out_is_sent_again_under_the_same_id() {
    let office = office();
    let (error, now) = (office.error(1, ErrorStatus::Open), office.now());
    office.commit(|commit| commit.notices.push(Notice::of_error(&error, now)));
    office.tick();
    let first = office.people.heard.lock().unwrap()[0].1.id;
    // A second one, whose sender dies after it has claimed.
    let error = office.error(2, ErrorStatus::Open);
    office.commit(|commit| commit.notices.push(Notice::of_error(&error, now)));
    let state: &MemoryState = &office.world.state;
    let acme = account("acme");
    office.people.mail_is_away.store(true, Ordering::Relaxed);
    office.tick();
    office.people.mail_is_away.store(false, Ordering::Relaxed);
    office.world.clock.pass(MINUTE_MS);
    let due = state.deliveries_due(&acme, office.now(), 10).now_or_never().unwrap().unwrap();
    assert_eq!(due.len(), 1);
    let times = (office.now(), office.now().plus(2 * MINUTE_MS));
    let claimed = state.claim_delivery(&acme, due[0].id, Uuid::from_u128(99), times, 20);
    assert!(claimed.now_or_never().unwrap().unwrap().is_some());
    office.tick();
    assert_eq!(office.heard().values().sum::<usize>(), 3, "while it is claimed nobody else sends it");
    office.pass(2 * MINUTE_MS);
    let heard = office.people.heard.lock().unwrap().clone();
    assert_eq!((heard.len(), heard[3].1.id), (4, due[0].id));
    assert_ne!(first, due[0].id);
}

#[test]
fn what_is_nobodys_is_told_to_those_who_are_named_for_all() {
    let office = office();
    let unknown = account("unknown");
    let error = ErrorEntry::open(&unknown, Uuid::nil(), "malformed", "X", "no event", "mend", office.now());
    let mut commit = Commit::new(unknown);
    commit.notices.push(Notice::of_error(&error, office.now()));
    office.world.commit(commit);
    office.tick();
    assert_eq!(office.people.heard.lock().unwrap().len(), 2);
}

#[test]
fn every_topic_has_its_page_in_the_runbooks() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for topic in Topic::ALL {
        let text = std::fs::read_to_string(folder.join(topic.runbook())).unwrap_or_default();
        for heading in ["## What it means", "## What to do", "## How it ends"] {
            assert!(text.contains(heading), "{}: {heading}", topic.runbook());
        }
    }
}

#[test]
fn bad_requests_are_named() {
    let office = office();
    assert_eq!(post(&office.router, "/tick?account=initech", "").problem(), (404, json!("account")));
    assert_eq!(memory_ports::get(&office.router, "/tick").problem().0, 405);
}
