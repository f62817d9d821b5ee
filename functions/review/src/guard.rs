//! What stands around every route: requests that another site had somebody's browser send are turned away, and answers
//! tell browsers how little they may do with them.
//!
//! A browser says where a request comes from, and no page can make it say otherwise: `Sec-Fetch-Site`, or where that is
//! not known, `Origin`. What changes something must come from here. Forms can only be sent by browsers, so they must
//! say so; the API also takes what says nothing, for that is no browser. Besides, a browser must send the API
//! `application/json`, which no form of another site can. There is no token to lose or to forget.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use shared::runtime::problem::Problem;

/// Nothing but what we serve ourselves; no page of another site around us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Headers that every answer has unless its handler says otherwise.
const HEADERS: [(HeaderName, &str); 8] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with that, forms would be sent with `Origin: null`.
    (REFERRER_POLICY, "same-origin"),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Where a request comes from, as far as its sender tells.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum From {
    /// One of our own pages, or the person themselves.
    Here,
    /// Another site.
    Elsewhere,
    /// No browser, or none that tells.
    Untold,
}

/// The layer.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().contains("/api/v1/");
    let mut response = match judge(request.method(), request.headers(), is_api) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn judge(method: &Method, headers: &HeaderMap, is_api: bool) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let from = origin(headers);
    match (from, is_api) {
        (From::Elsewhere, _) => Err(Problem::forbidden("the request comes from another site")),
        (From::Untold, false) => {
            Err(Problem::forbidden("the browser does not say that the request comes from here; use the API"))
        }
        (From::Here, true) if has_body(headers) && !is_json(headers) => {
            Err(Problem::unsupported_media_type("a browser must send application/json here"))
        }
        (From::Here, _) | (From::Untold, true) => Ok(()),
    }
}

fn origin(headers: &HeaderMap) -> From {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(&HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => return From::Here,
        Some(_) => return From::Elsewhere,
        None => {}
    }
    if !headers.contains_key(ORIGIN) {
        return From::Untold;
    }
    let authority = text(&ORIGIN).and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    // Whatever stands in between may change the scheme, not the host.
    let is_ours = authority.is_some() && authority == text(&HOST);
    if is_ours { From::Here } else { From::Elsewhere }
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != "0")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, is_api: bool, told: &[(&str, &str)]) -> u16 {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("sync.example"));
        for (name, value) in told {
            headers.insert(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let judged = judge(&method.parse().unwrap(), &headers, is_api);
        judged.map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn what_another_site_sends_changes_nothing() {
        let json = ("content-type", "application/json; charset=utf-8");
        let length = ("content-length", "9");
        for (told, api, form) in [
            (vec![("sec-fetch-site", "same-origin"), json, length], 200, 200),
            (vec![("sec-fetch-site", "same-origin")], 200, 200),
            (vec![("sec-fetch-site", "same-origin"), length, ("content-type", "text/plain")], 415, 200),
            (vec![("sec-fetch-site", "same-origin"), length], 415, 200),
            (vec![("sec-fetch-site", "none"), json, length], 200, 200),
            (vec![("sec-fetch-site", "cross-site"), json, length], 403, 403),
            (vec![("sec-fetch-site", "same-site"), json, length], 403, 403),
            // What a page can set does not outweigh what only the browser can.
            (vec![("sec-fetch-site", "cross-site"), ("origin", "https://sync.example")], 403, 403),
            (vec![("origin", "https://sync.example"), json, length], 200, 200),
            (vec![("origin", "http://sync.example"), json, length], 200, 200),
            (vec![("origin", "https://sync.example.evil.example"), json], 403, 403),
            (vec![("origin", "https://sync.example:8443"), json], 403, 403),
            (vec![("origin", "null"), json], 403, 403),
            (vec![json, length], 200, 403),
            (vec![], 200, 403),
        ] {
            assert_eq!(status("POST", true, &told), api, "API: {told:?}");
            assert_eq!(status("POST", false, &told), form, "form: {told:?}");
            assert_eq!(status("DELETE", true, &told), api, "API: {told:?}");
            assert_eq!(status("GET", false, &told), 200, "{told:?}");
        }
    }

    #[test]
    fn pages_may_load_nothing_from_elsewhere() {
        for part in
            ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"]
        {
            assert!(POLICY.contains(part), "{part}");
        }
        assert!(!POLICY.contains("unsafe") && !POLICY.contains('*'));
    }
}
