//! What a brake holds.

use axum::response::Json;
use serde::Deserialize;
use shared::runtime::problem::Problem;
use shared::state::brake::BrakeWord;
use utoipa::ToSchema;

use super::{Members, Shown};
use crate::access::Seat;
use crate::desk;
use crate::request::{self, Body, IfMatch, Segments};
use crate::view::{ErrorView, ProblemView};

/// What becomes of what a brake holds, as it is sent.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what `decide` reads")]
pub(crate) struct BrakeBody {
    /// `pass`: it was meant, all of it is told; `discard`: it was not, and is forgotten.
    decision: String,
    /// Why.
    note: String,
}

/// Decides what becomes of what a brake holds: of this account, and until now. The poller carries it out at its next
/// tick.
#[utoipa::path(post, path = "/errors/{id}/brake", tag = "errors", request_body = BrakeBody,
    params(("id" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = ErrorView), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView, description = "decided already, or over: with the error as it is"),
        (status = 412, body = ProblemView), (status = 422, body = ProblemView), (status = 428, body = ProblemView)))]
pub(crate) async fn decide(
    seat: Seat,
    Segments(id): Segments<String>,
    tag: IfMatch,
    Body(body): Body,
) -> Shown<ErrorView> {
    let case = desk::error(&seat, request::id(&id)?).await?;
    desk::need_decider(&case)?;
    let mut members = Members::read(&body)?;
    let word = members.text("decision")?.and_then(|text| BrakeWord::parse(&text));
    let word = word.ok_or_else(|| Problem::unprocessable("decision", "must be \"pass\" or \"discard\""))?;
    let note = members.note()?.unwrap_or_default();
    members.finish("a decision about a brake")?;
    tag.must_say(&case.state(), || serde_json::json!({ "error": case.view() }))?;
    Ok(Json(desk::decide(&case, word, &note).await?))
}
