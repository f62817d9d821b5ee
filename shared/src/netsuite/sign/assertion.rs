//! The signed statement that asks for an access token: who we are, what for, and for how long.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use super::Grant;
use crate::domain::id::Timestamp;

/// Smallest RSA key that NetSuite takes, in bits.
const RSA_BITS_MIN: usize = 3_072;

/// What we ask for: RESTlets, and SuiteQL.
const SCOPE: [&str; 2] = ["restlets", "rest_webservices"];

/// Our clock may be ahead of NetSuite's by so much, in seconds.
const AHEAD_SECONDS: i64 = 60;

/// From its beginning to its end, in seconds. NetSuite takes an hour at most.
const GOOD_SECONDS: i64 = 1_800;

/// Why a private key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not a key.
    #[error("it is no private key in PEM form (-----BEGIN PRIVATE KEY-----)")]
    NoKey,
    /// The other half.
    #[error("it is the certificate or the public key: the private key belongs here")]
    Public,
    /// Needs a password.
    #[error("it is encrypted: decrypt it with `openssl pkcs8 -in key.pem -out plain.pem`")]
    Encrypted,
    /// The older form of elliptic keys.
    #[error("it is an elliptic key in the older form: convert it with `openssl pkcs8 -topk8 -nocrypt`")]
    Sec1,
    /// Too short.
    #[error("its RSA key has {0} bits: NetSuite takes 3072 or 4096")]
    Short(usize),
    /// Neither RSA nor a curve that we can sign with.
    #[error("it is neither RSA (3072 or 4096 bits) nor elliptic (P-256 or P-384)")]
    Kind,
    /// The algorithm that was asked for is not the key's.
    #[error("the algorithm {asked} does not fit: this key signs {fits}{}", rs256(.asked))]
    Algorithm {
        /// What the configuration says.
        asked: String,
        /// What the key can do.
        fits: &'static str,
    },
}

fn rs256(asked: &str) -> &'static str {
    if asked.starts_with("RS") {
        ", and NetSuite refuses RSA signatures of the older kind (RS256)"
    } else {
        ""
    }
}

/// A private key that NetSuite takes, and how it signs.
#[derive(Clone)]
pub struct SigningKey {
    key: EncodingKey,
    algorithm: Algorithm,
}

impl SigningKey {
    /// Reads a key and tries it. Without `algorithm` it is the key's own: PS256, ES256 or ES384.
    pub fn parse(pem: &str, algorithm: Option<&str>) -> Result<Self, BadKey> {
        let has = |kind: &str| pem.contains(&format!("-----BEGIN {kind}-----"));
        if has("CERTIFICATE") || has("PUBLIC KEY") || has("RSA PUBLIC KEY") {
            return Err(BadKey::Public);
        }
        if has("ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(BadKey::Encrypted);
        }
        if has("EC PRIVATE KEY") {
            return Err(BadKey::Sec1);
        }
        let (key, fits) = if let Ok(key) = EncodingKey::from_ec_pem(pem.as_bytes()) {
            let fits = [(Algorithm::ES256, "ES256"), (Algorithm::ES384, "ES384")];
            let fits = fits.into_iter().find(|(algorithm, _)| signature_bytes(&key, *algorithm).is_some());
            (key, fits.ok_or(BadKey::Kind)?)
        } else if let Ok(key) = EncodingKey::from_rsa_pem(pem.as_bytes()) {
            // An RSA signature is as long as the key.
            let bits = 8 * signature_bytes(&key, Algorithm::PS256).ok_or(BadKey::Kind)?;
            if bits < RSA_BITS_MIN {
                return Err(BadKey::Short(bits));
            }
            (key, (Algorithm::PS256, "PS256"))
        } else if has("PRIVATE KEY") {
            return Err(BadKey::Kind);
        } else {
            return Err(BadKey::NoKey);
        };
        match algorithm {
            Some(asked) if asked != fits.1 => Err(BadKey::Algorithm { asked: asked.into(), fits: fits.1 }),
            _ => Ok(Self { key, algorithm: fits.0 }),
        }
    }
}

/// The length of the key's signatures by this algorithm; `None` when it cannot sign so.
fn signature_bytes(key: &EncodingKey, algorithm: Algorithm) -> Option<usize> {
    let token = encode(&Header::new(algorithm), &(), key).ok()?;
    Some(URL_SAFE_NO_PAD.decode(token.rsplit('.').next()?).ok()?.len())
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?}, …)", self.algorithm)
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: [&'static str; 2],
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl Grant {
    /// The statement for the token endpoint at `token_url`, good from now on.
    pub(super) fn assertion(
        &self,
        token_url: &str,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header { kid: Some(self.certificate_id.clone()), ..Header::new(self.key.algorithm) };
        let iat = now.seconds() - AHEAD_SECONDS;
        let claims =
            Claims { iss: &self.client_id, scope: SCOPE, aud: token_url, iat, exp: iat + GOOD_SECONDS };
        encode(&header, &claims, &self.key.key)
    }
}
