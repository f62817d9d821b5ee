//! The poller over a NetSuite that answers just the questions which the poller asks.

#[path = "../../../memory_ports.rs"]
mod memory_ports;

mod brake;
mod changes;
mod deletions;
mod emptied;
mod netsuite;
mod overlap;
mod refusals;
mod sweep;
mod time;
mod untimed;
mod whole;

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use memory_ports::{Answer, World, account, key, side_id};
use netsuite::{NetSuite, Row};
use poller::{App, Rules, router};
use serde_json::{Value as Json, json};
use shared::blob::offload::Offload;
use shared::domain::id::{Revision, Side};
use shared::domain::record::{Presence, Record};
use shared::netsuite::client::{Address, Client};
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Lost;
use shared::pubsub::Topic;
use shared::state::brake::BrakeWord;
use shared::state::notices::Topic as About;
use shared::state::{Commit, ErrorEntry, ErrorStatus, LinkChange, State};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// 2026-01-01 09:00:00, in seconds of the epoch.
const NINE: i64 = 1_767_258_000;

struct Poll {
    world: World,
    netsuite: Arc<NetSuite>,
    app: App,
    router: Router,
}

fn poll() -> Poll {
    let (world, netsuite) = (World::new(), Arc::new(NetSuite::default()));
    let asked = Arc::clone(&netsuite);
    let transport = tower::service_fn(move |request: Request<Bytes>| {
        let body: Json = serde_json::from_slice(request.body()).unwrap();
        // The other account has nothing.
        let (status, body) = match request.uri().host() {
            Some("acme") => asked.answer(&request.uri().to_string(), &body),
            _ => {
                let empty = NetSuite::default();
                *empty.now.lock().unwrap() = "2026-01-01 00:00:00".into();
                empty.answer("", &body)
            }
        };
        let response = Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap();
        std::future::ready(Ok::<_, Lost>(response))
    });
    let address = Address {
        base_url: "https://{account}".into(),
        suitetalk_url: "https://{account}".into(),
        script: "s".into(),
        deploy: "d".into(),
    };
    let app = App {
        ports: world.ports.edge.clone(),
        state: world.state.clone(),
        client: Client::new(BoxCloneSyncService::new(transport), address, Signer::unsigned()),
        rules: Rules { deletions_max: 3, ..Rules::default() },
        offload: Offload { bucket: "bodies".into(), over_bytes: 100_000 },
    };
    let poll = Poll { router: router(app.clone()), app, world, netsuite };
    poll.clock("2026-01-01 10:00:00");
    poll
}

impl Poll {
    /// Sets NetSuite's wall clock.
    fn clock(&self, now: &str) {
        *self.netsuite.now.lock().unwrap() = now.into();
    }

    /// A minute passes, on our clock and on NetSuite's.
    fn minute(&self, now: &str) -> Answer {
        self.world.clock.pass(60_000);
        self.clock(now);
        self.tick()
    }

    /// Time passes until NetSuite's clock shows this, on both clocks.
    fn later(&self, now: &str) -> Answer {
        let time = |text: &str| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
        let before = self.netsuite.now.lock().unwrap().clone();
        self.world.clock.pass((time(now) - time(&before)).num_milliseconds());
        self.clock(now);
        self.tick()
    }

    /// The scheduler's tick: its work runs beside the request.
    fn tick(&self) -> Answer {
        self.ask("/tick")
    }

    fn ask(&self, path: &str) -> Answer {
        let mut asked = pin!(self.router.clone().oneshot(Request::post(path).body(Body::empty()).unwrap()));
        let at_once = asked.as_mut().now_or_never();
        self.world.run_background();
        let response = at_once.or_else(|| asked.now_or_never()).expect("its work is done").unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    fn rules(&mut self, rules: Rules) {
        self.app.rules = rules;
        self.router = router(self.app.clone());
    }

    /// A customer is saved.
    fn save(&self, id: u64, at: &str, email: &str) {
        self.put("customer", id, at, email);
    }

    fn put(&self, kind: &'static str, id: u64, at: &str, email: &str) {
        let row = Row {
            at: at.into(),
            email: email.into(),
            is_deleted: false,
            is_hidden: false,
            is_unlisted: false,
            is_refused: false,
            is_forgotten: false,
            is_deadly: false,
            is_untimed: false,
            phone: None,
        };
        self.netsuite.rows.lock().unwrap().insert((kind, id), row);
    }

    /// Something about a customer changes.
    fn change(&self, id: u64, change: impl FnOnce(&mut Row)) {
        change(self.netsuite.rows.lock().unwrap().get_mut(&("customer", id)).unwrap());
    }

    /// A customer is deleted, and no list of deletions will ever tell.
    fn lose(&self, id: u64) {
        self.netsuite.rows.lock().unwrap().remove(&("customer", id)).expect("a customer");
    }

    fn delete(&self, id: u64, at: &str) {
        self.change(id, |row| (row.at, row.is_deleted) = (at.into(), true));
    }

    /// The customer `id` is known, as it was at this second of the epoch.
    fn known(&self, id: u64, revision: i64, email: &str) {
        self.stored("customer", id, revision, email, Presence::There);
    }

    /// A record is stored in this state.
    fn stored(&self, kind: &str, id: u64, revision: i64, email: &str, presence: Presence) {
        let key = key("acme", kind, &id.to_string());
        let surface = self.world.surface(&key);
        let stored = self.app.state.load(std::slice::from_ref(&key)).now_or_never().unwrap().unwrap();
        let mut record = stored[0].as_deref().cloned().unwrap_or_else(|| Record::new(key, &surface));
        record.alive = presence == Presence::There;
        let side = &mut record.sides[Side::NetSuite];
        (side.id, side.presence, side.seen) =
            (Some(side_id(&id.to_string())), presence, Some(Revision(revision)));
        if let Some(field) = surface.field_on(Side::NetSuite, "email") {
            side.shadow[field] = surface.fields[field].kind.parse(Side::NetSuite, &json!(email)).unwrap();
        }
        self.world.store(&record, vec![LinkChange::Set(Side::NetSuite, side_id(&id.to_string()))]);
    }

    /// What was published, from an event on: operation, id and email.
    fn published(&self, from: usize) -> Vec<(String, String, Json)> {
        let events = self.world.bus.json(Topic::Raw).into_iter().skip(from);
        let text = |json: &Json| json.as_str().unwrap_or_default().to_string();
        events
            .map(|e| (text(&e["operation"]), text(&e["recordId"]), e["payload"]["changes"]["email"].clone()))
            .collect()
    }

    /// Errors on file, or those that are open.
    fn errors(&self, open_only: bool) -> Vec<ErrorEntry> {
        let account = account("acme");
        let errors = self.world.state.errors(Some(&account), open_only, None, 5_000);
        errors.now_or_never().unwrap().unwrap().items
    }

    /// A person decides about the one brake that holds, as review notes it.
    fn decide(&self, word: BrakeWord) {
        let [error] = &self.errors(true)[..] else { panic!("{:?}", self.errors(true)) };
        assert_eq!(error.class, "brake");
        let note = Some(format!("{} by ada: because", word.as_str()));
        let error = ErrorEntry { status: ErrorStatus::Retried, brake: Some(word), note, ..error.clone() };
        self.world.commit(Commit { errors: vec![error], ..Commit::new(account("acme")) });
    }

    /// What people were told, by topic: the texts, the oldest first.
    fn notices(&self, topic: About) -> Vec<String> {
        let mut all = self.world.state.all_notices(&account("acme"));
        all.sort_by_key(|notice| notice.at);
        all.into_iter().filter(|notice| notice.topic == topic).map(|notice| notice.text).collect()
    }

    /// What was done, the oldest first.
    fn audit(&self) -> Vec<shared::state::AuditRow> {
        self.world.state.audit(&account("acme"))
    }

    fn told(answer: &Answer) -> u64 {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        answer.body["published"].as_u64().unwrap()
    }
}

fn update(id: &str, email: &str) -> (String, String, Json) {
    ("update".into(), id.into(), json!(email))
}

fn deletion(id: &str) -> (String, String, Json) {
    ("delete".into(), id.into(), Json::Null)
}
