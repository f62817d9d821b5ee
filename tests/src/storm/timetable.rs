//! Writers that don't learn: as many calls as the configuration allows, and a timetable for when they are turned
//! away. They stand for how this is usually done.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use local::functions;
use serde_json::{Map, json};
use shared::domain::governance::{backoff_ms, cap, dice};
use shared::domain::id::{RecordType, derived_id};
use shared::domain::surface::Account;
use shared::netsuite::client::Client;
use shared::netsuite::sign::Signer;
use shared::netsuite::wire::{Verb, Write};
use shared::runtime::clock::Clock;
use shared::writer::BATCH_MAX;

use super::config;
use super::measure::{Second, Stage};
use super::product::{Product, STORMY};
use crate::executor::{Instance, SimClock};

/// When to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timetable {
    /// After 5, 15, 30, 60 and then every 300 s, give or take a quarter.
    Schedule,
    /// After a second.
    EverySecond,
}

/// Records that are written again and again.
const RECORDS: usize = 500;

/// Goes through the stages by a timetable; told second by second.
pub fn timetable(timetable: Timetable, stages: &[Stage]) -> Vec<Second> {
    let mut product = Product::new(config(stages[0].limit));
    let (id, world) = (product.account(STORMY), &product.world);
    let account = Arc::new(world.config.accounts[&id].clone());
    let kind = RecordType::parse("customer").expect("a type");
    let name = Map::from_iter([("companyname".to_string(), json!("Ada"))]);
    let made =
        (0..RECORDS).map(|_| world.netsuite.ui_create(&id, &kind, &name, false, "ann").expect("a record"));
    let records: Arc<Vec<String>> = Arc::new(made.collect());
    let client = functions::client(
        world.faults.transport(world.netsuite.router()),
        "http://netsuite.local/netsuite/{account}".into(),
        Signer::unsigned(),
    );
    let next = Arc::new(AtomicUsize::new(0));
    for number in 0..cap(&account.limits) as usize {
        let worker = Worker {
            client: client.clone(),
            account: Arc::clone(&account),
            clock: world.executor.clock(0),
            records: Arc::clone(&records),
            next: Arc::clone(&next),
            timetable,
        };
        let instance = Instance { function: "ns-writer", number };
        world.executor.spawn(STORMY, instance, Box::pin(worker.work()));
    }
    let mut seconds = Vec::new();
    let start = product.now();
    for stage in stages {
        product.set_weather(STORMY, stage);
        for _ in 0..stage.for_ms / 1_000 {
            seconds.push(product.second(start.plus((seconds.len() as i64 + 1) * 1_000)));
        }
    }
    seconds
}

struct Worker {
    client: Client,
    account: Arc<Account>,
    clock: SimClock,
    records: Arc<Vec<String>>,
    next: Arc<AtomicUsize>,
    timetable: Timetable,
}

impl Worker {
    async fn work(self) {
        loop {
            let first = self.next.fetch_add(BATCH_MAX, Ordering::Relaxed);
            let writes: Vec<Write> = (first..first + BATCH_MAX).map(|nth| self.write(nth)).collect();
            let mut attempts = 0;
            while self.client.apply(&self.account, writes.clone()).await.is_err() {
                attempts += 1;
                let wait = match self.timetable {
                    Timetable::Schedule => backoff_ms(attempts, dice(&writes[0].operation)),
                    Timetable::EverySecond => 1_000,
                };
                self.clock.sleep_until(self.clock.now().plus(wait)).await;
            }
        }
    }

    fn write(&self, nth: usize) -> Write {
        Write {
            operation: derived_id("timetable", &[&nth.to_string()]),
            verb: Verb::Update,
            record_type: "customer".into(),
            id: Some(self.records[nth % self.records.len()].clone()),
            external_id: None,
            unless: None,
            expected: Map::new(),
            values: Map::from_iter([("phone".to_string(), json!(nth.to_string()))]),
            fields: Vec::new(),
        }
    }
}
