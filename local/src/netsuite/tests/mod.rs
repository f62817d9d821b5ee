//! The simulator from outside: over its router, as our clients meet it, and by its plain methods.

mod behaviours;
mod causes;
mod conformance;
mod delivery;
mod dying;
mod events;
mod formats;
mod lines;
mod pages;
mod rest;
mod scripts;
mod sign_in;
mod suiteql;
mod writes;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures::FutureExt;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Map, Value as Json, json};
use shared::domain::id::{AccountId, RecordType, Timestamp};
use shared::domain::surface::SyncConfig;
use shared::netsuite::wire::{Answer, Outcome};
use shared::runtime::clock::{BoxFuture, Clock};
use tower::ServiceExt;
use uuid::Uuid;

use super::{Faults, NetSuite, Scripts, Snapshot};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const RESTLET: &str = "/netsuite/acme/app/site/hosting/restlet.nl?script=customscript_sx_rl_write&deploy=customdeploy_sx_rl_write";

/// A clock that stands still until it is told.
struct Standing(Mutex<i64>);

impl Standing {
    fn pass(&self, millis: i64) {
        *self.0.lock().unwrap() += millis;
    }
}

/// The same clock, as the simulator holds it.
struct Shown(Arc<Standing>);

impl Clock for Shown {
    fn now(&self) -> Timestamp {
        Timestamp(*self.0.0.lock().unwrap())
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<()> {
        let clock = Shown(Arc::clone(&self.0));
        let poll = move || if clock.now() >= until { Poll::Ready(()) } else { Poll::Pending };
        Box::pin(std::future::poll_fn(move |_| poll()))
    }
}

/// Waits for what another thread does.
fn waited<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// A call under way.
type Underway = Pin<Box<dyn Future<Output = Response>>>;

struct World {
    netsuite: Arc<NetSuite>,
    clock: Arc<Standing>,
    router: Router,
    runs_scripts: bool,
}

fn acme() -> AccountId {
    AccountId::parse("acme").unwrap()
}

fn kind(name: &str) -> RecordType {
    RecordType::parse(name).unwrap()
}

fn map(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

/// An idempotency key.
fn key(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

impl World {
    fn new() -> Self {
        Self::seeded(1)
    }

    fn seeded(seed: u64) -> Self {
        Self::of(seed, Scripts::Native)
    }

    fn of(seed: u64, scripts: Scripts) -> Self {
        let config = SyncConfig::parse(include_str!("../../../../config/sync.toml")).unwrap();
        let clock = Arc::new(Standing(Mutex::new(START)));
        let runs_scripts = matches!(scripts, Scripts::Deployed(_));
        let netsuite = NetSuite::new(Arc::new(config), Arc::new(Shown(Arc::clone(&clock))), seed, scripts);
        let router = netsuite.router();
        Self { netsuite, clock, router, runs_scripts }
    }

    fn faults(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults = self.netsuite.faults(&acme());
        change(&mut faults);
        self.netsuite.set_faults(&acme(), faults).unwrap();
    }

    fn customer(&self, values: Json) -> String {
        self.netsuite.ui_create(&acme(), &kind("customer"), &map(values), true, "ann").unwrap()
    }

    fn edit(&self, record_type: &str, id: &str, values: Json) {
        self.netsuite.ui_edit(&acme(), &kind(record_type), id, &map(values), true, "ann").unwrap();
    }

    fn customer_now(&self, id: &str) -> Snapshot {
        self.netsuite.snapshot(&acme(), &kind("customer"), id).unwrap()
    }

    fn begin(&self, method: &str, path: &str, body: String) -> Underway {
        let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
        Box::pin(self.router.clone().oneshot(request).map(Result::unwrap))
    }

    fn begin_restlet(&self, call: &Json) -> Underway {
        self.begin("POST", RESTLET, call.to_string())
    }

    /// Sends a request that is answered without waiting for the clock.
    fn send(&self, method: &str, path: &str, body: String) -> (StatusCode, HeaderMap, String) {
        let begun = self.begin(method, path, body);
        let response = match self.runs_scripts {
            // A script has a thread of its own.
            true => waited(begun),
            false => begun.now_or_never().expect("answered at once"),
        };
        let (parts, body) = response.into_parts();
        let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn restlet(&self, call: &Json) -> (StatusCode, String) {
        let (status, _, body) = self.send("POST", RESTLET, call.to_string());
        (status, body)
    }

    fn answer(&self, call: &Json) -> Answer {
        let (status, body) = self.restlet(call);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    fn apply(&self, writes: Json) -> Vec<Outcome> {
        self.answer(&json!({"action": "apply", "writes": writes})).results
    }

    fn apply_one(&self, write: Json) -> Outcome {
        self.apply(json!([write])).remove(0)
    }

    fn read_one(&self, read: Json) -> Outcome {
        self.answer(&json!({"action": "read", "reads": [read]})).results.remove(0)
    }
}

fn create(n: u128, external_id: &str, values: Json) -> Json {
    json!({"operation": key(n), "verb": "create", "type": "customer", "externalId": external_id,
           "values": values, "fields": ["companyname", "email"]})
}

fn update(n: u128, id: &str, expected: Json, values: Json) -> Json {
    json!({"operation": key(n), "verb": "update", "type": "customer", "id": id, "expected": expected,
           "values": values, "fields": ["companyname", "email"]})
}

fn delete(n: u128, id: &str, expected: Json) -> Json {
    json!({"operation": key(n), "verb": "delete", "type": "customer", "id": id, "expected": expected,
           "fields": ["companyname"]})
}
