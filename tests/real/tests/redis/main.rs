//! The buffer over a real Redis: what the contract, which is a single caller's view, cannot show.

mod keys;
mod loss;
mod network;
mod proxy;
mod races;
mod restart;
mod twin;

use std::time::Duration;

use redis_buffer::RedisBuffer;
use shared::domain::id::{AccountId, Timestamp};
use shared::domain::surface::Coalescing;

const RULES: Coalescing = Coalescing { quiet_ms: 100, max_wait_ms: 1_000, max_events: 5 };

fn account(name: &str) -> AccountId {
    AccountId::parse(name).expect("an account's name")
}

fn acme() -> AccountId {
    account("acme")
}

const fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}

/// A buffer as one instance has it, with a connection of its own; patient, for machines that are slow.
fn instance(address: &str) -> RedisBuffer {
    RedisBuffer::open(address, None).expect("an address").with_timeout(Duration::from_secs(10))
}

/// Asks until the answer is yes; fails after so many seconds.
async fn eventually(seconds: u64, mut ask: impl AsyncFnMut() -> bool) {
    let mut step = tokio::time::interval(Duration::from_millis(20));
    let asked = tokio::time::timeout(Duration::from_secs(seconds), async {
        while !ask().await {
            step.tick().await;
        }
    });
    asked.await.expect("it never happened");
}
