//! What travels between us and the write RESTlet. Field names are NetSuite's; values are in wire form
//! (see [`crate::domain::value`]). The same types serve the client, the simulator's native twin and the
//! contract tests.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::domain::identity::Unless;

/// A call to the RESTlet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Call {
    /// Compare, set, save, answer; at most ten writes.
    Apply {
        /// The writes, in the order in which they are tried.
        writes: Vec<Write>,
    },
    /// Look, write nothing.
    Read {
        /// The looks.
        reads: Vec<Read>,
    },
}

/// What a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Create with `externalId`; a second create with the same external id finds the first, writes nothing and
    /// answers `already_applied` with its current values. Where there is another that `unless` names, nothing is
    /// written either: the answer is `twins`.
    Create,
    /// Set the fields, if each holds its expected (or already its wanted) value.
    Update,
    /// Delete, if each field in `expected` holds its value. Deleting what is deleted is `already_applied`.
    Delete,
}

/// One write of an `apply` call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// Idempotency key. A repeated key answers what the first answered, writing nothing.
    pub operation: Uuid,
    /// What to do.
    pub verb: Verb,
    /// NetSuite record type, lower case.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Internal id; absent in a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// External id that a create sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Records that forbid a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Unless>,
    /// Field → value that must be there now. Fields not named are not compared.
    #[serde(default)]
    pub expected: Map<String, Json>,
    /// Field → value to set; null clears. A sublist is an array of lines and replaces the whole sublist. A line is
    /// named by its own key, or by the one that it had before it was deleted and came back.
    #[serde(default)]
    pub values: Map<String, Json>,
    /// Fields whose current values the answer must carry.
    pub fields: Vec<String>,
}

/// One look of a `read` call: by internal id, or by external id when the internal id is not known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Read {
    /// NetSuite record type, lower case.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Internal id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// External id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Earlier writes whose outcome we don't know: the answer says which of them were carried out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Uuid>,
    /// Fields to answer.
    pub fields: Vec<String>,
}

/// The answer to a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// One per write or read, in their order.
    pub results: Vec<Outcome>,
    /// Governance units left in this script run.
    pub remaining_usage: i64,
}

/// What became of one write or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Written now.
    Applied,
    /// This operation was carried out before; nothing was written now.
    AlreadyApplied,
    /// Read.
    Found,
    /// A field did not hold its expected value; nothing was written.
    Mismatch,
    /// `twins` could be the record that was to be created; nothing was written.
    Twins,
    /// NetSuite knows that the record was deleted.
    Deleted,
    /// There is no such record, or the role may not see it: NetSuite does not say which.
    Missing,
    /// NetSuite refused the record; `error` says why.
    Refused,
    /// Not tried: units or time ran low.
    NotAttempted,
}

/// One result of an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// What happened.
    pub outcome: What,
    /// Internal id, when there is a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// External id, when the record has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The record's lastModified, RFC 3339 in UTC, whole seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Current values of the asked fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Json>,
    /// For a read with `operations`: for each that was carried out, the values that the record held right after
    /// it was saved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<Uuid, Map<String, Json>>,
    /// Records that could be the one that was to be created, at most
    /// [`crate::domain::identity::CANDIDATES_MAX`]: each as a read finds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<Outcome>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Refusal>,
}

/// NetSuite's words about a refused record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// `USER_ERROR`, `INVALID_KEY_OR_REF`, …
    pub code: String,
    /// Text for people.
    pub message: String,
    /// The field, when NetSuite names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// Body of an error that concerns the whole call: `{"error": {"code": …, "message": …}}`, status 400 and up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallError {
    /// The error.
    pub error: CallErrorBody,
}

/// The inner part of [`CallError`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallErrorBody {
    /// `SSS_REQUEST_LIMIT_EXCEEDED`, `INVALID_LOGIN_ATTEMPT`, …
    pub code: String,
    /// Text for people.
    pub message: String,
}
