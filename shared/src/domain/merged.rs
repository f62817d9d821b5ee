//! What merge tells: the `MergedEvent`, a wake-up for the writers and a fact for other consumers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::event::ChangeEvent;
use super::id::{AccountId, RecordKey, RecordType, Side, derived_id};
use super::surface::{FieldIx, TypeSurface};

/// What merge tells the writers and other consumers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MergedEvent {
    /// Its id.
    pub merged_event_id: Uuid,
    /// Tenant.
    pub account_id: AccountId,
    /// Record type.
    pub record_type: RecordType,
    /// Canonical id.
    pub record_id: String,
    /// The record's version after the merge.
    pub version: u64,
    /// Canonical field → value now, in SuiteX's form, references by canonical id.
    pub changes: Map<String, Json>,
    /// The events that led to it.
    pub source_events: Vec<Json>,
    /// The sides that have work.
    pub targets: Vec<Side>,
    /// `account:type:id`.
    pub ordering_key: String,
    /// W3C trace context, when the sources had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// Source events over this size travel by reference to the ledger.
const SOURCE_EVENT_MAX_BYTES: usize = 64 * 1024;

impl MergedEvent {
    /// Tells that `changed` fields of a record changed, because of `sources`.
    pub fn new(
        record: &super::record::Record,
        changed: impl Iterator<Item = FieldIx>,
        sources: &[Arc<ChangeEvent>],
        targets: Vec<Side>,
        surface: &TypeSurface,
    ) -> Self {
        let key: &RecordKey = &record.key;
        let changes = changed
            .map(|f| {
                let field = &surface.fields[f];
                (field.name.to_string(), field.kind.render(Side::SuiteX, &record.canonical[f]))
            })
            .collect();
        let ids: Vec<String> = sources.iter().map(|e| e.event_id.to_string()).collect();
        let version = record.version.0;
        Self {
            merged_event_id: derived_id("merged", &[&key.to_string(), &version.to_string(), &ids.join(",")]),
            account_id: key.account.clone(),
            record_type: key.record_type.clone(),
            record_id: key.id.to_string(),
            version,
            changes,
            source_events: sources.iter().map(|e| by_reference_if_large(e)).collect(),
            targets,
            ordering_key: key.to_string(),
            traceparent: sources
                .iter()
                .find_map(|e| e.metadata.get("traceparent").and_then(Json::as_str).map(str::to_string)),
        }
    }
}

fn by_reference_if_large(event: &ChangeEvent) -> Json {
    let mut json = serde_json::to_value(event).unwrap_or_default();
    if event.to_bytes().len() > SOURCE_EVENT_MAX_BYTES {
        json["payload"] = json!({ "ledgerRef": event.event_id });
    }
    json
}
