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
use local::site::Options;
#[cfg(feature = "real")]
use real_world::chaos::ChaosOptions;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Has people edit both sides while everything is killed, and accounts for all that was acknowledged.
    #[cfg(feature = "real")]
    Chaos(ChaosArgs),
    /// Brings the databases to this program's level, and has SuiteX's tables tell their edits.
    #[cfg(feature = "real")]
    Migrate {
        #[command(subcommand)]
        part: Option<MigratePart>,
    },
    /// Runs one function until SIGTERM; its settings come from the environment.
    #[cfg(feature = "real")]
    #[command(external_subcommand)]
    Function(Vec<String>),
}

#[cfg(feature = "real")]
#[derive(Subcommand)]
enum MigratePart {
    /// Says who may do what in the databases; for an administrator.
    Roles,
}

impl Command {
    /// What is logged unless the environment says otherwise. Where trouble is made on purpose, warnings are its very
    /// sound: a thousand lines a second that nobody reads.
    fn log_level(&self) -> &'static str {
        match self {
            Command::Simulate(_) => "off",
            #[cfg(feature = "real")]
            Command::Chaos(_) => "error",
            _ => "warn",
        }
    }
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

#[cfg(feature = "real")]
#[derive(clap::Args)]
struct ChaosArgs {
    /// How long there is trouble. The services must be those of scripts/services: scripts/chaos has its own.
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    minutes: f64,
    /// What goes wrong and when, and what people do, follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    #[cfg(feature = "real")]
    if let Some(Command::Function(words)) = &cli.command {
        return function::run(words).await;
    }
    let level = cli.command.as_ref().map_or("warn", Command::log_level);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli.command {
        #[cfg(feature = "real")]
        Some(Command::Chaos(ChaosArgs { minutes, seed })) => {
            match real_world::chaos::run(&ChaosOptions { minutes, seed }).await {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(reason) => {
                    eprintln!("suitex-sync: {reason}");
                    ExitCode::FAILURE
                }
            }
        }
        #[cfg(feature = "real")]
        Some(Command::Migrate { part }) => function::migrate(part.is_some()).await,
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
