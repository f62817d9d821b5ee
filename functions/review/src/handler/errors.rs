//! Errors.

use axum::Extension;
use axum::extract::Request;
use axum::response::{Json, Response};
use http::StatusCode;
use serde::Deserialize;
use shared::runtime::problem::Problem;
use utoipa::ToSchema;

use super::{Members, Shown, accepted, tagged};
use crate::EDIT_MAX_BYTES;
use crate::access::Seat;
use crate::desk::{self, ErrorQuery};
use crate::request::{self, Body, IfMatch, Params, Segments};
use crate::room::Room;
use crate::view::{ErrorView, Listed, ProblemView, SentView, TriedView};

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
    Ok(tagged(case.state(), case.whole().await?))
}

/// What may be said with a retry.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what `retry` reads")]
pub(crate) struct RetryBody {
    /// Why, for whoever reads the audit.
    note: Option<String>,
}

/// Has an error tried again, as it is. `If-Match` names the state that was seen: what somebody has dismissed or tried again
/// meanwhile is not tried (412). Where there is nothing to try, the answer (422) says what helps instead.
#[utoipa::path(post, path = "/errors/{id}/retry", tag = "errors", request_body = Option<RetryBody>,
    params(("id" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = TriedView), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 412, body = ProblemView), (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn retry(
    seat: Seat,
    Segments(id): Segments<String>,
    tag: IfMatch,
    Body(body): Body,
) -> Shown<TriedView> {
    let case = desk::error(&seat, request::id(&id)?).await?;
    let mut members = Members::read_if_any(&body)?;
    let note = members.note()?;
    members.finish("a retry")?;
    tag.must_say(&case.state(), || serde_json::json!({ "error": case.view() }))?;
    Ok(Json(desk::retry(&case, note.as_deref()).await?))
}

/// What is to be sent in place of what is stuck, as it is sent.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what `edit` reads")]
pub(crate) struct EditBody {
    /// A change event about the same record.
    event: serde_json::Value,
    /// Why.
    note: String,
}

/// Has an error tried again with other content. The original is kept. Takes nine MiB, where other paths take one: as much as
/// may be stuck.
#[utoipa::path(post, path = "/errors/{id}/edit", tag = "errors", request_body = EditBody,
    params(("id" = String, Path), ("If-Match" = String, Header)),
    responses((status = 202, body = SentView), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 412, body = ProblemView), (status = 413, body = ProblemView), (status = 422, body = ProblemView),
        (status = 428, body = ProblemView),
        (status = 503, body = ProblemView, description = "other large edits are being read")))]
pub(crate) async fn edit(
    seat: Seat,
    Segments(id): Segments<String>,
    tag: IfMatch,
    Extension(room): Extension<Room>,
    request: Request,
) -> Result<(StatusCode, Json<SentView>), Problem> {
    let case = desk::error(&seat, request::id(&id)?).await?;
    case.need_resolver()?;
    let _place = room.enter()?;
    let body = request::large(request, EDIT_MAX_BYTES, seat.clock()).await?;
    let mut members = Members::read(&body)?;
    let event = members.take("event").ok_or_else(|| Problem::unprocessable("event", "is missing"))?;
    let note = why(&mut members)?;
    members.finish("an edit")?;
    tag.must_say(&case.state(), || serde_json::json!({ "error": case.view() }))?;
    desk::edit(&case, event, &note).await.map(accepted)
}

/// Closes an error without trying anything again. Where the sides still differ, that is tried, and told again.
#[utoipa::path(post, path = "/errors/{id}/dismiss", tag = "errors", request_body = super::accounts::NoteBody,
    params(("id" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = TriedView), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 412, body = ProblemView), (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn dismiss(
    seat: Seat,
    Segments(id): Segments<String>,
    tag: IfMatch,
    Body(body): Body,
) -> Shown<TriedView> {
    let case = desk::error(&seat, request::id(&id)?).await?;
    let mut members = Members::read(&body)?;
    let note = why(&mut members)?;
    members.finish("a dismissal")?;
    tag.must_say(&case.state(), || serde_json::json!({ "error": case.view() }))?;
    Ok(Json(desk::dismiss(&case, &note).await?))
}

fn why(members: &mut Members) -> Result<String, Problem> {
    members.note()?.ok_or_else(|| Problem::unprocessable("note", "must say why"))
}
