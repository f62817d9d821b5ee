//! The poller over the simulator, by the minute: no dice, every account polled, what it publishes taken in.

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use futures::FutureExt;
use http::Request;
use local::netsuite::{Faults, NetSuite, Scripts, Settings};
use poller::{App, Rules};
use serde_json::{Value as Json, json};
use shared::blob::offload::Offload;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, Side, SideId};
use shared::domain::record::Presence;
use shared::netsuite::client::Client;
use shared::pubsub::Topic;
use shared::state::brake::BrakeWord;
use shared::state::notices::Topic as About;
use shared::state::{Commit, ErrorEntry, ErrorStatus, State};
use tower::ServiceExt;

use crate::account::client;
use crate::memory_ports::{World, account, record_type};
use crate::taken_in::{TakenIn, differs, known};

pub(crate) struct Plain {
    world: World,
    netsuite: Arc<NetSuite>,
    client: Client,
    router: Router,
    taken: TakenIn,
    heard: usize,
}

impl Plain {
    /// Two accounts whose User Events do not fire.
    pub(crate) fn new(rules: Rules) -> Self {
        let world = World::new();
        let (config, clock) = (world.ports.config.clone(), world.clock.clone());
        let netsuite = NetSuite::new(config, clock, 7, Scripts::Native);
        let client = client(netsuite.router(), Arc::default());
        let app = App {
            ports: world.ports.edge.clone(),
            state: world.state.clone(),
            client: client.clone(),
            rules,
            offload: Offload { bucket: "bodies".into(), over_bytes: 100_000 },
        };
        let router = poller::router(app);
        let plain = Self { world, netsuite, client, router, taken: TakenIn::default(), heard: 0 };
        for name in ["acme", "globex"] {
            plain.settings(name, |_| {});
        }
        plain
    }

    /// Changes how an account is set up.
    pub(crate) fn settings(&self, name: &str, change: impl FnOnce(&mut Settings)) {
        let mut faults = Faults { user_event_off: true, ..self.netsuite.faults(&account(name)) };
        change(&mut faults.settings);
        self.netsuite.set_faults(&account(name), faults).expect("settings");
    }

    pub(crate) fn customer(&self, name: &str) -> String {
        let Json::Object(values) = json!({"companyname": "Ada", "phone": "1"}) else {
            unreachable!("an object")
        };
        let kind = record_type("customer");
        self.netsuite.ui_create(&account(name), &kind, &values, false, "ann").expect("a customer")
    }

    pub(crate) fn phone(&self, name: &str, id: &str, phone: &str) {
        let Json::Object(values) = json!({ "phone": phone }) else { unreachable!("an object") };
        let kind = record_type("customer");
        self.netsuite.ui_edit(&account(name), &kind, id, &values, false, "ann").expect("an edit");
    }

    pub(crate) fn delete(&self, name: &str, id: &str) {
        self.netsuite
            .ui_delete(&account(name), &record_type("customer"), id, false, "ann")
            .expect("a deletion");
    }

    /// So many minutes pass, with a tick in each; answers the statuses.
    pub(crate) fn minutes(&mut self, count: usize) -> Vec<u16> {
        (0..count).map(|_| self.minute()).collect()
    }

    fn minute(&mut self) -> u16 {
        self.world.clock.pass(60_000);
        let mut asked =
            pin!(self.router.clone().oneshot(Request::post("/tick").body(Body::empty()).unwrap()));
        let at_once = asked.as_mut().now_or_never();
        self.world.run_background();
        let answer = at_once.or_else(|| asked.now_or_never()).expect("its work is done").unwrap();
        let events = self.world.bus.json_from(Topic::Raw, self.heard);
        self.heard += events.len();
        for event in &events {
            // A scan by time and a reading of the whole may tell the same in one tick: as one event, by its id.
            let times = events.iter().filter(|other| other["eventId"] == event["eventId"]).count();
            let wrong = self.taken.take(&self.world, &self.client, event);
            assert!(wrong.is_none() || times > 1, "{wrong:?}");
        }
        answer.status().as_u16()
    }

    /// What is wrong with what is known of a customer that NetSuite has.
    pub(crate) fn wrong(&self, name: &str, id: &str) -> Option<String> {
        let held = self.netsuite.snapshot(&account(name), &record_type("customer"), id).expect("it is there");
        let (key, id) = key_of(&account(name), id);
        differs(&self.world, &key, &id, Some((held.last_modified_secs, &held.values)))
    }

    /// How many of these are known to be there.
    pub(crate) fn there(&self, name: &str, ids: &[String]) -> usize {
        let is_there = |id: &&String| {
            let record = known(&self.world, &key_of(&account(name), id).0).expect("it is known");
            record.sides[Side::NetSuite].presence == Presence::There
        };
        ids.iter().filter(is_there).count()
    }

    /// The open errors of an account, by code.
    pub(crate) fn errors(&self, name: &str) -> Vec<ErrorEntry> {
        let account = account(name);
        self.world.state.errors(Some(&account), true, None, 100).now_or_never().unwrap().unwrap().items
    }

    pub(crate) fn codes(&self, name: &str) -> Vec<String> {
        self.errors(name).into_iter().map(|error| error.code).collect()
    }

    /// How many notices of a topic an account has.
    pub(crate) fn notices(&self, name: &str, topic: About) -> usize {
        self.world.state.all_notices(&account(name)).iter().filter(|notice| notice.topic == topic).count()
    }

    /// A person decides about an account's one brake, as review notes it.
    pub(crate) fn decide(&self, name: &str, word: BrakeWord) {
        let [error] = &self.errors(name)[..] else { panic!("{:?}", self.errors(name)) };
        let error = ErrorEntry { status: ErrorStatus::Retried, brake: Some(word), ..error.clone() };
        self.world.commit(Commit { errors: vec![error], ..Commit::new(account(name)) });
    }
}

fn key_of(account: &AccountId, id: &str) -> (RecordKey, SideId) {
    let id = SideId::parse(id).expect("an id");
    (RecordKey::new(account.clone(), record_type("customer"), CanonicalId::born(Side::NetSuite, &id)), id)
}
