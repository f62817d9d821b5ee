//! The API: a request's parts are read, the desk does it, the answer is JSON. Each route describes itself.

mod accounts;
mod ambiguous;
mod brake;
mod conflicts;
mod errors;
mod notices;
mod records;

use axum::Router;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::ETAG;
use serde::Serialize;
use serde_json::Value;
use shared::runtime::problem::Problem;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "SuiteX ↔ NetSuite Sync: review",
        version = "1",
        description = "Conflicts, errors, records, questions who is who, notices, accounts and the audit, for people. Answers are JSON; refusals are \
            problem details (RFC 9457). Lists come in pages: `limit` rows, and `next`, which `after` takes. What \
            changes something names the state on which it was judged, in its body or as `If-Match`, which takes the \
            `ETag` of what was shown: 428 without, 409 (412 by `If-Match`) with the present state when that is past."
    ),
    servers((url = "/api/v1"), (url = "/review/api/v1"))
)]
struct Api;

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(records::list))
        .routes(routes!(records::search))
        .routes(routes!(records::one))
        .routes(routes!(records::history))
        .routes(routes!(records::why))
        .routes(routes!(records::overriding))
        .routes(routes!(conflicts::list))
        .routes(routes!(conflicts::plan))
        .routes(routes!(conflicts::apply))
        .routes(routes!(conflicts::one))
        .routes(routes!(conflicts::changes))
        .routes(routes!(conflicts::preview))
        .routes(routes!(conflicts::resolve))
        .routes(routes!(conflicts::route))
        .routes(routes!(conflicts::assign))
        .routes(routes!(errors::list))
        .routes(routes!(errors::one))
        .routes(routes!(errors::retry))
        .routes(routes!(errors::edit))
        .routes(routes!(errors::dismiss))
        .routes(routes!(brake::decide))
        .routes(routes!(ambiguous::list))
        .routes(routes!(ambiguous::one))
        .routes(routes!(ambiguous::decide))
        .routes(routes!(notices::list))
        .routes(routes!(notices::acknowledge))
        .routes(routes!(notices::deliveries))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::one))
        .routes(routes!(accounts::suspend))
        .routes(routes!(accounts::resume))
        .routes(routes!(accounts::census))
        .routes(routes!(accounts::audit))
        .routes(routes!(accounts::me))
}

/// What the API is, as OpenAPI: made of the code that answers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

/// All routes.
pub(crate) fn router() -> Router<App> {
    let (router, description) = described().split_for_parts();
    let description = serde_json::to_value(description).unwrap_or_default();
    router.route("/openapi.json", get(async move || Json(description.clone())))
}

/// A JSON answer.
type Shown<T> = Result<Json<T>, Problem>;

/// A JSON answer with the tag of its state.
fn tagged<T: Serialize>(tag: impl std::fmt::Display, body: T) -> Response {
    ([(ETAG, format!("\"{tag}\""))], Json(body)).into_response()
}

/// A JSON answer to what was taken and is on its way.
fn accepted<T: Serialize>(body: T) -> (StatusCode, Json<T>) {
    (StatusCode::ACCEPTED, Json(body))
}

/// The members of a JSON object, taken one by one.
struct Members(serde_json::Map<String, Value>);

impl Members {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Err(Problem::bad_request("$", "must be a JSON object")),
            Err(e) => Err(Problem::bad_request("$", format!("is not JSON: {e}"))),
        }
    }

    /// An empty body has no members.
    fn read_if_any(body: &[u8]) -> Result<Self, Problem> {
        if body.is_empty() { Ok(Self(serde_json::Map::new())) } else { Self::read(body) }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|json| !json.is_null())
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::unprocessable(name, "must be text")),
        }
    }

    fn note(&mut self) -> Result<Option<String>, Problem> {
        let text = self.text("note")?;
        crate::desk::note("note", text)
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        let whole = "must be a whole number, as it is shown";
        let read = |json: Value| json.as_u64().ok_or_else(|| Problem::unprocessable(name, whole));
        self.take(name).map(read).transpose()
    }

    fn switch(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(switch)) => Ok(Some(switch)),
            Some(_) => Err(Problem::unprocessable(name, "must be true or false")),
        }
    }

    fn object(&mut self, name: &str) -> Result<serde_json::Map<String, Value>, Problem> {
        match self.take(name) {
            None => Ok(serde_json::Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(Problem::unprocessable(name, "must be an object")),
        }
    }

    /// Refuses what nobody took: a word that is misspelled must not be passed over.
    fn finish(self, what: &str) -> Result<(), Problem> {
        match self.0.into_iter().find(|(_, json)| !json.is_null()) {
            Some((name, _)) if name == "actor" => {
                Err(Problem::unprocessable(name, "is not said: it is who signed in"))
            }
            Some((name, _)) => Err(Problem::unprocessable(name, format!("is not part of {what}"))),
            None => Ok(()),
        }
    }
}
