//! `--real`: the world on real MySQL, Redis, Pub/Sub and Cloud Storage. A program that was built without the
//! real adapters builds one with them, and becomes it.

use local::site::Options;
use local::world::{self, World};

/// Starts a world that syncs what `config` says; the error is for people.
pub(crate) async fn start(is_real: bool, options: Options, config: &str) -> Result<World, String> {
    if is_real {
        return really(options, config).await;
    }
    let listen = options.listen;
    world::start(options).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => format!("{listen} is in use; choose another with --port"),
        _ => format!("cannot listen on {listen}: {error}"),
    })
}

#[cfg(feature = "real")]
async fn really(options: Options, config: &str) -> Result<World, String> {
    real_world::start(options, config).await
}

/// Builds the real adapters and runs what was asked for with them, in place of this process. Returns the reason
/// when that cannot be.
#[cfg(not(feature = "real"))]
async fn really(_: Options, _: &str) -> Result<World, String> {
    use std::os::unix::process::CommandExt;

    eprintln!("building the real adapters first (feature `real`)");
    let env = shared::runtime::env::Env::of_process();
    let mut cargo = std::process::Command::new(env.get("CARGO").unwrap_or("cargo"));
    cargo.args(["run", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.args(["--features", "real", "--"]).args(std::env::args_os().skip(1));
    Err(format!("cannot run cargo: {}", cargo.exec()))
}
