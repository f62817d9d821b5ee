//! ns-writer: brings NetSuite to what was agreed. A pushed wake-up is acked at once; the account's drainer
//! plans afresh, batches at most ten writes a call, and settles by replies or reads.
//!
//! It decides nothing: [`shared::domain::plan`] does.

mod config;
mod handler;
mod target;

pub use config::Config;
pub use target::NetSuite;

use axum::Router;
use axum::routing::post;
use shared::runtime::serve::with_common_routes;
use shared::writer::Writer;

/// One instance of ns-writer.
#[derive(Clone)]
pub struct App {
    /// The drainer's parts, with [`NetSuite`] as target.
    pub writer: Writer,
}

/// Its routes: the push of `events.merged-ns-sub`, and the scheduler's tick.
pub fn router(app: App) -> Router {
    let metrics = app.writer.ports.metrics.clone();
    let router = Router::new()
        .route("/push", post(handler::push))
        .route("/tick", post(handler::tick))
        .layer(axum::extract::DefaultBodyLimit::max(handler::PUSH_MAX_BYTES))
        .with_state(app);
    with_common_routes(router, &metrics)
}
