//! The fleet in this process: one running instance of each function.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use shared::blob::Blob;
use shared::buffer::Buffer;
use shared::domain::surface::SyncConfig;
use shared::ledger::Ledger;
use shared::messenger::Messenger;
use shared::netsuite::sign::Signer;
use shared::netsuite::transport::Transport;
use shared::pubsub::Publish;
use shared::runtime::clock::{BoxFuture, Clock, SystemClock};
use shared::runtime::ids::RandomIds;
use shared::runtime::metrics::Metrics;
use shared::runtime::signature::Keys;
use shared::runtime::tasks::{Spawn, Tasks, TokioSpawn};
use shared::runtime::{Edge, Ports};
use shared::state::State;
use shared::suitex::Tenants;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::fleet::Fleet;
use crate::functions::{self, FUNCTIONS, Parts};

/// How long background work may take to end, in ms.
const END_WITHIN_MS: i64 = 3_000;

/// How often we look whether it has ended, in ms.
const LOOK_MS: i64 = 20;

/// What all instances share.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) config: Arc<SyncConfig>,
    pub(crate) state: Arc<dyn State>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) buffer: Arc<dyn Buffer>,
    pub(crate) publish: Arc<dyn Publish>,
    pub(crate) blob: Arc<dyn Blob>,
    pub(crate) netsuite: Transport,
    pub(crate) netsuite_url: String,
    pub(crate) tenants: Arc<dyn Tenants>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) messenger: Arc<dyn Messenger>,
}

/// The instances, by function.
pub(crate) struct Instances {
    blueprint: Blueprint,
    instances: BTreeMap<&'static str, RwLock<Instance>>,
    crashes: Mutex<BTreeMap<&'static str, u64>>,
}

/// One instance. It lives as long as `life` is there and says so.
#[derive(Clone)]
struct Instance {
    router: Router,
    tasks: Tasks,
    life: Arc<watch::Sender<bool>>,
}

/// Runs work until it ends or its instance dies.
struct Mortal(Arc<watch::Sender<bool>>);

impl Spawn for Mortal {
    fn spawn(&self, work: BoxFuture<()>) {
        let life = self.0.subscribe();
        TokioSpawn.spawn(Box::pin(async move {
            tokio::select! {
                biased;
                () = death(life) => {}
                () = work => {}
            }
        }));
    }
}

/// Completes when the instance dies.
async fn death(mut life: watch::Receiver<bool>) {
    // An error means that the sender is gone, and the instance with it.
    let _ = life.wait_for(|alive| !alive).await;
}

impl Instance {
    fn start(name: &'static str, blueprint: &Blueprint) -> Self {
        let Blueprint {
            config,
            state,
            ledger,
            buffer,
            publish,
            blob,
            netsuite,
            netsuite_url,
            tenants,
            keys,
            messenger,
        } = blueprint.clone();
        let life = Arc::new(watch::Sender::new(true));
        let tasks = Tasks::new(Mortal(Arc::clone(&life)));
        let edge = Edge {
            config,
            buffer,
            publish,
            blob,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            tasks: tasks.clone(),
            metrics: Metrics::new(name),
        };
        let ports = Ports { state, ledger, edge };
        // The playground's NetSuite lets everybody in.
        let signer = Signer::unsigned();
        let parts = Parts { ports, netsuite, signer, netsuite_url, tenants, keys, messenger };
        let router = functions::instance(name, parts).expect("the name comes from the table of functions");
        Self { router, tasks, life }
    }
}

impl Instances {
    /// Starts an instance of each function.
    pub(crate) fn start(blueprint: Blueprint) -> Self {
        let start = |name| (name, RwLock::new(Instance::start(name, &blueprint)));
        let instances = FUNCTIONS.into_iter().map(start).collect();
        Self { blueprint, instances, crashes: Mutex::default() }
    }

    fn instance(&self, function: &str) -> Option<Instance> {
        let slot = self.instances.get(function)?;
        Some(slot.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn crash_counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.crashes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Fleet for Instances {
    async fn call(&self, function: &str, request: Request<Body>) -> Option<Response> {
        let instance = self.instance(function)?;
        tokio::select! {
            biased;
            () = death(instance.life.subscribe()) => None,
            Ok(response) = instance.router.oneshot(request) => Some(response),
        }
    }

    fn crash(&self, function: &str) -> bool {
        let Some((name, slot)) = self.instances.get_key_value(function) else { return false };
        let fresh = Instance::start(name, &self.blueprint);
        let dead = std::mem::replace(&mut *slot.write().unwrap_or_else(PoisonError::into_inner), fresh);
        dead.life.send_replace(false);
        *self.crash_counts().entry(name).or_default() += 1;
        true
    }

    fn crashes(&self) -> BTreeMap<&'static str, u64> {
        self.crash_counts().clone()
    }

    fn busy(&self) -> Vec<&'static str> {
        self.instances
            .keys()
            .copied()
            .filter(|name| self.instance(name).is_some_and(|i| i.tasks.is_busy()))
            .collect()
    }

    fn stop(&self) {
        for name in self.instances.keys() {
            if let Some(instance) = self.instance(name) {
                instance.tasks.stop();
            }
        }
    }

    async fn ended(&self) {
        let until = SystemClock.now().plus(END_WITHIN_MS);
        while !self.busy().is_empty() {
            if SystemClock.now() >= until {
                return tracing::warn!("background work did not end in time");
            }
            SystemClock.sleep_until(SystemClock.now().plus(LOOK_MS)).await;
        }
    }
}
