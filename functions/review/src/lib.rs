//! Where people decide: conflicts, errors, records, accounts and the audit, as an API and as pages. Decisions leave as
//! events, the only path back; nothing here writes to a record, except that a redrive unlocks one.
//!
//! ```text
//! request ─► guard ─► identity (who) ─► access (what they may) ─► desk ─► view ─► JSON (handler) or HTML (pages)
//! ```

pub mod access;
pub mod desk;
mod guard;
mod handler;
pub mod identity;
mod pages;
mod request;
mod room;
pub mod view;

use access::SystemNotes;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::{Extension, Router};
use shared::netsuite::client::Client;
use shared::runtime::Ports;
use shared::runtime::serve::with_common_routes;

pub use handler::openapi;
pub use identity::Identity;
pub use request::READ_WITHIN_MS;
pub use room::LARGE_AT_ONCE;

/// Largest body taken, in bytes: 1 MiB, which is a person's largest edit many times over.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;

/// Largest edit of what is stuck that the API takes, in bytes: 9 MiB, for the bus carries messages of ten million bytes.
pub const EDIT_MAX_BYTES: usize = 9 * 1024 * 1024;

/// What the handlers need.
#[derive(Clone)]
pub struct App {
    /// The outside.
    pub ports: Ports,
    /// Who people are.
    pub identity: Identity,
}

/// The API under `/api/v1` and `/review/api/v1`, as `/api/v1/openapi.json` describes it, and the pages under `/review`.
pub fn router(app: App) -> Router {
    let metrics = app.ports.metrics.clone();
    let api = handler::router();
    let router = Router::new()
        .nest("/api/v1", api.clone())
        .nest("/review/api/v1", api)
        .merge(pages::router(&app))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(Extension(room::Room::default()))
        .with_state(app);
    with_common_routes(router, &metrics).layer(from_fn(guard::guard))
}

/// The same, which asks NetSuite's system notes who set a value when nobody told us.
pub fn asking(app: App, netsuite: Client) -> Router {
    router(app).layer(Extension(SystemNotes::new(netsuite)))
}
