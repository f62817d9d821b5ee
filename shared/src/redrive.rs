//! A person has an error tried again: its record is unlocked and due, its events are pending, its bytes go
//! back on the bus. What fails again is the same error again, counted up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::announce;
use crate::domain::event::ChangeEvent;
use crate::domain::id::{AccountId, RecordKey, Side, Timestamp, derived_id};
use crate::domain::plan::has_work;
use crate::domain::record::{Due, DueReason, Record};
use crate::fault::{Fault, Unavailable};
use crate::intake::subject_of;
use crate::pubsub::{Message, Topic};
use crate::runtime::Ports;
use crate::state::{AuditRow, Commit, ErrorEntry, ErrorStatus, Place, Verdict};

/// How often a redrive is decided anew because the record moved on meanwhile.
const ATTEMPTS: u32 = 5;

/// What was tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redriven {
    /// There is no such error.
    NoSuchError,
    /// This.
    Tried(Tried),
}

/// What was tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// The record that was unlocked, if the error had one that exists.
    pub record: Option<RecordKey>,
    /// The sides that have work now.
    pub targets: Vec<Side>,
    /// The events that are pending again.
    pub events: Vec<Uuid>,
    /// Whether the error's bytes went back on the bus.
    pub republished: bool,
}

/// Has `error` tried again for `actor`. A caller that gets a fault, or no answer, asks again: an error may be
/// redriven any number of times.
pub async fn redrive(ports: &Ports, error: Uuid, actor: &str) -> Result<Redriven, Fault> {
    let Some(entry) = ports.state.error(error).await? else { return Ok(Redriven::NoSuchError) };
    for _ in 0..ATTEMPTS {
        let now = ports.clock.now();
        let unlocked = match &entry.record {
            Some(key) => unlock(ports, key, error, now).await?,
            None => None,
        };
        let tried = Tried {
            record: unlocked.as_ref().map(|(record, _)| record.key.clone()),
            targets: unlocked.as_ref().map(|(_, targets)| targets.clone()).unwrap_or_default(),
            events: entry.events.clone(),
            republished: entry.payload.is_some(),
        };
        let record = unlocked.map(|(record, _)| record);
        let version = record.as_ref().map(|record| record.version);
        let commit = commit_of(&entry, record, &tried, actor, now);
        match ports.state.commit(vec![commit]).await?.pop() {
            Some(Verdict::Committed(_)) => {}
            Some(Verdict::Stale) => continue,
            Some(Verdict::Refused(why)) => {
                return Err(Fault::Broken(format!("a redrive that the state refuses: {why}")));
            }
            Some(Verdict::LinkTaken(_)) | None => {
                return Err(Fault::Broken("a redrive changes no link".into()));
            }
        }
        // Only now: had the bytes gone first, their second failure could be overtaken by our commit.
        if let Some(text) = &entry.payload {
            republish(ports, &entry, text).await?;
        }
        if let (Some(key), Some(version)) = (&tried.record, version)
            && let Err(lost) = announce::wake(ports, key, version, &tried.targets).await
        {
            tracing::warn!(%lost, "wake-up not sent; the tick finds the record");
        }
        if let Err(lost) = note_pending(ports, &entry.account, &tried.events, now).await {
            tracing::warn!(%lost, "pending events not noted; the tick finds them");
        }
        return Ok(Redriven::Tried(tried));
    }
    Err(Unavailable::new("state", "the record kept changing").into())
}

/// The record without this error's locks, due on the sides that have work; `None` when there is none.
async fn unlock(
    ports: &Ports,
    key: &RecordKey,
    error: Uuid,
    now: Timestamp,
) -> Result<Option<(Record, Vec<Side>)>, Fault> {
    let stored = ports.state.load(std::slice::from_ref(key)).await?.pop().flatten();
    let Some(mut record) = stored.map(|stored| Record::clone(&stored)) else { return Ok(None) };
    let Some(surface) = ports.config.surface(&key.account, &key.record_type) else {
        let reason = format!("{} is not configured in {}", key.record_type, key.account);
        return Err(Fault::Park { field: "recordType".into(), reason });
    };
    record.locks.retain(|lock| lock.error != error);
    let targets = Side::BOTH.into_iter().filter(|side| has_work(&record, *side, surface, now));
    let targets: Vec<Side> = targets.collect();
    for &side in &targets {
        let state = &mut record.sides[side];
        let unsettled = state.intent.is_some() || state.wants_read;
        let reason = if unsettled { DueReason::Unsettled } else { DueReason::Dirty };
        state.due = Some(Due { at: now, reason, attempts: 0 });
    }
    Ok(Some((record, targets)))
}

fn commit_of(
    entry: &ErrorEntry,
    record: Option<Record>,
    tried: &Tried,
    actor: &str,
    now: Timestamp,
) -> Commit {
    let mut commit = Commit::new(entry.account.clone());
    commit.record = record;
    commit.places = tried.events.iter().map(|event| (*event, Place::Pending { due_at: now })).collect();
    // The state adds up the attempts of one status: a second redrive meets nothing new.
    let attempts = if entry.status == ErrorStatus::Retried { 0 } else { entry.attempts };
    commit.errors.push(ErrorEntry { status: ErrorStatus::Retried, attempts, ..entry.clone() });
    commit.audit.push(AuditRow {
        at: now,
        actor: actor.to_string(),
        action: "retry".into(),
        subject: format!("error:{}", entry.id),
        details: json!(tried),
    });
    commit
}

/// Back to where it came from. When the bus is away the error is open again: nothing has been tried.
async fn republish(ports: &Ports, entry: &ErrorEntry, text: &str) -> Result<(), Unavailable> {
    let record_type = entry.record.as_ref().map_or("unknown", |key| key.record_type.as_str());
    let attributes = [("account", entry.account.as_str()), ("type", record_type)];
    let message = Message {
        data: payload_bytes(text),
        attributes: attributes.map(|(k, v)| (k.to_string(), v.to_string())).into(),
        ordering_key: entry.record.as_ref().map_or_else(|| entry.account.to_string(), RecordKey::to_string),
    };
    let Err(away) = ports.publish.publish(Topic::Raw, vec![message]).await else { return Ok(()) };
    let mut commit = Commit::new(entry.account.clone());
    commit.errors.push(ErrorEntry { status: ErrorStatus::Open, ..entry.clone() });
    ports.state.commit(vec![commit]).await?;
    Err(away)
}

/// Has merge absorb the events without waiting for the tick.
async fn note_pending(
    ports: &Ports,
    account: &AccountId,
    events: &[Uuid],
    now: Timestamp,
) -> Result<(), Unavailable> {
    for stored in ports.ledger.read(account, events).await? {
        let Ok(event) = ChangeEvent::from_slice(&stored.entry.payload) else { continue };
        let subject = subject_of(&event).to_text(&event.record_type);
        ports.buffer.note(account, &subject, now, true, &ports.config.coalescing).await?;
    }
    Ok(())
}

/// The id of the error "these bytes are no event": the same bytes are the same error, whoever meets them.
pub fn malformed_id(account: &AccountId, bytes: &[u8]) -> Uuid {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    derived_id("malformed", &[account.as_str(), &hash])
}

/// Before the base64 of bytes that are not text.
const NOT_TEXT: &str = "data:;base64,";

/// Bytes as the text of [`ErrorEntry::payload`]: as they are, or, when they are not UTF-8, as a data URL.
/// [`payload_bytes`] gives back the same bytes.
pub fn payload_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with(NOT_TEXT) => text.to_string(),
        _ => format!("{NOT_TEXT}{}", STANDARD.encode(bytes)),
    }
}

/// The bytes behind the text of [`ErrorEntry::payload`].
pub fn payload_bytes(text: &str) -> Bytes {
    let encoded = text.strip_prefix(NOT_TEXT).and_then(|encoded| STANDARD.decode(encoded).ok());
    encoded.map_or_else(|| Bytes::copy_from_slice(text.as_bytes()), Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive_as_a_payload() {
        for bytes in
            [&b"{\"a\":1}"[..], b"", &[0xff, 0x00], "ä".as_bytes(), b"data:;base64,eA==", b"data:;base64,%"]
        {
            assert_eq!(payload_bytes(&payload_text(bytes)), bytes);
        }
        assert_eq!(payload_text(b"{}"), "{}");
    }
}
