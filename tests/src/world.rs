//! The world of one seed: the functions as they are deployed (two instances of each), the bus, both systems,
//! all in this thread. Each account has instances of its own, so that a crash of one is no news of another.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use local::bus::{Bus, BusFaults, Delivery};
use local::functions::{self, FUNCTIONS, PUSHES, Parts, TICKS};
use local::mailbox::Mailbox;
use local::netsuite::{NetSuite, Scripts};
use local::publish::BusPublish;
use local::signed::signed;
use local::suitex::SuiteX;
use serde_json::Value as Json;
use shared::blob::memory::MemoryBlob;
use shared::buffer::memory::MemoryBuffer;
use shared::domain::id::{AccountId, Timestamp};
use shared::domain::surface::SyncConfig;
use shared::fault::Unavailable;
use shared::ledger::memory::MemoryLedger;
use shared::netsuite::sign::Signer;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::ids::Ids;
use shared::runtime::metrics::Metrics;
use shared::runtime::signature::Keys;
use shared::runtime::tasks::Tasks;
use shared::runtime::{Edge, Ports};
use shared::state::memory::MemoryState;
use tower::ServiceExt;
use uuid::Uuid;

use crate::cursors::Cursors;
use crate::executor::{Executor, Instance, Lane};
use crate::faults::{Faults, Faulty, FaultyMessenger, LaneFaults, Rates};
use crate::sign_in;
use crate::watch::Watch;

/// The function that is called at a pace of its own: a poll costs calls of NetSuite.
const POLLER: &str = "poller";

/// The function that tells people what the others have done.
const NOTIFY: &str = "notify";

/// What is synced in the simulation: the product's own configuration, but that one account may make one call
/// at a time, and the other lets NetSuite win where a lost edit would show.
pub fn config() -> String {
    let own = include_str!("../../config/sync.toml");
    let narrow = own.replace("concurrency = 5,", "concurrency = 2,");
    let overrides = ["customer.phone", "customer.company_name", "item.name", "salesorder.memo"]
        .map(|field| format!("\"{field}\" = {{ policy = \"netsuite_wins\" }}"))
        .join(", ");
    let own = narrow.replace("[account.acme]\n", &format!("[account.acme]\noverrides = {{ {overrides} }}\n"));
    // A simulation is over in some hours: people are to decide within one.
    format!("{}error_sla_hours = 1\n", with_people(&own))
}

/// The same with people who are told.
pub fn with_people(config: &str) -> String {
    format!("{config}\n[notify]\nowner = {{ email = [\"owner@example.com\"], slack = [\"ops\"] }}\n")
}

/// The development keys, and canaries: none of them may show in any output.
pub const SECRETS: [(&str, &str); 2] = [
    ("acme", "whsec_c2ltdWxhdGlvbi1rZXktb2YtYWNtZS0wMDE="),
    ("globex", "whsec_c2ltdWxhdGlvbi1rZXktb2YtZ2xvYmV4LTE="),
];

/// The simulation begins at this time.
pub const START: Timestamp = Timestamp(1_767_225_600_000); // 2026-01-01T00:00:00Z

/// How far clocks may be off, either way.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// Those of the two systems, ms.
    pub systems_ms: i64,
    /// Those of our instances, ms.
    pub instances_ms: i64,
}

/// As wrong as clocks may be.
const WRONG_CLOCKS: Clocks = Clocks { systems_ms: 300_000, instances_ms: 2_000 };

/// One world.
pub struct World {
    /// Runs everything.
    pub executor: Executor,
    /// What is synced.
    pub config: Arc<SyncConfig>,
    /// What people were sent.
    pub mailbox: Arc<Mailbox>,
    /// The accounts, by lane.
    pub accounts: Arc<Vec<AccountId>>,
    /// The bus.
    pub bus: Arc<Mutex<Bus>>,
    /// NetSuite.
    pub netsuite: Arc<NetSuite>,
    /// SuiteX.
    pub suitex: Arc<SuiteX>,
    /// The state, without faults.
    pub state: Arc<MemoryState>,
    /// The ledger, without faults.
    pub ledger: Arc<MemoryLedger>,
    /// The buffer, without faults.
    pub buffer: Arc<MemoryBuffer>,
    /// Large bodies.
    pub blob: Arc<MemoryBlob>,
    /// What goes wrong.
    pub faults: Faults,
    /// What was published to `events.raw`, by account.
    pub published: Arc<Published>,
    /// How often a User Event lacks our mark.
    pub unmarked: f64,
    /// Whether NetSuite lets in only who signs.
    signs_in: bool,
    /// Per lane.
    pub lanes: Vec<LaneWorld>,
}

/// One account's part of the world.
pub struct LaneWorld {
    instances: BTreeMap<Instance, (Router, Tasks)>,
    /// User Events on their way to ingest.
    pub user_events: VecDeque<Json>,
    /// User Events whose delivery is under way or has failed, to be sent again.
    returned: Arc<Mutex<Vec<Json>>>,
    /// Event ids that ingest has answered with 202.
    pub accepted: Arc<Mutex<Vec<Uuid>>>,
    /// Everything that anybody was answered: searched for secrets.
    pub outputs: Arc<Mutex<Vec<String>>>,
    /// The account's readable trace.
    pub trace: Vec<String>,
    /// Dice of the world's own doings.
    pub dice: fastrand::Rng,
    skews: BTreeMap<Instance, i64>,
    next_id: Arc<Mutex<u64>>,
    seed: u64,
}

/// Remembers what was published.
#[derive(Default)]
pub struct Published {
    events: Mutex<Vec<(String, Uuid)>>,
}

impl Published {
    /// Event ids that the bus took for an account.
    pub fn of(&self, account: &AccountId) -> Vec<Uuid> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|(a, _)| a == account.as_str()).map(|(_, id)| *id).collect()
    }
}

struct Recorder {
    inner: BusPublish,
    published: Arc<Published>,
    cursors: Arc<Cursors>,
}

#[async_trait]
impl Publish for Recorder {
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable> {
        if topic == Topic::Raw {
            let mut events = self.published.events.lock().unwrap_or_else(PoisonError::into_inner);
            for message in &messages {
                let id = message.attributes.get("eventId").and_then(|id| Uuid::parse_str(id).ok());
                events.extend(id.map(|id| (message.attributes["account"].clone(), id)));
                self.cursors.told(&message.data);
            }
        }
        self.inner.publish(topic, messages).await
    }
}

/// Draws ids from a seed.
struct SeededIds {
    seed: u64,
    next: Arc<Mutex<u64>>,
}

impl Ids for SeededIds {
    fn draw(&self) -> Uuid {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        shared::domain::id::derived_id("drawn", &[&self.seed.to_string(), &next.to_string()])
    }
}

/// Mixes a seed with a word, so that one more draw in one place shifts nothing elsewhere.
pub fn branch(seed: u64, word: &str) -> u64 {
    let id = shared::domain::id::derived_id("seed", &[&seed.to_string(), word]);
    id.as_u128() as u64
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// The world of a seed, everything in it empty and well. Of the `followed` record every commit is told.
    pub fn new(seed: u64, followed: Option<String>) -> Self {
        let config = SyncConfig::parse(&config()).expect("the product's own configuration");
        let mut world = Self::configured(seed, config, followed, WRONG_CLOCKS);
        world.require_sign_in();
        world
    }

    /// From now on NetSuite lets in only who signs, and every instance does.
    pub fn require_sign_in(&mut self) {
        self.signs_in = true;
        for account in self.accounts.iter() {
            self.netsuite.require_sign_in(account, sign_in::integration()).expect("an account");
        }
        self.boot_all();
    }

    fn boot_all(&mut self) {
        for lane in 0..self.lanes.len() {
            let instances: Vec<Instance> = self.lanes[lane].skews.keys().copied().collect();
            for instance in instances {
                self.boot(lane, instance);
            }
        }
    }

    /// The same, with another configuration of the same accounts, and with clocks that are as wrong as that.
    pub fn configured(seed: u64, config: SyncConfig, followed: Option<String>, clocks: Clocks) -> Self {
        Self::of_scripts(seed, config, followed, clocks, Scripts::Native)
    }

    /// The same, with whatever does the work of our scripts.
    pub fn of_scripts(
        seed: u64,
        config: SyncConfig,
        followed: Option<String>,
        clocks: Clocks,
        scripts: Scripts,
    ) -> Self {
        let config = Arc::new(config);
        let accounts: Arc<Vec<AccountId>> = Arc::new(config.accounts.keys().cloned().collect());
        let executor = Executor::new(accounts.len(), START);
        let mut dice = fastrand::Rng::with_seed(branch(seed, "world"));
        let skewed = |dice: &mut fastrand::Rng, by: i64| executor.clock(dice.i64(-by..=by));
        let netsuite =
            NetSuite::new(Arc::clone(&config), Arc::new(skewed(&mut dice, clocks.systems_ms)), seed, scripts);
        let suitex = SuiteX::new(Arc::clone(&config), Arc::new(skewed(&mut dice, clocks.systems_ms)));
        let mut bus = Bus::new(seed);
        functions::subscribe(&mut bus);
        let lane_faults = accounts.iter().map(|a| LaneFaults::new(branch(seed, &format!("faults {a}"))));
        let faults = Faults {
            executor: executor.clone(),
            accounts: Arc::clone(&accounts),
            lanes: Arc::new(lane_faults.collect()),
            config: Arc::clone(&config),
            watch: Arc::new(Watch::following(followed)),
            cursors: Arc::new(Cursors::new(Arc::clone(&netsuite))),
            sends: Arc::default(),
        };
        let mut world = Self {
            executor,
            config,
            bus: Arc::new(Mutex::new(bus)),
            netsuite,
            suitex,
            mailbox: Arc::default(),
            state: Arc::default(),
            ledger: Arc::default(),
            buffer: Arc::default(),
            blob: Arc::default(),
            faults,
            published: Arc::default(),
            unmarked: 0.0,
            signs_in: false,
            lanes: Vec::new(),
            accounts: Arc::clone(&accounts),
        };
        for account in accounts.iter() {
            let seed = branch(seed, &format!("lane {account}"));
            let mut dice = fastrand::Rng::with_seed(seed);
            let of = |function| [0, 1].map(|number| Instance { function, number });
            let all = FUNCTIONS.into_iter().flat_map(of);
            let mut apart = fastrand::Rng::with_seed(branch(seed, NOTIFY));
            let mut skew = |instance: Instance| {
                // From a branch of its own: what others do with a seed does not depend on who tells people of it.
                let dice = if instance.function == NOTIFY { &mut apart } else { &mut dice };
                (instance, dice.i64(-clocks.instances_ms..=clocks.instances_ms))
            };
            let skews = all.map(&mut skew).collect();
            world.lanes.push(LaneWorld {
                instances: BTreeMap::new(),
                user_events: VecDeque::new(),
                returned: Arc::default(),
                accepted: Arc::default(),
                outputs: Arc::default(),
                trace: Vec::new(),
                dice,
                skews,
                next_id: Arc::default(),
                seed,
            });
        }
        world.boot_all();
        world
    }

    /// From now on one and the same instances serve all accounts, as they do where they are deployed.
    pub fn share_instances(&mut self) {
        let shared = self.lanes[0].instances.clone();
        self.lanes.iter_mut().for_each(|lane| lane.instances.clone_from(&shared));
    }

    /// Starts an instance anew.
    pub fn boot(&mut self, lane: Lane, instance: Instance) {
        let skew = self.lanes[lane].skews[&instance];
        let clock: Arc<dyn shared::runtime::clock::Clock> = Arc::new(self.executor.clock(skew));
        let tasks = Tasks::new(self.executor.spawner(instance));
        let wrap = || self.faults.clone();
        let publish = Recorder {
            inner: BusPublish { bus: Arc::clone(&self.bus), clock: Arc::new(self.executor.clock(0)) },
            published: Arc::clone(&self.published),
            cursors: Arc::clone(&self.faults.cursors),
        };
        let ids: Arc<dyn Ids> =
            Arc::new(SeededIds { seed: self.lanes[lane].seed, next: Arc::clone(&self.lanes[lane].next_id) });
        let signer = match self.signs_in {
            true => sign_in::signer(&self.accounts[lane], Arc::clone(&clock), Arc::clone(&ids)),
            false => Signer::unsigned(),
        };
        let edge = Edge {
            config: Arc::clone(&self.config),
            buffer: Arc::new(Faulty { inner: Arc::clone(&self.buffer), faults: wrap() }),
            publish: Arc::new(Faulty { inner: Arc::new(publish), faults: wrap() }),
            blob: Arc::clone(&self.blob) as Arc<dyn shared::blob::Blob>,
            clock,
            ids,
            tasks: tasks.clone(),
            metrics: Metrics::new(instance.function),
        };
        let ports = Ports {
            state: Arc::new(Faulty { inner: Arc::clone(&self.state), faults: wrap() }),
            ledger: Arc::new(Faulty { inner: Arc::clone(&self.ledger), faults: wrap() }),
            edge,
        };
        let keys = SECRETS.map(|(account, secret)| format!("{account}={secret}")).join(";");
        let parts = Parts {
            ports,
            netsuite: self.faults.transport(self.netsuite.router()),
            signer,
            netsuite_url: "http://netsuite.local/netsuite/{account}".into(),
            tenants: Arc::new(Faulty { inner: Arc::clone(&self.suitex), faults: wrap() }),
            keys: Arc::new(keys.parse::<Keys>().expect("the simulation's own keys")),
            messenger: Arc::new(FaultyMessenger {
                account: self.accounts[lane].clone(),
                inner: Arc::clone(&self.mailbox),
                faults: wrap(),
            }),
        };
        let router = functions::instance(instance.function, parts).expect("a function of the table");
        self.lanes[lane].instances.insert(instance, (router, tasks));
    }

    /// Kills an instance for this account: what it was doing is gone, it starts anew.
    pub fn crash(&mut self, lane: Lane, instance: Instance) -> Vec<&'static str> {
        let points = self.executor.kill(lane, instance);
        self.boot(lane, instance);
        points
    }

    /// SIGTERM: background work stops at its next step, what comes next is served by a new instance.
    pub fn terminate(&mut self, lane: Lane, instance: Instance) {
        self.lanes[lane].instances[&instance].1.stop();
        self.boot(lane, instance);
    }

    /// Writes to an account's trace.
    pub fn note(&mut self, lane: Lane, line: String) {
        let at = self.executor.now().0 - START.0;
        self.lanes[lane].trace.push(format!("{at:>9} {line}"));
    }

    /// Any instance of a function.
    pub fn any(&mut self, lane: Lane, function: &'static str) -> Instance {
        Instance { function, number: self.lanes[lane].dice.usize(0..2) }
    }

    /// Sends a request to an instance and forgets it; `then` gets status and body.
    pub fn send(
        &self,
        lane: Lane,
        instance: Instance,
        request: Request<Bytes>,
        then: impl FnOnce(StatusCode, Bytes) + Send + 'static,
    ) {
        let router = self.lanes[lane].instances[&instance].0.clone();
        let outputs = Arc::clone(&self.lanes[lane].outputs);
        let work = async move {
            let response = router.oneshot(request.map(axum::body::Body::from)).await;
            let response = response.unwrap_or_else(|never| match never {});
            let status = response.status();
            let body = response.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
            if !body.is_empty() {
                lock(&outputs).push(String::from_utf8_lossy(&body).into_owned());
            }
            then(status, body);
        };
        self.executor.spawn(lane, instance, Box::pin(work));
    }

    /// One step of what needs no time: of a task, a User Event, or a message; false when there is none.
    pub fn step(&mut self, lane: Lane) -> bool {
        self.gather_user_events(lane);
        if self.executor.ready(lane) > 0 {
            self.executor.step(lane, 0);
        } else if let Some(event) = self.lanes[lane].user_events.pop_front() {
            self.send_user_event(lane, event);
        } else {
            return self.deliver(lane);
        }
        true
    }

    /// Pushes the next message of the account, if there is one.
    pub fn deliver(&mut self, lane: Lane) -> bool {
        let account = self.accounts[lane].clone();
        let now = self.executor.now();
        let Some(delivery) = lock(&self.bus).deliveries(now, Some(account.as_str()), 1).pop() else {
            return false;
        };
        let Delivery { id, subscription, body, attempt, .. } = delivery;
        let push =
            PUSHES.iter().find(|p| *p.subscription == *subscription).expect("a subscription of the table");
        let instance = self.any(lane, push.function);
        self.note(
            lane,
            format!("push {subscription} attempt {attempt} to {}.{}", instance.function, instance.number),
        );
        let mut pushed =
            Pushed { bus: Arc::clone(&self.bus), executor: self.executor.clone(), id, settled: false };
        let request = Request::post(push.path).body(body).expect("a request");
        self.send(lane, instance, request, move |status, _| pushed.settle(status.is_success()));
        true
    }

    /// Moves User Events from NetSuite to the queue of the account.
    pub fn gather_user_events(&mut self, lane: Lane) {
        let events = self.netsuite.take_user_events(&self.accounts[lane]);
        self.lanes[lane].user_events.extend(events);
        let returned: Vec<Json> = std::mem::take(&mut *lock(&self.lanes[lane].returned));
        self.lanes[lane].user_events.extend(returned);
    }

    /// Sends a User Event to ingest, signed; one that is not taken is sent again later.
    pub fn send_user_event(&mut self, lane: Lane, mut event: Json) {
        let (account, secret) = SECRETS[lane];
        if self.unmarked > 0.0
            && self.lanes[lane].dice.f64() < self.unmarked
            && event.get("externalId").is_some()
        {
            // An old script does not send the mark that a create of ours left.
            event["externalId"] = Json::Null;
            event["metadata"] = Json::Null;
            self.faults.lanes[lane].count("user event without mark");
        }
        let body: Bytes = event.to_string().into();
        let id = self.lanes[lane].dice.u64(..).to_string();
        let instance = self.any(lane, "ingest");
        let request = signed(account, secret, &id, self.executor.now(), body);
        let event_id = event["eventId"].as_str().and_then(|id| Uuid::parse_str(id).ok());
        self.note(lane, format!("user event {} {}", event["recordType"], event["recordId"]));
        let returned = Returned { to: Arc::clone(&self.lanes[lane].returned), event: Some(event) };
        let accepted = Arc::clone(&self.lanes[lane].accepted);
        self.send(lane, instance, request, move |status, _| {
            let mut returned = returned;
            if status == StatusCode::ACCEPTED {
                lock(&accepted).extend(event_id);
                returned.event = None;
            }
        });
    }

    /// The scheduler's ticks, for this account, but for the poller's.
    pub fn tick(&mut self, lane: Lane) {
        for (function, path) in TICKS.into_iter().filter(|(function, _)| *function != POLLER) {
            self.call(lane, function, path);
        }
    }

    /// Has people told what is still to be told.
    pub fn tell(&mut self, lane: Lane) {
        self.call(lane, NOTIFY, "/tick");
    }

    /// Has some instance of the poller look at NetSuite.
    pub fn poll(&mut self, lane: Lane) {
        let instance = self.any(lane, POLLER);
        self.poll_by(lane, instance.number);
    }

    /// Has this instance of the poller look at NetSuite.
    pub fn poll_by(&mut self, lane: Lane, number: usize) {
        self.note(lane, format!("poll by {POLLER}.{number}"));
        self.call_of(lane, Instance { function: POLLER, number }, "/tick");
    }

    fn call(&mut self, lane: Lane, function: &'static str, path: &str) {
        let instance = self.any(lane, function);
        self.call_of(lane, instance, path);
    }

    fn call_of(&self, lane: Lane, instance: Instance, path: &str) {
        let uri = format!("{path}?account={}", self.accounts[lane]);
        self.send(lane, instance, Request::post(uri).body(Bytes::new()).expect("a request"), |_, _| {});
    }

    /// Pokes the outbox relay, as SuiteX does after a commit.
    pub fn poke(&mut self, lane: Lane) {
        self.call(lane, "outbox", "/poke");
    }

    /// Sets how often what goes wrong for an account.
    pub fn set_rates(&self, lane: Lane, rates: Rates, bus: BusFaults) {
        self.faults.lanes[lane].set(rates);
        lock(&self.bus).set_faults(Some(self.accounts[lane].as_str()), bus);
    }
}

/// A pushed message: whoever pushed it hears of its end, by an answer or by a crash.
struct Pushed {
    bus: Arc<Mutex<Bus>>,
    executor: Executor,
    id: u64,
    settled: bool,
}

impl Pushed {
    fn settle(&mut self, acked: bool) {
        self.settled = true;
        lock(&self.bus).settle(self.id, acked, self.executor.now());
    }
}

impl Drop for Pushed {
    fn drop(&mut self) {
        if !self.settled {
            lock(&self.bus).abandon(self.id, self.executor.now());
        }
    }
}

/// A User Event on its way: without a 202 it comes back.
struct Returned {
    to: Arc<Mutex<Vec<Json>>>,
    event: Option<Json>,
}

impl Drop for Returned {
    fn drop(&mut self) {
        lock(&self.to).extend(self.event.take());
    }
}
