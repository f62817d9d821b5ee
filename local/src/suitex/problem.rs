//! Errors as RFC 9457 has them.

use std::fmt;

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;

/// Why a request of a person was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind of problem, as a URI.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What happened here.
    pub detail: String,
    /// The column to blame, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    /// A problem with an HTTP status, a short code and a title.
    pub fn new(status: u16, code: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind: format!("urn:suitex:problem:{code}"), title, status, detail: detail.into(), field: None }
    }

    /// There is no such account.
    pub fn no_account(account: &str) -> Self {
        Self::new(404, "unknown_account", "Unknown account", format!("there is no account {account:?}"))
    }

    /// The account has no such type.
    pub fn no_type(name: &str) -> Self {
        Self::new(404, "unknown_type", "Unknown record type", format!("there is no record type {name:?}"))
    }

    /// The table never had such a row.
    pub fn no_row(table: &str, id: &str) -> Self {
        Self::new(404, "not_found", "No such row", format!("{table} has no row {id:?}"))
    }

    /// The row was deleted.
    pub fn deleted(table: &str, id: &str) -> Self {
        Self::new(410, "deleted", "Row is deleted", format!("row {id:?} of {table} was deleted"))
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(400, "malformed", "Malformed request", detail)
    }

    /// The tenant's database is away.
    pub fn down() -> Self {
        Self::new(503, "down", "Out of order", "the tenant's database is down")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(&self)).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
