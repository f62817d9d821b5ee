//! An account's NetSuite under storm: its limit steps down and up again, other integrations come and go, and there
//! is always more to write than it takes. How much of what an oracle would get do we get, how often are we turned
//! away, and what do other accounts notice of it?
//!
//! ```text
//!                 limit        15       5       15       15
//!                 foreign       4       3       10        4
//!   the oracle's calls at once  7       2        5        7     min(half of the limit, limit - foreign)
//! ```
//!
//! The product is the real one, in the simulation's world: SuiteX, outbox, merge, ns-writer, NetSuite on the wire.
//! What it is compared with are writers that hold as many calls as the configuration allows and, when turned away,
//! wait by a timetable.
//!
//! What this does not show: what a storm costs in processor time or in a database's. Here time stands still while
//! anything computes, so only what one account makes another *wait* for is seen.

mod flood;
mod measure;
mod neighbour;
mod product;
mod timetable;

pub use flood::{Flood, flood};
pub use measure::{Figures, Second, Stage, figures};
pub use neighbour::{Neighbour, neighbour};
pub use product::{Demand, Product};
pub use timetable::{Timetable, timetable};

use local::netsuite::Faults;
use shared::domain::surface::SyncConfig;

/// What a call takes, ms, and each write in it: a call of ten takes 800 ms.
pub(crate) const LATENCY_MS: i64 = 300;
pub(crate) const LATENCY_PER_WRITE_MS: i64 = 50;

/// The storm: each stage lasts so long, ms.
pub fn storm(stage_ms: i64) -> Vec<Stage> {
    [(15, 4), (5, 3), (15, 10), (15, 4)]
        .map(|(limit, foreign)| Stage { for_ms: stage_ms, limit, foreign })
        .to_vec()
}

/// The product's own configuration, but for the limit of the account that the storm is about.
pub fn config(concurrency: u32) -> SyncConfig {
    let own = include_str!("../../../config/sync.toml");
    let text = own.replace("concurrency = 10,", &format!("concurrency = {concurrency},"));
    SyncConfig::parse(&text).expect("the product's own configuration")
}

/// A NetSuite in this weather.
pub(crate) fn weather(stage: &Stage) -> Faults {
    Faults {
        concurrency: Some(stage.limit),
        foreign_calls: stage.foreign,
        latency_ms: LATENCY_MS,
        latency_per_write_ms: LATENCY_PER_WRITE_MS,
        ..Faults::default()
    }
}
