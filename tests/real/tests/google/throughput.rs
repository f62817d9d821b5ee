//! How much the bridge carries.

use google::publish::PublishLimits;
use shared::pubsub::{Publish, Topic};
use shared::runtime::clock::{Clock, SystemClock};
use std::collections::HashSet;

use crate::receiver::{Receiver, bridge, subscription};
use crate::topics::{Project, message};

const MESSAGES: usize = 3_000;
const KEYS: usize = 300;

/// Far below what an idle machine shows, so that a busy one passes; a bridge that takes its messages one by
/// one does not.
const LEAST_PER_SECOND: i64 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_messages_pass_across_keys() {
    let (project, receiver) = (Project::new(), Receiver::new().await);
    let bridge = bridge(&project, vec![subscription(Topic::Raw.as_str(), &[&receiver])]).await;
    let publisher = project.publisher(crate::emulator(), PublishLimits::default()).await;
    let text = format!("{:1000}", "");
    let messages = (0..MESSAGES).map(|n| message(&format!("k{}", n % KEYS), &format!("{n}{text}")));
    let begun = SystemClock.now();
    publisher.publish(Topic::Raw, messages.collect()).await.unwrap();
    let published = SystemClock.now();
    crate::eventually("all of them", async || receiver.count() >= MESSAGES).await;
    let done = SystemClock.now();
    let per_second = MESSAGES as i64 * 1_000 / (done.0 - begun.0).max(1);
    println!(
        "{MESSAGES} messages of {KEYS} keys: published in {} ms, pushed in {} ms, {per_second}/s",
        published.0 - begun.0,
        done.0 - begun.0
    );
    let texts: HashSet<String> = receiver.texts().into_iter().collect();
    assert_eq!(texts.len(), MESSAGES, "each of them");
    assert!(per_second >= LEAST_PER_SECOND, "{per_second}/s");
    bridge.stop().await;
}
