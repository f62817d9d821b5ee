//! Body in, events or the reason why not out. Pure.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Map, Value as Json};
use shared::blob::{BlobRef, Keep};
use shared::domain::event::{ChangeEvent, FieldError, PAYLOAD_REF, Payload};
use shared::domain::id::AccountId;
use shared::domain::surface::SyncConfig;
use shared::runtime::problem::Problem;

/// Most events in one body.
pub const EVENTS_MAX: usize = 100;

/// Most bytes that an event may have once a large payload is out of it: 2 MiB, well under the bus's limit.
pub const MESSAGE_MAX_BYTES: usize = 2 * 1024 * 1024;

/// What a body is checked against.
pub(crate) struct Door<'a> {
    /// The account of the key that signed.
    pub(crate) account: &'a AccountId,
    /// What is synced.
    pub(crate) config: &'a SyncConfig,
    /// The only bucket to which a reference may point.
    pub(crate) bucket: &'a str,
}

/// Reads one event, an array of events, or `{"events": […]}`. All are good, or the first that is not is the
/// answer, by its position and field.
pub(crate) fn decode(body: &[u8], door: &Door<'_>) -> Result<Vec<ChangeEvent>, Problem> {
    let json =
        serde_json::from_slice(body).map_err(|e| Problem::bad_request("$", format!("is not JSON: {e}")))?;
    let (items, list) = match json {
        Json::Array(items) => (items, "$"),
        Json::Object(mut object) if object.contains_key("events") && !object.contains_key("accountId") => {
            match object.remove("events") {
                Some(Json::Array(items)) => (items, "events"),
                _ => return Err(Problem::unprocessable("events", "must be an array of events")),
            }
        }
        Json::Object(object) => return Ok(vec![one(object, door)?]),
        _ => return Err(Problem::bad_request("$", "must be an event, or an array of events")),
    };
    if items.is_empty() || items.len() > EVENTS_MAX {
        let count = items.len();
        return Err(Problem::unprocessable(
            list,
            format!("holds {count} events; 1 to {EVENTS_MAX} are taken"),
        ));
    }
    let mut ids = BTreeSet::new();
    let mut events = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let event = match item {
            Json::Object(object) => one(object, door),
            _ => Err(Problem::unprocessable("$", "must be an event, which is a JSON object")),
        };
        // The ledger keeps one event per id: the second would be lost without a word.
        let event = event.and_then(|event| match ids.insert(event.event_id) {
            true => Ok(event),
            false => Err(Problem::unprocessable("eventId", "comes twice in this body")),
        });
        events.push(event.map_err(|problem| within(problem, list, index))?);
    }
    Ok(events)
}

/// Puts the position before the field: `events[3].recordId`, or `[3].recordId` in a bare array.
fn within(problem: Problem, list: &str, index: usize) -> Problem {
    let list = if list == "$" { "" } else { list };
    let field = match problem.field.as_deref() {
        None | Some("$") => format!("{list}[{index}]"),
        Some(field) => format!("{list}[{index}].{field}"),
    };
    problem.at(field)
}

fn one(object: Map<String, Json>, door: &Door<'_>) -> Result<ChangeEvent, Problem> {
    if let Some(source @ ("review" | "reconcile")) = object.get("source").and_then(Json::as_str) {
        return Err(
            Problem::forbidden(format!("source {source} does not come through this door")).at("source")
        );
    }
    let event = ChangeEvent::from_object(object)?;
    if event.account_id != *door.account {
        return Err(Problem::forbidden("is not the account that the key belongs to").at("accountId"));
    }
    check(&event, door)?;
    Ok(event)
}

/// What `sync.toml` has to say about an event.
fn check(event: &ChangeEvent, door: &Door<'_>) -> Result<(), FieldError> {
    let wrong = |field: &str, reason: String| Err(FieldError { field: field.to_string(), reason });
    let Some(account) = door.config.accounts.get(&event.account_id) else {
        return wrong("accountId", format!("{} is not configured", event.account_id));
    };
    let Some(surface) = account.types.get(&event.record_type) else {
        return wrong("recordType", format!("{} is not synced in {}", event.record_type, event.account_id));
    };
    if event.payload.resolution.is_some() {
        return wrong("payload.resolution", "comes from source review only".into());
    }
    if event.metadata.contains_key(PAYLOAD_REF) {
        return wrong("metadata.payloadRef", "is ours to set".into());
    }
    if let Some(text) = &event.full_snapshot_ref
        && let Err(reason) = BlobRef::parse(text, door.bucket, door.account)
    {
        return wrong("fullSnapshotRef", reason);
    }
    if let Some(side) = event.side() {
        event.values(side, surface)?;
    }
    Ok(())
}

/// Takes a payload of more than `over` bytes out of the event; answers what is to be stored, and where.
///
/// A full read leaves its values (field → value) under `fullSnapshotRef`, as a producer's own snapshot would
/// be; anything else leaves its whole payload under `metadata.payloadRef`. The ledger refers to both, so they
/// are pinned.
pub(crate) fn offload(event: &mut ChangeEvent, bucket: &str, over: usize) -> Option<(BlobRef, Bytes)> {
    let changes = bytes_of(&event.payload.changes);
    let previous = bytes_of(&event.payload.previous);
    if changes.len() + previous.len() <= over {
        return None;
    }
    let is_plain_full = event.payload.full && event.full_snapshot_ref.is_none() && previous.len() <= over;
    let body = if is_plain_full { changes } else { bytes_of(&event.payload) };
    let at = BlobRef::of(bucket, &event.account_id, Keep::Pinned, &body);
    event.payload.changes.clear();
    if is_plain_full {
        event.full_snapshot_ref = Some(at.to_string());
    } else {
        let Payload { full, flush, .. } = event.payload;
        event.payload = Payload { full, flush, ..Payload::default() };
        event.metadata.insert(PAYLOAD_REF.to_string(), at.to_string().into());
    }
    Some((at, body))
}

/// Refuses an event that is too large for the bus besides its payload.
pub(crate) fn check_size(events: &[ChangeEvent]) -> Result<(), Problem> {
    for (index, event) in events.iter().enumerate() {
        let size = event.to_bytes().len();
        if size > MESSAGE_MAX_BYTES {
            let reason = format!("has {size} bytes besides its payload; {MESSAGE_MAX_BYTES} are taken");
            let field = if events.len() == 1 { "$".to_string() } else { format!("[{index}]") };
            return Err(Problem::unprocessable(field, reason));
        }
    }
    Ok(())
}

fn bytes_of(value: &impl serde::Serialize) -> Bytes {
    // Maps of JSON values always serialise.
    serde_json::to_vec(value).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(payload: Json) -> ChangeEvent {
        let json = json!({
            "accountId": "acme", "recordType": "customer", "recordId": "5", "source": "suitex",
            "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "revision": 7, "payload": payload
        });
        ChangeEvent::from_slice(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_small_payload_stays() {
        let mut e = event(json!({"changes": {"email": "a@b.c"}}));
        let before = e.clone();
        assert_eq!(offload(&mut e, "b", 100), None);
        assert_eq!(e, before);
    }

    #[test]
    fn a_large_delta_leaves_its_whole_payload_behind() {
        let mut e =
            event(json!({"changes": {"email": "x".repeat(200)}, "previous": {"email": "y"}, "flush": true}));
        let (at, body) = offload(&mut e, "b", 100).unwrap();
        let stored: Json = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            stored,
            json!({"changes": {"email": "x".repeat(200)}, "previous": {"email": "y"}, "flush": true})
        );
        assert_eq!(e.metadata[PAYLOAD_REF], at.to_string());
        assert_eq!(e.full_snapshot_ref, None);
        assert_eq!(serde_json::to_value(&e.payload).unwrap(), json!({"changes": {}, "flush": true}));
    }

    #[test]
    fn a_large_full_read_leaves_its_values_behind() {
        let mut e =
            event(json!({"changes": {"email": "x".repeat(200)}, "full": true, "previous": {"email": "y"}}));
        let (at, body) = offload(&mut e, "b", 100).unwrap();
        assert_eq!(serde_json::from_slice::<Json>(&body).unwrap(), json!({"email": "x".repeat(200)}));
        assert_eq!(e.full_snapshot_ref, Some(at.to_string()));
        let left = serde_json::to_value(&e.payload).unwrap();
        assert_eq!(left, json!({"changes": {}, "full": true, "previous": {"email": "y"}}));
    }

    #[test]
    fn a_full_read_with_large_old_values_loses_none_of_them() {
        let mut e =
            event(json!({"changes": {"email": "x"}, "full": true, "previous": {"email": "y".repeat(200)}}));
        let (_, body) = offload(&mut e, "b", 100).unwrap();
        let stored: Json = serde_json::from_slice(&body).unwrap();
        assert_eq!(stored["previous"]["email"], "y".repeat(200));
        assert!(e.payload.full && e.payload.previous.is_empty() && e.full_snapshot_ref.is_none());
    }
}
