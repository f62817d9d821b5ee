//! `up --real`: an edit on either side comes to the other, and when it ends nothing is left of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};
use shared::runtime::clock::{Clock, SystemClock};

use crate::Services;

/// Functions, and processes of each.
const PROCESSES: usize = 18;

/// Longest wait for anything that a person would wait for, in ms.
const SOON_MS: i64 = 60_000;

/// A running `up --real`, killed when it is dropped.
pub(crate) struct Up {
    program: Child,
    pub(crate) url: String,
    /// The processes of the functions: process id and the moment of its start, which no other process shares.
    functions: Vec<(u32, String)>,
}

impl Up {
    pub(crate) fn start(services: &Services) -> Self {
        let mut program = services.program();
        program.args(["up", "--real", "--port", "0"]).stdout(Stdio::piped());
        let mut program = program.spawn().expect("the program");
        let lines = BufReader::new(program.stdout.take().expect("its output")).lines();
        let mut words = lines.map_while(Result::ok).filter_map(|line| {
            line.trim().strip_prefix("playground").map(|url| url.trim().trim_end_matches('/').to_string())
        });
        let url = words.next().expect("the address of the playground");
        // Reads on, so that the program never waits for us.
        std::thread::spawn(move || words.for_each(drop));
        let functions = children(program.id());
        Self { program, url, functions }
    }

    /// Which of the functions' processes are still there.
    fn left(&self) -> Vec<u32> {
        let is_there = |(id, began): &&(u32, String)| stat(*id).is_some_and(|stat| stat.began == *began);
        self.functions.iter().filter(is_there).map(|(id, _)| *id).collect()
    }

    /// What is answered; null, when it is no success.
    async fn ask(&self, method: Method, path: &str, body: Option<Json>) -> Json {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.url));
        let request = request.timeout(Duration::from_secs(30));
        let request = request.body(body.map_or_else(String::new, |body| body.to_string()));
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: {error}"));
        match answer.error_for_status() {
            Ok(answer) => serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON"),
            Err(_) => Json::Null,
        }
    }

    /// Waits until a record's phone is `wanted`.
    async fn shows(&self, path: &str, wanted: &str) {
        let shown = async || self.ask(Method::GET, path, None).await["phone"] == wanted;
        eventually(&format!("{path} shows {wanted}"), shown).await;
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[tokio::test]
async fn what_is_edited_on_one_side_comes_to_the_other_and_sigterm_leaves_nothing_behind() {
    let services = Services::up();
    let mut up = Up::start(&services);
    assert_eq!(up.functions.len(), PROCESSES);

    let suitex = "/suitex/acme/records/customer/1";
    let mut netsuite = String::new();
    eventually("the customer is linked", async || {
        let record = up.ask(Method::GET, "/review/api/v1/records/acme/customer/suitex:1", None).await;
        let id = record["ids"]["netsuite"].as_str();
        netsuite = id.map(|id| format!("/netsuite/acme/ui/customer/{id}")).unwrap_or_default();
        !netsuite.is_empty()
    })
    .await;
    for (here, there, phone) in
        [(suitex, &*netsuite, "+31 20 555 0100"), (&*netsuite, suitex, "+31 20 555 0200")]
    {
        let edited = up.ask(Method::PATCH, here, Some(json!({ "phone": phone }))).await;
        assert_eq!(edited["phone"], phone, "{here} takes it");
        up.shows(there, phone).await;
    }

    signal("TERM", up.program.id());
    let ended = async || up.program.try_wait().expect("its status").is_some_and(|status| status.success());
    eventually("it ends, and well", ended).await;
    assert!(up.left().is_empty(), "processes are left: {:?}", up.left());
    assert!(reqwest::get(&up.url).await.is_err(), "somebody answers at {}", up.url);
}

#[tokio::test]
async fn its_processes_end_with_it_even_when_it_is_killed() {
    let services = Services::up();
    let mut up = Up::start(&services);
    assert_eq!(up.left().len(), PROCESSES);
    signal("KILL", up.program.id());
    up.program.wait().expect("its end");
    eventually("its processes end", async || up.left().is_empty()).await;
}

async fn eventually(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let give_up = SystemClock.now().plus(SOON_MS);
    while !is().await {
        assert!(SystemClock.now() < give_up, "not in time: {what}");
        SystemClock.sleep_until(SystemClock.now().plus(100)).await;
    }
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("sh").args(["-c", "kill -\"$0\" \"$1\"", name, &process.to_string()]).status();
    assert!(sent.expect("a shell").success(), "process {process} is not there");
}

/// What the kernel says of a process that is not over.
struct Stat {
    parent: u32,
    began: String,
}

fn stat(process: u32) -> Option<Stat> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name may hold blanks and brackets: the last bracket ends it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let is_over = fields[0] == "Z";
    (!is_over).then(|| Some(Stat { parent: fields[1].parse().ok()?, began: fields[19].to_string() }))?
}

fn children(parent: u32) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").expect("the processes");
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let child = |id| stat(id).filter(|stat| stat.parent == parent).map(|stat| (id, stat.began));
    ids.filter_map(child).collect()
}
