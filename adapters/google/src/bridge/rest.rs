//! The emulator's REST interface: making topics and subscriptions, pulling, acking, publishing dead letters.
//!
//! Each call is over when it is answered. The emulator's streaming pull would not be: it does not notice that
//! a stream was closed, and goes on giving messages to a puller that is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::BridgeSubscription;
use super::envelope::Pulled;

/// Everything here is answered from memory.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A message that was pulled comes again when nothing is heard of it for so long, in seconds.
pub(super) const ACK_DEADLINE_SECONDS: u32 = 30;

/// Ids of messages in one call, at most.
const IDS_MAX: usize = 500;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    received_messages: Vec<Received>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    ack_id: String,
    message: Wire,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Wire {
    data: String,
    attributes: BTreeMap<String, String>,
    message_id: String,
    publish_time: String,
    ordering_key: String,
}

/// Calls the emulator.
#[derive(Clone)]
pub(super) struct Rest {
    client: reqwest::Client,
    project: String,
    base: String,
}

impl Rest {
    pub(super) fn new(emulator: &str, project: &str) -> Self {
        let base = format!("http://{emulator}/v1/projects/{project}");
        Self { client: reqwest::Client::new(), project: project.to_string(), base }
    }

    /// The project.
    pub(super) fn project(&self) -> &str {
        &self.project
    }

    /// Creates a subscription and its topics, as far as they are missing. It is pulled, so endpoint, filter
    /// and dead-letter topic are none of the emulator's business.
    pub(super) async fn create(&self, subscription: &BridgeSubscription) -> Result<(), String> {
        for topic in [Some(&subscription.topic), subscription.dead_letter.as_ref()].into_iter().flatten() {
            self.put(&format!("topics/{topic}"), json!({})).await?;
        }
        let body = json!({
            "topic": format!("projects/{}/topics/{}", self.project, subscription.topic),
            "enableMessageOrdering": true,
            "ackDeadlineSeconds": ACK_DEADLINE_SECONDS,
        });
        self.put(&format!("subscriptions/{}", subscription.id), body).await
    }

    /// Publishes one message.
    pub(super) async fn publish(&self, topic: &str, message: Json) -> Result<(), String> {
        let request = self.client.post(format!("{}/topics/{topic}:publish", self.base));
        self.send(request.json(&json!({ "messages": [message] }))).await.map(drop)
    }

    /// Takes messages from a subscription, with the ids to ack them by; none when there are none now.
    pub(super) async fn pull(&self, subscription: &str, max: usize) -> Result<Vec<(String, Pulled)>, String> {
        let request = self.client.post(format!("{}/subscriptions/{subscription}:pull", self.base));
        let body = self.send(request.json(&json!({"maxMessages": max, "returnImmediately": true}))).await?;
        let answer: Answer = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        Ok(answer.received_messages.into_iter().map(|r| (r.ack_id, r.message.into())).collect())
    }

    /// Acks messages.
    pub(super) async fn acknowledge(&self, subscription: &str, ids: &[String]) -> Result<(), String> {
        for ids in ids.chunks(IDS_MAX) {
            self.with_ids(subscription, "acknowledge", json!({"ackIds": ids})).await?;
        }
        Ok(())
    }

    /// Keeps messages for so many seconds from now; then they come again.
    pub(super) async fn keep(&self, subscription: &str, ids: &[String], seconds: u32) -> Result<(), String> {
        for ids in ids.chunks(IDS_MAX) {
            let body = json!({"ackIds": ids, "ackDeadlineSeconds": seconds});
            self.with_ids(subscription, "modifyAckDeadline", body).await?;
        }
        Ok(())
    }

    async fn with_ids(&self, subscription: &str, verb: &str, body: Json) -> Result<(), String> {
        let request = self.client.post(format!("{}/subscriptions/{subscription}:{verb}", self.base));
        self.send(request.json(&body)).await.map(drop)
    }

    async fn put(&self, path: &str, body: Json) -> Result<(), String> {
        match self.send(self.client.put(format!("{}/{path}", self.base)).json(&body)).await {
            Err(why) if why.starts_with(StatusCode::CONFLICT.as_str()) => Ok(()),
            other => other.map(drop),
        }
    }

    /// The answer's body. An error begins with the status, if there was an answer.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<String, String> {
        let answer = request.timeout(ANSWER_WITHIN).send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(body) } else { Err(format!("{} {body}", status.as_str())) }
    }
}

impl From<Wire> for Pulled {
    fn from(wire: Wire) -> Self {
        Self {
            // The emulator encodes what it was sent.
            data: BASE64_STANDARD.decode(&wire.data).unwrap_or_default().into(),
            attributes: wire.attributes,
            id: wire.message_id,
            publish_time: wire.publish_time,
            ordering_key: wire.ordering_key,
        }
    }
}
