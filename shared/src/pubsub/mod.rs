//! Pub/Sub: the topics, the port to publish, and the push envelope. Subscriptions push to our routers; how a
//! push is answered is decided in [`push`] alone.

pub mod envelope;
pub mod push;

use async_trait::async_trait;
use std::collections::BTreeMap;

use crate::fault::Unavailable;

/// The topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Facts from all sources.
    Raw,
    /// Merge's decisions: wake-ups for the writers.
    Merged,
    /// Errors that no retry can cure.
    Error,
    /// What could not be delivered five times.
    DeadLetter,
}

impl Topic {
    /// All topics.
    pub const ALL: [Topic; 4] = [Topic::Raw, Topic::Merged, Topic::Error, Topic::DeadLetter];

    /// The topic's id.
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Raw => "events.raw",
            Topic::Merged => "events.merged",
            Topic::Error => "events.error",
            Topic::DeadLetter => "events.dlq",
        }
    }
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Body.
    pub data: bytes::Bytes,
    /// Attributes; `account` and `type` are always there.
    pub attributes: BTreeMap<String, String>,
    /// `account:type:id`.
    pub ordering_key: String,
}

/// Publishes. `Ok` only once the bus has all messages; on `Err` some may have been taken.
#[async_trait]
pub trait Publish: Send + Sync {
    /// Publishes `messages` to `topic`, in order per ordering key.
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable>;
}

/// The message that carries a change event.
pub fn change_message(event: &crate::domain::event::ChangeEvent) -> Message {
    let attributes = [
        ("account", event.account_id.as_str()),
        ("type", event.record_type.as_str()),
        ("source", event.source.as_str()),
        ("eventId", &event.event_id.to_string()),
    ];
    Message {
        data: event.to_bytes().into(),
        attributes: attributes.map(|(k, v)| (k.to_string(), v.to_string())).into(),
        ordering_key: event.ordering_key.clone(),
    }
}
