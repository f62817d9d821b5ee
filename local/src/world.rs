//! The whole system in one process: the functions as they are deployed, the bus, both systems, all behind one
//! address and on real time.
//!
//! ```text
//!            ┌── /ingest /review /functions ──► fleet (an instance of each function, can be crashed)
//! HTTP ──────┼── /suitex /netsuite ───────────► simulators            ▲
//!            └── /control and the page at / ──► faults, quiesce,      │ pumps: bus, User Events,
//!                                               parity, story         │ outbox pokes, ticks, polls
//! ```

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use shared::blob::memory::MemoryBlob;
use shared::buffer::memory::MemoryBuffer;
use shared::domain::id::{AccountId, Timestamp, derived_id};
use shared::domain::surface::SyncConfig;
use shared::fault::Unavailable;
use shared::ledger::memory::MemoryLedger;
use shared::netsuite::client::reqwest_transport;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::signature::Keys;
use shared::state::memory::MemoryState;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::bus::{Bus, BusFaults};
use crate::fleet::{Blueprint, Fleet};
use crate::functions;
use crate::netsuite::{Faults, NetSuite};
use crate::publish::BusPublish;
use crate::server::{self, Server};
use crate::suitex::SuiteX;
use crate::{pumps, sample};

/// What is synced unless somebody says otherwise: the product's own configuration.
pub const CONFIG: &str = include_str!("../../config/sync.toml");

/// How long requests and background work may take to end, in ms.
const STOP_WITHIN_MS: i64 = 3_000;

/// How a world is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What is synced.
    pub config: Arc<SyncConfig>,
    /// Everything that is drawn by dice follows from this.
    pub seed: u64,
    /// Between two ticks of the scheduler, in ms.
    pub tick_ms: i64,
    /// Between two polls of NetSuite by the stand-in for the poller, in ms.
    pub poll_ms: i64,
    /// What goes wrong, and how long things take, in every account's NetSuite from the start.
    pub netsuite: Faults,
    /// Whether there are a few records to begin with.
    pub sample: bool,
}

impl Default for Options {
    fn default() -> Self {
        let config = SyncConfig::parse(CONFIG).expect("the product's own configuration");
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            config: Arc::new(config),
            seed: 1,
            tick_ms: 10_000,
            poll_ms: 15_000,
            netsuite: Faults::default(),
            sample: false,
        }
    }
}

/// The parts of a running world.
pub struct System {
    /// `http://127.0.0.1:8080`, without a slash at its end.
    pub url: String,
    /// What is synced.
    pub config: Arc<SyncConfig>,
    /// The accounts.
    pub accounts: Vec<AccountId>,
    /// Each account's signing secret for ingest: of development, and public.
    pub keys: BTreeMap<AccountId, String>,
    /// NetSuite.
    pub netsuite: Arc<NetSuite>,
    /// SuiteX.
    pub suitex: Arc<SuiteX>,
    /// Records and all around them.
    pub state: Arc<MemoryState>,
    /// Accepted events.
    pub ledger: Arc<MemoryLedger>,
    /// What may be lost.
    pub buffer: Arc<MemoryBuffer>,
    /// The functions.
    pub fleet: Fleet,
    bus: Arc<Mutex<Bus>>,
    bus_faults: Mutex<BTreeMap<AccountId, BusFaults>>,
    polled: Mutex<BTreeMap<AccountId, Timestamp>>,
    pub(crate) publish: Arc<dyn Publish>,
    pub(crate) http: reqwest::Client,
    /// Something was published or answered.
    pub(crate) bus_moved: Arc<Notify>,
    /// Somebody called an account's NetSuite: there may be User Events.
    pub(crate) netsuite_called: BTreeMap<AccountId, Notify>,
    /// A person saved something in an account's SuiteX.
    pub(crate) suitex_committed: BTreeMap<AccountId, Arc<Notify>>,
    /// User Events that ingest has not taken yet.
    pub(crate) user_events: Arc<AtomicUsize>,
    /// Says so when the world stops.
    pub(crate) stop: watch::Sender<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl System {
    pub(crate) fn bus(&self) -> MutexGuard<'_, Bus> {
        lock(&self.bus)
    }

    pub(crate) fn polls(&self) -> MutexGuard<'_, BTreeMap<AccountId, Timestamp>> {
        lock(&self.polled)
    }

    /// How the bus misbehaves towards an account.
    pub fn bus_faults(&self, account: &AccountId) -> BusFaults {
        lock(&self.bus_faults).get(account).copied().unwrap_or_default()
    }

    /// Sets how the bus misbehaves towards an account.
    pub fn set_bus_faults(&self, account: &AccountId, faults: BusFaults) {
        self.bus().set_faults(Some(account.as_str()), faults);
        lock(&self.bus_faults).insert(account.clone(), faults);
    }

    /// Faults of the bus so far, by kind, all accounts together.
    pub fn bus_faults_injected(&self) -> BTreeMap<&'static str, u64> {
        self.bus().counts().clone()
    }
}

/// Publishes to the bus and wakes its pump.
struct Waking {
    inner: BusPublish,
    moved: Arc<Notify>,
}

#[async_trait]
impl Publish for Waking {
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable> {
        let published = self.inner.publish(topic, messages).await;
        self.moved.notify_one();
        published
    }
}

/// A running world. Dropped without [`World::stop`], it ends with the runtime.
pub struct World {
    system: Arc<System>,
    server: Server,
}

/// A world is its parts, and who holds it may also stop it.
impl std::ops::Deref for World {
    type Target = Arc<System>;

    fn deref(&self) -> &Arc<System> {
        &self.system
    }
}

/// Starts a world; it answers at its address when this returns.
pub async fn start(options: Options) -> io::Result<World> {
    let listener = TcpListener::bind(options.listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let system = Arc::new(build(url, &options)?);
    let server = server::start(listener, server::router(&system), system.stop.subscribe());
    pumps::start(&system, options.tick_ms, options.poll_ms);
    if options.sample {
        sample::fill(&system);
    }
    Ok(World { system, server })
}

fn build(url: String, options: &Options) -> io::Result<System> {
    let config = Arc::clone(&options.config);
    let accounts: Vec<AccountId> = config.accounts.keys().cloned().collect();
    let keys: BTreeMap<_, _> = accounts.iter().map(|account| (account.clone(), secret(account))).collect();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let netsuite = NetSuite::new(Arc::clone(&config), Arc::clone(&clock), options.seed);
    let suitex = SuiteX::new(Arc::clone(&config), Arc::clone(&clock));
    let mut bus = Bus::new(options.seed);
    functions::subscribe(&mut bus);
    let (bus, bus_moved) = (Arc::new(Mutex::new(bus)), Arc::new(Notify::new()));
    let inner = BusPublish { bus: Arc::clone(&bus), clock };
    let publish: Arc<dyn Publish> = Arc::new(Waking { inner, moved: Arc::clone(&bus_moved) });
    let http = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
    let (state, ledger, buffer) = (Arc::<MemoryState>::default(), Arc::default(), Arc::default());
    let fleet = Fleet::start(Blueprint {
        config: Arc::clone(&config),
        state: Arc::clone(&state) as _,
        ledger: Arc::<MemoryLedger>::clone(&ledger) as _,
        buffer: Arc::<MemoryBuffer>::clone(&buffer) as _,
        publish: Arc::clone(&publish),
        blob: Arc::<MemoryBlob>::default(),
        netsuite: reqwest_transport(http.clone()),
        netsuite_url: format!("{url}/netsuite/{{account}}"),
        tenants: Arc::clone(&suitex) as _,
        keys: Arc::new(key_ring(&keys)?),
    });
    for account in &accounts {
        netsuite
            .set_faults(account, options.netsuite.clone())
            .map_err(|refusal| io::Error::new(io::ErrorKind::InvalidInput, refusal.message))?;
    }
    let notify = |account: &AccountId| (account.clone(), Arc::new(Notify::new()));
    let suitex_committed: BTreeMap<_, _> = accounts.iter().map(notify).collect();
    let hooked = suitex_committed.clone();
    suitex.on_commit(Box::new(move |account| hooked[account].notify_one()));
    Ok(System {
        netsuite_called: accounts.iter().map(|account| (account.clone(), Notify::new())).collect(),
        suitex_committed,
        url,
        config,
        accounts,
        keys,
        netsuite,
        suitex,
        state,
        ledger,
        buffer,
        fleet,
        bus,
        bus_faults: Mutex::default(),
        polled: Mutex::default(),
        publish,
        http,
        bus_moved,
        user_events: Arc::default(),
        stop: watch::Sender::new(false),
    })
}

/// An account's signing secret: the same in every world, so that a script written once works again.
fn secret(account: &AccountId) -> String {
    let half = |name| derived_id(name, &[account.as_str()]).into_bytes();
    format!("whsec_{}", BASE64_STANDARD.encode([half("development key"), half("second half")].concat()))
}

fn key_ring(keys: &BTreeMap<AccountId, String>) -> io::Result<Keys> {
    let entries: Vec<String> = keys.iter().map(|(account, secret)| format!("{account}={secret}")).collect();
    entries.join(";").parse().map_err(io::Error::other)
}

impl World {
    /// Stops: requests and background work under way end at their next step, or are dropped after 3 s.
    pub async fn stop(self) {
        let until = SystemClock.now().plus(STOP_WITHIN_MS);
        self.system.fleet.stop();
        self.system.stop.send_replace(true);
        let ended = async {
            self.server.ended().await;
            while !self.system.fleet.busy().is_empty() {
                SystemClock.sleep_until(SystemClock.now().plus(20)).await;
            }
        };
        tokio::select! {
            () = ended => {}
            () = SystemClock.sleep_until(until) => {
                tracing::warn!("requests or background work did not end in time");
            }
        }
    }
}
