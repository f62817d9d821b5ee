//! Waiting until nothing is pending.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::Json;
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::problem::Problem;

use super::params::object;
use super::{App, Shown};
use crate::functions::POLLED_AFTER_MS;
use crate::system::System;
use crate::{inside, pumps};

/// How long we wait unless told otherwise, in ms: longer than the longest that a writer leaves NetSuite alone,
/// and than a call whose writer crashed is waited for.
const TIMEOUT_MS: i64 = 400_000;

/// Longest wait, in ms.
const TIMEOUT_MAX_MS: i64 = 3_600_000;

/// How often we look, in ms.
const LOOK_MS: i64 = 25;

/// How often the scheduler ticks while we wait, in ms.
const TICK_MS: i64 = 1_000;

/// What is still to be done. What waits for a person or for another record is not.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Left {
    /// SuiteX's outbox rows.
    outbox: usize,
    /// User Events that ingest has not taken.
    user_events: usize,
    /// Messages on the bus, as far as they can be seen.
    messages: usize,
    /// Events that are not absorbed.
    events: usize,
    /// Records that differ on a side, or whose write is open.
    records: usize,
    /// Calls that NetSuite is carrying out, or will.
    netsuite_calls: usize,
    /// Functions with background work, as far as it can be seen.
    busy: Vec<&'static str>,
}

/// `POST /control/quiesce`
pub(super) async fn quiesce(State(system): App, body: Bytes) -> Shown {
    let asked = object(&body, &["timeoutMs"])?;
    let timeout = match asked.get("timeoutMs") {
        None | Some(Value::Null) => TIMEOUT_MS,
        Some(value) => value.as_i64().filter(|ms| (0..=TIMEOUT_MAX_MS).contains(ms)).ok_or_else(|| {
            Problem::unprocessable("timeoutMs", format!("must be a whole number from 0 to {TIMEOUT_MAX_MS}"))
        })?,
    };
    let began = SystemClock.now();
    settle(&system, timeout).await?.map_err(|left| {
        let mut problem =
            Problem::unavailable(format!("after {timeout} ms there is still something pending"));
        problem.status = StatusCode::GATEWAY_TIMEOUT;
        problem.with("left", json!(left))
    })?;
    Ok(Json(counts(&system, SystemClock.now().0 - began.0).await?))
}

/// Waits until nothing is left and a poll finds nothing new. Nothing must be seen before it for as long as messages
/// can be on their way unseen, and for as long as the poller leaves alone what is young.
async fn settle(system: &Arc<System>, timeout_ms: i64) -> Result<Result<(), Left>, Problem> {
    let (until, mut ticked) = (SystemClock.now().plus(timeout_ms), SystemClock.now());
    let mut quiet_since = None;
    let quiet_ms = system.carrier.unseen_ms().max(POLLED_AFTER_MS);
    loop {
        let (left, now) = (left(system).await?, SystemClock.now());
        quiet_since = if left == Left::default() { quiet_since.or(Some(now)) } else { None };
        if quiet_since.is_some_and(|since| now >= since.plus(quiet_ms)) {
            if system.poll().await == Some(0) {
                return Ok(Ok(()));
            }
            quiet_since = None;
        }
        if now >= until || *system.stop.borrow() {
            return Ok(Err(left));
        }
        if now >= ticked.plus(TICK_MS) {
            ticked = now;
            pumps::tick(Arc::clone(system)).await;
        }
        SystemClock.sleep_until(now.plus(LOOK_MS)).await;
    }
}

async fn left(system: &System) -> Result<Left, Problem> {
    let user_events = system.user_events.load(Ordering::Relaxed);
    let mut left = Left { user_events, messages: system.carrier.left(), ..Left::default() };
    for account in &system.accounts {
        left.outbox += system.suitex.outbox_len(account).await?;
        left.user_events += system.netsuite.events_waiting(account);
        left.netsuite_calls += system.netsuite.stats(account).in_flight as usize;
        let census = system.state.census(account).await?;
        left.events += census.get("pending").map_or(0, |count| *count as usize);
        left.records += system.inside.standing(account).await?.unfinished;
    }
    left.busy = system.fleet.busy();
    Ok(left)
}

async fn counts(system: &System, waited_ms: i64) -> Result<Value, Problem> {
    let (mut records, mut conflicts, mut errors, mut waiting) = (0, 0, 0, 0);
    let mut events: BTreeMap<&'static str, u64> = BTreeMap::new();
    for account in &system.accounts {
        let standing = system.inside.standing(account).await?;
        records += standing.alive;
        conflicts += standing.conflicts;
        waiting += standing.waiting;
        errors += inside::errors(&*system.state, account, true).await?.len();
        for (place, count) in system.state.census(account).await? {
            *events.entry(place).or_default() += count;
        }
    }
    waiting += events.get("waiting").map_or(0, |count| *count as usize);
    Ok(json!({
        "records": records,
        "events": events,
        "conflicts": conflicts,
        "errors": errors,
        "waiting": waiting,
        "waitedMs": waited_ms,
    }))
}
