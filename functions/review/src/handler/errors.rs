//! Errors.

use axum::response::{Json, Response};
use shared::runtime::problem::Problem;

use super::{Members, Shown, tagged};
use crate::access::Seat;
use crate::desk::{self, ErrorQuery};
use crate::request::{self, Body, IfMatch, Params, Segments};
use crate::view::{ErrorView, Listed, ProblemView, TriedView};

/// Errors, the newest first.
#[utoipa::path(get, path = "/errors", tag = "errors",
    params(("account" = Option<String>, Query), ("open" = Option<bool>, Query), ("after" = Option<String>, Query),
        ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Listed<ErrorView>), (status = 400, body = ProblemView)))]
pub(crate) async fn list(seat: Seat, params: Params) -> Shown<Listed<ErrorView>> {
    let query =
        ErrorQuery { account: params.get("account").map(str::to_string), open: params.switch("open")? };
    Ok(Json(desk::errors(&seat, &query, params.get("after"), params.limit()?).await?))
}

/// One error.
#[utoipa::path(get, path = "/errors/{id}", tag = "errors", params(("id" = String, Path)),
    responses((status = 200, body = ErrorView), (status = 404, body = ProblemView)))]
pub(crate) async fn one(seat: Seat, Segments(id): Segments<String>) -> Result<Response, Problem> {
    let case = desk::error(&seat, request::id(&id)?).await?;
    Ok(tagged(case.state(), case.view()))
}

/// Has an error tried again, as it is. `If-Match` may name the state that was seen; without, it is tried anyway:
/// trying again is harmless.
#[utoipa::path(post, path = "/errors/{id}/retry", tag = "errors",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = TriedView), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 412, body = ProblemView)))]
pub(crate) async fn retry(
    seat: Seat,
    Segments(id): Segments<String>,
    tag: IfMatch,
    Body(body): Body,
) -> Shown<TriedView> {
    let case = desk::error(&seat, request::id(&id)?).await?;
    Members::read_if_any(&body)?.finish("a retry")?;
    tag.must_be(&case.state(), || serde_json::json!({ "error": case.view() }))?;
    Ok(Json(desk::retry(&case).await?))
}
