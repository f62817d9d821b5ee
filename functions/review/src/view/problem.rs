//! How the API says no.

use serde::Serialize;
use utoipa::ToSchema;

/// Problem details (RFC 9457). Members beyond these show the present state, where the request was judged on a past one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemView {
    /// What kind of problem: a URN.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for people.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This occurrence, for people.
    pub detail: String,
    /// The part of the request that is to blame, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}
