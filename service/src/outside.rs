//! The outside of a process: its connections, from their opening to their end.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join;
use google::blob::{BlobLimits, GcsBlob};
use google::publish::{PublishLimits, PubsubPublisher};
use google::token::{KeyLimits, PushVerifier};
use mysql::ledger::MysqlLedger;
use mysql::pool::{self, PoolOptions};
use mysql::state::MysqlState;
use mysql::tenant::MysqlTenants;
use redis_buffer::RedisBuffer;
use shared::domain::id::AccountId;
use shared::ledger::Ledger;
use shared::runtime::clock::Clock;
use shared::runtime::env::Secret;
use shared::runtime::ids::RandomIds;
use shared::runtime::metrics::Metrics;
use shared::runtime::tasks::{Tasks, TokioSpawn};
use shared::runtime::{Edge, Ports};
use shared::state::State;
use sqlx::MySqlPool;
use tokio::task::JoinHandle;

use crate::settings::{Settings, Told};

/// What could be opened. What could not, and what the function has no business in, is not there.
pub(crate) struct Parts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) verifier: Option<PushVerifier>,
    pub(crate) redis: Option<RedisBuffer>,
    pub(crate) publisher: Option<PubsubPublisher>,
    pub(crate) blob: Option<GcsBlob>,
    pub(crate) state: Option<MySqlPool>,
    pub(crate) ledger: Option<MySqlPool>,
    pub(crate) tenants: Option<MysqlTenants>,
}

impl Parts {
    /// Prepares every connection whose settings are right, and says of which that cannot be done.
    pub(crate) async fn open(settings: &Settings, told: &Told, clock: Arc<dyn Clock>) -> (Self, Vec<String>) {
        let mut wrong = Vec::new();
        let tokens = settings.tokens.as_ref().filter(|_| !told.about(&["PUSH_"]));
        let verifier = tokens.and_then(|tokens| {
            let verifier = PushVerifier::new(tokens, KeyLimits::default(), Arc::clone(&clock));
            verifier.map_err(|error| wrong.push(format!("PUSH_JWKS_URL: {error}"))).ok()
        });
        let redis = (!told.about(&["REDIS_"])).then(|| {
            let redis = RedisBuffer::open(settings.redis.expose(), settings.redis_authority.clone());
            redis.map_err(|error| wrong.push(format!("REDIS_URL {error}"))).ok()
        });
        let publisher = async {
            let limits = PublishLimits::default();
            match told.about(&["PUBSUB_"]) {
                true => None,
                false => Some(PubsubPublisher::new(&settings.pubsub, limits, Arc::clone(&clock)).await),
            }
        };
        let blob = async {
            match told.about(&["STORAGE_"]) {
                true => None,
                false => Some(GcsBlob::new(&settings.storage, BlobLimits::default()).await),
            }
        };
        let (publisher, blob) = join(publisher, blob).await;
        let publisher = publisher.and_then(|made| made.map_err(|error| wrong.push(error.to_string())).ok());
        let blob = blob.and_then(|made| made.map_err(|error| wrong.push(error.to_string())).ok());
        let mut database = |name: &str, url: &Secret, connections| {
            let options = PoolOptions { connections, ..PoolOptions::new(url.expose()) };
            let opened = (!told.about(&[name])).then(|| pool::connect(&options))?;
            opened.map_err(|error| wrong.push(format!("{name} is {error}"))).ok()
        };
        let ours = settings.databases.as_ref();
        let state = ours.and_then(|ours| database("STATE_DATABASE_URL", &ours.state, ours.connections));
        let ledger =
            ours.and_then(|ours| database("LEDGER_DATABASE_URL", ours.ledger.as_ref()?, ours.connections));
        // Without a configuration every address would be of an account that is not configured.
        let at = settings.tenants.as_ref().filter(|_| !told.about(&["TENANT_DATABASES", "SYNC_CONFIG"]));
        let tenants = at
            .and_then(|at| MysqlTenants::new(&settings.config, at).map_err(|lines| wrong.extend(lines)).ok());
        let redis = redis.flatten();
        (Self { clock, verifier, redis, publisher, blob, state, ledger, tenants }, wrong)
    }

    /// All of it together, for a function of which nothing is wrong; `aside`: whose SuiteX is not worked on, and why.
    /// None when something is missing.
    pub(crate) fn join(self, settings: &Settings, aside: BTreeMap<AccountId, String>) -> Option<Outside> {
        let Self { clock, verifier, redis, publisher, blob, state, ledger, tenants } = self;
        let (redis, publisher, blob) = (Arc::new(redis?), Arc::new(publisher?), Arc::new(blob?));
        let verifier = match settings.tokens {
            None => None,
            Some(_) => Some(Arc::new(verifier?)),
        };
        let databases = match &settings.databases {
            None => None,
            Some(needed) => {
                let records = MysqlState::new(state?, Arc::clone(&settings.config));
                let ledger = match needed.ledger {
                    None => None,
                    Some(_) => Some(open_ledger(ledger?)),
                };
                Some(Opened { records: Arc::new(records), ledger })
            }
        };
        let tenants = match settings.tenants {
            None => None,
            Some(_) => Some(Arc::new(tenants?.without(aside))),
        };
        let edge = Edge {
            config: Arc::clone(&settings.config),
            buffer: redis,
            publish: Arc::clone(&publisher) as _,
            blob,
            clock,
            ids: Arc::new(RandomIds),
            tasks: Tasks::new(TokioSpawn),
            metrics: Metrics::new(settings.function),
        };
        Some(Outside { edge, verifier, tenants, databases, publisher })
    }
}

/// Everything outside of one process.
pub(crate) struct Outside {
    pub(crate) edge: Edge,
    /// Of the tokens with which it is called, where Pub/Sub or the scheduler calls it.
    pub(crate) verifier: Option<Arc<PushVerifier>>,
    pub(crate) tenants: Option<Arc<MysqlTenants>>,
    databases: Option<Opened>,
    publisher: Arc<PubsubPublisher>,
}

/// Our databases.
struct Opened {
    records: Arc<dyn State>,
    ledger: Option<OpenedLedger>,
}

/// The ledger, and the worker that appends for it.
struct OpenedLedger {
    port: Arc<dyn Ledger>,
    worker: JoinHandle<()>,
}

impl Outside {
    /// All ports, of a function that has business in both databases.
    pub(crate) fn ports(&self) -> Option<Ports> {
        let ledger = Arc::clone(&self.databases.as_ref()?.ledger.as_ref()?.port);
        Some(Ports { state: self.state()?, ledger, edge: self.edge.clone() })
    }

    /// The state, of a function that has business there.
    pub(crate) fn state(&self) -> Option<Arc<dyn State>> {
        self.databases.as_ref().map(|databases| Arc::clone(&databases.records))
    }

    /// Ends: what was published is sent, what waits for the ledger is written. Whoever asks for it says how long
    /// that may take.
    pub(crate) async fn close(self) {
        let Self { edge, publisher, databases, .. } = self;
        drop(edge);
        let ledger = async {
            let Some(OpenedLedger { port, worker }) = databases.and_then(|opened| opened.ledger) else {
                return;
            };
            // The ledger's worker ends once nobody holds the ledger.
            drop(port);
            if worker.await.is_err() {
                tracing::warn!("the ledger's worker did not end as it should");
            }
        };
        join(publisher.stop(), ledger).await;
    }
}

fn open_ledger(pool: MySqlPool) -> OpenedLedger {
    let (appender, worker) = MysqlLedger::new(pool);
    #[expect(
        clippy::disallowed_methods,
        reason = "the ledger's own worker: it outlives Tasks, which it serves"
    )]
    let worker = tokio::task::spawn(worker);
    OpenedLedger { port: Arc::new(appender), worker }
}
