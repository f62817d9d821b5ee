//! The client: the write RESTlet, and SuiteQL.

use bytes::Bytes;
use http::request::Builder;
use http::{Request, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use super::error::call_fault;
use super::wire::{Answer, Call, Outcome, Read, Write};
use crate::domain::governance::CallEnd;
use crate::domain::surface::Account;
use crate::writer::CallFault;

/// Sends a request: reqwest in life, the simulator's own router in the simulation.
pub type Transport = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Lost>;

/// No response came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The request was never sent.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It was sent, and nobody knows what became of it.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

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
}

/// Largest answer read, in bytes: NetSuite's own limit.
pub const ANSWER_MAX_BYTES: usize = 10 * 1024 * 1024;

/// Rows of one SuiteQL answer at most: NetSuite's own limit.
pub const ROWS_MAX: usize = 1_000;

/// A page of SuiteQL. What else it says (links, counts) is about paging by offset, which loses rows.
#[derive(Deserialize)]
struct Page {
    items: Vec<Map<String, Json>>,
}

impl Client {
    /// A client that sends by `transport`.
    pub fn new(transport: Transport, address: Address) -> Self {
        Self { transport, address }
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
        let request = Request::post(self.address.suiteql(account)).header("prefer", "transient");
        let page: Page = self.post(request, &json!({ "q": query })).await?;
        Ok(page.items.into_iter().map(row).collect())
    }

    async fn call(&self, account: &Account, call: &Call) -> Result<Vec<Outcome>, CallFault> {
        let request = Request::post(self.address.restlet(account));
        let answer: Answer = self.post(request, call).await?;
        Ok(answer.results)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        request: Builder,
        body: &impl Serialize,
    ) -> Result<T, CallFault> {
        let fault = |end, why: String| CallFault { end, why };
        let body = serde_json::to_vec(body).map_err(|e| fault(CallEnd::NotMade, e.to_string()))?;
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .map_err(|e| fault(CallEnd::NotMade, e.to_string()))?;
        let response = self.transport.clone().oneshot(request).await.map_err(|lost| match lost {
            Lost::NotSent(why) => fault(CallEnd::NotMade, why),
            Lost::NoAnswer(why) => fault(CallEnd::Unknown, why),
        })?;
        let (parts, body) = response.into_parts();
        if parts.status != StatusCode::OK {
            return Err(call_fault(parts.status, &body));
        }
        // A 200 that is no answer: an error page, half a body, an error inside.
        serde_json::from_slice(&body)
            .map_err(|_| CallFault { end: CallEnd::Unclear, ..call_fault(parts.status, &body) })
    }
}

/// A row without its empty `links`, and with names in the case that we ask for them: NetSuite promises none.
fn row(item: Map<String, Json>) -> Map<String, Json> {
    let columns = item.into_iter().filter(|(name, value)| !(name == "links" && value.is_array()));
    columns.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
}

/// The transport of a deployed function.
pub fn reqwest_transport(client: reqwest::Client) -> Transport {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let client = client.clone();
        async move {
            let lost = |e: reqwest::Error| match e.is_connect() || e.is_builder() {
                true => Lost::NotSent(e.to_string()),
                false => Lost::NoAnswer(e.to_string()),
            };
            let request = reqwest::Request::try_from(request).map_err(lost)?;
            let response = client.execute(request).await.map_err(lost)?;
            let status = response.status();
            if response.content_length().is_some_and(|n| n > ANSWER_MAX_BYTES as u64) {
                return Err(Lost::NoAnswer("the answer is larger than 10 MB".into()));
            }
            let body = response.bytes().await.map_err(lost)?;
            let mut response = Response::new(body);
            *response.status_mut() = status;
            Ok(response)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn account() -> Account {
        Account {
            id: crate::domain::id::AccountId::parse("acme").unwrap(),
            netsuite_account: "1234567_SB1".into(),
            limits: Default::default(),
            types: BTreeMap::new(),
        }
    }

    fn client(status: u16, body: &'static str) -> Client {
        let transport = tower::service_fn(move |request: Request<Bytes>| async move {
            let uri =
                "https://1234567-sb1.suitetalk.example/services/rest/query/v1/suiteql?limit=1000&offset=0";
            assert_eq!(request.uri(), uri);
            assert_eq!(request.headers()["prefer"], "transient");
            assert_eq!(&request.body()[..], br#"{"q":"select 1"}"#);
            let response = Response::builder().status(status).body(Bytes::from_static(body.as_bytes()));
            Ok::<_, Lost>(response.unwrap())
        });
        let address = Address {
            base_url: String::new(),
            suitetalk_url: "https://{netsuite}.suitetalk.example".into(),
            script: String::new(),
            deploy: String::new(),
        };
        Client::new(BoxCloneSyncService::new(transport), address)
    }

    #[tokio::test]
    async fn rows_come_in_lower_case_and_without_links() {
        let body = r#"{"links":[],"count":1,"hasMore":false,"offset":0,"totalResults":1,
            "items":[{"links":[],"id":"107","CompanyName":"x"}]}"#;
        let rows = client(200, body).suiteql(&account(), "select 1").await.unwrap();
        assert_eq!(json!(rows), json!([{ "id": "107", "companyname": "x" }]));
    }

    #[tokio::test]
    async fn errors_of_rest_web_services_are_told_by_their_code() {
        let busy = r#"{"title":"Too Many Requests","status":429,
            "o:errorDetails":[{"detail":"x","o:errorCode":"CONCURRENCY_LIMIT_EXCEEDED"}]}"#;
        let bad = r#"{"title":"Bad Request","o:errorDetails":[{"detail":"Unknown identifier","o:errorCode":"INVALID_PARAMETER"}]}"#;
        for (status, body, end, word) in [
            (429, busy, CallEnd::Overload, "CONCURRENCY_LIMIT_EXCEEDED"),
            (400, bad, CallEnd::Unclear, "INVALID_PARAMETER: Unknown identifier"),
            (200, bad, CallEnd::Unclear, "INVALID_PARAMETER"),
            (200, r#"{"items":[{"id":"1""#, CallEnd::Unclear, "HTTP 200"),
        ] {
            let fault = client(status, body).suiteql(&account(), "select 1").await.unwrap_err();
            assert_eq!(fault.end, end);
            assert!(fault.why.contains(word), "{fault}");
        }
    }
}
