//! Message → event or malformed → taken or filed → ack.

use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use futures::future::join_all;
use serde_json::json;
use shared::domain::event::FieldError;
use shared::domain::id::AccountId;
use shared::fault::Fault;
use shared::intake;
use shared::pubsub::envelope::Envelope;
use shared::pubsub::push::answer;
use shared::redrive::{self, Redriven, payload_bytes};
use shared::runtime::problem::Problem;
use shared::runtime::which::Which;
use shared::state::ErrorEntry;
use uuid::Uuid;

use crate::App;
use crate::classify::{Dead, UNKNOWN_ACCOUNT, classify, malformed};
use crate::file;
use crate::sweep::{Swept, sweep};

pub(crate) async fn dead_letter(State(app): State<App>, body: Bytes) -> Response {
    answer(take(&app, body).await)
}

async fn take(app: &App, body: Bytes) -> Result<(), Fault> {
    let (data, attributes) = unwrapped(body);
    match classify(&data, &attributes, &app.ports.config) {
        Dead::Event(event) => match intake::take(&app.ports, vec![*event]).await {
            Err(Fault::Park { field, reason }) => {
                let wrong = FieldError { field, reason };
                file::malformed(&app.ports, &malformed(&data, &attributes, wrong), &data).await
            }
            taken => taken,
        },
        Dead::Malformed(malformed) => file::malformed(&app.ports, &malformed, &data).await,
    }
}

pub(crate) async fn error(State(app): State<App>, body: Bytes) -> Response {
    answer(report(&app, body).await)
}

async fn report(app: &App, body: Bytes) -> Result<(), Fault> {
    let (data, attributes) = unwrapped(body);
    match serde_json::from_slice::<ErrorEntry>(&data) {
        Ok(error) => match (&error.payload, &error.record) {
            // Whoever could not read it may be of another release: here it is tried again, and its record looked for.
            (Some(text), None) => reported_bytes(app, &payload_bytes(text), &attributes, &error).await,
            (Some(_) | None, _) => file::report(&app.ports, error).await,
        },
        Err(e) => {
            let wrong = FieldError { field: "$".into(), reason: format!("is not an error report: {e}") };
            file::malformed(&app.ports, &malformed(&data, &attributes, wrong), &data).await
        }
    }
}

async fn reported_bytes(
    app: &App,
    data: &Bytes,
    attributes: &BTreeMap<String, String>,
    error: &ErrorEntry,
) -> Result<(), Fault> {
    let malformed = match classify(data, attributes, &app.ports.config) {
        Dead::Event(event) => {
            let taken = intake::take(&app.ports, vec![*event]).await;
            let Err(Fault::Park { field, reason }) = taken else { return taken };
            malformed(data, attributes, FieldError { field, reason })
        }
        Dead::Malformed(malformed) => malformed,
    };
    file::reported(&app.ports, error, &malformed).await
}

/// The scheduler's tick: closes errors that are over.
pub(crate) async fn tick(State(app): State<App>, asked: Result<Query<Which>, QueryRejection>) -> Response {
    let accounts: Vec<AccountId> = match Which::of(asked, &app.ports.config) {
        Ok(Some(account)) => vec![account.id.clone()],
        // What is nobody's is tried again as well.
        Ok(None) => {
            let nobody = AccountId::parse(UNKNOWN_ACCOUNT).ok();
            app.ports.config.accounts.keys().cloned().chain(nobody).collect()
        }
        Err(problem) => return problem.into_response(),
    };
    let results = join_all(accounts.iter().map(|account| sweep(&app, account))).await;
    let (mut swept, mut failed) = (Swept::default(), Vec::new());
    for (account, result) in accounts.iter().zip(results) {
        match result {
            Ok(of) => {
                swept.closed += of.closed;
                swept.tried += of.tried;
                failed.extend((of.failed > 0).then_some(account.as_str()));
            }
            Err(error) => {
                tracing::warn!(%error, account = %account, "errors not looked through; the next tick goes on");
                failed.push(account.as_str());
            }
        }
    }
    let Swept { closed, tried, .. } = swept;
    if failed.is_empty() {
        return Json(json!({ "closed": closed, "tried": tried })).into_response();
    }
    let problem = Problem::unavailable("some accounts' errors could not be looked through");
    problem.with("closed", json!(closed)).with("accounts", json!(failed)).into_response()
}

/// A push body that is no push is itself the message: whatever it is, it is kept.
fn unwrapped(body: Bytes) -> (Bytes, BTreeMap<String, String>) {
    match Envelope::from_slice(&body) {
        Ok(envelope) => (envelope.data, envelope.attributes),
        Err(error) => (body, BTreeMap::from([("reason".to_string(), error.to_string())])),
    }
}

pub(crate) async fn redrive(
    State(app): State<App>,
    Path(id): Path<String>,
    query: Result<Query<BTreeMap<String, String>>, QueryRejection>,
) -> Response {
    let Ok(id) = Uuid::parse_str(&id) else {
        return Problem::bad_request("id", "must be a UUID").into_response();
    };
    let query = match query {
        Ok(Query(query)) => query,
        Err(e) => return Problem::bad_request("query", e.body_text()).into_response(),
    };
    let actor = query.get("actor").map_or("operator", String::as_str);
    let why = query.get("why").map(String::as_str);
    match redrive::redrive(&app.ports, id, actor, why).await {
        Ok(Redriven::Tried(tried)) => Json(tried).into_response(),
        Ok(Redriven::Nothing) => Problem::unprocessable("id", redrive::NOTHING_TO_TRY).into_response(),
        Ok(Redriven::NoSuchError) => Problem::not_found("there is no such error").into_response(),
        Err(fault) => Problem::from(fault).into_response(),
    }
}
