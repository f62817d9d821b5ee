//! Records, conflicts and errors for people, as a JSON API. Resolutions leave as events, the only path back;
//! nothing here writes to a record, except that a redrive unlocks one.
//!
//! There is no authentication yet: it is mounted only in the local world until identity lands.

mod account;
mod handler;
mod request;
mod resolve;
mod view;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use shared::runtime::Ports;
use shared::runtime::serve::with_common_routes;

/// Largest body taken, in bytes: 1 MiB, which is a person's largest edit many times over.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;

/// What the handlers need.
#[derive(Clone)]
pub struct App {
    /// The outside.
    pub ports: Ports,
}

/// The API, under `/api/v1` and `/review/api/v1`:
///
/// | | |
/// |---|---|
/// | `GET records/{account}` | its records; `type`, `after`, `limit` |
/// | `GET records/{account}/{type}/{id}` | one record; `id` is canonical, `netsuite:<id>` or `suitex:<id>` |
/// | `GET records/{account}/{type}/{id}/history` | its decisions, oldest first |
/// | `GET conflicts` | open conflicts; `account`, `after`, `limit` |
/// | `GET conflicts/{id}` | one conflict |
/// | `POST conflicts/{id}/resolve` | decides it |
/// | `GET errors` | errors, newest first; `account`, `open`, `after`, `limit` |
/// | `GET errors/{id}` | one error |
/// | `POST errors/{id}/retry` | has it tried again; `actor` |
/// | `GET accounts/{account}` | how it stands: backlog, pace, when it is worked off, calls to NetSuite |
/// | `GET census/{account}` | its events by place |
pub fn router(app: App) -> Router {
    let metrics = app.ports.metrics.clone();
    let api = Router::new()
        .route("/records/{account}", get(handler::records))
        .route("/records/{account}/{type}/{id}", get(handler::record))
        .route("/records/{account}/{type}/{id}/history", get(handler::history))
        .route("/conflicts", get(handler::conflicts))
        .route("/conflicts/{id}", get(handler::conflict))
        .route("/conflicts/{id}/resolve", post(handler::resolve))
        .route("/errors", get(handler::errors))
        .route("/errors/{id}", get(handler::error))
        .route("/errors/{id}/retry", post(handler::retry))
        .route("/accounts/{account}", get(handler::account))
        .route("/census/{account}", get(handler::census))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(app);
    let router = Router::new().nest("/api/v1", api.clone()).nest("/review/api/v1", api);
    with_common_routes(router, &metrics)
}
