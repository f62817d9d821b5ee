//! The bus as it is deployed: Pub/Sub, here its emulator, takes what functions publish over gRPC and pushes it to them
//! over HTTP, with signed tokens that they verify.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use google::bridge::{Bridge, BridgeConfig, BridgeSubscription};
use google::config::{PubsubConfig, TokenConfig};
use google::publish::{PublishLimits, PubsubPublisher};
use google::token::{KeyLimits, PushVerifier, verified};
use local::functions::{FUNCTIONS, MAX_BACKOFF_MS, MIN_BACKOFF_MS, PUSHES, Push};
use shared::pubsub::{Publish, Topic};
use shared::runtime::clock::SystemClock;
use shared::runtime::ids::{Ids, RandomIds};
use shared::runtime::metrics::Metrics;
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};

use crate::Failure;
use crate::function::runtime;

/// The account for which Pub/Sub speaks.
const SERVICE_ACCOUNT: &str = "push@bench.iam.gserviceaccount.com";

/// The audience of its tokens.
const AUDIENCE: &str = "suitex-sync";

/// Pushes under way at once, per subscription.
const PARALLEL: usize = 64;

/// A push that is not answered after so long has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Pub/Sub, and the doors by which it comes to the functions.
pub(crate) struct PubSub {
    config: PubsubConfig,
    bridge: Option<Bridge>,
    verifier: Arc<PushVerifier>,
    /// Of each function that is not served yet.
    doors: BTreeMap<&'static str, std::net::TcpListener>,
    /// What plays Pub/Sub has a runtime of its own, so that its CPU is not taken for the product's.
    runtime: Option<Runtime>,
}

impl PubSub {
    /// Pub/Sub at `emulator`, `host:port`, with topics of its own: an emulator forgets nothing while it runs.
    pub(crate) async fn begin(emulator: &str) -> Result<Self, Failure> {
        // A second call only says that there is one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut doors = BTreeMap::new();
        for name in FUNCTIONS {
            doors.insert(name, std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
        }
        let config = PubsubConfig::new(format!("bench-{}", RandomIds.draw().simple()), Some(emulator.into()));
        let bridged = BridgeConfig {
            emulator: emulator.into(),
            project: config.project.clone(),
            subscriptions: PUSHES
                .iter()
                .map(|push| subscription(push, &doors))
                .collect::<Result<_, Failure>>()?,
            service_account_email: SERVICE_ACCOUNT.into(),
            parallel: PARALLEL,
            answer_within: ANSWER_WITHIN,
        };
        let runtime = runtime("pubsub");
        let bridge = runtime.spawn(Bridge::start(bridged, Arc::new(SystemClock))).await??;
        let tokens = TokenConfig {
            audience: AUDIENCE.into(),
            service_accounts: vec![SERVICE_ACCOUNT.into()],
            jwks_url: bridge.jwks_url(),
        };
        let verifier = PushVerifier::new(&tokens, KeyLimits::default(), Arc::new(SystemClock))?;
        Ok(Self { config, bridge: Some(bridge), verifier: Arc::new(verifier), doors, runtime: Some(runtime) })
    }

    /// An instance's own way to publish, on its own runtime.
    pub(crate) async fn publisher(&self, on: &Handle) -> Result<Arc<dyn Publish>, Failure> {
        let config = self.config.clone();
        let publisher = on.spawn(async move {
            PubsubPublisher::new(&config, PublishLimits::default(), Arc::new(SystemClock)).await
        });
        Ok(Arc::new(publisher.await??))
    }

    /// Opens a function's door: from now on what is pushed to it reaches `router`, if its token is believed.
    pub(crate) fn open(&mut self, name: &'static str, router: Router, on: &Handle) -> Result<(), Failure> {
        let door = self.doors.remove(name).ok_or("a door is opened once")?;
        door.set_nonblocking(true)?;
        let router = verified(router, Arc::clone(&self.verifier), &Metrics::new(name));
        let _inside = on.enter();
        let served = axum::serve(TcpListener::from_std(door)?, router);
        on.spawn(served.into_future());
        Ok(())
    }

    /// Messages that were pulled and are not delivered yet.
    pub(crate) fn held(&self) -> usize {
        self.bridge.as_ref().map_or(0, |bridge| bridge.held()())
    }
}

impl Drop for PubSub {
    fn drop(&mut self) {
        self.bridge.take();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A subscription as it is deployed, to the door of its function.
fn subscription(
    push: &Push,
    doors: &BTreeMap<&'static str, std::net::TcpListener>,
) -> Result<BridgeSubscription, Failure> {
    let address = doors.get(push.function).ok_or("a push names a function")?.local_addr()?;
    Ok(BridgeSubscription {
        id: push.subscription.into(),
        topic: push.topic.as_str().into(),
        endpoints: vec![format!("http://{address}{}", push.path)],
        filter: push.target.map(|target| ("target".into(), target.into())),
        dead_letter: push.dead_letters.then(|| Topic::DeadLetter.as_str().into()),
        min_backoff: Duration::from_millis(MIN_BACKOFF_MS.unsigned_abs()),
        max_backoff: Duration::from_millis(MAX_BACKOFF_MS.unsigned_abs()),
        audience: AUDIENCE.into(),
    })
}
