//! poller: finds what changed in NetSuite, whoever changed it, and publishes it as full reads. User Events are
//! quicker and say more, but do not fire for everything: this is what nothing escapes.
//!
//! ```text
//! tick ─► account (lease) ─► NetSuite's time ─┬► per type: ids saved in a window ─► look ─► publish ─► cursor
//!                                             ├► ids deleted in a window ─► look ─► brake ─► publish ─► cursor
//!                                             └► known ids, daily ─► listed? ─► look, twice ─► brake ─► publish ─► cursor
//! ```
//!
//! - NetSuite's times are compared in NetSuite alone, as it writes them: no zone is known here, and none needed.
//!   What its wall clock does in autumn and in spring, `cursor` answers for.
//! - A cursor moves only once what it passes is on the bus, or owed: refused by NetSuite, told to a person, and asked
//!   for again. It moves after each call, and each scan has a share of the tick: no amount of work stops one. What is published twice is one event: its id comes from
//!   what it says.
//! - Every call is made under a permit of the account's governance. What finds no permit or no time is left to the
//!   next tick, which goes on where this one stopped.

mod account;
mod brake;
mod caller;
mod changed;
mod config;
mod cursor;
mod deleted;
mod emptied;
mod event;
mod failing;
mod filed;
mod gone;
mod handler;
mod held;
mod look;
mod owed;
mod page;
mod query;
mod seen;
mod stride;
mod suspects;
mod sweep;
mod told;
mod untimed;
mod wall;
mod whole;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use shared::blob::offload::Offload;
use shared::netsuite::client::Client;
use shared::runtime::Edge;
use shared::runtime::serve::with_common_routes;
use shared::state::State;

pub use config::{Config, Rules};

/// One instance of the poller. It has no business in the ledger.
#[derive(Clone)]
pub struct App {
    /// All but the databases.
    pub ports: Edge,
    /// Records, links, permits, cursors.
    pub state: Arc<dyn State>,
    /// Speaks to NetSuite.
    pub client: Client,
    /// How it polls.
    pub rules: Rules,
    /// Where large payloads go.
    pub offload: Offload,
}

/// `POST /tick` (all accounts, or `?account=`) polls and answers how many events it has published, and which accounts
/// it has not polled to the end: there was no time or no permit for it, or another instance is at it.
pub fn router(app: App) -> Router {
    let metrics = app.ports.metrics.clone();
    let router = Router::new().route("/tick", post(handler::tick)).with_state(app);
    with_common_routes(router, &metrics)
}
