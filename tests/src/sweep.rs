//! Many seeds: `cargo run -- simulate`.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use shared::breakage::Breakage;

use crate::run::{Options, Outcome, run};

/// Which seeds, and how.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// The first seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// Threads; each runs whole seeds.
    pub threads: usize,
    /// A mechanism to break on purpose: the sweep stops at the first seed that notices.
    pub breakage: Option<Breakage>,
}

/// What a sweep showed.
#[derive(Debug, Default)]
pub struct Swept {
    /// Seeds that were run.
    pub seeds: u64,
    /// Edits that people made.
    pub edits: u64,
    /// How often each fault was injected.
    pub faults: BTreeMap<String, u64>,
    /// The failing seeds, by number, with what they broke and their traces.
    pub failed: BTreeMap<u64, Outcome>,
}

/// A line of progress after so many seeds.
const TELL_EVERY: u64 = 500;

/// Every this many seeds, one is run twice and once without its neighbour.
const SELF_CHECK_EVERY: u64 = 50;

/// Runs seeds on several threads.
pub fn sweep(sweep: Sweep) -> Swept {
    let next = AtomicU64::new(sweep.from);
    let stop = AtomicBool::new(false);
    let swept = Mutex::new(Swept::default());
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= sweep.from + sweep.seeds {
                break;
            }
            let options = Options { breakage: sweep.breakage, ..Options::default() };
            let mut outcome = run(seed, options);
            if sweep.breakage.is_none() && seed.is_multiple_of(SELF_CHECK_EVERY) {
                self_check(seed, &mut outcome);
            }
            let mut swept = swept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            swept.seeds += 1;
            swept.edits += outcome.edits;
            for (kind, n) in &outcome.faults {
                *swept.faults.entry(kind.clone()).or_default() += n;
            }
            if sweep.breakage.is_none() && swept.seeds.is_multiple_of(TELL_EVERY) {
                eprintln!("{} of {} seeds, {} failed", swept.seeds, sweep.seeds, swept.failed.len());
            }
            if let Some(first) = outcome.violations.first() {
                if sweep.breakage.is_none() {
                    eprintln!("seed {seed}: {} {}", first.invariant, first.what);
                }
                swept.failed.insert(seed, outcome);
                stop.fetch_or(sweep.breakage.is_some(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..sweep.threads.max(1) {
            scope.spawn(work);
        }
    });
    swept.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// I13: the same seed gives the same trace, byte for byte. I10: an account's trace does not depend on what
/// its neighbour does.
fn self_check(seed: u64, outcome: &mut Outcome) {
    let again = run(seed, Options::default());
    if let Some(line) = difference(&outcome.traces[0], &again.traces[0])
        .or_else(|| difference(&outcome.traces[1], &again.traces[1]))
    {
        outcome
            .violations
            .push(crate::watch::Violation { invariant: "I13", what: format!("not the same twice: {line}") });
    }
    let alone = run(seed, Options { neighbour: false, ..Options::default() });
    if let Some(line) = difference(&outcome.traces[0], &alone.traces[0]) {
        let what = format!("depends on its neighbour: {line}");
        outcome.violations.push(crate::watch::Violation { invariant: "I10", what });
    }
}

fn difference(a: &[String], b: &[String]) -> Option<String> {
    let at =
        a.iter().zip(b).position(|(a, b)| a != b).or((a.len() != b.len()).then_some(a.len().min(b.len())))?;
    let line = |trace: &[String]| {
        trace.get(at).map_or("<nothing>".into(), |l| l.chars().take(200).collect::<String>())
    };
    Some(format!("line {at}: {:?} / {:?}", line(a), line(b)))
}

/// Sweeps and prints what it found; true if nothing was.
pub fn print(config: Sweep, elapsed: impl FnOnce() -> f64) -> bool {
    let swept = sweep(config);
    let seconds = elapsed();
    println!("faults injected:");
    for (kind, n) in &swept.faults {
        println!("  {n:>10}  {kind}");
    }
    for (seed, outcome) in swept.failed.iter().take(10) {
        println!("seed {seed}:");
        for violation in &outcome.violations {
            println!("  {} {}", violation.invariant, violation.what);
        }
    }
    if let Some((seed, outcome)) = swept.failed.first_key_value() {
        println!("trace of seed {seed} (without pushes):");
        for (lane, trace) in outcome.traces.iter().enumerate() {
            println!("  account {lane}:");
            for line in trace.iter().filter(|l| !l.contains(" push ")) {
                println!("  {line}");
            }
        }
    }
    let rate = swept.seeds as f64 / seconds.max(0.001) * 60.0;
    println!(
        "{} seeds, {} edits, {} failed, {:.0} s, {rate:.0} seeds a minute on {} threads",
        swept.seeds,
        swept.edits,
        swept.failed.len(),
        seconds,
        config.threads
    );
    swept.failed.is_empty()
}
