//! This program as it runs: processes on real services, started, edited in, killed and ended.
//!
//! The services are these tests' own, started by scripts/services in a folder of theirs and ended with the test,
//! however it ends: nobody else's are killed.

mod browser;
mod chaos;
mod disk;
mod up;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::runtime::env::Env;

/// Variables that would name somebody else's services.
const OTHERS: [&str; 4] =
    ["SYNC_TEST_MYSQL", "SYNC_TEST_REDIS", "PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"];

/// One test at a time: each has the machine to itself, and the services.
static TURN: Mutex<()> = Mutex::new(());

/// Services of our own, and the surroundings of programs that are to use them.
struct Services {
    _turn: MutexGuard<'static, ()>,
}

impl Services {
    /// Brings them up.
    fn up() -> Self {
        // A test that failed has left nothing that the next one could trip over.
        let services = Self { _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner) };
        let up = services.command(root().join("scripts/services")).arg("up").stdout(Stdio::null()).status();
        assert!(up.expect("scripts/services").success(), "the services did not start");
        services
    }

    /// A program that finds these services, and no others.
    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        for name in OTHERS {
            command.env_remove(name);
        }
        if Env::of_process().get("SYNC_SERVICES_CACHE").is_none() {
            command.env("SYNC_SERVICES_CACHE", root().join("target/services/cache"));
        }
        command.env("SYNC_SERVICES_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("services"));
        // As crash tests want their MySQL; nothing else notices.
        command.env("SYNC_MYSQL_SLOW_DISK", "1");
        command.current_dir(root()).stdin(Stdio::null());
        command
    }

    /// The program under test.
    fn program(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_suitex-sync"))
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // A failure is reported by the script; panicking here would hide why the test failed.
        let _ = self.command(root().join("scripts/services")).arg("down").status();
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
