//! Watches what needs a person, and tells people.
//!
//! Each tick, for each account: a look at what is watched, which may make notices (`watch`); a decision to whom each new
//! notice goes, or into which digest (`plan`); and the sending of what is due (`deliver`). Each is a row before
//! anything happens. It decides nothing about records: what stops when nobody comes (`on_breach`) stops by the locks and
//! holds that people use too.

mod config;
mod deliver;
mod handler;
mod message;
mod plan;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use shared::messenger::Messenger;
use shared::runtime::Edge;
use shared::runtime::serve::with_common_routes;
use shared::state::State;

pub use config::{Config, Links};
pub use watch::ACTOR;

/// What the handlers need.
#[derive(Clone)]
pub struct App {
    /// Records and all around them.
    pub state: Arc<dyn State>,
    /// The rest of the outside.
    pub ports: Edge,
    /// The channels to people.
    pub messenger: Arc<dyn Messenger>,
    /// Where pages and runbooks are, for the links in messages.
    pub links: Links,
}

/// `POST /tick` (all accounts, or `?account=`), for the scheduler; nothing else may reach it.
pub fn router(app: App) -> Router {
    let metrics = app.ports.metrics.clone();
    let router = Router::new().route("/tick", post(handler::tick)).with_state(app);
    with_common_routes(router, &metrics)
}
