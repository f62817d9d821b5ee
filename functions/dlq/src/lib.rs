//! The last stop. What could not be delivered is tried once more; only what fails by its content is filed for
//! a person, locks its record, and is noticed. Errors that others report are filed here too. And at each tick
//! errors are looked through: what a later success has overtaken closes by itself.
//!
//! It never drops a message, and it never files one because a dependency is down: then the subscription keeps
//! it, and the dead-letter topic is the standby queue.

mod classify;
mod file;
mod handler;
mod overtaken;
mod sweep;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use shared::runtime::Ports;
use shared::runtime::serve::with_common_routes;

pub use classify::UNKNOWN_ACCOUNT;

/// Largest push taken, in bytes: Pub/Sub's 10 MB message as base64, with room for its envelope.
const PUSH_MAX_BYTES: usize = 16 * 1024 * 1024;

/// What the handlers need.
#[derive(Clone)]
pub struct App {
    /// The outside.
    pub ports: Ports,
    places: Arc<sweep::Places>,
}

impl App {
    /// An instance over this outside.
    pub fn new(ports: Ports) -> Self {
        Self { ports, places: Arc::default() }
    }
}

/// `POST /push/dlq` and `/push/error` for the bus, `POST /tick` (all accounts, or `?account=`) for the scheduler, `POST
/// /redrive/{id}` (and `?actor=`, `?why=`) for operators.
pub fn router(app: App) -> Router {
    let metrics = app.ports.metrics.clone();
    let router = Router::new()
        .route("/push/dlq", post(handler::dead_letter))
        .route("/push/error", post(handler::error))
        .route("/tick", post(handler::tick))
        .route("/redrive/{id}", post(handler::redrive))
        .layer(DefaultBodyLimit::max(PUSH_MAX_BYTES))
        .with_state(app);
    with_common_routes(router, &metrics)
}
