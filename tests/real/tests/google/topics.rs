//! A project of the emulator's, seen over its REST interface.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use google::config::PubsubConfig;
use google::publish::{PublishLimits, PubsubPublisher};
use serde_json::{Value as Json, json};
use shared::pubsub::{Message, Topic};
use shared::runtime::clock::SystemClock;
use shared::runtime::ids::{Ids, RandomIds};

/// A project that nobody else uses.
pub(crate) struct Project {
    pub(crate) id: String,
    client: reqwest::Client,
}

impl Project {
    pub(crate) fn new() -> Self {
        let id = format!("test-{}", RandomIds.draw().simple());
        Self { id: id[..20].to_string(), client: reqwest::Client::new() }
    }

    /// A project with all our topics, each with an ordered subscription `<topic>-seen`.
    pub(crate) async fn with_topics() -> Self {
        let project = Self::new();
        for topic in Topic::ALL {
            project.topic(topic.as_str()).await;
        }
        project
    }

    /// Creates a topic and an ordered subscription `<topic>-seen` to it.
    pub(crate) async fn topic(&self, id: &str) {
        self.put(&format!("topics/{id}"), json!({})).await;
        self.subscription(&format!("{id}-seen"), id, json!({"enableMessageOrdering": true})).await;
    }

    pub(crate) async fn subscription(&self, id: &str, topic: &str, mut body: Json) {
        body["topic"] = json!(format!("projects/{}/topics/{topic}", self.id));
        self.put(&format!("subscriptions/{id}"), body).await;
    }

    /// Publishes one message past our publisher.
    pub(crate) async fn publish(&self, topic: &str, data: &str, key: &str, attributes: Json) {
        let message =
            json!({"data": BASE64_STANDARD.encode(data), "orderingKey": key, "attributes": attributes});
        self.post(&format!("topics/{topic}:publish"), json!({"messages": [message]})).await;
    }

    /// Takes `count` messages from a subscription and acks them.
    pub(crate) async fn take(&self, subscription: &str, count: usize) -> Vec<Json> {
        let mut taken = Vec::new();
        crate::eventually(&format!("{count} messages in {subscription}"), async || {
            taken.extend(self.pull(subscription).await);
            taken.len() >= count
        })
        .await;
        taken
    }

    /// What a subscription has now, acked.
    pub(crate) async fn pull(&self, subscription: &str) -> Vec<Json> {
        let path = format!("subscriptions/{subscription}");
        let limits = json!({"maxMessages": 1000, "returnImmediately": true});
        let pulled = self.post(&format!("{path}:pull"), limits).await;
        let Some(messages) = pulled["receivedMessages"].as_array().cloned() else { return Vec::new() };
        let ids: Vec<Json> = messages.iter().map(|m| m["ackId"].clone()).collect();
        self.post(&format!("{path}:acknowledge"), json!({"ackIds": ids})).await;
        messages
    }

    /// Our publisher, at the emulator or at something before it.
    pub(crate) async fn publisher(&self, address: String, limits: PublishLimits) -> Arc<PubsubPublisher> {
        let config = PubsubConfig::new(&self.id, Some(address));
        Arc::new(PubsubPublisher::new(&config, limits, Arc::new(SystemClock)).await.unwrap())
    }

    async fn put(&self, path: &str, body: Json) {
        let answer = self.client.put(self.url(path)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
    }

    async fn post(&self, path: &str, body: Json) -> Json {
        let answer = self.client.post(self.url(path)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/v1/projects/{}/{path}", crate::emulator(), self.id)
    }
}

/// A message of ours.
pub(crate) fn message(key: &str, text: &str) -> Message {
    let attributes = [("account", "acme"), ("type", "customer")];
    Message {
        data: text.to_string().into(),
        attributes: attributes.map(|(k, v)| (k.to_string(), v.to_string())).into(),
        ordering_key: key.into(),
    }
}

/// The text of a pulled message.
pub(crate) fn text(pulled: &Json) -> String {
    let data = BASE64_STANDARD.decode(pulled["message"]["data"].as_str().unwrap_or_default()).unwrap();
    String::from_utf8(data).unwrap()
}
