//! The two doors: a pushed wake-up, and the tick.

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use shared::domain::id::AccountId;
use shared::fault::Fault;
use shared::pubsub::envelope::Envelope;
use shared::pubsub::push as answer;

use crate::App;

/// A push carries at most Pub/Sub's 10 MB, a third larger in base64.
pub(crate) const PUSH_MAX_BYTES: usize = 15 * 1024 * 1024;

/// Takes a wake-up: acked whatever it says, for it carries nothing that could be lost.
pub(crate) async fn push(State(app): State<App>, body: Bytes) -> Response {
    if let Some(account) = account_of(&body) {
        app.writer.wake(&account);
    } else {
        tracing::warn!("a wake-up without an account; the tick finds what is due");
    }
    answer::answer(Ok::<(), Fault>(()))
}

fn account_of(body: &[u8]) -> Option<AccountId> {
    let envelope = Envelope::from_slice(body).ok()?;
    AccountId::parse(envelope.attributes.get("account")?).ok()
}

#[derive(Deserialize)]
pub(crate) struct Tick {
    account: Option<AccountId>,
}

/// The scheduler's tick: sees that a drainer runs for each account.
pub(crate) async fn tick(State(app): State<App>, Query(tick): Query<Tick>) -> Response {
    let accounts = app.writer.ports.config.accounts.keys();
    let mut woken = 0;
    for account in accounts.filter(|a| tick.account.as_ref().is_none_or(|only| only == *a)) {
        app.writer.wake(account);
        woken += 1;
    }
    Json(json!({ "woken": woken })).into_response()
}
