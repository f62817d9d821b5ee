//! Tokens good and forged, keys that come, go and cannot be had.

mod door;
mod forgeries;
mod keys;
mod people;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};
use shared::domain::id::Timestamp;
use shared::runtime::clock::{BoxFuture, Clock};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{KeyLimits, PushVerifier, Refused};
use crate::config::TokenConfig;
use crate::issuer::Issuer;

const AUDIENCE: &str = "https://merge.example/push";
const PUSHER: &str = "pubsub-push@project.iam.gserviceaccount.com";
const SCHEDULER: &str = "scheduler@project.iam.gserviceaccount.com";
const START: i64 = 1_760_000_000;

/// A clock that a test sets.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, _until: Timestamp) -> BoxFuture<()> {
        Box::pin(std::future::pending())
    }
}

/// A verifier, Google's part on the wire, and the time.
struct Stage {
    google: MockServer,
    issuer: Issuer,
    clock: Arc<Hand>,
    verifier: Arc<PushVerifier>,
}

impl Stage {
    /// Google publishes the issuer's key, good for an hour.
    async fn new() -> Self {
        let stage = Self::without_keys().await;
        stage.publish(&stage.issuer, "public, max-age=3600", Duration::ZERO).await;
        stage
    }

    /// Google answers nothing but 404.
    async fn without_keys() -> Self {
        let google = MockServer::start().await;
        let clock = Arc::new(Hand(AtomicI64::new(START * 1_000)));
        let config = TokenConfig {
            audience: AUDIENCE.into(),
            service_accounts: vec![PUSHER.into(), SCHEDULER.into()],
            jwks_url: format!("{}/certs", google.uri()),
        };
        let limits = KeyLimits { fetch_within: Duration::from_millis(500), ..KeyLimits::default() };
        let verifier = PushVerifier::new(&config, limits, Arc::clone(&clock) as _).unwrap();
        Self { google, issuer: Issuer::new("key-1").unwrap(), clock, verifier: Arc::new(verifier) }
    }

    /// From now on Google publishes this issuer's key, after `delay`.
    async fn publish(&self, issuer: &Issuer, cache_control: &str, delay: Duration) {
        let answer = ResponseTemplate::new(200).set_body_json(issuer.jwks()).set_delay(delay);
        self.answer(answer.insert_header("cache-control", cache_control)).await;
    }

    /// From now on Google answers this; the fetches counted so far are forgotten.
    async fn answer(&self, answer: ResponseTemplate) {
        self.google.reset().await;
        Mock::given(path("/certs")).respond_with(answer).mount(&self.google).await;
    }

    async fn fetches(&self) -> usize {
        self.google.received_requests().await.unwrap().len()
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// The claims of a good token, now.
    fn claims(&self) -> Json {
        let now = self.clock.now().seconds();
        json!({
            "iss": "https://accounts.google.com", "aud": AUDIENCE, "azp": "1", "sub": "1",
            "email": PUSHER, "email_verified": true, "iat": now, "exp": now + 3_600,
        })
    }

    fn with(&self, name: &str, value: impl Into<Json>) -> Json {
        let mut claims = self.claims();
        claims[name] = value.into();
        claims
    }

    /// A good token, now.
    fn token(&self) -> String {
        self.issuer.sign(&self.claims()).unwrap()
    }

    async fn verify(&self, token: &str) -> Result<(), Refused> {
        self.verifier.verify(token).await
    }
}
