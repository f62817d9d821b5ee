//! Makes one push: a POST with a token, answered in time or failed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use serde_json::json;
use shared::domain::id::Timestamp;
use shared::runtime::clock::Clock;

use crate::issuer::{Issuer, IssuerError};

/// A token is good for so long, as Google's are, in seconds.
const TOKEN_SECONDS: i64 = 3_600;

/// A token that ends sooner than this is not used any more, in seconds.
const RENEW_SECONDS: i64 = 600;

/// What a courier is made of.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) issuer: Arc<Issuer>,
    pub(super) email: String,
    pub(super) answer_within: Duration,
    pub(super) clock: Arc<dyn Clock>,
}

/// The tokens of one audience.
pub(super) struct Tokens {
    audience: String,
    last: Mutex<Option<(String, Timestamp)>>,
}

impl Tokens {
    pub(super) fn new(audience: &str) -> Self {
        Self { audience: audience.to_string(), last: Mutex::default() }
    }

    /// A token that is good for some time yet.
    fn token(&self, courier: &Courier) -> Result<String, IssuerError> {
        let now = courier.clock.now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((token, until)) = &*last
            && now.plus(RENEW_SECONDS * 1_000) < *until
        {
            return Ok(token.clone());
        }
        let token = courier.issuer.sign(&json!({
            "iss": "https://accounts.google.com",
            "aud": self.audience,
            "azp": "bridge",
            "sub": "bridge",
            "email": courier.email,
            "email_verified": true,
            "iat": now.seconds(),
            "exp": now.seconds() + TOKEN_SECONDS,
        }))?;
        *last = Some((token.clone(), now.plus(TOKEN_SECONDS * 1_000)));
        Ok(token)
    }
}

/// Speaks for the bridge's account, as Cloud Scheduler does where there is one.
pub struct Caller {
    courier: Courier,
    tokens: Tokens,
}

impl Caller {
    pub(super) fn new(courier: Courier, audience: &str) -> Self {
        Self { courier, tokens: Tokens::new(audience) }
    }

    /// A token that is good for some time yet.
    pub fn token(&self) -> Result<String, IssuerError> {
        self.tokens.token(&self.courier)
    }
}

impl Courier {
    /// Pushes `body` to `endpoint`; whether it was acked.
    pub(super) async fn push(
        &self,
        client: &reqwest::Client,
        endpoint: &str,
        tokens: &Tokens,
        body: Bytes,
    ) -> bool {
        let token = match tokens.token(self) {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(%error, "no token for a push");
                return false;
            }
        };
        let request = client
            .post(endpoint)
            .timeout(self.answer_within)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, "CloudPubSub-Google")
            .body(body);
        match request.send().await {
            // What Pub/Sub takes for an ack; other 2xx are none.
            Ok(answer) => matches!(answer.status().as_u16(), 102 | 200 | 201 | 202 | 204),
            Err(error) => {
                tracing::debug!(endpoint, %error, "a push was not answered");
                false
            }
        }
    }
}
