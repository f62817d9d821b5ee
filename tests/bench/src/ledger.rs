//! Durable appends through merge's push handler, against raw inserts of the same rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use futures::future::try_join_all;
use http::Request;
use mysql::ledger::MysqlLedger;
use serde_json::json;
use shared::domain::event::ChangeEvent;
use shared::ledger::{Entry, Ledger};
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::ids::{Ids, RandomIds};
use shared::runtime::tasks::{Spawn, TokioSpawn};
use tokio::time::Instant;

use crate::cpu::{Cpu, load_average};
use crate::databases::{Servers, counted, counters};
use crate::report::{goal, median, percentile, spread};
use crate::stack::{Stack, config};
use crate::{Failure, floor};

/// What is absorbed is measured by `path`: here nothing becomes quiet.
const NEVER_QUIET: &str = "[coalescing]\nquiet_ms = 3600000\nmax_wait_ms = 3600000\nmax_events = 1000000000";

#[derive(Args)]
pub(crate) struct Options {
    /// Events of one repetition.
    #[arg(long, default_value_t = 20_000)]
    events: usize,
    /// Repetitions, each of all.
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// Pushes under way at once.
    #[arg(long, default_value_t = 256)]
    pushes: usize,
    /// Accounts over which the events are spread.
    #[arg(long, default_value_t = 10)]
    accounts: usize,
}

/// Repetitions of one way.
#[derive(Default)]
struct Way {
    rates: Vec<f64>,
    cpu_us: Vec<f64>,
    latencies_ms: Vec<f64>,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let servers = Servers::of_environment()?;
    let config = config(options.accounts, Some(NEVER_QUIET))?;
    let stack = Arc::new(Stack::make(&servers, ("ledger", 1), config).await?);
    let raw = stack.databases.floor(u32::try_from(floor::CONNECTIONS)?).await?;
    let (port, worker) = MysqlLedger::new(stack.databases.pool("events", 8)?);
    TokioSpawn.spawn(Box::pin(worker));
    let mut server = servers.administrator().await?;
    println!(
        "ledger: {} events, {} repetitions of each, interleaved; load average at the start {}",
        options.events,
        options.repetitions,
        load_average()
    );
    let (mut floor_, mut ported, mut handled) = (Way::default(), Way::default(), Way::default());
    let mut asked = 0.0;
    for repetition in 0..=options.repetitions {
        let cpu = Cpu::now();
        let rate = floor::append(&raw, &events(&stack, &options)).await?;
        let used = Cpu::now().since(&cpu);
        let port_rate = append(&port, &events(&stack, &options), options.pushes).await?;
        let bodies = events(&stack, &options).iter().map(body).collect();
        let (before, cpu) = (counters(&mut server).await?, Cpu::now());
        let began = Instant::now();
        let latencies = push(&stack, bodies, options.pushes).await?;
        let push_rate = options.events as f64 / began.elapsed().as_secs_f64();
        let pushed = Cpu::now().since(&cpu);
        let counts = counted(&before, &counters(&mut server).await?);
        if repetition == 0 {
            // Connections are opened and files grow: not counted.
            continue;
        }
        let per_event = |ms: f64| ms * 1000.0 / options.events as f64;
        floor_.rates.push(rate);
        floor_.cpu_us.push(per_event(*used.0.get("mysql").unwrap_or(&f64::NAN)));
        ported.rates.push(port_rate);
        handled.rates.push(push_rate);
        handled.cpu_us.push(per_event(*pushed.0.get("merge").unwrap_or(&f64::NAN)));
        ported.cpu_us.push(per_event(*pushed.0.get("mysql").unwrap_or(&f64::NAN)));
        handled.latencies_ms.extend(latencies);
        asked = *counts.get("Questions").unwrap_or(&0) as f64 / options.events as f64;
        println!(
            "  {repetition}: raw {rate:.0}/s, the ledger's port {port_rate:.0}/s, push handler {push_rate:.0}/s"
        );
    }
    let ratio = median(&handled.rates) / median(&floor_.rates);
    println!("  floor: raw inserts of {} rows, {} at once", floor::ROWS, floor::CONNECTIONS);
    println!("    rows/s {}; MySQL's CPU µs/row {:.0}", spread(&floor_.rates, 0), median(&floor_.cpu_us));
    println!("  the ledger's port alone, {} callers", options.pushes);
    println!(
        "    events/s {}, {:.0} % of the floor",
        spread(&ported.rates, 0),
        100.0 * median(&ported.rates) / median(&floor_.rates)
    );
    println!(
        "  merge's push handler (ledger, pending list, buffer, then the ack), {} pushes at once",
        options.pushes
    );
    println!("    events/s {}, {:.0} % of the floor", spread(&handled.rates, 0), 100.0 * ratio);
    println!(
        "    from push to ack ms: p50 {:.1}, p95 {:.1}, p99 {:.1}",
        percentile(&handled.latencies_ms, 50),
        percentile(&handled.latencies_ms, 95),
        percentile(&handled.latencies_ms, 99)
    );
    println!(
        "    CPU µs/event: merge {:.0}, MySQL {:.0}; statements/event {asked:.2}",
        median(&handled.cpu_us),
        median(&ported.cpu_us)
    );
    goal("at least 70 % of raw inserts", ratio >= 0.7);
    Ok(())
}

/// Events of a usual size, each of a record of its own.
fn events(stack: &Stack, options: &Options) -> Vec<ChangeEvent> {
    let accounts: Vec<_> = stack.config.accounts.keys().collect();
    let event = |n: usize| {
        let event = json!({
            "eventId": RandomIds.draw(), "accountId": accounts[n % accounts.len()], "recordType": "customer",
            "recordId": (1_000 + n).to_string(), "source": "netsuite-ue", "operation": "update",
            "timestamp": SystemClock.now(), "revision": SystemClock.now().seconds(),
            "payload": {
                "changes": { "phone": format!("+49 30 {n:07}") }, "previous": { "phone": format!("+31 20 {n:07}") },
            },
            "metadata": { "context": "USERINTERFACE" }, "authContext": { "actor": "ann" },
        });
        ChangeEvent::from_slice(event.to_string().as_bytes()).expect("an event of ours")
    };
    (0..options.events).map(event).collect()
}

/// The event as the bus pushes it.
fn body(event: &ChangeEvent) -> String {
    let message = json!({
        "data": BASE64_STANDARD.encode(event.to_bytes()), "messageId": event.event_id.to_string(),
        "publishTime": event.timestamp, "orderingKey": event.ordering_key,
        "attributes": { "account": event.account_id, "type": event.record_type, "source": event.source.as_str() },
    });
    json!({ "message": message, "subscription": "events.raw-sub", "deliveryAttempt": 1 }).to_string()
}

/// Pushes to merge, so many at once; how long each took, in ms.
async fn push(stack: &Arc<Stack>, bodies: Vec<String>, at_once: usize) -> Result<Vec<f64>, Failure> {
    let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let pushers = (0..at_once).map(|_| {
        let (stack, bodies, next) = (Arc::clone(stack), Arc::clone(&bodies), Arc::clone(&next));
        async move {
            let mut latencies = Vec::new();
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                let request = Request::post("/push").header("content-type", "application/json");
                let (request, began) = (request.body(Body::from(body.clone()))?, Instant::now());
                let status = stack.fleet.get("merge").call(request).await;
                if !status.is_success() {
                    return Err(format!("merge answered {status}").into());
                }
                latencies.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            Ok::<_, Failure>(latencies)
        }
    });
    Ok(try_join_all(pushers).await?.concat())
}

/// Appends through the port, one event a call, so many calls at once; events a second.
async fn append(ledger: &MysqlLedger, events: &[ChangeEvent], at_once: usize) -> Result<f64, Failure> {
    let entries: Vec<Entry> = events.iter().map(Entry::of).collect();
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    try_join_all((0..at_once).map(|_| async {
        while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            ledger.append(vec![entry.clone()]).await?;
        }
        Ok::<(), Failure>(())
    }))
    .await?;
    Ok(entries.len() as f64 / began.elapsed().as_secs_f64())
}
