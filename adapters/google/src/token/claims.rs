//! What a token with a good signature says, and whether it is for us. Pure.

use serde::Deserialize;
use shared::domain::id::Timestamp;

use super::Refused;

/// How Google names itself as issuer.
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

/// Clocks may differ by so much, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// Whether a token that says this of itself is good at this time.
pub(super) fn is_of_now(expires: i64, begins: Option<i64>, now: Timestamp) -> bool {
    let now = now.seconds();
    let is_over = expires.saturating_add(LEEWAY_SECONDS) <= now;
    !is_over && begins.is_none_or(|at| at <= now.saturating_add(LEEWAY_SECONDS))
}

/// The claims that we look at.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
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
    email_verified: bool,
}

/// One audience, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Whether it is, or has, this one.
    pub(super) fn has(&self, audience: &str) -> bool {
        match self {
            Audience::One(one) => one == audience,
            Audience::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

/// Whose tokens are taken.
pub(super) struct Accepted {
    audience: String,
    service_accounts: Vec<String>,
}

impl Accepted {
    pub(super) fn new(audience: &str, service_accounts: &[String]) -> Self {
        Self { audience: audience.to_string(), service_accounts: service_accounts.to_vec() }
    }

    /// Whether the claims are Google's, of this time, for us, and of an account that may call.
    pub(super) fn judge(&self, claims: &Claims, now: Timestamp) -> Result<(), Refused> {
        if !ISSUERS.contains(&claims.iss.as_str()) {
            return Err(Refused::Issuer);
        }
        if !is_of_now(claims.exp, claims.nbf.max(claims.iat), now) {
            return Err(Refused::OutsideTime);
        }
        if !claims.aud.has(&self.audience) {
            return Err(Refused::Audience);
        }
        match &claims.email {
            Some(email) if claims.email_verified && self.service_accounts.contains(email) => Ok(()),
            _ => Err(Refused::Account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    const NOW: i64 = 1_000_000;

    fn judge(change: Json) -> Result<(), Refused> {
        let mut claims = json!({
            "iss": "https://accounts.google.com", "aud": "us", "exp": NOW + 3_600, "iat": NOW,
            "email": "push@p.iam", "email_verified": true, "sub": "1", "azp": "1",
        });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let accepted = Accepted::new("us", &["push@p.iam".into(), "tick@p.iam".into()]);
        accepted.judge(&serde_json::from_value(claims).unwrap(), Timestamp(NOW * 1_000))
    }

    #[test]
    fn googles_token_for_us_of_an_accepted_account_is_good() {
        for good in [
            json!({}),
            json!({"iss": "accounts.google.com"}),
            json!({"email": "tick@p.iam"}),
            json!({"aud": ["them", "us"]}),
            json!({"exp": NOW - 29}),
            json!({"iat": NOW + 30, "nbf": NOW + 30}),
        ] {
            assert_eq!(judge(good.clone()), Ok(()), "{good}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (bad, refused) in [
            (json!({"iss": "https://accounts.google.com.evil.example"}), Refused::Issuer),
            (json!({"iss": "https://accounts.google.com/"}), Refused::Issuer),
            (json!({"exp": NOW - 30}), Refused::OutsideTime),
            (json!({"exp": i64::MIN}), Refused::OutsideTime),
            (json!({"iat": NOW + 31}), Refused::OutsideTime),
            (json!({"nbf": i64::MAX}), Refused::OutsideTime),
            (json!({"aud": "them"}), Refused::Audience),
            (json!({"aud": []}), Refused::Audience),
            (json!({"aud": "us/"}), Refused::Audience),
            (json!({"email": "other@p.iam"}), Refused::Account),
            (json!({"email": "push@p.iam.evil.example"}), Refused::Account),
            (json!({"email": "PUSH@p.iam"}), Refused::Account),
            (json!({"email": null}), Refused::Account),
            (json!({"email_verified": false}), Refused::Account),
        ] {
            assert_eq!(judge(bad.clone()), Err(refused), "{bad}");
        }
    }
}
