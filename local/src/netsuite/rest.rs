//! SuiteTalk REST web services: the record service. User Events fire for what is saved here.
//!
//! Values travel in the same wire form as everywhere else; a sublist is an array and is replaced, as with
//! `?replace=`. Fields that hold nothing are left out of a GET.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::routing::any;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::NetSuite;
use super::account::State;
use super::gate;
use super::record::{Record, internal_id, rfc3339};
use super::refusal::{Reason, Refused};
use super::reply::{Channel, Reply};
use super::schema::Schema;
use super::store::{EXTERNAL_ID, TableIx};
use super::user_event::{Context, Origin};

/// Most records on one page of a collection.
const MAX_PAGE: usize = 1_000;

pub(super) fn routes() -> Router<Arc<NetSuite>> {
    Router::new()
        .route("/netsuite/{account}/services/rest/record/v1/{type}", any(collection))
        .route("/netsuite/{account}/services/rest/record/v1/{type}/{id}", any(record))
}

/// A call to the record service.
pub(super) struct Request {
    /// Address of the collection.
    base: String,
    record_type: String,
    action: Action,
}

enum Action {
    List(Page),
    Create(Map<String, Json>),
    Read(Key),
    Change(Key, Map<String, Json>),
    Upsert(String, Map<String, Json>),
    Delete(Key),
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

enum Key {
    Internal(String),
    External(String),
}

impl Request {
    /// Whether it writes.
    pub(super) fn writes(&self) -> bool {
        !matches!(self.action, Action::List(_) | Action::Read(_))
    }
}

async fn collection(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path((account, record_type)): Path<(String, String)>,
    method: Method,
    page: Result<Query<Page>, QueryRejection>,
    body: Bytes,
) -> Reply {
    let action = match (method, page) {
        (Method::GET, Ok(Query(page))) => Ok(Action::List(page)),
        (Method::GET, Err(bad)) => Err(invalid("INVALID_PARAMETER", &bad.body_text())),
        (Method::POST, _) => object(&body).map(Action::Create),
        _ => Err(wrong_method()),
    };
    pass(&netsuite, &account, record_type, action).await
}

async fn record(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path((account, record_type, id)): Path<(String, String, String)>,
    method: Method,
    body: Bytes,
) -> Reply {
    let key = match id.strip_prefix("eid:") {
        Some(external_id) => Key::External(external_id.to_string()),
        None => Key::Internal(id),
    };
    let action = match (method, key) {
        (Method::GET, key) => Ok(Action::Read(key)),
        (Method::PATCH, key) => object(&body).map(|values| Action::Change(key, values)),
        (Method::DELETE, key) => Ok(Action::Delete(key)),
        (Method::PUT, Key::External(id)) => object(&body).map(|values| Action::Upsert(id, values)),
        _ => Err(wrong_method()),
    };
    pass(&netsuite, &account, record_type, action).await
}

async fn pass(netsuite: &NetSuite, name: &str, record_type: String, action: Result<Action, Reply>) -> Reply {
    let Some(account) = netsuite.account_at(name) else {
        return Reply::problem(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such account.", None);
    };
    let request = match action {
        Ok(action) => {
            let base = format!("/netsuite/{name}/services/rest/record/v1/{record_type}");
            gate::Request::Rest(Request { base, record_type, action })
        }
        Err(reply) => gate::Request::Malformed(Channel::Rest, reply),
    };
    gate::call(account, request).await
}

fn invalid(code: &str, detail: &str) -> Reply {
    Reply::problem(StatusCode::BAD_REQUEST, code, detail, None)
}

fn wrong_method() -> Reply {
    let detail = "The HTTP method is not allowed for this resource.";
    Reply::problem(StatusCode::METHOD_NOT_ALLOWED, "INVALID_METHOD", detail, None)
}

/// The body as a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Json>, Reply> {
    serde_json::from_slice(body).map_err(|error| {
        invalid(
            "INVALID_CONTENT",
            &format!("Invalid content in the request body. It is not a record: {error}."),
        )
    })
}

/// Carries a request out.
pub(super) fn run(state: &mut State, request: &Request) -> Reply {
    run_checked(state, request).unwrap_or_else(|refused| Reply::refused(&refused))
}

fn run_checked(state: &mut State, request: &Request) -> Result<Reply, Refused> {
    let table = state.store.table_named(&request.record_type)?;
    let origin = Origin { context: Context::RestWebServices, ..Origin::person("rest-client", true) };
    match &request.action {
        Action::List(page) => Ok(list(state, table, &request.base, page)),
        Action::Create(values) => {
            let id = state.create(table, None, values, &origin)?;
            Ok(Reply::stored_at(format!("{}/{id}", request.base)))
        }
        Action::Read(key) => {
            let id = locate(state, table, key)?;
            let of = state.store.table(table);
            let record = of.get(id).ok_or_else(Refused::missing)?;
            Ok(Reply::json(StatusCode::OK, &document(&of.schema, record)))
        }
        Action::Change(key, values) => {
            let id = locate(state, table, key)?;
            state.update(table, id, values, &origin)?;
            Ok(Reply::stored_at(format!("{}/{id}", request.base)))
        }
        Action::Upsert(external_id, values) => {
            let id = match state.store.table(table).with_external_id(external_id) {
                Some(id) => {
                    state.update(table, id, values, &origin)?;
                    id
                }
                None => state.create(table, Some(external_id), values, &origin)?,
            };
            Ok(Reply::stored_at(format!("{}/{id}", request.base)))
        }
        Action::Delete(key) => {
            let id = locate(state, table, key)?;
            state.delete(table, id, &origin)?;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
    }
}

fn locate(state: &State, table: TableIx, key: &Key) -> Result<u64, Refused> {
    let of = state.store.table(table);
    let found = match key {
        Key::Internal(id) => internal_id(id).filter(|id| of.get(*id).is_some()),
        Key::External(external_id) => of.with_external_id(external_id),
    };
    found.ok_or_else(|| {
        let message = "The record instance does not exist. Provide a valid record instance ID.";
        Refused::new(Reason::Missing, message)
    })
}

fn document(schema: &Schema, record: &Record) -> Map<String, Json> {
    let mut document = record.body.render_fields(schema, record.body.filled());
    document.insert("id".into(), record.id.to_string().into());
    document.insert("lastModifiedDate".into(), rfc3339(record.last_modified).into());
    if let Some(external_id) = &record.external_id {
        document.insert(EXTERNAL_ID.into(), Json::from(&**external_id));
    }
    document
}

fn list(state: &State, table: TableIx, base: &str, page: &Page) -> Reply {
    let limit = page.limit.unwrap_or(MAX_PAGE);
    if limit == 0 || limit > MAX_PAGE {
        return invalid("INVALID_PARAMETER", &format!("The limit must be between 1 and {MAX_PAGE}."));
    }
    let records = state.store.table(table).records();
    let total = records.len();
    let link = |rel: &str, href: String| json!({ "rel": rel, "href": href });
    let items: Vec<Json> = records
        .skip(page.offset)
        .take(limit)
        .map(|r| json!({ "id": r.id.to_string(), "links": [link("self", format!("{base}/{}", r.id))] }))
        .collect();
    let body = json!({
        "links": [link("self", format!("{base}?limit={limit}&offset={}", page.offset))],
        "count": items.len(),
        "hasMore": page.offset.saturating_add(items.len()) < total,
        "offset": page.offset,
        "totalResults": total,
        "items": items,
    });
    Reply::json(StatusCode::OK, &body)
}
