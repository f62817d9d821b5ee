//! The pages: server-rendered, under `/review`.

use axum::Router;

use crate::App;

/// Every page, below `/review`.
pub(crate) fn router() -> Router<App> {
    Router::new()
}
