//! A running world: the functions as they are deployed, what carries messages to them, both systems, all behind
//! one address and on real time. [`start`] puts everything into this process; whoever has other parts builds a
//! world of them, [`Site`] first.
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

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use shared::domain::id::{AccountId, Timestamp, derived_id};
use shared::domain::surface::SyncConfig;
use shared::ledger::Ledger;
use shared::pubsub::Publish;
use shared::runtime::clock::{Clock, SystemClock};
use shared::state::State;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::carrier::Carrier;
use crate::fleet::Fleet;
use crate::in_process;
use crate::inside::Inside;
use crate::netsuite::{Faults, NetSuite};
use crate::server::{self, Server};
use crate::suitex::{Application, CommitHook};
use crate::{pumps, sample};

/// What is synced unless somebody says otherwise: the product's own configuration.
pub const CONFIG: &str = include_str!("../../config/sync.toml");

/// How long requests may take to end, in ms.
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
    pub suitex: Arc<dyn Application>,
    /// Records and all around them.
    pub state: Arc<dyn State>,
    /// Accepted events.
    pub ledger: Arc<dyn Ledger>,
    /// What only the world itself looks at.
    pub inside: Arc<dyn Inside>,
    /// The functions.
    pub fleet: Arc<dyn Fleet>,
    /// What carries messages.
    pub carrier: Carrier,
    polled: Mutex<BTreeMap<AccountId, Timestamp>>,
    pub(crate) publish: Arc<dyn Publish>,
    pub(crate) http: reqwest::Client,
    /// Somebody called an account's NetSuite: there may be User Events.
    pub(crate) netsuite_called: BTreeMap<AccountId, Notify>,
    /// A person saved something in an account's SuiteX.
    pub(crate) suitex_committed: BTreeMap<AccountId, Arc<Notify>>,
    /// User Events that ingest has not taken yet.
    pub(crate) user_events: Arc<AtomicUsize>,
    /// Says so when the world stops.
    pub(crate) stop: watch::Sender<bool>,
}

impl System {
    pub(crate) fn polls(&self) -> MutexGuard<'_, BTreeMap<AccountId, Timestamp>> {
        self.polled.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Starts a world in this process; it answers at its address when this returns.
pub async fn start(options: Options) -> io::Result<World> {
    let site = Site::take(options).await?;
    let outside = in_process::outside(&site)?;
    Ok(site.open(outside).await)
}

/// A world before it has functions: its address is taken, and NetSuite is there.
pub struct Site {
    /// Its address, without a slash at its end.
    pub url: String,
    /// How it is made.
    pub options: Options,
    /// Each account's signing secret for ingest.
    pub keys: BTreeMap<AccountId, String>,
    /// NetSuite.
    pub netsuite: Arc<NetSuite>,
    /// Calls over HTTP.
    pub http: reqwest::Client,
    suitex_committed: BTreeMap<AccountId, Arc<Notify>>,
    listener: TcpListener,
}

/// What differs from world to world.
pub struct Outside {
    /// The functions.
    pub fleet: Arc<dyn Fleet>,
    /// Records and all around them.
    pub state: Arc<dyn State>,
    /// Accepted events.
    pub ledger: Arc<dyn Ledger>,
    /// What only the world itself looks at.
    pub inside: Arc<dyn Inside>,
    /// SuiteX.
    pub suitex: Arc<dyn Application>,
    /// Where polls are published.
    pub publish: Arc<dyn Publish>,
    /// What carries messages.
    pub carrier: Carrier,
}

impl Site {
    /// Takes the address. Nobody is answered before [`Site::open`].
    pub async fn take(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let netsuite = NetSuite::new(Arc::clone(&options.config), Arc::new(SystemClock), options.seed);
        let accounts = options.config.accounts.keys();
        for account in accounts.clone() {
            netsuite
                .set_faults(account, options.netsuite.clone())
                .map_err(|refusal| io::Error::new(io::ErrorKind::InvalidInput, refusal.message))?;
        }
        Ok(Self {
            url: format!("http://{}", listener.local_addr()?),
            keys: accounts.clone().map(|account| (account.clone(), secret(account))).collect(),
            netsuite,
            http: reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?,
            suitex_committed: accounts.map(|account| (account.clone(), Arc::default())).collect(),
            listener,
            options,
        })
    }

    /// Whom SuiteX is to tell that a person saved something.
    pub fn on_commit(&self) -> CommitHook {
        let told = self.suitex_committed.clone();
        Box::new(move |account| {
            if let Some(told) = told.get(account) {
                told.notify_one();
            }
        })
    }

    /// The keys of ingest, as its environment has them.
    pub fn ingest_keys(&self) -> String {
        let entries: Vec<_> =
            self.keys.iter().map(|(account, secret)| format!("{account}={secret}")).collect();
        entries.join(";")
    }

    /// Where NetSuite is; `{account}` stands for the account id.
    pub fn netsuite_url(&self) -> String {
        format!("{}/netsuite/{{account}}", self.url)
    }

    /// Opens the doors.
    pub async fn open(self, outside: Outside) -> World {
        let Self { url, options, keys, netsuite, http, suitex_committed, listener } = self;
        let Outside { fleet, state, ledger, inside, suitex, publish, carrier } = outside;
        let accounts: Vec<AccountId> = options.config.accounts.keys().cloned().collect();
        let system = Arc::new(System {
            netsuite_called: accounts.iter().map(|account| (account.clone(), Notify::new())).collect(),
            suitex_committed,
            url,
            config: options.config,
            accounts,
            keys,
            netsuite,
            suitex,
            state,
            ledger,
            inside,
            fleet,
            carrier,
            polled: Mutex::default(),
            publish,
            http,
            user_events: Arc::default(),
            stop: watch::Sender::new(false),
        });
        let server = server::start(listener, server::router(&system), system.stop.subscribe());
        pumps::start(&system, options.tick_ms, options.poll_ms);
        if options.sample {
            sample::fill(&system).await;
        }
        World { system, server }
    }
}

/// An account's signing secret: the same in every world, so that a script written once works again.
fn secret(account: &AccountId) -> String {
    let half = |name| derived_id(name, &[account.as_str()]).into_bytes();
    format!("whsec_{}", BASE64_STANDARD.encode([half("development key"), half("second half")].concat()))
}

impl World {
    /// Stops: requests and background work under way end at their next step, or are dropped when their time is
    /// over.
    pub async fn stop(self) {
        let until = SystemClock.now().plus(STOP_WITHIN_MS);
        self.system.fleet.stop();
        self.system.stop.send_replace(true);
        tokio::select! {
            () = self.server.ended() => {}
            () = SystemClock.sleep_until(until) => tracing::warn!("requests did not end in time"),
        }
        self.system.fleet.ended().await;
    }
}
