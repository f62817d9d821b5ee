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
use shared::domain::id::Side;
use shared::domain::record::{DueReason, Record};
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::problem::Problem;
use shared::state::{Place, State as _};

use super::params::object;
use super::{App, Shown};
use crate::functions::PUSHES;
use crate::pumps;
use crate::world::System;

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
    /// Messages on the bus.
    messages: usize,
    /// Events that are not absorbed.
    events: usize,
    /// Records that differ on a side, or whose write is open.
    records: usize,
    /// Calls that NetSuite is carrying out, or will.
    netsuite_calls: usize,
    /// Functions with background work.
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
    settle(&system, timeout).await.map_err(|left| {
        let mut problem =
            Problem::unavailable(format!("after {timeout} ms there is still something pending"));
        problem.status = StatusCode::GATEWAY_TIMEOUT;
        problem.with("left", json!(left))
    })?;
    Ok(Json(counts(&system, SystemClock.now().0 - began.0).await?))
}

/// Waits until nothing is left, through a poll that finds nothing new.
async fn settle(system: &Arc<System>, timeout_ms: i64) -> Result<(), Left> {
    let (until, mut ticked) = (SystemClock.now().plus(timeout_ms), SystemClock.now());
    let mut polled_at = None;
    loop {
        let (left, now) = (left(system), SystemClock.now());
        if left == Left::default() {
            let known = events_known(system);
            if polled_at == Some(known) {
                return Ok(());
            }
            polled_at = Some(known);
            system.poll().await;
        }
        if now >= until || *system.stop.borrow() {
            return Err(left);
        }
        if now >= ticked.plus(TICK_MS) {
            ticked = now;
            pumps::tick(Arc::clone(system)).await;
        }
        SystemClock.sleep_until(now.plus(LOOK_MS)).await;
    }
}

fn events_known(system: &System) -> usize {
    system.accounts.iter().map(|account| system.ledger.len(account)).sum()
}

fn left(system: &System) -> Left {
    let mut left = Left { user_events: system.user_events.load(Ordering::Relaxed), ..Left::default() };
    {
        let bus = system.bus();
        left.messages = PUSHES.iter().map(|push| bus.backlog(push.subscription)).sum();
    }
    for account in &system.accounts {
        left.outbox += system.suitex.outbox_len(account);
        left.netsuite_calls += system.netsuite.stats(account).in_flight as usize;
        let pending = system.state.all_pending(account);
        left.events += pending.iter().filter(|row| matches!(row.place, Place::Pending { .. })).count();
        left.records += system.state.all_records(account).iter().filter(|record| has_work(record)).count();
    }
    left.busy = system.fleet.busy();
    left
}

fn has_work(record: &Record) -> bool {
    Side::BOTH.into_iter().any(|side| {
        let state = &record.sides[side];
        let waits = |reason: &DueReason| matches!(reason, DueReason::WaitingFor { .. });
        state.intent.is_some() || state.due.as_ref().is_some_and(|due| !waits(&due.reason))
    })
}

fn waits(record: &Record) -> bool {
    let waits = |side| {
        let due = record.sides[side].due.as_ref();
        due.is_some_and(|due| matches!(due.reason, DueReason::WaitingFor { .. }))
    };
    Side::BOTH.into_iter().any(waits)
}

async fn counts(system: &System, waited_ms: i64) -> Result<Value, Problem> {
    let (mut records, mut conflicts, mut errors, mut waiting) = (0, 0, 0, 0);
    let mut events: BTreeMap<&'static str, u64> = BTreeMap::new();
    for account in &system.accounts {
        let all = system.state.all_records(account);
        records += all.iter().filter(|record| record.alive).count();
        conflicts += all.iter().filter(|record| record.conflict.is_some()).count();
        waiting += all.iter().filter(|record| waits(record)).count();
        errors += system.state.errors(Some(account), true, None, usize::MAX).await?.items.len();
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
