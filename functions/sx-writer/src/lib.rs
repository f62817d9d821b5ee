//! sx-writer: brings SuiteX to what was agreed. A pushed wake-up is acked at once; the account's drainer
//! plans afresh and writes each record in one tenant transaction.
//!
//! It decides nothing: [`shared::domain::plan`] does.

mod handler;
mod target;

pub use target::SuiteX;

use axum::Router;
use axum::routing::post;
use shared::runtime::serve::with_common_routes;
use shared::writer::Writer;

/// One instance of sx-writer.
#[derive(Clone)]
pub struct App {
    /// The drainer's parts, with [`SuiteX`] as target.
    pub writer: Writer,
}

/// Its routes: the push of `events.merged-sx-sub`, and the scheduler's tick.
pub fn router(app: App) -> Router {
    let metrics = app.writer.ports.metrics.clone();
    let router = Router::new()
        .route("/push", post(handler::push))
        .route("/tick", post(handler::tick))
        .layer(axum::extract::DefaultBodyLimit::max(handler::PUSH_MAX_BYTES))
        .with_state(app);
    with_common_routes(router, &metrics)
}
