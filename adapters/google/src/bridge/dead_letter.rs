//! What is forwarded when a message has failed too often. Pure.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};

use super::envelope::Pulled;

/// The message as Pub/Sub forwards it: data, ordering key and attributes stay, four attributes tell of its
/// past.
pub(super) fn forwarded(pulled: &Pulled, project: &str, subscription: &str, attempts: u32) -> Json {
    let mut attributes = pulled.attributes.clone();
    attributes.extend([
        ("CloudPubSubDeadLetterSourceDeliveryCount".into(), attempts.to_string()),
        ("CloudPubSubDeadLetterSourceSubscription".into(), subscription.to_string()),
        ("CloudPubSubDeadLetterSourceSubscriptionProject".into(), project.to_string()),
        ("CloudPubSubDeadLetterSourceTopicPublishTime".into(), pulled.publish_time.clone()),
    ]);
    json!({
        "data": BASE64_STANDARD.encode(&pulled.data),
        "attributes": attributes,
        "orderingKey": pulled.ordering_key,
    })
}
