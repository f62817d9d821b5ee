//! merge: facts in, decisions out. A pushed event goes to the ledger and the pending list and is acked; the
//! flusher absorbs a record's pending events once it is quiet.
//!
//! It never writes to a target and never waits with a message in its hands.

mod config;
mod flush;
mod gaps;
mod handler;
mod identity;
mod pending;
mod translate;

use axum::Router;
use axum::routing::post;
use shared::runtime::Ports;
use shared::runtime::serve::with_common_routes;

pub use config::Config;

/// One instance of merge.
#[derive(Clone)]
pub struct App {
    /// The outside.
    pub ports: Ports,
    /// Bucket of large bodies.
    pub blob_bucket: String,
}

/// Its routes: the push of `events.raw-sub`, and the scheduler's tick.
pub fn router(app: App) -> Router {
    let metrics = app.ports.metrics.clone();
    let router = Router::new()
        .route("/push", post(handler::push))
        .route("/tick", post(handler::tick))
        .layer(axum::extract::DefaultBodyLimit::max(handler::PUSH_MAX_BYTES))
        .with_state(app);
    with_common_routes(router, &metrics)
}
