//! The bridge: pushes in production's form, with a token that the verifier believes.

use std::sync::Arc;

use google::bridge::BridgeSubscription;
use google::config::TokenConfig;
use google::token::{KeyLimits, PushVerifier, Refused};
use serde_json::json;
use shared::pubsub::envelope::Envelope;
use shared::runtime::clock::SystemClock;

use crate::receiver::{AUDIENCE, PUSHER, Receiver, bridge, subscription};
use crate::topics::Project;
use crate::{eventually, pause};

#[tokio::test]
async fn a_push_has_productions_form_and_a_token_that_is_believed() {
    let (project, receiver) = (Project::new(), Receiver::new().await);
    let dead = BridgeSubscription { dead_letter: Some("dead".into()), ..subscription("raw", &[&receiver]) };
    let bridge = bridge(&project, vec![dead]).await;
    project.publish("raw", "{\"a\":1}", "acme:customer:5", json!({"account": "acme"})).await;
    receiver.wait_for(1).await;
    let push = receiver.pushes().remove(0);
    assert_eq!(push.body["subscription"], json!(format!("projects/{}/subscriptions/raw-sub", project.id)));
    assert_eq!(push.attempt(), Some(1));
    let message = &push.body["message"];
    assert_eq!(message["data"], "eyJhIjoxfQ==");
    assert_eq!(message["attributes"], json!({"account": "acme"}));
    assert_eq!(message["orderingKey"], "acme:customer:5");
    assert_eq!(
        (&message["messageId"], &message["publishTime"]),
        (&message["message_id"], &message["publish_time"])
    );
    let time = message["publishTime"].as_str().unwrap();
    assert!(time.starts_with("20") && time.ends_with('Z') && time.contains('T'), "{time}");
    let envelope = Envelope::from_slice(push.body.to_string().as_bytes()).unwrap();
    assert_eq!(&*envelope.data, b"{\"a\":1}");

    let token = push.headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    for (audience, account, expected) in [
        (AUDIENCE, PUSHER, Ok(())),
        ("https://elsewhere.example", PUSHER, Err(Refused::Audience)),
        (AUDIENCE, "other@project.iam.gserviceaccount.com", Err(Refused::Account)),
    ] {
        let config = TokenConfig {
            audience: audience.into(),
            service_accounts: vec![account.into()],
            jwks_url: bridge.jwks_url(),
        };
        let verifier = PushVerifier::new(&config, KeyLimits::default(), Arc::new(SystemClock)).unwrap();
        assert_eq!(verifier.verify(token).await, expected);
    }
    bridge.stop().await;
}

#[tokio::test]
async fn a_filter_lets_through_what_it_names() {
    let (project, wanted, all) = (Project::new(), Receiver::new().await, Receiver::new().await);
    let filtered = BridgeSubscription {
        filter: Some(("target".into(), "netsuite".into())),
        ..subscription("merged", &[&wanted])
    };
    let everything = BridgeSubscription { id: "everything".into(), ..subscription("merged", &[&all]) };
    let bridge = bridge(&project, vec![filtered, everything]).await;
    let attributes = ["suitex", "netsuite", "suitex", ""].map(|target| json!({"target": target}));
    // The last one passes: who has it has seen all others of the key.
    let attributes = attributes.into_iter().chain([json!({}), json!({"target": "netsuite"})]);
    for (n, attributes) in attributes.enumerate() {
        project.publish("merged", &n.to_string(), "k", attributes).await;
    }
    all.wait_for(6).await;
    wanted.wait_for(2).await;
    assert_eq!(wanted.texts(), ["1", "5"], "what does not pass holds nobody up");
    assert_eq!(all.texts(), ["0", "1", "2", "3", "4", "5"]);
    assert!(all.pushes().iter().all(|p| p.attempt().is_none()), "no dead-letter topic, no attempt");
    bridge.stop().await;
    assert!(project.pull("merged-sub").await.is_empty(), "what was filtered out was acked");
}

#[tokio::test]
async fn instances_take_turns_and_one_that_is_away_costs_an_attempt() {
    let (project, one, two) = (Project::new(), Receiver::new().await, Receiver::new().await);
    let mut three = subscription("raw", &[&one, &two]);
    three.endpoints.push("http://127.0.0.1:9/push".into());
    let bridge = bridge(&project, vec![three]).await;
    for n in 0..30 {
        project.publish("raw", &n.to_string(), &format!("k{n}"), json!({})).await;
    }
    eventually("all pushes", async || one.count() + two.count() >= 30).await;
    let mut all = [one.texts(), two.texts()].concat();
    all.sort_by_key(|t| t.parse::<u32>().unwrap());
    assert_eq!(all, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(one.count() >= 8 && two.count() >= 8, "{} and {}", one.count(), two.count());
    bridge.stop().await;
}

#[tokio::test]
async fn what_a_stopped_bridge_did_not_deliver_the_next_one_does() {
    let (project, broken, whole) =
        (Project::new(), Receiver::answering(Default::default(), |_, _| 503).await, Receiver::new().await);
    let first = bridge(&project, vec![subscription("raw", &[&broken])]).await;
    for n in 0..10 {
        project.publish("raw", &n.to_string(), &format!("k{}", n % 3), json!({})).await;
    }
    broken.wait_for(6).await;
    first.stop().await;
    pause(100).await;
    let tried = broken.count();
    pause(500).await;
    assert_eq!(broken.count(), tried, "a stopped bridge pushes nothing");
    let second = bridge(&project, vec![subscription("raw", &[&whole])]).await;
    whole.wait_for(10).await;
    for key in 0..3 {
        let key = format!("k{key}");
        let of_key: Vec<u32> =
            whole.pushes().iter().filter(|p| p.key() == key).map(|p| p.text().parse().unwrap()).collect();
        assert!(of_key.is_sorted(), "{key}: {of_key:?}");
    }
    second.stop().await;
    assert!(project.pull("raw-sub").await.is_empty(), "all was acked");
}

#[tokio::test]
async fn a_large_message_passes() {
    let (project, receiver) = (Project::new(), Receiver::new().await);
    let bridge = bridge(&project, vec![subscription("raw", &[&receiver])]).await;
    project.publish("raw", &"x".repeat(1_500_000), "k", json!({})).await;
    receiver.wait_for(1).await;
    assert_eq!(receiver.texts()[0].len(), 1_500_000);
    bridge.stop().await;
}

#[tokio::test]
async fn without_an_emulator_it_does_not_start() {
    let config = google::bridge::BridgeConfig {
        emulator: "127.0.0.1:9".into(),
        project: "nowhere".into(),
        subscriptions: vec![subscription("raw", &[])],
        service_account_email: PUSHER.into(),
        parallel: 1,
        answer_within: std::time::Duration::from_secs(1),
    };
    let Err(error) = google::bridge::Bridge::start(config, Arc::new(SystemClock)).await else {
        panic!("it started")
    };
    assert!(error.to_string().contains("the Pub/Sub emulator at 127.0.0.1:9"), "{error}");
}
