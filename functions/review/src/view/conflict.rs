//! A conflict.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::conflict::Clash;
use shared::domain::id::Timestamp;
use shared::domain::record::Record;
use shared::domain::surface::{Policy, Risk, TypeSurface};
use shared::state::desk::Filed;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Sides, ids, shown};

/// An open conflict.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConflictView {
    /// Its id.
    pub conflict_id: Uuid,
    /// Tenant.
    pub account: String,
    /// Record type.
    pub record_type: String,
    /// Canonical id of the record.
    pub record_id: String,
    /// What people call the record: the value of its type's first field that is text.
    pub title: Option<String>,
    /// The ids under which the sides know the record.
    pub ids: Sides<Option<String>>,
    /// Up by one with each change of what it shows: what a decision must name.
    pub conflict_revision: u64,
    /// Since when the sides disagree.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// By when somebody should have decided.
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// Whether that time is over.
    pub overdue: bool,
    /// Whose it is: an address.
    pub assignee: Option<String>,
    /// The side that has deleted the record; then the decision says whether it lives on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub deleted_by: Option<&'static str>,
    /// Whether nothing of the record is written until somebody decides; else only these fields wait.
    pub locks_record: bool,
    /// What each field holds on both sides.
    pub fields: BTreeMap<String, Clashing>,
}

/// One field on which the sides disagree.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Clashing {
    /// What both held before.
    pub base: Json,
    /// What SuiteX holds.
    pub suitex: Json,
    /// What NetSuite holds.
    pub netsuite: Json,
    /// What we would choose.
    pub suggested: Json,
    /// The field's policy.
    #[schema(value_type = String)]
    pub policy: Policy,
    /// `low`: only the field is locked; `high`: the record.
    #[schema(value_type = String)]
    pub risk: Risk,
    /// What the field holds, as `sync.toml` calls it: `text`, `decimal`, …
    pub kind: &'static str,
}

/// An open conflict in the inbox; the whole of it is one request away.
pub type ConflictLine = ConflictView;

impl ConflictView {
    /// The record's open conflict, as `filed`; `None` when it has none, or another one.
    pub(crate) fn new(record: &Record, filed: &Filed, surface: &TypeSurface, now: Timestamp) -> Option<Self> {
        let conflict = record.conflict.as_ref().filter(|conflict| conflict.id == filed.conflict)?;
        let fields = conflict.clashes.iter();
        let fields = fields.map(|c| (surface.fields[c.field].name.to_string(), clashing(c, surface)));
        Some(Self {
            conflict_id: conflict.id,
            account: record.key.account.to_string(),
            record_type: record.key.record_type.to_string(),
            record_id: record.key.id.to_string(),
            title: title(record, surface),
            ids: ids(record),
            conflict_revision: conflict.revision,
            opened_at: conflict.opened_at,
            due_at: conflict.due_at,
            overdue: conflict.due_at <= now,
            assignee: filed.assignee.clone(),
            deleted_by: conflict.deleted_by.map(|side| side.as_str()),
            locks_record: conflict.locks_record(),
            fields: fields.collect(),
        })
    }
}

fn clashing(clash: &Clash, surface: &TypeSurface) -> Clashing {
    let shown = |value| shown(surface, clash.field, value);
    Clashing {
        base: shown(&clash.base),
        suitex: shown(&clash.values.suitex),
        netsuite: shown(&clash.values.netsuite),
        suggested: shown(&clash.suggested),
        policy: clash.policy,
        risk: clash.risk,
        kind: surface.fields[clash.field].kind.name(),
    }
}

/// What people call a record: its field of the name `name`, or that ends so, or its first text.
pub(crate) fn title(record: &Record, surface: &TypeSurface) -> Option<String> {
    let text = |field: usize| match shown(surface, field, &record.canonical[field]) {
        Json::String(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    let named = surface.fields.iter().position(|f| &*f.name == "name" || f.name.ends_with("_name"));
    named.and_then(text)
}
