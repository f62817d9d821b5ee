//! What was decided, and what went wrong.

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::id::{RecordKey, Timestamp};
use shared::redrive::Tried;
use shared::state::brake::BrakeWord;
use shared::state::{ErrorEntry, ErrorStatus, HistoryDecision, HistoryRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Sides;

/// A decision about a record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryView {
    /// The version after it.
    pub version: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who told: a source's name, `reply` or `read`.
    pub source: String,
    /// Person or script, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The events that led to it: ledger ids.
    pub events: Vec<Uuid>,
    /// What was decided, field by field.
    pub decisions: Vec<DecisionView>,
}

/// What was decided about one field, with both sides kept.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DecisionView {
    /// The field; `$exists` for the record itself.
    pub field: String,
    /// Why.
    pub rule: String,
    /// What the telling side held before.
    pub base: Json,
    /// What it holds since.
    pub ours: Json,
    /// What was agreed before.
    pub from: Json,
    /// What is agreed since.
    pub to: Json,
}

impl HistoryView {
    pub(crate) fn new(row: HistoryRow) -> Self {
        let decision = |d: HistoryDecision| DecisionView {
            field: d.field,
            rule: d.rule,
            base: d.base,
            ours: d.ours,
            from: d.from,
            to: d.to,
        };
        Self {
            version: row.version.0,
            at: row.at,
            source: row.source,
            actor: row.actor,
            events: row.events,
            decisions: row.decisions.into_iter().map(decision).collect(),
        }
    }
}

/// What names a record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// Tenant.
    pub account: String,
    /// Record type.
    pub record_type: String,
    /// Canonical id.
    pub id: String,
}

impl KeyView {
    fn new(key: &RecordKey) -> Self {
        Self {
            account: key.account.to_string(),
            record_type: key.record_type.to_string(),
            id: key.id.to_string(),
        }
    }
}

/// An error that needs a person.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorView {
    /// Its id.
    pub id: Uuid,
    /// Tenant.
    pub account: String,
    /// The record, when it is known.
    pub record: Option<KeyView>,
    /// What kind of error: `validation`, `malformed`, `not_persisted`, …
    pub class: String,
    /// The side's or our code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The field, when one is to blame.
    pub field: Option<String>,
    /// The events that are stuck: ledger ids.
    pub events: Vec<Uuid>,
    /// The bytes that could not be read, base64 when they are not text.
    pub payload: Option<String>,
    /// How often it was met.
    pub attempts: u32,
    /// First met.
    #[schema(value_type = String, format = DateTime)]
    pub first_at: Timestamp,
    /// Last met.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// `open`, `retried` or `closed`.
    #[schema(value_type = String)]
    pub status: ErrorStatus,
    /// What led to it, the outermost first.
    pub causes: Vec<String>,
    /// Why it stands where it does, once that was decided.
    pub note: Option<String>,
    /// The events that people sent in place of those that are stuck.
    pub edits: Vec<Uuid>,
    /// What was decided about what a brake holds: `pass` or `discard`.
    #[schema(value_type = Option<String>)]
    pub brake: Option<BrakeWord>,
    /// Where its record is shown in each system; in one that is asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Sides<Option<String>>>,
}

impl ErrorView {
    pub(crate) fn new(entry: &ErrorEntry) -> Self {
        Self {
            id: entry.id,
            account: entry.account.to_string(),
            record: entry.record.as_ref().map(KeyView::new),
            class: entry.class.clone(),
            code: entry.code.clone(),
            message: entry.message.clone(),
            hint: entry.hint.clone(),
            field: entry.field.clone(),
            events: entry.events.clone(),
            payload: entry.payload.clone(),
            attempts: entry.attempts,
            first_at: entry.first_at,
            last_at: entry.last_at,
            status: entry.status,
            causes: entry.causes.clone(),
            note: entry.note.clone(),
            edits: entry.edits.clone(),
            brake: entry.brake,
            pages: None,
        }
    }
}

/// What was tried again.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TriedView {
    /// The record that was unlocked, if the error had one that exists.
    pub record: Option<KeyView>,
    /// The sides that have work now.
    pub targets: Vec<&'static str>,
    /// The events that are pending again.
    pub events: Vec<Uuid>,
    /// Whether the error's bytes went back on the bus.
    pub republished: bool,
}

/// What was sent in place of what is stuck.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SentView {
    /// The edit's own event. The same edit again is the same event.
    pub event_id: Uuid,
    /// What goes on by it.
    #[serde(flatten)]
    pub tried: TriedView,
}

impl TriedView {
    pub(crate) fn new(tried: Tried) -> Self {
        Self {
            record: tried.record.as_ref().map(KeyView::new),
            targets: tried.targets.iter().map(|side| side.as_str()).collect(),
            events: tried.events,
            republished: tried.republished,
        }
    }
}
