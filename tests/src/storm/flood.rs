//! A flood: far more changes in a minute than an account's limit lets through. It is worked off at what the limit allows,
//! the most important types first, and whoever asks is told when it will be done.

use serde_json::Value as Json;
use shared::domain::governance::cap;
use shared::domain::record::Record;

use super::config;
use super::measure::Stage;
use super::product::{Product, STORMY};

/// The account's limit; nobody else uses it.
const LIMIT: u32 = 10;

/// The types that are flooded, the more important first, and the field that a create sets.
const TYPES: [(&str, &str); 2] = [("customer", "company_name"), ("item", "name")];

/// Order is judged while so many of the more important ones are left: what is at the very end is under way together.
const LEFT: usize = 100;

/// While changes come, so much of what the cap lets through is written at least: the first of them must be absorbed, and the
/// start is slow.
const MEANWHILE: f64 = 0.6;

/// It is asked so often, s, when it will be done, from when nothing comes any more,
const ASK_S: usize = 10;

/// and judged while it lasts at least so much longer, s: an answer in whole calls is coarser than the rest.
const LASTS_S: usize = 20;

/// What became of a flood.
#[derive(Debug, Clone, PartialEq)]
pub struct Flood {
    /// Seconds from the first change to the last write.
    pub seconds: usize,
    /// Written, of what the cap lets through in this time.
    pub of_ceiling: f64,
    /// Calls that NetSuite turned away.
    pub refused: u64,
    /// Calls at once, at most; and how many there may be.
    pub in_flight: u32,
    /// See `in_flight`.
    pub cap: u32,
    /// Records that were due at once, at most.
    pub due: u64,
    /// How many may be: all but most of what the cap lets through while they come.
    pub due_most: u64,
    /// Writes of the less important type while enough of the more important were left, of all of its writes.
    pub out_of_order: f64,
    /// In how many seconds it would be done, as was told, and as it was.
    pub drains_s: Vec<(f64, f64)>,
}

/// So many changes, evenly over so many seconds.
pub fn flood(changes: usize, over_s: usize) -> Flood {
    let mut product = Product::new(config(LIMIT));
    let account = product.account(STORMY);
    let stage = Stage { for_ms: 0, limit: LIMIT, foreign: 0 };
    product.set_weather(STORMY, &stage);
    let (start, mut made, mut second) = (product.now(), 0, 0);
    let (mut due, mut out_of_order, mut told) = (0, 0, Vec::new());
    let mut before = written(&product);
    while before.iter().sum::<usize>() < changes {
        assert!(second < 100 * over_s, "it is never done");
        while made < changes && made * over_s < changes * (second + 1) {
            let (kind, field) = TYPES[made % TYPES.len()];
            product.create(STORMY, kind, field);
            made += 1;
        }
        second += 1;
        product.run_until(start.plus(second as i64 * 1_000));
        let standing = product.get(STORMY, "review", &format!("/review/api/v1/accounts/{account}"));
        due = due.max(standing["backlog"]["netsuite"].as_u64().unwrap_or(0));
        if second > over_s && second.is_multiple_of(ASK_S) {
            told.push((second, standing["drainsInMs"].as_f64().unwrap_or(f64::NAN) / 1_000.0));
        }
        let after = written(&product);
        // The last change must have been absorbed for order to be anybody's to keep.
        if second > over_s + 3 && after[0] + LEFT < changes.div_ceil(TYPES.len()) {
            out_of_order += after[1] - before[1];
        }
        before = after;
    }
    let stats = product.world.netsuite.stats(&account);
    told.retain(|(at, _)| at + LASTS_S <= second);
    Flood {
        seconds: second,
        of_ceiling: changes as f64 / (stage.oracle() * second as f64),
        refused: stats.overloads_by_limit,
        in_flight: stats.max_in_flight,
        cap: cap(&product.world.config.accounts[&account].limits),
        due,
        due_most: changes as u64 - (MEANWHILE * stage.oracle() * over_s as f64) as u64,
        out_of_order: out_of_order as f64 / before[1].max(1) as f64,
        drains_s: told.into_iter().map(|(at, drains)| (drains, (second - at) as f64)).collect(),
    }
}

/// How many of each type are in NetSuite.
fn written(product: &Product) -> [usize; 2] {
    let records = product.states(STORMY);
    let is_there = |record: &Record| record.sides.netsuite.id.is_some();
    TYPES
        .map(|(kind, _)| records.iter().filter(|r| r.key.record_type.as_str() == kind && is_there(r)).count())
}

impl Product {
    /// What a function answers somebody, in JSON.
    fn get(&mut self, lane: usize, function: &'static str, uri: &str) -> Json {
        let instance = self.world.any(lane, function);
        let request = http::Request::get(uri).body(bytes::Bytes::new()).expect("a request");
        let (tell, told) = std::sync::mpsc::channel();
        self.world.send(lane, instance, request, move |status, body| {
            let _ = tell.send((status, body));
        });
        self.run_until(self.now());
        let (status, body) = told.try_recv().expect("an answer that needs no time");
        assert!(status.is_success(), "{uri}: {status}");
        serde_json::from_slice(&body).expect("JSON")
    }
}
