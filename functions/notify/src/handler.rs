//! Tick → each account: look, plan, send.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Json, Response};
use futures::future::join_all;
use serde_json::json;
use shared::domain::id::AccountId;
use shared::domain::surface::{Notify, SyncConfig};
use shared::fault::Fault;
use shared::runtime::problem::Problem;
use shared::runtime::which::Which;
use shared::state::notices::UNKNOWN_ACCOUNT;

use crate::{App, deliver, plan, watch};

/// What a tick did for an account.
#[derive(Default, Clone, Copy)]
struct Done {
    planned: usize,
    sent: usize,
    failed: usize,
}

pub(crate) async fn tick(State(app): State<App>, asked: Result<Query<Which>, QueryRejection>) -> Response {
    let config = std::sync::Arc::clone(&app.ports.config);
    let accounts = match Which::of(asked, &config) {
        Ok(Some(account)) => vec![account.id.clone()],
        Ok(None) => all(&config),
        Err(problem) => return problem.into_response(),
    };
    let away = deliver::Away::default();
    // At once: an account whose recipients hang must not keep the others from hearing.
    let results = join_all(accounts.iter().map(|account| of_account(&app, account, &away))).await;
    let (mut done, mut failed) = (Done::default(), Vec::new());
    for (account, result) in accounts.iter().zip(results) {
        match result {
            Ok(of) => {
                done.planned += of.planned;
                done.sent += of.sent;
                done.failed += of.failed;
            }
            Err(error) => {
                tracing::warn!(%error, %account, "notices not seen to; the next tick goes on");
                failed.push(account.as_str());
            }
        }
    }
    let Done { planned, sent, failed: refused } = done;
    if failed.is_empty() {
        return Json(json!({ "planned": planned, "sent": sent, "failed": refused })).into_response();
    }
    let problem = Problem::unavailable("some accounts' notices could not be seen to");
    problem.with("sent", json!(sent)).with("accounts", json!(failed)).into_response()
}

/// Every account, and the one under which stands what is nobody's.
fn all(config: &SyncConfig) -> Vec<AccountId> {
    let unknown = AccountId::parse(UNKNOWN_ACCOUNT).expect("a constant name");
    config.accounts.keys().cloned().chain([unknown]).collect()
}

async fn of_account(app: &App, account: &AccountId, away: &deliver::Away) -> Result<Done, Fault> {
    // Each does its part, whatever became of the other: what was told already must go out though looking fails.
    let watched = match app.ports.config.accounts.get(account) {
        Some(account) => watch::watch(app, account).await,
        None => Ok(()),
    };
    let rules = rules_of(&app.ports.config, account);
    let planned = plan::plan_all(app, account, rules).await?;
    let (sent, failed) = deliver::deliver(app, account, away).await?;
    watched?;
    Ok(Done { planned, sent, failed })
}

/// Whom to tell of an account's affairs.
fn rules_of<'a>(config: &'a SyncConfig, account: &AccountId) -> &'a Notify {
    config.accounts.get(account).map_or(&config.notify, |account| &account.notify)
}
