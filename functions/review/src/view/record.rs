//! A record.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::id::{Side, Timestamp};
use shared::domain::identity;
use shared::domain::plan::has_work;
use shared::domain::record::{Due, DueReason, Fields, Intent, Presence, Record, Verb};
use shared::domain::surface::{FieldIx, TypeSurface};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ConflictView, Sides, ids, shown};

/// One record, everything about it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordView {
    /// Tenant.
    pub account: String,
    /// Record type.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Canonical id.
    pub id: String,
    /// Up by one with each change to the agreed values: what an override must name.
    pub version: u64,
    /// Whether it exists, as agreed.
    pub alive: bool,
    /// `in_sync`, `pending`, `waiting`, `error`, `locked`, `ambiguous`, `conflict`: the most urgent that applies.
    pub status: &'static str,
    /// The agreed values.
    pub state: BTreeMap<String, Json>,
    /// The ids under which the sides know it.
    pub ids: Sides<Option<String>>,
    /// What we know of each side.
    pub sides: Sides<SideView>,
    /// What may not be written, and why.
    pub lock: LockView,
    /// Accepted events that are not absorbed yet.
    pub pending_events: usize,
    /// The open conflict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<ConflictView>,
}

/// What we know of one side.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SideView {
    /// `never`, `there` or `gone`.
    pub presence: &'static str,
    /// The values that it was last known to hold.
    pub shadow: BTreeMap<String, Json>,
    /// Of the newest news, by the side's own clock.
    pub revision: Option<i64>,
    /// Of the last full read.
    pub seen: Option<i64>,
    /// Fields in which the side differs from the agreed state, by name.
    pub dirty: Vec<String>,
    /// Its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<DueView>,
    /// The write under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentView>,
    /// It is looked at before anything else.
    pub wants_read: bool,
    /// No longer synced to this side.
    pub detached: bool,
}

/// Work that a side has.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DueView {
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `dirty`, `unsettled`, `waiting_for` or `backing_off`.
    pub reason: &'static str,
    /// `type:id` of the record that must come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Failed so far.
    pub attempts: u32,
}

/// A write under way.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IntentView {
    /// Its idempotency key.
    pub operation: Uuid,
    /// `create`, `update` or `delete`.
    pub verb: &'static str,
    /// What it sets.
    pub fields: Vec<String>,
    /// The version that it brings.
    pub version: u64,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// When it is looked after, if nothing is heard.
    #[schema(value_type = String, format = DateTime)]
    pub deadline: Timestamp,
}

/// What may not be written, and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LockView {
    /// The whole record.
    pub record: bool,
    /// Fields.
    pub fields: Vec<String>,
    /// Why.
    pub reasons: Vec<String>,
}

/// One record in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecordLine {
    /// Tenant.
    pub account: String,
    /// Canonical id.
    pub id: String,
    /// Record type.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Its version.
    pub version: u64,
    /// Whether it exists, as agreed.
    pub alive: bool,
    /// The ids under which the sides know it.
    pub ids: Sides<Option<String>>,
    /// As in the record.
    pub status: &'static str,
}

impl RecordView {
    /// Everything about a record.
    pub(crate) fn new(
        record: &Record,
        surface: &TypeSurface,
        pending_events: usize,
        conflict: Option<ConflictView>,
        now: Timestamp,
    ) -> Self {
        Self {
            account: record.key.account.to_string(),
            record_type: record.key.record_type.to_string(),
            id: record.key.id.to_string(),
            version: record.version.0,
            alive: record.alive,
            status: status(record, Some(surface), now),
            state: named(&record.canonical, surface),
            ids: ids(record),
            sides: Sides::of(|of| side(record, of, surface)),
            lock: lock(record, surface),
            pending_events,
            conflict,
        }
    }
}

impl RecordLine {
    /// A record in a list; its type may no longer be configured.
    pub(crate) fn new(record: &Record, surface: Option<&TypeSurface>, now: Timestamp) -> Self {
        Self {
            account: record.key.account.to_string(),
            id: record.key.id.to_string(),
            record_type: record.key.record_type.to_string(),
            version: record.version.0,
            alive: record.alive,
            ids: ids(record),
            status: status(record, surface, now),
        }
    }
}

/// Where a record stands, in a word; the most urgent that applies.
fn status(record: &Record, surface: Option<&TypeSurface>, now: Timestamp) -> &'static str {
    let sides = || Side::BOTH.into_iter();
    let waits = |side| {
        let due = record.sides[side].due.as_ref();
        matches!(due, Some(Due { reason: DueReason::WaitingFor { .. }, .. }))
    };
    let works = |side| match surface {
        Some(surface) => has_work(record, side, surface, now),
        None => record.sides[side].due.is_some(),
    };
    if record.conflict.is_some() {
        "conflict"
    } else if identity::asked_about(record).is_some() {
        "ambiguous"
    } else if record.is_locked() {
        "locked"
    } else if !record.locks.is_empty() {
        "error"
    } else if sides().any(waits) {
        "waiting"
    } else if sides().any(works) {
        "pending"
    } else {
        "in_sync"
    }
}

fn named(values: &Fields, surface: &TypeSurface) -> BTreeMap<String, Json> {
    let fields = surface.fields.iter().zip(values).enumerate();
    fields.map(|(ix, (field, value))| (field.name.to_string(), shown(surface, ix, value))).collect()
}

fn name(surface: &TypeSurface, field: FieldIx) -> String {
    surface.fields[field].name.to_string()
}

fn side(record: &Record, side: Side, surface: &TypeSurface) -> SideView {
    let state = &record.sides[side];
    let is_there = state.presence == Presence::There;
    let is_dirty = |field: &FieldIx| {
        let travels = record.is_written_to(side, *field, surface);
        travels && !state.holds(*field, &record.canonical[*field])
    };
    let dirty = (0..surface.fields.len()).filter(|field| is_there && record.alive && is_dirty(field));
    SideView {
        presence: match state.presence {
            Presence::Never => "never",
            Presence::There => "there",
            Presence::Gone => "gone",
        },
        shadow: if is_there { named(&state.shadow, surface) } else { BTreeMap::new() },
        revision: state.newest().map(|revision| revision.0),
        seen: state.seen.map(|revision| revision.0),
        dirty: dirty.map(|field| name(surface, field)).collect(),
        due: state.due.as_ref().map(due),
        intent: state.intent.as_ref().map(|i| intent(i, surface)),
        wants_read: state.wants_read,
        detached: state.detached,
    }
}

fn due(due: &Due) -> DueView {
    let (reason, waiting_for) = match &due.reason {
        DueReason::Dirty => ("dirty", None),
        DueReason::Unsettled => ("unsettled", None),
        DueReason::WaitingFor { record_type, id, .. } => ("waiting_for", Some(format!("{record_type}:{id}"))),
        DueReason::BackingOff => ("backing_off", None),
    };
    DueView { at: due.at, reason, waiting_for, attempts: due.attempts }
}

/// What a write does, in a word.
pub(crate) fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Delete => "delete",
    }
}

fn intent(intent: &Intent, surface: &TypeSurface) -> IntentView {
    IntentView {
        operation: intent.operation,
        verb: verb(intent.verb),
        fields: intent.wanted.iter().map(|(field, _)| name(surface, *field)).collect(),
        version: intent.version.0,
        started: intent.started,
        deadline: intent.deadline,
    }
}

fn lock(record: &Record, surface: &TypeSurface) -> LockView {
    let fields = (0..surface.fields.len()).filter(|field| record.is_field_locked(*field));
    let mut reasons: Vec<String> = record.locks.iter().map(|lock| lock.reason.clone()).collect();
    if let Some(conflict) = &record.conflict {
        reasons.push(format!("conflict {}", conflict.id));
    }
    LockView {
        record: record.is_locked(),
        fields: fields.map(|field| name(surface, field)).collect(),
        reasons,
    }
}
