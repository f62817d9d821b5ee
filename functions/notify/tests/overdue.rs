//! What happens when nobody comes: the ladder, what is stopped, and that it is over.

mod office;

use futures::FutureExt;
use office::memory_ports::{account, key, post, side_id};
use office::{HOUR_MS, MINUTE_MS, Office, office, office_with};
use serde_json::json;
use shared::domain::event::IdentityChoice;
use shared::domain::id::Side;
use shared::domain::record::hold_lock;
use shared::messenger::Message;
use shared::state::controls::{Controls, Hold, Holder};
use shared::state::deliveries::Recipient;
use shared::state::desk::Desk;
use shared::state::notices::Topic;
use shared::state::watch::{Watch, Watched};
use shared::state::{Ambiguity, AmbiguityAnswer, AmbiguityStatus, AuditRow, ErrorStatus, Notice};

#[test]
fn twenty_five_hours_climb_the_ladder_and_the_end_is_told() {
    let office = office();
    let customer = office.conflict("7");
    let conflict = office.world.load(&customer).conflict.unwrap().id;
    let acme = account("acme");
    let filed = office.world.state.assign(
        &acme,
        conflict,
        None,
        Some("ann@example.com"),
        AuditRow {
            at: office.now(),
            actor: "ada".into(),
            action: "assign".into(),
            subject: format!("conflict:{conflict}"),
            details: json!({}),
        },
    );
    assert!(filed.now_or_never().unwrap().unwrap());
    let to_whom = |office: &Office| -> Vec<(String, String)> {
        let heard = std::mem::take(&mut *office.people.heard.lock().unwrap());
        let line = |(to, message): &(Recipient, Message)| {
            (to.name.clone(), message.subject.rsplit_once(": ").unwrap().1.to_string())
        };
        let mut heard: Vec<_> = heard.iter().map(line).collect();
        heard.sort();
        heard
    };
    office.pass(18 * HOUR_MS - MINUTE_MS);
    assert_eq!(to_whom(&office), []);
    office.pass(2 * MINUTE_MS);
    let near = "a decision is due soon".to_string();
    assert_eq!(to_whom(&office), [("ops".into(), near.clone()), ("owner@example.com".into(), near)]);
    office.pass(6 * HOUR_MS);
    assert_eq!(to_whom(&office), [("ann@example.com".into(), "a decision is overdue".into())]);
    office.pass(HOUR_MS);
    assert_eq!(to_whom(&office), [("head@example.com".into(), "a decision is still overdue".into())]);
    office.pass(5 * HOUR_MS);
    assert_eq!(to_whom(&office), [], "told, not nagged");
    office.agree(&customer);
    office.pass(MINUTE_MS);
    let over = "it is over".to_string();
    let expected = ["head@example.com", "ops", "owner@example.com"].map(|to| (to.to_string(), over.clone()));
    assert_eq!(to_whom(&office), expected);
}

#[test]
fn an_error_that_nobody_sees_to_climbs_too() {
    let office = office();
    let error = office.error(1, ErrorStatus::Open);
    office.commit(|commit| commit.errors.push(error));
    office.pass(25 * HOUR_MS + MINUTE_MS);
    let topics = [Topic::SlaNear, Topic::SlaPast, Topic::Escalated];
    assert_eq!(topics.map(|topic| office.shown(topic).len()), [1, 1, 1]);
    let closed = office.error(1, ErrorStatus::Closed);
    office.commit(|commit| commit.errors.push(closed));
    office.pass(MINUTE_MS);
    assert_eq!(office.shown(Topic::Recovered).len(), 1);
}

#[test]
fn the_accounts_writes_stop_when_nobody_decides_and_go_on_when_somebody_has() {
    let office = office_with("on_breach = \"pause_writes\"\n");
    let customer = office.conflict("7");
    let holds = || office.holds();
    office.pass(23 * HOUR_MS);
    assert!(!holds().netsuite.is_held());
    office.pass(HOUR_MS + MINUTE_MS);
    let held = holds();
    for side in Side::BOTH {
        let hold = held[side].of(Holder::Watch).expect("both sides are held");
        assert_eq!(hold.actor, notify::ACTOR);
        assert!(hold.reason.contains("customer"), "{}", hold.reason);
    }
    assert_eq!(office.shown(Topic::Held).len(), 1);
    office.agree(&customer);
    office.pass(MINUTE_MS);
    assert!(Side::BOTH.iter().all(|side| !holds()[*side].is_held()));
    let audit = office.world.state.audit(&account("acme"));
    let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["hold", "hold", "release", "release"]);
}

#[test]
fn what_people_hold_and_what_the_watcher_holds_are_let_go_apart() {
    let office = office_with("on_breach = \"pause_writes\"\n");
    let customer = office.conflict("7");
    office.pass(24 * HOUR_MS + MINUTE_MS);
    assert!(office.hold(true), "a person's hold is taken though the watcher holds them already");
    office.agree(&customer);
    office.pass(MINUTE_MS);
    let held = office.holds();
    assert_eq!((held.netsuite.of(Holder::Watch), held.suitex.is_held()), (None, false));
    assert_eq!(held.netsuite.of(Holder::People).map(|hold| hold.actor.as_str()), Some("ada"));

    // The other way round: what the watcher holds stays held when a person lets go theirs.
    let customer = office.conflict("8");
    office.pass(24 * HOUR_MS + MINUTE_MS);
    assert!(office.hold(false) && office.holds().netsuite.is_held());
    office.agree(&customer);
    office.pass(MINUTE_MS);
    assert!(!office.holds().netsuite.is_held());
}

#[test]
fn what_people_let_go_is_not_stopped_again_for_the_same_matter() {
    let office = office_with("on_breach = \"pause_writes\"\n");
    office.conflict("7");
    office.pass(24 * HOUR_MS + MINUTE_MS);
    let (acme, row) = (account("acme"), office.world.state.audit(&account("acme")).remove(0));
    let (of, held) = ((Side::NetSuite, Holder::Watch), office.holds().netsuite);
    let set = office.world.state.set_hold(&acme, of, held.of(Holder::Watch), None, row);
    assert!(set.now_or_never().unwrap().unwrap());
    office.pass(2 * HOUR_MS);
    assert!(!office.holds().netsuite.is_held() && office.holds().suitex.is_held());
}

#[test]
fn a_hold_that_nothing_asks_for_is_let_go_whoever_left_it_behind() {
    let office = office_with("on_breach = \"pause_writes\"\n");
    let now = office.now();
    let hold = Hold { since: now, actor: notify::ACTOR.into(), reason: "x".into() };
    let row = AuditRow {
        at: now,
        actor: notify::ACTOR.into(),
        action: "hold".into(),
        subject: "account:suitex".into(),
        details: json!({}),
    };
    let (acme, state) = (account("acme"), &office.world.state);
    let set = state.set_hold(&acme, (Side::SuiteX, Holder::Watch), None, Some(hold), row);
    assert!(set.now_or_never().unwrap().unwrap());
    assert!(office.hold(true));
    office.tick();
    assert_eq!((office.holds().suitex.is_held(), office.holds().netsuite.is_held()), (false, true));
}

#[test]
fn who_crashes_between_remembering_a_hold_and_making_it_makes_it_at_the_next_look() {
    let office = office_with("on_breach = \"pause_writes\"\n");
    office.conflict("7");
    office.pass(24 * HOUR_MS - MINUTE_MS);
    assert!(!office.holds().netsuite.is_held());
    // Everything that is remembered of the hold is there before the hold is.
    office.world.clock.pass(2 * MINUTE_MS);
    office.tick();
    let acme = account("acme");
    let state = &office.world.state;
    let stored = state.watch_memory(&acme).now_or_never().unwrap().unwrap();
    let wanted = stored.text.replace("\"stage\":\"stands\"", "\"stage\":\"wanted\"");
    assert_ne!(wanted, stored.text);
    for side in Side::BOTH {
        let row = state.audit(&acme).remove(0);
        let (of, held) = ((side, Holder::Watch), office.holds());
        let let_go = state.set_hold(&acme, of, held[side].of(Holder::Watch), None, row);
        assert!(let_go.now_or_never().unwrap().unwrap());
    }
    let watched = Watched { text: wanted, notices: vec![] };
    assert!(state.note_watched(&acme, stored.revision, watched).now_or_never().unwrap().unwrap());
    office.tick();
    assert!(Side::BOTH.iter().all(|side| office.holds()[*side].is_held()));
    assert_eq!(office.shown(Topic::Held).len(), 1, "told once");
}

#[test]
fn a_memory_that_cannot_be_read_is_an_error_and_what_was_told_goes_out() {
    let office = office();
    let acme = account("acme");
    let watched = Watched { text: "{\"climbs\": 7}".into(), notices: vec![] };
    let state = &office.world.state;
    assert!(state.note_watched(&acme, 0, watched).now_or_never().unwrap().unwrap());
    office.pending(10_001);
    let (error, now) = (office.error(1, ErrorStatus::Open), office.now());
    office.commit(|commit| commit.notices.push(Notice::of_error(&error, now)));
    assert_eq!(post(&office.router, "/tick", "").status, 503);
    assert_eq!(office.shown(Topic::Backlog).len(), 0, "who knows nothing raises nothing");
    assert_eq!(office.people.heard.lock().unwrap().len(), 2, "the error's notice");
    let stored = state.watch_memory(&acme).now_or_never().unwrap().unwrap();
    assert_eq!(stored.revision, 1, "and nothing is forgotten by it");
}

#[test]
fn a_retry_is_no_decision_but_may_go_through_what_was_stopped() {
    let office = office_with("on_breach = \"pause_writes\"\n");
    let file = |status| {
        let error = office.error(1, status);
        office.commit(|commit| commit.errors.push(error));
    };
    file(ErrorStatus::Open);
    office.pass(25 * HOUR_MS + MINUTE_MS);
    assert!(office.holds().netsuite.is_held());
    file(ErrorStatus::Retried);
    office.pass(MINUTE_MS);
    assert!(!office.holds().netsuite.is_held(), "what is held could not be tried");
    assert_eq!(office.shown(Topic::Recovered).len(), 0, "nobody has decided yet");
    file(ErrorStatus::Open);
    office.pass(MINUTE_MS);
    assert!(office.holds().netsuite.is_held(), "it has failed again, and is past its time");
    assert_eq!(office.shown(Topic::SlaPast).len(), 1, "which is known");
    file(ErrorStatus::Closed);
    office.pass(2 * MINUTE_MS);
    assert_eq!(office.shown(Topic::Recovered).len(), 1);
    assert!(!office.holds().netsuite.is_held());
}

#[test]
fn an_error_that_comes_back_after_it_was_closed_has_its_own_time_and_its_own_notices() {
    let office = office();
    let file = |status| {
        let error = office.error(1, status);
        office.commit(|commit| commit.errors.push(error));
    };
    file(ErrorStatus::Open);
    office.pass(25 * HOUR_MS + MINUTE_MS);
    let told = || {
        let topics = [Topic::SlaNear, Topic::SlaPast, Topic::Escalated, Topic::Recovered];
        topics.map(|topic| office.shown(topic).len())
    };
    file(ErrorStatus::Closed);
    // Before anybody has looked.
    file(ErrorStatus::Open);
    office.pass(2 * MINUTE_MS);
    assert_eq!(told(), [1, 1, 1, 1], "the old one is over, and the new one is young");
    office.pass(25 * HOUR_MS);
    assert_eq!(told(), [2, 2, 2, 1]);
    file(ErrorStatus::Closed);
    office.pass(MINUTE_MS);
    assert_eq!(told(), [2, 2, 2, 2]);
}

#[test]
fn errors_do_not_keep_conflicts_from_being_heard() {
    let office = office();
    for n in 0..600 {
        let error = office.error(n, ErrorStatus::Open);
        office.commit(|commit| commit.errors.push(error));
    }
    office.pass(HOUR_MS);
    office.conflict("7");
    office.pass(24 * HOUR_MS);
    let about = |topic, what: &str| {
        office.shown(topic).iter().filter(|shown| shown.notice.subject.starts_with(what)).count()
    };
    assert_eq!(about(Topic::SlaPast, "conflict:"), 1);
    assert_eq!((about(Topic::SlaNear, "error:"), about(Topic::SlaPast, "error:")), (250, 250));
    assert_eq!(about(Topic::SlaPast, "errors:"), 1, "of the others their number is told");
}

#[test]
fn who_was_asked_and_cannot_be_reached_leaves_it_to_the_owner() {
    let office = office();
    let customer = office.conflict("7");
    let conflict = office.world.load(&customer).conflict.unwrap().id;
    let (acme, mut row) = (
        account("acme"),
        AuditRow {
            at: office.now(),
            actor: "ada".into(),
            action: "assign".into(),
            subject: String::new(),
            details: json!({}),
        },
    );
    row.subject = format!("conflict:{conflict}");
    let given = office.world.state.assign(&acme, conflict, None, Some("ann@nowhere.invalid"), row);
    assert!(given.now_or_never().unwrap().unwrap());
    office.pass(24 * HOUR_MS + MINUTE_MS);
    let heard = office.people.heard.lock().unwrap().clone();
    let overdue = heard.iter().filter(|(_, m)| m.subject.ends_with(": a decision is overdue"));
    let mut told: Vec<&str> = overdue.map(|(to, _)| to.name.as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["ops", "owner@example.com"]);
}

#[test]
fn a_field_is_held_until_somebody_decides() {
    let office = office_with("on_breach_of = { \"customer.comments\" = \"read_only_field\" }\n");
    let customer = office.conflict("7");
    office.pass(24 * HOUR_MS + MINUTE_MS);
    let record = office.world.load(&customer);
    let field = office.world.surface(&customer).field("comments");
    assert_eq!(record.locks.iter().map(|lock| lock.field).collect::<Vec<_>>(), [field]);
    office.agree(&customer);
    assert!(office.world.load(&customer).locks.is_empty(), "the decision itself lets go");
    office.pass(MINUTE_MS);
    assert!(office.world.load(&customer).locks.is_empty(), "and it stays so");
}

/// NetSuite has two records that could be this one.
fn question(office: &Office) -> Ambiguity {
    let alike = json!({"companyname": "Ada", "email": "a@b.c"});
    let candidates = [("31", alike.clone()), ("32", alike)];
    let ada = json!({"company_name": "Ada", "email": "a@b.c"});
    let mut asked = office.world.ask_which(&key("acme", "customer", "8"), ada, &candidates);
    asked.opened_at = office.now();
    office.commit(|commit| commit.ambiguities.push(asked.clone()));
    asked
}

fn answer(office: &Office, asked: &Ambiguity) -> Ambiguity {
    let mut answered = asked.clone();
    let (choice, at) = (IdentityChoice::Link(side_id("31")), office.now());
    answered.answered(AmbiguityAnswer { choice, actor: "rita".into(), at });
    office.commit(|commit| commit.ambiguities.push(answered.clone()));
    answered
}

#[test]
fn a_question_who_is_who_that_nobody_answers_climbs_too_and_its_end_is_told() {
    let office = office();
    let topics = [Topic::SlaNear, Topic::SlaPast, Topic::Escalated, Topic::Recovered];
    let told = || topics.map(|topic| office.shown(topic).len());
    let asked = question(&office);
    office.pass(18 * HOUR_MS - MINUTE_MS);
    assert_eq!(told(), [0, 0, 0, 0]);
    office.pass(2 * MINUTE_MS);
    assert_eq!(told(), [1, 0, 0, 0]);
    let near = &office.shown(Topic::SlaNear)[0].notice;
    assert_eq!(near.link, Some(format!("/review/ambiguous/{}", asked.id())));
    assert!(near.text.starts_with("acme:customer:8: netsuite has several records that could be it"));
    office.pass(6 * HOUR_MS);
    assert_eq!(told(), [1, 1, 0, 0]);
    office.pass(HOUR_MS);
    assert_eq!(told(), [1, 1, 1, 0]);
    office.pass(5 * HOUR_MS);
    assert_eq!(told(), [1, 1, 1, 0], "told, not nagged");
    let answered = answer(&office, &asked);
    office.pass(MINUTE_MS);
    assert_eq!(told(), [1, 1, 1, 1]);
    // The record changed, and it is asked anew: with its own time, and its own notices.
    let mut again = Ambiguity { revision: 2, status: AmbiguityStatus::Open, ..answered };
    again.opened_at = office.now();
    office.commit(|commit| commit.ambiguities.push(again));
    office.pass(HOUR_MS);
    assert_eq!(told(), [1, 1, 1, 1]);
    office.pass(24 * HOUR_MS + MINUTE_MS);
    assert_eq!(told(), [2, 2, 2, 1]);
}

#[test]
fn what_a_question_stops_goes_on_once_it_is_answered() {
    let office = office_with("on_breach = \"pause_writes\"\n");
    let asked = question(&office);
    office.pass(24 * HOUR_MS + MINUTE_MS);
    assert!(Side::BOTH.iter().all(|side| office.holds()[*side].is_held()));
    assert_eq!(office.shown(Topic::Held).len(), 1);
    answer(&office, &asked);
    office.pass(MINUTE_MS);
    assert!(Side::BOTH.iter().all(|side| !office.holds()[*side].is_held()));

    let office = office_with("on_breach = \"read_only_field\"\n");
    let asked = question(&office);
    office.pass(24 * HOUR_MS + MINUTE_MS);
    let held = || {
        let record = office.world.load(&asked.record);
        record.locks.iter().filter(|lock| lock.error == hold_lock(asked.id())).count()
    };
    assert_eq!(held(), 1, "all of the record");
    answer(&office, &asked);
    office.pass(MINUTE_MS);
    assert_eq!(held(), 0);
}

#[test]
fn questions_that_wait_in_vain_are_told_one_by_one_up_to_a_number_and_never_starve_others() {
    let office = office();
    let asked = question(&office);
    let more =
        (0..300).map(|n| Ambiguity { record: key("acme", "customer", &format!("q{n}")), ..asked.clone() });
    office.commit(|commit| commit.ambiguities.extend(more));
    office.conflict("7");
    office.pass(24 * HOUR_MS + MINUTE_MS);
    let past = office.shown(Topic::SlaPast);
    let of = |kind: &str| past.iter().filter(|shown| shown.notice.subject.starts_with(kind)).count();
    assert_eq!((of("ambiguous:"), of("questions:"), of("conflict:")), (250, 1, 1));
    let all = past.iter().find(|shown| shown.notice.subject == "questions:acme").unwrap();
    assert_eq!(all.notice.link.as_deref(), Some("/review/?account=acme&kind=ambiguous"));
}
