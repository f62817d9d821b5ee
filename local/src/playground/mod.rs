//! The page at `/`: one record in both systems side by side, and what happens between them. One file, no
//! build step, nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::header;

use crate::system::System;

const PAGE: &str = include_str!("page.html");

/// The page runs nothing and shows nothing that is not in it or answered by this world.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'";

pub(crate) fn routes() -> Router<Arc<System>> {
    Router::new().route("/", get(page))
}

async fn page() -> Response<String> {
    Response::builder()
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::CACHE_CONTROL, "no-cache")
        .body(PAGE.to_string())
        .expect("headers of plain text")
}
