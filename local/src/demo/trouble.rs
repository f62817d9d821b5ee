//! What goes wrong while people work, set and read by `/control/faults`.

use std::cell::Cell;
use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value as Json, json};
use shared::runtime::clock::{Clock, SystemClock};

use super::client::{Broken, Client};
use crate::functions::FUNCTIONS;

/// How long a NetSuite call takes, and how much longer for each write, in ms.
pub(super) const CALL_MS: i64 = 100;
/// See [`CALL_MS`].
pub(super) const WRITE_MS: i64 = 20;

/// So many crashes there are while people work: about one of each function.
const CRASHES: i64 = 8;

/// How much later a call lands at most, in ms, when NetSuite has given up answering it.
const LATE_MS: i64 = 8_000;

/// How often we look whether it is over, in ms.
const LOOK_EVERY_MS: i64 = 100;

/// A NetSuite in good health, as slow as it is in life.
pub(super) async fn calm(client: &Client) -> Result<(), Broken> {
    // Null first: nothing that was set before stays.
    client.post("/control/faults", &json!({ "netsuite": null, "bus": null })).await?;
    let speed = json!({ "netsuite": { "latency_ms": CALL_MS, "latency_per_write_ms": WRITE_MS } });
    client.post("/control/faults", &speed).await.map(|_| ())
}

/// About so many edits travel in one call, everything counted.
const EDITS_PER_CALL: f64 = 8.0;

/// Everything that goes wrong all the time, a little. A call that never answers takes its permit with it for
/// five minutes (one that is found done, until then): of those there are a few in a run, however long it is.
async fn begin(client: &Client, edits: usize) -> Result<(), Broken> {
    let few = |calls: f64| (calls * EDITS_PER_CALL / edits.max(1) as f64).min(0.01);
    let mut faults = json!({
        "netsuite": {
            "overload": 0.01,
            "lost_request": few(1.0),
            "lost_reply": few(3.0),
            "late": few(3.0),
            "late_max_ms": LATE_MS,
            "html": 0.005,
            "truncated": 0.005,
            "partial": 0.005,
            "user_event_lost": 0.03,
            "user_event_doubled": 0.05,
            "refuse_probability": 0.001,
        },
    });
    let in_force = client.get("/control/faults").await?;
    // Where Pub/Sub itself carries the messages, nobody can disturb it.
    if in_force["accounts"].as_object().into_iter().flatten().all(|(_, account)| !account["bus"].is_null()) {
        let bus = json!({ "duplicate": 0.05, "redeliver_suffix": 0.03, "reorder": 0.05, "ack_lost": 0.005 });
        faults["bus"] = bus;
    }
    client.post("/control/faults", &faults).await.map(|_| ())
}

/// Trouble until `done`, in about `lasts` ms: then NetSuite and the bus are well again.
pub(super) async fn make(
    client: &Client,
    seed: u64,
    edits: usize,
    lasts: u64,
    done: &Cell<bool>,
) -> Result<(), Broken> {
    let mut functions = FUNCTIONS;
    Rng::with_seed(seed.rotate_left(7)).shuffle(&mut functions);
    let mut functions = functions.into_iter().cycle();
    let every = (lasts.cast_signed() / CRASHES).max(1);
    begin(client, edits).await?;
    let mut next = SystemClock.now().plus(every);
    while !done.get() {
        if SystemClock.now() >= next {
            next = next.plus(every);
            client.post("/control/faults", &json!({ "crash": functions.next() })).await?;
        }
        SystemClock.sleep_until(SystemClock.now().plus(LOOK_EVERY_MS)).await;
    }
    calm(client).await
}

/// How often each fault was injected, all accounts together, by a name for people.
pub(super) async fn injected(client: &Client) -> Result<BTreeMap<String, u64>, Broken> {
    let shown = client.get("/control/faults").await?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut add = |from: &str, kinds: &Json| {
        for (kind, count) in kinds.as_object().into_iter().flatten() {
            let name = format!("{from} {}", kind.replace('_', " "));
            *counts.entry(name).or_default() += count.as_u64().unwrap_or(0);
        }
    };
    for account in shown["accounts"].as_object().into_iter().flat_map(|accounts| accounts.values()) {
        add("netsuite:", &account["injected"]);
    }
    add("bus:", &shown["injectedByBus"]);
    add("crash of", &shown["crashes"]);
    Ok(counts)
}
