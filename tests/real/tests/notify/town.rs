//! A town: NetSuite and SuiteX, simulated, and the functions as they are deployed between them, over MySQL. Its clock moves
//! when somebody sleeps, and when the test says so.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{Request, Response};
use local::bus::{Bus, Delivery};
use local::functions::{self, BUCKET, PUSHES, Parts, TICKS};
use local::mailbox::Mailbox;
use local::netsuite::{Faults, NetSuite, Scripts};
use local::publish::BusPublish;
use local::suitex::SuiteX;
use poller::Rules;
use serde_json::{Map, Value as Json, json};
use shared::blob::offload::Offload;
use shared::domain::id::{AccountId, RecordType, Timestamp};
use shared::ledger::memory::MemoryLedger;
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Transport;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::Ports;
use shared::runtime::clock::{BoxFuture, Clock};
use shared::runtime::signature::Keys;
use shared::state::State;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::{MINUTE_MS, Moved, Office};

const URL: &str = "http://netsuite.local/netsuite/{account}";

/// A clock that moves when somebody sleeps.
struct Moving(Arc<Moved>);

impl Clock for Moving {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<()> {
        self.0.0.fetch_max(until.0, Ordering::Relaxed);
        Box::pin(tokio::task::yield_now())
    }
}

pub(crate) struct Town {
    pub(crate) office: Office,
    bus: Arc<Mutex<Bus>>,
    publish: Arc<dyn Publish>,
    netsuite: Arc<NetSuite>,
    suitex: Arc<SuiteX>,
    functions: BTreeMap<&'static str, Router>,
}

fn object(json: Json) -> Map<String, Json> {
    let Json::Object(object) = json else { panic!("an object") };
    object
}

pub(crate) fn acme() -> AccountId {
    AccountId::parse("acme").unwrap()
}

fn customer() -> RecordType {
    RecordType::parse("customer").unwrap()
}

/// Calls go to the simulator's own router.
fn transport(netsuite: Router) -> Transport {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let netsuite = netsuite.clone();
        async move {
            let answer =
                netsuite.oneshot(request.map(Body::from)).await.unwrap_or_else(|never| match never {});
            let (parts, body) = answer.into_parts();
            Ok(Response::from_parts(parts, to_bytes(body, usize::MAX).await.unwrap_or_default()))
        }
    }))
}

impl Town {
    /// A town whose people are told by this mail server; `rules`: of acme's notices.
    pub(crate) async fn new(rules: &str, smtp: &str) -> Self {
        let mut office = Office::with(&format!("[account.acme.notify]\n{rules}")).await;
        let clock: Arc<dyn Clock> = Arc::new(Moving(Arc::clone(&office.clock)));
        let (config, mut bus) = (Arc::clone(&office.edge.config), Bus::new(1));
        functions::subscribe(&mut bus);
        let bus = Arc::new(Mutex::new(bus));
        let publish: Arc<dyn Publish> =
            Arc::new(BusPublish { bus: Arc::clone(&bus), clock: Arc::clone(&clock) });
        office.edge.clock = Arc::clone(&clock);
        office.edge.publish = Arc::clone(&publish);
        let netsuite = NetSuite::new(Arc::clone(&config), Arc::clone(&clock), 1, Scripts::Native);
        let suitex = SuiteX::new(config, clock);
        let ports = Ports {
            state: Arc::clone(&office.state) as Arc<dyn State>,
            ledger: Arc::new(MemoryLedger::default()),
            edge: office.edge.clone(),
        };
        let parts = Parts {
            ports: ports.clone(),
            netsuite: transport(netsuite.router()),
            signer: Signer::unsigned(),
            netsuite_url: URL.into(),
            tenants: Arc::clone(&suitex) as _,
            keys: Arc::new("acme=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse::<Keys>().unwrap()),
            messenger: Arc::<Mailbox>::default(),
        };
        let of = |name: &'static str| (name, functions::instance(name, parts.clone()).expect("a function"));
        let mut functions: BTreeMap<_, _> =
            ["outbox", "merge", "ns-writer", "sx-writer", "dlq", "review"].map(of).into();
        let poller = poller::App {
            state: Arc::clone(&ports.state),
            ports: ports.edge.clone(),
            client: functions::client(transport(netsuite.router()), URL.into(), Signer::unsigned()),
            rules: Rules { nulls_max: 1, ..Rules::default() },
            offload: Offload { bucket: BUCKET.into(), over_bytes: Offload::OVER_BYTES },
        };
        functions.insert("poller", poller::router(poller));
        functions.insert("notify", office.instance(smtp));
        Self { office, bus, publish, netsuite, suitex, functions }
    }

    /// Asks a function.
    async fn ask(&self, function: &str, request: Request<Body>) -> (u16, Json) {
        let answer = self.functions[function].clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Json::Null))
    }

    /// Has a function do what it does each minute, and what comes of that.
    pub(crate) async fn tick(&self, function: &str) {
        let tick = Request::post("/tick?account=acme").body(Body::empty()).unwrap();
        let (status, answer) = self.ask(function, tick).await;
        // Who cannot reach NetSuite says so, and is asked again in a minute.
        assert!(matches!(status, 200 | 503), "{function}: {status} {answer}");
        self.deliver().await;
    }

    /// Pushes what is on the bus, until nothing is.
    async fn deliver(&self) {
        loop {
            let now = self.office.clock.now();
            let deliveries = self.bus.lock().unwrap().deliveries(now, None, 9);
            if deliveries.is_empty() {
                return;
            }
            for Delivery { id, subscription, body, .. } in deliveries {
                let push = PUSHES.iter().find(|push| *push.subscription == *subscription).unwrap();
                let request = Request::post(push.path).body(Body::from(body)).unwrap();
                let (status, _) = self.ask(push.function, request).await;
                self.bus.lock().unwrap().settle(id, status < 300, self.office.clock.now());
            }
        }
    }

    /// Lets so long pass.
    pub(crate) fn wait(&self, millis: i64) {
        self.office.clock.0.fetch_add(millis, Ordering::Relaxed);
    }

    /// Minutes in which everybody does their work.
    pub(crate) async fn minutes(&self, count: usize) {
        for _ in 0..count {
            self.wait(MINUTE_MS);
            for (function, _) in TICKS {
                self.tick(function).await;
            }
        }
    }

    /// A minute in which all but these do their work.
    pub(crate) async fn minute_without(&self, idle: &[&str]) {
        self.wait(MINUTE_MS);
        for (function, _) in TICKS.into_iter().filter(|(function, _)| !idle.contains(function)) {
            self.tick(function).await;
        }
    }

    /// An admin holds the writes to NetSuite, or lets them go.
    pub(crate) async fn hold(&self, is_held: bool) {
        let path = |rest: &str| format!("/api/v1/accounts/acme{rest}?as=ada");
        let shown = self.functions["review"]
            .clone()
            .oneshot(Request::get(path("")).body(Body::empty()).unwrap())
            .await
            .unwrap();
        let verb = if is_held { "/netsuite/suspend" } else { "/netsuite/resume" };
        let request = Request::post(path(verb)).header("if-match", &shown.headers()["etag"]);
        let request = request.body(Body::from(json!({"note": "month's end"}).to_string())).unwrap();
        let (status, answer) = self.ask("review", request).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Somebody creates a customer in SuiteX.
    pub(crate) fn in_suitex(&self, values: Json) -> String {
        self.suitex.create(&acme(), "customer", &object(values), "sam").unwrap().id
    }

    /// Who came over from NetSuite under this name.
    pub(crate) fn found_in_suitex(&self, name: &str) -> String {
        let rows = self.suitex.all(&acme(), "customer");
        let found = rows.iter().find(|row| row.values.get("company_name") == Some(&json!(name)));
        found.unwrap_or_else(|| panic!("{name} did not come over: {rows:?}")).id.clone()
    }

    pub(crate) fn edit_in_suitex(&self, id: &str, values: Json) {
        self.suitex.edit(&acme(), "customer", id, &object(values), "sam").unwrap();
    }

    /// The same in NetSuite; no User Event tells of it.
    pub(crate) fn in_netsuite(&self, values: Json) -> String {
        self.netsuite.ui_create(&acme(), &customer(), &object(values), false, "nina").unwrap()
    }

    pub(crate) fn edit_in_netsuite(&self, id: &str, values: Json) {
        self.netsuite.ui_edit(&acme(), &customer(), id, &object(values), false, "nina").unwrap();
    }

    /// NetSuite refuses our credentials.
    pub(crate) fn refuse_credentials(&self) {
        self.netsuite.set_faults(&acme(), Faults { auth: true, ..Faults::default() }).unwrap();
    }

    /// Something that is no event is on the bus.
    pub(crate) async fn nonsense(&self, text: &str) {
        let message = Message {
            data: Bytes::copy_from_slice(text.as_bytes()),
            attributes: [("account".to_string(), "acme".to_string())].into(),
            ordering_key: "acme".into(),
        };
        self.publish.publish(Topic::Raw, vec![message]).await.unwrap();
    }
}
