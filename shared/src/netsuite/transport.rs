//! How a request gets to NetSuite, and whether an answer comes.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tower::util::BoxCloneSyncService;

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

/// For how long an answer to a request is waited for: an extension of the request, heeded by [`reqwest_transport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Within(pub Duration);

/// A call is given so long, sign-in included: as long as NetSuite lets a script run. With what may pass before it
/// is sent this is less than a call's permit.
pub const CALL_WITHIN: Duration = Duration::from_secs(300);

/// Largest answer read, in bytes: NetSuite's own limit.
pub const ANSWER_MAX_BYTES: usize = 10 * 1024 * 1024;

/// The HTTP client of a deployed function: it follows no redirect, for a redirected POST is none, and a token is
/// for nobody else.
pub fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .timeout(CALL_WITHIN)
        .build()
}

/// The transport of a deployed function.
pub fn reqwest_transport(client: reqwest::Client) -> Transport {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let client = client.clone();
        async move {
            let lost = |e: reqwest::Error| match e.is_connect() || e.is_builder() {
                true => Lost::NotSent(e.to_string()),
                // The address would only repeat the account; the cause is what a person needs.
                false => Lost::NoAnswer(e.without_url().to_string()),
            };
            let within = request.extensions().get::<Within>().copied();
            let mut request = reqwest::Request::try_from(request).map_err(lost)?;
            if let Some(Within(within)) = within {
                *request.timeout_mut() = Some(within);
            }
            let mut response = client.execute(request).await.map_err(lost)?;
            let status = response.status();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(lost)? {
                body.extend_from_slice(&chunk);
                if body.len() > ANSWER_MAX_BYTES {
                    return Err(Lost::NoAnswer("the answer is larger than 10 MB".into()));
                }
            }
            let mut response = Response::new(Bytes::from(body));
            *response.status_mut() = status;
            Ok(response)
        }
    }))
}
