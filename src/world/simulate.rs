//! `simulate`: many seeds of the deterministic simulation.

use std::process::ExitCode;

use shared::breakage::Breakage;
use shared::runtime::clock::{Clock, SystemClock};
use simulation::run::Options;
use simulation::sweep::{self, Sweep};

/// Which seeds.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Threads; each runs whole seeds.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Tells every commit of a record (account:type:id) in the first seed, instead of sweeping.
    #[arg(long, value_name = "KEY")]
    follow: Option<String>,
    /// Breaks one mechanism on purpose, to see that it is noticed; `all` breaks one after the other.
    #[arg(long = "break", value_name = "MECHANISM")]
    breakage: Option<String>,
}

/// Runs the seeds. Fails when an invariant is broken, or when a deliberate defect is not noticed.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Some(key) = &args.follow {
        let options = Options { follow: Some(key.clone()), ..Options::default() };
        let outcome = simulation::run::run(args.from, options);
        outcome.story.iter().for_each(|line| println!("{line}"));
        return exit(outcome.violations.is_empty());
    }
    let broken = match args.breakage.as_deref() {
        None => return exit(sound(args)),
        Some("all") => Breakage::ALL.to_vec(),
        Some(name) => Breakage::ALL.iter().filter(|(_, known)| *known == name).copied().collect(),
    };
    if broken.is_empty() {
        let names: Vec<&str> = Breakage::ALL.iter().map(|(_, name)| *name).collect();
        eprintln!("suitex-sync: no such mechanism; there are all, {}", names.join(", "));
        return ExitCode::from(2);
    }
    exit(broken.iter().fold(true, |all, (breakage, name)| noticed(args, *breakage, name) && all))
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn sound(args: &Args) -> bool {
    let sweep = Sweep { from: args.from, seeds: args.seeds, threads: args.threads, breakage: None };
    let began = SystemClock.now();
    sweep::print(sweep, || (SystemClock.now().0 - began.0) as f64 / 1000.0)
}

fn noticed(args: &Args, breakage: Breakage, name: &str) -> bool {
    let sweep = Sweep { from: args.from, seeds: args.seeds, threads: args.threads, breakage: Some(breakage) };
    let swept = sweep::sweep(sweep);
    match swept.failed.first_key_value() {
        Some((seed, outcome)) => {
            let violation = &outcome.violations[0];
            println!("{name}: noticed by seed {seed}: {} {}", violation.invariant, violation.what);
            true
        }
        None => {
            println!("{name}: NOT NOTICED in {} seeds", swept.seeds);
            false
        }
    }
}
