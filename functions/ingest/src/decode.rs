//! Body in, events or the reason why not out. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use shared::blob::BlobRef;
use shared::domain::event::{ChangeEvent, FieldError, PAYLOAD_REF};
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
