//! What NetSuite sends back, byte for byte where the bytes are known.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::refusal::Refused;

/// The interface that a call came in by; each words the same trouble differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    /// A RESTlet.
    Restlet,
    /// REST web services.
    Rest,
}

/// The part of a request that is to blame.
#[derive(Debug, Clone, Copy)]
pub(super) enum Locator<'a> {
    /// A member of the body.
    Body(&'a str),
    /// A header.
    Header(&'a str),
    /// A query parameter; SuiteQL counts its `q` as one.
    Query(&'a str),
}

impl<'a> Locator<'a> {
    fn parts(self) -> (&'static str, &'a str) {
        match self {
            Locator::Body(name) => ("o:errorPath", name),
            Locator::Header(name) => ("o:errorHeader", name),
            Locator::Query(name) => ("o:errorQueryParam", name),
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
    location: Option<String>,
}

const JSON: &str = "application/json;charset=utf-8";
const HTML: &str = "text/html;charset=utf-8";
/// The pages that a proxy or a login screen puts where JSON was expected.
const UNAVAILABLE: &str = "The account you are trying to access is currently unavailable while we undergo \
                           our regularly scheduled maintenance.";

impl Reply {
    /// A status without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, content_type: JSON, body: Vec::new(), location: None }
    }

    /// A JSON body.
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        // Unwrap safety: every body here is made of strings, numbers and string-keyed maps.
        let body = serde_json::to_vec(value).expect("the body serialises");
        Self { status, content_type: JSON, body, location: None }
    }

    /// 204 with the address of the record.
    pub(super) fn stored_at(location: String) -> Self {
        Self { location: Some(location), ..Self::empty(StatusCode::NO_CONTENT) }
    }

    /// What a RESTlet of the account's own returned.
    pub(super) fn script(body: String) -> Self {
        Self { status: StatusCode::OK, content_type: JSON, body: body.into_bytes(), location: None }
    }

    /// An HTML page.
    pub(super) fn html(status: StatusCode, title: &str) -> Self {
        let body =
            format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>");
        Self { status, content_type: HTML, body: body.into_bytes(), location: None }
    }

    /// 302: the account's data centre is another.
    pub(super) fn moved() -> Self {
        let location = Some("https://system.na2.netsuite.com/app/login/secure/enterpriselogin.nl".into());
        Self { location, ..Self::html(StatusCode::FOUND, "Object moved") }
    }

    /// 415: the body's type is none that RESTlets take.
    pub(super) fn unsupported() -> Self {
        Self::html(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type")
    }

    /// 503: the account is down for maintenance.
    pub(super) fn maintenance() -> Self {
        Self::html(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
    }

    /// An error that ended the whole RESTlet call, with the spacing that NetSuite uses.
    pub(super) fn restlet_error(status: StatusCode, code: &str, message: &str) -> Self {
        let (code, message) = (Json::from(code), Json::from(message));
        let body = format!(r#"{{"error" : {{"code" : {code}, "message" : {message}}}}}"#);
        Self { status, content_type: JSON, body: body.into_bytes(), location: None }
    }

    /// An error of REST web services; `path` is the field to blame.
    pub(super) fn problem(status: StatusCode, code: &str, detail: &str, path: Option<&str>) -> Self {
        Self::problem_at(status, code, detail, path.map(Locator::Body))
    }

    /// An error of REST web services that blames a part of the request.
    pub(super) fn problem_at(
        status: StatusCode,
        code: &str,
        detail: &str,
        locator: Option<Locator<'_>>,
    ) -> Self {
        let mut details = Map::new();
        details.insert("detail".into(), detail.into());
        details.insert("o:errorCode".into(), code.into());
        if let Some(locator) = locator {
            let (key, name) = locator.parts();
            details.insert(key.into(), name.into());
        }
        let body = json!({
            "type": problem_type(status),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "o:errorDetails": [details],
        });
        Self::json(status, &body)
    }

    /// A refusal as REST web services word it.
    pub(super) fn refused(refused: &Refused) -> Self {
        Self::problem(refused.status(), refused.rest_code(), &refused.message, refused.field.as_deref())
    }

    /// More calls at once than the account may have.
    pub(super) fn overload(channel: Channel) -> Self {
        match channel {
            Channel::Restlet => Self::restlet_error(
                StatusCode::BAD_REQUEST,
                "SSS_REQUEST_LIMIT_EXCEEDED",
                "Request Limit Exceeded",
            ),
            Channel::Rest => Self::problem(
                StatusCode::TOO_MANY_REQUESTS,
                "CONCURRENCY_LIMIT_EXCEEDED",
                "The request has been rejected because the concurrency limit of the account was exceeded.",
                None,
            ),
        }
    }

    /// The token is not (or no longer) good.
    pub(super) fn unauthorised(channel: Channel) -> Self {
        match channel {
            Channel::Restlet => Self::restlet_error(
                StatusCode::UNAUTHORIZED,
                "INVALID_LOGIN_ATTEMPT",
                "Invalid login attempt.",
            ),
            Channel::Rest => Self::problem(
                StatusCode::UNAUTHORIZED,
                "INVALID_LOGIN",
                "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI.",
                None,
            ),
        }
    }

    /// The same status with an HTML page in place of the body.
    pub(super) fn into_html(self) -> Self {
        Self { location: None, ..Self::html(self.status, "NetSuite") }
    }

    /// The first half of the body.
    pub(super) fn truncated(mut self) -> Self {
        self.body.truncate(self.body.len() / 2);
        self
    }

    /// The first half of the body, which says of itself that it is not all.
    pub(super) fn partial(self) -> Self {
        Self { status: StatusCode::PARTIAL_CONTENT, ..self.truncated() }
    }

    /// Whether the call went well: only then can the body be spoilt on its way.
    pub(super) fn is_success(&self) -> bool {
        self.status.is_success()
    }
}

fn problem_type(status: StatusCode) -> String {
    match status.as_u16() {
        429 => "https://www.rfc-editor.org/rfc/rfc6585.html#section-4".into(),
        // RFC 9110 numbers its sections 15.5.1 for 400 and on; those used here follow that pattern.
        code => {
            format!("https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.{}", code.saturating_sub(399))
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(location) = self.location.and_then(|l| HeaderValue::from_str(&l).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}
