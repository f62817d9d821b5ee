//! What people hear: each trigger once by each channel, a flood as a digest, nothing lost while mail is away, the ladder
//! when nobody comes, and that it is over.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use futures::FutureExt;
use memory_ports::{World, account, key, post};
use notify::{App, Links, router};
use serde_json::json;
use shared::domain::governance::{Call, CallEnd, Purpose};
use shared::domain::id::{RecordKey, Side, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::SyncConfig;
use shared::messenger::{Message, Messenger, NotTaken};
use shared::state::controls::Controls;
use shared::state::deliveries::{Channel, Deliveries, Recipient};
use shared::state::desk::Desk;
use shared::state::memory::MemoryState;
use shared::state::notices::{Notices, Shown, Topic};
use shared::state::{Commit, ErrorEntry, ErrorStatus, Notice, PendingRow, Place, State, Subject};
use uuid::Uuid;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Takes messages, or does not.
#[derive(Default)]
struct People {
    heard: Mutex<Vec<(Recipient, Message)>>,
    mail_is_away: AtomicBool,
    tried: AtomicUsize,
}

#[async_trait]
impl Messenger for People {
    async fn send(&self, to: &Recipient, message: &Message) -> Result<(), NotTaken> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        if to.channel == Channel::Email && self.mail_is_away.load(Ordering::Relaxed) {
            return Err(NotTaken::Away("connection refused".into()));
        }
        self.heard.lock().unwrap().push((to.clone(), message.clone()));
        Ok(())
    }
}

struct Office {
    world: World,
    people: Arc<People>,
    router: Router,
    /// A second instance of the same function.
    other: Router,
}

const NOTIFY: &str = r#"
[notify]
owner = { email = ["owner@example.com"], slack = ["ops"] }
authorities = [{ email = ["head@example.com"], after_hours = 1 }]
inbox_minutes = 0
"#;

fn office_with(more: &str) -> Office {
    let text = format!("{}\n{NOTIFY}{more}", include_str!("../../../config/sync.toml"));
    let mut world = World::new();
    world.ports.edge.config = Arc::new(SyncConfig::parse(&text).unwrap());
    let people = Arc::<People>::default();
    let instance = || {
        router(App {
            state: world.ports.state.clone(),
            ports: world.ports.edge.clone(),
            messenger: people.clone(),
            links: Links { pages: "https://sync.example.com".into(), runbooks: None },
        })
    };
    let (router, other) = (instance(), instance());
    Office { world, people, router, other }
}

fn office() -> Office {
    office_with("")
}

impl Office {
    fn tick(&self) {
        let answer = post(&self.router, "/tick", "");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Ticks each minute for so long.
    fn pass(&self, millis: i64) {
        for _ in 0..millis / MINUTE_MS {
            self.world.clock.pass(MINUTE_MS);
            self.tick();
        }
    }

    fn now(&self) -> Timestamp {
        self.world.ports.clock.now()
    }

    /// Messages by topic's headline and channel: how many, of how many notices.
    fn heard(&self) -> BTreeMap<(String, &'static str), usize> {
        let mut heard = BTreeMap::new();
        for (to, message) in self.people.heard.lock().unwrap().iter() {
            let headline = message.subject.rsplit_once(": ").unwrap().1.to_string();
            *heard.entry((headline, to.channel.as_str())).or_default() += 1;
        }
        heard
    }

    fn shown(&self, topic: Topic) -> Vec<Shown> {
        let acme = account("acme");
        let page = self.world.state.notices(&acme, false, None, 10_000);
        let mut shown = page.now_or_never().unwrap().unwrap().items;
        shown.retain(|shown| shown.notice.topic == topic);
        shown
    }

    /// That this trigger was told once: in the pages, by mail and in the chat.
    #[track_caller]
    fn told_once(&self, topic: Topic, headline: &str) {
        assert_eq!(self.shown(topic).len(), 1, "{topic:?} in the pages");
        let expected = ["email", "slack"].map(|channel| ((headline.to_string(), channel), 1));
        assert_eq!(self.heard(), BTreeMap::from(expected), "{topic:?}");
        self.people.heard.lock().unwrap().clear();
    }

    fn commit(&self, change: impl FnOnce(&mut Commit)) {
        let mut commit = Commit::new(account("acme"));
        change(&mut commit);
        self.world.commit(commit);
    }

    fn error(&self, n: u128, status: ErrorStatus) -> ErrorEntry {
        let now = self.now();
        let mut error = ErrorEntry::open(
            &account("acme"),
            Uuid::from_u128(n),
            "validation",
            "USER_ERROR",
            "no",
            "mend",
            now,
        );
        error.status = status;
        error
    }

    /// A record on whose comments both sides disagree.
    fn conflict(&self, id: &str) -> RecordKey {
        let customer = key("acme", "customer", id);
        let mut record = self.world.synced(&customer, json!({"comments": "old"}));
        self.disagree(&mut record);
        customer
    }

    fn disagree(&self, record: &mut Record) {
        self.world.tell(record, Side::NetSuite, 101, false, &json!({"comments": "from netsuite"}));
        self.world.tell(record, Side::SuiteX, 101, false, &json!({"comments": "from suitex"}));
        let conflict = record.conflict.as_mut().expect("a conflict");
        let agreed = conflict.due_at.0 - conflict.opened_at.0;
        conflict.opened_at = self.now();
        conflict.due_at = self.now().plus(agreed);
        self.world.store(record, Vec::new());
    }

    /// The sides agree again.
    fn agree(&self, customer: &RecordKey) {
        let mut record = self.world.load(customer);
        self.world.tell(&mut record, Side::NetSuite, 102, false, &json!({"comments": "from suitex"}));
        assert!(record.conflict.is_none());
        self.world.store(&record, Vec::new());
    }

    fn refuse_sign_in(&self, times: u128) {
        let limits = self.world.ports.config.accounts[&account("acme")].limits;
        for n in 0..times {
            self.world.clock.pass(20 * MINUTE_MS);
            let now = self.now();
            let call = Call {
                id: Uuid::from_u128(900 + n),
                purpose: Purpose::Look,
                now,
                until: now.plus(1),
                writes: 0,
            };
            let state = &self.world.state;
            let _ = state.begin_call(&account("acme"), &call, &limits).now_or_never().unwrap().unwrap();
            let acme = account("acme");
            let ended = state.end_call(&acme, call.id, CallEnd::Auth, now, &limits);
            ended.now_or_never().unwrap().unwrap();
        }
    }

    fn pending(&self, count: u128) {
        let row = |n: u128| PendingRow {
            account: account("acme"),
            record_type: memory_ports::record_type("customer"),
            subject: Subject::Side(Side::SuiteX, memory_ports::side_id(&format!("s{n}"))),
            event_id: Uuid::from_u128(n),
            arrived_at: self.now(),
            place: Place::Pending { due_at: self.now() },
        };
        self.world.state.enqueue((0..count).map(row).collect()).now_or_never().unwrap().unwrap();
    }
}

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
        shared::state::AuditRow {
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
    let holds = || office.world.state.holds(&account("acme")).now_or_never().unwrap().unwrap();
    office.pass(23 * HOUR_MS);
    assert!(holds().netsuite.is_none());
    office.pass(HOUR_MS + MINUTE_MS);
    let held = holds();
    for side in Side::BOTH {
        let hold = held[side].as_ref().expect("both sides are held");
        assert_eq!(hold.actor, notify::ACTOR);
        assert!(hold.reason.contains("customer"), "{}", hold.reason);
    }
    assert_eq!(office.shown(Topic::Held).len(), 1);
    office.agree(&customer);
    office.pass(MINUTE_MS);
    assert_eq!((holds().netsuite, holds().suitex), (None, None));
    let audit = office.world.state.audit(&account("acme"));
    let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["hold", "hold", "release", "release"]);
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
    assert!(office.world.load(&customer).is_field_locked(field.unwrap()), "until it was seen to be over");
    office.pass(MINUTE_MS);
    assert!(office.world.load(&customer).locks.is_empty());
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
