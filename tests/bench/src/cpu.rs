//! CPU time and memory, as Linux counts them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use shared::runtime::env::Env;

/// CPU time in ms by who used it: each runtime of this process by its threads' name, and the servers.
#[derive(Debug, Default, Clone)]
pub(crate) struct Cpu(pub(crate) BTreeMap<String, f64>);

/// Linux counts a process in hundredths of a second.
const TICK_MS: f64 = 10.0;

impl Cpu {
    /// Until now.
    pub(crate) fn now() -> Self {
        let mut used = BTreeMap::new();
        for thread in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
            *used.entry(name.trim().to_string()).or_default() += of_thread(&thread.path());
        }
        for server in ["mysql", "redis"] {
            if let Some(ms) = pid(server).and_then(of_process) {
                used.insert(server.to_string(), ms);
            }
        }
        Self(used)
    }

    /// Since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let used = |(name, ms): (&String, &f64)| (name.clone(), ms - earlier.0.get(name).unwrap_or(&0.0));
        Self(self.0.iter().map(used).collect())
    }

    /// All that the product used, its databases included; not what makes the load and plays NetSuite and Pub/Sub.
    pub(crate) fn product(&self) -> f64 {
        self.0
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "bench" | "netsuite" | "pubsub"))
            .map(|(_, ms)| ms)
            .sum()
    }
}

/// Nanoseconds that a thread has run.
fn of_thread(task: &Path) -> f64 {
    let text = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

/// CPU time of a process, in ms.
pub(crate) fn of_process(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name may hold blanks and brackets: the last bracket ends it.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks * TICK_MS)
}

/// The process of a server that `scripts/services` has started.
fn pid(server: &str) -> Option<u32> {
    let folder = Env::of_process().get("SYNC_SERVICES_DIR")?.to_string();
    let text = fs::read_to_string(Path::new(&folder).join(server).join("pid")).ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Memory of this process in MiB: now, and at most so far.
pub(crate) fn memory() -> (f64, f64) {
    memory_of("self")
}

/// Memory of a process in MiB: now, and at most so far.
pub(crate) fn memory_of(pid: &str) -> (f64, f64) {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// How busy the machine was in the last minute.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_string()
}
