//! The publisher: what arrives, and what happens when it cannot.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use google::publish::PublishLimits;
use serde_json::json;
use shared::pubsub::{Message, Publish, Topic};

use crate::proxy::Proxy;
use crate::topics::{Project, message, text};
use crate::{emulator, eventually, pause, within};

/// Limits that make failures quick.
fn impatient() -> PublishLimits {
    PublishLimits {
        retry_within: Duration::from_millis(800),
        answer_within: Duration::from_millis(1_200),
        renew_after: Duration::from_millis(100),
        ..PublishLimits::default()
    }
}

#[tokio::test]
async fn what_is_acknowledged_is_there_whole_and_in_order() {
    let project = Project::with_topics().await;
    let publisher = project.publisher(emulator(), PublishLimits::default()).await;
    let keys = ["acme:customer:1", "acme:customer:2", "globex:item:1"];
    let messages = (0..300).map(|n| message(keys[n % 3], &n.to_string())).collect();
    publisher.publish(Topic::Raw, messages).await.unwrap();
    let got = project.take("events.raw-seen", 300).await;
    let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for pulled in &got {
        assert_eq!(pulled["message"]["attributes"], json!({"account": "acme", "type": "customer"}));
        let key = pulled["message"]["orderingKey"].as_str().unwrap().to_string();
        by_key.entry(key).or_default().push(text(pulled).parse().unwrap());
    }
    assert_eq!(by_key.len(), 3);
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(by_key[*key], (at..300).step_by(3).collect::<Vec<_>>(), "{key}");
    }
}

#[tokio::test]
async fn a_failure_is_told_and_the_key_goes_on_afterwards() {
    let project = Project::new();
    // The connection stays: it is the key that must be opened again.
    let limits = PublishLimits { renew_after: Duration::from_secs(3_600), ..impatient() };
    let publisher = project.publisher(emulator(), limits).await;
    let both = || vec![message("k", "1"), message("k", "2"), message("other", "3")];
    for _ in 0..2 {
        let error = publisher.publish(Topic::Raw, both()).await.unwrap_err();
        assert!(error.why.contains("events.raw") && error.why.to_lowercase().contains("not"), "{error}");
        assert!(!error.why.contains("paused"), "the cause is told, not its consequence: {error}");
    }
    project.topic("events.raw").await;
    publisher.publish(Topic::Raw, both()).await.unwrap();
    let mut got: Vec<String> = project.take("events.raw-seen", 3).await.iter().map(text).collect();
    got.sort();
    assert_eq!(got, ["1", "2", "3"], "nothing of the failed attempts was sent");
}

#[tokio::test]
async fn a_bus_that_does_not_answer_fails_in_time_and_a_dead_connection_is_left() {
    let project = Project::with_topics().await;
    let wire = Proxy::before(&emulator());
    let publisher = project.publisher(wire.address(), impatient()).await;
    publisher.publish(Topic::Raw, vec![message("k", "before")]).await.unwrap();
    wire.go_silent();
    for _ in 0..2 {
        let lost = within(Duration::from_secs(3), publisher.publish(Topic::Raw, vec![message("k", "lost")]));
        lost.await.unwrap_err();
    }
    // Whatever is on the old connections stays there without a word: only a new one helps.
    wire.heal();
    let mut tries = 0;
    eventually("a publish over a new connection", async || {
        tries += 1;
        publisher.publish(Topic::Raw, vec![message("k", "after")]).await.is_ok()
    })
    .await;
    assert!(tries <= 2, "{tries} tries");
    let got: Vec<String> = project.take("events.raw-seen", 2).await.iter().map(text).collect();
    assert_eq!(got.first().map(String::as_str), Some("before"));
    assert_eq!(got.last().map(String::as_str), Some("after"));
}

#[tokio::test]
async fn a_cut_connection_costs_nothing_but_a_retry() {
    let project = Project::with_topics().await;
    let wire = Proxy::before(&emulator());
    let publisher = project.publisher(wire.address(), PublishLimits::default()).await;
    for n in 0..5 {
        publisher.publish(Topic::Raw, vec![message("k", &n.to_string())]).await.unwrap();
        wire.cut();
        pause(50).await;
    }
    assert!(wire.accepted() >= 5);
    let got: Vec<String> = project.take("events.raw-seen", 5).await.iter().map(text).collect();
    assert_eq!(got, ["0", "1", "2", "3", "4"]);
}

#[tokio::test]
async fn many_keys_do_not_pile_up_and_nothing_is_lost_on_the_way() {
    let project = Project::with_topics().await;
    let limits = PublishLimits { keys_per_publisher: 50, ..PublishLimits::default() };
    let publisher = project.publisher(emulator(), limits).await;
    let publish = |n: usize| {
        let publisher = &publisher;
        async move { publisher.publish(Topic::Raw, vec![message(&format!("key-{n}"), &n.to_string())]).await }
    };
    for batch in 0..10 {
        let all = join_all((batch * 100..(batch + 1) * 100).map(publish)).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
    }
    let got = project.take("events.raw-seen", 1_000).await;
    let mut numbers: Vec<usize> = got.iter().map(|m| text(m).parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_pubsub_can_never_take_is_refused_with_all_that_came_along() {
    let project = Project::with_topics().await;
    let publisher = project.publisher(emulator(), PublishLimits::default()).await;
    let large = Message { data: Bytes::from(vec![b'x'; 10_000_000]), ..message("k", "") };
    let error = publisher.publish(Topic::Raw, vec![message("k", "1"), large]).await.unwrap_err();
    assert!(error.why.contains("limit of 10 MB"), "{error}");
    let nearly = Message { data: Bytes::from(vec![b'x'; 9_000_000]), ..message("k", "") };
    publisher.publish(Topic::Raw, vec![nearly]).await.unwrap();
    let got = project.take("events.raw-seen", 1).await;
    assert_eq!(got.iter().map(|m| text(m).len()).collect::<Vec<_>>(), [9_000_000]);
}

#[tokio::test]
async fn stopping_sends_what_waits_for_its_batch() {
    let project = Project::with_topics().await;
    let limits = PublishLimits {
        batch_delay: Duration::from_secs(60),
        answer_within: Duration::from_secs(30),
        ..PublishLimits::default()
    };
    let publisher = project.publisher(emulator(), limits).await;
    let waiting = publisher.publish(Topic::Merged, vec![message("k", "1")]);
    let stop = async {
        pause(300).await;
        assert!(project.pull("events.merged-seen").await.is_empty());
        within(Duration::from_secs(5), publisher.stop()).await;
    };
    let (published, ()) = within(Duration::from_secs(10), futures::future::join(waiting, stop)).await;
    published.unwrap();
    assert_eq!(project.take("events.merged-seen", 1).await.len(), 1);
}

#[tokio::test]
async fn before_the_start_it_is_told_which_topics_are_not_there() {
    let project = Project::with_topics().await;
    let publisher = project.publisher(emulator(), impatient()).await;
    assert_eq!(publisher.check().await, Ok(()));
    let empty = Project::new().publisher(emulator(), impatient()).await;
    let wrong = empty.check().await.unwrap_err();
    assert_eq!(wrong.len(), Topic::ALL.len(), "{wrong:?}");
    assert!(wrong[0].contains("events.raw") && wrong[0].to_lowercase().contains("not"), "{wrong:?}");
    let nowhere = project.publisher("127.0.0.1:9".into(), impatient()).await;
    let wrong = within(Duration::from_secs(3), nowhere.check()).await.unwrap_err();
    assert_eq!(wrong.len(), Topic::ALL.len(), "{wrong:?}");
}
