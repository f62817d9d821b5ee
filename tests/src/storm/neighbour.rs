//! What one account's storm makes another account wait: the second account's edits, timed from SuiteX to NetSuite,
//! beside a neighbour that rests and beside one that storms. The same instances serve both, and poll both.

use serde_json::Value as Json;
use shared::domain::id::Timestamp;

use super::config;
use super::measure::Stage;
use super::product::{BESIDE, Demand, Product, STORMY};

/// Records that are edited, one after the other.
const RECORDS: usize = 40;

/// An edit each so many ms, and a look whether it has arrived so often.
const EDIT_MS: i64 = 500;
const LOOK_MS: i64 = 50;

/// How long the second account's edits took, ms.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Beside an account without any traffic.
    pub beside_calm: Vec<i64>,
    /// Beside one that storms.
    pub beside_storm: Vec<i64>,
}

/// Times the second account's edits through the stages, without and with the storm beside it.
pub fn neighbour(stages: &[Stage], demand: Demand) -> Neighbour {
    let calm = Demand { records: 0, edits_a_second: 0 };
    Neighbour { beside_calm: times(stages, calm), beside_storm: times(stages, demand) }
}

/// An edit on its way.
struct Sent {
    nth: usize,
    value: Json,
    at: Timestamp,
}

fn times(stages: &[Stage], demand: Demand) -> Vec<i64> {
    let mut product = Product::shared(config(stages[0].limit));
    product.set_weather(STORMY, &stages[0]);
    // Its own NetSuite is well and no faster than the other.
    product.set_weather(BESIDE, &Stage { for_ms: 0, limit: 5, foreign: 0 });
    for _ in 0..RECORDS {
        product.create(BESIDE, "customer", "company_name");
    }
    for _ in 0..demand.records {
        product.create(STORMY, "customer", "company_name");
    }
    product.settle(BESIDE);
    product.settle(STORMY);
    let (mut took, mut under_way, mut nth) = (Vec::new(), Vec::<Sent>::new(), 0);
    let mut edited = 0;
    for stage in stages {
        product.set_weather(STORMY, stage);
        let from = product.now();
        for step in 0..stage.for_ms / LOOK_MS {
            if step % (1_000 / LOOK_MS) == 0 {
                for _ in 0..demand.edits_a_second {
                    product.edit(STORMY, "customer", "phone", nth % demand.records);
                    nth += 1;
                }
            }
            if step % (EDIT_MS / LOOK_MS) == 0 {
                let at = product.now();
                let value = product.edit(BESIDE, "customer", "phone", edited % RECORDS);
                under_way.push(Sent { nth: edited % RECORDS, value, at });
                edited += 1;
            }
            product.run_until(from.plus((step + 1) * LOOK_MS));
            let now = product.now();
            under_way.retain(|sent| {
                let there = product.in_netsuite(BESIDE, "customer", sent.nth, "phone");
                let is_there = there.as_ref() == Some(&sent.value);
                took.extend(is_there.then(|| now.0 - sent.at.0));
                !is_there
            });
        }
    }
    // What has not arrived by the end took at least so long.
    let now = product.now();
    took.extend(under_way.iter().map(|sent| now.0 - sent.at.0).filter(|took| *took > 10_000));
    took
}
