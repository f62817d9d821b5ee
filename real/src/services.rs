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

/// What `scripts/services` is to add to MySQL, so that its disk can be made slow.
const SLOW_DISK: (&str, &str) = ("SYNC_MYSQL_SLOW_DISK", "1");

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
    let project = project();
    if NAMES.iter().all(|name| env.get(name).is_some()) {
        return services(env, project.unwrap_or_default().join("target/real"));
    }
    let project = project.map_err(|reason| format!("{reason}, or set {}", NAMES.join(", ")))?;
    eprintln!("bringing up MySQL, Redis, Pub/Sub and Cloud Storage ({SCRIPT} up)");
    services(&script(&project, &["up"], &[]).await?, project.join("target/real"))
}

/// Brings up those that `scripts/services` starts itself, which may then be ended, started and slowed at will.
/// `name` is a folder for what the world writes, below the build output.
pub(crate) async fn of_our_own(name: &str) -> Result<(Services, Control), String> {
    let control = Control { project: project()? };
    let env = control.script(&["up"]).await?;
    Ok((services(&env, control.project.join("target").join(name))?, control))
}

/// Ends, starts and slows services that `scripts/services` has started.
pub(crate) struct Control {
    project: PathBuf,
}

impl Control {
    /// `kill`, `up`, `freeze`, `thaw` or `quick` a service; the error is for people.
    pub(crate) async fn tell(&self, verb: &str, service: &str) -> Result<(), String> {
        self.script(&[verb, service]).await.map(drop)
    }

    /// Each sync and each write of MySQL's files takes so much longer, until it is told to be `quick`.
    pub(crate) async fn slow_mysql(&self, by_ms: i64) -> Result<(), String> {
        self.script(&["slow", "mysql", &by_ms.to_string()]).await.map(drop)
    }

    async fn script(&self, words: &[&str]) -> Result<Env, String> {
        script(&self.project, words, &[SLOW_DISK]).await
    }
}

/// The project's folder: the present one, or one above it.
fn project() -> Result<PathBuf, String> {
    let here = std::env::current_dir().map_err(|error| format!("the current directory: {error}"))?;
    let project = here.ancestors().find(|folder| folder.join(SCRIPT).is_file());
    let missing = || {
        format!("there is no {SCRIPT} in {} or above it: run this in the project's folder", here.display())
    };
    project.map(Path::to_path_buf).ok_or_else(missing)
}

fn services(env: &Env, folder: PathBuf) -> Result<Services, String> {
    let of = |name: &str| env.get(name).map(str::to_string).ok_or_else(|| format!("{name} is not known"));
    let [mysql, redis, pubsub, storage] = NAMES.map(of);
    Ok(Services { mysql: mysql?, redis: redis?, pubsub: pubsub?, storage: storage?, folder })
}

/// Has the script do something; the addresses that it prints, `export NAME=address` a line.
async fn script(project: &Path, words: &[&str], variables: &[(&str, &str)]) -> Result<Env, String> {
    let (script, shown) = (project.join(SCRIPT), format!("{SCRIPT} {}", words.join(" ")));
    let mut command = Command::new(&script);
    command.args(words).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let running = command.spawn().map_err(|error| format!("{}: {error}", script.display()))?;
    let output = timeout(UP_WITHIN, running.wait_with_output());
    let output = output.await.map_err(|_| format!("{shown} has not ended in {UP_WITHIN:?}"))?;
    let output = output.map_err(|error| format!("{shown}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{shown} failed: {}", output.status));
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
