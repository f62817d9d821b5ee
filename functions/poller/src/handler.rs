//! The scheduler's door.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Json, Response};
use futures::future::join_all;
use serde::Deserialize;
use serde_json::json;
use shared::domain::id::AccountId;
use shared::domain::surface::Account;
use shared::runtime::problem::Problem;

use crate::App;
use crate::account::poll;

#[derive(Deserialize)]
pub(crate) struct Which {
    account: Option<String>,
}

pub(crate) async fn tick(State(app): State<App>, asked: Result<Query<Which>, QueryRejection>) -> Response {
    let accounts = match chosen(&app, asked) {
        Ok(accounts) => accounts,
        Err(problem) => return problem.into_response(),
    };
    // At once: an account whose NetSuite is slow or away must not hold up the others.
    let results = join_all(accounts.iter().map(|account| poll(&app, account))).await;
    let (mut published, mut failed) = (0, Vec::new());
    for (account, result) in accounts.iter().zip(results) {
        published += result.published;
        if let Some(why) = result.stopped {
            tracing::warn!(account = %account.id, %why, "not all of NetSuite was polled; the next tick goes on");
            failed.push(account.id.as_str());
        }
    }
    if failed.is_empty() {
        return Json(json!({ "published": published })).into_response();
    }
    let problem = Problem::unavailable("some accounts could not be polled");
    problem.with("published", json!(published)).with("accounts", json!(failed)).into_response()
}

fn chosen(app: &App, asked: Result<Query<Which>, QueryRejection>) -> Result<Vec<&Account>, Problem> {
    let Query(which) = asked.map_err(|e| Problem::bad_request("account", e.body_text()))?;
    let Some(name) = which.account else { return Ok(app.ports.config.accounts.values().collect()) };
    let account = AccountId::parse(&name).ok().and_then(|id| app.ports.config.accounts.get(&id));
    let account = account.ok_or_else(|| Problem::not_found("there is no such account").at("account"))?;
    Ok(vec![account])
}
