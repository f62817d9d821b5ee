//! Order, retries and dead letters of the bridge.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use google::bridge::BridgeSubscription;
use serde_json::json;

use crate::eventually;
use crate::receiver::{Receiver, bridge, subscription};
use crate::topics::{Project, text};

#[tokio::test]
async fn a_key_has_one_push_under_way_and_keys_go_side_by_side() {
    let project = Project::new();
    let receiver = Receiver::answering(Duration::from_millis(50), |_, _| 204).await;
    // All there before the first pull, which so takes many of each key.
    project.topic("raw").await;
    project.subscription("raw-sub", "raw", json!({"enableMessageOrdering": true})).await;
    for n in 0..100 {
        project.publish("raw", &n.to_string(), &format!("k{}", n % 10), json!({})).await;
    }
    let bridge = bridge(&project, vec![subscription("raw", &[&receiver])]).await;
    receiver.wait_for(100).await;
    for key in 0..10 {
        let of_key = receiver.pushes().into_iter().filter(|p| p.key() == format!("k{key}"));
        let of_key: Vec<u32> = of_key.map(|p| p.text().parse().unwrap()).collect();
        assert_eq!(of_key, (key..100).step_by(10).collect::<Vec<_>>());
    }
    let (of_a_key, of_all) = receiver.most();
    assert_eq!(of_a_key, 1);
    assert!(of_all >= 5, "{of_all} at once");
    bridge.stop().await;
}

#[tokio::test]
async fn messages_without_a_key_wait_for_nobody() {
    let project = Project::new();
    let others = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&others);
    // The first is refused until all others have come.
    let receiver = Receiver::answering(Duration::ZERO, move |text, _| match text {
        "0" if seen.load(Ordering::SeqCst) < 9 => 500,
        "0" => 204,
        _ => {
            seen.fetch_add(1, Ordering::SeqCst);
            204
        }
    })
    .await;
    let bridge = bridge(&project, vec![subscription("raw", &[&receiver])]).await;
    for n in 0..10 {
        project.publish("raw", &n.to_string(), "", json!({})).await;
    }
    eventually("the others", async || others.load(Ordering::SeqCst) == 9).await;
    bridge.stop().await;
}

#[tokio::test]
async fn a_failing_message_holds_back_its_key_alone_and_waits_longer_each_time() {
    let project = Project::new();
    let answer =
        |text: &str, n| if text == "first" && n <= 6 { [500, 404, 302, 203, 503, 429][n - 1] } else { 200 };
    let receiver = Receiver::answering(Duration::ZERO, answer).await;
    let bridge = bridge(&project, vec![subscription("raw", &[&receiver])]).await;
    project.publish("raw", "first", "a", json!({})).await;
    project.publish("raw", "second", "a", json!({})).await;
    project.publish("raw", "other", "b", json!({})).await;
    receiver.wait_for(9).await;
    let of_a: Vec<_> = receiver.pushes().into_iter().filter(|p| p.key() == "a").collect();
    assert_eq!(of_a.iter().map(|p| p.text()).collect::<Vec<_>>()[6..], ["first", "second"]);
    let other = receiver.pushes().iter().position(|p| p.text() == "other").unwrap();
    assert!(other < 8, "the other key does not wait");
    let waits: Vec<i64> = of_a.windows(2).take(6).map(|w| w[1].at.0 - w[0].at.0).collect();
    for (wait, least) in waits.iter().zip([50, 100, 200, 200, 200, 200]) {
        assert!((least - 5..least + 5_000).contains(wait), "{waits:?}");
    }
    bridge.stop().await;
}

#[tokio::test]
async fn after_five_failures_a_message_goes_to_the_dead_letter_topic_and_its_key_goes_on() {
    let project = Project::new();
    project.topic("dead").await;
    let receiver =
        Receiver::answering(Duration::ZERO, |text, _| if text == "poison" { 500 } else { 204 }).await;
    let subscription =
        BridgeSubscription { dead_letter: Some("dead".into()), ..subscription("raw", &[&receiver]) };
    let bridge = bridge(&project, vec![subscription]).await;
    project.publish("raw", "poison", "acme:customer:5", json!({"account": "acme"})).await;
    project.publish("raw", "healthy", "acme:customer:5", json!({"account": "acme"})).await;
    receiver.wait_for(6).await;
    let attempts: Vec<_> = receiver.pushes().iter().map(|p| (p.text(), p.attempt().unwrap())).collect();
    let poison = (1..=5).map(|n| ("poison".to_string(), n));
    assert_eq!(attempts, poison.chain([("healthy".to_string(), 1)]).collect::<Vec<_>>());
    let dead = project.take("dead-seen", 1).await.remove(0);
    assert_eq!(text(&dead), "poison");
    let message = &dead["message"];
    assert_eq!(message["orderingKey"], "acme:customer:5");
    let published = receiver.pushes()[0].body["message"]["publishTime"].clone();
    assert_eq!(
        message["attributes"],
        json!({
            "account": "acme",
            "CloudPubSubDeadLetterSourceDeliveryCount": "5",
            "CloudPubSubDeadLetterSourceSubscription": "raw-sub",
            "CloudPubSubDeadLetterSourceSubscriptionProject": project.id,
            "CloudPubSubDeadLetterSourceTopicPublishTime": published,
        })
    );
    bridge.stop().await;
    assert!(project.pull("raw-sub").await.is_empty(), "a dead letter is acked");
}

#[tokio::test]
async fn a_message_is_not_dropped_while_it_is_held_longer_than_the_ack_deadline() {
    let project = Project::new();
    let receiver = Receiver::answering(Duration::ZERO, |_, n| if n == 1 { 500 } else { 204 }).await;
    let slow = BridgeSubscription {
        min_backoff: Duration::from_secs(35),
        max_backoff: Duration::from_secs(35),
        ..subscription("raw", &[&receiver])
    };
    let bridge = bridge(&project, vec![slow]).await;
    project.publish("raw", "1", "k", json!({})).await;
    project.publish("raw", "2", "k", json!({})).await;
    receiver.wait_for(1).await;
    crate::pause(34_000).await;
    assert_eq!(receiver.texts(), ["1"], "its lease was kept: nothing came twice, nothing passed it");
    eventually("the second message's first try", async || receiver.count() >= 3).await;
    assert_eq!(receiver.texts()[..3], ["1", "1", "2"]);
    bridge.stop().await;
}
