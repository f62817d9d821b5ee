//! A function's processes: children of this one, started again whenever they die.
//!
//! They end with us however we end: each has a pipe from us as its standard input, which the system closes when
//! we are gone, and a child that is told `END_WITH_STDIN` ends when it is closed.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shared::runtime::clock::{Clock, SystemClock};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// A child that died by itself is started again after this, in ms: one that cannot live would spin.
const RESTART_MS: i64 = 1_000;

/// A child that is told to end has so long: two seconds more than it gives itself.
const END_WITHIN: Duration = Duration::from_secs(10);

/// A child must answer within this, in ms, on a machine that is busy with starting all the others.
const READY_WITHIN_MS: i64 = 120_000;

/// How often it is asked whether it does, in ms.
const ASK_MS: i64 = 50;

/// One that serves answers for its health within this; on a busy machine, and whatever it waits for.
const SERVING_WITHIN: Duration = Duration::from_secs(2);

/// A process that is to be killed at its work must serve within this, in ms: MySQL may be on its way back.
const AT_WORK_WITHIN_MS: i64 = 30_000;

/// The signal's number.
const SIGKILL: i32 = 9;

/// So many lines of its log tell why a child does not start.
const LAST_LINES: usize = 12;

/// One place in the fleet: always the same address, whichever process is there.
pub(crate) struct Place {
    /// The function.
    pub(crate) function: &'static str,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    port: u16,
    variables: BTreeMap<&'static str, String>,
    log: PathBuf,
    crash: Notify,
    leave: Notify,
    deaths: AtomicU32,
    killed: AtomicU32,
    ended: AtomicU32,
    late: AtomicU32,
}

impl Place {
    /// The place of the `number`-th process of a function. Its log is begun anew.
    pub(crate) fn new(
        function: &'static str,
        number: usize,
        port: u16,
        variables: BTreeMap<&'static str, String>,
        logs: &Path,
    ) -> io::Result<Arc<Self>> {
        let log = logs.join(format!("{function}-{number}.log"));
        File::create(&log)?;
        let (crash, leave) = (Notify::new(), Notify::new());
        let [deaths, killed, ended, late] = [(); 4].map(|()| AtomicU32::new(0));
        let url = format!("http://127.0.0.1:{port}");
        Ok(Arc::new(Self { function, url, port, variables, log, crash, leave, deaths, killed, ended, late }))
    }

    /// Kills the process that is here, or the next that will be.
    pub(crate) fn crash(&self) {
        self.crash.notify_one();
    }

    /// Has the process that is here, or the next that will be, end in order; another takes its place.
    pub(crate) fn replace(&self) {
        self.leave.notify_one();
    }

    /// How many processes died here by themselves, or did not start.
    pub(crate) fn deaths(&self) -> u32 {
        self.deaths.load(Ordering::Relaxed)
    }

    /// Kills the process that is here once it serves; false when none does so in time.
    pub(crate) async fn crash_at_work(&self) -> bool {
        let until = SystemClock.now().plus(AT_WORK_WITHIN_MS);
        while !self.is_serving().await {
            if SystemClock.now() >= until {
                return false;
            }
            SystemClock.sleep_until(SystemClock.now().plus(ASK_MS)).await;
        }
        self.crash();
        true
    }

    /// How many processes died of being killed.
    pub(crate) fn killed(&self) -> u32 {
        self.killed.load(Ordering::Relaxed)
    }

    /// How many ended in order, as they were told to, while they served.
    pub(crate) fn ended(&self) -> u32 {
        self.ended.load(Ordering::Relaxed)
    }

    /// How many were told to end and did not end well, or not in time.
    pub(crate) fn late(&self) -> u32 {
        self.late.load(Ordering::Relaxed)
    }

    /// Keeps a process here until `stop` says so.
    pub(crate) async fn keep(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let name = self.log.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        loop {
            let died = match self.start() {
                Ok(mut child) => {
                    // Waiting for a child closes the pipe that it still holds.
                    let _alive_while_open = child.stdin.take();
                    tokio::select! {
                        biased;
                        () = told(stop.clone()) => {
                            end(child, &name).await;
                            return;
                        }
                        () = self.crash.notified() => {
                            self.killed.fetch_add(u32::from(kill(child).await), Ordering::Relaxed);
                            continue;
                        }
                        () = self.leave.notified() => {
                            let was_serving = self.is_serving().await;
                            let ended = end(child, &name).await;
                            // One that had not begun to serve has nothing to end: the signal itself ends it, or it was
                            // about to say why it does not start.
                            let is_late = ended.is_none_or(|status| was_serving && !status.success());
                            if is_late {
                                tracing::warn!(name, ?ended, was_serving, "did not end in order");
                            }
                            self.late.fetch_add(u32::from(is_late), Ordering::Relaxed);
                            self.ended.fetch_add(u32::from(was_serving && !is_late), Ordering::Relaxed);
                            continue;
                        }
                        ended = child.wait() => ended.map_or_else(|error| error.to_string(), |status| status.to_string()),
                    }
                }
                Err(error) => error.to_string(),
            };
            self.deaths.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(name, died, log = %self.log.display(), "a function died; it is started again");
            tokio::select! {
                biased;
                () = told(stop.clone()) => return,
                () = SystemClock.sleep_until(SystemClock.now().plus(RESTART_MS)) => {}
            }
        }
    }

    /// Waits until the process answers for its health; the error is for people.
    pub(crate) async fn ready(&self, http: &reqwest::Client) -> Result<(), String> {
        let (until, healthz) = (SystemClock.now().plus(READY_WITHIN_MS), format!("{}/healthz", self.url));
        loop {
            let answer = http.get(&healthz).timeout(Duration::from_secs(5)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if self.deaths.load(Ordering::Relaxed) > 0 || SystemClock.now() >= until {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
                return Err(format!("{} does not start ({}):\n{last}", self.function, self.log.display()));
            }
            SystemClock.sleep_until(SystemClock.now().plus(ASK_MS)).await;
        }
    }

    /// Whether the process serves: only from then on it hears that it is to end.
    async fn is_serving(&self) -> bool {
        let healthz = reqwest::Client::new().get(format!("{}/healthz", self.url)).timeout(SERVING_WITHIN);
        healthz.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    fn start(&self) -> io::Result<Child> {
        let log = OpenOptions::new().append(true).open(&self.log)?;
        Command::new(std::env::current_exe()?)
            .arg(self.function)
            .env_clear()
            .envs(&self.variables)
            .env("PORT", self.port.to_string())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C is for us alone: we end them in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

/// Completes when `stop` says so, or whoever could say so is gone.
async fn told(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Kills a child. Whether that is what it died of.
async fn kill(mut child: Child) -> bool {
    // An error means that it is dead already.
    let _ = child.start_kill();
    child.wait().await.is_ok_and(|status| status.signal() == Some(SIGKILL))
}

/// Ends a child in order: SIGTERM, and SIGKILL when it does not end by that in time. How it ended, if in time.
async fn end(mut child: Child, name: &str) -> Option<ExitStatus> {
    if let Some(id) = child.id() {
        // The standard library has no signal but SIGKILL, and calling the system directly is unsafe code. Nobody
        // else gets the id while the child is not waited for.
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id.to_string()]).status().await;
        if !sent.is_ok_and(|status| status.success()) {
            tracing::warn!(name, "could not be told to end");
        }
    }
    match timeout(END_WITHIN, child.wait()).await {
        Ok(status) => status.ok(),
        Err(_) => {
            tracing::warn!(name, "did not end in time, and is killed");
            let _ = child.kill().await;
            None
        }
    }
}
