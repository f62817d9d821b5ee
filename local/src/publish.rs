//! Publishing to the local bus.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shared::fault::Unavailable;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::clock::Clock;

use crate::bus::{self, Bus};

/// Publishes to the bus.
pub struct BusPublish {
    /// The bus.
    pub bus: Arc<Mutex<Bus>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Publish for BusPublish {
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let mut bus = self.bus.lock().unwrap_or_else(PoisonError::into_inner);
        for Message { data, attributes, ordering_key } in messages {
            let message = bus::Message { data, attributes, ordering_key };
            bus.publish(topic.as_str(), message, now)
                .map_err(|e| Unavailable::new("pubsub", format!("no topic {e:?}")))?;
        }
        Ok(())
    }
}
