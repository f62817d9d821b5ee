//! The world on one machine: both systems' simulators, people, and everything that can go wrong.

mod real;
mod simulate;
pub(crate) mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use local::demo::{self, DemoOptions};
use local::site::Options;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs the whole system, with a playground page: in this process, or with --real in many.
    Up(up::Args),
    /// Fills both sides, has people edit them while everything goes wrong, and accounts for every edit.
    Demo(DemoArgs),
    /// Runs seeds of the deterministic simulation and checks the invariants.
    Simulate(simulate::Args),
    /// Has people edit both sides while everything is killed, and accounts for all that was acknowledged.
    #[cfg(feature = "real")]
    Chaos(ChaosArgs),
}

impl Command {
    /// What is logged unless the environment says otherwise. Where trouble is made on purpose, warnings are its very
    /// sound: a thousand lines a second that nobody reads.
    fn log_level(&self) -> &'static str {
        match self {
            Command::Simulate(_) => "off",
            #[cfg(feature = "real")]
            Command::Chaos(_) => "error",
            Command::Up(_) | Command::Demo(_) => "warn",
        }
    }
}

#[derive(clap::Args)]
pub(crate) struct DemoArgs {
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
pub(crate) struct ChaosArgs {
    /// How long there is trouble. The services must be those of scripts/services: scripts/chaos has its own.
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    minutes: f64,
    /// What goes wrong and when, and what people do, follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
}

/// Does what was asked for.
pub(crate) async fn run(command: Command) -> ExitCode {
    crate::log(command.log_level());
    match command {
        Command::Up(args) => up::run(args).await,
        Command::Demo(DemoArgs { data, edits, seed, real }) => {
            let start = async |options: Options, config: &str| real::start(real, options, config).await;
            demo::run(DemoOptions { data, edits, seed }, start).await
        }
        Command::Simulate(args) => simulate::run(&args),
        #[cfg(feature = "real")]
        Command::Chaos(args) => chaos(args).await,
    }
}

#[cfg(feature = "real")]
async fn chaos(ChaosArgs { minutes, seed }: ChaosArgs) -> ExitCode {
    match real_world::chaos::run(&real_world::chaos::ChaosOptions { minutes, seed }).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("suitex-sync: {reason}");
            ExitCode::FAILURE
        }
    }
}
