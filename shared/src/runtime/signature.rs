//! Standard Webhooks signatures: HMAC-SHA256 over `id.timestamp.body`. A producer names its key in
//! `webhook-key-id`; the key determines the account, whatever the body says.
//!
//! `webhook-key-id` is `<account>.<n>` (the account's n-th secret, from 1) or just `<account>` (any of its
//! live secrets). Replays within the window are the caller's to refuse, by [`Verified::id`].

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use sha2::Sha256;

use super::problem::Problem;
use crate::domain::id::{AccountId, Timestamp};

/// How far a signature's time may be from ours, either way, in seconds.
pub const WINDOW_SECONDS: i64 = 300;

/// Header: id of the message, drawn anew for each attempt to send.
pub const ID: &str = "webhook-id";
/// Header: seconds since the epoch.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header: `v1,<base64>`, several separated by spaces.
pub const SIGNATURE: &str = "webhook-signature";
/// Header: which key signed.
pub const KEY_ID: &str = "webhook-key-id";

/// Most live secrets of one account: the present one and, during rotation, the next.
const SECRETS_MAX: usize = 2;

/// Most signatures in one header that are looked at.
const SIGNATURES_MAX: usize = 8;

/// Longest message id, in bytes.
const ID_MAX_BYTES: usize = 200;

/// One secret, able to sign and to verify.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

/// A secret or a list of keys that cannot be used. Never holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadKeys(String);

impl Signer {
    /// A signer with a secret in its usual form, `whsec_` and the base64 of 24 to 64 bytes.
    pub fn parse(secret: &str) -> Result<Self, BadKeys> {
        let bad = |reason: &str| BadKeys(reason.to_string());
        let text = secret.strip_prefix("whsec_").ok_or_else(|| bad("a secret begins with whsec_"))?;
        let bytes = STANDARD.decode(text).map_err(|_| bad("after whsec_ a secret is base64"))?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(BadKeys(format!("a secret has 24 to 64 bytes, not {}", bytes.len())));
        }
        let mac = Hmac::new_from_slice(&bytes).map_err(|_| bad("a secret of this length cannot sign"))?;
        Ok(Self(mac))
    }

    /// The signature of a message: `v1,` and the base64 of its HMAC. `timestamp` in seconds since the epoch.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mac = self.mac(id, &timestamp.to_string(), body).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(mac))
    }

    /// In constant time.
    fn verifies(&self, id: &str, timestamp: &str, body: &[u8], signature: &[u8]) -> bool {
        self.mac(id, timestamp, body).verify_slice(signature).is_ok()
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// Every account's live secrets.
#[derive(Debug, Clone, Default)]
pub struct Keys(BTreeMap<AccountId, Vec<Signer>>);

impl FromStr for Keys {
    type Err = BadKeys;

    /// Reads `acme=whsec_…,whsec_…;globex=whsec_…`. Errors name the account, never a secret.
    fn from_str(text: &str) -> Result<Self, BadKeys> {
        let mut keys = BTreeMap::new();
        for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
            let Some((account, secrets)) = entry.split_once('=') else {
                return Err(BadKeys("each entry must be <account>=<secret>[,<secret>]".into()));
            };
            let account = AccountId::parse(account.trim()).map_err(|e| BadKeys(e.to_string()))?;
            let signers = secrets
                .split(',')
                .map(|secret| Signer::parse(secret.trim()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| BadKeys(format!("account {account}: {e}")))?;
            if signers.len() > SECRETS_MAX {
                return Err(BadKeys(format!("account {account}: {SECRETS_MAX} live secrets at most")));
            }
            if keys.insert(account.clone(), signers).is_some() {
                return Err(BadKeys(format!("account {account} comes twice")));
            }
        }
        let keys = Self(keys);
        // "acme.1" could be an account, or a key of acme.
        match keys.0.keys().find(|name| numbered(name.as_str()).is_some_and(|(a, _)| keys.of(a).is_some())) {
            Some(name) => Err(BadKeys(format!("account {name} has the name of another account's key"))),
            None => Ok(keys),
        }
    }
}

/// `acme.2` → account `acme`, its second secret (index 1).
fn numbered(key_id: &str) -> Option<(&str, usize)> {
    let (account, number) = key_id.rsplit_once('.')?;
    let number: usize = number.parse().ok()?;
    Some((account, number.checked_sub(1)?))
}

/// A message whose signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The account that the key belongs to.
    pub account: AccountId,
    /// The message's id, to refuse replays by.
    pub id: String,
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The header is not there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// The header comes more than once: two readers could take two values.
    #[error("the header {0} comes more than once")]
    Repeated(&'static str),
    /// The header cannot be read.
    #[error("the header {0} cannot be read")]
    Malformed(&'static str),
    /// No account has this key.
    #[error("the signature does not verify")]
    UnknownKey,
    /// No live secret of the account made this signature.
    #[error("the signature does not verify")]
    BadSignature,
    /// Too old, or too far ahead of our clock.
    #[error("the timestamp is more than five minutes from our time")]
    OutsideWindow,
}

impl Refused {
    /// A short name, for counting.
    pub fn name(self) -> &'static str {
        match self {
            Refused::Missing(_) => "missing_header",
            Refused::Repeated(_) => "repeated_header",
            Refused::Malformed(_) => "malformed_header",
            Refused::UnknownKey => "unknown_key",
            Refused::BadSignature => "bad_signature",
            Refused::OutsideWindow => "outside_window",
        }
    }
}

impl From<Refused> for Problem {
    /// 401. An unknown key and a bad signature read the same: nobody learns which accounts there are.
    fn from(refused: Refused) -> Self {
        Problem::unauthorized(refused.to_string())
    }
}

impl Keys {
    fn of(&self, account: &str) -> Option<(&AccountId, &[Signer])> {
        let account = AccountId::parse(account).ok()?;
        self.0.get_key_value(&account).map(|(account, signers)| (account, signers.as_slice()))
    }

    /// The account and the secrets that `key_id` names.
    fn named(&self, key_id: &str) -> Option<(&AccountId, &[Signer])> {
        if let Some(found) = self.of(key_id) {
            return Some(found);
        }
        let (account, index) = numbered(key_id)?;
        let (account, signers) = self.of(account)?;
        Some((account, std::slice::from_ref(signers.get(index)?)))
    }

    /// Verifies a message's signature and time. `body` is the bytes as they came, never a rendering of them.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Verified, Refused> {
        let id = header(headers, ID)?;
        // A dot could shift the border between id, timestamp and body.
        if id.len() > ID_MAX_BYTES || id.contains('.') {
            return Err(Refused::Malformed(ID));
        }
        let timestamp = header(headers, TIMESTAMP)?;
        let signatures = header(headers, SIGNATURE)?;
        let key_id = header(headers, KEY_ID)?;
        let seconds = seconds(timestamp).ok_or(Refused::Malformed(TIMESTAMP))?;
        let signatures = decoded(signatures).ok_or(Refused::Malformed(SIGNATURE))?;
        let (account, signers) = self.named(key_id).ok_or(Refused::UnknownKey)?;
        let good = |signer: &Signer| signatures.iter().any(|s| signer.verifies(id, timestamp, body, s));
        if !signers.iter().any(good) {
            return Err(Refused::BadSignature);
        }
        // Last, so that only the owner of a key learns about our clock.
        if now.seconds().abs_diff(seconds) > WINDOW_SECONDS.unsigned_abs() {
            return Err(Refused::OutsideWindow);
        }
        Ok(Verified { account: account.clone(), id: id.to_string() })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Refused::Missing(name)),
        (Some(_), Some(_)) => Err(Refused::Repeated(name)),
        (Some(value), None) => match HeaderValue::to_str(value) {
            Ok("") | Err(_) => Err(Refused::Malformed(name)),
            Ok(text) => Ok(text),
        },
    }
}

/// Digits only: no sign, no blanks, nothing that two readers could read differently.
fn seconds(text: &str) -> Option<i64> {
    (text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The `v1` signatures; other versions are passed over. `None` when there is none that can be read.
fn decoded(header: &str) -> Option<Vec<Vec<u8>>> {
    let mut signatures = Vec::new();
    for text in header.split(' ').filter_map(|s| s.strip_prefix("v1,")).take(SIGNATURES_MAX) {
        signatures.push(STANDARD.decode(text).ok()?);
    }
    (!signatures.is_empty()).then_some(signatures)
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
