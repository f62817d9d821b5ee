//! What is forwarded when a message has failed too often.

use super::message::{Message, Published};
use super::push::PROJECT;
use super::subscription::Subscription;

/// A message on its way to a dead-letter topic.
pub(super) struct Dead {
    pub(super) topic: String,
    pub(super) message: Message,
}

impl Dead {
    /// The message as Pub/Sub forwards it: data, ordering key and attributes stay, four attributes tell of its
    /// past. `None` when the subscription has no dead-letter topic.
    pub(super) fn of(published: &Published, subscription: &Subscription, attempts: u32) -> Option<Self> {
        let topic = subscription.dead_letter.as_ref()?.topic.clone();
        let mut message = published.message.clone();
        message.attributes.extend([
            ("CloudPubSubDeadLetterSourceDeliveryCount".into(), attempts.to_string()),
            ("CloudPubSubDeadLetterSourceSubscription".into(), subscription.name.to_string()),
            ("CloudPubSubDeadLetterSourceSubscriptionProject".into(), PROJECT.into()),
            ("CloudPubSubDeadLetterSourceTopicPublishTime".into(), published.at.to_string()),
        ]);
        Some(Self { topic, message })
    }
}
