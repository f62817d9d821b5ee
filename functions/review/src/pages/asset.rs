//! The stylesheet and the script. Their names hold a digest of what they hold, so a browser keeps them for good and
//! never has the wrong one.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use shared::domain::id::derived_id;
use shared::runtime::problem::Problem;

use super::reply;

const CSS: &str = include_str!("assets/review.css");
const JS: &str = include_str!("assets/review.js");
const ICON: &str = include_str!("assets/icon.svg");

/// A file that is served under a name of its own.
pub(super) struct Asset {
    /// The last part of its path.
    name: String,
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(end: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = derived_id("asset", &[text]).simple().to_string();
        Self { name: format!("{}.{end}", &digest[..12]), kind, text }
    }

    /// Its path.
    pub(super) fn path(&self) -> String {
        format!("/review/assets/{}", self.name)
    }
}

/// The stylesheet.
pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", CSS));

/// The script.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", JS));

/// The icon.
pub(super) static SIGN: LazyLock<Asset> = LazyLock::new(|| Asset::new("svg", "image/svg+xml", ICON));

/// `GET /review/assets/{name}`.
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let assets = [&*STYLE, &*SCRIPT, &*SIGN];
    let Some(asset) = assets.into_iter().find(|asset| asset.name == name) else {
        return Problem::not_found("there is no such file; reload the page that named it").into_response();
    };
    let mut response = reply::packed(asset.text.as_bytes(), asset.kind, &headers);
    let forever = header::HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, forever);
    response
}
