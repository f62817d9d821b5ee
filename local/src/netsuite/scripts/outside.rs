//! N/https: the way out of the account, and from one of its scripts to another.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::price::CALL;
use super::project::Kind;
use super::restlet;
use super::run::Run;
use super::thrown::Thrown;

/// The hub's address, as administrators enter it.
pub(super) const INGEST_URL: &str = "https://hub.suitex.example/ingest/v1/events";

/// A POST on its way out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Post {
    /// Where to: `https` always.
    pub url: String,
    /// Headers by name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// HTTP status.
    pub code: u16,
    /// The body.
    pub body: String,
}

/// No answer: in NetSuite, nothing within 5 s of connecting or 45 s of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreached;

/// The world, as N/https finds it.
pub trait Outside: Send + Sync {
    /// Sends, and waits for the answer. Called on a script's own thread, which may wait.
    fn post(&self, post: Post) -> Result<Answer, Unreached>;
}

pub(super) fn post(run: &Run, post: Post) -> Result<Json, Thrown> {
    run.spend(CALL)?;
    if !post.url.starts_with("https://") {
        return Err(Thrown::new("SSS_INVALID_URL", "The URL must be a fully qualified HTTPS URL."));
    }
    match run.deployed.outside.post(post) {
        Ok(answer) => Ok(json!(answer)),
        Err(Unreached) => Err(Thrown::new("SSS_REQUEST_TIME_EXCEEDED", "The host did not answer in time.")),
    }
}

/// A call to a RESTlet of the same account.
#[derive(Deserialize)]
pub(super) struct RestletCall {
    script: String,
    deployment: String,
    method: String,
    body: String,
}

pub(super) fn call_restlet(run: &Run, call: &RestletCall) -> Result<Json, Thrown> {
    run.spend(CALL)?;
    if call.method != "POST" {
        return Err(Thrown::not_simulated(format!("{} of a RESTlet", call.method)));
    }
    let Some((script, deployment)) =
        run.deployed.project.deployed(Kind::Restlet, &call.script, &call.deployment)
    else {
        return Ok(json!({ "code": 404, "body": "" }));
    };
    let runner = restlet::runner(script, deployment, &run.user);
    let ran = restlet::run(&run.account, &Arc::clone(&run.deployed), &runner, call.body.as_bytes());
    Ok(match ran {
        Ok(value) => json!({ "code": 200, "body": text(&value) }),
        Err(thrown) => {
            json!({ "code": 400, "body": json!({ "error": { "code": thrown.name, "message": thrown.message } }).to_string() })
        }
    })
}

/// What a RESTlet returns, as its body: an object is written, text is itself.
pub(super) fn text(returned: &Json) -> String {
    returned.as_str().map_or_else(|| returned.to_string(), str::to_string)
}
