//! `suitex-sync <function>` and `suitex-sync migrate`: what the image runs.

use std::process::ExitCode;

use clap::Subcommand;
use shared::runtime::env::Env;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Brings the databases to this program's level, and has SuiteX's tables tell their edits.
    Migrate {
        #[command(subcommand)]
        part: Option<MigratePart>,
    },
    /// Runs one function until SIGTERM; its settings come from the environment.
    #[command(external_subcommand)]
    Function(Vec<String>),
}

#[derive(Subcommand)]
pub(crate) enum MigratePart {
    /// Says who may do what in the databases; for an administrator.
    Roles,
}

/// Which functions there are; they stand nowhere else among the commands.
#[cfg(not(feature = "world"))]
pub(crate) fn help() -> String {
    format!("Functions, each until SIGTERM, set up by its environment:\n  {}", service::FUNCTIONS.join(", "))
}

/// Does what was asked for.
pub(crate) async fn run(command: Command) -> ExitCode {
    match command {
        Command::Migrate { part } => migrate(part.is_some()).await,
        Command::Function(words) => function(&words).await,
    }
}

/// Runs a function. 2: there is no such function, or it is given more than its name.
async fn function(words: &[String]) -> ExitCode {
    let [name] = words else {
        eprintln!("error: a function takes no arguments; its settings come from the environment");
        return ExitCode::from(2);
    };
    if !service::FUNCTIONS.contains(&name.as_str()) {
        eprintln!("error: there is no command {name:?}; the functions are {}", service::FUNCTIONS.join(", "));
        return ExitCode::from(2);
    }
    let env = Env::of_process();
    if env.get("END_WITH_STDIN").is_some() {
        end_with_stdin();
    }
    // A line of JSON for each event, as Cloud Logging reads it.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::registry().with(filter).with(tracing_stackdriver::layer()).init();
    ended(service::run(name, &env).await, name)
}

/// Has the process end when its standard input does: a child of the local world has a pipe from its parent there,
/// which closes however the parent ends. With the variable `END_WITH_STDIN` alone: elsewhere it is closed already.
fn end_with_stdin() {
    std::thread::spawn(|| {
        // Nothing is ever written there, and an error is an end too.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(0);
    });
}

/// Migrates the databases, or their roles.
async fn migrate(roles: bool) -> ExitCode {
    crate::log("warn");
    let env = Env::of_process();
    let done = if roles { service::migrate_roles(&env).await } else { service::migrate(&env).await };
    match done {
        Ok(lines) => {
            println!("{}", lines.join("\n"));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("migrate did not do all:\n{reason}");
            ExitCode::FAILURE
        }
    }
}

fn ended(result: Result<(), service::NotStarted>, name: &str) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{name} does not start:\n{reason}");
            ExitCode::FAILURE
        }
    }
}
