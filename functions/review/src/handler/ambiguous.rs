//! Records of which a side has several that could be them.

use axum::response::Json;
use http::StatusCode;
use serde::Deserialize;
use shared::domain::event::IdentityChoice;
use shared::runtime::problem::Problem;
use utoipa::ToSchema;

use super::{Members, Shown, accepted};
use crate::access::Seat;
use crate::desk::{self, Accepted, Word};
use crate::request::{self, Body, Params, Segments};
use crate::view::{AmbiguityView, Listed, ProblemView};

/// A person's word, as it is sent.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes what `word` reads")]
pub(crate) struct WordBody {
    /// The revision on which it was judged.
    revision: u64,
    /// `create`: it is none of them; `again`: something was put in order there, look again; `{"link": "<id>"}`: this one.
    choice: serde_json::Value,
    /// Why.
    note: Option<String>,
}

/// Open questions, those first that have waited longest.
#[utoipa::path(get, path = "/ambiguous", tag = "ambiguous",
    params(("account" = Option<String>, Query), ("after" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Listed<AmbiguityView>), (status = 400, body = ProblemView)))]
pub(crate) async fn list(seat: Seat, params: Params) -> Shown<Listed<AmbiguityView>> {
    let account = params.get("account");
    Ok(Json(desk::questions(&seat, account, params.get("after"), params.limit()?).await?))
}

/// One question: what the record holds, what each candidate does, and what linking it would change.
#[utoipa::path(get, path = "/ambiguous/{id}", tag = "ambiguous", params(("id" = String, Path)),
    responses((status = 200, body = AmbiguityView), (status = 404, body = ProblemView)))]
pub(crate) async fn one(seat: Seat, Segments(id): Segments<String>) -> Shown<AmbiguityView> {
    Ok(Json(desk::question(&seat, request::id(&id)?).await?.view().await?))
}

/// Says which it is. Takes effect once it is taken in, if the question is still the same then.
#[utoipa::path(post, path = "/ambiguous/{id}/decide", tag = "ambiguous", params(("id" = String, Path)),
    request_body = WordBody,
    responses((status = 202, body = Accepted), (status = 403, body = ProblemView), (status = 404, body = ProblemView),
        (status = 409, body = ProblemView, description = "answered, or at another revision: with the present view"),
        (status = 422, body = ProblemView)))]
pub(crate) async fn decide(
    seat: Seat,
    Segments(id): Segments<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let question = desk::question(&seat, request::id(&id)?).await?;
    question.access().need(shared::domain::people::Role::Resolver)?;
    desk::identify(&question, &word(&body)?).await.map(accepted)
}

/// Reads `{revision, choice: "create" | "again" | {"link": "<id>"}, note?}`.
fn word(body: &[u8]) -> Result<Word, Problem> {
    let mut members = Members::read(body)?;
    let revision = members.number("revision")?;
    let missing = || Problem::unprocessable("revision", "must be a whole number, as the question shows it");
    let revision = revision.ok_or_else(missing)?;
    let wrong = || {
        let reason = "must be \"create\", \"again\" or {\"link\": \"<id of a candidate>\"}";
        Problem::unprocessable("choice", reason)
    };
    let choice = members.take("choice").and_then(|json| serde_json::from_value::<IdentityChoice>(json).ok());
    let (choice, note) = (choice.ok_or_else(wrong)?, members.note()?);
    members.finish("an answer")?;
    Ok(Word { revision, choice, note })
}
