//! What a change costs among few records and among many, and on a record with a long past.
//!
//! Two sites on one server: one with few records, one with many, each record of which has had one event already.
//! The same number of records, drawn anew each time, is changed in one and in the other, by turns; MySQL counts the
//! rows that it reads for that, all functions and both databases together. Then one record with a long past, and
//! one without, are changed again and again.

mod many;

use std::collections::BTreeMap;

use clap::Args;
use fastrand::Rng;
use shared::domain::id::Side;
use shared::runtime::clock::{Clock, SystemClock};
use sqlx::mysql::MySqlConnection;
use tokio::time::Instant;

use crate::cpu::{Cpu, load_average};
use crate::databases::{Servers, counted, counters, run as execute};
use crate::report::{goal, median, spread};
use crate::seed::{self, Seeded};
use crate::stack::{Stack, config};
use crate::{Failure, load};

/// Records that are quiet for a moment only: debouncing is not what is measured, and no record is changed twice
/// within a pass.
const SOON_QUIET: &str = "[coalescing]\nquiet_ms = 20\nmax_wait_ms = 10000\nmax_events = 50";

/// Longest time that a pass may take.
const WITHIN_MS: i64 = 300_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Records of the small site.
    #[arg(long, default_value_t = 1_000)]
    few: u64,
    /// Records of the large one.
    #[arg(long, default_value_t = 1_000_000)]
    many: u64,
    /// Events that the record with a long past has had.
    #[arg(long, default_value_t = 100_000)]
    past: u64,
    /// Changes of one pass.
    #[arg(long, default_value_t = 500)]
    changes: usize,
    /// Changes of one pass on a single record, one after the other.
    #[arg(long, default_value_t = 40)]
    in_a_row: usize,
    /// Passes over each.
    #[arg(long, default_value_t = 7)]
    passes: usize,
    /// MySQL's buffer pool, in MiB: growth is to be measured, not the disk.
    #[arg(long, default_value_t = 4_096)]
    buffer_pool: u64,
}

/// A site, and whom its changes may meet.
struct Place {
    stack: Stack,
    people: load::People,
    records: Vec<Seeded>,
}

/// What passes over one place cost, a change.
#[derive(Default)]
struct Cost {
    rows: Vec<f64>,
    cpu_us: Vec<f64>,
    mysql_us: Vec<f64>,
    statements: Vec<f64>,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let servers = Servers::of_environment()?;
    let mut server = servers.administrator().await?;
    execute(&mut server, format!("set global innodb_buffer_pool_size = {}", options.buffer_pool << 20))
        .await?;
    println!(
        "growth: {} records and {}; a record with {} events; MySQL's buffer pool {} MiB",
        options.few, options.many, options.past, options.buffer_pool
    );
    let began = Instant::now();
    let few = place(&servers, ("few", 4), &Vec::from_iter(1..=options.few), None).await?;
    // Those that are changed lie among the others evenly.
    let apart = (options.many / 10_000).max(1);
    let ids = Vec::from_iter((1..=options.many / apart).map(|n| n * apart));
    let many = place(&servers, ("many", 5), &ids, Some((&options, apart))).await?;
    println!(
        "  filled in {:.0} s; load average at the start {}",
        began.elapsed().as_secs_f64(),
        load_average()
    );

    let mut dice = Rng::with_seed(1);
    let mut costs: [Cost; 4] = Default::default();
    for pass in 0..=options.passes {
        for (place, cost) in [&few, &many].into_iter().zip(0..) {
            let mut drawn = place.records.clone();
            dice.shuffle(&mut drawn);
            // The first record is the one with a long past.
            drawn.retain(|record| record.suitex != place.records[0].suitex);
            drawn.truncate(options.changes);
            let spent = spent(&mut server, place, &drawn, pass, true).await?;
            costs[cost].add(pass, spent, drawn.len());
        }
        for (nth, cost) in [(1, 2), (0, 3)] {
            let record = vec![many.records[nth].clone(); options.in_a_row];
            let spent = spent(&mut server, &many, &record, pass, false).await?;
            costs[cost].add(pass, spent, options.in_a_row);
        }
    }
    let [small, large, short, long] = &costs;
    let (few_, many_) = (format!("{} records", options.few), format!("{} records", options.many));
    compare("different records, many at once", (&few_, small), (&many_, large));
    let past = format!("after {} events", options.past);
    compare("one record, change after change", ("after one event", short), (&past, long));
    Ok(())
}

impl Cost {
    fn add(&mut self, pass: usize, spent: (Cpu, BTreeMap<String, i64>), changes: usize) {
        if pass == 0 {
            // Pages are read and statements prepared: not counted.
            return;
        }
        let ((cpu, counts), changes) = (spent, changes as f64);
        let counted = |name: &str| *counts.get(name).unwrap_or(&0) as f64 / changes;
        self.rows.push(counted("Innodb_rows_read"));
        self.statements.push(counted("Questions"));
        self.cpu_us.push(cpu.product() * 1000.0 / changes);
        self.mysql_us.push(cpu.0.get("mysql").unwrap_or(&f64::NAN) * 1000.0 / changes);
    }
}

fn compare(what: &str, (name, floor): (&str, &Cost), (other, cost): (&str, &Cost)) {
    println!("  {what}; a change costs, in the middle (least to most)");
    for (name, cost) in [(name, floor), (other, cost)] {
        println!(
            "    {name:<22} rows read {}, statements {}, CPU µs {}, of which MySQL {}",
            spread(&cost.rows, 1),
            spread(&cost.statements, 1),
            spread(&cost.cpu_us, 0),
            spread(&cost.mysql_us, 0)
        );
    }
    let rows = median(&cost.rows) / median(&floor.rows);
    let cpu = median(&cost.cpu_us) / median(&floor.cpu_us);
    println!("    {other} against {name}: rows read {rows:.3}×, CPU {cpu:.3}×");
    // How many glances fall into a pass is chance: a row in a hundred is no growth.
    goal("the same rows read (within 5 %)", rows <= 1.05);
    goal("CPU at most 1.15×", cpu <= 1.15);
}

/// A site with records of these ids, and all others of it in bulk.
async fn place(
    servers: &Servers,
    site: (&str, u8),
    ids: &[u64],
    bulk: Option<(&Options, u64)>,
) -> Result<Place, Failure> {
    let mut stack = Stack::make(servers, site, config(1, Some(SOON_QUIET))?).await?;
    let records = seed::fill(&stack, ids, |_| false).await?;
    let (all, apart, past) = bulk.map_or((0, 1, 1), |(options, apart)| (options.many, apart, options.past));
    many::fill(&stack, &records, all, apart, past).await?;
    seed::begin(&mut stack).await?;
    let people = load::people(&stack)?;
    Ok(Place { stack, people, records })
}

/// Makes the changes, from both sides in turn, and waits until nothing moves: at once, or one after the other.
async fn spent(
    server: &mut MySqlConnection,
    place: &Place,
    records: &[Seeded],
    pass: usize,
    at_once: bool,
) -> Result<(Cpu, BTreeMap<String, i64>), Failure> {
    let Place { stack, people, .. } = place;
    let (before, cpu, arrived) = (counters(server).await?, Cpu::now(), stack.arrivals.all());
    for (nth, record) in records.iter().enumerate() {
        let phone = format!("+{pass} {nth} {}", record.suitex);
        let source = if nth % 2 == 0 { Side::NetSuite } else { Side::SuiteX };
        match source {
            Side::NetSuite => load::in_netsuite(stack, record, &phone)?,
            Side::SuiteX => {
                load::in_suitex(people, record, &phone).await?;
                load::poke(stack, record).await;
            }
        }
        if !at_once {
            arrive(stack, arrived + nth as u64 + 1).await?;
            // Until it is known what it has become there: else the next change were news in between.
            settle(stack).await?;
        }
    }
    arrive(stack, arrived + records.len() as u64).await?;
    settle(stack).await?;
    // The second line looks at every event once, at its tick: each pass is to hold the looks at its own events.
    stack.fleet.post("merge", "/tick").await;
    let cpu = Cpu::now().since(&cpu);
    Ok((cpu, counted(&before, &counters(server).await?)))
}

async fn settle(stack: &Stack) -> Result<(), Failure> {
    match stack.settled(WITHIN_MS).await? {
        true => Ok(()),
        false => Err("not everything has come to rest".into()),
    }
}

async fn arrive(stack: &Stack, writes: u64) -> Result<(), Failure> {
    let until = SystemClock.now().plus(WITHIN_MS);
    while stack.arrivals.all() < writes {
        if SystemClock.now() >= until {
            return Err(format!("{} changes have not arrived", writes - stack.arrivals.all()).into());
        }
        SystemClock.sleep_until(SystemClock.now().plus(2)).await;
    }
    Ok(())
}
