//! What a person does about an error. Tried again ([`redrive`]): its record is unlocked and due, its events are pending,
//! its bytes go back on the bus. Tried again with other content ([`redrive_edited`]): the edit goes on the bus as an event
//! of its own, the original stays. Dismissed ([`dismiss`]): nothing is sent. What fails again is the same error again,
//! open and counted up; what nothing comes of is [reopened](reopen).

mod again;
mod edit;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use self::again::looked_at;
pub use self::edit::original;
use crate::announce;
use crate::domain::event::{ChangeEvent, FieldError};
use crate::domain::id::{AccountId, PerSide, RecordKey, Side, Timestamp, derived_id};
use crate::domain::plan::{has_work, reschedule};
use crate::domain::record::{Due, DueReason, Record, unreadable_error};
use crate::fault::{Fault, Unavailable};
use crate::intake::subject_of;
use crate::pubsub::{Message, Topic, change_message};
use crate::runtime::Ports;
use crate::state::{AuditRow, Commit, ErrorEntry, ErrorStatus, Freed, Notice, Place, Sent, Verdict};

/// How often a decision is made anew because the record moved on meanwhile.
const ATTEMPTS: u32 = 5;

/// Longest reason that a person may give, in characters.
pub const REASON_MAX: usize = 1_000;

/// Why an error is not tried again.
pub const NOTHING_TO_TRY: &str = "is of an error where there is nothing to try: no bytes and no events are stuck in it, and no record waits for it";

/// What became of a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redriven {
    /// There is no such error.
    NoSuchError,
    /// There is nothing to try: neither bytes nor events are stuck, and no record waits for it. Nothing was changed.
    Nothing,
    /// This.
    Tried(Tried),
}

/// What became of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// There is no such error.
    NoSuchError,
    /// The edit cannot be sent: where it is wrong, and why. Nothing was changed.
    Refused(FieldError),
    /// It is on the bus. The same edit again has the same id, and is the same event.
    Sent {
        /// The edit's own event id.
        event: Uuid,
        /// What goes on by it.
        tried: Tried,
    },
}

/// What became of a dismissal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dismissed {
    /// There is no such error.
    NoSuchError,
    /// It cannot be dismissed so: where it is wrong, and why.
    Refused(FieldError),
    /// It is closed, by this or already before.
    Closed(Tried),
}

/// What goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// The record that was unlocked, if the error had one that exists.
    pub record: Option<RecordKey>,
    /// The sides that have work now.
    pub targets: Vec<Side>,
    /// The events that are pending again.
    pub events: Vec<Uuid>,
    /// Whether the error's bytes, or an edit of them, go on the bus.
    pub republished: bool,
}

/// Has `error` tried again for `actor`, and for a reason if they give one. A caller that gets a fault, or no answer, asks
/// again: an error may be redriven any number of times.
pub async fn redrive(ports: &Ports, error: Uuid, actor: &str, why: Option<&str>) -> Result<Redriven, Fault> {
    let Some(entry) = ports.state.error(error).await? else { return Ok(Redriven::NoSuchError) };
    if !can_retry(ports, &entry).await? {
        return Ok(Redriven::Nothing);
    }
    let word = Word {
        status: ErrorStatus::Retried,
        note: None,
        edits: Vec::new(),
        events: Stuck::Again,
        republished: entry.payload.is_some(),
        tried_at: Some(ports.clock.now()),
        actor,
        action: "retry",
        details: json!({ "why": why }),
    };
    let (tried, decided) = decide(ports, &entry, &word).await?;
    // Only now: had the bytes gone first, their second failure could be overtaken by our commit. Who dies before they are
    // sent leaves that to the tick.
    if decided.to_send
        && let Err(away) = send(ports, &decided).await
    {
        reopen(ports, &decided, actor, "the bus is away, and nothing was sent").await?;
        return Err(away.into());
    }
    Ok(Redriven::Tried(tried))
}

/// Whether anything would happen if this error were tried again.
pub async fn can_retry(ports: &Ports, entry: &ErrorEntry) -> Result<bool, Unavailable> {
    let places = ports.state.places(&entry.account, &entry.events).await?;
    let surface = entry.record.as_ref().and_then(|key| ports.config.surface(&key.account, &key.record_type));
    let record = match &entry.record {
        Some(key) => ports.state.load(std::slice::from_ref(key)).await?.pop().flatten(),
        None => None,
    };
    let record = record.as_deref().zip(surface.map(|surface| &**surface));
    Ok(again::is_something(entry, record, &places))
}

/// Sends the bytes of an error that is tried again back to where they came from, and notes that. Done again it does no
/// harm: the same bytes are the same event, or the same error.
pub async fn send(ports: &Ports, entry: &ErrorEntry) -> Result<(), Unavailable> {
    let (Some(text), Some(tried_at)) = (&entry.payload, entry.tried_at) else { return Ok(()) };
    ports.publish.publish(Topic::Raw, vec![message(entry, text)]).await?;
    let mut commit = Commit::new(entry.account.clone());
    commit.sent.push(Sent { error: entry.id, tried_at });
    ports.state.commit(vec![commit]).await?;
    Ok(())
}

/// Has an error that was tried again wait for a person once more: nothing is known to have come of it.
pub async fn reopen(ports: &Ports, entry: &ErrorEntry, actor: &str, why: &str) -> Result<(), Unavailable> {
    let now = ports.clock.now();
    let (note, status) = (Some(format!("open again: {why}")), ErrorStatus::Open);
    let open = ErrorEntry { status, note, to_send: false, ..entry.clone() };
    let mut commit = Commit::new(entry.account.clone());
    commit.notices.push(Notice::of_new_error(&open, now));
    commit.audit.push(audit(entry, status, actor, "reopened", json!({ "why": why }), now));
    commit.errors.push(open);
    ports.state.commit(vec![commit]).await?;
    Ok(())
}

/// Has `error` tried again with other content: `edited` is the body of a change event about the same record. It goes on the
/// bus under an id of its own and names the error and the events that it stands for; these are superseded, and stay in the
/// ledger, as the error's own bytes stay in the error. A caller that gets a fault, or no answer, asks again.
pub async fn redrive_edited(
    ports: &Ports,
    error: Uuid,
    edited: Json,
    actor: &str,
    reason: &str,
) -> Result<Edited, Fault> {
    let Some(entry) = ports.state.error(error).await? else { return Ok(Edited::NoSuchError) };
    if let Some(wrong) = no_reason(reason) {
        return Ok(Edited::Refused(wrong));
    }
    let original = edit::original(ports, &entry).await?;
    let event = match edit::event(&ports.config, &entry, original.as_ref(), edited, actor, reason) {
        Ok(event) => event,
        Err(wrong) => return Ok(Edited::Refused(wrong)),
    };
    // First: whoever crashes after it leaves an open error beside an edit that is absorbed, and no edit is lost.
    ports.publish.publish(Topic::Raw, vec![change_message(&event)]).await?;
    let word = Word {
        status: ErrorStatus::Retried,
        note: Some(format!("edited and tried again by {actor}: {reason}")),
        edits: vec![event.event_id],
        events: Stuck::Superseded,
        republished: true,
        tried_at: Some(ports.clock.now()),
        actor,
        action: "retry_edited",
        details: json!({ "event": event.event_id, "instead": entry.events, "why": reason }),
    };
    let (tried, _) = decide(ports, &entry, &word).await?;
    Ok(Edited::Sent { event: event.event_id, tried })
}

/// Closes `error` for `actor` without trying anything again: the events that are stuck are superseded, the record is free.
/// Where the sides still differ the record is due, and what then fails is an open error again: a difference cannot be
/// dismissed, only the news of it.
pub async fn dismiss(ports: &Ports, error: Uuid, actor: &str, reason: &str) -> Result<Dismissed, Fault> {
    let Some(entry) = ports.state.error(error).await? else { return Ok(Dismissed::NoSuchError) };
    if let Some(wrong) = no_reason(reason) {
        return Ok(Dismissed::Refused(wrong));
    }
    if entry.status == ErrorStatus::Closed {
        return Ok(Dismissed::Closed(Tried { record: entry.record, ..Tried::default() }));
    }
    let word = Word {
        status: ErrorStatus::Closed,
        note: Some(format!("dismissed by {actor}: {reason}")),
        edits: Vec::new(),
        events: Stuck::Superseded,
        republished: false,
        tried_at: None,
        actor,
        action: "dismiss",
        details: json!({ "why": reason }),
    };
    Ok(Dismissed::Closed(decide(ports, &entry, &word).await?.0))
}

/// Closes an error that a later success has overtaken, and says so: `why` completes "it is over: …". The events that are
/// stuck are superseded, the record is free of the error's locks.
pub async fn close(ports: &Ports, entry: &ErrorEntry, actor: &str, why: &str) -> Result<(), Fault> {
    let word = Word {
        status: ErrorStatus::Closed,
        note: Some(format!("closed by itself: {why}")),
        edits: Vec::new(),
        events: Stuck::Superseded,
        republished: false,
        tried_at: None,
        actor,
        action: "closed",
        details: json!({ "why": why }),
    };
    decide(ports, entry, &word).await.map(drop)
}

/// Where the record of an error is shown in each system, for people.
pub async fn pages(ports: &Ports, entry: &ErrorEntry) -> Result<PerSide<Option<String>>, Unavailable> {
    let none = PerSide::default();
    let Some(key) = &entry.record else { return Ok(none) };
    let Some(account) = ports.config.accounts.get(&key.account) else { return Ok(none) };
    let Some(surface) = account.types.get(&key.record_type) else { return Ok(none) };
    let Some(record) = ports.state.load(std::slice::from_ref(key)).await?.pop().flatten() else {
        return Ok(none);
    };
    let ids = PerSide { netsuite: record.sides.netsuite.id.clone(), suitex: record.sides.suitex.id.clone() };
    Ok(account.pages(surface, &ids))
}

fn no_reason(reason: &str) -> Option<FieldError> {
    let wrong = |reason: String| Some(FieldError { field: "reason".into(), reason });
    match reason.trim().chars().count() {
        0 => wrong("is missing: say why, for whoever reads the audit".into()),
        long if long > REASON_MAX => wrong(format!("has {long} characters; at most {REASON_MAX} are kept")),
        _ => None,
    }
}

/// What becomes of the events that are stuck.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stuck {
    Again,
    Superseded,
}

/// What is decided about an error.
struct Word<'a> {
    status: ErrorStatus,
    note: Option<String>,
    edits: Vec<Uuid>,
    events: Stuck,
    republished: bool,
    tried_at: Option<Timestamp>,
    actor: &'a str,
    action: &'static str,
    details: Json,
}

/// Writes the decision down, and wakes whoever has work by it. The error as it was written comes along.
async fn decide(ports: &Ports, entry: &ErrorEntry, word: &Word<'_>) -> Result<(Tried, ErrorEntry), Fault> {
    for _ in 0..ATTEMPTS {
        let now = ports.clock.now();
        let unlocked = match &entry.record {
            Some(key) => unlock(ports, key, entry, word.events, now).await?,
            None => None,
        };
        let tried = Tried {
            record: unlocked.as_ref().map(|(record, _)| record.key.clone()),
            targets: unlocked.as_ref().map(|(_, targets)| targets.clone()).unwrap_or_default(),
            events: if word.events == Stuck::Again { entry.events.clone() } else { Vec::new() },
            republished: word.republished,
        };
        let record = unlocked.map(|(record, _)| record);
        let version = record.as_ref().map(|record| record.version);
        let decided = decided(entry, word, now);
        let commit = commit_of(entry, &decided, record, &tried, word, now);
        match ports.state.commit(vec![commit]).await?.pop() {
            Some(Verdict::Committed(_)) => {}
            Some(Verdict::Stale) => continue,
            Some(Verdict::Refused(why)) => {
                return Err(Fault::Broken(format!(
                    "a decision about an error that the state refuses: {why}"
                )));
            }
            Some(Verdict::LinkTaken(_)) | None => {
                return Err(Fault::Broken("a decision about an error changes no link".into()));
            }
        }
        if let (Some(key), Some(version)) = (&tried.record, version)
            && let Err(lost) = announce::wake(ports, key, version, &tried.targets).await
        {
            tracing::warn!(%lost, "wake-up not sent; the tick finds the record");
        }
        if let Err(lost) = note_pending(ports, &entry.account, &tried.events, now).await {
            tracing::warn!(%lost, "pending events not noted; the tick finds them");
        }
        return Ok((tried, decided));
    }
    Err(Unavailable::new("state", "the record kept changing").into())
}

/// The record without this error's locks, due on the sides that have work; `None` when there is none.
async fn unlock(
    ports: &Ports,
    key: &RecordKey,
    error: &ErrorEntry,
    events: Stuck,
    now: Timestamp,
) -> Result<Option<(Record, Vec<Side>)>, Fault> {
    let stored = ports.state.load(std::slice::from_ref(key)).await?.pop().flatten();
    if let Some(why) = stored.as_deref().and_then(Record::why_unreadable) {
        // That it cannot be read locks nothing in its row, and it is due there. What else is wrong with it does, and stays.
        return match error.id == unreadable_error(key) {
            true => Ok(None),
            false => Err(Fault::Park { field: "record".into(), reason: format!("it cannot be read: {why}") }),
        };
    }
    let Some(stored) = stored else { return Ok(None) };
    let Some(surface) = ports.config.surface(&key.account, &key.record_type) else {
        let reason = format!("{} is not configured in {}", key.record_type, key.account);
        return Err(Fault::Park { field: "recordType".into(), reason });
    };
    let mut record = again::freed(error, &stored, events == Stuck::Again);
    let targets = Side::BOTH.into_iter().filter(|side| has_work(&record, *side, surface, now));
    let targets: Vec<Side> = targets.collect();
    if events == Stuck::Superseded {
        // Nobody pressed retry: what backs off goes on backing off.
        reschedule(&mut record, surface, now);
        return Ok(Some((record, targets)));
    }
    for &side in &targets {
        let state = &mut record.sides[side];
        let unsettled = state.intent.is_some() || state.wants_read;
        let reason = if unsettled { DueReason::Unsettled } else { DueReason::Dirty };
        state.due = Some(Due { at: now, reason, attempts: 0 });
    }
    Ok(Some((record, targets)))
}

/// The error once this is decided about it.
fn decided(entry: &ErrorEntry, word: &Word<'_>, now: Timestamp) -> ErrorEntry {
    // The state adds up the attempts of one status: a second redrive meets nothing new.
    let attempts = if entry.status == word.status { 0 } else { entry.attempts };
    // What was closed and is tried again begins anew: nobody has waited for it until now.
    let reopens = entry.status == ErrorStatus::Closed && word.status != ErrorStatus::Closed;
    ErrorEntry {
        status: word.status,
        first_at: if reopens { now } else { entry.first_at },
        attempts,
        note: word.note.clone(),
        edits: word.edits.clone(),
        tried_at: word.tried_at,
        to_send: word.republished && word.edits.is_empty(),
        ..entry.clone()
    }
}

fn commit_of(
    entry: &ErrorEntry,
    decided: &ErrorEntry,
    record: Option<Record>,
    tried: &Tried,
    word: &Word<'_>,
    now: Timestamp,
) -> Commit {
    let mut commit = Commit::new(entry.account.clone());
    commit.record = record;
    let to = match word.events {
        Stuck::Again => Place::Pending { due_at: now },
        Stuck::Superseded => Place::Superseded,
    };
    // One that somebody has taken further is no longer this error's to move.
    commit.freed = vec![Freed { error: entry.id, events: entry.events.clone(), to }];
    if word.action == "closed" {
        commit.notices.push(Notice::error_over(decided, now));
    }
    let mut details = json!(tried);
    if let (Some(details), Json::Object(more)) = (details.as_object_mut(), word.details.clone()) {
        details.extend(more);
    }
    commit.audit.push(audit(entry, word.status, word.actor, word.action, details, now));
    commit.errors.push(decided.clone());
    commit
}

/// Who did what about an error: where it stood, and where it stands from now on.
fn audit(
    entry: &ErrorEntry,
    to: ErrorStatus,
    actor: &str,
    action: &str,
    mut details: Json,
    now: Timestamp,
) -> AuditRow {
    details["from"] = json!(entry.status);
    details["to"] = json!(to);
    let (actor, action) = (actor.to_string(), action.to_string());
    AuditRow { at: now, actor, action, subject: format!("error:{}", entry.id), details }
}

/// An error's bytes, as they came.
fn message(entry: &ErrorEntry, text: &str) -> Message {
    let record_type = entry.record.as_ref().map_or("unknown", |key| key.record_type.as_str());
    let attributes = [("account", entry.account.as_str()), ("type", record_type)];
    Message {
        data: payload_bytes(text),
        attributes: attributes.map(|(k, v)| (k.to_string(), v.to_string())).into(),
        ordering_key: entry.record.as_ref().map_or_else(|| entry.account.to_string(), RecordKey::to_string),
    }
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
