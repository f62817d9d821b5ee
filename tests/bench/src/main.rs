//! Measures the functions on real MySQL and Redis, each figure beside a floor of the same run.
//!
//! ```text
//! this process                                                   servers
//! load ─► function (a runtime of its own, named for it) ────────► MySQL: ledger, state, SuiteX
//!           ▲      │                                             Redis: buffer
//!         pump ◄─ bus of this process        NetSuite, simulated
//! ```
//! For `latency` the bus is Pub/Sub's emulator, which pushes over HTTP.
//!
//! The functions are those that are deployed: their routers, over the adapters that are deployed, each with
//! connections of its own. They share this process, so that nothing but the product is measured; a runtime for each tells
//! their CPU apart. Goals are printed with what was reached; a goal that was
//! missed is no failure of the program.

mod apart;
mod bus;
mod cpu;
mod databases;
mod floor;
mod function;
mod growth;
mod latency;
mod ledger;
mod load;
mod pages;
mod path;
mod pubsub;
mod report;
mod seed;
mod stack;
mod watch;

use clap::{Parser, Subcommand};

/// As the product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the functions on real MySQL and Redis.
#[derive(Parser)]
#[command(name = "scripts/bench")]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Changes a second from ingest to both writers.
    Path(path::Options),
    /// Durable appends a second through merge's push handler, against raw inserts.
    Ledger(ledger::Options),
    /// What a change costs among few records, among many, and on a record with a long past.
    Growth(growth::Options),
    /// How long a change takes from its source to the other side.
    Latency(latency::Options),
    /// How long people wait for a page with many conflicts open.
    Pages(pages::Options),
    /// One function as a process, for `path --apart`.
    #[command(hide = true)]
    Function(apart::Options),
}

/// Why there is no figure.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> std::process::ExitCode {
    let Options { what } = Options::parse();
    let level = tracing_subscriber::EnvFilter::new("error");
    tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bench")
        .enable_all()
        .build()
        .expect("a runtime");
    let measured = runtime.block_on(async {
        match what {
            What::Path(options) => path::run(options).await,
            What::Ledger(options) => ledger::run(options).await,
            What::Growth(options) => growth::run(options).await,
            What::Latency(options) => latency::run(options).await,
            What::Pages(options) => pages::run(options).await,
            What::Function(options) => stack::serve_one(options).await,
        }
    });
    runtime.shutdown_background();
    match measured {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("scripts/bench: {failure}");
            std::process::ExitCode::FAILURE
        }
    }
}
