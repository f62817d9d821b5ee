//! Changes a second, from ingest to both writers.
//!
//! Each record is changed once: its debounce holds it back for a second, and folds nothing into it. Neither system tells
//! of our updates, as in life; what they do tell is taken too, and not counted as changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use futures::future::try_join_all;
use serde_json::json;
use shared::domain::event::ChangeEvent;
use shared::domain::id::Side;
use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::ids::{Ids, RandomIds};
use tokio::time::Instant;

use crate::cpu::{Cpu, load_average, memory};
use crate::databases::{Servers, counted, counters};
use crate::report::{goal, median, spread};
use crate::seed::{self, Seeded, new_phone};
use crate::stack::{Stack, config};
use crate::{Failure, floor, load};

/// Longest time that a repetition may take.
const WITHIN_MS: i64 = 600_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Records, each changed once.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// Accounts over which they are spread.
    #[arg(long, default_value_t = 10)]
    accounts: usize,
    /// Into so many parts the records are divided, one repetition each.
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
    /// Changes that may be on their way at once.
    #[arg(long, default_value_t = 8_000)]
    under_way: u64,
    /// How long a call of NetSuite takes, in ms.
    #[arg(long, default_value_t = 0)]
    netsuite_ms: i64,
    /// Each function as a process of its own, behind HTTP: what one instance needs. Slower, for the messages.
    #[arg(long)]
    apart: bool,
}

/// One repetition.
struct Pass {
    rate: f64,
    per_write: f64,
    cpu: Cpu,
    counts: std::collections::BTreeMap<String, i64>,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let servers = Servers::of_environment()?;
    let (site, config) = (("path", 2), config(options.accounts, None)?);
    let mut stack = match options.apart {
        true => Stack::make_apart(&servers, site, config).await?,
        false => Stack::make(&servers, site, config).await?,
    };
    let each = options.records.div_ceil(options.accounts);
    println!(
        "path: {} records in {} accounts, each changed once, one half on each side; {} repetitions",
        each * options.accounts,
        options.accounts,
        options.repetitions
    );
    let (began, ids) = (Instant::now(), Vec::from_iter(1..=each as u64));
    let mut records = seed::fill(&stack, &ids, |id| load::source(id) == Side::SuiteX).await?;
    println!(
        "  filled in {:.0} s; load average at the start {}",
        began.elapsed().as_secs_f64(),
        load_average()
    );
    // Uniform: in no order that a database could like.
    fastrand::Rng::with_seed(1).shuffle(&mut records);
    stack.slow_netsuite(options.netsuite_ms)?;
    seed::begin(&mut stack).await?;
    let raw = stack.databases.floor(u32::try_from(floor::CONNECTIONS)?).await?;
    let mut server = servers.administrator().await?;
    let (stack, part) = (Arc::new(stack), records.len().div_ceil(options.repetitions));
    let (mut floors, mut passes) = (Vec::new(), Vec::new());
    for (nth, records) in records.chunks(part).enumerate() {
        let floor = floor::append(&raw, &told(records)).await?;
        let (before, cpu) = (counters(&mut server).await?, Cpu::now());
        let writes = stack.arrived();
        let (began, count) = (Instant::now(), records.len() as f64);
        change(&stack, records, options.under_way).await?;
        let took = began.elapsed().as_secs_f64();
        if !stack.settled(WITHIN_MS).await? {
            return Err("not everything has come to rest".into());
        }
        let cpu = Cpu::now().since(&cpu);
        let counts = counted(&before, &counters(&mut server).await?);
        let per_write = count / (stack.arrived() - writes) as f64;
        println!(
            "  {nth}: {:.0} changes/s, {per_write:.3} changes/write; raw inserts {floor:.0}/s",
            count / took
        );
        floors.push(floor);
        passes.push(Pass { rate: count / took, per_write, cpu, counts });
    }
    tell(&passes, &floors, part as f64);
    for (name, child) in &stack.apart {
        let Some((cpu, now, most)) = child.used() else { return Err(format!("{name} has ended").into()) };
        let cpu = cpu * 1000.0 / records.len() as f64;
        println!("    {name:<10} CPU {cpu:>5.0} µs/change; memory {now:>5.1} MiB, at most {most:.1}");
    }
    let (now, most) = memory();
    println!(
        "  memory of all functions, both simulated systems and the load, one process: {now:.0} MiB, at most {most:.0}"
    );
    let (changed, all) = (seed::changed(&stack).await?, records.len() as u64);
    println!("  at the end both sides hold {changed} of {all} changes");
    let rate = median(&passes.iter().map(|pass| pass.rate).collect::<Vec<_>>());
    let per_write = passes.iter().map(|pass| pass.per_write).fold(0.0, f64::max);
    goal("every change on both sides", changed == all);
    goal("at most 1.05 changes per write", per_write <= 1.05);
    goal("at least 1,000 changes/s", rate >= 1_000.0);
    goal("at least 10,000 changes/s", rate >= 10_000.0);
    Ok(())
}

fn tell(passes: &[Pass], floors: &[f64], changes: f64) {
    let rates: Vec<f64> = passes.iter().map(|pass| pass.rate).collect();
    println!("  floor: raw inserts of the same events into the ledger, rows/s {}", spread(floors, 0));
    println!(
        "  changes/s {}, from the first post to the last write, one debounce of 1 s included; {:.3} of the floor",
        spread(&rates, 0),
        median(&rates) / median(floors)
    );
    let per_change = |of: &dyn Fn(&Pass) -> f64| {
        median(&passes.iter().map(|pass| of(pass) * 1000.0 / changes).collect::<Vec<_>>())
    };
    println!(
        "  CPU µs/change, its own news included: the product {:.0}, of which",
        per_change(&|p| p.cpu.product())
    );
    for name in passes[0].cpu.0.keys() {
        let used = per_change(&|pass| *pass.cpu.0.get(name).unwrap_or(&0.0));
        if used >= 1.0 {
            println!("    {name:<10} {used:>6.0}");
        }
    }
    println!("  MySQL's counters per change");
    for name in passes[0].counts.keys() {
        let counted = per_change(&|pass| pass.counts[name] as f64 / 1000.0);
        println!("    {name:<22} {counted:>8.2}");
    }
}

/// Changes the records and waits for the last write.
async fn change(stack: &Arc<Stack>, records: &[Seeded], under_way: u64) -> Result<(), Failure> {
    let (began, made) = (stack.arrived(), Arc::new(AtomicUsize::new(0)));
    let records: Arc<[Seeded]> = records.into();
    let makers = (0..32).map(|_| {
        let (stack, records, made) = (Arc::clone(stack), Arc::clone(&records), Arc::clone(&made));
        async move {
            loop {
                while made.load(Ordering::Relaxed) as u64 >= stack.arrived() - began + under_way {
                    SystemClock.sleep_until(SystemClock.now().plus(2)).await;
                }
                let Some(record) = records.get(made.fetch_add(1, Ordering::Relaxed)) else { break };
                match load::source(record.suitex) {
                    Side::NetSuite => load::in_netsuite(&stack, record, &new_phone(record.suitex))?,
                    Side::SuiteX => load::of_suitex(&stack, record).await?,
                }
            }
            Ok::<(), Failure>(())
        }
    });
    try_join_all(makers).await?;
    let expected = match stack.apart.is_empty() {
        true => records.len() as u64,
        // Those to NetSuite count for both.
        false => 2 * records.iter().filter(|r| load::source(r.suitex) == Side::SuiteX).count() as u64,
    };
    let until = SystemClock.now().plus(WITHIN_MS);
    while stack.arrived() - began < expected {
        if SystemClock.now() >= until {
            let left = expected - (stack.arrived() - began);
            return Err(format!("{left} changes have not arrived").into());
        }
        SystemClock.sleep_until(SystemClock.now().plus(1)).await;
    }
    Ok(())
}

/// The changes as events, for the floor: under ids and records of their own, so that they meet nobody.
fn told(records: &[Seeded]) -> Vec<ChangeEvent> {
    let event = |record: &Seeded| {
        let event = json!({
            "eventId": RandomIds.draw(), "accountId": record.account, "recordType": "customer",
            "recordId": record.netsuite, "source": "netsuite-ue", "operation": "update",
            "timestamp": SystemClock.now(), "revision": 1,
            "payload": {
                "changes": { "phone": new_phone(record.suitex) }, "previous": { "phone": seed::phone(record.suitex) },
            },
            "metadata": { "context": "USERINTERFACE" }, "authContext": { "actor": "ann" },
        });
        ChangeEvent::from_slice(event.to_string().as_bytes()).expect("an event of ours")
    };
    records.iter().map(event).collect()
}
