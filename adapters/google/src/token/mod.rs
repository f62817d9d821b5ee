//! The OIDC tokens with which Pub/Sub push and Cloud Scheduler call us; and [`people`]'s.
//!
//! A token is believed when one of the issuer's keys signed it and it is for us: `keys` finds the key, `claims` judges
//! what it says, [`verified`] stands before the routes. The algorithm is the key's to say, never the token's.

mod claims;
mod jwks;
mod keys;
mod layer;
pub mod people;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::de::DeserializeOwned;
use shared::domain::id::Timestamp;
use shared::runtime::clock::Clock;
use shared::runtime::problem::Problem;

use crate::config::TokenConfig;
use claims::{Accepted, Claims};
use jwks::VerifyingKey;
use keys::{Keys, NoKey};

pub use keys::{KeyError, KeyLimits};
pub use layer::verified;

/// Longest token that is looked at, in bytes. Google's have less than 2 KiB.
const TOKEN_MAX_BYTES: usize = 8 * 1_024;

/// Why a caller is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no bearer token.
    #[error("there is no bearer token")]
    NoToken,
    /// The token cannot be read, or lacks a claim.
    #[error("the token cannot be read")]
    Malformed,
    /// The token names another algorithm than its key's.
    #[error("the token is not signed by its key's algorithm")]
    Algorithm,
    /// No known key has the token's key id.
    #[error("the token's key is not known")]
    UnknownKey,
    /// The signature is not that key's.
    #[error("the signature does not fit")]
    BadSignature,
    /// The token is over, or not yet begun.
    #[error("the token is not valid at this time")]
    OutsideTime,
    /// Google did not issue it.
    #[error("the token is from another issuer")]
    Issuer,
    /// A valid token, for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// A valid token, of an account that may not call.
    #[error("the caller's account may not call")]
    Account,
    /// The signing keys were never read, so nobody can be believed now.
    #[error("the signing keys cannot be read")]
    NoKeys,
}

impl Refused {
    /// A short stable name, for counting and the log.
    pub fn name(self) -> &'static str {
        match self {
            Refused::NoToken => "no_token",
            Refused::Malformed => "token_malformed",
            Refused::Algorithm => "token_algorithm",
            Refused::UnknownKey => "token_unknown_key",
            Refused::BadSignature => "token_bad_signature",
            Refused::OutsideTime => "token_outside_time",
            Refused::Issuer => "token_issuer",
            Refused::Audience => "token_audience",
            Refused::Account => "token_account",
            Refused::NoKeys => "token_no_keys",
        }
    }
}

impl From<Refused> for Problem {
    /// 401 for whoever is not known, in one form that helps no guess; 403 for a known caller in the wrong
    /// place; 503 when we could not tell, so that the bus tries again.
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Audience | Refused::Account => Problem::forbidden(refused.to_string()),
            Refused::NoKeys => Problem::unavailable(refused.to_string()),
            Refused::NoToken
            | Refused::Malformed
            | Refused::Algorithm
            | Refused::UnknownKey
            | Refused::BadSignature
            | Refused::OutsideTime
            | Refused::Issuer => Problem::unauthorized("a valid push token is needed"),
        }
    }
}

/// Verifies push tokens.
pub struct PushVerifier {
    accepted: Accepted,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl PushVerifier {
    /// A verifier of tokens for the configured audience and accounts. Keys are fetched when the first token
    /// comes. An error means that no HTTPS client could be made: there are no root certificates, or no TLS
    /// provider was installed.
    pub fn new(config: &TokenConfig, limits: KeyLimits, clock: Arc<dyn Clock>) -> Result<Self, KeyError> {
        let keys = Keys::new(&config.jwks_url, &[Algorithm::RS256], limits)?;
        let accepted = Accepted::new(&config.audience, &config.service_accounts);
        Ok(Self { accepted, keys, clock })
    }

    /// Fetches the keys, for the start of a process.
    pub async fn check(&self) -> Result<(), KeyError> {
        self.keys.check(self.clock.now()).await
    }

    /// Whether `token` is signed by Google, for us, now, and of an account that may call.
    pub async fn verify(&self, token: &str) -> Result<(), Refused> {
        let now = self.clock.now();
        let claims: Claims = believed(token, &self.keys, &[Algorithm::RS256], now).await?;
        self.accepted.judge(&claims, now)
    }
}

/// What a token says, if one of these keys has signed it by one of these algorithms.
async fn believed<C: DeserializeOwned>(
    token: &str,
    keys: &Keys,
    algorithms: &[Algorithm],
    now: Timestamp,
) -> Result<C, Refused> {
    let header = head(token, algorithms)?;
    let id = header.kid.ok_or(Refused::UnknownKey)?;
    let key = keys.find(&id, now).await.map_err(|none| match none {
        NoKey::Unknown => Refused::UnknownKey,
        NoKey::Unavailable => Refused::NoKeys,
    })?;
    if header.alg != key.algorithm {
        return Err(Refused::Algorithm);
    }
    signed(token, &key)
}

/// A token's head, if it is one that we may look at.
fn head(token: &str, algorithms: &[Algorithm]) -> Result<jsonwebtoken::Header, Refused> {
    if token.len() > TOKEN_MAX_BYTES {
        return Err(Refused::Malformed);
    }
    // `alg: none` and names that nobody knows do not parse as an algorithm at all.
    let header = decode_header(token).map_err(|error| match error.kind() {
        ErrorKind::Json(_) | ErrorKind::InvalidAlgorithmName => Refused::Algorithm,
        _ => Refused::Malformed,
    })?;
    if algorithms.contains(&header.alg) { Ok(header) } else { Err(Refused::Algorithm) }
}

/// What a token says, if this key has signed it.
fn signed<C: DeserializeOwned>(token: &str, key: &VerifyingKey) -> Result<C, Refused> {
    let token = decode::<C>(token, &key.key, &signature_only(key.algorithm));
    token.map(|token| token.claims).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => Refused::BadSignature,
        ErrorKind::InvalidAlgorithm => Refused::Algorithm,
        _ => Refused::Malformed,
    })
}

/// The library checks the signature alone; [`claims`] judges the rest, by our clock.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    validation
}
