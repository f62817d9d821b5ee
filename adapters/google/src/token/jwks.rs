//! Google's published keys: how they are fetched, read, and for how long they are good.

use std::collections::HashMap;
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
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

/// Keys by id, as fetched.
pub(super) struct Fetched {
    pub(super) keys: HashMap<String, DecodingKey>,
    /// Good for so long.
    pub(super) max_age: Duration,
}

/// Where keys are fetched from.
pub(super) struct Source {
    client: Client,
    url: Url,
}

impl Source {
    /// Fetches from `url`, waiting `timeout` at most.
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, KeyError> {
        let url = Url::parse(url).map_err(|error| KeyError::Address(error.to_string()))?;
        let client = Client::builder().timeout(timeout).redirect(Policy::none()).build();
        Ok(Self { client: client.map_err(|error| KeyError::Address(error.to_string()))?, url })
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
        Ok(Fetched { keys: read(&body)?, max_age: max_age(&directives.join(",")) })
    }
}

/// The RS256 signing keys of a set; others are passed over, so that a new kind of key breaks nothing.
fn read(body: &[u8]) -> Result<HashMap<String, DecodingKey>, KeyError> {
    let set: JwkSet = serde_json::from_slice(body).map_err(|error| KeyError::Answer(error.to_string()))?;
    let keys = set.keys.iter().filter(|key| signs_rs256(key));
    let keys: HashMap<_, _> =
        keys.filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(key).ok()?))).collect();
    if keys.is_empty() { Err(KeyError::Answer("it has no RS256 key".into())) } else { Ok(keys) }
}

fn signs_rs256(key: &Jwk) -> bool {
    let common = &key.common;
    matches!(key.algorithm, AlgorithmParameters::RSA(_))
        && common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::RS256)
        && common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
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
            assert!(matches!(read(bad.as_bytes()), Err(KeyError::Answer(_))), "{bad}");
        }
    }
}
