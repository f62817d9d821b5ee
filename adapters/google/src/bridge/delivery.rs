//! What becomes of one message: pushed until it is acked, or a dead letter.

use std::sync::atomic::{AtomicUsize, Ordering};

use shared::runtime::clock::Clock;
use tokio::sync::Semaphore;

use super::courier::{Courier, Tokens};
use super::dead_letter::forwarded;
use super::envelope::Pulled;
use super::rest::Rest;
use super::{BridgeSubscription, MAX_ATTEMPTS};

/// What all deliveries of a subscription share.
pub(super) struct Delivery {
    pub(super) subscription: BridgeSubscription,
    pub(super) rest: Rest,
    /// Full name.
    name: String,
    courier: Courier,
    client: reqwest::Client,
    tokens: Tokens,
    /// Room for pushes under way.
    room: Semaphore,
    /// The instance whose turn it is.
    turn: AtomicUsize,
}

impl Delivery {
    pub(super) fn new(
        subscription: BridgeSubscription,
        rest: Rest,
        courier: Courier,
        parallel: usize,
    ) -> Self {
        Self {
            name: format!("projects/{}/subscriptions/{}", rest.project(), subscription.id),
            tokens: Tokens::new(&subscription.audience),
            subscription,
            rest,
            courier,
            client: reqwest::Client::new(),
            room: Semaphore::new(parallel.max(1)),
            turn: AtomicUsize::new(0),
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.courier.clock
    }

    pub(super) fn wants(&self, pulled: &Pulled) -> bool {
        let filter = self.subscription.filter.as_ref();
        filter.is_none_or(|(name, value)| pulled.attributes.get(name) == Some(value))
    }

    /// Pushes a message until it is acked or forwarded. Ends only when the emulator need not give it again.
    pub(super) async fn deliver(&self, pulled: &Pulled) {
        let mut attempt = 0;
        loop {
            attempt += 1;
            if self.attempt(pulled, attempt).await {
                return;
            }
            if attempt >= MAX_ATTEMPTS
                && let Some(topic) = &self.subscription.dead_letter
                && self.forward(topic, pulled, attempt).await
            {
                return;
            }
            let again = self.clock().now().plus(self.subscription.backoff_ms(attempt));
            self.clock().sleep_until(again).await;
        }
    }

    /// One push, to the instance whose turn it is; whether it was acked.
    async fn attempt(&self, pulled: &Pulled, attempt: u32) -> bool {
        // The semaphore is never closed.
        let Ok(_room) = self.room.acquire().await else { return false };
        let endpoints = &self.subscription.endpoints;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let Some(endpoint) = endpoints.get(turn % endpoints.len().max(1)) else { return false };
        let body = pulled.body(&self.name, self.subscription.dead_letter.as_ref().map(|_| attempt));
        self.courier.push(&self.client, endpoint, &self.tokens, body).await
    }

    /// Sends a message to the dead-letter topic; whether it is there.
    async fn forward(&self, topic: &str, pulled: &Pulled, attempts: u32) -> bool {
        let message = forwarded(pulled, self.rest.project(), &self.subscription.id, attempts);
        match self.rest.publish(topic, message).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(subscription = self.name, error, "a dead letter was not taken");
                false
            }
        }
    }
}

impl BridgeSubscription {
    /// The wait after `attempts` failed deliveries, in ms.
    fn backoff_ms(&self, attempts: u32) -> i64 {
        let doublings = attempts.saturating_sub(1).min(16);
        let wait = self.min_backoff.saturating_mul(1 << doublings).min(self.max_backoff);
        i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
    }
}
