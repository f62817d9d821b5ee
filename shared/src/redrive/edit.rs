//! An edit of what is stuck, as an event of its own. It changes what the original says, never whom it is about.

use serde_json::{Map, Value as Json, json};

use super::payload_bytes;
use crate::domain::event::{ChangeEvent, FieldError, Source};
use crate::domain::id::derived_id;
use crate::domain::surface::SyncConfig;
use crate::fault::Unavailable;
use crate::runtime::Ports;
use crate::state::ErrorEntry;

/// What is stuck in an error, for a person to edit: the last of its events in the ledger, or its own bytes, as far as they
/// are JSON. `None`: a write failed, and no event is stuck.
pub async fn original(ports: &Ports, entry: &ErrorEntry) -> Result<Option<Json>, Unavailable> {
    if let Some(last) = entry.events.last() {
        let stored = ports.ledger.read(&entry.account, std::slice::from_ref(last)).await?;
        if let Some(json) = stored.first().and_then(|s| serde_json::from_slice(&s.entry.payload).ok()) {
            return Ok(Some(json));
        }
    }
    let text = entry.payload.as_deref();
    Ok(text.and_then(|text| serde_json::from_slice(&payload_bytes(text)).ok()))
}

/// The event that `edited` is; where it is wrong, when it cannot be one.
pub(super) fn event(
    config: &SyncConfig,
    entry: &ErrorEntry,
    original: Option<&Json>,
    edited: Json,
    actor: &str,
    reason: &str,
) -> Result<ChangeEvent, FieldError> {
    let Json::Object(mut body) = edited else {
        return wrong("$", "is not the body of a change event: a JSON object");
    };
    // Its id is ours to give: a double click is one event, another edit another one.
    body.remove("eventId");
    body.entry("accountId").or_insert_with(|| json!(entry.account));
    let id = derived_id("edited", &[&entry.id.to_string(), &Json::Object(body.clone()).to_string()]);
    body.insert("eventId".into(), json!(id));
    let bytes = serde_json::to_vec(&body).unwrap_or_default();
    let mut event = ChangeEvent::from_slice(&bytes)?;
    if event.account_id != entry.account {
        return wrong("accountId", format!("must stay {}: an edit stays in its account", entry.account));
    }
    let Some(surface) = config.surface(&event.account_id, &event.record_type) else {
        return wrong("recordType", format!("{} is not synced in {}", event.record_type, event.account_id));
    };
    stays_with(entry, original, &event)?;
    if let Some(side) = event.side() {
        event.values(side, surface)?;
    }
    let before = event.auth_context.insert("actor".into(), json!(actor));
    let mut edit = Map::from_iter([
        ("error".to_string(), json!(entry.id)),
        ("events".to_string(), json!(entry.events)),
        ("reason".to_string(), json!(reason)),
    ]);
    edit.extend(before.map(|actor| ("actorBefore".to_string(), actor)));
    event.metadata.insert("editOf".into(), Json::Object(edit));
    // A mark of a call of ours would make an echo of it.
    event.metadata.remove("operation");
    Ok(event)
}

/// The edit is about the record and from the source of the original.
fn stays_with(entry: &ErrorEntry, original: Option<&Json>, event: &ChangeEvent) -> Result<(), FieldError> {
    if entry.events.is_empty() && entry.payload.is_none() {
        return stays_with_record(entry, event);
    }
    let original = original.and_then(|json| ChangeEvent::from_slice(&serde_json::to_vec(json).ok()?).ok());
    match original {
        Some(original) if original.record_type != event.record_type => {
            wrong("recordType", format!("must stay {}", original.record_type))
        }
        Some(original) if original.record_id != event.record_id => {
            wrong("recordId", format!("must stay {}", original.record_id))
        }
        Some(original) if original.source != event.source => {
            wrong("source", format!("must stay {}", original.source.as_str()))
        }
        Some(_) => Ok(()),
        // Then nobody can say what it was about; but a person's decision it was not.
        None if event.source == Source::Review => {
            wrong("source", "a decision is made where its conflict is shown")
        }
        None => Ok(()),
    }
}

/// Nothing is stuck but a write: whoever sets other values says so as a person.
fn stays_with_record(entry: &ErrorEntry, event: &ChangeEvent) -> Result<(), FieldError> {
    let Some(key) = &entry.record else {
        return wrong("$", "nothing is stuck here that could be edited: try it again, or dismiss it");
    };
    let is_it = event.record_type == key.record_type && event.record_id.as_str() == key.id.as_str();
    match event.source {
        Source::Review if is_it => Ok(()),
        Source::Review => wrong("recordId", format!("must be {}", key.id)),
        _ => wrong("source", "must be review: no event is stuck here, only a write"),
    }
}

fn wrong<T>(field: &str, reason: impl Into<String>) -> Result<T, FieldError> {
    Err(FieldError { field: field.into(), reason: reason.into() })
}
