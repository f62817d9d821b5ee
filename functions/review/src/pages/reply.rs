//! How a page leaves: as HTML, packed for whoever unpacks it, and kept by nobody. What a browser may do with it is said
//! for all answers alike, in [`crate::guard`].

use std::io::Write;

use axum::body::Body;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use maud::Markup;

/// Smaller answers are not worth packing, in bytes.
const PACKED_FROM: usize = 1_024;

/// A page.
pub(super) fn page(status: StatusCode, page: &Markup, request: &HeaderMap) -> Response {
    let mut response = packed(page.0.as_bytes(), "text/html; charset=utf-8", request);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// To another page: after a form was sent, so that a reload sends nothing again.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer of this kind, packed when the browser unpacks it. There is no secret in any page, so that its length tells
/// nothing.
pub(super) fn packed(body: &[u8], kind: &'static str, request: &HeaderMap) -> Response {
    let squeezed = (body.len() >= PACKED_FROM && takes_gzip(request)).then(|| gzip(body)).flatten();
    let is_packed = squeezed.is_some();
    let mut response = Response::new(Body::from(squeezed.unwrap_or_else(|| body.to_vec())));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn takes_gzip(request: &HeaderMap) -> bool {
    let offered = request.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    offered.split(',').any(|way| {
        let mut parts = way.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    packer.write_all(body).ok()?;
    packer.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn asking(encoding: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_str(encoding).unwrap())])
    }

    #[test]
    fn only_who_takes_gzip_is_sent_it() {
        for (encoding, expected) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.8", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&asking(encoding)), expected, "{encoding}");
        }
        let long = "a".repeat(PACKED_FROM);
        let response = packed(long.as_bytes(), "text/css", &asking("gzip"));
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert!(!packed(b"short", "text/css", &asking("gzip")).headers().contains_key("content-encoding"));
    }

    #[test]
    fn what_was_packed_is_the_same_again() {
        let text = "the same again ".repeat(500);
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&gzip(text.as_bytes()).unwrap()[..])
            .read_to_string(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, text);
    }
}
