//! The event on the wire: `ChangeEvent`, two spellings in, one out. Its JSON is also the ledger's stored form;
//! `schemas/` describes it.

mod decision;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::id::{AccountId, RecordType, Revision, Side, SideId, Timestamp, derived_id};
use super::surface::{FieldIx, TypeSurface};
use super::value::Value;

pub use decision::{IdentityChoice, WireChoice, WireIdentity, WireOverride, WireResolution};

/// Most fields that one event may change.
pub const FIELDS_MAX: usize = 2_000;

/// Deepest nesting that an event may have.
pub const DEPTH_MAX: usize = 32;

/// Key in `metadata` of the reference to a payload that was too large to travel.
pub const PAYLOAD_REF: &str = "payloadRef";

/// Something wrong in an event: where, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// Where, as a path.
    pub field: String,
    /// What is wrong there.
    pub reason: String,
}

fn wrong<T>(field: impl Into<String>, reason: impl Into<String>) -> Result<T, FieldError> {
    Err(FieldError { field: field.into(), reason: reason.into() })
}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A User Event script in NetSuite.
    NetsuiteUe,
    /// The poller.
    NetsuitePoll,
    /// SuiteX's outbox.
    Suitex,
    /// A comparison of both sides.
    Reconcile,
    /// A person who resolved a conflict.
    Review,
}

impl Source {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "netsuite-ue" | "UE" => Source::NetsuiteUe,
            "netsuite-poll" | "Poller" => Source::NetsuitePoll,
            "suitex" | "SuiteX" => Source::Suitex,
            "reconcile" => Source::Reconcile,
            "review" => Source::Review,
            _ => return None,
        })
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::NetsuiteUe => "netsuite-ue",
            Source::NetsuitePoll => "netsuite-poll",
            Source::Suitex => "suitex",
            Source::Reconcile => "reconcile",
            Source::Review => "review",
        }
    }
}

/// What happened to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// It appeared.
    Create,
    /// Fields changed.
    Update,
    /// It was deleted.
    Delete,
}

impl Operation {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "create" => Operation::Create,
            "update" => Operation::Update,
            "delete" => Operation::Delete,
            _ => return None,
        })
    }

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Update => "update",
            Operation::Delete => "delete",
        }
    }
}

/// A fact from a source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeEvent {
    /// Its id. Derived from its content when the producer gave none.
    pub event_id: Uuid,
    /// Tenant.
    pub account_id: AccountId,
    /// Record type, as `sync.toml` names it.
    pub record_type: RecordType,
    /// The *source's* id of the record; a resolution has the canonical id.
    pub record_id: SideId,
    /// Who says so.
    pub source: Source,
    /// What happened.
    pub operation: Operation,
    /// When the change happened at its source.
    pub timestamp: Timestamp,
    /// The source's own clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Our version that the source had seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_version: Option<u64>,
    /// What changed.
    pub payload: Payload,
    /// The canonical id that the record carries: NetSuite's external id, SuiteX's `sync_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Always `account:type:id`.
    pub ordering_key: String,
    /// Where the body is when it was too large to travel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_snapshot_ref: Option<String>,
    /// Who did it, never a secret.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub auth_context: Map<String, Json>,
    /// Correlation id, traceparent, the idempotency key of our own call.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Json>,
    /// Fields that we don't know, kept.
    #[serde(flatten)]
    pub unknown: Map<String, Json>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Payload {
    /// Field → new value. Explicit null clears, a missing field says nothing.
    pub changes: Map<String, Json>,
    /// Field → old value: evidence for people.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub previous: Map<String, Json>,
    /// Whether `changes` is every synced field.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub full: bool,
    /// A person's decision; source `review` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<WireResolution>,
    /// Values that an admin sets; source `review` only.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub overriding: Option<WireOverride>,
    /// A person's word on which of a side's records this one is; source `review` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<WireIdentity>,
    /// Absorb without waiting for the record to be quiet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub flush: bool,
}

impl ChangeEvent {
    /// Reads an event from bytes. The error names the first field that is wrong.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, FieldError> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => return wrong("$", format!("is not UTF-8 at byte {}", e.valid_up_to())),
        };
        match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(object)) => Self::from_object(object),
            Ok(_) => wrong("$", "must be a JSON object"),
            Err(e) => wrong("$", format!("is not JSON: {e}")),
        }
    }

    /// Reads an event from a JSON object, in either spelling.
    pub fn from_object(mut object: Map<String, Json>) -> Result<Self, FieldError> {
        if depth(&object) > DEPTH_MAX {
            return wrong("$", format!("is nested deeper than {DEPTH_MAX} levels"));
        }
        // Whatever it says, the key is ours to make.
        object.remove("orderingKey");
        object.remove("schemaVersion");
        let account_id = AccountId::parse(&text(&mut object, &["accountId"])?)
            .map_err(|e| FieldError { field: "accountId".into(), reason: e.to_string() })?;
        let record_type = RecordType::parse(&text(&mut object, &["recordType"])?)
            .map_err(|e| FieldError { field: "recordType".into(), reason: e.to_string() })?;
        let record_id = SideId::parse(&id_text(&mut object, "recordId")?)
            .map_err(|e| FieldError { field: "recordId".into(), reason: e.to_string() })?;
        let source = text(&mut object, &["source"])?;
        let Some(source) = Source::parse(&source) else {
            return wrong("source", format!("is not a source that we know: {source:?}"));
        };
        let operation = text(&mut object, &["operation", "eventType"])?;
        let Some(operation) = Operation::parse(&operation) else {
            return wrong("operation", format!("must be create, update or delete, not {operation:?}"));
        };
        let at = text(&mut object, &["timestamp"])?;
        let Some(timestamp) = Timestamp::parse(&at) else {
            return wrong("timestamp", format!("must be an RFC 3339 time that exists, not {at:?}"));
        };
        let revision = revision(&mut object, source)?;
        let base_version = base_version(&mut object)?;
        let external_id = optional_text(&mut object, "externalId")?;
        let full_snapshot_ref = optional_text(&mut object, "fullSnapshotRef")?;
        let auth_context = optional_object(&mut object, "authContext")?;
        let metadata = optional_object(&mut object, "metadata")?;
        let given_id = optional_text(&mut object, "eventId")?;
        let travels_apart = full_snapshot_ref.is_some() || metadata.contains_key(PAYLOAD_REF);
        let payload = payload(&mut object, operation, travels_apart)?;
        let words = [payload.resolution.is_some(), payload.overriding.is_some(), payload.identity.is_some()];
        if source == Source::Review && words.into_iter().filter(|is_there| *is_there).count() != 1 {
            return wrong(
                "payload.resolution",
                "is required from source review, or an override or an identity in its place",
            );
        }
        let event_id = match given_id {
            Some(id) => match Uuid::parse_str(&id) {
                Ok(id) => id,
                Err(_) => return wrong("eventId", format!("must be a UUID, not {id:?}")),
            },
            None => {
                let body = serde_json::to_string(&payload).unwrap_or_default();
                let (account, kind, id) = (account_id.as_str(), record_type.as_str(), record_id.as_str());
                derived_id("event", &[account, kind, id, source.as_str(), operation.as_str(), &at, &body])
            }
        };
        let ordering_key = format!("{account_id}:{record_type}:{record_id}");
        Ok(Self {
            event_id,
            account_id,
            record_type,
            record_id,
            source,
            operation,
            timestamp,
            revision,
            base_version,
            payload,
            external_id,
            ordering_key,
            full_snapshot_ref,
            auth_context,
            metadata,
            unknown: object,
        })
    }

    /// The side that the event is about; `None` for a person's decision, which is about neither.
    pub fn side(&self) -> Option<Side> {
        match self.source {
            Source::NetsuiteUe | Source::NetsuitePoll => Some(Side::NetSuite),
            Source::Suitex => Some(Side::SuiteX),
            Source::Review => None,
            Source::Reconcile => match self.metadata.get("side").and_then(Json::as_str) {
                Some("suitex") => Some(Side::SuiteX),
                _ => Some(Side::NetSuite),
            },
        }
    }

    /// The idempotency key of the call of ours that made the change, where the source could tell.
    pub fn own_operation(&self) -> Option<Uuid> {
        self.metadata.get("operation").and_then(Json::as_str).and_then(|id| Uuid::parse_str(id).ok())
    }

    /// Who did it, for people.
    pub fn actor(&self) -> Option<&str> {
        self.auth_context.get("actor").and_then(Json::as_str)
    }

    /// The bytes that travel and are stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The changed fields in canonical form, references still with the side's own ids. Fields that are not
    /// synced are left out.
    pub fn values(&self, side: Side, surface: &TypeSurface) -> Result<Vec<(FieldIx, Value)>, FieldError> {
        parse_values(&self.payload.changes, side, surface, "payload.changes.")
    }
}

/// Reads fields as `side` names and writes them; `path` goes before the field's name in errors.
pub fn parse_values(
    fields: &Map<String, Json>,
    side: Side,
    surface: &TypeSurface,
    path: &str,
) -> Result<Vec<(FieldIx, Value)>, FieldError> {
    let mut values: Vec<(FieldIx, Value)> = Vec::with_capacity(fields.len());
    for (name, json) in fields {
        let Some(field) = surface.field_on(side, name) else { continue };
        let value = surface.fields[field]
            .kind
            .parse(side, json)
            .map_err(|e| FieldError { field: format!("{path}{name}"), reason: e.to_string() })?;
        if values.iter().any(|(f, _)| *f == field) {
            return wrong(format!("{path}{name}"), "is given twice, under both of its names");
        }
        values.push((field, value));
    }
    values.sort_by_key(|(field, _)| *field);
    Ok(values)
}

fn depth(object: &Map<String, Json>) -> usize {
    fn of(json: &Json) -> usize {
        match json {
            Json::Object(o) => 1 + o.values().map(of).max().unwrap_or(0),
            Json::Array(a) => 1 + a.iter().map(of).max().unwrap_or(0),
            _ => 0,
        }
    }
    1 + object.values().map(of).max().unwrap_or(0)
}

/// Takes a required text under the first of `names` that is there.
fn text(object: &mut Map<String, Json>, names: &[&str]) -> Result<String, FieldError> {
    for name in names {
        match object.remove(*name) {
            None | Some(Json::Null) => {}
            Some(Json::String(text)) => return Ok(text),
            Some(_) => return wrong(*name, "must be text"),
        }
    }
    wrong(names[0], "is missing")
}

fn id_text(object: &mut Map<String, Json>, name: &str) -> Result<String, FieldError> {
    match object.get(name) {
        Some(Json::Number(n)) if n.is_u64() => {
            let text = n.to_string();
            object.remove(name);
            Ok(text)
        }
        _ => text(object, &[name]),
    }
}

fn optional_text(object: &mut Map<String, Json>, name: &str) -> Result<Option<String>, FieldError> {
    match object.remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => wrong(name, "must be text"),
    }
}

fn optional_object(object: &mut Map<String, Json>, name: &str) -> Result<Map<String, Json>, FieldError> {
    match object.remove(name) {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(inner)) => Ok(inner),
        Some(_) => wrong(name, "must be an object"),
    }
}

fn optional_flag(object: &mut Map<String, Json>, name: &str, path: &str) -> Result<bool, FieldError> {
    match object.remove(name) {
        None | Some(Json::Null) => Ok(false),
        Some(Json::Bool(flag)) => Ok(flag),
        Some(_) => wrong(path, "must be true or false"),
    }
}

/// NetSuite's lastModified (a time, or seconds), SuiteX's counter. News without one can only make us look.
fn revision(object: &mut Map<String, Json>, source: Source) -> Result<Option<Revision>, FieldError> {
    let of_time = |t: Timestamp| Revision(t.seconds());
    match object.remove("revision") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Number(n)) => match n.as_i64() {
            Some(n) if n >= 0 => Ok(Some(Revision(n))),
            _ => wrong("revision", "must be a whole number that is not negative"),
        },
        Some(Json::String(text)) => match (Timestamp::parse(&text), text.parse::<i64>()) {
            (Some(time), _) if source != Source::Suitex => Ok(Some(of_time(time))),
            (_, Ok(n)) if n >= 0 => Ok(Some(Revision(n))),
            _ => wrong("revision", format!("must be a whole number or, from NetSuite, a time; not {text:?}")),
        },
        Some(_) => wrong("revision", "must be a whole number or, from NetSuite, a time"),
    }
}

fn base_version(object: &mut Map<String, Json>) -> Result<Option<u64>, FieldError> {
    match object.remove("baseVersion") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Number(n)) if n.is_u64() => Ok(n.as_u64()),
        Some(Json::String(text)) => match text.strip_prefix('v').unwrap_or(&text).parse() {
            Ok(n) => Ok(Some(n)),
            Err(_) => wrong("baseVersion", format!("must be a number or like \"v123\", not {text:?}")),
        },
        Some(_) => wrong("baseVersion", "must be a number or like \"v123\""),
    }
}

fn payload(
    object: &mut Map<String, Json>,
    operation: Operation,
    has_ref: bool,
) -> Result<Payload, FieldError> {
    let top_level = object.remove("changes");
    let mut inner = match object.remove("payload") {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(inner)) => inner,
        Some(_) => return wrong("payload", "must be an object"),
    };
    let changes = match (inner.remove("changes"), top_level) {
        (Some(_), Some(_)) => return wrong("changes", "stands both at top level and in the payload"),
        (Some(Json::Object(changes)), None) | (None, Some(Json::Object(changes))) => changes,
        (Some(Json::Null), None) | (None, Some(Json::Null)) | (None, None) => Map::new(),
        (Some(_), None) | (None, Some(_)) => return wrong("payload.changes", "must be an object"),
    };
    if changes.len() > FIELDS_MAX {
        return wrong(
            "payload.changes",
            format!("has {} fields; at most {FIELDS_MAX} are taken", changes.len()),
        );
    }
    let previous = optional_object(&mut inner, "previous")?;
    // A create tells everything there is.
    let full = optional_flag(&mut inner, "full", "payload.full")? || operation == Operation::Create;
    let flush = optional_flag(&mut inner, "flush", "payload.flush")?;
    let resolution = decided(&mut inner, "resolution")?;
    let overriding = decided(&mut inner, "override")?;
    let identity = decided(&mut inner, "identity")?;
    let decides = resolution.is_some() || overriding.is_some() || identity.is_some();
    if changes.is_empty() && !decides && operation == Operation::Update && !has_ref {
        return wrong("payload.changes", "is missing: an update says what changed, or has a fullSnapshotRef");
    }
    Ok(Payload { changes, previous, full, resolution, overriding, identity, flush })
}

/// What a person decided, under `name`.
fn decided<T: serde::de::DeserializeOwned>(
    inner: &mut Map<String, Json>,
    name: &str,
) -> Result<Option<T>, FieldError> {
    match inner.remove(name) {
        None | Some(Json::Null) => Ok(None),
        Some(json) => match serde_json::from_value(json) {
            Ok(decided) => Ok(Some(decided)),
            Err(e) => wrong(format!("payload.{name}"), e.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(json: Json) -> Result<ChangeEvent, FieldError> {
        ChangeEvent::from_slice(json.to_string().as_bytes())
    }

    fn good() -> Json {
        json!({
            "accountId": "acme", "recordType": "customer", "recordId": "5", "source": "suitex",
            "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "revision": 7,
            "payload": {"changes": {"email": "a@b.c"}}
        })
    }

    fn with(field: &str, value: Json) -> Json {
        let mut json = good();
        json[field] = value;
        json
    }

    #[test]
    fn both_spellings_mean_the_same() {
        let first = event(json!({
            "eventId": "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f", "accountId": "acme", "recordType": "customer",
            "recordId": "12345", "eventType": "update", "source": "UE", "timestamp": "2025-11-14T13:12:05Z",
            "baseVersion": "v123", "changes": {"companyname": "x"}
        }))
        .unwrap();
        let second = event(json!({
            "eventId": "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f", "accountId": "acme", "recordType": "customer",
            "recordId": 12345, "operation": "update", "source": "netsuite-ue", "timestamp": "2025-11-14T13:12:05Z",
            "baseVersion": 123, "orderingKey": "customer:12345", "payload": {"changes": {"companyname": "x"}}
        }))
        .unwrap();
        assert_eq!(first, second);
        assert_eq!(first.ordering_key, "acme:customer:12345");
        assert_eq!(ChangeEvent::from_slice(&first.to_bytes()).unwrap(), first, "what is emitted is accepted");
    }

    #[test]
    fn an_event_without_id_gets_one_from_its_content() {
        let (a, b) = (event(good()).unwrap(), event(good()).unwrap());
        assert_eq!(a.event_id, b.event_id);
        let other = event(with("payload", json!({"changes": {"email": "x@b.c"}}))).unwrap();
        assert_ne!(a.event_id, other.event_id);
    }

    #[test]
    fn unknown_fields_are_kept() {
        let e = event(with("colour", json!("red"))).unwrap();
        assert_eq!(serde_json::to_value(&e).unwrap()["colour"], "red");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let deep = (0..40).fold(json!(1), |inner, _| json!({ "a": inner }));
        let wide: Map<String, Json> = (0..10_000).map(|n| (format!("f{n}"), json!(n))).collect();
        for (json, field, reason) in [
            (json!([]), "$", "must be a JSON object"),
            (with("accountId", json!(null)), "accountId", "is missing"),
            (with("accountId", json!("a:b")), "accountId", "may hold only"),
            (with("recordType", json!(5)), "recordType", "must be text"),
            (with("recordId", json!("")), "recordId", "is empty"),
            (with("recordId", json!("1|2")), "recordId", "may hold only"),
            (with("recordId", json!(-4)), "recordId", "must be text"),
            (with("source", json!("excel")), "source", "not a source"),
            (with("operation", json!("upsert")), "operation", "create, update or delete"),
            (with("timestamp", json!("2026-02-30T00:00:00Z")), "timestamp", "that exists"),
            (with("timestamp", json!("yesterday")), "timestamp", "RFC 3339"),
            (with("revision", json!(-1)), "revision", "not negative"),
            (with("revision", json!("2026-01-01T00:00:00Z")), "revision", "whole number"),
            (with("revision", json!(1e300)), "revision", "whole number"),
            (with("baseVersion", json!("seven")), "baseVersion", "v123"),
            (with("payload", json!("x")), "payload", "must be an object"),
            (with("payload", json!({"changes": []})), "payload.changes", "must be an object"),
            (with("payload", json!({})), "payload.changes", "is missing"),
            (with("payload", json!({"changes": {"a": 1}, "full": "yes"})), "payload.full", "true or false"),
            (with("payload", json!({"changes": deep})), "$", "nested deeper"),
            (with("payload", json!({"changes": wide})), "payload.changes", "10000 fields"),
            (with("eventId", json!("7")), "eventId", "must be a UUID"),
            (with("metadata", json!(7)), "metadata", "must be an object"),
            (with("source", json!("review")), "payload.resolution", "is required"),
        ] {
            let error = event(json).unwrap_err();
            assert_eq!(error.field, field, "{error}");
            assert!(error.reason.contains(reason), "{error}");
        }
        assert!(ChangeEvent::from_slice(b"{\"a\":").unwrap_err().reason.contains("not JSON"));
        assert!(ChangeEvent::from_slice(&[b'{', 0xff]).unwrap_err().reason.contains("not UTF-8 at byte 1"));
    }
}
