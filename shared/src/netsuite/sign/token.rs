//! An account's access token: how it is got, and when it is got again.
//!
//! ```text
//! good ──────────────────► used
//! near its end ──────────► one caller renews it, the others use it
//! none, ended ───────────► all wait for one who gets it; if that fails, it fails for all, for some seconds
//! refused, and current ──► thrown away; the call is made once more. Refused again so soon: it is not the token
//! refused, not current ──► somebody has another by now; the call is made once more
//! refused too late for that: a token that was taken before has ended, the call is made another time; one that was
//!                            never taken is a refused sign-in
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use serde::Deserialize;
use serde_json::Value as Json;
use tower::ServiceExt;

use super::{Grant, percent_encoded, sensitive};
use crate::domain::governance::CallEnd;
use crate::domain::id::Timestamp;
use crate::netsuite::error::call_fault;
use crate::netsuite::transport::{Lost, Transport, Within};
use crate::runtime::clock::Clock;
use crate::writer::CallFault;

/// The token endpoint is given so long.
const MINT_WITHIN: Duration = Duration::from_secs(10);

/// A token is renewed so long before its end, ms: clocks differ, and calls take their time to get there.
const RENEW_BEFORE_MS: i64 = 120_000;

/// A token is good for so long, in seconds, if the answer does not say.
const GOOD_SECONDS: i64 = 3_600;

/// A fresh token that is refused as well is not thrown away for so long, ms. NetSuite has answered overload as a
/// refused login: new tokens would not help, and be one more storm.
const REMAKE_EVERY_MS: i64 = 30_000;

/// After a failed try nobody tries again for so long, ms: a whole backlog may be asking.
const RETRY_EVERY_MS: i64 = 5_000;

/// A token in use.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) number: u64,
    renew_at: Timestamp,
    ends_at: Timestamp,
}

/// What a refused token says of our sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::netsuite) enum Refusal {
    /// NetSuite took this token before, or somebody has another by now: another may be good.
    Ended,
    /// It never took this one. Another may be good.
    Untried,
    /// It is not the token: one was lately thrown away for the same, or there is none to throw away.
    SignIn,
}

/// A token as it was got.
pub(super) struct Minted {
    header: HeaderValue,
    asked_at: Timestamp,
    good_ms: i64,
}

/// One account's tokens.
#[derive(Default)]
pub(super) struct Tokens {
    held: Mutex<Held>,
    /// Held by the one caller that gets a token.
    minting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Held {
    token: Option<Token>,
    /// The number of the last token that NetSuite took.
    taken: Option<u64>,
    /// Tries that have ended, well or not.
    tries: u64,
    /// When the last try ended, if it ended badly.
    failed: Option<(Timestamp, CallFault)>,
    /// When a token was last thrown away for being refused.
    refused_at: Option<Timestamp>,
}

enum Step {
    Use(Token),
    /// Use it, and see that somebody renews it.
    UseAndRenew(Token),
    Wait,
    Fail(CallFault),
}

impl Tokens {
    /// The token to call with; `mint` gets one.
    pub(super) async fn get<M, F>(&self, clock: &dyn Clock, mint: M) -> Result<Token, CallFault>
    where
        M: FnOnce() -> F,
        F: Future<Output = Result<Minted, CallFault>>,
    {
        // The guard must not live through a wait.
        let step = self.held().step(clock.now());
        match step {
            Step::Use(token) => Ok(token),
            Step::Fail(fault) => Err(fault),
            Step::UseAndRenew(token) => {
                let Ok(_alone) = self.minting.try_lock() else { return Ok(token) };
                // Another may have renewed it between the look and the lock.
                if let Step::Use(token) = self.held().step(clock.now()) {
                    return Ok(token);
                }
                match self.mint(clock, mint).await {
                    Ok(token) => Ok(token),
                    Err(fault) => {
                        tracing::warn!(why = %fault, "NetSuite's access token is not renewed; the old one is good yet");
                        Ok(token)
                    }
                }
            }
            Step::Wait => {
                let _alone = self.minting.lock().await;
                // Another may have tried while we waited.
                let step = self.held().step(clock.now());
                match step {
                    Step::Use(token) | Step::UseAndRenew(token) => Ok(token),
                    Step::Fail(fault) => Err(fault),
                    Step::Wait => self.mint(clock, mint).await,
                }
            }
        }
    }

    /// NetSuite took the token `number`.
    pub(super) fn taken(&self, number: u64) {
        self.held().taken = Some(number);
    }

    /// The token `number` was refused.
    pub(super) fn refused(&self, number: u64, now: Timestamp) -> Refusal {
        let mut held = self.held();
        if held.token.as_ref().is_none_or(|token| token.number != number) {
            return Refusal::Ended;
        }
        // A clock that was set back must not forbid a new token until it catches up.
        let is_soon = |at: Timestamp| now >= at && now < at.plus(REMAKE_EVERY_MS);
        if held.refused_at.is_some_and(is_soon) {
            return Refusal::SignIn;
        }
        (held.token, held.refused_at) = (None, Some(now));
        match held.taken == Some(number) {
            true => Refusal::Ended,
            false => Refusal::Untried,
        }
    }

    async fn mint<M, F>(&self, clock: &dyn Clock, mint: M) -> Result<Token, CallFault>
    where
        M: FnOnce() -> F,
        F: Future<Output = Result<Minted, CallFault>>,
    {
        let minted = mint().await;
        let mut held = self.held();
        held.tries += 1;
        match minted {
            Ok(Minted { header, asked_at, good_ms }) => {
                let before = RENEW_BEFORE_MS.min(good_ms / 4);
                let (renew_at, ends_at) = (asked_at.plus(good_ms - before), asked_at.plus(good_ms));
                let token = Token { header, number: held.tries, renew_at, ends_at };
                (held.token, held.failed) = (Some(token.clone()), None);
                Ok(token)
            }
            Err(fault) => {
                held.failed = Some((clock.now(), fault.clone()));
                Err(fault)
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// What to do now. Pure.
    fn step(&self, now: Timestamp) -> Step {
        let lately = |at: Timestamp| now >= at && now < at.plus(RETRY_EVERY_MS);
        let failed = self.failed.as_ref().filter(|(at, _)| lately(*at));
        match (self.token.as_ref().filter(|token| now < token.ends_at), failed) {
            (Some(token), None) if now >= token.renew_at => Step::UseAndRenew(token.clone()),
            (Some(token), _) => Step::Use(token.clone()),
            (None, Some((_, fault))) => Step::Fail(fault.clone()),
            (None, None) => Step::Wait,
        }
    }
}

/// The token endpoint's good answer.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seen as a number and as text.
    #[serde(default)]
    expires_in: Json,
}

/// Gets a token from NetSuite.
pub(super) async fn mint(
    grant: &Grant,
    transport: &Transport,
    token_url: &str,
    clock: &dyn Clock,
) -> Result<Minted, CallFault> {
    let not_made = |why: String| CallFault::new(CallEnd::NotMade, why);
    let asked_at = clock.now();
    let assertion = grant.assertion(token_url, asked_at);
    let assertion = assertion.map_err(|error| not_made(format!("the private key does not sign: {error}")))?;
    let kind = percent_encoded("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let form = format!(
        "grant_type=client_credentials&client_assertion_type={kind}&client_assertion={}",
        percent_encoded(&assertion)
    );
    let request = Request::post(token_url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .extension(Within(MINT_WITHIN))
        .body(Bytes::from(form))
        .map_err(|error| not_made(error.to_string()))?;
    // Whatever became of the token, the call itself was not made.
    let response = transport.clone().oneshot(request).await.map_err(|lost| match lost {
        Lost::NotSent(why) | Lost::NoAnswer(why) => not_made(format!("NetSuite's token endpoint: {why}")),
    })?;
    let (parts, body) = response.into_parts();
    if parts.status != StatusCode::OK {
        return Err(refusal(parts.status, &body));
    }
    let Ok(granted) = serde_json::from_slice::<Granted>(&body) else {
        if serde_json::from_slice::<Refused>(&body).is_ok() {
            return Err(refusal(parts.status, &body));
        }
        // Not repeated: it may hold a token.
        return Err(not_made("NetSuite's token endpoint answered no token".into()));
    };
    let header = sensitive(&format!("Bearer {}", granted.access_token))?;
    Ok(Minted { header, asked_at, good_ms: 1_000 * seconds(&granted.expires_in) })
}

/// Within a minute and an hour, so that an odd answer neither asks for a token at every call nor keeps one for ever.
fn seconds(expires_in: &Json) -> i64 {
    let seconds = match expires_in {
        Json::String(text) => text.trim().parse().ok(),
        number => number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64)),
    };
    seconds.unwrap_or(GOOD_SECONDS).clamp(60, GOOD_SECONDS)
}

/// What the token endpoint refuses by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GrantError {
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    UnauthorizedClient,
    UnsupportedGrantType,
    ServerError,
    TemporarilyUnavailable,
}

/// Its words: a name of RFC 6749, and more if it likes.
#[derive(Deserialize)]
struct Refused {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl GrantError {
    /// How the call ended that wanted the token, and what a person can do.
    fn meaning(self) -> (CallEnd, &'static str) {
        match self {
            GrantError::InvalidClient | GrantError::UnauthorizedClient => (
                CallEnd::Auth,
                "NetSuite does not know our client or its certificate: see that the integration record is enabled with \
                 the client credentials grant, and that the OAuth 2.0 client credentials (M2M) mapping with our \
                 certificate id is there and not expired; a sandbox refresh deletes it.",
            ),
            GrantError::InvalidGrant => (
                CallEnd::Auth,
                "NetSuite refuses our certificate's signature: the certificate may have expired (two years at most) \
                 or been revoked, its mapping been lost in a sandbox refresh, the private key be another's, or this \
                 machine's clock be wrong. Make a new certificate and mapping if need be.",
            ),
            GrantError::InvalidScope => (
                CallEnd::Auth,
                "The integration record must allow the scopes RESTlets and REST Web Services.",
            ),
            GrantError::InvalidRequest | GrantError::UnsupportedGrantType => (
                CallEnd::Auth,
                "NetSuite does not take this kind of sign-in: enable OAuth 2.0 and its client credentials grant in \
                 Setup > Company > Enable Features, and on the integration record.",
            ),
            GrantError::ServerError | GrantError::TemporarilyUnavailable => {
                (CallEnd::NotMade, "NetSuite's sign-in is down; it is tried again.")
            }
        }
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> CallFault {
    let refused: Option<Refused> = serde_json::from_slice(body).ok();
    if let Some(Refused { error, error_description }) = refused
        && let Ok(known) = serde_json::from_value::<GrantError>(Json::from(error.as_str()))
    {
        let (end, hint) = known.meaning();
        let why = format!("no access token, {error}: {error_description} {hint}");
        return CallFault { end, code: Some(error), why };
    }
    let fault = call_fault(status, body);
    // What the endpoint did with our question is all one: the call itself was not made.
    let end = match fault.end {
        CallEnd::Unclear | CallEnd::Unknown => match status.is_client_error() {
            true if status != StatusCode::REQUEST_TIMEOUT => CallEnd::Auth,
            _ => CallEnd::NotMade,
        },
        end => end,
    };
    CallFault { end, why: format!("no access token: {}", fault.why), ..fault }
}
