//! Problem details (RFC 9457): how an API that people and producers call says no. Pushes are answered by
//! [`crate::pubsub::push`] instead.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value as Json, json};

use crate::domain::event::FieldError;
use crate::fault::{Fault, Unavailable};

/// After how long a caller may try again when a dependency is down, in seconds.
const RETRY_AFTER_SECONDS: &str = "5";

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Short and stable; the last part of `type`.
    slug: &'static str,
    /// The kind of problem, for people.
    title: &'static str,
    /// This occurrence, for people.
    pub detail: String,
    /// The part of the request that is to blame, as a path.
    pub field: Option<String>,
    /// Members beyond the standard's.
    pub extensions: Map<String, Json>,
}

impl Problem {
    fn new(status: StatusCode, slug: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, slug, title, detail: detail.into(), field: None, extensions: Map::new() }
    }

    /// 400: the request cannot be read; `field` says where, `$` being the whole of it.
    pub fn bad_request(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read", reason).at(field)
    }

    /// 401: we don't know who is calling. Says nothing that would help a guess.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "The caller is not authenticated", detail)
    }

    /// 403: the caller may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The caller may not do this", detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    /// 405: the path is right, the method is not.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "The method is not allowed here",
            "this path takes another method; the header Allow names it",
        )
    }

    /// 409: the request contradicts the present state, which `extensions` may show.
    pub fn conflict(detail: impl Into<String>, extensions: Map<String, Json>) -> Self {
        let problem =
            Self::new(StatusCode::CONFLICT, "conflict", "The request contradicts the present state", detail);
        Self { extensions, ..problem }
    }

    /// 412: `If-Match` names a state that is past; `extensions` may show the present one.
    pub fn precondition_failed(detail: impl Into<String>, extensions: Map<String, Json>) -> Self {
        let status = StatusCode::PRECONDITION_FAILED;
        let problem = Self::new(status, "precondition-failed", "The state has moved on", detail);
        Self { extensions, ..problem }
    }

    /// 415: the body is not of the kind that is read here.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "unsupported-media-type", "The body is of another kind", detail)
    }

    /// 428: whoever changes this must say on which state it was judged.
    pub fn precondition_required(detail: impl Into<String>) -> Self {
        let status = StatusCode::PRECONDITION_REQUIRED;
        Self::new(status, "precondition-required", "Say on which state you judged", detail)
    }

    /// 413: the body is over `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body may have {limit} bytes at most");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large", detail)
    }

    /// 422: the request can be read, and `field` cannot be accepted.
    pub fn unprocessable(field: impl Into<String>, reason: impl Into<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "unprocessable", "A value cannot be accepted", reason).at(field)
    }

    /// 503 with `Retry-After`: a dependency is down.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again shortly", detail)
    }

    /// 500: our bug.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "This is a defect of ours", detail)
    }

    /// A short name of the kind, stable, for counting.
    pub fn slug(&self) -> &'static str {
        self.slug
    }

    /// The same problem, blaming `field`.
    pub fn at(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// The same problem with one more extension member.
    pub fn with(mut self, name: &str, value: Json) -> Self {
        self.extensions.insert(name.to_string(), value);
        self
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::unprocessable(error.field, error.reason)
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        // Its own words (addresses, names of tables) are for the log.
        tracing::warn!(%error, "a dependency is unavailable");
        Self::unavailable(format!("{} is unavailable", error.what))
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Retry(error) => error.into(),
            Fault::Later { until } => Self::unavailable(format!("throttled until {until}")),
            Fault::Park { field, reason } => Self::unprocessable(field, reason),
            Fault::Broken(defect) => {
                tracing::error!(%defect, "defect");
                Self::internal("the log has the details")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.extensions;
        body.insert("type".into(), json!(format!("urn:suitex-sync:problem:{}", self.slug)));
        body.insert("title".into(), json!(self.title));
        body.insert("status".into(), json!(self.status.as_u16()));
        body.insert("detail".into(), json!(self.detail));
        if let Some(field) = self.field {
            body.insert("field".into(), json!(field));
        }
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut response = (self.status, kind, Json::Object(body).to_string()).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let after = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, after);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use http_body_util::BodyExt;

    fn rendered(problem: Problem) -> (http::response::Parts, Json) {
        let (parts, body) = problem.into_response().into_parts();
        let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        (parts, serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn a_problem_names_the_field_and_carries_its_extensions() {
        let (parts, body) =
            rendered(Problem::unprocessable("fields.email", "is too long").with("limit", json!(9)));
        assert_eq!(parts.status, 422);
        assert_eq!(parts.headers["content-type"], "application/problem+json");
        assert_eq!(
            body,
            json!({
                "type": "urn:suitex-sync:problem:unprocessable", "title": "A value cannot be accepted",
                "status": 422, "detail": "is too long", "field": "fields.email", "limit": 9
            })
        );
    }

    #[test]
    fn an_extension_cannot_replace_a_standard_member() {
        let extensions = Map::from_iter([("status".to_string(), json!(200))]);
        assert_eq!(rendered(Problem::conflict("stale", extensions)).1["status"], 409);
    }

    #[test]
    fn an_outage_says_when_to_come_back_and_not_why() {
        let (parts, body) = rendered(Unavailable::new("state", "10.0.0.7 refused").into());
        assert_eq!(
            (parts.status.as_u16(), &parts.headers["retry-after"]),
            (503, &HeaderValue::from_static("5"))
        );
        assert_eq!(body["detail"], "state is unavailable");
    }
}
