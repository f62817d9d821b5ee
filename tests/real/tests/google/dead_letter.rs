//! The emulator's own dead-lettering, which works without ordering: the same attributes as the bridge adds.

use std::time::Duration;

use serde_json::json;

use crate::receiver::Receiver;
use crate::topics::{Project, text};

#[tokio::test]
async fn the_emulator_forwards_what_failed_five_times() {
    let project = Project::new();
    project.topic("raw").await;
    project.topic("dead").await;
    let receiver =
        Receiver::answering(Duration::ZERO, |text, _| if text == "poison" { 500 } else { 204 }).await;
    let dead = format!("projects/{}/topics/dead", project.id);
    let body = json!({
        "pushConfig": {"pushEndpoint": receiver.url},
        "deadLetterPolicy": {"deadLetterTopic": dead, "maxDeliveryAttempts": 5},
    });
    project.subscription("plain", "raw", body).await;
    project.publish("raw", "poison", "k", json!({"account": "acme"})).await;
    project.publish("raw", "healthy", "k", json!({})).await;
    let dead = project.take("dead-seen", 1).await.remove(0);
    assert_eq!(text(&dead), "poison");
    let attributes = &dead["message"]["attributes"];
    assert_eq!(attributes["account"], "acme");
    assert_eq!(attributes["CloudPubSubDeadLetterSourceDeliveryCount"], "5");
    assert_eq!(attributes["CloudPubSubDeadLetterSourceSubscription"], "plain");
    assert_eq!(attributes["CloudPubSubDeadLetterSourceSubscriptionProject"], json!(project.id));
    assert!(attributes["CloudPubSubDeadLetterSourceTopicPublishTime"].is_string());
    assert_eq!(dead["message"]["orderingKey"], "k");
    assert_eq!(receiver.texts().iter().filter(|t| *t == "poison").count(), 5);
    assert_eq!(receiver.texts().iter().filter(|t| *t == "healthy").count(), 1);
}
