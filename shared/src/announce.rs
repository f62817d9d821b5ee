//! Waking the writers. A wake-up tells *which* record to look at; the writer plans afresh, so a wake-up that
//! is lost, late or doubled costs latency or a glance.

use std::sync::Arc;

use crate::domain::event::ChangeEvent;
use crate::domain::id::{RecordKey, Side, Version};
use crate::domain::merged::MergedEvent;
use crate::domain::record::Record;
use crate::domain::surface::{FieldIx, TypeSurface};
use crate::fault::Unavailable;
use crate::pubsub::{Message, Topic};
use crate::runtime::Ports;

/// Publishes that `changed` fields of a record changed: one message per target that has work.
pub async fn merged(
    ports: &Ports,
    record: &Record,
    changed: &[FieldIx],
    sources: &[Arc<ChangeEvent>],
    targets: &[Side],
    surface: &TypeSurface,
) -> Result<(), Unavailable> {
    let event = MergedEvent::new(record, changed.iter().copied(), sources, targets.to_vec(), surface);
    publish(ports, &event).await
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
    publish(ports, &event).await
}

async fn publish(ports: &Ports, event: &MergedEvent) -> Result<(), Unavailable> {
    if event.targets.is_empty() {
        return Ok(());
    }
    let data: bytes::Bytes = serde_json::to_vec(event).unwrap_or_default().into();
    let message = |target: &Side| Message {
        data: data.clone(),
        attributes: [
            ("account", event.account_id.as_str()),
            ("type", event.record_type.as_str()),
            ("target", target.as_str()),
        ]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into(),
        ordering_key: event.ordering_key.clone(),
    };
    ports.publish.publish(Topic::Merged, event.targets.iter().map(message).collect()).await
}
