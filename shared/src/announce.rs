//! Waking the writers. A wake-up tells *which* record to look at; the writer plans afresh, so a wake-up that
//! is lost, late or doubled costs latency or a glance.

use crate::domain::id::{RecordKey, Side, Version};
use crate::domain::merged::MergedEvent;
use crate::fault::Unavailable;
use crate::pubsub::{Message, Topic};
use crate::runtime::Ports;

/// Publishes what changed: one message per event and target that has work.
pub async fn merged(ports: &Ports, events: &[MergedEvent]) -> Result<(), Unavailable> {
    let messages: Vec<Message> = events.iter().flat_map(messages).collect();
    if messages.is_empty() {
        return Ok(());
    }
    ports.publish.publish(Topic::Merged, messages).await
}

/// Wakes the writers of `targets` for a record, without news to tell.
pub async fn wake(
    ports: &Ports,
    key: &RecordKey,
    version: Version,
    targets: &[Side],
) -> Result<(), Unavailable> {
    let event = MergedEvent {
        merged_event_id: crate::domain::id::derived_id("wake", &[&key.to_string(), &version.to_string()]),
        account_id: key.account.clone(),
        record_type: key.record_type.clone(),
        record_id: key.id.to_string(),
        version: version.0,
        changes: serde_json::Map::new(),
        source_events: Vec::new(),
        targets: targets.to_vec(),
        ordering_key: key.to_string(),
        traceparent: None,
    };
    merged(ports, std::slice::from_ref(&event)).await
}

fn messages(event: &MergedEvent) -> impl Iterator<Item = Message> {
    let data: bytes::Bytes = match event.targets.is_empty() {
        true => bytes::Bytes::new(),
        false => serde_json::to_vec(event).unwrap_or_default().into(),
    };
    event.targets.iter().map(move |target| Message {
        data: data.clone(),
        attributes: [
            ("account", event.account_id.as_str()),
            ("type", event.record_type.as_str()),
            ("target", target.as_str()),
        ]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into(),
        ordering_key: event.ordering_key.clone(),
    })
}
