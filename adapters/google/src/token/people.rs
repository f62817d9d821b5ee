//! People's tokens: what Identity-Aware Proxy asserts of whom it lets through, and what SuiteX issues to its users.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use shared::domain::id::Timestamp;
use shared::runtime::clock::Clock;
use shared::runtime::env::EnvReader;
use shared::runtime::identity::{Identified, Identify};
use shared::runtime::problem::Problem;

use super::claims::{Audience, is_of_now};
use super::jwks::VerifyingKey;
use super::keys::{KeyError, KeyLimits, Keys};
use super::{Refused, believed, head, signed};

/// Where the proxy publishes the keys that sign its assertions.
pub const IAP_JWKS: &str = "https://www.gstatic.com/iap/verify/public_key-jwk";

/// How the proxy names itself.
const IAP_ISSUER: &str = "https://cloud.google.com/iap";

/// Where its assertion is.
const IAP_HEADER: HeaderName = HeaderName::from_static("x-goog-iap-jwt-assertion");

const IAP_ALGORITHMS: &[Algorithm] = &[Algorithm::ES256];
const SUITEX_ALGORITHMS: &[Algorithm] = &[Algorithm::RS256, Algorithm::ES256];

/// How people are let in.
///
/// | variable | default | |
/// |---|---|---|
/// | `REVIEW_IDENTITY` | | `iap`, `suitex` or `development` |
/// | `REVIEW_IAP_AUDIENCE` | | of `iap`: the audience, `/projects/<number>/…` |
/// | `REVIEW_IAP_JWKS_URL` | [`IAP_JWKS`] | of `iap`: where its keys are |
/// | `REVIEW_JWT_ISSUER` `REVIEW_JWT_AUDIENCE` | | of `suitex`: who issues tokens, and for whom |
/// | `REVIEW_JWT_JWKS_URL` or `REVIEW_JWT_PEM` | | of `suitex`: where its keys are; or its public key, the path of a PEM file or its text |
/// | `REVIEW_JWT_COOKIE` | `suitex_token` | of `suitex`: the cookie that holds the token, beside `Authorization: Bearer` |
///
/// `development` lets everybody be anybody. It is refused where a deployment is (`K_SERVICE` is set), and where others
/// could come by: `HOST` must be an address of this machine alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleConfig {
    /// By the proxy's assertion.
    Iap {
        /// Whom it must be for.
        audience: String,
        /// Where its keys are.
        jwks_url: String,
    },
    /// By a token of SuiteX's.
    Suitex {
        /// Who must have issued it.
        issuer: String,
        /// Whom it must be for.
        audience: String,
        /// The cookie that may hold it.
        cookie: String,
        /// Where its keys are.
        keys: KeysAt,
    },
    /// By their own word.
    Development,
}

/// Where keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysAt {
    /// Published there.
    Url(String),
    /// This one, in PEM.
    Pem(String),
}

impl PeopleConfig {
    /// Reads the variables; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>, is_loopback: bool) -> Self {
        let url = |reader: &mut EnvReader<'_>, name: &str, url: String| {
            if reqwest::Url::parse(&url).is_err() {
                reader.refuse(name, "it is not a URL");
            }
            url
        };
        match reader.required("REVIEW_IDENTITY", "how people are let in: iap, suitex or development").as_str()
        {
            "iap" => {
                let audience =
                    reader.required("REVIEW_IAP_AUDIENCE", "the audience of the proxy's assertions");
                let given = reader.optional("REVIEW_IAP_JWKS_URL").unwrap_or_else(|| IAP_JWKS.into());
                PeopleConfig::Iap { audience, jwks_url: url(reader, "REVIEW_IAP_JWKS_URL", given) }
            }
            "suitex" => PeopleConfig::Suitex {
                issuer: reader.required("REVIEW_JWT_ISSUER", "who issues people's tokens"),
                audience: reader.required("REVIEW_JWT_AUDIENCE", "whom people's tokens are for"),
                cookie: reader.optional("REVIEW_JWT_COOKIE").unwrap_or_else(|| "suitex_token".into()),
                keys: match (reader.optional("REVIEW_JWT_JWKS_URL"), reader.optional("REVIEW_JWT_PEM")) {
                    (Some(given), None) => KeysAt::Url(url(reader, "REVIEW_JWT_JWKS_URL", given)),
                    (None, Some(pem)) => KeysAt::Pem(pem_of(reader, pem)),
                    (Some(_), Some(_)) => {
                        reader.refuse(
                            "REVIEW_JWT_PEM",
                            "it does not go with REVIEW_JWT_JWKS_URL: one says where keys are",
                        );
                        PeopleConfig::no_keys()
                    }
                    (None, None) => {
                        reader.refuse(
                            "REVIEW_JWT_JWKS_URL",
                            "is missing: where SuiteX publishes its keys; or REVIEW_JWT_PEM",
                        );
                        PeopleConfig::no_keys()
                    }
                },
            },
            "development" => {
                if reader.optional("K_SERVICE").is_some() {
                    reader.refuse(
                        "REVIEW_IDENTITY",
                        "development lets everybody be anybody, and this is a deployment",
                    );
                }
                if !is_loopback {
                    let reason = "development lets everybody be anybody: HOST must be 127.0.0.1 or ::1";
                    reader.refuse("REVIEW_IDENTITY", reason);
                }
                PeopleConfig::Development
            }
            other => {
                // Missing has been told already.
                if !other.is_empty() {
                    reader.refuse("REVIEW_IDENTITY", "only iap, suitex and development are known");
                }
                PeopleConfig::Development
            }
        }
    }

    fn no_keys() -> KeysAt {
        KeysAt::Pem(String::new())
    }
}

/// The text of a PEM, given as such or by its path.
fn pem_of(reader: &mut EnvReader<'_>, given: String) -> String {
    let text = if given.contains("-----BEGIN") { Ok(given) } else { std::fs::read_to_string(&given) };
    match text.map(|text| verifying_key(&text).map(|_| text)) {
        Ok(Ok(text)) => text,
        Ok(Err(KeyError::Answer(why) | KeyError::Address(why))) => {
            reader.refuse("REVIEW_JWT_PEM", why);
            String::new()
        }
        Ok(Err(KeyError::Fetch(_))) | Err(_) => {
            reader.refuse("REVIEW_JWT_PEM", "the file cannot be read");
            String::new()
        }
    }
}

/// A public key in PEM: RSA for RS256, or P-256 for ES256.
fn verifying_key(pem: &str) -> Result<VerifyingKey, KeyError> {
    if pem.contains("PRIVATE KEY") {
        return Err(KeyError::Answer("it is a private key, which has no business here".into()));
    }
    let rsa = DecodingKey::from_rsa_pem(pem.as_bytes()).map(|key| (Algorithm::RS256, key));
    let key = rsa.or_else(|_| DecodingKey::from_ec_pem(pem.as_bytes()).map(|key| (Algorithm::ES256, key)));
    let (algorithm, key) =
        key.map_err(|_| KeyError::Answer("it is no public key of RSA or P-256 in PEM".into()))?;
    Ok(VerifyingKey { algorithm, key })
}

/// What a person's token says.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: i64,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<bool>,
    #[serde(default)]
    name: Option<String>,
}

impl Claims {
    fn judge(self, issuer: &str, audience: &str, now: Timestamp) -> Result<Identified, Refused> {
        if self.iss != issuer {
            return Err(Refused::Issuer);
        }
        if !self.aud.has(audience) {
            return Err(Refused::Audience);
        }
        if !is_of_now(self.exp, self.nbf.max(self.iat), now) {
            return Err(Refused::OutsideTime);
        }
        // Who says that an address is not verified vouches for nothing.
        match self.email {
            Some(email) if !email.is_empty() && self.email_verified != Some(false) => {
                Ok(Identified { email, name: self.name })
            }
            _ => Err(Refused::Account),
        }
    }
}

fn turned_away(refused: Refused, what: &str) -> Problem {
    tracing::info!(reason = refused.name(), "a person was not believed");
    match refused {
        Refused::NoKeys => Problem::unavailable(refused.to_string()),
        // One answer for all: it helps no guess.
        _ => Problem::unauthorized(format!("sign in: {what} is needed")),
    }
}

/// Believes Identity-Aware Proxy.
pub struct Iap {
    audience: String,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl Iap {
    /// Assertions for `audience`, signed by keys that are published at `jwks_url`.
    pub fn new(
        audience: &str,
        jwks_url: &str,
        limits: KeyLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyError> {
        let keys = Keys::new(jwks_url, IAP_ALGORITHMS, limits)?;
        Ok(Self { audience: audience.to_string(), keys, clock })
    }

    async fn judge(&self, headers: &HeaderMap) -> Result<Identified, Refused> {
        let token = one(headers, &IAP_HEADER).ok_or(Refused::NoToken)?;
        let now = self.clock.now();
        let claims: Claims = believed(token, &self.keys, IAP_ALGORITHMS, now).await?;
        claims.judge(IAP_ISSUER, &self.audience, now)
    }
}

#[async_trait]
impl Identify for Iap {
    async fn identify(&self, headers: &HeaderMap) -> Result<Identified, Problem> {
        self.judge(headers).await.map_err(|refused| turned_away(refused, "the proxy's assertion"))
    }
}

/// Believes SuiteX's tokens.
pub struct SuitexTokens {
    issuer: String,
    audience: String,
    cookie: String,
    keys: SuitexKeys,
    clock: Arc<dyn Clock>,
}

enum SuitexKeys {
    Published(Box<Keys>),
    One(Box<VerifyingKey>),
}

impl SuitexTokens {
    /// Tokens of `issuer` for `audience`, in `Authorization` or in `cookie`.
    pub fn new(
        issuer: &str,
        audience: &str,
        cookie: &str,
        keys: &KeysAt,
        limits: KeyLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyError> {
        let keys = match keys {
            KeysAt::Url(url) => SuitexKeys::Published(Box::new(Keys::new(url, SUITEX_ALGORITHMS, limits)?)),
            KeysAt::Pem(pem) => SuitexKeys::One(Box::new(verifying_key(pem)?)),
        };
        let [issuer, audience, cookie] = [issuer, audience, cookie].map(str::to_string);
        Ok(Self { issuer, audience, cookie, keys, clock })
    }

    async fn judge(&self, headers: &HeaderMap) -> Result<Identified, Refused> {
        let token = match headers.contains_key(AUTHORIZATION) {
            // Who sends one means it: a cookie does not stand in for a bad one.
            true => one(headers, &AUTHORIZATION).and_then(bearer),
            false => cookie(headers, &self.cookie),
        };
        let (token, now) = (token.ok_or(Refused::NoToken)?, self.clock.now());
        let claims: Claims = match &self.keys {
            SuitexKeys::Published(keys) => believed(token, keys, SUITEX_ALGORITHMS, now).await?,
            SuitexKeys::One(key) => {
                head(token, &[key.algorithm])?;
                signed(token, key)?
            }
        };
        claims.judge(&self.issuer, &self.audience, now)
    }
}

#[async_trait]
impl Identify for SuitexTokens {
    async fn identify(&self, headers: &HeaderMap) -> Result<Identified, Problem> {
        self.judge(headers).await.map_err(|refused| turned_away(refused, "a token of SuiteX"))
    }
}

/// A header's value, if there is exactly one.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let (one, None) = (all.next()?, all.next()) else { return None };
    one.to_str().ok()
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// A cookie's value, if there is exactly one of this name.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut own = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let (one, None) = (own.next()?, own.next()) else { return None };
    Some(one)
}
