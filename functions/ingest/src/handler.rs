//! Body → authenticated → checked → large parts stored → on the bus.

use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Json, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, json};
use shared::domain::id::Timestamp;
use shared::pubsub::{Topic, change_message};
use shared::runtime::problem::Problem;
use shared::runtime::signature::{Verified, WINDOW_SECONDS};

use crate::decode::{Door, check_size, decode};
use crate::{App, BODY_MAX_BYTES};

/// How long a message's id is remembered, ms: one dated 5 minutes ahead verifies for 10 minutes, to the end
/// of the last second.
const REMEMBER_MS: i64 = (2 * WINDOW_SECONDS + 1) * 1_000;

pub(crate) async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match take(&app, &headers, body).await {
        Ok(accepted) => (StatusCode::ACCEPTED, Json(json!({ "accepted": accepted }))).into_response(),
        Err(problem) => {
            app.ports.metrics.refused(problem.slug());
            problem.into_response()
        }
    }
}

async fn take(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Vec<String>, Problem> {
    let body = body.map_err(unread)?;
    let now = app.ports.clock.now();
    let caller = app.keys.verify(headers, &body, now).inspect_err(|refused| {
        tracing::info!(reason = refused.name(), "message not believed");
    })?;
    refuse_replay(app, &caller, now).await?;
    let door = Door { account: &caller.account, config: &app.ports.config, bucket: &app.offload.bucket };
    let mut events = decode(&body, &door)?;
    let stored: Vec<_> = events.iter_mut().filter_map(|event| app.offload.take(event)).collect();
    check_size(&events)?;
    for (at, bytes) in stored {
        app.ports.blob.put(&at, bytes).await?;
    }
    app.ports.publish.publish(Topic::Raw, events.iter().map(change_message).collect()).await?;
    for event in &events {
        app.ports.metrics.event(event.source.as_str());
    }
    Ok(events.iter().map(|event| event.event_id.to_string()).collect())
}

fn unread(rejection: BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(BODY_MAX_BYTES),
        _ => Problem::bad_request("$", "the body did not arrive whole"),
    }
}

/// A producer that tries again draws a new message id; the same one twice is somebody else's copy.
async fn refuse_replay(app: &App, caller: &Verified, now: Timestamp) -> Result<(), Problem> {
    let name = format!("webhook:{}", caller.id);
    match app.ports.buffer.remember(&caller.account, &name, now, now.plus(REMEMBER_MS)).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::conflict(
            "this webhook-id was received already; a retry needs a new one",
            Map::new(),
        )),
        Err(error) => {
            // The ledger refuses a replayed event by its id too: an outage of the cache need not close the door.
            tracing::warn!(%error, "replays are not recognised here now");
            Ok(())
        }
    }
}
