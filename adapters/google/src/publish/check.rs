//! Whether the topics are there, asked before the first message.

use std::time::Duration;

use futures::future::join_all;
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_pubsub::client::TopicAdmin;
use shared::pubsub::Topic;
use tokio::time::timeout;

use crate::config::PubsubConfig;

/// Asks for every topic; a line for each that cannot be reached or is not there.
pub(super) async fn topics(config: &PubsubConfig, within: Duration) -> Result<(), Vec<String>> {
    let admin = match timeout(within, admin(config)).await {
        Ok(Ok(admin)) => admin,
        Ok(Err(why)) => return Err(vec![format!("Pub/Sub: {why}")]),
        Err(_) => return Err(vec![format!("Pub/Sub: no credentials within {within:?}")]),
    };
    let asked = join_all(Topic::ALL.map(|topic| ask(&admin, config.topic(topic), within))).await;
    let wrong: Vec<String> = asked.into_iter().flatten().collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

async fn admin(config: &PubsubConfig) -> Result<TopicAdmin, String> {
    let mut builder = TopicAdmin::builder().with_retry_policy(NeverRetry);
    if let Some(host) = &config.emulator {
        let credentials = anonymous::Builder::new().build();
        builder = builder.with_endpoint(format!("http://{host}")).with_credentials(credentials);
    }
    builder.build().await.map_err(|error| error.to_string())
}

/// What is wrong with a topic.
async fn ask(admin: &TopicAdmin, topic: String, within: Duration) -> Option<String> {
    match timeout(within, admin.get_topic().set_topic(&topic).send()).await {
        Ok(Ok(_)) => None,
        // So Pub/Sub answers for a topic of somebody else's project, too: it must let us look, for us to know better.
        Ok(Err(error)) if error.status().is_some_and(|s| s.code == Code::PermissionDenied) => Some(format!(
            "{topic}: {error}: give our account roles/pubsub.viewer there, beside roles/pubsub.publisher"
        )),
        Ok(Err(error)) => Some(format!("{topic}: {error}")),
        Err(_) => Some(format!("{topic}: no answer within {within:?}")),
    }
}
