//! What a subscription is told when it is made.

use std::sync::Arc;

/// A push subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Its name, without `projects/…`.
    pub name: Arc<str>,
    /// The topic it listens to.
    pub topic: String,
    /// Attribute and value that a message must have to reach it.
    pub filter: Option<(String, String)>,
    /// Whether messages with an ordering key come one at a time per key, in order of publishing.
    pub ordered: bool,
    /// Where messages go that keep failing. `None`: they are retried without end.
    pub dead_letter: Option<DeadLetter>,
    /// Wait after the first failure, in ms. It doubles with each further one,
    pub min_backoff_ms: i64,
    /// but never exceeds this.
    pub max_backoff_ms: i64,
}

/// A dead-letter policy.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The topic that gets what failed too often.
    pub topic: String,
    /// How many deliveries are too many.
    pub max_attempts: u32,
}

impl DeadLetter {
    /// Pub/Sub's fewest, and our number.
    pub const MAX_ATTEMPTS: u32 = 5;

    /// To `topic` after five attempts.
    pub fn to(topic: impl Into<String>) -> Self {
        Self { topic: topic.into(), max_attempts: Self::MAX_ATTEMPTS }
    }
}

impl Subscription {
    /// Whether a message with these attributes reaches it.
    pub(super) fn wants(&self, message: &super::Message) -> bool {
        self.filter.as_ref().is_none_or(|(name, value)| message.attributes.get(name) == Some(value))
    }

    /// The wait after `attempts` failed deliveries.
    pub(super) fn backoff_ms(&self, attempts: u32) -> i64 {
        let doublings = attempts.saturating_sub(1).min(62);
        self.min_backoff_ms.saturating_mul(1 << doublings).min(self.max_backoff_ms)
    }

    /// Whether a message may not be tried again after `attempts` deliveries.
    pub(super) fn is_spent(&self, attempts: u32) -> bool {
        self.dead_letter.as_ref().is_some_and(|d| attempts >= d.max_attempts)
    }
}
