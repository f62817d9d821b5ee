//! The program itself, as an image starts it: `migrate roles`, `migrate`, and a function from its start to SIGTERM.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use shared::runtime::clock::{Clock, SystemClock};
use shared::runtime::env::Env;
use tokio::time::timeout;

use crate::place::{CONFIG, Place};
use crate::start::Deployment;

/// Which program: scripts/image names the one that is deployed.
const PROGRAM: &str = "SYNC_TEST_PROGRAM";

/// A function ends by itself within this after SIGTERM.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// The one of [`PROGRAM`], or else the one that was built with this test.
fn program() -> PathBuf {
    if let Some(named) = Env::of_process().get(PROGRAM) {
        return named.into();
    }
    let here = std::env::current_exe().unwrap();
    let built = here.ancestors().nth(2).unwrap().join("suitex-sync");
    assert!(built.exists(), "{} is not there: build the workspace, or set {PROGRAM}", built.display());
    built
}

/// The program in surroundings of its own.
fn command<'a>(words: &[&str], variables: impl IntoIterator<Item = (&'a str, &'a String)>) -> Command {
    let mut command = Command::new(program());
    command.args(words).env_clear().envs(variables).stdin(Stdio::null());
    command
}

/// What it says of a run that goes well.
fn said(words: &[&str], place: &Place, account: Option<&str>) -> String {
    let variables = place.variables(account, CONFIG);
    let output = command(words, variables.iter().map(|(name, value)| (*name, value))).output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{words:?}: {}\n{said}{errors}", output.status);
    said.into_owned()
}

/// Ended with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_program_migrates_serves_and_ends_in_order() {
    let mut place = Place::new("program").await;
    assert_eq!(
        said(&["migrate", "roles"], &place, None).matches("only t-program-migrate was made").count(),
        4
    );
    place.admit("migrate").await;
    assert_eq!(said(&["migrate"], &place, Some("migrate")).matches("its triggers were made now").count(), 2);
    assert_eq!(said(&["migrate", "roles"], &place, None).matches("the roles of").count(), 4);
    place.admit("merge").await;

    let mut deployment = Deployment::at(place).await;
    let variables = deployment.variables("merge", "merge");
    let began = SystemClock.now();
    let child = command(&["merge"], variables.iter().map(|(name, value)| (*name, value))).spawn().unwrap();
    let mut merge = Running(child);
    let (http, url) = (reqwest::Client::new(), format!("http://127.0.0.1:{}/healthz", variables["PORT"]));
    let serves = async {
        while !http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            assert_eq!(merge.0.try_wait().unwrap(), None, "it has ended");
            moment().await;
        }
    };
    timeout(Duration::from_secs(40), serves).await.expect("it serves in time");
    let took_ms = SystemClock.now().0 - began.0;

    let told = Command::new("kill").args(["-TERM", &merge.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    let ends = async {
        loop {
            if let Some(status) = merge.0.try_wait().unwrap() {
                break status;
            }
            moment().await;
        }
    };
    let status = timeout(ENDS_WITHIN, ends).await.expect("it ends in time");
    assert!(status.success(), "{status}");
    let mebibytes = std::fs::metadata(program()).unwrap().len() as f64 / 1_048_576.0;
    println!("{}: {mebibytes:.1} MiB; it serves as merge after {took_ms} ms", program().display());
    deployment.place.remove().await;
}

async fn moment() {
    SystemClock.sleep_until(SystemClock.now().plus(1)).await;
}
