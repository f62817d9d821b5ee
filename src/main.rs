//! `suitex-sync`: the whole system on this machine (feature `world`), and what is deployed, one function as one process
//! (feature `deployed`). The image has the second alone.

#[cfg(feature = "deployed")]
mod function;
#[cfg(feature = "world")]
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

#[cfg(not(any(feature = "world", feature = "deployed")))]
compile_error!("there is nothing to run without one of the features `world` and `deployed`");

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps SuiteX and NetSuite the same, field by field. Without a command: `up`.
#[cfg(feature = "world")]
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: world::up::Args,
}

/// Keeps SuiteX and NetSuite the same, field by field.
#[cfg(not(feature = "world"))]
#[derive(Parser)]
#[command(version, after_help = function::help())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "world")]
    #[command(flatten)]
    World(world::Command),
    #[cfg(feature = "deployed")]
    #[command(flatten)]
    Deployed(function::Command),
}

impl Cli {
    #[cfg(feature = "world")]
    fn command(self) -> Command {
        self.command.unwrap_or(Command::World(world::Command::Up(self.up)))
    }

    #[cfg(not(feature = "world"))]
    fn command(self) -> Command {
        self.command
    }
}

/// Logs for people, on standard error: at `level`, unless the environment says otherwise.
fn log(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command() {
        #[cfg(feature = "world")]
        Command::World(command) => world::run(command).await,
        #[cfg(feature = "deployed")]
        Command::Deployed(command) => function::run(command).await,
    }
}
