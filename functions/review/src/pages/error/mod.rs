//! One error: what happened, what to do, and the forms that do it.

mod brake;
mod markup;

use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde_json::Value as Json;
use shared::redrive::payload_bytes;
use shared::runtime::problem::Problem;
use shared::state::brake::BrakeWord;

use self::markup::{Doing, Shown, Typed};
use super::form::Form;
use super::layout::{Page, Section};
use super::reply;
use super::visit::Visit;
use crate::desk::{self, Case};
use crate::request;

pub(super) use self::markup::list;

/// `GET /review/errors/{id}`.
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let answered = async {
        let case = found(&visit, &id).await?;
        page(&visit, &case, StatusCode::OK, &Typed::default()).await
    };
    visit.answer(Section::Errors, answered.await).await
}

async fn found(visit: &Visit, id: &str) -> Result<Case, Problem> {
    desk::error(&visit.seat, request::id(id)?).await
}

/// `POST /review/errors/{id}/retry`: the `state` that the person saw, and a `note` if they like.
pub(super) async fn retry(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = retried(&visit, &id, &body).await;
    visit.answer(Section::Errors, answered).await
}

async fn retried(visit: &Visit, id: &str, body: &[u8]) -> Result<Response, Problem> {
    let (case, form) = (found(visit, id).await?, Form::read(body)?);
    case.need_resolver()?;
    let typed = typed(&form);
    let done = match is_as_seen(&case, &form) {
        Err(late) => Err(late),
        Ok(()) => desk::retry(&case, typed.note.as_deref()).await.map(drop),
    };
    answer(visit, &case, done, Typed { doing: Some(Doing::Retry), ..typed }).await
}

/// `POST /review/errors/{id}/edit`: `event` as JSON, `note`, and the `state` that the person saw.
pub(super) async fn edit(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = edited(&visit, &id, &body).await;
    visit.answer(Section::Errors, answered).await
}

async fn edited(visit: &Visit, id: &str, body: &[u8]) -> Result<Response, Problem> {
    let (case, form) = (found(visit, id).await?, Form::read(body)?);
    case.need_resolver()?;
    let event = form.get("event").unwrap_or_default().replace("\r\n", "\n");
    let typed = Typed { event: Some(event), ..typed(&form) };
    let sent = match (is_as_seen(&case, &form), event_of(&typed)) {
        (Err(late), _) => Err(late),
        (Ok(()), Err(wrong)) => Err(wrong),
        (Ok(()), Ok(event)) => {
            desk::edit(&case, event, typed.note.as_deref().unwrap_or_default()).await.map(drop)
        }
    };
    answer(visit, &case, sent, Typed { doing: Some(Doing::Edit), ..typed }).await
}

fn event_of(typed: &Typed) -> Result<Json, Problem> {
    serde_json::from_str(typed.event.as_deref().unwrap_or_default())
        .map_err(|e| Problem::unprocessable("event", format!("is not JSON: {e}")))
}

/// `POST /review/errors/{id}/dismiss`: `note`, and the `state` that the person saw.
pub(super) async fn dismiss(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = dismissed(&visit, &id, &body).await;
    visit.answer(Section::Errors, answered).await
}

async fn dismissed(visit: &Visit, id: &str, body: &[u8]) -> Result<Response, Problem> {
    let (case, form) = (found(visit, id).await?, Form::read(body)?);
    case.need_resolver()?;
    let typed = typed(&form);
    let done = match is_as_seen(&case, &form) {
        Err(late) => Err(late),
        Ok(()) => desk::dismiss(&case, typed.note.as_deref().unwrap_or_default()).await.map(drop),
    };
    answer(visit, &case, done, Typed { doing: Some(Doing::Dismiss), ..typed }).await
}

/// `POST /review/errors/{id}/brake`: `decision`, `note`, and the `state` that the person saw.
pub(super) async fn brake(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = decided(&visit, &id, &body).await;
    visit.answer(Section::Errors, answered).await
}

async fn decided(visit: &Visit, id: &str, body: &[u8]) -> Result<Response, Problem> {
    let (case, form) = (found(visit, id).await?, Form::read(body)?);
    desk::need_decider(&case)?;
    let typed = Typed { doing: Some(Doing::Decide), ..typed(&form) };
    let word = form.get("decision").and_then(BrakeWord::parse);
    let done = match (is_as_seen(&case, &form), word) {
        (Err(late), _) => Err(late),
        (Ok(()), None) => Err(Problem::unprocessable("decision", "must be one of the two")),
        (Ok(()), Some(word)) => {
            desk::decide(&case, word, typed.note.as_deref().unwrap_or_default()).await.map(drop)
        }
    };
    answer(visit, &case, done, typed).await
}

fn typed(form: &Form) -> Typed {
    Typed { note: form.get("note").map(str::to_string), ..Typed::default() }
}

/// Goes on if the error is as the person saw it.
fn is_as_seen(case: &Case, form: &Form) -> Result<(), Problem> {
    if form.need("state")? == case.state() {
        return Ok(());
    }
    Err(Problem::conflict("this error has changed while you were deciding", Default::default()))
}

/// To the page of the error; or that page with all that was typed, and why it was refused.
async fn answer(
    visit: &Visit,
    case: &Case,
    done: Result<(), Problem>,
    typed: Typed,
) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(reply::see_other(&markup::path(&case.view()))),
        Err(problem) if matches!(problem.status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY) => {
            let (status, wrong) = (problem.status, (problem.field, problem.detail));
            // As it is now: somebody else may have been quicker.
            let now = desk::error(&visit.seat, case.view().id).await?;
            page(visit, &now, status, &Typed { wrong: Some(wrong), ..typed }).await
        }
        Err(problem) => Err(problem),
    }
}

async fn page(visit: &Visit, case: &Case, status: StatusCode, typed: &Typed) -> Result<Response, Problem> {
    let error = case.whole().await?;
    let original = match case.original().await? {
        Some(json) => serde_json::to_string_pretty(&json).ok(),
        // What is no JSON is edited as it came.
        None => {
            error.payload.as_deref().map(|text| String::from_utf8_lossy(&payload_bytes(text)).into_owned())
        }
    };
    let shown = Shown {
        error: &error,
        title: case.title().await?,
        original: original.as_deref(),
        state: &case.state(),
        typed,
        may_act: case.may_act(),
        may_decide: desk::may_decide(case),
        can_retry: case.can_retry().await?,
        now: visit.seat.now(),
    };
    let page =
        Page { title: &error.code, section: Section::Errors, body: markup::body(&shown), again_s: None };
    Ok(visit.page(status, page).await)
}
