//! Published keys: how they are fetched, read, and for how long they are good.

use std::collections::HashMap;
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::header::CACHE_CONTROL;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

/// Largest set of keys that is read, in bytes. Google's has about 2 KiB.
const SET_MAX_BYTES: usize = 256 * 1_024;

/// For how long keys are good when the answer does not say, in seconds.
const MAX_AGE_DEFAULT: u64 = 3_600;

/// Bounds of what the answer may say, in seconds: neither a fetch for every token, nor keys for ever.
const MAX_AGE: std::ops::RangeInclusive<u64> = 60..=86_400;

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The address is none, or no client could be made.
    #[error("the keys' address cannot be used: {0}")]
    Address(String),
    /// There was no answer, or not in time.
    #[error("the keys cannot be fetched: {0}")]
    Fetch(#[from] reqwest::Error),
    /// There was an answer, but no keys.
    #[error("what was fetched is no set of keys: {0}")]
    Answer(String),
}

impl KeyError {
    /// Whether the address is wrong: what answers there has no keys, and will have none. Else the keys are away for now.
    pub fn is_about_the_address(&self) -> bool {
        match self {
            KeyError::Address(_) | KeyError::Answer(_) => true,
            KeyError::Fetch(error) => error.status().is_some_and(|status| status.is_client_error()),
        }
    }
}

/// A key, and the one algorithm for which it is used.
#[derive(Clone)]
pub(super) struct VerifyingKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

/// Keys by id, as fetched.
pub(super) struct Fetched {
    pub(super) keys: HashMap<String, VerifyingKey>,
    /// Good for so long.
    pub(super) max_age: Duration,
}

/// Where keys are fetched from.
pub(super) struct Source {
    client: Client,
    url: Url,
    /// Keys for other algorithms are passed over.
    algorithms: &'static [Algorithm],
}

impl Source {
    /// Fetches keys for these algorithms from `url`, waiting `timeout` at most.
    pub(super) fn new(
        url: &str,
        algorithms: &'static [Algorithm],
        timeout: Duration,
    ) -> Result<Self, KeyError> {
        let url = Url::parse(url).map_err(|error| KeyError::Address(error.to_string()))?;
        let client = Client::builder().timeout(timeout).redirect(Policy::none()).build();
        let client = client.map_err(|error| KeyError::Address(error.to_string()))?;
        Ok(Self { client, url, algorithms })
    }

    pub(super) async fn fetch(&self) -> Result<Fetched, KeyError> {
        let mut response = self.client.get(self.url.clone()).send().await?.error_for_status()?;
        if response.status() != http::StatusCode::OK {
            return Err(KeyError::Answer(response.status().to_string()));
        }
        let directives = response.headers().get_all(CACHE_CONTROL).iter();
        let directives: Vec<_> = directives.filter_map(|v| v.to_str().ok()).map(str::to_string).collect();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > SET_MAX_BYTES {
                return Err(KeyError::Answer(format!("it is longer than {SET_MAX_BYTES} bytes")));
            }
        }
        Ok(Fetched { keys: read(&body, self.algorithms)?, max_age: max_age(&directives.join(",")) })
    }
}

/// The signing keys of a set for these algorithms; others are passed over, so that a new kind of key breaks nothing.
fn read(body: &[u8], algorithms: &[Algorithm]) -> Result<HashMap<String, VerifyingKey>, KeyError> {
    let set: JwkSet = serde_json::from_slice(body).map_err(|error| KeyError::Answer(error.to_string()))?;
    let verifying = |key: &Jwk| {
        let algorithm = algorithm_of(key).filter(|algorithm| algorithms.contains(algorithm))?;
        let key_id = key.common.key_id.clone()?;
        Some((key_id, VerifyingKey { algorithm, key: DecodingKey::from_jwk(key).ok()? }))
    };
    let keys: HashMap<_, _> = set.keys.iter().filter_map(verifying).collect();
    match keys.is_empty() {
        true => Err(KeyError::Answer(format!("it has no key for {algorithms:?}"))),
        false => Ok(keys),
    }
}

/// The algorithm for which a key signs; of those that we know.
fn algorithm_of(key: &Jwk) -> Option<Algorithm> {
    let common = &key.common;
    let (algorithm, name) = match &key.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        _ => return None,
    };
    let is_it = common.key_algorithm.is_none_or(|told| told == name)
        && common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    is_it.then_some(algorithm)
}

fn max_age(directives: &str) -> Duration {
    let value = |directive: &str| {
        let (name, value) = directive.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then(|| value.trim().trim_matches('"').parse().ok())?
    };
    let seconds: u64 = directives.split(',').find_map(value).unwrap_or(MAX_AGE_DEFAULT);
    Duration::from_secs(seconds.clamp(*MAX_AGE.start(), *MAX_AGE.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_good_for_as_long_as_the_answer_says_within_reason() {
        for (directives, seconds) in [
            ("public, max-age=19000, must-revalidate", 19_000),
            ("Max-Age=\"600\"", 600),
            ("s-maxage=5", MAX_AGE_DEFAULT),
            ("", MAX_AGE_DEFAULT),
            ("max-age=soon", MAX_AGE_DEFAULT),
            ("no-store, max-age=0", 60),
            ("max-age=99999999", 86_400),
        ] {
            assert_eq!(max_age(directives).as_secs(), seconds, "{directives}");
        }
    }

    #[test]
    fn what_is_no_set_of_keys_is_not_taken() {
        for bad in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}"#] {
            let read = read(bad.as_bytes(), &[Algorithm::RS256, Algorithm::ES256]);
            assert!(matches!(read, Err(KeyError::Answer(_))), "{bad}");
        }
    }
}
