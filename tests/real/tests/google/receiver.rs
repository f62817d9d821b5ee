//! The other end of a push: a function that answers as it is told, and remembers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use google::bridge::{Bridge, BridgeConfig, BridgeSubscription};
use http::{HeaderMap, StatusCode};
use serde_json::Value as Json;
use shared::domain::id::Timestamp;
use shared::runtime::clock::{Clock, SystemClock};
use std::time::Duration;

use crate::topics::Project;

pub(crate) const PUSHER: &str = "pusher@project.iam.gserviceaccount.com";
pub(crate) const AUDIENCE: &str = "https://function.example/push";

/// A push as it came.
#[derive(Debug, Clone)]
pub(crate) struct Push {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Json,
    pub(crate) at: Timestamp,
}

impl Push {
    pub(crate) fn text(&self) -> String {
        let data = BASE64_STANDARD.decode(self.body["message"]["data"].as_str().unwrap_or_default());
        String::from_utf8(data.unwrap()).unwrap()
    }

    pub(crate) fn key(&self) -> String {
        self.body["message"]["orderingKey"].as_str().unwrap_or_default().to_string()
    }

    pub(crate) fn attempt(&self) -> Option<u64> {
        self.body["deliveryAttempt"].as_u64()
    }
}

/// How a receiver answers the how-manieth delivery of a text.
type Answer = dyn Fn(&str, usize) -> u16 + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    takes: Duration,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    pushes: Vec<Push>,
    times: HashMap<String, usize>,
    /// Under way now, by key.
    open: HashMap<String, usize>,
    most_of_a_key: usize,
    most: usize,
}

/// A function that takes pushes.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Acks everything at once.
    pub(crate) async fn new() -> Self {
        Self::answering(Duration::ZERO, |_, _| 204).await
    }

    /// Answers after `takes` what `answer` says to a text and the how-manieth time it came.
    pub(crate) async fn answering(
        takes: Duration,
        answer: impl Fn(&str, usize) -> u16 + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared { answer: Box::new(answer), takes, seen: Mutex::default() });
        let router = Router::new().route("/push", post(take)).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push", listener.local_addr().unwrap());
        real_tests::run(async { axum::serve(listener, router).await.unwrap() });
        Self { url, shared }
    }

    pub(crate) fn pushes(&self) -> Vec<Push> {
        self.shared.seen.lock().unwrap().pushes.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.seen.lock().unwrap().pushes.len()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.pushes().iter().map(Push::text).collect()
    }

    /// The most pushes that were under way at once: of one key, and of all.
    pub(crate) fn most(&self) -> (usize, usize) {
        let seen = self.shared.seen.lock().unwrap();
        (seen.most_of_a_key, seen.most)
    }

    pub(crate) async fn wait_for(&self, count: usize) {
        crate::eventually(&format!("{count} pushes"), async || self.count() >= count).await;
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let push = Push { headers, body: serde_json::from_slice(&body).unwrap(), at: SystemClock.now() };
    let (text, key) = (push.text(), push.key());
    let time = {
        let mut seen = shared.seen.lock().unwrap();
        seen.pushes.push(push);
        let of_key = seen.open.entry(key.clone()).or_default();
        *of_key += 1;
        let of_key = *of_key;
        if !key.is_empty() {
            seen.most_of_a_key = seen.most_of_a_key.max(of_key);
        }
        seen.most = seen.most.max(seen.open.values().sum());
        let time = seen.times.entry(text.clone()).or_default();
        *time += 1;
        *time
    };
    SystemClock.sleep_until(SystemClock.now().plus(shared.takes.as_millis() as i64)).await;
    *shared.seen.lock().unwrap().open.entry(key).or_default() -= 1;
    StatusCode::from_u16((shared.answer)(&text, time)).unwrap()
}

/// A subscription to `topic` that pushes to `receivers`, with quick retries.
pub(crate) fn subscription(topic: &str, receivers: &[&Receiver]) -> BridgeSubscription {
    BridgeSubscription {
        id: format!("{topic}-sub"),
        topic: topic.into(),
        endpoints: receivers.iter().map(|r| r.url.clone()).collect(),
        filter: None,
        dead_letter: None,
        min_backoff: Duration::from_millis(50),
        max_backoff: Duration::from_millis(200),
        audience: AUDIENCE.into(),
    }
}

pub(crate) async fn bridge(project: &Project, subscriptions: Vec<BridgeSubscription>) -> Bridge {
    let config = BridgeConfig {
        emulator: crate::emulator(),
        project: project.id.clone(),
        subscriptions,
        service_account_email: PUSHER.into(),
        parallel: 64,
        answer_within: Duration::from_secs(5),
    };
    Bridge::start(config, Arc::new(SystemClock)).await.unwrap()
}
