//! How we sign in to NetSuite: with OAuth 2.0 client credentials, or with tokens of the older kind (TBA).
//!
//! ```text
//! credentials ─► OAuth 2.0 ─► assertion (a key, a certificate id) ─► access token, kept until shortly before its end
//!             └► TBA ───────► a signature over each request, with a fresh nonce and time
//! ```
//!
//! It does not send calls, and it does not know what they are about.

mod assertion;
mod credentials;
mod tba;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderValue, Method, Uri};

use super::transport::Transport;
use crate::domain::governance::CallEnd;
use crate::domain::id::{AccountId, Timestamp};
use crate::domain::surface::Account;
use crate::runtime::clock::Clock;
use crate::runtime::ids::Ids;
use crate::writer::CallFault;
pub(super) use token::Refusal;
use token::Tokens;

pub use assertion::{BadKey, SigningKey};
pub use credentials::{Credential, Credentials, read};
pub use tba::TbaTokens;

/// What OAuth 2.0 needs of an account.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The integration record's client id.
    pub client_id: String,
    /// The certificate's id, as NetSuite's page of M2M mappings shows it.
    pub certificate_id: String,
    /// The certificate's private key.
    pub key: SigningKey,
}

/// Signs requests. Cheap to clone; clones share their tokens.
#[derive(Clone)]
pub struct Signer(Option<Arc<Signing>>);

struct Signing {
    accounts: BTreeMap<AccountId, Way>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

enum Way {
    OAuth2(Box<OAuth2>),
    Tba(TbaTokens),
}

struct OAuth2 {
    grant: Grant,
    tokens: Tokens,
}

/// What a request is sent with.
pub(super) struct Authorization {
    pub(super) header: HeaderValue,
    /// The token's number, of OAuth 2.0.
    token: Option<u64>,
}

impl Signer {
    /// Signs with each account's credential.
    pub fn new(credentials: Credentials, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        let accounts = match credentials {
            Credentials::Unsigned => return Self::unsigned(),
            Credentials::Of(accounts) => accounts,
        };
        let way = |credential| match credential {
            Credential::OAuth2(grant) => Way::OAuth2(Box::new(OAuth2 { grant, tokens: Tokens::default() })),
            Credential::Tba(tokens) => Way::Tba(tokens),
        };
        let accounts = accounts.into_iter().map(|(id, credential)| (id, way(credential))).collect();
        Self(Some(Arc::new(Signing { accounts, clock, ids })))
    }

    /// Signs nothing: for the simulator, which lets everybody in.
    pub fn unsigned() -> Self {
        Self(None)
    }

    /// Now; an unsigned call needs no time.
    pub(super) fn now(&self) -> Option<Timestamp> {
        self.0.as_ref().map(|signing| signing.clock.now())
    }

    /// What a request to `uri` is sent with. Fetches an access token from `token_url` by `transport` if need be.
    pub(super) async fn authorize(
        &self,
        account: &Account,
        (method, uri): (&Method, &Uri),
        (transport, token_url): (&Transport, &str),
    ) -> Result<Option<Authorization>, CallFault> {
        let Some(signing) = &self.0 else { return Ok(None) };
        match signing.accounts.get(&account.id) {
            Some(Way::OAuth2(oauth2)) => {
                let OAuth2 { grant, tokens } = &**oauth2;
                let clock = signing.clock.as_ref();
                let token = tokens.get(clock, || token::mint(grant, transport, token_url, clock)).await?;
                Ok(Some(Authorization { header: token.header, token: Some(token.number) }))
            }
            Some(Way::Tba(tokens)) => {
                let (nonce, now) = (signing.ids.draw().simple().to_string(), signing.clock.now());
                let header = tokens.header(&account.netsuite_account, method, uri, &nonce, now.seconds());
                Ok(Some(Authorization { header: sensitive(&header)?, token: None }))
            }
            None => {
                let id = &account.id;
                let why =
                    format!("there are no NetSuite credentials for {id}: add them to NETSUITE_CREDENTIALS");
                Err(CallFault::new(CallEnd::Auth, why))
            }
        }
    }

    /// NetSuite let the call in.
    pub(super) fn taken(&self, account: &Account, authorization: Option<&Authorization>) {
        if let Some((tokens, number, _)) = self.token(account, authorization) {
            tokens.taken(number);
        }
    }

    /// NetSuite refused our sign-in.
    pub(super) fn refused(&self, account: &Account, authorization: Option<&Authorization>) -> Refusal {
        match self.token(account, authorization) {
            Some((tokens, number, now)) => tokens.refused(number, now),
            None => Refusal::SignIn,
        }
    }

    /// The account's tokens, the number of the one that was sent, and now.
    fn token(
        &self,
        account: &Account,
        authorization: Option<&Authorization>,
    ) -> Option<(&Tokens, u64, Timestamp)> {
        let signing = self.0.as_deref()?;
        match signing.accounts.get(&account.id)? {
            Way::OAuth2(oauth2) => Some((&oauth2.tokens, authorization?.token?, signing.clock.now())),
            Way::Tba(_) => None,
        }
    }
}

/// A header's value that no log shows.
fn sensitive(value: &str) -> Result<HeaderValue, CallFault> {
    let unfit = |_| CallFault::new(CallEnd::NotMade, "a credential has signs that no header can hold");
    let mut value = HeaderValue::from_str(value).map_err(unfit)?;
    value.set_sensitive(true);
    Ok(value)
}

/// RFC 3986: all but letters, digits and `-._~` in percent form.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
