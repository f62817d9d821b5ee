//! The door: changes from NetSuite (signed) and other producers, checked and put on the bus.
//!
//! It does not store, merge or interpret: a 202 says that the bus has the events, no more. A duplicate is
//! accepted again; the ledger knows it.

mod config;
mod decode;
mod handler;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use shared::blob::offload::Offload;
use shared::runtime::Edge;
use shared::runtime::serve::with_common_routes;
use shared::runtime::signature::Keys;

pub use config::Config;
pub use decode::{EVENTS_MAX, MESSAGE_MAX_BYTES};

/// Largest body taken, in bytes: 10 MiB.
pub const BODY_MAX_BYTES: usize = 10 * 1024 * 1024;

/// What the handler needs.
#[derive(Clone)]
pub struct App {
    /// The outside.
    pub ports: Edge,
    /// Who may call.
    pub keys: Arc<Keys>,
    /// Where large payloads go, and the only place to which a reference may point.
    pub offload: Offload,
}

/// `POST /v1/events`, also as `/ingest/v1/events`.
pub fn router(app: App) -> Router {
    let metrics = app.ports.metrics.clone();
    let router = Router::new()
        .route("/v1/events", post(handler::events))
        .route("/ingest/v1/events", post(handler::events))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(app);
    with_common_routes(router, &metrics)
}
