//! An office whose people hear what notify tells them: the function, two instances of it, and what they were sent.

#![allow(dead_code, reason = "no test file uses all of it")]

#[path = "../../../memory_ports.rs"]
pub(crate) mod memory_ports;

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
use shared::domain::id::{PerSide, RecordKey, Side, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::SyncConfig;
use shared::messenger::{Message, Messenger, NotTaken};
use shared::state::controls::{Controls, Hold, Holder, Holds};
use shared::state::deliveries::{Channel, Recipient};
use shared::state::notices::{Notices, Shown, Topic};
use shared::state::{AuditRow, Commit, ErrorEntry, ErrorStatus, PendingRow, Place, State, Subject};
use uuid::Uuid;

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// Takes messages, or does not.
#[derive(Default)]
pub(crate) struct People {
    pub(crate) heard: Mutex<Vec<(Recipient, Message)>>,
    pub(crate) mail_is_away: AtomicBool,
    pub(crate) tried: AtomicUsize,
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

    fn reaches(&self, to: &Recipient) -> bool {
        !to.name.ends_with(".invalid")
    }
}

pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) people: Arc<People>,
    pub(crate) router: Router,
    /// A second instance of the same function.
    pub(crate) other: Router,
}

pub(crate) const NOTIFY: &str = r#"
[notify]
owner = { email = ["owner@example.com"], slack = ["ops"] }
authorities = [{ email = ["head@example.com"], after_hours = 1 }]
inbox_minutes = 0
"#;

pub(crate) fn office_with(more: &str) -> Office {
    let text = format!("{}\n{NOTIFY}{more}", include_str!("../../../../config/sync.toml"));
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

pub(crate) fn office() -> Office {
    office_with("")
}

impl Office {
    pub(crate) fn tick(&self) {
        let answer = post(&self.router, "/tick", "");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Ticks each minute for so long.
    pub(crate) fn pass(&self, millis: i64) {
        for _ in 0..millis / MINUTE_MS {
            self.world.clock.pass(MINUTE_MS);
            self.tick();
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.ports.clock.now()
    }

    /// Messages by topic's headline and channel: how many, of how many notices.
    pub(crate) fn heard(&self) -> BTreeMap<(String, &'static str), usize> {
        let mut heard = BTreeMap::new();
        for (to, message) in self.people.heard.lock().unwrap().iter() {
            let headline = message.subject.rsplit_once(": ").unwrap().1.to_string();
            *heard.entry((headline, to.channel.as_str())).or_default() += 1;
        }
        heard
    }

    pub(crate) fn shown(&self, topic: Topic) -> Vec<Shown> {
        let acme = account("acme");
        let page = self.world.state.notices(&acme, false, None, 10_000);
        let mut shown = page.now_or_never().unwrap().unwrap().items;
        shown.retain(|shown| shown.notice.topic == topic);
        shown
    }

    /// That this trigger was told once: in the pages, by mail and in the chat.
    #[track_caller]
    pub(crate) fn told_once(&self, topic: Topic, headline: &str) {
        assert_eq!(self.shown(topic).len(), 1, "{topic:?} in the pages");
        let expected = ["email", "slack"].map(|channel| ((headline.to_string(), channel), 1));
        assert_eq!(self.heard(), BTreeMap::from(expected), "{topic:?}");
        self.people.heard.lock().unwrap().clear();
    }

    pub(crate) fn commit(&self, change: impl FnOnce(&mut Commit)) {
        let mut commit = Commit::new(account("acme"));
        change(&mut commit);
        self.world.commit(commit);
    }

    pub(crate) fn error(&self, n: u128, status: ErrorStatus) -> ErrorEntry {
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
    pub(crate) fn conflict(&self, id: &str) -> RecordKey {
        let customer = key("acme", "customer", id);
        let mut record = self.world.synced(&customer, json!({"comments": "old"}));
        self.disagree(&mut record);
        customer
    }

    pub(crate) fn disagree(&self, record: &mut Record) {
        self.world.tell(record, Side::NetSuite, 101, false, &json!({"comments": "from netsuite"}));
        self.world.tell(record, Side::SuiteX, 101, false, &json!({"comments": "from suitex"}));
        let conflict = record.conflict.as_mut().expect("a conflict");
        let agreed = conflict.due_at.0 - conflict.opened_at.0;
        conflict.opened_at = self.now();
        conflict.due_at = self.now().plus(agreed);
        self.world.store(record, Vec::new());
    }

    /// The sides agree again.
    pub(crate) fn agree(&self, customer: &RecordKey) {
        let mut record = self.world.load(customer);
        self.world.tell(&mut record, Side::NetSuite, 102, false, &json!({"comments": "from suitex"}));
        assert!(record.conflict.is_none());
        self.world.store(&record, Vec::new());
    }

    pub(crate) fn refuse_sign_in(&self, times: u128) {
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

    pub(crate) fn holds(&self) -> PerSide<Holds> {
        self.world.state.holds(&account("acme")).now_or_never().unwrap().unwrap()
    }

    /// A person holds the writes to NetSuite, or lets them go.
    pub(crate) fn hold(&self, is_held: bool) -> bool {
        let now = self.now();
        let hold = Hold { since: now, actor: "ada".into(), reason: "month's end".into() };
        let row = AuditRow {
            at: now,
            actor: "ada".into(),
            action: "suspended".into(),
            subject: "account:netsuite".into(),
            details: json!({}),
        };
        let (acme, hold, held) = (account("acme"), is_held.then_some(hold), self.holds().netsuite);
        let (of, from) = ((Side::NetSuite, Holder::People), held.of(Holder::People));
        let set = self.world.state.set_hold(&acme, of, from, hold, row);
        set.now_or_never().unwrap().unwrap()
    }

    pub(crate) fn pending(&self, count: u128) {
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
