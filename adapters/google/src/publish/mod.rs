//! Publishing to Pub/Sub: a lane per topic, in order per ordering key, acknowledged before it is `Ok`.
//!
//! What it does not do: try again for long. A caller holds a request open meanwhile and has a way back (the
//! producer repeats, the bus redelivers, the tick sweeps), so a publish that is not done within seconds fails.

mod check;
mod lane;
mod message;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shared::fault::Unavailable;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::clock::Clock;

use crate::config::PubsubConfig;
use lane::Lane;

/// How long things may take, and how much is sent at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishLimits {
    /// A message waits so long for others of its key to share its batch.
    pub batch_delay: Duration,
    /// Messages of one batch, at most.
    pub batch_messages: u32,
    /// A batch is tried again for so long.
    pub retry_within: Duration,
    /// A publish waits so long for all its acknowledgements. Longer than `retry_within`, or it gives up on
    /// batches that may still be taken.
    pub answer_within: Duration,
    /// After a failure the connection is made anew, but not before it is so old.
    pub renew_after: Duration,
    /// So many ordering keys are served by one publisher of Google's client, which never forgets a key that
    /// it has seen.
    pub keys_per_publisher: usize,
    /// [`PubsubPublisher::stop`] waits so long for what is under way.
    pub stop_within: Duration,
}

impl Default for PublishLimits {
    /// For callers that answer within ten seconds, as a push must.
    fn default() -> Self {
        Self {
            batch_delay: Duration::from_millis(2),
            batch_messages: 500,
            retry_within: Duration::from_secs(6),
            answer_within: Duration::from_secs(8),
            renew_after: Duration::from_secs(5),
            keys_per_publisher: 1_000,
            stop_within: Duration::from_secs(5),
        }
    }
}

/// Publishes to Pub/Sub.
pub struct PubsubPublisher {
    lanes: BTreeMap<Topic, Lane>,
    config: PubsubConfig,
    limits: PublishLimits,
}

impl PubsubPublisher {
    /// Prepares to publish to the configured topics. Connections are made when they are first needed; an
    /// error here means that there are no credentials, or that an address is none.
    pub async fn new(
        config: &PubsubConfig,
        limits: PublishLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Unavailable> {
        let mut lanes = BTreeMap::new();
        for topic in Topic::ALL {
            let emulator = config.emulator.as_deref();
            let lane = Lane::new(config.topic(topic), emulator, limits.clone(), Arc::clone(&clock));
            lanes.insert(topic, lane.await?);
        }
        Ok(Self { lanes, config: config.clone(), limits })
    }

    /// Whether every topic can be reached and is there, for the start of a process; a line for each that is
    /// not. Who may publish but not look passes.
    pub async fn check(&self) -> Result<(), Vec<String>> {
        check::topics(&self.config, self.limits.answer_within).await
    }

    /// Sends at once what waits for its batch, and waits for the answers, though not for ever. For the end of
    /// the process, after the last request; publishing is still possible.
    pub async fn stop(&self) {
        let all = futures::future::join_all(self.lanes.values().map(Lane::flush));
        if tokio::time::timeout(self.limits.stop_within, all).await.is_err() {
            tracing::warn!(
                "some messages were not acknowledged before the end; their callers were not told Ok"
            );
        }
    }
}

#[async_trait]
impl Publish for PubsubPublisher {
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable> {
        self.lanes[&topic].publish(messages).await
    }
}
