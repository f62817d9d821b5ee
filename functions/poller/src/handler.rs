//! The scheduler's door. The work runs beside the request: whoever asked may hang up, and a permit or a lease must not
//! stay behind.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Json, Response};
use futures::channel::oneshot;
use futures::future::join_all;
use serde_json::json;
use shared::domain::id::AccountId;
use shared::runtime::problem::Problem;
use shared::runtime::which::Which;
use std::sync::Mutex;

use crate::App;
use crate::account::{Polled, poll};
use crate::caller::LEASE;

pub(crate) async fn tick(State(app): State<App>, asked: Result<Query<Which>, QueryRejection>) -> Response {
    let accounts: Vec<AccountId> = match Which::of(asked, &app.ports.config) {
        Ok(Some(account)) => vec![account.id.clone()],
        Ok(None) => app.ports.config.accounts.keys().cloned().collect(),
        Err(problem) => return problem.into_response(),
    };
    // At once: an account whose NetSuite is slow or away must not hold up the others.
    let results = join_all(accounts.iter().map(|account| begin(&app, account))).await;
    let (mut published, mut cut_short, mut failed) = (0, Vec::new(), Vec::new());
    for (account, result) in accounts.iter().zip(results) {
        let Ok(polled) = result else {
            failed.push(account.as_str());
            continue;
        };
        published += polled.published;
        if polled.is_cut_short {
            cut_short.push(account.as_str());
        }
        if let Some(why) = polled.stopped {
            tracing::warn!(%account, %why, "not all of NetSuite was polled; the next tick goes on");
            failed.push(account.as_str());
        }
    }
    if failed.is_empty() {
        return Json(json!({ "published": published, "cutShort": cut_short })).into_response();
    }
    let problem = Problem::unavailable("some accounts could not be polled");
    problem.with("published", json!(published)).with("accounts", json!(failed)).into_response()
}

/// Starts an account's poll in the background, to its end; nothing is told of it when this instance is stopping. Two at
/// once are one too many for the account's lease, not for us.
fn begin(app: &App, account: &AccountId) -> oneshot::Receiver<Polled> {
    let (told, heard) = oneshot::channel();
    let told = Mutex::new(Some(told));
    let name = format!("{LEASE}:{account}:{}", app.ports.ids.draw());
    let (app, account) = (app.clone(), account.clone());
    app.ports.tasks.clone().wake(name, move || {
        let told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let (app, account) = (app.clone(), account.clone());
        Box::pin(async move {
            let (Some(told), Some(account)) = (told, app.ports.config.accounts.get(&account)) else { return };
            // Nobody may be listening any more.
            let _ = told.send(poll(&app, account).await);
        })
    });
    heard
}
