//! The way to one topic.
//!
//! Google's client sends the messages of a key one batch after the other, pauses the key when a batch fails,
//! keeps a task for every key that it has ever seen, and puts no keep-alive on its connection. So:
//! a failed key is resumed once its failure has been told; a publisher is replaced after so many keys; and
//! after a failure the connection itself is replaced, because one that died in silence would fail every
//! publish until the kernel gives it up, a quarter of an hour later.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::retry_policy::RetryPolicyExt;
use google_cloud_pubsub::client::{BasePublisher, Publisher};
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::publisher::PublishFuture;
use google_cloud_pubsub::retry_policy::RetryableErrors;
use shared::domain::id::Timestamp;
use shared::fault::Unavailable;
use shared::pubsub::Message;
use shared::runtime::clock::Clock;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::PublishLimits;
use super::message::{check, wire};

/// Making a client reads credentials, perhaps over the network.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// The way to one topic.
pub(super) struct Lane {
    topic: String,
    /// Base URL of an emulator.
    endpoint: Option<String>,
    limits: PublishLimits,
    clock: Arc<dyn Clock>,
    /// Held while messages are handed over, so that those of one publish follow each other without a gap and
    /// no resume falls between them.
    line: Mutex<Line>,
}

/// What messages are handed to.
struct Line {
    client: BasePublisher,
    publisher: Publisher,
    /// Keys that the publisher has seen.
    keys: HashSet<String>,
    made_at: Timestamp,
    /// Something failed on it.
    is_suspect: bool,
}

/// A message handed over.
struct Sent {
    key: String,
    answer: PublishFuture,
}

impl Lane {
    pub(super) async fn new(
        topic: String,
        emulator: Option<&str>,
        limits: PublishLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Unavailable> {
        let endpoint = emulator.map(|host| format!("http://{host}"));
        let client = connect(endpoint.as_deref(), &limits).await?;
        let line = Mutex::new(Line::new(client, &topic, &limits, clock.now()));
        Ok(Self { topic, endpoint, limits, clock, line })
    }

    /// Publishes `messages`, in order per key; `Ok` once all of them are acknowledged. If one of them cannot
    /// be taken by Pub/Sub at all, none is sent.
    pub(super) async fn publish(&self, messages: Vec<Message>) -> Result<(), Unavailable> {
        for message in &messages {
            check(message).map_err(|refused| unavailable(&self.topic, &refused))?;
        }
        if messages.is_empty() {
            return Ok(());
        }
        let (publisher, sent) = self.hand_over(messages).await?;
        let keys: Vec<String> = sent.iter().map(|s| s.key.clone()).collect();
        let answers = timeout(self.limits.answer_within, join_all(sent.into_iter().map(|s| s.answer))).await;
        let (failed, why) = match answers {
            Err(_) => {
                let why = format!("no answer within {:?}", self.limits.answer_within);
                (keys.into_iter().collect(), why)
            }
            Ok(answers) => {
                let answers = keys.into_iter().zip(answers);
                let failed: Vec<_> = answers.filter_map(|(key, a)| Some((key, a.err()?))).collect();
                let Some(why) = reason(failed.iter().map(|(_, error)| error)) else { return Ok(()) };
                (failed.into_iter().map(|(key, _)| key).collect(), why)
            }
        };
        self.mend(&publisher, failed).await;
        Err(unavailable(&self.topic, &why))
    }

    /// Sends at once what waits for its batch, and waits for the answers.
    pub(super) async fn flush(&self) {
        let publisher = self.line.lock().await.publisher.clone();
        publisher.flush().await;
    }

    async fn hand_over(&self, messages: Vec<Message>) -> Result<(Publisher, Vec<Sent>), Unavailable> {
        let mut line = self.line.lock().await;
        let now = self.clock.now();
        if line.is_suspect && now >= line.made_at.plus(millis(self.limits.renew_after)) {
            let client = connect(self.endpoint.as_deref(), &self.limits).await?;
            *line = Line::new(client, &self.topic, &self.limits, now);
        }
        if line.keys.len() >= self.limits.keys_per_publisher {
            line.forget_keys(&self.topic, &self.limits);
        }
        let sent = messages.into_iter().map(|message| {
            let key = message.ordering_key.clone();
            if !line.keys.contains(&key) {
                line.keys.insert(key.clone());
            }
            Sent { key, answer: line.publisher.publish(wire(message)) }
        });
        let sent = sent.collect();
        Ok((line.publisher.clone(), sent))
    }

    /// Opens paused keys again, and marks the line for renewal. A caller that goes away before this leaves a
    /// key paused: the next publish of that key fails and opens it.
    async fn mend(&self, publisher: &Publisher, failed: HashSet<String>) {
        let mut line = self.line.lock().await;
        line.is_suspect = true;
        for key in failed {
            publisher.resume_publish(key);
        }
    }
}

impl Line {
    fn new(client: BasePublisher, topic: &str, limits: &PublishLimits, now: Timestamp) -> Self {
        let publisher = publisher(&client, topic, limits);
        Self { client, publisher, keys: HashSet::new(), made_at: now, is_suspect: false }
    }

    /// Takes a fresh publisher over the same connection. The old one ends once its answers are in.
    fn forget_keys(&mut self, topic: &str, limits: &PublishLimits) {
        self.publisher = publisher(&self.client, topic, limits);
        self.keys = HashSet::new();
    }
}

fn publisher(client: &BasePublisher, topic: &str, limits: &PublishLimits) -> Publisher {
    client
        .publisher(topic)
        .set_message_count_threshold(limits.batch_messages)
        .set_delay_threshold(limits.batch_delay)
        .build()
}

async fn connect(endpoint: Option<&str>, limits: &PublishLimits) -> Result<BasePublisher, Unavailable> {
    let mut builder =
        BasePublisher::builder().with_retry_policy(RetryableErrors.with_time_limit(limits.retry_within));
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint).with_credentials(anonymous::Builder::new().build());
    }
    let built = timeout(CONNECT_WITHIN, builder.build());
    let built = built.await.map_err(|_| Unavailable::new("pubsub", "no credentials in time"))?;
    built.map_err(|error| Unavailable::new("pubsub", chain(&error)))
}

/// The reason that says most: a paused key only tells that something before it failed.
fn reason<'a>(errors: impl Iterator<Item = &'a PublishError>) -> Option<String> {
    let mut paused = None;
    for error in errors {
        match error {
            PublishError::OrderingKeyPaused => paused = Some(chain(error)),
            other => return Some(chain(other)),
        }
    }
    paused
}

/// An error and its causes on one line; a cause that only repeats is left out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn unavailable(topic: &str, why: &dyn std::fmt::Display) -> Unavailable {
    Unavailable::new("pubsub", format!("{topic}: {why}"))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::runtime::clock::SystemClock;

    #[tokio::test]
    async fn keys_are_forgotten_before_they_pile_up() {
        let limits = PublishLimits {
            retry_within: Duration::from_millis(20),
            answer_within: Duration::from_millis(200),
            keys_per_publisher: 50,
            ..PublishLimits::default()
        };
        let nowhere = Some("127.0.0.1:9");
        let lane =
            Lane::new("projects/p/topics/t".into(), nowhere, limits, Arc::new(SystemClock)).await.unwrap();
        for batch in 0..5 {
            let message = |n: usize| Message {
                data: "x".into(),
                attributes: [].into(),
                ordering_key: format!("{batch}:{n}"),
            };
            lane.publish((0..30).map(message).collect()).await.unwrap_err();
            assert!(lane.line.lock().await.keys.len() < 50 + 30);
        }
    }
}
