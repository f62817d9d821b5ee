//! What moves things in life: the bus that pushes, NetSuite's schedule or what stands in for its scripts, SuiteX that
//! pokes the outbox relay, and the scheduler. None of them spins: each sleeps until it is woken or something is due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use futures::{StreamExt, stream};
use http::{Request, StatusCode};
use serde_json::Value as Json;
use shared::domain::id::AccountId;
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::ids::{Ids, RandomIds};
use shared::runtime::tasks::{Spawn, TokioSpawn};
use tokio::sync::watch;

use crate::bus::Delivery;
use crate::functions::{PUSHES, TICKS};
use crate::netsuite::scripts::aside;
use crate::signed::signed;
use crate::system::System;

/// Deliveries under way at once, all functions together.
const PUSHES_MAX: usize = 256;

/// User Events of calls that land late are noticed at this pace, in ms; all others at once.
const USER_EVENTS_MS: i64 = 250;

/// Records of an account whose saves tell of themselves at the same time.
const SCRIPTS_AT_ONCE: usize = 16;

/// The script posts again after this time, in ms; it doubles up to [`REPOST_MAX_MS`].
const REPOST_MS: i64 = 500;

/// Longest wait of the script, in ms.
const REPOST_MAX_MS: i64 = 10_000;

/// The poller, which is called at a pace of its own: a poll costs calls of NetSuite.
const POLLER: &str = "poller";
const POLL: &str = "/tick";

/// Completes when the world stops.
async fn told(mut stop: watch::Receiver<bool>) {
    // An error means that the world is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Runs `work` in the background until it ends or the world stops.
fn run(system: &System, work: impl Future<Output = ()> + Send + 'static) {
    let stop = system.stop.subscribe();
    TokioSpawn.spawn(Box::pin(async move {
        tokio::select! {
            biased;
            () = told(stop) => {}
            () = work => {}
        }
    }));
}

/// Starts all pumps. `outbox_ms`: how often NetSuite's schedule starts the outbox script, where there is one.
pub(crate) fn start(system: &Arc<System>, tick_ms: i64, poll_ms: i64, outbox_ms: Option<i64>) {
    if system.carrier.local().is_some() {
        run(system, push(Arc::clone(system)));
    }
    for account in &system.accounts {
        match outbox_ms {
            // The scripts sign and send by themselves.
            Some(outbox_ms) => run(system, schedule(Arc::clone(system), account.clone(), outbox_ms)),
            None => run(system, post(Arc::clone(system), account.clone())),
        }
        run(system, poke(Arc::clone(system), account.clone()));
    }
    let (ticking, polling) = (Arc::clone(system), Arc::clone(system));
    run(system, every(tick_ms, move || tick(Arc::clone(&ticking))));
    run(
        system,
        every(poll_ms, move || {
            let system = Arc::clone(&polling);
            async move {
                call(&system, POLLER, POLL).await;
            }
        }),
    );
}

async fn every<F: Future<Output = ()>>(millis: i64, work: impl Fn() -> F) {
    loop {
        SystemClock.sleep_until(SystemClock.now().plus(millis.max(1))).await;
        work().await;
    }
}

/// The bus: pushes what may be pushed, many at once.
async fn push(system: Arc<System>) {
    let Some(local) = system.carrier.local() else { return };
    loop {
        for delivery in local.deliveries(PUSHES_MAX).await {
            run(&system, deliver(Arc::clone(&system), delivery));
        }
    }
}

/// Pushes one message. Without an answer, because the function crashed, the delivery counts as failed.
async fn deliver(system: Arc<System>, delivery: Delivery) {
    let Delivery { id, subscription, body, .. } = delivery;
    let push = PUSHES.iter().find(|p| *p.subscription == *subscription).expect("a subscription of the table");
    let request = Request::post(push.path).header("content-type", "application/json").body(Body::from(body));
    let response = system.fleet.call(push.function, request.expect("a path of the table")).await;
    let acked = response.is_some_and(|r| r.status().is_success());
    if let Some(local) = system.carrier.local() {
        local.settle(id, acked);
    }
}

/// NetSuite's schedule: starts the outbox script of one account.
async fn schedule(system: Arc<System>, account: AccountId, outbox_ms: i64) {
    every(outbox_ms, || {
        let (netsuite, account) = (Arc::clone(&system.netsuite), account.clone());
        async {
            aside(move || netsuite.run_outbox_script(&account)).await;
        }
    })
    .await;
}

/// The stand-in for the User Event script of one account: posts what NetSuite's saves told it. Those of one
/// record go in their order; NetSuite runs the scripts of different records side by side.
async fn post(system: Arc<System>, account: AccountId) {
    loop {
        let mut by_record = BTreeMap::<_, Vec<_>>::new();
        for event in system.netsuite.take_user_events(&account) {
            let record = (event["recordType"].to_string(), event["recordId"].to_string());
            by_record.entry(record).or_default().push((event, OnItsWay::new(&system)));
        }
        let (system, account) = (&system, &account);
        let post_record = |events: Vec<_>| async move {
            for (event, on_its_way) in events {
                if !sent(system, account, &event).await {
                    run(system, repost(Arc::clone(system), account.clone(), event, on_its_way));
                }
            }
        };
        stream::iter(by_record.into_values()).for_each_concurrent(SCRIPTS_AT_ONCE, post_record).await;
        let again = SystemClock.now().plus(USER_EVENTS_MS);
        tokio::select! {
            () = system.netsuite_called[account].notified() => {}
            () = SystemClock.sleep_until(again) => {}
        }
    }
}

/// Posts an event until it is taken.
async fn repost(system: Arc<System>, account: AccountId, event: Json, _on_its_way: OnItsWay) {
    let mut wait = REPOST_MS;
    loop {
        SystemClock.sleep_until(SystemClock.now().plus(wait)).await;
        if sent(&system, &account, &event).await {
            return;
        }
        wait = (wait * 2).min(REPOST_MAX_MS);
    }
}

/// Signs an event and posts it; whether it was taken. Each attempt is a message of its own.
async fn sent(system: &System, account: &AccountId, event: &Json) -> bool {
    let (id, now) = (RandomIds.draw().to_string(), SystemClock.now());
    let request = signed(account.as_str(), &system.keys[account], &id, now, event.to_string().into());
    let response = system.fleet.call("ingest", request.map(Body::from)).await;
    match response.map(|r| r.status()) {
        Some(StatusCode::ACCEPTED) => true,
        answer => {
            tracing::debug!(%account, ?answer, "a User Event was not taken");
            false
        }
    }
}

/// Counts a User Event as under way for as long as it lives.
struct OnItsWay(Arc<AtomicUsize>);

impl OnItsWay {
    fn new(system: &System) -> Self {
        system.user_events.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&system.user_events))
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// SuiteX tells the relay that there is something in an account's outbox.
async fn poke(system: Arc<System>, account: AccountId) {
    loop {
        system.suitex_committed[&account].notified().await;
        call(&system, "outbox", &format!("/poke?account={account}")).await;
    }
}

/// The scheduler's tick, for all but the poller, which has its own.
pub(crate) async fn tick(system: Arc<System>) {
    let ticks = TICKS.into_iter().filter(|(function, _)| *function != POLLER);
    futures::future::join_all(ticks.map(|(function, path)| call(&system, function, path))).await;
}

/// A call without a body, whose answer nobody needs: what it did not do, the next one does.
async fn call(system: &System, function: &str, uri: &str) {
    let request = Request::post(uri).body(Body::empty()).expect("a path of the table");
    if let Some(status) = system.fleet.call(function, request).await.map(|r| r.status())
        && !status.is_success()
    {
        tracing::warn!(function, uri, %status, "the scheduler's call failed");
    }
}

impl System {
    /// Has the poller poll now, apart from its schedule; answers how much was new to it, if it has seen all there is.
    pub(crate) async fn poll(&self) -> Option<u64> {
        let request = Request::post(POLL).body(Body::empty()).expect("a path of ours");
        let answer = self.fleet.call(POLLER, request).await?;
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 64 * 1024).await.ok()?;
        let told: Json = serde_json::from_slice(&body).ok()?;
        let is_whole = status.is_success() && told["cutShort"].as_array().is_some_and(Vec::is_empty);
        told["published"].as_u64().filter(|_| is_whole)
    }
}
