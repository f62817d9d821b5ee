//! Pub/Sub's push: the bridge from the emulator to the functions' processes.

use std::sync::Arc;
use std::time::Duration;

use google::bridge::{Bridge, BridgeConfig, BridgeError, BridgeSubscription};
use local::functions::{PUSHES, Push};
use shared::pubsub::Topic;
use shared::runtime::clock::SystemClock;

/// The account for which the bridge and the scheduler speak.
pub(crate) const SERVICE_ACCOUNT: &str = "push@world.iam.gserviceaccount.com";

/// The audience of their tokens.
pub(crate) const AUDIENCE: &str = "suitex-sync";

/// Pushes under way at once, per subscription.
const PARALLEL: usize = 64;

/// A push that is not answered after so long has failed: longer than a function takes to give up by itself.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Begins to push the messages of `project` to the instances that `endpoints` names by function: base addresses.
/// `backoff`: the shortest and the longest wait before a push is tried again.
pub(crate) async fn start(
    emulator: &str,
    project: &str,
    backoff: [Duration; 2],
    endpoints: impl Fn(&str) -> Vec<String>,
) -> Result<Bridge, BridgeError> {
    let subscription = |push: Push| BridgeSubscription {
        id: push.subscription.into(),
        topic: push.topic.as_str().into(),
        endpoints: endpoints(push.function).iter().map(|base| format!("{base}{}", push.path)).collect(),
        filter: push.target.map(|target| ("target".into(), target.into())),
        dead_letter: push.dead_letters.then(|| Topic::DeadLetter.as_str().into()),
        min_backoff: backoff[0],
        max_backoff: backoff[1],
        audience: AUDIENCE.into(),
    };
    let config = BridgeConfig {
        emulator: emulator.into(),
        project: project.into(),
        subscriptions: PUSHES.map(subscription).into(),
        service_account_email: SERVICE_ACCOUNT.into(),
        parallel: PARALLEL,
        answer_within: ANSWER_WITHIN,
    };
    Bridge::start(config, Arc::new(SystemClock)).await
}
