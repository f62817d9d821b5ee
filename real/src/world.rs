//! The world: services, databases, processes, bridge, in the order in which each needs the one before.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use google::bridge::Bridge;
use google::config::PubsubConfig;
use google::publish::{PublishLimits, PubsubPublisher};
use local::carrier::{Carrier, Elsewhere};
use local::functions::{FUNCTIONS, MAX_BACKOFF_MS, MIN_BACKOFF_MS};
use local::site::{Options, Outside, Site};
use local::world::World;
use mysql::ledger::MysqlLedger;
use mysql::pool::{PoolOptions, connect};
use mysql::state::MysqlState;
use mysql::tenant::{App, MysqlTenants, TenantAddresses};
use shared::domain::surface::SyncConfig;
use shared::runtime::clock::SystemClock;
use shared::runtime::env::Env;
use shared::runtime::ids::{Ids, RandomIds};
use shared::runtime::tasks::{Spawn, TokioSpawn};
use sqlx::MySqlPool;

use crate::bridge::AUDIENCE;
use crate::children::Place;
use crate::databases::Databases;
use crate::environment::Surroundings;
use crate::fleet::Processes;
use crate::people::People;
use crate::services::Services;
use crate::{bridge, bucket, buffer, fleet, inside, services};

/// The world's own connections to each database.
const CONNECTIONS: u32 = 8;

/// A message may lie with the emulator unseen for so long, in ms: many times what the bridge takes to pull it.
const UNSEEN_MS: i64 = 1_500;

/// How functions reach the services, where that is not how the world does, and how patiently they are pushed to.
pub(crate) struct Roads {
    /// The address of MySQL.
    pub(crate) mysql: String,
    /// The address of Redis.
    pub(crate) redis: String,
    /// The shortest and the longest wait before a push is tried again.
    pub(crate) backoff: [Duration; 2],
}

impl Roads {
    /// The world's own, and Pub/Sub as it is deployed.
    pub(crate) fn straight(services: &Services) -> Self {
        let backoff = [MIN_BACKOFF_MS, MAX_BACKOFF_MS].map(|ms| Duration::from_millis(ms.unsigned_abs()));
        Self { mysql: services.mysql.clone(), redis: services.redis.clone(), backoff }
    }
}

/// Everything that a site is missing, and what of it can be troubled and looked into.
pub(crate) struct Built {
    pub(crate) outside: Outside,
    pub(crate) fleet: Arc<Processes>,
    pub(crate) state: MySqlPool,
    pub(crate) ledger: MySqlPool,
}

/// Starts a world that syncs what `config` says, the text of a `sync.toml`. It answers at its address when this
/// returns; the error is for people.
pub async fn start(options: Options, config: &str) -> Result<World, String> {
    let site = site(options, config).await?;
    let services = services::find(&Env::of_process()).await?;
    let built = build(&site, &services, &Roads::straight(&services), config).await?;
    Ok(World::open(site, built.outside).await)
}

/// Takes the address of a world that syncs what `config` says.
pub(crate) async fn site(options: Options, config: &str) -> Result<Site, String> {
    let parsed = Arc::new(SyncConfig::parse(config).map_err(|error| error.to_string())?);
    let listen = options.listen;
    Site::take(Options { config: parsed, ..options }).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!("{listen} is in use; choose another with --port"),
        _ => format!("cannot listen on {listen}: {error}"),
    })
}

/// Makes the databases, starts the processes, and has Pub/Sub push to them.
pub(crate) async fn build(
    site: &Site,
    services: &Services,
    roads: &Roads,
    config: &str,
) -> Result<Built, String> {
    // Google's clients and ours share one TLS provider; a second call only says that there is one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (databases, made, emptied) = tokio::join!(
        Databases::make(&services.mysql, &roads.mysql, &site.options.config),
        bucket::make(&site.http, &services.storage),
        buffer::empty(&services.redis),
    );
    made.and(emptied)?;
    let (databases, logs) = (databases?, logs(&services.folder)?);
    let config = written(&services.folder, config)?;

    // The emulator forgets nothing while it runs: a project of its own keeps a world from another's messages.
    let project = format!("world-{}", RandomIds.draw().simple());
    let ports = fleet::ports().await.map_err(|error| format!("no free ports: {error}"))?;
    let endpoints = |function: &str| {
        let ports = ports.get(function).map(Vec::as_slice).unwrap_or_default();
        ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect()
    };
    let bridge = bridge::start(&services.pubsub, &project, roads.backoff, endpoints).await;
    let bridge = bridge.map_err(|error| error.to_string())?;
    let publisher = publisher(services, &project).await?;
    let surroundings = Surroundings {
        services,
        redis: &roads.redis,
        databases: &databases,
        project: &project,
        config: &config,
        jwks_url: bridge.jwks_url(),
        ingest_keys: site.ingest_keys(),
        netsuite_url: site.netsuite_url(),
        own: &Env::of_process(),
    };
    let mut places = Vec::new();
    for function in FUNCTIONS {
        for (at, port) in ports[function].iter().enumerate() {
            let place = Place::new(function, at + 1, *port, surroundings.of(function), &logs);
            places.push(place.map_err(|error| format!("{}: {error}", logs.display()))?);
        }
    }
    outside(site, databases, places, bridge, publisher).await
}

/// Everything that the site is missing.
async fn outside(
    site: &Site,
    databases: Databases,
    places: Vec<Arc<Place>>,
    bridge: Bridge,
    publisher: Arc<PubsubPublisher>,
) -> Result<Built, String> {
    let pool = |url| {
        let options = PoolOptions { connections: CONNECTIONS, ..PoolOptions::new(url) };
        connect(&options).map_err(|error| error.to_string())
    };
    let (state, ledger) = (pool(databases.state(None))?, pool(databases.ledger(None))?);
    let config = &site.options.config;
    let (reader, worker) = MysqlLedger::new(ledger.clone());
    TokioSpawn.spawn(Box::pin(worker));
    let addresses = TenantAddresses(databases.tenants(None));
    let tenants = MysqlTenants::new(config, &addresses).map_err(|wrong| wrong.join("\n"))?;
    let carrier =
        Carrier::Elsewhere(Elsewhere { on_their_way: Box::new(bridge.held()), unseen_ms: UNSEEN_MS });
    let scheduler = bridge.caller(AUDIENCE);
    let fleet = Arc::new(Processes::start(places, bridge, scheduler, Arc::clone(&publisher)).await?);
    let outside = Outside {
        fleet: Arc::clone(&fleet) as _,
        state: Arc::new(MysqlState::new(state.clone(), Arc::clone(config))),
        ledger: Arc::new(reader),
        inside: Arc::new(inside::Databases {
            state: state.clone(),
            ledger: ledger.clone(),
            _turn: databases,
        }),
        suitex: Arc::new(People { app: App::new(Arc::new(tenants)), committed: site.on_commit() }),

        carrier,
    };
    Ok(Built { outside, fleet, state, ledger })
}

async fn publisher(services: &Services, project: &str) -> Result<Arc<PubsubPublisher>, String> {
    let config = PubsubConfig::new(project, Some(services.pubsub.clone()));
    let publisher = PubsubPublisher::new(&config, PublishLimits::default(), Arc::new(SystemClock)).await;
    publisher.map(Arc::new).map_err(|error| error.to_string())
}

/// The folder of the processes' logs.
fn logs(folder: &Path) -> Result<PathBuf, String> {
    let logs = folder.join("logs");
    let made = std::fs::create_dir_all(&logs);
    made.map(|()| logs.clone()).map_err(|error| format!("{}: {error}", logs.display()))
}

/// What is synced, as the file that the processes read.
fn written(folder: &Path, config: &str) -> Result<PathBuf, String> {
    let path = folder.join("sync.toml");
    let written = std::fs::write(&path, config);
    written.map(|()| path.clone()).map_err(|error| format!("{}: {error}", path.display()))
}
