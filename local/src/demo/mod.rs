//! The demo: a world of its own on a free port, two systems filled with records, and people who edit them at
//! the same time in both while everything goes wrong. At the end every edit is accounted for.
//!
//! Everything that is *done* is done over HTTP, as users would; the world's own counters are read at the end.
//! So it does not matter where the functions run.
//!
//! ```text
//! data, northwind ─► fill ─► people ─┬─► reckoning (fate) ─► report
//!                      plan, value ──┘   ▲ history, parity
//!                      trouble, resolve, latency: beside the people
//! ```
//!
//! [`endure`] has the same people work under trouble that somebody else makes.

mod book;
mod client;
mod data;
mod doubt;
pub mod endure;
mod fate;
mod fill;
mod latency;
mod northwind;
mod people;
mod plan;
mod progress;
mod reckoning;
mod report;
mod resolve;
pub mod section;
mod survey;
mod trouble;
mod value;

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use futures::try_join;
use serde_json::json;
use shared::domain::governance::cap;
use shared::domain::surface::SyncConfig;
use shared::runtime::clock::{Clock, SystemClock};

use crate::site::{self, Options};
use crate::world::World;
use book::Book;
use client::{Broken, Client};
use data::DataSet;
use fill::Filler;
use latency::Latency;
use northwind::BadData;
use people::People;
use progress::Progress;
use reckoning::Reckoning;
use report::Report;
use resolve::Reviewer;
use survey::Written;

/// How the demo runs.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// A directory with Northwind's files; without one, a small set of our own is used.
    pub data: Option<PathBuf>,
    /// Edits that are made while everything goes wrong.
    pub edits: usize,
    /// What people do, and what goes wrong, follows from it; when, does not.
    pub seed: u64,
}

/// Calls at once that each account's NetSuite allows.
const CONCURRENCY: u32 = 10;

/// How long a writer waits for an answer, in ms: as long again, and a margin, until a write whose writer has
/// crashed is looked after.
const CALL_TIMEOUT_MS: i64 = 10_000;

/// Everything must have settled after so long, in ms; what is left then is shown.
const SETTLE_WITHIN_MS: i64 = 420_000;

/// The longest wait of one question whether all is quiet, in ms.
const QUIET_WITHIN_MS: i64 = 5_000;

/// So often people decide what is open when the faults have stopped.
const ROUNDS: usize = 40;

/// So often open errors are tried again when the faults have stopped; then they stay open.
const RETRIES: usize = 10;

/// How often it is shown how far the people are, in ms.
const SHOW_EVERY_MS: i64 = 500;

/// Runs the demo in a world that `start` makes of its options and of the text of its configuration, and prints
/// the report. 0: every edit is accounted for and nothing differs without a reason; 1: something does; 2: the
/// data cannot be read.
pub async fn run(
    options: DemoOptions,
    start: impl AsyncFnOnce(Options, &str) -> Result<World, String>,
) -> ExitCode {
    let data = match options.data.as_deref().map_or_else(|| Ok(DataSet::sample()), northwind::read) {
        Ok(data) => data,
        Err(BadData(reason)) => {
            eprintln!("error: {reason}");
            return ExitCode::from(2);
        }
    };
    match play(&options, &data, start).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Broken(reason)) => {
            eprintln!("\nerror: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The product's own configuration, with as many calls as the demo allows.
pub fn config() -> Result<String, toml::de::Error> {
    let mut config: toml::Table = site::CONFIG.parse()?;
    let accounts = config.get_mut("account").and_then(toml::Value::as_table_mut);
    for account in accounts.into_iter().flat_map(|accounts| accounts.iter_mut().map(|(_, account)| account)) {
        if let Some(limits) = account.get_mut("limits").and_then(toml::Value::as_table_mut) {
            limits.insert("concurrency".into(), i64::from(CONCURRENCY).into());
            limits.insert("call_timeout_ms".into(), CALL_TIMEOUT_MS.into());
        }
    }
    Ok(config.to_string())
}

async fn play(
    options: &DemoOptions,
    data: &DataSet,
    start: impl AsyncFnOnce(Options, &str) -> Result<World, String>,
) -> Result<bool, Broken> {
    let progress = Progress::begin();
    let text = config().map_err(|e| Broken(e.to_string()))?;
    let config = Arc::new(SyncConfig::parse(&text).map_err(|e| Broken(e.to_string()))?);
    let world = Options {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        config: Arc::clone(&config),
        seed: options.seed,
        ..Options::default()
    };
    let started = start(world, &text).await;
    let world = started.map_err(|e| Broken(format!("the world does not start: {e}")))?;
    let demo = Demo {
        options,
        data,
        client: Client::new(&world.url),
        book: RefCell::new(Book::new(config)),
        latency: Latency::default(),
        progress,
        times: RefCell::default(),
        settle_within_ms: SETTLE_WITHIN_MS,
    };
    let good = demo.play(&world).await;
    world.stop().await;
    good
}

struct Demo<'a> {
    options: &'a DemoOptions,
    data: &'a DataSet,
    client: Client,
    book: RefCell<Book>,
    latency: Latency,
    progress: Progress,
    times: RefCell<Vec<(&'static str, i64)>>,
    /// Everything must have settled after so long, in ms.
    settle_within_ms: i64,
}

impl Demo<'_> {
    #[expect(clippy::await_holding_refcell_ref, reason = "everybody has gone home when the report is made")]
    async fn play(&self, world: &World) -> Result<bool, Broken> {
        let reviewer = Reviewer::new(&self.client, self.options.seed);
        self.fill().await?;
        self.took("filling");
        let config = Arc::clone(&world.config);
        let (filled, before) = (survey::alive(&self.client, &config).await?, Written::by(world).await?);
        self.edit(&reviewer).await?;
        self.took("edits");
        self.settle(&reviewer).await?;
        self.took("settling");
        self.progress.stage("comparing both systems, and accounting for every edit");
        let parity = survey::parity(&self.client).await?;
        let reckoning = Reckoning::of(&self.client, &self.book.borrow()).await?;
        self.took("checks");
        self.times.borrow_mut().push(("all", self.progress.elapsed()));
        self.progress.end();
        let (errors, open_errors) = survey::errors(&self.client).await?;
        let report = Report {
            title: self.title(),
            notes: &self.data.notes,
            book: &self.book.borrow(),
            asked: self.options.edits,
            alive: survey::alive(&self.client, &config).await?,
            filled,
            reckoning,
            written: Written::by(world).await?.since(before),
            cap: world.config.accounts.values().map(|account| cap(&account.limits)).max().unwrap_or(0),
            latency: &self.latency,
            reviewer: reviewer.done.get(),
            faults: trouble::injected(&self.client).await?,
            errors,
            open_errors,
            parity,
            times: self.times.take(),
        };
        print!("{report}");
        Ok(report.is_good())
    }

    fn title(&self) -> String {
        let (edits, seed) = (self.options.edits, self.options.seed);
        let from =
            self.options.data.as_ref().map_or("our own sample".into(), |data| data.display().to_string());
        format!("{edits} edits on both sides of {from}, seed {seed}")
    }

    /// Notes how long the stage took that ends now.
    fn took(&self, stage: &'static str) {
        let mut times = self.times.borrow_mut();
        let before: i64 = times.iter().map(|(_, ms)| ms).sum();
        times.push((stage, self.progress.elapsed() - before));
    }

    async fn fill(&self) -> Result<(), Broken> {
        trouble::calm(&self.client).await?;
        let filler = Filler { client: &self.client, book: &self.book };
        self.progress.stage("filling in customers and items");
        let mut labels = Vec::new();
        for company in &self.data.companies {
            labels.push(filler.masters(company).await?);
        }
        self.quiet("customers and items").await?;
        filler.learn().await?;
        self.progress.stage("filling in orders");
        for (company, labels) in self.data.companies.iter().zip(&labels) {
            filler.orders(company, labels).await?;
        }
        self.quiet("orders").await?;
        match filler.learn().await? {
            0 => Ok(()),
            missing => Err(Broken(format!("{missing} records are not on both sides though all is quiet"))),
        }
    }

    /// People at work, and everything beside them.
    async fn edit(&self, reviewer: &Reviewer<'_>) -> Result<(), Broken> {
        let (done, seed) = (Cell::new(false), self.options.seed);
        let (client, book, latency) = (&self.client, &self.book, &self.latency);
        let (edits, lasts) = (self.options.edits, people::working_time_ms(self.options.edits));
        let people = People::new(client, book, latency, edits, lasts);
        let work = async {
            people.work(seed).await?;
            done.set(true);
            Ok(())
        };
        try_join!(
            work,
            trouble::make(client, seed, edits, lasts, &done),
            reviewer.work(&done),
            latency.watch(client, &done),
            self.learn(&done),
            self.show(reviewer, &done),
        )?;
        Ok(())
    }

    /// Learns under which ids new records came to the other side.
    async fn learn(&self, done: &Cell<bool>) -> Result<(), Broken> {
        let filler = Filler { client: &self.client, book: &self.book };
        while !done.get() {
            filler.learn().await?;
            self.moment().await;
        }
        Ok(())
    }

    async fn moment(&self) {
        SystemClock.sleep_until(SystemClock.now().plus(SHOW_EVERY_MS)).await;
    }

    async fn show(&self, reviewer: &Reviewer<'_>, done: &Cell<bool>) -> Result<(), Broken> {
        while !done.get() {
            let (made, all, open) = (self.book.borrow().edits.len(), self.options.edits, reviewer.open.get());
            self.progress.step(&format!("{made} of {all} edits, {open} conflicts open"));
            self.moment().await;
        }
        Ok(())
    }

    /// The faults have stopped: all becomes quiet, and people decide what is left. What is still open after
    /// many rounds stays open, and is shown.
    async fn settle(&self, reviewer: &Reviewer<'_>) -> Result<(), Broken> {
        let mut retries = 0;
        for _ in 0..ROUNDS {
            self.quiet("everything").await?;
            let open = reviewer.decide(0).await?;
            let errors = if retries < RETRIES { reviewer.retry().await? } else { 0 };
            retries += usize::from(errors > 0);
            if open == 0 && errors == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Waits until nothing is pending.
    async fn quiet(&self, what: &str) -> Result<(), Broken> {
        let until = SystemClock.now().plus(self.settle_within_ms);
        let ask = json!({ "timeoutMs": QUIET_WITHIN_MS });
        loop {
            let (status, answer) =
                self.client.ask(reqwest::Method::POST, "/control/quiesce", Some(&ask)).await?;
            match status {
                200 => return Ok(()),
                // 503: what it looks at was away, and is asked again.
                503 | 504 if SystemClock.now() < until => {
                    self.progress.step(&format!("settling {what}: {}", answer["left"]));
                }
                _ => return Err(Broken(format!("{what} did not settle: {status} {answer}"))),
            }
        }
    }
}
