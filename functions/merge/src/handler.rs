//! The two doors: a pushed event, and the tick.

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::json;
use shared::breakage::{self, Breakage};
use shared::domain::event::{ChangeEvent, FieldError};
use shared::domain::id::{AccountId, Timestamp};
use shared::fault::{Fault, Unavailable};
use shared::intake;
use shared::pubsub::envelope::Envelope;
use shared::pubsub::{Message, Topic, push as answer};
use shared::redrive::{malformed_id, payload_text};
use shared::runtime::problem::Problem;
use shared::state::ErrorEntry;

use crate::{App, flush, gaps};

/// A push carries at most Pub/Sub's 10 MB, a third larger in base64.
pub(crate) const PUSH_MAX_BYTES: usize = 15 * 1024 * 1024;

/// Takes one pushed event: ledger, pending list, ack.
pub(crate) async fn push(State(app): State<App>, body: Bytes) -> Response {
    answer::answer(take(&app, &body).await)
}

async fn take(app: &App, body: &[u8]) -> Result<(), Fault> {
    let envelope = match Envelope::from_slice(body) {
        Ok(envelope) => envelope,
        Err(error) => return report(app, None, body, &error).await,
    };
    let event = match read(app, &envelope.data) {
        Ok(event) => event,
        Err(error) => return report(app, Some(&envelope), &envelope.data, &error).await,
    };
    let account = event.account_id.clone();
    if breakage::on(Breakage::AckBeforeCommit) {
        let ports = app.ports.clone();
        app.ports.tasks.wake(format!("late:{}", event.event_id), move || {
            let (ports, event) = (ports.clone(), event.clone());
            Box::pin(async move {
                let _ = intake::take(&ports, vec![event]).await;
            })
        });
    } else {
        match intake::take(&app.ports, vec![event]).await {
            Err(Fault::Park { field, reason }) => {
                let error = FieldError { field, reason };
                return report(app, Some(&envelope), &envelope.data, &error).await;
            }
            taken => taken?,
        }
    }
    flush::wake(app, &account);
    Ok(())
}

fn read(app: &App, data: &[u8]) -> Result<ChangeEvent, FieldError> {
    let event = ChangeEvent::from_slice(data)?;
    let wrong = |field: &str, reason: String| FieldError { field: field.into(), reason };
    let Some(account) = app.ports.config.accounts.get(&event.account_id) else {
        return Err(wrong("accountId", format!("{} is not a configured account", event.account_id)));
    };
    if !account.types.contains_key(&event.record_type) {
        return Err(wrong("recordType", format!("{} is not a synced type", event.record_type)));
    }
    Ok(event)
}

/// What can never succeed goes, with its bytes, to the error topic; only then is it acked.
async fn report(
    app: &App,
    envelope: Option<&Envelope>,
    bytes: &[u8],
    error: &FieldError,
) -> Result<(), Fault> {
    let now = app.ports.clock.now();
    let attribute = |name: &str| envelope.and_then(|e| e.attributes.get(name)).map(String::as_str);
    let account = attribute("account").and_then(|a| AccountId::parse(a).ok());
    let account = account.unwrap_or_else(|| AccountId::parse("unknown").expect("a constant name"));
    let (id, hint) =
        (malformed_id(&account, bytes), "Correct the producer; then retry with a corrected event.");
    let message = error.to_string();
    let mut entry = ErrorEntry::open(&account, id, "malformed", "MALFORMED_EVENT", &message, hint, now);
    (entry.field, entry.payload) = (Some(error.field.clone()), Some(payload_text(bytes)));
    tracing::warn!(%error, "event parked");
    app.ports.metrics.error("malformed");
    let attributes = [("account", account.as_str()), ("type", attribute("type").unwrap_or("unknown"))];
    let message = Message {
        data: serde_json::to_vec(&entry).map_err(|e| Fault::Broken(e.to_string()))?.into(),
        attributes: attributes.map(|(k, v)| (k.to_string(), v.to_string())).into(),
        ordering_key: entry.id.to_string(),
    };
    app.ports.publish.publish(Topic::Error, vec![message]).await?;
    Ok(())
}

#[derive(Deserialize)]
pub(crate) struct Tick {
    account: Option<AccountId>,
}

/// The scheduler's tick: notes what the buffer has forgotten, and sees that a flusher runs for each account.
pub(crate) async fn tick(State(app): State<App>, Query(tick): Query<Tick>) -> Response {
    let now: Timestamp = app.ports.clock.now();
    let all =
        app.ports.config.accounts.keys().filter(|a| tick.account.as_ref().is_none_or(|only| only == *a));
    // One account's trouble is not the next one's.
    let each = all.map(async |account| {
        let found = async {
            gaps::fill(&app.ports, account).await?;
            flush::sweep(&app, account, now).await
        };
        let found = found.await;
        if let Err(error) = &found {
            tracing::warn!(%account, %error, "not swept; the next tick tries again");
        }
        flush::wake(&app, account);
        found
    });
    let found: Result<Vec<_>, Unavailable> = join_all(each).await.into_iter().collect();
    match found {
        Ok(subjects) => Json(json!({ "swept": subjects.into_iter().sum::<usize>() })).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}
