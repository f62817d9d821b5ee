//! `cargo run`: the whole system on this machine. With the feature `real`, also what is deployed: one function
//! as one process.

#[cfg(feature = "real")]
mod function;
mod real;
mod simulate;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use local::demo::{self, DemoOptions};
use local::world::Options;
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
    /// Runs the whole system, with a playground page: in this process, or with --real in many.
    Up(up::Args),
    /// Fills both sides, has people edit them while everything goes wrong, and accounts for every edit.
    Demo(DemoArgs),
    /// Runs seeds of the deterministic simulation and checks the invariants.
    Simulate(simulate::Args),
    /// Brings the databases to this program's level, and their roles up to date.
    #[cfg(feature = "real")]
    Migrate,
    /// Runs one function until SIGTERM; its settings come from the environment.
    #[cfg(feature = "real")]
    #[command(external_subcommand)]
    Function(Vec<String>),
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
    /// On real MySQL, Redis, Pub/Sub and Cloud Storage, each function two processes of its own.
    #[arg(long)]
    real: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    #[cfg(feature = "real")]
    if let Some(Command::Function(words)) = &cli.command {
        return function::run(words).await;
    }
    // Where trouble is made on purpose the log is its very sound: a thousand lines a second that nobody reads.
    let quietest = if matches!(cli.command, Some(Command::Simulate(_))) { "off" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quietest));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli.command {
        #[cfg(feature = "real")]
        Some(Command::Migrate) => function::migrate().await,
        #[cfg(feature = "real")]
        Some(Command::Function(words)) => function::run(&words).await,
        None => up::run(cli.up).await,
        Some(Command::Up(args)) => up::run(args).await,
        Some(Command::Demo(DemoArgs { data, edits, seed, real })) => {
            let start = async |options: Options, config: &str| real::start(real, options, config).await;
            demo::run(DemoOptions { data, edits, seed }, start).await
        }
        Some(Command::Simulate(args)) => simulate::run(&args),
    }
}
