//! Where MySQL, Redis, Pub/Sub and Cloud Storage are: the environment says so, or `scripts/services` brings them
//! up.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use shared::runtime::env::Env;
use tokio::process::Command;
use tokio::time::timeout;

/// What is missing is fetched first, so the first time takes minutes.
const UP_WITHIN: Duration = Duration::from_secs(20 * 60);

/// The script, from the project's folder.
const SCRIPT: &str = "scripts/services";

/// The variables that name the services.
const NAMES: [&str; 4] =
    ["SYNC_TEST_MYSQL", "SYNC_TEST_REDIS", "PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"];

/// The services' addresses.
#[derive(Debug)]
pub(crate) struct Services {
    /// `mysql://root@127.0.0.1:3306`, an account that may create databases and accounts.
    pub(crate) mysql: String,
    /// `redis://127.0.0.1:6379`.
    pub(crate) redis: String,
    /// `host:port` of the emulator.
    pub(crate) pubsub: String,
    /// Base URL of the Cloud Storage server.
    pub(crate) storage: String,
    /// A folder for what the world writes, below the project's build output.
    pub(crate) folder: PathBuf,
}

/// Finds the services, or brings them up.
pub(crate) async fn find(env: &Env) -> Result<Services, String> {
    let here = std::env::current_dir().map_err(|error| format!("the current directory: {error}"))?;
    let project = here.ancestors().find(|folder| folder.join(SCRIPT).is_file());
    let folder = project.unwrap_or(&here).join("target/real");
    if NAMES.iter().all(|name| env.get(name).is_some()) {
        return services(env, folder);
    }
    let Some(project) = project else {
        return Err(format!(
            "there is no {SCRIPT} in {} or above it: run this in the project's folder, or set {}",
            here.display(),
            NAMES.join(", ")
        ));
    };
    eprintln!("bringing up MySQL, Redis, Pub/Sub and Cloud Storage ({SCRIPT} up)");
    services(&up(project).await?, folder)
}

fn services(env: &Env, folder: PathBuf) -> Result<Services, String> {
    let of = |name: &str| env.get(name).map(str::to_string).ok_or_else(|| format!("{name} is not known"));
    let [mysql, redis, pubsub, storage] = NAMES.map(of);
    Ok(Services { mysql: mysql?, redis: redis?, pubsub: pubsub?, storage: storage?, folder })
}

/// Brings the services up; the addresses that the script prints, `export NAME=address` a line.
async fn up(project: &Path) -> Result<Env, String> {
    let script = project.join(SCRIPT);
    let mut command = Command::new(&script);
    command.arg("up").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let running = command.spawn().map_err(|error| format!("{}: {error}", script.display()))?;
    let output = timeout(UP_WITHIN, running.wait_with_output());
    let output = output.await.map_err(|_| format!("{SCRIPT} up has not ended in {UP_WITHIN:?}"))?;
    let output = output.map_err(|error| format!("{SCRIPT} up: {error}"))?;
    if !output.status.success() {
        return Err(format!("{SCRIPT} up failed: {}", output.status));
    }
    Ok(exports(&String::from_utf8_lossy(&output.stdout)))
}

fn exports(text: &str) -> Env {
    text.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_what_is_missing_is_named() {
        let text = "export SYNC_TEST_MYSQL=mysql://root@h:1\nnoise\nexport SYNC_TEST_REDIS=redis://h:2\n";
        let missing = services(&exports(text), PathBuf::new()).unwrap_err();
        assert_eq!(missing, "PUBSUB_EMULATOR_HOST is not known");
        let text =
            format!("{text}export PUBSUB_EMULATOR_HOST=h:3\nexport STORAGE_EMULATOR_HOST=http://h:4?a=b");
        let found = services(&exports(&text), PathBuf::new()).unwrap();
        assert_eq!((found.mysql.as_str(), found.storage.as_str()), ("mysql://root@h:1", "http://h:4?a=b"));
    }
}
