//! `scripts/bench storm`: what the product gets out of an account under storm, beside an oracle and beside writers
//! with timetables; what the account next to it notices. On the fake clock: equal runs give equal figures, on any
//! machine.

use clap::Parser;
use simulation::storm::{Demand, Figures, Product, Stage, Timetable, figures, neighbour, storm, timetable};

/// What the product gets out of an account under storm.
#[derive(Parser)]
#[command(name = "scripts/bench storm")]
struct Options {
    /// How long each stage of the storm lasts, in seconds.
    #[arg(long, default_value_t = 300)]
    stage: i64,
    /// Cargo says so.
    #[arg(long, hide = true)]
    bench: bool,
}

/// More than NetSuite takes in any stage; so many records that hardly one is edited while its write is under way, which
/// costs a look.
const DEMAND: Demand = Demand { records: 12_000, edits_a_second: 100 };

fn main() {
    let options = Options::parse();
    let stages = storm(options.stage * 1_000);
    println!("storm: {} stages of {} s", stages.len(), options.stage);
    for Stage { limit, foreign, .. } in &stages {
        println!("  limit {limit}, foreign {foreign}");
    }
    println!(
        "\n  {:<24} {:>8} {:>8}   {:<27} settled after, s",
        "", "goodput", "refused", "goodput by stage"
    );
    let mut product = Product::new(simulation::storm::config(stages[0].limit));
    let ours = figures(&stages, &product.storm(&stages, DEMAND));
    line("the product", &ours);
    line("5/15/30/60/300 s", &figures(&stages, &timetable(Timetable::Schedule, &stages)));
    line("once a second", &figures(&stages, &timetable(Timetable::EverySecond, &stages)));
    goal("goodput >= 90 % of the oracle's", ours.goodput >= 0.9);
    goal("goodput >= 95 % of the oracle's", ours.goodput >= 0.95);
    goal("refused <= 1 % of the calls", ours.refused <= 0.01);
    goal("settled within 30 s of each step", ours.settled_s.iter().all(|s| s.is_some_and(|s| s <= 30)));

    println!("\nthe account beside it, from an edit in SuiteX to NetSuite:");
    let beside = neighbour(&storm(options.stage * 1_000 / 2), DEMAND);
    let (calm, stormy) = (p99(&beside.beside_calm), p99(&beside.beside_storm));
    println!(
        "  p99 beside a calm neighbour {calm} ms, beside the storm {stormy} ms ({} edits)",
        beside.beside_storm.len()
    );
    goal("p99 rises <= 10 %", stormy as f64 <= calm as f64 * 1.1);
}

fn line(name: &str, figures: &Figures) {
    let percent = |share: &f64| format!("{:.1} %", share * 100.0);
    let by_stage: Vec<String> = figures.by_stage.iter().map(percent).collect();
    let settled = figures.settled_s.iter().map(|s| s.map_or("never".into(), |s| s.to_string()));
    println!(
        "  {name:<24} {:>8} {:>8}   {:<27} {}",
        percent(&figures.goodput),
        percent(&figures.refused),
        by_stage.join(" "),
        settled.collect::<Vec<_>>().join(", ")
    );
}

fn p99(times: &[i64]) -> i64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * 99).div_ceil(100) - 1]
}

fn goal(what: &str, reached: bool) {
    println!("  goal: {what}: {}", if reached { "reached" } else { "MISSED" });
}
