//! How long a change takes from its source to the other side, at a steady pace.
//!
//! A change begins when its source has stored it (NetSuite's save, SuiteX's commit) and ends when the target has
//! answered the write. Of that, the debounce is a setting and the target's own time is the target's; the rest is
//! ours. A record is changed again only when its last change has long arrived, so that each has a write of its own.
//!
//! Messages go through Pub/Sub's emulator and come as pushes over HTTP, with tokens that are verified. The functions run
//! in this process, on one machine with all that they call: the network between machines is not in it.

use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use shared::domain::id::{Side, Timestamp};
use shared::runtime::clock::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::cpu::{Cpu, load_average};
use crate::databases::Servers;
use crate::report::{goal, percentile};
use crate::seed::{self, Seeded, new_phone};
use crate::stack::{Stack, config};
use crate::{Failure, load};

/// After its last change, a run is given so long.
const WITHIN_MS: i64 = 120_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Changes a minute, one half on each side.
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// For so long.
    #[arg(long, default_value_t = 180)]
    seconds: u64,
    /// Accounts over which they are spread.
    #[arg(long, default_value_t = 50)]
    accounts: usize,
    /// Records that are changed, one after the other and over again. Pub/Sub's emulator gives each threads of its own: with
    /// thousands of them it is what takes the time.
    #[arg(long, default_value_t = 600)]
    records: usize,
    /// How long a call of NetSuite takes, in ms.
    #[arg(long, default_value_t = 300)]
    netsuite_ms: i64,
    /// A bus of this process instead of Pub/Sub's emulator: what the product takes by itself.
    #[arg(long)]
    bus_here: bool,
}

/// A change that has been made.
struct Made {
    record: Seeded,
    source: Side,
    at: Timestamp,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let servers = Servers::of_environment()?;
    let config = config(options.accounts, None)?;
    let debounce = config.coalescing.quiet_ms;
    let name = ("latency", 3);
    let mut stack = match options.bus_here {
        true => Stack::make(&servers, name, config).await?,
        false => Stack::make_over_pubsub(&servers, name, config).await?,
    };
    let count = options.rate * options.seconds / 60;
    println!(
        "latency: {} changes a minute for {} s over {} accounts, one half on each side; a call of NetSuite {} ms",
        options.rate, options.seconds, options.accounts, options.netsuite_ms
    );
    let bus = if options.bus_here { "a bus of this process" } else { "Pub/Sub's emulator, pushes over HTTP" };
    println!("  from function to function: {bus}");
    // Even: a record is then always changed on the same side.
    let ids = Vec::from_iter(1..=options.records.div_ceil(options.accounts).next_multiple_of(2) as u64);
    let mut records = seed::fill(&stack, &ids, |_| false).await?;
    fastrand::Rng::with_seed(1).shuffle(&mut records);
    stack.slow_netsuite(options.netsuite_ms)?;
    seed::begin(&mut stack).await?;
    println!("  load average at the start {}", load_average());
    let (stack, cpu) = (Arc::new(stack), Cpu::now());
    let made = make(&stack, &records, count, options.rate).await?;
    let until = SystemClock.now().plus(WITHIN_MS);
    while stack.arrivals.all() < made.len() as u64 && SystemClock.now() < until {
        SystemClock.sleep_until(SystemClock.now().plus(20)).await;
    }
    let cpu = Cpu::now().since(&cpu);
    println!(
        "  CPU: the product {:.0} µs/change, of which MySQL {:.0}; {:.2} CPUs busy with it",
        cpu.product() * 1000.0 / count as f64,
        cpu.0.get("mysql").unwrap_or(&f64::NAN) * 1000.0 / count as f64,
        cpu.product() / 1000.0 / options.seconds as f64
    );
    let (mut all, mut missing) = (Vec::new(), 0);
    for source in Side::BOTH {
        let (mut took, mut target, mut ours) = (Vec::new(), Vec::new(), Vec::new());
        for made in made.iter().filter(|made| made.source == source) {
            let (to, record) = (source.other(), &made.record);
            let suitex = record.suitex.to_string();
            let id = if to == Side::SuiteX { &suitex } else { &record.netsuite };
            let Some(arrival) = stack.arrivals.since(made.at, to, &record.account, id) else {
                missing += 1;
                continue;
            };
            let whole = (arrival.at.0 - made.at.0) as f64;
            took.push(whole);
            target.push(arrival.target_ms as f64);
            ours.push(whole - (debounce + arrival.target_ms) as f64);
        }
        println!("  {source} → {}: {} changes, in ms", source.other(), took.len());
        for (what, values) in [("from source to applied", &took), ("the target's own time", &target)] {
            tell(what, values);
        }
        println!("    {:<28} {debounce:>6}", "debounce");
        tell("the rest, which is ours", &ours);
        all.extend(took);
    }
    let (p50, p99) = (percentile(&all, 50), percentile(&all, 99));
    println!("  both directions: p50 {p50:.0}, p95 {:.0}, p99 {p99:.0}", percentile(&all, 95));
    goal("every change applied", missing == 0);
    goal("p50 at most debounce + 0.5 s", p50 <= (debounce + 500) as f64);
    goal("p99 at most 3 s", p99 <= 3_000.0);
    Ok(())
}

fn tell(what: &str, values: &[f64]) {
    let of = |percent| percentile(values, percent);
    println!(
        "    {what:<28} p50 {:>6.0}   p95 {:>6.0}   p99 {:>6.0}   max {:>6.0}",
        of(50),
        of(95),
        of(99),
        of(100)
    );
}

/// Makes the changes at an even pace, whatever becomes of them.
async fn make(stack: &Arc<Stack>, records: &[Seeded], count: u64, rate: u64) -> Result<Vec<Made>, Failure> {
    let (people, began) = (Arc::new(load::people(stack)?), SystemClock.now());
    let made = Arc::new(Mutex::new(Vec::with_capacity(usize::try_from(count)?)));
    let mut editing = JoinSet::new();
    for (nth, record) in (0..count).zip(records.iter().cycle().cloned()) {
        let at = began.plus(i64::try_from(nth * 60_000 / rate)?);
        if at > SystemClock.now() {
            SystemClock.sleep_until(at).await;
        }
        let note = |made: &Mutex<Vec<Made>>, record: Seeded, source: Side, at: Timestamp| {
            made.lock().unwrap_or_else(PoisonError::into_inner).push(Made { record, source, at });
        };
        let phone = format!("{} {}", new_phone(record.suitex), nth / records.len() as u64);
        if nth.is_multiple_of(2) {
            let at = SystemClock.now();
            load::in_netsuite(stack, &record, &phone)?;
            note(&made, record, Side::NetSuite, at);
            continue;
        }
        let (stack, people, made) = (Arc::clone(stack), Arc::clone(&people), Arc::clone(&made));
        editing.spawn(async move {
            load::in_suitex(&people, &record, &phone).await?;
            let at = SystemClock.now();
            load::poke(&stack, &record).await;
            note(&made, record, Side::SuiteX, at);
            Ok::<(), Failure>(())
        });
        while let Some(edited) = editing.try_join_next() {
            edited??;
        }
    }
    while let Some(edited) = editing.join_next().await {
        edited??;
    }
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *made))
}
