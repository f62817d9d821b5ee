//! `cargo run`: the whole system on this machine.

mod simulate;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use local::demo::{self, DemoOptions};
use tracing_subscriber::EnvFilter;

/// Keeps SuiteX and NetSuite the same, field by field. Without a command: `up`.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: up::Args,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the whole system in this process, with a playground page.
    Up(up::Args),
    /// Fills both sides, has people edit them while everything goes wrong, and accounts for every edit.
    Demo(DemoArgs),
    /// Runs seeds of the deterministic simulation and checks the invariants.
    Simulate(simulate::Args),
}

#[derive(clap::Args)]
struct DemoArgs {
    /// A directory with Northwind's files; without one, a small set of our own is used.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Edits that are made while everything goes wrong.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    edits: usize,
    /// What people do, and what goes wrong, follows from it; when, does not.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let cli = Cli::parse();
    match cli.command {
        None => up::run(cli.up).await,
        Some(Command::Up(args)) => up::run(args).await,
        Some(Command::Demo(DemoArgs { data, edits, seed })) => {
            demo::run(DemoOptions { data, edits, seed }).await
        }
        Some(Command::Simulate(args)) => simulate::run(&args),
    }
}
