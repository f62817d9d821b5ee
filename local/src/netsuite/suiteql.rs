//! SuiteTalk REST's query service: `POST /services/rest/query/v1/suiteql`.
//!
//! Each page is a query of its own: it runs again over what is there by then, and rows without an order come
//! in another one each time.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Shared};
use axum::routing::any;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use suiteql::{Answer, Refusal};

use super::NetSuite;
use super::account::State;
use super::gate;
use super::reply::{Channel, Locator, Reply};
use super::settings::Nulls;

/// Most rows on one page.
const MAX_PAGE: usize = 1_000;
/// Most pages of one query.
const MAX_PAGES: usize = 1_000;

pub(super) fn routes() -> Router<Arc<NetSuite>> {
    Router::new().route("/netsuite/{account}/services/rest/query/v1/suiteql", any(answer))
}

/// A query and the page of it that is wanted.
pub(super) struct Request {
    /// Address of the service.
    base: String,
    query: String,
    limit: usize,
    offset: usize,
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

async fn answer(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path(name): Path<String>,
    method: Method,
    headers: HeaderMap,
    page: Result<Query<Page>, QueryRejection>,
    body: Bytes,
) -> Reply {
    let Some(account) = netsuite.account_at(&name) else {
        return Reply::problem(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such account.", None);
    };
    let base = format!("/netsuite/{name}/services/rest/query/v1/suiteql");
    let request = match read(base, &method, &headers, page, &body) {
        Ok(request) => gate::Request::SuiteQl(request),
        Err(reply) => gate::Request::Malformed(Channel::Rest, reply),
    };
    gate::call(account, request).await
}

fn read(
    base: String,
    method: &Method,
    headers: &HeaderMap,
    page: Result<Query<Page>, QueryRejection>,
    body: &[u8],
) -> Result<Request, Reply> {
    if method != Method::POST {
        let detail = "The HTTP method is not allowed for this resource.";
        return Err(Reply::problem(StatusCode::METHOD_NOT_ALLOWED, "INVALID_METHOD", detail, None));
    }
    if !prefers_transient(headers) {
        let detail = "The required request header 'Prefer' is missing or is not 'transient'.";
        return Err(bad("INVALID_HEADER", detail, Some(Locator::Header("Prefer"))));
    }
    let parameter = |name, detail: &str| bad("INVALID_PARAMETER", detail, Some(Locator::Query(name)));
    let Query(page) = page.map_err(|bad| parameter("limit", &bad.body_text()))?;
    let limit = page.limit.unwrap_or(MAX_PAGE);
    if limit == 0 || limit > MAX_PAGE {
        return Err(parameter("limit", &format!("The limit must be between 1 and {MAX_PAGE}.")));
    }
    if page.offset % limit != 0 {
        return Err(parameter("offset", "The offset must be divisible by the limit."));
    }
    if page.offset / limit >= MAX_PAGES {
        return Err(parameter("offset", &format!("A query has at most {MAX_PAGES} pages.")));
    }
    let body: Map<String, Json> = serde_json::from_slice(body).map_err(|error| {
        bad(
            "INVALID_CONTENT",
            &format!("Invalid content in the request body. It is no query: {error}."),
            None,
        )
    })?;
    match body.get("q") {
        Some(Json::String(query)) => Ok(Request { base, query: query.clone(), limit, offset: page.offset }),
        _ => {
            let detail = "Invalid content in the request body. The query must be given as text in 'q'.";
            Err(bad("INVALID_CONTENT", detail, Some(Locator::Body("q"))))
        }
    }
}

fn prefers_transient(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case("transient"))
}

fn bad(code: &str, detail: &str, locator: Option<Locator<'_>>) -> Reply {
    Reply::problem_at(StatusCode::BAD_REQUEST, code, detail, locator)
}

/// Carries a query out.
pub(super) fn run(state: &mut State, request: &Request) -> Reply {
    if state.strikes("query_error", |f| f.query_error) {
        return unexpected("An unexpected error occurred. Error ID: simulated");
    }
    let ceiling = state.faults().settings.row_ceiling;
    if request.offset >= ceiling {
        let detail = format!("The offset must be less than {ceiling}: a query gives no more rows.");
        return bad("INVALID_PARAMETER", &detail, Some(Locator::Query("offset")));
    }
    match state.query(&request.query, request.limit, request.offset) {
        Ok(answer) => page(request, answer, state.faults().settings.nulls),
        Err(Refusal::Unexpected(words)) => unexpected(&words),
        Err(refusal) => {
            let detail = format!("Invalid search query. Detailed unprocessed description follows. {refusal}");
            bad("INVALID_PARAMETER", &detail, Some(Locator::Query("q")))
        }
    }
}

fn unexpected(detail: &str) -> Reply {
    Reply::problem(StatusCode::INTERNAL_SERVER_ERROR, "UNEXPECTED_ERROR", detail, None)
}

fn page(request: &Request, answer: Answer, nulls: Nulls) -> Reply {
    let Request { base, limit, offset, .. } = request;
    let Answer { columns, rows, total } = answer;
    let count = rows.len();
    let has_more = offset + count < total;
    let item = |row: Vec<Option<String>>| {
        let mut item = Map::from_iter([("links".to_string(), json!([]))]);
        for (name, value) in columns.iter().zip(row) {
            match (value, nulls) {
                (Some(value), _) => item.insert(name.clone(), Json::String(value)),
                (None, Nulls::Null) => item.insert(name.clone(), Json::Null),
                (None, Nulls::Omit) => None,
            };
        }
        Json::Object(item)
    };
    let items: Vec<Json> = rows.into_iter().map(item).collect();
    let link =
        |rel: &str, at: usize| json!({"rel": rel, "href": format!("{base}?limit={limit}&offset={at}")});
    let mut links = Vec::new();
    if *offset > 0 {
        links.extend([link("previous", offset.saturating_sub(*limit)), link("first", 0)]);
    }
    if has_more {
        links.extend([link("next", offset + limit), link("last", (total - 1) / limit * limit)]);
    }
    links.push(link("self", *offset));
    let body = json!({
        "links": links,
        "count": count,
        "hasMore": has_more,
        "items": items,
        "offset": offset,
        "totalResults": total,
    });
    Reply::json(StatusCode::OK, &body)
}
