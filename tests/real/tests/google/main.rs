//! Google's services as far as they can be had here: the Pub/Sub emulator and a Cloud Storage server.
//!
//! Each test has a project (or a bucket) of its own; nothing is cleaned up, for both keep all in memory.

mod blob;
mod bridge;
mod dead_letter;
mod order;
#[path = "../redis/proxy.rs"]
mod proxy;
mod publish;
mod receiver;
mod throughput;
mod topics;

use std::time::Duration;

use shared::runtime::clock::{Clock, SystemClock};

/// `host:port` of the Pub/Sub emulator.
fn emulator() -> String {
    real_tests::address("PUBSUB_EMULATOR_HOST")
}

/// Waits until `is` holds, thirty seconds at most.
async fn eventually(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let give_up = SystemClock.now().plus(30_000);
    while !is().await {
        assert!(SystemClock.now() < give_up, "not within thirty seconds: {what}");
        pause(20).await;
    }
}

async fn pause(millis: u64) {
    SystemClock.sleep_until(SystemClock.now().plus(millis as i64)).await;
}

/// What `work` gave, if it ended within `limit`.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| panic!("not within {limit:?}"))
}
