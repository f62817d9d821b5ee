//! A site: functions, bus, both systems, and what ticks.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use local::carrier::LocalBus;
use local::functions::{self, FUNCTIONS, Parts};
use local::mailbox::Mailbox;
use local::netsuite::{Faults, NetSuite, Scripts};
use local::signed::signed;
use local::site::CONFIG;
use mysql::ledger::MysqlLedger;
use mysql::state::MysqlState;
use mysql::tenant::{MysqlTenants, TenantAddresses};
use redis_buffer::RedisBuffer;
use shared::blob::memory::MemoryBlob;
use shared::domain::id::{AccountId, Side};
use shared::domain::surface::SyncConfig;
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Transport;
use shared::pubsub::Publish;
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::ids::{Ids, RandomIds};
use shared::runtime::metrics::Metrics;
use shared::runtime::serve::serve;
use shared::runtime::signature::Keys;
use shared::runtime::tasks::{Spawn, Tasks, TokioSpawn};
use shared::runtime::{Edge, Ports};
use tokio::runtime::{Handle, Runtime};
use tokio::task::AbortHandle;

use crate::Failure;
use crate::apart::{self, Apart, HttpPublish, free_port};
use crate::bus::pump;
use crate::databases::{Databases, Servers};
use crate::function::{Fleet, Function, runtime};
use crate::pubsub::PubSub;
use crate::watch::{self, Arrivals, WatchedTenants};

/// Connections to each database, as `DATABASE_CONNECTIONS` says unless it is set.
const CONNECTIONS: u32 = 8;

/// The scheduler ticks so often, in ms; the relay of SuiteX's outbox each second of it.
const TICK_MS: i64 = 10_000;

/// User Events are looked for at this pace, in ms.
const USER_EVENTS_MS: i64 = 5;

/// Posts of the User Event script under way at once.
const POSTS_MAX: usize = 64;

/// A secret for development.
const SECRET: &str = "whsec_YmVuY2htYXJrIGtleSBvZiBubyBzZWNyZXQ=";

/// The product's own configuration with so many accounts instead of its own.
pub(crate) fn config(accounts: usize, coalescing: Option<&str>) -> Result<Arc<SyncConfig>, Failure> {
    config_with(accounts, coalescing, "")
}

/// The same, and what `more` says.
pub(crate) fn config_with(
    accounts: usize,
    coalescing: Option<&str>,
    more: &str,
) -> Result<Arc<SyncConfig>, Failure> {
    let at = |section| CONFIG.find(section).ok_or("the product's configuration has changed");
    let (accounts_at, types_at) = (at("[account.")?, at("[type.")?);
    let account = |n: usize| {
        // NetSuite's Enterprise tier; nobody else calls.
        let limits = "{ concurrency = 20, share = 0.5, daily_requests = 100000000 }";
        format!("[account.a{n:03}]\nnetsuite_account = \"{}\"\nlimits = {limits}\n", 1_000_000 + n)
    };
    let accounts: String = (0..accounts).map(account).collect();
    let coalescing = coalescing.unwrap_or(&CONFIG[..accounts_at]);
    let config = SyncConfig::parse(&format!("{coalescing}\n{accounts}\n{}\n{more}", &CONFIG[types_at..]));
    Ok(Arc::new(config.map_err(|error| error.to_string())?))
}

/// What carries messages from function to function.
enum Bus {
    /// A bus of this process, which costs nothing.
    Here(Arc<LocalBus>),
    /// The one that is deployed.
    PubSub(Box<PubSub>),
}

impl Bus {
    /// An instance's own way to publish, on its own runtime.
    async fn publisher(&self, on: &Handle) -> Result<Arc<dyn Publish>, Failure> {
        match self {
            Bus::Here(bus) => Ok(bus.publisher(Arc::new(SystemClock))),
            Bus::PubSub(pubsub) => pubsub.publisher(on).await,
        }
    }

    /// Messages that are not delivered yet, as far as they can be counted.
    fn backlog(&self) -> usize {
        match self {
            Bus::Here(bus) => bus.backlog(),
            Bus::PubSub(pubsub) => pubsub.held(),
        }
    }
}

/// Everything, running.
pub(crate) struct Stack {
    pub(crate) config: Arc<SyncConfig>,
    pub(crate) databases: Databases,
    bus: Bus,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) netsuite: Arc<NetSuite>,
    pub(crate) arrivals: Arc<Arrivals>,
    /// The functions' processes, where they are any.
    pub(crate) apart: BTreeMap<&'static str, Apart>,
    background: Vec<AbortHandle>,
    netsuite_runtime: Option<Runtime>,
}

/// What all instances of a site share.
struct Site {
    config: Arc<SyncConfig>,
    databases: Databases,
    redis: String,
    publish: Arc<dyn Publish>,
    netsuite: Transport,
    netsuite_url: String,
    arrivals: Arc<Arrivals>,
}

impl Stack {
    /// Makes a site of its own name, and starts the functions; nothing moves before [`Stack::start`].
    pub(crate) async fn make(
        servers: &Servers,
        name: (&str, u8),
        config: Arc<SyncConfig>,
    ) -> Result<Self, Failure> {
        Self::over(servers, name, config, Bus::Here(Arc::new(LocalBus::new(1)))).await
    }

    /// The same over Pub/Sub, which pushes to the functions over HTTP.
    pub(crate) async fn make_over_pubsub(
        servers: &Servers,
        name: (&str, u8),
        config: Arc<SyncConfig>,
    ) -> Result<Self, Failure> {
        let pubsub = PubSub::begin(&Servers::pubsub_of_environment()?).await?;
        Self::over(servers, name, config, Bus::PubSub(Box::new(pubsub))).await
    }

    async fn over(
        servers: &Servers,
        (site, redis): (&str, u8),
        config: Arc<SyncConfig>,
        bus: Bus,
    ) -> Result<Self, Failure> {
        let mut stack = Self::empty(servers, site, config, bus).await?;
        let (redis, mut fleet) = (servers.redis(redis).await?, BTreeMap::new());
        for name in FUNCTIONS {
            let runtime = runtime(name);
            let publish = stack.bus.publisher(runtime.handle()).await?;
            let site = stack.site(redis.clone(), "http://netsuite".into(), publish);
            let (router, tasks) = {
                let _inside = runtime.enter();
                site.instance(name)?
            };
            if let Bus::PubSub(pubsub) = &mut stack.bus {
                pubsub.open(name, router.clone(), runtime.handle())?;
            }
            fleet.insert(name, Function::new(router, tasks, runtime));
        }
        stack.fleet = Arc::new(Fleet(fleet));
        Ok(stack)
    }

    /// The same with a process for each function. What SuiteX is written is not seen from here.
    pub(crate) async fn make_apart(
        servers: &Servers,
        (site, redis): (&str, u8),
        config: Arc<SyncConfig>,
    ) -> Result<Self, Failure> {
        let accounts = config.accounts.len();
        let bus = Bus::Here(Arc::new(LocalBus::new(1)));
        let mut stack = Self::empty(servers, site, config, bus).await?;
        let port = free_port().await?;
        let parent = format!("http://127.0.0.1:{port}");
        let publish = stack.bus.publisher(&Handle::current()).await?;
        let here = stack.site(servers.redis(redis).await?, parent.clone(), publish);
        let served = apart::serve_children(here.publish, here.netsuite, port);
        stack.background.push(Handle::current().spawn(async move { drop(served.await) }).abort_handle());
        let mut fleet = BTreeMap::new();
        for name in FUNCTIONS {
            let (name_, parent, site) = (name.to_string(), parent.clone(), site.to_string());
            let port = free_port().await?;
            let options = apart::Options { name: name_, accounts, parent, port, site, redis };
            let (child, router) = Apart::start(&options).await?;
            stack.apart.insert(name, child);
            fleet.insert(name, Function::new(router, Tasks::new(TokioSpawn), runtime(&format!("to {name}"))));
        }
        stack.fleet = Arc::new(Fleet(fleet));
        Ok(stack)
    }

    /// A site without functions.
    async fn empty(
        servers: &Servers,
        site: &str,
        config: Arc<SyncConfig>,
        bus: Bus,
    ) -> Result<Self, Failure> {
        Ok(Self {
            databases: Databases::make(servers, site, &config).await?,
            bus,
            fleet: Arc::new(Fleet(BTreeMap::new())),
            netsuite: NetSuite::new(Arc::clone(&config), Arc::new(SystemClock), 1, Scripts::Native),
            arrivals: Arc::default(),
            apart: BTreeMap::new(),
            background: Vec::new(),
            netsuite_runtime: Some(runtime("netsuite")),
            config,
        })
    }

    fn site(&self, redis: String, netsuite_url: String, publish: Arc<dyn Publish>) -> Site {
        let runtime = self.netsuite_runtime.as_ref().expect("it is there until it is dropped");
        let arrivals = Arc::clone(&self.arrivals);
        Site {
            config: Arc::clone(&self.config),
            databases: self.databases.clone(),
            redis,
            publish,
            netsuite: watch::netsuite(
                self.netsuite.router(),
                runtime.handle().clone(),
                Arc::clone(&arrivals),
            ),
            netsuite_url,
            arrivals,
        }
    }

    /// Writes that have been carried out. Where those to SuiteX cannot be seen, as many as to NetSuite.
    pub(crate) fn arrived(&self) -> u64 {
        if self.apart.is_empty() { self.arrivals.all() } else { 2 * self.arrivals.writes(Side::NetSuite) }
    }

    /// How long a call of NetSuite takes.
    pub(crate) fn slow_netsuite(&self, latency_ms: i64) -> Result<(), Failure> {
        for account in self.config.accounts.keys() {
            let faults = Faults { latency_ms, ..Faults::default() };
            self.netsuite.set_faults(account, faults).map_err(|refusal| refusal.message)?;
        }
        Ok(())
    }

    /// Has everything move: the pump, the User Event script, the scheduler.
    pub(crate) fn start(&mut self) {
        let on = Handle::current();
        if let Bus::Here(bus) = &self.bus {
            let pump = pump(Arc::clone(bus), Arc::clone(&self.fleet));
            self.background.push(on.spawn(pump).abort_handle());
        }
        let script = Script {
            accounts: self.config.accounts.keys().cloned().collect(),
            netsuite: Arc::clone(&self.netsuite),
            fleet: Arc::clone(&self.fleet),
        };
        let (relayed, ticked) = (Arc::clone(&self.fleet), Arc::clone(&self.fleet));
        let relay = every(1_000, move || {
            let fleet = Arc::clone(&relayed);
            async move {
                fleet.post("outbox", "/tick").await;
            }
        });
        let tick = every(TICK_MS, move || {
            let fleet = Arc::clone(&ticked);
            async move {
                for name in ["merge", "ns-writer", "sx-writer"] {
                    fleet.post(name, "/tick").await;
                }
            }
        });
        self.background.push(on.spawn(script.run()).abort_handle());
        self.background.push(on.spawn(relay).abort_handle());
        self.background.push(on.spawn(tick).abort_handle());
    }

    /// Posts an event to ingest, signed.
    pub(crate) async fn post(&self, account: &AccountId, body: String) -> StatusCode {
        self.fleet.get("ingest").call(signed_now(account, body)).await
    }

    /// Waits until nothing moves any more; false when that takes too long.
    pub(crate) async fn settled(&self, within_ms: i64) -> Result<bool, Failure> {
        let (state, until) = (self.databases.pool("state", 1)?, SystemClock.now().plus(within_ms));
        // Each by its index: what has been done long ago is not looked at.
        let open = "select (select count(*) from pending_event where account_id = ? and due_at is not null) \
            + (select count(*) from current_state where account_id = ? and netsuite_due_at is not null) \
            + (select count(*) from current_state where account_id = ? and suitex_due_at is not null)";
        loop {
            let mut left = self.bus.backlog() as i64;
            for account in self.config.accounts.keys().map(AccountId::as_str) {
                let query = sqlx::query_scalar::<_, i64>(open).bind(account).bind(account).bind(account);
                left += query.fetch_one(&state).await?;
            }
            if left == 0 {
                return Ok(true);
            }
            if SystemClock.now() >= until {
                return Ok(false);
            }
            SystemClock.sleep_until(SystemClock.now().plus(50)).await;
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for work in &self.background {
            work.abort();
        }
        if let Some(runtime) = self.netsuite_runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Site {
    /// An instance of a function, with connections of its own. Must be called within the runtime that it is to
    /// live on.
    fn instance(&self, name: &'static str) -> Result<(Router, Tasks), Failure> {
        let (ledger, worker) = MysqlLedger::new(self.databases.pool("events", CONNECTIONS)?);
        TokioSpawn.spawn(Box::pin(worker));
        let state = MysqlState::new(self.databases.pool("state", CONNECTIONS)?, Arc::clone(&self.config));
        let addresses = TenantAddresses(self.databases.tenants(&self.config));
        let tenants = MysqlTenants::new(&self.config, &addresses).map_err(|wrong| wrong.join("\n"))?;
        let tenants = WatchedTenants { inner: Arc::new(tenants), arrivals: Arc::clone(&self.arrivals) };
        let keys = self.config.accounts.keys().map(|account| format!("{account}={SECRET}"));
        let tasks = Tasks::new(TokioSpawn);
        let edge = Edge {
            config: Arc::clone(&self.config),
            buffer: Arc::new(RedisBuffer::open(&self.redis, None)?),
            publish: Arc::clone(&self.publish),
            blob: Arc::<MemoryBlob>::default(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            tasks: tasks.clone(),
            metrics: Metrics::new(name),
        };
        let parts = Parts {
            ports: Ports { state: Arc::new(state), ledger: Arc::new(ledger), edge },
            netsuite: self.netsuite.clone(),
            signer: Signer::unsigned(),
            netsuite_url: format!("{}/netsuite/{{account}}", self.netsuite_url),
            tenants: Arc::new(tenants),
            keys: Arc::new(keys.collect::<Vec<_>>().join(";").parse::<Keys>()?),
            messenger: Arc::<Mailbox>::default(),
        };
        Ok((functions::instance(name, parts).ok_or("the table of functions has changed")?, tasks))
    }
}

/// Serves one function of a site that another process has made, until that ends it.
pub(crate) async fn serve_one(options: apart::Options) -> Result<(), Failure> {
    let servers = Servers::of_environment()?;
    let name = FUNCTIONS.into_iter().find(|name| *name == options.name).ok_or("there is no such function")?;
    let http = apart::client()?;
    let site = Site {
        config: config(options.accounts, None)?,
        databases: Databases::made(&servers, &options.site),
        redis: servers.redis_address(options.redis),
        publish: Arc::new(HttpPublish { parent: options.parent.clone(), http: http.clone() }),
        netsuite: http,
        netsuite_url: options.parent,
        arrivals: Arc::default(),
    };
    let (router, tasks) = site.instance(name)?;
    println!("ready");
    Ok(serve(router, (std::net::Ipv4Addr::LOCALHOST, options.port).into(), tasks, async {}).await?)
}

/// The User Event script: tells ingest of the saves in NetSuite.
struct Script {
    accounts: Vec<AccountId>,
    netsuite: Arc<NetSuite>,
    fleet: Arc<Fleet>,
}

impl Script {
    async fn run(self) {
        let places = Arc::new(tokio::sync::Semaphore::new(POSTS_MAX));
        loop {
            for account in &self.accounts {
                for event in self.netsuite.take_user_events(account) {
                    let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                    let answered = self.fleet.get("ingest").start(signed_now(account, event.to_string()));
                    self.fleet.get("ingest").spawn(async move {
                        let status = answered.await;
                        if status != StatusCode::ACCEPTED {
                            tracing::error!(%status, "a User Event was not taken");
                        }
                        drop(place);
                    });
                }
            }
            SystemClock.sleep_until(SystemClock.now().plus(USER_EVENTS_MS)).await;
        }
    }
}

/// A call of ingest.
fn signed_now(account: &AccountId, body: String) -> Request<Body> {
    let (id, now) = (RandomIds.draw().to_string(), SystemClock.now());
    signed(account.as_str(), SECRET, &id, now, body.into()).map(Body::from)
}

async fn every<F: Future<Output = ()>>(millis: i64, work: impl Fn() -> F) {
    loop {
        SystemClock.sleep_until(SystemClock.now().plus(millis)).await;
        work().await;
    }
}
