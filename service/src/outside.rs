//! The outside of a process: connections, and what is asked of them before the first request.

use std::sync::Arc;
use std::time::Duration;

use google::blob::{BlobLimits, GcsBlob};
use google::publish::{PublishLimits, PubsubPublisher};
use mysql::ledger::MysqlLedger;
use mysql::migrate::{self, Schema};
use mysql::pool::{self, PoolOptions};
use mysql::state::MysqlState;
use mysql::tenant::MysqlTenants;
use redis_buffer::RedisBuffer;
use shared::ledger::Ledger;
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::env::Secret;
use shared::runtime::ids::RandomIds;
use shared::runtime::metrics::Metrics;
use shared::runtime::tasks::{Tasks, TokioSpawn};
use shared::runtime::{Edge, Ports};
use shared::state::State;
use sqlx::MySqlPool;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::NotStarted;
use crate::settings::{Databases, Own, Settings};

/// Each question before the start is given so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A clock that is further from the database's than this, ms, would make windows and leases wrong.
const CLOCK_APART_MS: i64 = 5_000;

/// What waits for the ledger at the end is given so long.
const LEDGER_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// Everything outside of one process.
pub(crate) struct Outside {
    pub(crate) edge: Edge,
    pub(crate) tenants: Option<Arc<MysqlTenants>>,
    databases: Option<Opened>,
    publisher: Arc<PubsubPublisher>,
    blob: Arc<GcsBlob>,
    redis: Arc<RedisBuffer>,
}

/// Our databases.
struct Opened {
    state: MySqlPool,
    records: Arc<dyn State>,
    ledger: Option<OpenedLedger>,
}

/// The ledger, and the worker that appends for it.
struct OpenedLedger {
    pool: MySqlPool,
    port: Arc<dyn Ledger>,
    worker: JoinHandle<()>,
}

impl Outside {
    /// Prepares every connection that the function needs; the error names everything that cannot be one.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, NotStarted> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut wrong = Vec::new();
        let redis = RedisBuffer::open(settings.redis.expose(), settings.redis_authority.clone());
        let redis = redis.map_err(|error| wrong.push(format!("REDIS_URL {error}")));
        let publisher = PubsubPublisher::new(&settings.pubsub, PublishLimits::default(), Arc::clone(&clock));
        let publisher = publisher.await.map_err(|error| wrong.push(error.to_string()));
        let blob = GcsBlob::new(&settings.storage, BlobLimits::default()).await;
        let blob = blob.map_err(|error| wrong.push(error.to_string()));
        let databases = settings.databases.as_ref().map(|databases| open_databases(databases, settings));
        let databases = databases.transpose().map_err(|lines| wrong.extend(lines));
        let tenants = settings.tenants.as_ref().map(|at| MysqlTenants::new(&settings.config, at));
        let tenants = tenants.transpose().map_err(|lines| wrong.extend(lines));
        let (Ok(redis), Ok(publisher), Ok(blob), Ok(databases), Ok(tenants)) =
            (redis, publisher, blob, databases, tenants)
        else {
            return Err(NotStarted(wrong));
        };
        let (redis, publisher, blob) = (Arc::new(redis), Arc::new(publisher), Arc::new(blob));
        let edge = Edge {
            config: Arc::clone(&settings.config),
            buffer: Arc::clone(&redis) as _,
            publish: Arc::clone(&publisher) as _,
            blob: Arc::clone(&blob) as _,
            clock,
            ids: Arc::new(RandomIds),
            tasks: Tasks::new(TokioSpawn),
            metrics: Metrics::new(settings.function),
        };
        Ok(Self { edge, tenants: tenants.map(Arc::new), databases, publisher, blob, redis })
    }

    /// All ports, of a function that has business in both databases.
    pub(crate) fn ports(&self) -> Option<Ports> {
        let ledger = Arc::clone(&self.databases.as_ref()?.ledger.as_ref()?.port);
        Some(Ports { state: self.state()?, ledger, edge: self.edge.clone() })
    }

    /// The state, of a function that has business there.
    pub(crate) fn state(&self) -> Option<Arc<dyn State>> {
        self.databases.as_ref().map(|databases| Arc::clone(&databases.records))
    }

    /// Asks everything outside whether it is there and what it should be; the error names all that is not.
    pub(crate) async fn check(&self, settings: &Settings) -> Result<(), NotStarted> {
        let mut wrong = Vec::new();
        if let Err(refused) = self.redis.check().await {
            wrong.push(format!("REDIS_URL: {refused}"));
        }
        if let Err(refused) = self.publisher.check().await {
            wrong.extend(refused);
        }
        if let Some(bucket) = settings.bucket()
            && let Err(refused) = self.blob.check(bucket).await
        {
            wrong.push(format!("BLOB_BUCKET: {refused}"));
        }
        if let Some(databases) = &self.databases {
            let now = self.edge.clock.now().0;
            wrong.extend(database("STATE_DATABASE_URL", &databases.state, Schema::SyncState, now).await);
            if let Some(ledger) = &databases.ledger {
                wrong.extend(database("LEDGER_DATABASE_URL", &ledger.pool, Schema::EventStore, now).await);
            }
        }
        for account in settings.config.accounts.keys() {
            let Some(tenants) = &self.tenants else { break };
            let name = format!("TENANT_DATABASES, {account}");
            match tenants.pool(account) {
                Some(pool) => {
                    wrong.extend(database(&name, pool, Schema::Tenant, self.edge.clock.now().0).await)
                }
                None => wrong.push(format!("{name}: there is no address")),
            }
        }
        if !wrong.is_empty() {
            return Err(NotStarted(wrong));
        }
        if let (Own::SxWriter, Some(tenants)) = (&settings.own, &self.tenants) {
            warn_of_missing_indexes(tenants, settings).await;
        }
        Ok(())
    }

    /// Ends in order: what was published is sent, what waits for the ledger is written.
    pub(crate) async fn close(self) {
        let Self { edge, publisher, databases, .. } = self;
        publisher.stop().await;
        drop(edge);
        let Some(OpenedLedger { port, worker, .. }) = databases.and_then(|opened| opened.ledger) else {
            return;
        };
        // The ledger's worker ends once nobody holds the ledger.
        drop(port);
        if timeout(LEDGER_ENDS_WITHIN, worker).await.is_err() {
            tracing::warn!("appends were still under way at the end; their callers were not told Ok");
        }
    }
}

/// A line for each match key that no index in SuiteX's databases serves. It is slow and not wrong, so nothing is refused.
async fn warn_of_missing_indexes(tenants: &MysqlTenants, settings: &Settings) {
    for account in settings.config.accounts.keys() {
        let asked = async { tenants.unindexed(account).await.map_err(|error| error.to_string()) };
        match timeout(ANSWER_WITHIN, asked).await.unwrap_or_else(|_| Err("no answer in time".into())) {
            Ok(missing) => {
                for missing in &missing {
                    tracing::warn!(%account, table = missing.table, column = missing.column, "{missing}");
                }
            }
            Err(error) => {
                tracing::warn!(%account, error, "whether indexes serve the match keys is not known");
            }
        }
    }
}

fn open_databases(databases: &Databases, settings: &Settings) -> Result<Opened, Vec<String>> {
    let mut wrong = Vec::new();
    let mut open = |name: &str, url: &Secret| {
        let options = PoolOptions { connections: databases.connections, ..PoolOptions::new(url.expose()) };
        pool::connect(&options).map_err(|error| wrong.push(format!("{name} is {error}"))).ok()
    };
    let state = open("STATE_DATABASE_URL", &databases.state);
    let ledger = databases.ledger.as_ref().map(|url| open("LEDGER_DATABASE_URL", url));
    let (Some(state), Some(ledger)) = (state, ledger.map_or(Some(None), |pool| pool.map(Some))) else {
        return Err(wrong);
    };
    let records = MysqlState::new(state.clone(), Arc::clone(&settings.config));
    Ok(Opened { state, records: Arc::new(records), ledger: ledger.map(open_ledger) })
}

fn open_ledger(pool: MySqlPool) -> OpenedLedger {
    let (appender, worker) = MysqlLedger::new(pool.clone());
    #[expect(
        clippy::disallowed_methods,
        reason = "the ledger's own worker: it outlives Tasks, which it serves"
    )]
    let worker = tokio::task::spawn(worker);
    OpenedLedger { pool, port: Arc::new(appender), worker }
}

/// What is wrong with a database: its address, our account there, its level, or our clock against its own.
async fn database(name: &str, pool: &MySqlPool, schema: Schema, now_ms: i64) -> Option<String> {
    let asked = timeout(ANSWER_WITHIN, async {
        migrate::check(pool, schema).await.map_err(|error| error.to_string())?;
        let clock = "select cast(unix_timestamp(utc_timestamp(3)) * 1000 as signed)";
        let theirs: i64 =
            sqlx::query_scalar(clock).fetch_one(pool).await.map_err(|error| error.to_string())?;
        match (theirs - now_ms).abs() {
            apart if apart > CLOCK_APART_MS => {
                Err(format!("our clock and the database's are {apart} ms apart: set this machine's clock"))
            }
            _ => Ok(()),
        }
    });
    let answer = asked.await.unwrap_or_else(|_| Err("no answer in time".into()));
    answer.err().map(|why| format!("{name}: {why}"))
}
