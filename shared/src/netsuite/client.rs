//! The client: the write RESTlet, and SuiteQL. It does not retry, but for a refused sign-in, which did no work.

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tower::ServiceExt;

use super::error::{call_fault, is_login_refused, no_answer};
use super::sign::{Refusal, Signer};
use super::transport::{CALL_WITHIN, Lost, Transport, Within};
use super::wire::{Answer, Call, Outcome, Read, Write};
use crate::domain::governance::CallEnd;
use crate::domain::id::Timestamp;
use crate::domain::surface::Account;
use crate::writer::CallFault;

/// Where an account's NetSuite is. In both base addresses `{account}` stands for our account id and `{netsuite}`
/// for NetSuite's, in the form that host names have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Of RESTlets: `https://{netsuite}.restlets.api.netsuite.com`.
    pub base_url: String,
    /// Of REST web services, SuiteQL among them: `https://{netsuite}.suitetalk.api.netsuite.com`.
    pub suitetalk_url: String,
    /// Script id.
    pub script: String,
    /// Deployment id.
    pub deploy: String,
}

impl Address {
    /// Where REST web services are when nobody says: beside the RESTlets in NetSuite's own domain, and at the same
    /// address anywhere else.
    pub fn suitetalk_beside(restlet_url: &str) -> String {
        restlet_url.replace(".restlets.api.netsuite.com", ".suitetalk.api.netsuite.com")
    }

    fn token(&self, account: &Account) -> String {
        format!("{}/services/rest/auth/oauth2/v1/token", of_account(&self.suitetalk_url, account))
    }

    fn restlet(&self, account: &Account) -> String {
        let base = of_account(&self.base_url, account);
        let (script, deploy) = (&self.script, &self.deploy);
        format!("{base}/app/site/hosting/restlet.nl?script={script}&deploy={deploy}")
    }

    fn suiteql(&self, account: &Account) -> String {
        let base = of_account(&self.suitetalk_url, account);
        format!("{base}/services/rest/query/v1/suiteql?limit={ROWS_MAX}&offset=0")
    }
}

/// `1234567_SB1` is `1234567-sb1` in a host name.
fn of_account(base_url: &str, account: &Account) -> String {
    let host_form = account.netsuite_account.to_ascii_lowercase().replace('_', "-");
    base_url.replace("{account}", account.id.as_str()).replace("{netsuite}", &host_form)
}

/// Speaks to NetSuite.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    address: Address,
    signer: Signer,
}

/// Rows of one SuiteQL answer at most: NetSuite's own limit.
pub const ROWS_MAX: usize = 1_000;

/// A call that is not on its way so long after it began, sign-in included, ms, is not made. NetSuite runs a call for
/// five minutes, whoever waits for it; the permit lasts ten seconds longer, of which the writer may have used five.
const SENT_WITHIN_MS: i64 = 5_000;

/// A page of SuiteQL. What else it says (links, counts) is about paging by offset, which loses rows.
#[derive(Deserialize)]
struct Page {
    items: Vec<Map<String, Json>>,
}

impl Client {
    /// A client that signs by `signer` and sends by `transport`.
    pub fn new(transport: Transport, address: Address, signer: Signer) -> Self {
        Self { transport, address, signer }
    }

    /// Writes; an outcome for each write, in their order.
    pub async fn apply(&self, account: &Account, writes: Vec<Write>) -> Result<Vec<Outcome>, CallFault> {
        self.call(account, &Call::Apply { writes }).await
    }

    /// Looks; an outcome for each, in their order.
    pub async fn read(&self, account: &Account, reads: Vec<Read>) -> Result<Vec<Outcome>, CallFault> {
        self.call(account, &Call::Read { reads }).await
    }

    /// The first [`ROWS_MAX`] rows of a SuiteQL query, their columns in lower case. Callers page by keyset. A
    /// column that is missing in a row is null there.
    pub async fn suiteql(&self, account: &Account, query: &str) -> Result<Vec<Map<String, Json>>, CallFault> {
        let prefer = (HeaderName::from_static("prefer"), HeaderValue::from_static("transient"));
        let transient = HeaderMap::from_iter([prefer]);
        let page: Page =
            self.post(account, self.address.suiteql(account), transient, &json!({ "q": query })).await?;
        Ok(page.items.into_iter().map(row).collect())
    }

    /// What is left of [`CALL_WITHIN`]; nothing where the call must not be sent any more.
    fn left(&self, began: Option<Timestamp>) -> Duration {
        let gone_ms = began.zip(self.signer.now()).map_or(0, |(began, now)| (now.0 - began.0).max(0));
        match gone_ms {
            ..=SENT_WITHIN_MS => CALL_WITHIN.saturating_sub(Duration::from_millis(gone_ms.unsigned_abs())),
            _ => Duration::ZERO,
        }
    }

    async fn call(&self, account: &Account, call: &Call) -> Result<Vec<Outcome>, CallFault> {
        let uri = self.address.restlet(account);
        let answer: Answer = self.post(account, uri, HeaderMap::new(), call).await?;
        Ok(answer.results)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        account: &Account,
        uri: String,
        headers: HeaderMap,
        body: &impl Serialize,
    ) -> Result<T, CallFault> {
        let not_made = |why: String| CallFault::new(CallEnd::NotMade, why);
        let began = self.signer.now();
        let uri: Uri = uri.parse().map_err(|e| not_made(format!("{uri} is no address: {e}")))?;
        let body = Bytes::from(serde_json::to_vec(body).map_err(|e| not_made(e.to_string()))?);
        let token_url = self.address.token(account);
        let mut is_second = false;
        loop {
            let source = (&self.transport, token_url.as_str());
            let authorization = self.signer.authorize(account, (&Method::POST, &uri), source).await?;
            let left = self.left(began);
            if left.is_zero() {
                return Err(not_made("signing in took too long for a call of this permit".into()));
            }
            let mut request = Request::new(body.clone());
            (*request.method_mut(), *request.uri_mut()) = (Method::POST, uri.clone());
            request.headers_mut().extend(headers.clone());
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Some(authorization) = &authorization {
                request.headers_mut().insert(header::AUTHORIZATION, authorization.header.clone());
            }
            request.extensions_mut().insert(Within(left));
            let response = self.transport.clone().oneshot(request).await.map_err(|lost| match lost {
                Lost::NotSent(why) => not_made(why),
                Lost::NoAnswer(why) => CallFault::new(CallEnd::Unknown, why),
            })?;
            let (status, body) = (response.status(), response.body());
            if status == StatusCode::OK {
                self.signer.taken(account, authorization.as_ref());
                return serde_json::from_slice(body).map_err(|problem| no_answer(body, &problem));
            }
            if !is_login_refused(status, body) {
                return Err(call_fault(status, body));
            }
            let is_late = self.left(began).is_zero();
            match self.signer.refused(account, authorization.as_ref()) {
                Refusal::Ended | Refusal::Untried if !is_second && !is_late => is_second = true,
                Refusal::Ended if is_late => {
                    return Err(not_made(
                        "NetSuite took its time to say that our access token has ended".into(),
                    ));
                }
                _ => return Err(call_fault(status, body)),
            }
        }
    }
}

/// A row without its empty `links`, and with names in the case that we ask for them: NetSuite promises none.
fn row(item: Map<String, Json>) -> Map<String, Json> {
    let columns = item.into_iter().filter(|(name, value)| !(name == "links" && value.is_array()));
    columns.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
}
