//! Crash tests: people edit both sides while everything that the system runs on is killed, stopped, slowed, emptied and
//! cut off, at random and over and over. Then a checker that has written down everything that was acknowledged compares
//! it with the ledger, both simulators and the agreed state.
//!
//! ```text
//! plan ─► trouble ─► services, processes, wires          people (local::demo::endure) ─┐
//!                                                        witness: every 202 ───────────┼─► verdict ─► report
//!                                                        evidence: databases, NetSuite ┘
//! ```
//!
//! Not troubled: this process, which is both simulators, the people and the bridge; and the Pub/Sub emulator and the
//! Cloud Storage server, which keep everything in memory and would lose what the real ones keep.

mod evidence;
mod plan;
mod report;
mod round;
mod trouble;
mod verdict;
mod wire;
mod witness;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use local::demo::endure::{Work, endure};
use local::functions::{MAX_BACKOFF_MS, MIN_BACKOFF_MS};
use local::site::{Options, Outside};
use local::world::World;
use shared::domain::plan::CALL_LANDS_WITHIN_MS;

use crate::children::Place;
use crate::services::{self, Services};
use crate::world::{Built, Roads, build, site};
use evidence::Evidence;
use plan::Plan;
use report::Report;
use round::{EDITS_PER_SECOND, Processes};
use trouble::{Done, Tools};
use verdict::Verdict;
use wire::Wire;
use witness::Witness;

/// What a round of a length begins with, and how patient it is.
struct Scale {
    /// Customers, items and orders of each account, at most.
    records: [usize; 3],
    /// The shortest and the longest wait of Pub/Sub before it pushes again, in ms.
    backoff_ms: [i64; 2],
    /// Everything must have settled so long after the trouble, in ms.
    settle_within_ms: i64,
}

/// A round is short below this, in ms.
const SHORT_BELOW_MS: u64 = 120_000;

/// A short round is over before Pub/Sub, as it is deployed, would push again. Permits of processes that were killed in
/// the middle of a call stay taken until that call can land no more; where they are all that an account has, it waits.
const SHORT: Scale =
    Scale { records: [8, 10, 5], backoff_ms: [500, 4_000], settle_within_ms: CALL_LANDS_WITHIN_MS + 180_000 };

/// Pub/Sub may wait for ten minutes before it pushes again what has failed for long.
const LONG: Scale = Scale {
    records: [usize::MAX; 3],
    backoff_ms: [MIN_BACKOFF_MS, MAX_BACKOFF_MS],
    settle_within_ms: 1_500_000,
};

/// How long a round lasts, and what it follows from.
#[derive(Debug, Clone)]
pub struct ChaosOptions {
    /// How long there is trouble, in minutes.
    pub minutes: f64,
    /// What goes wrong and when, and what people do, follows from it.
    pub seed: u64,
}

/// Runs a round and prints the report. Whether nothing was lost, doubled, different or locked; the error is for
/// people.
pub async fn run(options: &ChaosOptions) -> Result<bool, String> {
    let lasts_ms = (options.minutes * 60_000.0) as u64;
    let scale = if lasts_ms < SHORT_BELOW_MS { SHORT } else { LONG };
    let plan = Plan::new(lasts_ms, &mut Rng::with_seed(options.seed));
    println!("{}", report::announce(&plan, options));

    let (services, control) = services::of_our_own("chaos").await?;
    let (mysql_wire, redis_wire) = (wire_before(&services.mysql).await?, wire_before(&services.redis).await?);
    let roads = roads(&services, &mysql_wire, &redis_wire, &scale);

    let config = local::demo::config().map_err(|error| error.to_string())?;
    let listen = (Ipv4Addr::LOCALHOST, 0).into();
    let site = site(Options { listen, seed: options.seed, ..Options::default() }, &config).await?;
    let Built { outside, fleet, state, ledger } = build(&site, &services, &roads, &config).await?;
    let witness = Witness::before(Arc::clone(&fleet));
    let world = World::open(site, Outside { fleet: Arc::clone(&witness) as _, ..outside }).await;

    let places = fleet.places();
    let tools = Tools { control, redis: services.redis, mysql_wire, redis_wire, places };
    let work = Work {
        seed: options.seed,
        lasts_ms,
        edits_per_second: EDITS_PER_SECOND,
        records: scale.records,
        settle_within_ms: scale.settle_within_ms,
    };
    let mut done = Done::default();
    let endured = endure(&world, &work, async |tell| {
        done = trouble::make(&plan, &tools, options.seed, tell).await?;
        Ok(())
    });
    let judged = match endured.await {
        Ok(endured) => match Evidence::of(&world, &state, &ledger).await {
            Ok(evidence) => {
                let accepted = witness.accepted();
                let verdict = Verdict::of(&endured, &accepted, &evidence);
                let places = &tools.places;
                let sum = |of: fn(&Place) -> u32| places.iter().map(|place| of(place) as usize).sum();
                let processes = Processes { killed: sum(Place::killed), ended: sum(Place::ended) };
                let lacks = round::lacks(lasts_ms, &plan, &done, processes, &endured.acknowledged);
                let report = Report { done, endured, accepted, evidence, verdict, lacks, processes, places };
                println!("{report}");
                Ok(report.is_good())
            }
            Err(error) => Err(format!("the evidence cannot be read: {error}")),
        },
        Err(reason) => Err(reason),
    };
    world.stop().await;
    judged
}

async fn wire_before(address: &str) -> Result<Wire, String> {
    Wire::before(host_and_port(address)).await.map_err(|error| format!("no free port: {error}"))
}

/// Functions reach MySQL and Redis by wires that can be cut.
fn roads(services: &Services, mysql: &Wire, redis: &Wire, scale: &Scale) -> Roads {
    let by =
        |address: &str, wire: &Wire| address.replace(host_and_port(address), &wire.address().to_string());
    Roads {
        mysql: by(&services.mysql, mysql),
        redis: by(&services.redis, redis),
        backoff: scale.backoff_ms.map(|ms| Duration::from_millis(ms.unsigned_abs())),
    }
}

/// Of an address like `mysql://root@host:port/database`.
fn host_and_port(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        assert_eq!(host_and_port("mysql://root@127.0.0.1:3306"), "127.0.0.1:3306");
        assert_eq!(host_and_port("mysql://root:x@h:1/db?ssl-mode=DISABLED"), "h:1");
        assert_eq!(host_and_port("redis://h:2"), "h:2");
    }
}
