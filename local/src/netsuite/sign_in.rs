//! Who is let in. Everybody, until an account is given an integration: from then on its token endpoint takes signed
//! assertions alone, and calls need a token that is good, or a signature of the older kind (TBA).
//!
//! ```text
//! assertion ─► algorithm, certificate, signature, client, address, times ─► access token, good for an hour
//! call ──────► Bearer: known, not ended │ OAuth: keys, signature, time, a nonce that is new ─► the gate
//! ```
//!
//! What NetSuite answers at the token endpoint is not documented beyond RFC 6749's names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use shared::domain::id::Timestamp;
use shared::netsuite::sign::TbaTokens;

use super::NetSuite;
use super::account::State;
use super::reply::{Channel, Reply};

/// RSA with the older padding (RS256) is refused.
const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::PS256, Algorithm::PS384, Algorithm::PS512, Algorithm::ES256, Algorithm::ES384];
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion is good for so long at most, s.
const ASSERTION_MAX_S: i64 = 3_600;
/// Clocks may differ by so much, s.
const APART_MAX_S: i64 = 300;

/// What an account knows of our integration.
#[derive(Clone, Default)]
pub struct Integration {
    /// The client id of the integration record.
    pub client_id: String,
    /// The certificates of the M2M mapping, by id.
    pub certificates: BTreeMap<String, Certificate>,
    /// Tokens of the older kind.
    pub tokens: Vec<TbaTokens>,
}

/// A certificate: the public half of a key.
#[derive(Clone)]
pub struct Certificate {
    /// The key.
    pub key: DecodingKey,
    /// From then on it is not good any more.
    pub until: Timestamp,
}

/// An account that lets in who signs.
pub(super) struct Door {
    netsuite_account: String,
    integration: Integration,
    /// Access tokens, by when they end.
    tokens: BTreeMap<String, Timestamp>,
    given: u64,
    /// Nonces of the older kind, with their times.
    nonces: BTreeSet<(i64, String)>,
}

/// What the token endpoint refuses, and why.
#[derive(Debug, PartialEq, Eq)]
struct Refused(&'static str, &'static str);

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Json,
    scope: Json,
    iat: i64,
    exp: i64,
}

pub(super) fn routes() -> Router<Arc<NetSuite>> {
    Router::new().route("/netsuite/{account}/services/rest/auth/oauth2/v1/token", post(token))
}

/// Turns calls away that are not signed in; to be laid around everything that integrations call.
pub(super) async fn guard(Shared(netsuite): Shared<Arc<NetSuite>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let channel = if path.ends_with("/restlet.nl") { Channel::Restlet } else { Channel::Rest };
    let account = path.split('/').nth(2).and_then(|name| netsuite.account_at(name));
    let is_refused = account.is_some_and(|account| {
        let mut state = account.enter();
        let now = state.now;
        let is_let_in = state.door.as_mut().is_none_or(|door| {
            door.lets_in(request.method(), &whole(request.uri(), request.headers()), request.headers(), now)
        });
        state.stats.calls += u64::from(!is_let_in);
        state.stats.not_signed_in += u64::from(!is_let_in);
        !is_let_in
    });
    if is_refused { Reply::unauthorised(channel).into_response() } else { next.run(request).await }
}

async fn token(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path(account): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    let Some(account) = netsuite.account_at(&account) else {
        return Reply::html(StatusCode::NOT_FOUND, "Not Found");
    };
    let mut state = account.enter();
    if state.faults().down {
        return Reply::maintenance();
    }
    match give(&mut state, &whole(&uri, &headers), &body) {
        Ok(reply) => reply,
        Err(Refused(name, words)) => {
            let status = match name {
                "invalid_client" => StatusCode::UNAUTHORIZED,
                _ => StatusCode::BAD_REQUEST,
            };
            Reply::json(status, &json!({ "error": name, "error_description": words }))
        }
    }
}

/// Gives an access token to who brings a good assertion.
fn give(state: &mut State, address: &str, body: &[u8]) -> Result<Reply, Refused> {
    let form = form(body);
    let said = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if said("grant_type") != "client_credentials" {
        return Err(Refused("unsupported_grant_type", "Only client_credentials."));
    }
    if said("client_assertion_type") != ASSERTION {
        return Err(Refused("invalid_request", "The client assertion type is missing or unknown."));
    }
    let (now, lives_s) = (state.now, state.faults().token_lives_s);
    let door = state.door.as_mut().ok_or(Refused("invalid_client", "There is no integration."))?;
    door.integration.checked(said("client_assertion"), address, now)?;
    door.given += 1;
    let token = format!("at-{}-{}", door.netsuite_account.to_ascii_lowercase(), door.given);
    door.tokens.retain(|_, ends| *ends > now);
    door.tokens.insert(token.clone(), now.plus(lives_s * 1_000));
    state.stats.tokens_given += 1;
    let answer = json!({ "access_token": token, "expires_in": lives_s.to_string(), "token_type": "bearer" });
    Ok(Reply::json(StatusCode::OK, &answer))
}

impl Integration {
    /// Whether an assertion for the endpoint at `address` is good.
    fn checked(&self, assertion: &str, address: &str, now: Timestamp) -> Result<(), Refused> {
        let malformed =
            Refused("invalid_request", "The client assertion is no JWT, or of no algorithm known.");
        let header = decode_header(assertion).map_err(|_| malformed)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Refused(
                "invalid_request",
                "The algorithm must be PS256, PS384, PS512, ES256 or ES384.",
            ));
        }
        let certificate = header.kid.and_then(|id| self.certificates.get(&id));
        let certificate = certificate.ok_or(Refused("invalid_client", "The certificate is not mapped."))?;
        if certificate.until <= now {
            return Err(Refused("invalid_grant", "The certificate has expired."));
        }
        let mut validation = Validation::new(header.alg);
        // Times are judged by the simulator's clock, and the address is compared whole.
        (validation.validate_exp, validation.validate_aud) = (false, false);
        validation.required_spec_claims.clear();
        let decoded = decode::<Claims>(assertion, &certificate.key, &validation);
        let claims =
            decoded.map_err(|_| Refused("invalid_grant", "The signature is not the certificate's."))?.claims;
        let has = |json: &Json, wanted: &str| match json {
            Json::String(text) => text.split(',').any(|one| one.trim() == wanted),
            Json::Array(all) => all.iter().any(|one| one == wanted),
            _ => false,
        };
        let now_s = now.seconds();
        if claims.iss != self.client_id {
            Err(Refused("invalid_client", "There is no such client."))
        } else if !has(&claims.aud, address) {
            Err(Refused("invalid_grant", "The audience is another."))
        } else if !["restlets", "rest_webservices"].iter().all(|scope| has(&claims.scope, scope)) {
            Err(Refused("invalid_scope", "The integration needs restlets and rest_webservices."))
        } else if claims.exp <= now_s || claims.iat > now_s + APART_MAX_S {
            Err(Refused("invalid_grant", "The assertion has expired, or is not good yet."))
        } else if claims.exp - claims.iat > ASSERTION_MAX_S {
            Err(Refused("invalid_grant", "The assertion is good for too long."))
        } else {
            Ok(())
        }
    }
}

impl Door {
    pub(super) fn new(netsuite_account: String, integration: Integration) -> Self {
        let (tokens, nonces) = (BTreeMap::new(), BTreeSet::new());
        Self { netsuite_account, integration, tokens, given: 0, nonces }
    }

    /// Every token ends now.
    pub(super) fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    fn lets_in(&mut self, method: &Method, address: &str, headers: &HeaderMap, now: Timestamp) -> bool {
        let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match said.and_then(|said| said.split_once(' ')) {
            Some(("Bearer", token)) => self.tokens.get(token).is_some_and(|ends| now < *ends),
            Some(("OAuth", said)) => self.is_signed(method, address, said, now.seconds()),
            _ => false,
        }
    }

    /// Whether a request bears a signature of the older kind, made for it and for it alone.
    fn is_signed(&mut self, method: &Method, address: &str, said: &str, now_s: i64) -> bool {
        let said = parameters(said);
        let (Some(nonce), Some(Ok(at_s)), Ok(uri)) = (
            said.get("oauth_nonce").cloned(),
            said.get("oauth_timestamp").map(|at| at.parse::<i64>()),
            address.parse::<Uri>(),
        ) else {
            return false;
        };
        let is_ours = |tokens: &TbaTokens| {
            let header = tokens.header(&self.netsuite_account, method, &uri, &nonce, at_s);
            header.strip_prefix("OAuth ").is_some_and(|expected| parameters(expected) == said)
        };
        let is_timely = (now_s - at_s).abs() <= APART_MAX_S;
        if !is_timely || !self.integration.tokens.iter().any(is_ours) {
            return false;
        }
        self.nonces = self.nonces.split_off(&(now_s - APART_MAX_S, String::new()));
        self.nonces.insert((at_s, nonce))
    }
}

/// A request's whole address, as its client wrote it: over a socket it comes without host.
fn whole(uri: &Uri, headers: &HeaderMap) -> String {
    if uri.scheme().is_some() {
        return uri.to_string();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}{uri}")
}

/// `name="value"`, several, with commas between; values in percent form.
fn parameters(said: &str) -> BTreeMap<String, String> {
    let pairs = said.split(',').filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| (name.to_string(), decoded(value.trim_matches('"')))).collect()
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// Without percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
