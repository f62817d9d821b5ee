//! Pub/Sub and Cloud Storage as rows: a fresh project with all our subscriptions, a fresh bucket.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use google::blob::{BlobLimits, GcsBlob};
use google::bridge::{Bridge, BridgeConfig, BridgeSubscription};
use google::config::{PubsubConfig, StorageConfig};
use google::publish::{PublishLimits, PubsubPublisher};
use http::StatusCode;
use local::functions::PUSHES;
use serde_json::{Value as Json, json};
use shared::blob::{Blob, BlobRef, Body};
use shared::domain::id::AccountId;
use shared::fault::Unavailable;
use shared::pubsub::Topic;
use shared::pubsub::envelope::Envelope;
use shared::runtime::clock::SystemClock;
use shared::runtime::ids::{Ids, RandomIds};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::publish::Observed;
use crate::row::{Held, Row};

/// After so long without a push there is none under way.
const QUIET: Duration = Duration::from_millis(1_500);

/// Pub/Sub's emulator, seen through the push bridge.
pub(crate) fn pubsub() -> Row<Observed> {
    Row::new("pubsub", async || {
        let emulator = real_tests::address("PUBSUB_EMULATOR_HOST");
        let project = format!("test-{}", RandomIds.draw().simple())[..20].to_string();
        let (url, pushes) = receiver().await;
        let config = BridgeConfig {
            emulator: emulator.clone(),
            project: project.clone(),
            subscriptions: PUSHES.iter().map(|push| subscription(push, &url)).collect(),
            service_account_email: "pusher@project.iam.gserviceaccount.com".into(),
            parallel: 16,
            answer_within: Duration::from_secs(5),
        };
        let bridge = Bridge::start(config, Arc::new(SystemClock)).await.expect("the emulator");
        let config = PubsubConfig::new(project, Some(emulator));
        let publish = PubsubPublisher::new(&config, PublishLimits::default(), Arc::new(SystemClock)).await;
        let pushes = Arc::new(Mutex::new(pushes));
        let next = move || {
            let pushes = Arc::clone(&pushes);
            Box::pin(async move { timeout(QUIET, pushes.lock().await.recv()).await.ok().flatten() }) as _
        };
        let publish = Arc::new(publish.expect("no credentials are needed"));
        Held::with(Arc::new(Observed { publish, next: Box::new(next) }), bridge)
    })
}

fn subscription(push: &local::functions::Push, url: &str) -> BridgeSubscription {
    BridgeSubscription {
        id: push.subscription.into(),
        topic: push.topic.as_str().into(),
        endpoints: vec![url.into()],
        filter: push.target.map(|target| ("target".into(), target.into())),
        dead_letter: push.dead_letters.then(|| Topic::DeadLetter.as_str().into()),
        min_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(1),
        audience: "https://function.example".into(),
    }
}

/// Takes pushes and acks them: its address, and what it took, with the subscription's id.
async fn receiver() -> (String, mpsc::UnboundedReceiver<(String, Envelope)>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let take = async move |body: Bytes| {
        let json: Json = serde_json::from_slice(&body).expect("a push body");
        let subscription = json["subscription"].as_str().and_then(|s| s.rsplit('/').next());
        let envelope = Envelope::from_slice(&body).expect("a push body");
        // Nobody listens any more once the check is over.
        let _ = sender.send((subscription.expect("a subscription").to_string(), envelope));
        StatusCode::NO_CONTENT
    };
    let router = Router::new().route("/push", post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/push", listener.local_addr().expect("its address"));
    real_tests::run(async { axum::serve(listener, router).await.expect("a server") });
    (url, receiver)
}

/// Cloud Storage's stand-in.
pub(crate) fn storage() -> Row<dyn Blob> {
    Row::new("cloud storage", async || {
        let server = real_tests::address("STORAGE_EMULATOR_HOST");
        let bucket = format!("bodies-{}", RandomIds.draw().simple());
        let made = reqwest::Client::new()
            .post(format!("{server}/storage/v1/b?project=test"))
            .json(&json!({"name": bucket}))
            .send();
        assert!(made.await.expect("the server").status().is_success(), "no bucket was made");
        let config = StorageConfig { emulator: Some(server) };
        let blob = GcsBlob::new(&config, BlobLimits::default()).await.expect("no credentials are needed");
        Held::<dyn Blob>::with(Arc::new(InBucket { blob, bucket }), ())
    })
}

/// Keeps in a bucket of its own what the checks put into the one that they name.
struct InBucket {
    blob: GcsBlob,
    bucket: String,
}

impl InBucket {
    fn own(&self, at: &BlobRef) -> BlobRef {
        let account = at.path().split('/').nth(1).expect("a path under an account");
        let account = AccountId::parse(account).expect("an account");
        BlobRef::parse(&format!("gs://{}/{}", self.bucket, at.path()), &self.bucket, &account)
            .expect("a path")
    }
}

#[async_trait]
impl Blob for InBucket {
    async fn put(&self, at: &BlobRef, bytes: Bytes) -> Result<(), Unavailable> {
        self.blob.put(&self.own(at), bytes).await
    }

    async fn get(&self, at: &BlobRef) -> Result<Body, Unavailable> {
        self.blob.get(&self.own(at)).await
    }
}
