//! People's HTTP API: `/suitex/{account}/records/{type}[/{id}]`.

use std::sync::Arc;

use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use shared::domain::id::AccountId;
use shared::suitex::Row;

use super::problem::Problem;
use super::{Application, SuiteX};

/// Rows of a list when nobody says how many.
const DEFAULT_LIMIT: usize = 1_000;
/// Rows of a list at most.
const MAX_LIMIT: usize = 10_000;

/// The routes of people. Errors are RFC 9457 problems.
pub fn router(application: Arc<dyn Application>) -> Router {
    Router::new()
        .route("/suitex/{account}/records/{type}", get(list).post(create))
        .route("/suitex/{account}/records/{type}/{id}", get(view).patch(edit).delete(delete))
        .with_state(application)
}

impl SuiteX {
    /// The routes of its people.
    pub fn router(self: &Arc<Self>) -> Router {
        router(Arc::clone(self) as _)
    }
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

#[derive(Deserialize)]
struct Actor {
    #[serde(default = "anybody")]
    user: String,
}

fn anybody() -> String {
    "suitex-user".to_string()
}

type App = State<Arc<dyn Application>>;
type Param<T> = Result<Query<T>, QueryRejection>;
type Body = Result<Bytes, BytesRejection>;

async fn list(
    State(suitex): App,
    Path((account, record_type)): Path<(String, String)>,
    page: Param<Page>,
) -> Result<Json<Vec<Value>>, Problem> {
    let page = param(page)?;
    let limit = page.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let rows = suitex.list(&account_id(&account)?, &record_type, page.offset, limit).await?;
    Ok(Json(rows.into_iter().map(flat).collect()))
}

async fn create(
    State(suitex): App,
    Path((account, record_type)): Path<(String, String)>,
    actor: Param<Actor>,
    body: Body,
) -> Result<Response, Problem> {
    let account = account_id(&account)?;
    let row = suitex.create(&account, &record_type, &columns(body)?, &param(actor)?.user).await?;
    Ok((StatusCode::CREATED, Json(flat(row))).into_response())
}

async fn view(
    State(suitex): App,
    Path((account, record_type, id)): Path<(String, String, String)>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(flat(suitex.view(&account_id(&account)?, &record_type, &id).await?)))
}

async fn edit(
    State(suitex): App,
    Path((account, record_type, id)): Path<(String, String, String)>,
    actor: Param<Actor>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let account = account_id(&account)?;
    let row = suitex.edit(&account, &record_type, &id, &columns(body)?, &param(actor)?.user).await?;
    Ok(Json(flat(row)))
}

async fn delete(
    State(suitex): App,
    Path((account, record_type, id)): Path<(String, String, String)>,
    actor: Param<Actor>,
) -> Result<StatusCode, Problem> {
    suitex.delete(&account_id(&account)?, &record_type, &id, &param(actor)?.user).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn account_id(account: &str) -> Result<AccountId, Problem> {
    AccountId::parse(account).map_err(|_| Problem::no_account(account))
}

fn param<T>(param: Param<T>) -> Result<T, Problem> {
    param.map(|Query(param)| param).map_err(|rejection| Problem::malformed(rejection.body_text()))
}

fn columns(body: Body) -> Result<Map<String, Value>, Problem> {
    let body = body.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    serde_json::from_slice(&body).map_err(|e| Problem::malformed(format!("not a JSON object: {e}")))
}

/// A row as one object. Its own names stand above columns of the same name.
fn flat(row: Row) -> Value {
    let mut object = row.values;
    object.insert("id".to_string(), row.id.into());
    object.insert("sync_id".to_string(), row.sync_id.into());
    object.insert("revision".to_string(), row.revision.0.into());
    Value::Object(object)
}
