//! Lease → rows → on the bus → dispatched, until there are none.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Json, Response};
use futures::future::join_all;
use http::StatusCode;
use serde_json::json;
use shared::domain::id::AccountId;
use shared::domain::surface::Account;
use shared::fault::Unavailable;
use shared::pubsub::{Topic, change_message};
use shared::runtime::problem::Problem;
use shared::runtime::which::Which;
use shared::suitex::OutboxRow;

use crate::App;
use crate::relay::{Relay, relay, unreadable};

/// How long a relay's lease lasts without renewal, ms. It bounds the delay after a crash.
const LEASE_MS: i64 = 30_000;

/// The lease's name within the account.
const LEASE: &str = "outbox";

type Asked = Result<Query<Which>, QueryRejection>;

pub(crate) async fn tick(State(app): State<App>, asked: Asked) -> Response {
    let accounts: Vec<&Account> = match Which::of(asked, &app.ports.config) {
        Ok(Some(account)) => vec![account],
        Ok(None) => app.ports.config.accounts.values().collect(),
        Err(problem) => return problem.into_response(),
    };
    // At once: an account whose database is slow or away must not hold up the others.
    let results = join_all(accounts.iter().map(|account| relay_all(&app, account))).await;
    let (mut relayed, mut failed) = (0, Vec::new());
    for (account, result) in accounts.iter().zip(results) {
        match result {
            Ok(rows) => relayed += rows,
            Err(error) => {
                tracing::warn!(%error, account = %account.id, "outbox not relayed");
                failed.push(account.id.as_str());
            }
        }
    }
    if failed.is_empty() {
        return Json(json!({ "relayed": relayed })).into_response();
    }
    let problem = Problem::unavailable("some outboxes could not be relayed");
    problem.with("relayed", json!(relayed)).with("accounts", json!(failed)).into_response()
}

pub(crate) async fn poke(State(app): State<App>, asked: Asked) -> Response {
    let account = match Which::of(asked, &app.ports.config) {
        Ok(Some(account)) => account.id.clone(),
        Ok(None) => return Problem::bad_request("account", "is missing").into_response(),
        Err(problem) => return problem.into_response(),
    };
    wake(&app, account);
    StatusCode::ACCEPTED.into_response()
}

/// Relays in the background. What a crash leaves is the next tick's.
fn wake(app: &App, account: AccountId) {
    let app = app.clone();
    app.ports.tasks.clone().wake(format!("{LEASE}:{account}"), move || {
        let (app, account) = (app.clone(), account.clone());
        Box::pin(async move {
            let Some(account) = app.ports.config.accounts.get(&account) else { return };
            if let Err(error) = relay_all(&app, account).await {
                tracing::warn!(%error, account = %account.id, "relay stopped; the tick starts it again");
            }
        })
    });
}

/// Relays until there is no more; answers how many went out. None while another instance is
/// at it.
async fn relay_all(app: &App, account: &Account) -> Result<u64, Unavailable> {
    let holder = app.ports.ids.draw().to_string();
    let relayed = relay_leased(app, account, &holder).await;
    // A lease that cannot be given back runs out.
    let _ = app.ports.buffer.release(&account.id, LEASE, &holder).await;
    relayed
}

async fn relay_leased(app: &App, account: &Account, holder: &str) -> Result<u64, Unavailable> {
    let batch = app.batch.max(1);
    let mut relayed = 0;
    loop {
        let now = app.ports.clock.now();
        let lease = app.ports.buffer.lease(&account.id, LEASE, holder, now, now.plus(LEASE_MS)).await;
        // Without the buffer two relays may run: both publish the same events under the same ids, no more.
        if !lease.unwrap_or(true) || app.ports.tasks.is_stopping() {
            return Ok(relayed);
        }
        let page = app.tenants.outbox(&account.id, batch).await?;
        relayed += relay_batch(app, account, &page.rows).await?;
        if !page.has_more {
            return Ok(relayed);
        }
    }
}

/// Rows are marked only once the bus has them: a crash between the two publishes the same events again.
async fn relay_batch(app: &App, account: &Account, rows: &[OutboxRow]) -> Result<u64, Unavailable> {
    let (mut events, mut unread, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match relay(account, row, &app.offload) {
            Relay::Event(event, body) => {
                bodies.extend(body);
                events.push(change_message(&event));
            }
            Relay::Nothing => app.ports.metrics.refused("not_synced"),
            Relay::Unreadable(reason) => {
                let (message, body) = unreadable(account, row, &reason, &app.offload);
                unread.push(message);
                bodies.extend(body);
            }
        }
    }
    for (at, body) in bodies {
        app.ports.blob.put(&at, body).await?;
    }
    let relayed = events.len() as u64;
    if !events.is_empty() {
        app.ports.publish.publish(Topic::Raw, events).await?;
    }
    if !unread.is_empty() {
        app.ports.publish.publish(Topic::DeadLetter, unread).await?;
    }
    if !rows.is_empty() {
        let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
        app.tenants.dispatched(&account.id, &seqs).await?;
    }
    for _ in 0..relayed {
        app.ports.metrics.event("suitex");
    }
    Ok(relayed)
}
