//! One account's hours around a transition: people, imports, workflows and our own writes, and the poller.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use local::netsuite::{DeletedType, Faults, NetSuite, Nulls, Scripts, Settings};
use poller::{App, Rules};
use serde_json::{Map, Value as Json, json};
use shared::blob::offload::Offload;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId};
use shared::netsuite::client::{Address, Client};
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Lost;
use shared::netsuite::wire::{Verb, What, Write};
use shared::pubsub::Topic;
use suiteql::{Gap, Mask, Overlap, Reckoning};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use uuid::Uuid;

use crate::memory_ports::{NOW, World, account, record_type};
use crate::taken_in::{TakenIn, differs};
use crate::zones::Transition;

/// How an account reckons time, and when its clock is changed.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) transition: Transition,
    pub(crate) reckoning: Reckoning,
    pub(crate) overlap: Overlap,
    pub(crate) gap: Gap,
    pub(crate) seed: u64,
}

/// What happened.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) changes: u64,
    pub(crate) deletions: u64,
    pub(crate) late: u64,
    pub(crate) ticks: u64,
    pub(crate) published: u64,
    pub(crate) user_events: u64,
    pub(crate) gaps: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Tally) {
        self.changes += other.changes;
        self.deletions += other.deletions;
        self.late += other.late;
        self.ticks += other.ticks;
        self.published += other.published;
        self.user_events += other.user_events;
        self.gaps += other.gaps;
    }
}

/// What becomes of User Events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UserEvents {
    Off,
    On,
    Doubled,
    /// They come after the poller has told.
    Late,
}

/// So many minutes before and after the transition changes are made.
const AROUND_M: i64 = 80;

/// A commit becomes visible so late, ms.
const LATE_MS: i64 = 90_000;

struct Account {
    world: World,
    netsuite: Arc<NetSuite>,
    client: Client,
    router: Router,
    dice: fastrand::Rng,
    user_events: UserEvents,
    waiting: Vec<Json>,
    taken: TakenIn,
    heard: usize,
    ids: Vec<(RecordType, String)>,
    gone: BTreeSet<(RecordType, String)>,
    tally: Tally,
    wrong: Vec<String>,
    gaps: Arc<AtomicU64>,
}

/// Plays a case with so many changes; answers what happened and what went wrong.
pub(crate) fn play(case: &Case, changes: usize) -> (Tally, Vec<String>) {
    let mut account = Account::new(case);
    let begin_ms = (case.transition.at - AROUND_M * 60) * 1_000 - NOW.0;
    account.world.clock.pass(begin_ms);
    account.tick();
    let end = case.transition.at + AROUND_M * 60;
    let mut left = changes;
    while left > 0 {
        let now = account.now_s();
        // What is left is spread over what is left of the time.
        let share = (left as i64 * 120 / (end - now).max(120)).max(1).unsigned_abs() as usize;
        for _ in 0..account.dice.usize(0..=2 * share).min(left) {
            left -= 1;
            account.change();
            // Often within one second.
            let pause = if account.dice.bool() { 0 } else { account.dice.i64(0..4_000) };
            account.world.clock.pass(pause);
        }
        account.world.clock.pass(account.dice.i64(30_000..260_000));
        // Now and then nobody polls for a while.
        if account.dice.u32(0..40) == 0 {
            account.world.clock.pass(account.dice.i64(300_000..3_000_000));
        }
        account.tick();
    }
    // Everything becomes visible, and the last repeated hour lies behind.
    for minutes in [1, 1, 1, 5, 10, 30, 30, 30, 30, 30] {
        account.world.clock.pass(minutes * 60_000);
        account.tick();
    }
    account.judge();
    (account.tally, account.wrong)
}

impl Account {
    fn new(case: &Case) -> Self {
        let world = World::new();
        let mut dice = fastrand::Rng::with_seed(case.seed);
        let (config, clock) = (world.ports.config.clone(), world.clock.clone());
        let netsuite = NetSuite::new(config, clock, case.seed, Scripts::Native);
        let user_events =
            [UserEvents::Off, UserEvents::On, UserEvents::Doubled, UserEvents::Late][dice.usize(0..4)];
        let formats = ["MM/DD/YYYY", "DD.MM.YYYY", "DD/MM/YYYY HH:MI:SS AM"];
        let settings = Settings {
            timezone: case.transition.zone,
            reckoning: case.reckoning,
            overlap: case.overlap,
            gap: case.gap,
            date_format: Mask::parse(formats[dice.usize(0..3)]).expect("a mask"),
            nulls: [Nulls::Omit, Nulls::Null][dice.usize(0..2)],
            deleted_type: [DeletedType::Label, DeletedType::ScriptId, DeletedType::Upper][dice.usize(0..3)],
            ..Settings::default()
        };
        let faults = Faults {
            user_event_off: user_events == UserEvents::Off,
            user_event_doubled: if user_events == UserEvents::Doubled { 1.0 } else { 0.0 },
            late_visible: 0.3,
            late_visible_ms: LATE_MS,
            settings,
            ..Faults::default()
        };
        netsuite.set_faults(&account("acme"), faults).expect("settings");
        let gaps = Arc::default();
        let client = client(netsuite.router(), Arc::clone(&gaps));
        let app = App {
            ports: world.ports.edge.clone(),
            state: world.state.clone(),
            client: client.clone(),
            // An accident is not what this is about.
            rules: Rules { deletions_max: 10_000, deletions_percent: 100, ..Rules::default() },
            offload: Offload { bucket: "bodies".into(), over_bytes: 100_000 },
        };
        Self {
            router: poller::router(app),
            world,
            netsuite,
            client,
            dice,
            user_events,
            waiting: Vec::new(),
            taken: TakenIn::default(),
            heard: 0,
            ids: Vec::new(),
            gone: BTreeSet::new(),
            tally: Tally::default(),
            wrong: Vec::new(),
            gaps,
        }
    }

    fn acme(&self) -> AccountId {
        account("acme")
    }

    fn now_s(&self) -> i64 {
        self.world.ports.clock.now().seconds()
    }

    /// Somebody changes something.
    fn change(&mut self) {
        self.tally.changes += 1;
        match self.dice.u32(0..100) {
            0..25 => self.create(true),
            25..35 => self.create(false),
            35..60 => self.edit(true),
            60..80 => self.edit(false),
            80..92 => self.write_and_workflow(),
            _ => self.delete(),
        }
    }

    fn values(&mut self, kind: &RecordType) -> Map<String, Json> {
        let text = format!("{:x}", self.dice.u32(..));
        let values = match kind.as_str() {
            "customer" => json!({ "companyname": text, "phone": self.dice.u32(0..3).to_string() }),
            _ => json!({ "itemid": text, "quantityavailable": self.dice.u32(0..5) }),
        };
        let Json::Object(values) = values else { unreachable!("written as an object") };
        values
    }

    /// By a person, or by CSV import, which User Events do not see.
    fn create(&mut self, is_seen: bool) {
        let kind = record_type(["customer", "item"][self.dice.usize(0..2)]);
        let values = self.values(&kind);
        let id = self.netsuite.ui_create(&self.acme(), &kind, &values, is_seen, "ann").expect("a record");
        self.ids.push((kind, id));
    }

    fn any(&mut self) -> Option<(RecordType, String)> {
        // Mostly one that was changed lately, so that the same second is met.
        let last = self.ids.len().checked_sub(1)?;
        let least = if self.dice.bool() { last.saturating_sub(3) } else { 0 };
        Some(self.ids[self.dice.usize(least..=last)].clone())
    }

    fn edit(&mut self, is_seen: bool) {
        let Some((kind, id)) = self.any() else { return self.create(is_seen) };
        let mut values = self.values(&kind);
        if self.dice.bool() {
            values.retain(|name, _| name == "phone" || name == "quantityavailable");
        }
        self.netsuite.ui_edit(&self.acme(), &kind, &id, &values, is_seen, "ann").expect("an edit");
    }

    /// We write, and a workflow changes another field of the record in the same second, after the answer.
    fn write_and_workflow(&mut self) {
        let Some((kind, id)) = self.any() else { return self.create(true) };
        let mut values = self.values(&kind);
        let config = &self.world.ports.config;
        let acme = &config.accounts[&self.acme()];
        let write = Write {
            operation: Uuid::from_u128(self.dice.u128(..)),
            verb: Verb::Update,
            record_type: acme.types[&kind].netsuite.clone(),
            id: Some(id.clone()),
            external_id: None,
            unless: None,
            expected: Map::new(),
            values: values.clone(),
            fields: Vec::new(),
        };
        let outcomes = self.client.apply(acme, vec![write]).now_or_never().expect("no waiting");
        assert_eq!(outcomes.expect("an answer")[0].outcome, What::Applied);
        values.retain(|name, _| name == "phone" || name == "quantityavailable");
        values.values_mut().for_each(|value| *value = if value.is_string() { json!("9") } else { json!(9) });
        self.netsuite.ui_edit(&self.acme(), &kind, &id, &values, false, "workflow").expect("an edit");
    }

    fn delete(&mut self) {
        let Some((kind, id)) = self.any() else { return self.create(true) };
        let is_seen = self.dice.bool();
        self.netsuite.ui_delete(&self.acme(), &kind, &id, is_seen, "ann").expect("a deletion");
        self.ids.retain(|(of, other)| (of, other) != (&kind, &id));
        self.gone.insert((kind, id));
        self.tally.deletions += 1;
    }

    /// User Events come, the poller polls, what it publishes is taken in; answers how much that was.
    fn tick(&mut self) -> usize {
        let fresh = self.netsuite.take_user_events(&self.acme());
        self.tally.user_events += fresh.len() as u64;
        let (now, later) = match self.user_events {
            UserEvents::Late => (std::mem::take(&mut self.waiting), fresh),
            UserEvents::Off | UserEvents::On | UserEvents::Doubled => (fresh, Vec::new()),
        };
        self.waiting = later;
        now.iter().for_each(|event| self.take(event));
        self.tally.ticks += 1;
        let request = Request::post("/tick?account=acme").body(Body::empty()).unwrap();
        let mut asked = pin!(self.router.clone().oneshot(request));
        let at_once = asked.as_mut().now_or_never();
        self.world.run_background();
        let response = at_once.or_else(|| asked.now_or_never()).expect("its work is done").unwrap();
        if !response.status().is_success() {
            self.wrong.push(format!("a tick was answered {}", response.status()));
        }
        let events = self.world.bus.json_from(Topic::Raw, self.heard);
        self.heard += events.len();
        self.tally.published += events.len() as u64;
        events.iter().for_each(|event| self.take(event));
        events.len()
    }

    fn take(&mut self, event: &Json) {
        let wrong = self.taken.take(&self.world, &self.client, event);
        self.wrong.extend(wrong);
    }

    /// What is known is what is there; and when nothing changes, nothing is told.
    fn judge(&mut self) {
        let acme = self.acme();
        for kind in ["customer", "item"].map(record_type) {
            for held in self.netsuite.all(&acme, &kind) {
                let (key, id) = of(&acme, &kind, &held.id);
                self.wrong.extend(differs(
                    &self.world,
                    &key,
                    &id,
                    Some((held.last_modified_secs, &held.values)),
                ));
            }
        }
        for (kind, id) in &self.gone {
            let (key, id) = of(&acme, kind, id);
            self.wrong.extend(differs(&self.world, &key, &id, None));
        }
        for _ in 0..3 {
            self.world.clock.pass(60_000);
            let told = self.tick();
            if told > 0 {
                self.wrong.push(format!("{told} events though nothing has changed"));
            }
        }
        let injected = self.netsuite.injected(&acme);
        self.tally.late += injected.get("late_visible").copied().unwrap_or(0);
        self.tally.gaps += self.gaps.load(Ordering::Relaxed);
    }
}

fn of(acme: &AccountId, kind: &RecordType, id: &str) -> (RecordKey, SideId) {
    let id = SideId::parse(id).expect("an id");
    (RecordKey::new(acme.clone(), kind.clone(), CanonicalId::born(Side::NetSuite, &id)), id)
}

/// A client; and counts the queries that are refused for a time that never was.
pub(crate) fn client(router: Router, gaps: Arc<AtomicU64>) -> Client {
    let transport = tower::service_fn(move |request: Request<Bytes>| {
        let (router, gaps) = (router.clone(), Arc::clone(&gaps));
        async move {
            let response =
                router.oneshot(request.map(Body::from)).await.unwrap_or_else(|never| match never {});
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|e| Lost::NoAnswer(e.to_string()))?.to_bytes();
            if parts.status == 400 && String::from_utf8_lossy(&body).contains("ORA-01878") {
                gaps.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Response::from_parts(parts, body))
        }
    });
    let address = "http://netsuite.local/netsuite/{account}".to_string();
    let address =
        Address { suitetalk_url: address.clone(), base_url: address, script: "s".into(), deploy: "d".into() };
    Client::new(BoxCloneSyncService::new(transport), address, Signer::unsigned())
}
