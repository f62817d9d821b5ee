//! Each alarm: raised once, told again by the day, cleared well below its threshold.

use super::*;
use shared::state::deliveries::{Channel, Recipient, Standing};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_767_225_600_000);
const MINUTE_MS: i64 = 60_000;

fn acme() -> AccountId {
    AccountId::parse("acme").unwrap()
}

/// A quiet account, so many minutes after the beginning.
fn quiet<'a>(account: &'a AccountId, rules: &'a Notify, minute: i64) -> Look<'a> {
    let now = NOW.plus(minute * MINUTE_MS);
    Look {
        account,
        rules,
        now,
        counts: Counts { at: now, events: 100_000 + minute.unsigned_abs() * 100, overloads: 0 },
        waiting: 0,
        due: PerSide { netsuite: 0, suitex: 0 },
        stale: None,
        suspended: None,
        opened: 0,
        unseen: 0,
        conflicts: ConflictCounts { open: 0, overdue: 0, unassigned: 0 },
        errors_overdue: 0,
        questions_overdue: 0,
        kinds: Vec::new(),
        trouble: Vec::new(),
    }
}

/// Looks once a minute; what was told, and in which minute.
fn told(minutes: i64, see: impl Fn(i64, &mut Look<'_>)) -> Vec<(i64, Topic)> {
    let (account, rules) = (acme(), Notify::default());
    let (mut memory, mut told) = (Memory::default(), Vec::new());
    for minute in 0..minutes {
        let mut look = quiet(&account, &rules, minute);
        see(minute, &mut look);
        let notices = judge(&mut memory, &look);
        let ids: std::collections::BTreeSet<Uuid> = notices.iter().map(|notice| notice.id).collect();
        assert_eq!(ids.len(), notices.len());
        told.extend(notices.into_iter().map(|notice| (minute, notice.topic)));
    }
    told
}

#[test]
fn nothing_is_told_of_a_quiet_account() {
    assert_eq!(told(3_000, |_, _| {}), []);
}

#[test]
fn a_backlog_is_told_once_and_its_end_once() {
    let of = |minute| if (10..90).contains(&minute) { 10_001 } else { 0 };
    let once = [(10, Topic::Backlog), (90, Topic::Recovered)];
    assert_eq!(told(200, |minute, look| look.waiting = of(minute)), once);
    assert_eq!(told(200, |minute, look| look.due.netsuite = of(minute)), once);
    assert_eq!(told(200, |minute, look| look.waiting = of(minute) / 2), [], "half of it is none");
    let stale = |minute, look: &mut Look<'_>| look.stale = (minute == 5).then(|| "acme:customer:7".into());
    assert_eq!(told(9, stale), [(5, Topic::Backlog), (6, Topic::Recovered)]);
}

#[test]
fn what_swings_around_a_threshold_is_told_once() {
    let swings = |minute: i64, look: &mut Look<'_>| look.waiting = 9_500 + (minute as u64 % 2) * 1_000;
    assert_eq!(told(600, swings), [(1, Topic::Backlog)]);
}

#[test]
fn what_lasts_is_told_again_each_day() {
    let told = told(3 * 1_440 + 2, |_, look| look.waiting = 20_000);
    assert_eq!(told, [0, 1_440, 2_880, 4_320].map(|minute| (minute, Topic::Backlog)));
}

#[test]
fn a_backlog_of_a_suspended_account_is_no_second_trouble() {
    let see = |minute, look: &mut Look<'_>| {
        look.waiting = 20_000;
        look.suspended = (minute < 60).then_some(NOW);
    };
    assert_eq!(told(70, see), [(60, Topic::Backlog)]);
}

#[test]
fn conflicts_are_too_many_by_count_or_by_share() {
    let count = |minute, look: &mut Look<'_>| look.opened = if minute < 5 { 101 } else { 0 };
    assert_eq!(told(9, count), [(0, Topic::ConflictSurge), (5, Topic::Recovered)]);
    // In the hour before there were 6,000 events: 100 conflicts are few, and of 1,000 events they are many.
    assert_eq!(told(120, |_, look| look.opened = 100), []);
    let share = |minute, look: &mut Look<'_>| {
        look.counts.events = 100_000 + (minute as u64) * 10;
        look.opened = if minute > 70 { 40 } else { 0 };
    };
    assert_eq!(told(120, share), [(71, Topic::ConflictSurge)]);
    let few = |_, look: &mut Look<'_>| (look.counts.events, look.opened) = (100_000, 19);
    assert_eq!(told(120, few), [], "a share of next to nothing");
}

#[test]
fn of_new_conflicts_people_are_told_once_an_hour() {
    let see = |minute, look: &mut Look<'_>| {
        look.conflicts.open = 3;
        look.unseen = u64::from(minute < 90);
    };
    assert_eq!(
        told(300, see),
        [(0, Topic::Inbox), (60, Topic::Inbox)],
        "and not again while nothing is added"
    );
    let never = Notify { inbox_minutes: 0, ..Notify::default() };
    let account = acme();
    let mut look = quiet(&account, &never, 0);
    (look.conflicts.open, look.unseen) = (3, 3);
    assert!(judge(&mut Memory::default(), &look).is_empty());
}

#[test]
fn a_surge_says_that_there_is_work() {
    let see = |_, look: &mut Look<'_>| (look.opened, look.unseen, look.conflicts.open) = (500, 500, 500);
    assert_eq!(told(120, see), [(0, Topic::ConflictSurge)]);
}

#[test]
fn one_reason_refused_again_and_again_is_one_trouble() {
    let kind = |code: &str| ErrorKind { class: "validation".into(), code: code.into() };
    let see = |minute, look: &mut Look<'_>| {
        let count = if minute < 10 { 19 } else { 20 };
        look.kinds = if minute < 60 { vec![(kind("USER_ERROR"), count), (kind("OTHER"), 3)] } else { vec![] };
    };
    assert_eq!(told(100, see), [(10, Topic::Refusals), (60, Topic::Recovered)]);
}

#[test]
fn who_cannot_be_reached_is_told_of_until_it_gets_through() {
    let delivery = |attempts| Delivery {
        id: Uuid::nil(),
        account: acme(),
        to: Recipient { channel: Channel::Email, name: "ann@example.com".into() },
        topic: Topic::Error,
        notices: 1,
        standing: Standing::Due,
        due_at: NOW,
        attempts,
        created_at: NOW,
        failure: Some("away: connection refused".into()),
    };
    let see = |minute: i64, look: &mut Look<'_>| {
        if minute < 30 {
            look.trouble = vec![delivery(minute as u32)];
        }
    };
    assert_eq!(told(40, see), [(3, Topic::Delivery), (30, Topic::Recovered)]);
}

#[test]
fn what_was_given_up_is_told_of_once_and_is_no_alarm() {
    let delivery = |standing, due_at| Delivery {
        id: Uuid::nil(),
        account: acme(),
        to: Recipient { channel: Channel::Email, name: "ann@example.com".into() },
        topic: Topic::Error,
        notices: 1,
        standing,
        due_at,
        attempts: 900,
        created_at: NOW,
        failure: Some("refused: no such mailbox".into()),
    };
    // It stays in the list of what is in trouble for ever.
    let for_ever = |_: i64, look: &mut Look<'_>| look.trouble = vec![delivery(Standing::GivenUp, NOW)];
    assert_eq!(told(4 * 1_440, for_ever), []);
    let see = |minute: i64, look: &mut Look<'_>| {
        let standing = if minute < 30 { Standing::Due } else { Standing::GivenUp };
        look.trouble = vec![delivery(standing, NOW.plus(30 * MINUTE_MS))];
    };
    assert_eq!(told(4 * 1_440, see), [(0, Topic::Delivery), (30, Topic::Delivery)], "and no word of its end");
}

#[test]
fn more_overdue_than_are_told_one_by_one_are_told_by_their_number() {
    let errors = |_, look: &mut Look<'_>| look.errors_overdue = 251;
    assert_eq!(told(60, errors), [(0, Topic::SlaPast)]);
    let questions = |_, look: &mut Look<'_>| look.questions_overdue = 251;
    assert_eq!(told(60, questions), [(0, Topic::SlaPast)]);
    let see = |_, look: &mut Look<'_>| look.conflicts.overdue = 501;
    assert_eq!(told(60, see), [(0, Topic::SlaPast)]);
}

#[test]
fn what_is_told_says_how_much_and_why() {
    let (account, rules) = (acme(), Notify::default());
    let mut memory = Memory::default();
    judge(&mut memory, &quiet(&account, &rules, 0));
    let mut look = quiet(&account, &rules, 30);
    (look.waiting, look.due.netsuite, look.counts.overloads) = (12_000, 9_000, 321);
    look.stale = Some("acme:salesorder:9".into());
    let notice = judge(&mut memory, &look).remove(0);
    let text = "acme: 12000 events wait to be absorbed; 9000 records are to be written to NetSuite, 0 to SuiteX. \
                acme:salesorder:9 has been due for more than 60 minutes. NetSuite has refused 321 calls of late for want of room.";
    assert_eq!(notice.text, text);
    assert_eq!(notice.link.as_deref(), Some("/review/accounts/acme"));
}
