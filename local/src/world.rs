//! A running world: the functions as they are deployed, what carries messages to them, both systems, all behind
//! one address and on real time. [`start`] puts everything into this process; whoever has other parts builds a
//! world of them, [`Site`] first.
//!
//! ```text
//!            ┌── /ingest /review /functions ──► fleet (an instance of each function, can be crashed)
//! HTTP ──────┼── /suitex /netsuite ───────────► simulators            ▲
//!            └── /control and the page at / ──► faults, quiesce,      │ pumps: bus, User Events,
//!                                               parity, story         │ outbox pokes, ticks, polls
//! ```

use std::io;
use std::sync::Arc;

use shared::domain::id::AccountId;
use shared::runtime::clock::{Clock, SystemClock};
use tokio::sync::{Notify, watch};

use crate::server::{self, Server};
use crate::site::{Options, Outside, Site};
use crate::system::System;
use crate::{in_process, pumps, sample};

/// How long requests may take to end, in ms.
const STOP_WITHIN_MS: i64 = 3_000;

/// A running world. Dropped without [`World::stop`], it ends with the runtime.
pub struct World {
    system: Arc<System>,
    server: Server,
}

/// A world is its parts, and who holds it may also stop it.
impl std::ops::Deref for World {
    type Target = Arc<System>;

    fn deref(&self) -> &Arc<System> {
        &self.system
    }
}

/// Starts a world in this process; it answers at its address when this returns.
pub async fn start(options: Options) -> io::Result<World> {
    let site = Site::take(options).await?;
    let outside = in_process::outside(&site)?;
    Ok(World::open(site, outside).await)
}

impl World {
    /// Opens the doors of a site.
    pub async fn open(site: Site, outside: Outside) -> Self {
        let Site { url, options, keys, netsuite, http, suitex_committed, listener } = site;
        let Outside { fleet, state, ledger, inside, suitex, carrier } = outside;
        let accounts: Vec<AccountId> = options.config.accounts.keys().cloned().collect();
        let system = Arc::new(System {
            netsuite_called: accounts.iter().map(|account| (account.clone(), Notify::new())).collect(),
            suitex_committed,
            url,
            config: options.config,
            accounts,
            keys,
            netsuite,
            suitex,
            state,
            ledger,
            inside,
            fleet,
            carrier,
            http,
            user_events: Arc::default(),
            stop: watch::Sender::new(false),
        });
        let server = server::start(listener, server::router(&system), system.stop.subscribe());
        let outbox_ms = options.scripts.map(|scripts| scripts.outbox_ms);
        pumps::start(&system, options.tick_ms, options.poll_ms, outbox_ms);
        if options.sample {
            sample::fill(&system).await;
        }
        Self { system, server }
    }

    /// Stops: requests and background work under way end at their next step, or are dropped when their time is
    /// over.
    pub async fn stop(self) {
        let until = SystemClock.now().plus(STOP_WITHIN_MS);
        self.system.fleet.stop();
        self.system.stop.send_replace(true);
        tokio::select! {
            () = self.server.ended() => {}
            () = SystemClock.sleep_until(until) => tracing::warn!("requests did not end in time"),
        }
        self.system.fleet.ended().await;
    }
}
