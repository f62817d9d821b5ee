//! Pub/Sub's push from the emulator, as production makes it: for development and tests.
//!
//! The emulator's own push sends no ordering key, no delivery attempt and no token, ignores filters, has two
//! requests under way at most, and stops altogether when an ordered subscription has a dead-letter topic. So
//! the bridge *pulls*, and pushes by itself:
//!
//! ```text
//! emulator ─► pull ─► filter ─► held behind its key ─► POST with a signed token ─► 2xx: ack
//!                                        ▲                        │
//!                                        └───── next of the key ──┤ else: backoff, the next instance, again
//!                                                                 └ five times: dead-letter topic, ack
//! ```
//! One message per key is under way; keys go side by side. The bridge issues the tokens itself and publishes
//! its key on a port of its own: functions are told that address in place of Google's.
//!
//! What it does not do: keep anything. A message that is not acked stays with the emulator, which gives it
//! again after a restart of the bridge; its attempts are then counted anew.

mod courier;
mod dead_letter;
mod delivery;
mod envelope;
mod keys;
mod queue;
mod rest;
mod subscription;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shared::runtime::clock::Clock;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::issuer::{Issuer, IssuerError};
use courier::Courier;
use delivery::Delivery;
use rest::Rest;
use subscription::Pump;

pub use courier::Caller;

/// What is bridged.
#[derive(Debug, Clone)]
pub struct BridgeConfig {
    /// `host:port` of the emulator.
    pub emulator: String,
    /// The project of topics and subscriptions.
    pub project: String,
    /// The subscriptions that push.
    pub subscriptions: Vec<BridgeSubscription>,
    /// The account that tokens speak for, as an e-mail address.
    pub service_account_email: String,
    /// Pushes under way at once, per subscription.
    pub parallel: usize,
    /// A push that is not answered after so long has failed.
    pub answer_within: Duration,
}

/// A subscription that pushes.
#[derive(Debug, Clone)]
pub struct BridgeSubscription {
    /// Its id.
    pub id: String,
    /// The id of its topic.
    pub topic: String,
    /// Where to push: the instances of one function, in turn.
    pub endpoints: Vec<String>,
    /// Attribute and value that a message must have; others are acked unseen.
    pub filter: Option<(String, String)>,
    /// The id of the topic for what failed five times. `None`: tried without end.
    pub dead_letter: Option<String>,
    /// Wait after the first failure; it doubles with each further one,
    pub min_backoff: Duration,
    /// but never exceeds this.
    pub max_backoff: Duration,
    /// The audience of its tokens.
    pub audience: String,
}

/// Deliveries after which a message goes to the dead-letter topic: Pub/Sub's fewest, and our number.
pub const MAX_ATTEMPTS: u32 = 5;

/// Whatever takes longer than this at the end is left to the emulator, which gives it again.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The emulator does not answer, or refuses.
    #[error("the Pub/Sub emulator at {emulator}: {why}")]
    Emulator {
        /// Its address.
        emulator: String,
        /// Its answer.
        why: String,
    },
    /// No signing key.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The key has no port to be published on.
    #[error("no port to publish the signing key on: {0}")]
    Port(#[from] std::io::Error),
}

/// A running bridge. Dropped, it ends at once, as if it were killed.
pub struct Bridge {
    keys: SocketAddr,
    courier: Courier,
    held: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
    work: JoinSet<()>,
}

impl Bridge {
    /// Creates what is missing of topics and subscriptions, and begins to push.
    pub async fn start(config: BridgeConfig, clock: Arc<dyn Clock>) -> Result<Self, BridgeError> {
        let rest = Rest::new(&config.emulator, &config.project);
        let wrong = |why: String| BridgeError::Emulator { emulator: config.emulator.clone(), why };
        for subscription in &config.subscriptions {
            rest.create(subscription).await.map_err(wrong)?;
        }
        let issuer = Arc::new(Issuer::new("bridge")?);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let keys = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let courier = Courier {
            issuer: Arc::clone(&issuer),
            email: config.service_account_email,
            answer_within: config.answer_within,
            clock,
        };
        let held = Arc::<AtomicUsize>::default();
        let mut work = JoinSet::new();
        work.spawn(keys::serve(listener, &issuer, stopped.clone()));
        for subscription in config.subscriptions {
            let delivery = Delivery::new(subscription, rest.clone(), courier.clone(), config.parallel);
            work.spawn(Pump::new(delivery, Arc::clone(&held)).run(stopped.clone()));
        }
        Ok(Self { keys, courier, held, stop, work })
    }

    /// Where the key is that verifies the bridge's tokens.
    pub fn jwks_url(&self) -> String {
        format!("http://{}/certs", self.keys)
    }

    /// Makes tokens for calls that are no pushes.
    pub fn caller(&self, audience: &str) -> Caller {
        Caller::new(self.courier.clone(), audience)
    }

    /// Counts the messages that were pulled and are not delivered yet. What the emulator holds is pulled within
    /// moments, and cannot be counted.
    pub fn held(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let held = Arc::clone(&self.held);
        move || held.load(Ordering::Relaxed)
    }

    /// Stops pulling, gives back what is not acked, and ends.
    pub async fn stop(mut self) {
        // Nobody listens any more when all work has ended by itself.
        let _ = self.stop.send(true);
        let all = async { while self.work.join_next().await.is_some() {} };
        if timeout(STOP_WITHIN, all).await.is_err() {
            tracing::warn!("the bridge did not end in time; the emulator gives the rest again");
        }
    }
}

/// Completes when the bridge is told to stop, or is gone.
async fn told(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
