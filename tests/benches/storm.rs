//! `scripts/bench storm`: what the product gets out of an account under storm, beside an oracle and beside writers
//! with timetables; what the account next to it notices; and how a flood is worked off. On the fake clock: equal runs give equal figures, on any
//! machine.

use clap::Parser;
use simulation::storm::{
    Demand, Figures, Flood, Product, Stage, Timetable, config, figures, flood, neighbour, storm, timetable,
};

/// What the product gets out of an account under storm.
#[derive(Parser)]
#[command(name = "scripts/bench storm")]
struct Options {
    /// How long each stage of the storm lasts, in seconds.
    #[arg(long, default_value_t = 300)]
    stage: i64,
    /// How many changes the flood has.
    #[arg(long, default_value_t = 10_000)]
    changes: usize,
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
    let mut product = Product::new(config(stages[0].limit));
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

    println!("\n{} changes in a minute, at a limit of 10:", options.changes);
    flooded(&flood(options.changes, 60));
}

fn flooded(flood: &Flood) {
    let Flood { seconds, of_ceiling, refused, in_flight, cap, due, due_most, out_of_order, drains_s } = flood;
    println!("  done after {seconds} s, {:.1} % of the ceiling of {cap} calls at once", of_ceiling * 100.0);
    println!(
        "  {in_flight} calls at once at most, {refused} refused; {due} records due at most, of {due_most}"
    );
    println!("  {:.1} % of the less important written before the more important", out_of_order * 100.0);
    let off = |(told, was): &(f64, f64)| (told / was - 1.0).abs();
    let worst = drains_s.iter().map(off).fold(0.0, f64::max);
    let pairs = drains_s.iter().map(|(told, was)| format!("{told:.0} ({was:.0})"));
    println!("  seconds left as told (as it was): {}", pairs.collect::<Vec<_>>().join(", "));
    goal("no storm: nothing refused, never above the cap", *refused == 0 && in_flight <= cap);
    goal("the backlog is bounded", due <= due_most);
    goal(">= 95 % of the ceiling", *of_ceiling >= 0.95);
    goal("in the order of importance: <= 1 % before their turn", *out_of_order <= 0.01);
    goal(
        &format!("told within 10 %: {:.1} % off at worst", worst * 100.0),
        !drains_s.is_empty() && worst <= 0.1,
    );
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
