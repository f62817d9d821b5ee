//! Message → event or malformed → taken or filed → ack.

use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use shared::domain::event::FieldError;
use shared::fault::Fault;
use shared::intake;
use shared::pubsub::envelope::Envelope;
use shared::pubsub::push::answer;
use shared::redrive::{self, Redriven};
use shared::runtime::problem::Problem;
use shared::state::ErrorEntry;
use uuid::Uuid;

use crate::App;
use crate::classify::{Dead, classify, malformed};
use crate::file;

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
        Ok(error) => file::report(&app.ports, error).await,
        Err(e) => {
            let wrong = FieldError { field: "$".into(), reason: format!("is not an error report: {e}") };
            file::malformed(&app.ports, &malformed(&data, &attributes, wrong), &data).await
        }
    }
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
    match redrive::redrive(&app.ports, id, actor).await {
        Ok(Redriven::Tried(tried)) => Json(tried).into_response(),
        Ok(Redriven::NoSuchError) => Problem::not_found("there is no such error").into_response(),
        Err(fault) => Problem::from(fault).into_response(),
    }
}
