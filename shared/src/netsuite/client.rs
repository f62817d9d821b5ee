//! The client of the write RESTlet.

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
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

/// Where an account's RESTlet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `https://1234567.restlets.api.netsuite.com`; `{account}` stands for our account id.
    pub base_url: String,
    /// Script id.
    pub script: String,
    /// Deployment id.
    pub deploy: String,
}

/// Speaks to the RESTlet.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    address: Address,
}

/// Largest answer read, in bytes: NetSuite's own limit.
pub const ANSWER_MAX_BYTES: usize = 10 * 1024 * 1024;

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

    async fn call(&self, account: &Account, call: &Call) -> Result<Vec<Outcome>, CallFault> {
        let fault = |end, why: String| CallFault { end, why };
        let base = self.address.base_url.replace("{account}", account.id.as_str());
        let (script, deploy) = (&self.address.script, &self.address.deploy);
        let uri = format!("{base}/app/site/hosting/restlet.nl?script={script}&deploy={deploy}");
        let body = serde_json::to_vec(call).map_err(|e| fault(CallEnd::NotMade, e.to_string()))?;
        let request = Request::post(uri)
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
        match serde_json::from_slice::<Answer>(&body) {
            Ok(answer) => Ok(answer.results),
            // A 200 that is no answer: an error page, half a body, an error inside.
            Err(_) => Err(CallFault { end: CallEnd::Unclear, ..call_fault(parts.status, &body) }),
        }
    }
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
