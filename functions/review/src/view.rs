//! What people are shown. Pure. Values are in SuiteX's form, under canonical names; references are canonical
//! ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use shared::domain::conflict::{Clash, Conflict};
use shared::domain::id::{
    AccountId, CanonicalId, PerSide, RecordKey, RecordType, Revision, Side, SideId, Timestamp, Version,
};
use shared::domain::plan::has_work;
use shared::domain::record::{Due, DueReason, Fields, Intent, Presence, Record, Verb};
use shared::domain::surface::{Field, FieldIx, Policy, Risk, TypeSurface};
use shared::domain::value::Value;
use uuid::Uuid;

/// One record, everything about it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordView {
    account: AccountId,
    #[serde(rename = "type")]
    record_type: RecordType,
    id: CanonicalId,
    version: Version,
    alive: bool,
    status: &'static str,
    state: Map<String, Json>,
    ids: PerSide<Option<SideId>>,
    sides: PerSide<SideView>,
    lock: LockView,
    /// Accepted events that are not absorbed yet.
    pending_events: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<ConflictView>,
}

/// What we know of one side.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SideView {
    presence: &'static str,
    shadow: Map<String, Json>,
    /// Of the newest news.
    revision: Option<Revision>,
    /// Of the last full read.
    seen: Option<Revision>,
    /// Fields in which the side differs from the agreed state, by name.
    dirty: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DueView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<IntentView>,
    wants_read: bool,
    detached: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DueView {
    at: Timestamp,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<String>,
    attempts: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IntentView {
    operation: Uuid,
    verb: &'static str,
    fields: Vec<Arc<str>>,
    version: Version,
    started: Timestamp,
    deadline: Timestamp,
}

#[derive(Serialize)]
struct LockView {
    record: bool,
    fields: Vec<Arc<str>>,
    reasons: Vec<String>,
}

/// One record in a list.
#[derive(Serialize)]
pub(crate) struct LineView {
    id: CanonicalId,
    #[serde(rename = "type")]
    record_type: RecordType,
    version: Version,
    alive: bool,
    ids: PerSide<Option<SideId>>,
    status: &'static str,
}

/// An open conflict.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConflictView {
    conflict_id: Uuid,
    account: AccountId,
    record_type: RecordType,
    record_id: CanonicalId,
    conflict_revision: u64,
    opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_by: Option<Side>,
    fields: BTreeMap<Arc<str>, ClashView>,
}

#[derive(Serialize)]
struct ClashView {
    base: Json,
    suitex: Json,
    netsuite: Json,
    suggested: Json,
    policy: Policy,
    risk: Risk,
}

/// Everything about a record.
pub(crate) fn record(
    record: &Record,
    surface: &TypeSurface,
    pending_events: usize,
    now: Timestamp,
) -> RecordView {
    RecordView {
        account: record.key.account.clone(),
        record_type: record.key.record_type.clone(),
        id: record.key.id.clone(),
        version: record.version,
        alive: record.alive,
        status: status(record, Some(surface), now),
        state: named(&record.canonical, surface),
        ids: ids(record),
        sides: PerSide {
            netsuite: side(record, Side::NetSuite, surface),
            suitex: side(record, Side::SuiteX, surface),
        },
        lock: lock(record, surface),
        pending_events,
        conflict: record.conflict.as_ref().map(|c| conflict(&record.key, c, surface)),
    }
}

/// A record in a list; its type may no longer be configured.
pub(crate) fn line(record: &Record, surface: Option<&TypeSurface>, now: Timestamp) -> LineView {
    LineView {
        id: record.key.id.clone(),
        record_type: record.key.record_type.clone(),
        version: record.version,
        alive: record.alive,
        ids: ids(record),
        status: status(record, surface, now),
    }
}

/// An open conflict of the record `key`.
pub(crate) fn conflict(key: &RecordKey, conflict: &Conflict, surface: &TypeSurface) -> ConflictView {
    let fields = conflict.clashes.iter().map(|c| (surface.fields[c.field].name.clone(), clash(c, surface)));
    ConflictView {
        conflict_id: conflict.id,
        account: key.account.clone(),
        record_type: key.record_type.clone(),
        record_id: key.id.clone(),
        conflict_revision: conflict.revision,
        opened_at: conflict.opened_at,
        deleted_by: conflict.deleted_by,
        fields: fields.collect(),
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

fn ids(record: &Record) -> PerSide<Option<SideId>> {
    PerSide { netsuite: record.sides.netsuite.id.clone(), suitex: record.sides.suitex.id.clone() }
}

fn named(values: &Fields, surface: &TypeSurface) -> Map<String, Json> {
    let shown =
        |(field, value): (&Field, &Value)| (field.name.to_string(), field.kind.render(Side::SuiteX, value));
    surface.fields.iter().zip(values).map(shown).collect()
}

fn name(surface: &TypeSurface, field: FieldIx) -> Arc<str> {
    surface.fields[field].name.clone()
}

fn side(record: &Record, side: Side, surface: &TypeSurface) -> SideView {
    let state = &record.sides[side];
    let is_there = state.presence == Presence::There;
    let is_dirty = |field: &FieldIx| {
        let travels = surface.fields[*field].direction.accepts_from(side.other());
        travels && !state.holds(*field, &record.canonical[*field])
    };
    let dirty = (0..surface.fields.len()).filter(|field| is_there && record.alive && is_dirty(field));
    SideView {
        presence: match state.presence {
            Presence::Never => "never",
            Presence::There => "there",
            Presence::Gone => "gone",
        },
        shadow: if is_there { named(&state.shadow, surface) } else { Map::new() },
        revision: state.newest(),
        seen: state.seen,
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

fn intent(intent: &Intent, surface: &TypeSurface) -> IntentView {
    IntentView {
        operation: intent.operation,
        verb: match intent.verb {
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Delete => "delete",
        },
        fields: intent.wanted.iter().map(|(field, _)| name(surface, *field)).collect(),
        version: intent.version,
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

fn clash(clash: &Clash, surface: &TypeSurface) -> ClashView {
    let shown = |value: &Value| surface.fields[clash.field].kind.render(Side::SuiteX, value);
    ClashView {
        base: shown(&clash.base),
        suitex: shown(&clash.values.suitex),
        netsuite: shown(&clash.values.netsuite),
        suggested: shown(&clash.suggested),
        policy: clash.policy,
        risk: clash.risk,
    }
}
