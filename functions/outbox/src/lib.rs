//! Relays the rows of SuiteX's `outbox_events` to the bus, in order, and marks them dispatched.
//!
//! One relay per account across all instances, under a lease. It does not interpret an edit: which table is
//! which record type is all it knows. A row that is published twice is one event: its id comes from its place.

mod config;
mod handler;
mod relay;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use shared::blob::offload::Offload;
use shared::runtime::Edge;
use shared::runtime::serve::with_common_routes;
use shared::suitex::Tenants;

pub use config::Config;

/// Rows relayed at once, unless configured otherwise.
pub const BATCH: usize = 100;

/// What the handlers need.
#[derive(Clone)]
pub struct App {
    /// The outside.
    pub ports: Edge,
    /// The tenant databases.
    pub tenants: Arc<dyn Tenants>,
    /// Rows relayed at once; at least one.
    pub batch: usize,
    /// Where large payloads go.
    pub offload: Offload,
}

/// `POST /tick` (all accounts, or `?account=`) relays and answers; `POST /poke?account=` relays in the
/// background. For the scheduler and for SuiteX; nothing else may reach them.
pub fn router(app: App) -> Router {
    let metrics = app.ports.metrics.clone();
    let router =
        Router::new().route("/tick", post(handler::tick)).route("/poke", post(handler::poke)).with_state(app);
    with_common_routes(router, &metrics)
}
