//! RESTlets: a call runs the script's `post`.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value as Json;

use super::Deployed;
use super::outside::text;
use super::price::Allowance;
use super::project::{Deployment, Kind, Script};
use super::run::{Run, Runner};
use super::thrown::Thrown;
use crate::netsuite::account::Account;
use crate::netsuite::reply::Reply;
use crate::netsuite::restlet::INTEGRATION_USER;
use crate::netsuite::user_event::Context;

/// Carries a call out, on the thread that it comes in on.
pub(in crate::netsuite) fn call(
    account: &Arc<Account>,
    deployed: &Arc<Deployed>,
    script: &str,
    deployment: &str,
    body: &[u8],
) -> Reply {
    let Some((script, deployment)) = deployed.project.deployed(Kind::Restlet, script, deployment) else {
        let message = "That Suitelet is invalid, disabled, or no longer exists.";
        return Reply::restlet_error(StatusCode::NOT_FOUND, "SSS_INVALID_SCRIPTLET_ID", message);
    };
    match run(account, deployed, &runner(script, deployment, INTEGRATION_USER), body) {
        Ok(value) => Reply::script(text(&value)),
        Err(thrown) => Reply::restlet_error(StatusCode::BAD_REQUEST, &thrown.name, &thrown.message),
    }
}

/// A RESTlet runs as its caller.
pub(super) fn runner<'a>(script: &'a Script, deployment: &'a Deployment, user: &'a str) -> Runner<'a> {
    Runner { script, deployment, context: Context::Restlet, user }
}

/// What the script returns.
pub(super) fn run(
    account: &Arc<Account>,
    deployed: &Arc<Deployed>,
    runner: &Runner<'_>,
    body: &[u8],
) -> Result<Json, Thrown> {
    let body: Json = serde_json::from_slice(body)
        .map_err(|error| Thrown::new("SSS_INVALID_REQUEST_BODY", format!("The body is not JSON: {error}")))?;
    let (run, engine) = Run::engine(account, deployed, runner)?;
    run.begin(Allowance::RESTLET);
    let writes = writes(&body) as u64;
    {
        let mut state = account.enter();
        run.slow(state.faults().latency_ms);
        if writes > 0 && state.strikes("partial", |f| f.partial) {
            // A write saves twice, the record and its row; it may die between the two.
            let saves = state.draw(2 * writes);
            run.dies_after(saves);
        }
        if let Some(calls) = state.faults().dies_after_calls.filter(|_| writes > 0) {
            run.dies_after_calls(calls);
        }
        let values = body["writes"].as_array().into_iter().flatten();
        let values = values.filter_map(|write| write["values"].as_object());
        if writes > 0
            && let Some(deadly) = state.dies_at(values)
        {
            run.dies_after(2 * deadly as u64);
        }
    }
    let returned = engine.enter(&runner.script.file, "post", &body);
    if run.died_of_calls() {
        account.enter().count("died");
    }
    returned
}

/// How many writes a call asks for.
pub(in crate::netsuite) fn writes(body: &Json) -> usize {
    body["writes"].as_array().filter(|_| body["action"] == "apply").map_or(0, Vec::len)
}
