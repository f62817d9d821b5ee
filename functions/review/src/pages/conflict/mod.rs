//! A conflict: shown, previewed, decided; and what it is once it is over.

mod field;
mod markup;
mod over;

use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use maud::html;
use shared::domain::id::derived_id;
use shared::domain::people::Role;
use shared::runtime::problem::Problem;
use uuid::Uuid;

use self::markup::{Shown, State, Writes, rebase_notice, timeline, writes};
use super::form::Form;
use super::layout::{Page, Section};
use super::reply;
use super::typed::{Typed, Wrong};
use super::visit::Visit;
use crate::desk::{self, Answer, Open};
use crate::request;

pub(in crate::pages) use self::field::input;
pub(in crate::pages) use self::markup::{path, side_name, title};

/// What is wrong where nobody has said whether a record lives on.
const UNDECIDED: &str = "needs a decision: does the record live on, or is it deleted on both sides";

/// The path of a conflict by its id as text.
pub(in crate::pages) fn path_of(id: &str) -> String {
    format!("/review/conflicts/{id}")
}

/// `GET /review/conflicts/{id}`; `sent`: the revision that was decided here a moment ago.
pub(in crate::pages) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let answered = shown(&visit, &id).await;
    visit.answer(Section::Inbox, answered).await
}

async fn shown(visit: &Visit, id: &str) -> Result<Response, Problem> {
    let id = request::id(id)?;
    let open = match desk::open(&visit.seat, id).await {
        Err(problem) if problem.status == StatusCode::CONFLICT => {
            return over::page(visit, id, &problem, None).await;
        }
        open => open?,
    };
    let sent = visit.asked("sent").and_then(|text| text.parse::<u64>().ok());
    let state = match sent {
        Some(sent) if sent == open.revision() => State::Sent,
        // Sent for another revision than there is now, it came too late: there is something to decide again.
        Some(_) => State::Overtaken,
        None => State::Asked,
    };
    let typed = Typed { revision: sent, ..Typed::default() };
    page(visit, &open, StatusCode::OK, state, &typed, None).await
}

/// `POST /review/conflicts/{id}/preview`: the same page, with what would be written.
pub(in crate::pages) async fn preview(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = previewed(&visit, &id, &body).await;
    visit.answer(Section::Inbox, answered).await
}

async fn previewed(visit: &Visit, id: &str, body: &[u8]) -> Result<Response, Problem> {
    let (open, typed) = sent(visit, id, body).await?;
    let state = if typed.revision == Some(open.revision()) { State::Asked } else { State::Late };
    page(visit, &open, StatusCode::OK, state, &typed, None).await
}

/// `POST /review/conflicts/{id}/writes`: only what would be written, as part of the page.
pub(in crate::pages) async fn effects(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = async {
        let (open, typed) = sent(&visit, &id, &body).await?;
        let told = told(&open, &typed);
        Ok(visit.fragment(&html! { div data-part="writes" { (writes(&told)) } }))
    };
    visit.answer(Section::Inbox, answered.await).await
}

/// `POST /review/conflicts/{id}/resolve`.
pub(in crate::pages) async fn resolve(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = resolved(&visit, &id, &body).await;
    visit.answer(Section::Inbox, answered).await
}

async fn resolved(visit: &Visit, id: &str, body: &[u8]) -> Result<Response, Problem> {
    let uuid = request::id(id)?;
    let open = match desk::open(&visit.seat, uuid).await {
        // The second of two clicks, or somebody was quicker: the page of the conflict says how it ended.
        Err(problem) if problem.status == StatusCode::CONFLICT => {
            return over::page(visit, uuid, &problem, Some(&read(body)?)).await;
        }
        open => open?,
    };
    open.access().need(Role::Resolver)?;
    let typed = read(body)?;
    if typed.revision != Some(open.revision()) {
        return page(visit, &open, StatusCode::CONFLICT, State::Late, &typed, None).await;
    }
    let answer = match answer(&open, &typed) {
        Ok(answer) => answer,
        Err(wrong) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return page(visit, &open, status, State::Asked, &typed, Some(wrong)).await;
        }
    };
    match desk::resolve(&open, &answer).await {
        Ok(_) => Ok(reply::see_other(&sent_path(uuid, open.revision()))),
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            page(visit, &open, problem.status, State::Asked, &typed, Some(of_problem(&problem))).await
        }
        Err(problem) => Err(problem),
    }
}

/// `fields.price` → what is wrong with the field `price`.
fn of_problem(problem: &Problem) -> Wrong {
    let field = problem.field.as_deref().unwrap_or_default();
    Wrong {
        field: field.strip_prefix("fields.").unwrap_or(field).to_string(),
        reason: problem.detail.clone(),
    }
}

/// `POST /review/conflicts/{id}/assign`: `to`, and `from` as the person saw it.
pub(in crate::pages) async fn assign(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = async {
        let id = request::id(&id)?;
        let form = Form::read(&body)?;
        let open = desk::open(&visit.seat, id).await?;
        desk::assign(&open, form.get("to"), form.get("from"), None).await?;
        Ok(reply::see_other(&path(id)))
    };
    visit.answer(Section::Inbox, answered.await).await
}

/// `GET /review/conflicts/{id}/live`: what is new since `revision`, as parts of the page.
pub(in crate::pages) async fn live(visit: Visit, Path(id): Path<String>) -> Response {
    let answered = lived(&visit, &id).await;
    visit.answer(Section::Inbox, answered).await
}

async fn lived(visit: &Visit, id: &str) -> Result<Response, Problem> {
    let id = request::id(id)?;
    let seen = visit.asked("revision").and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let is_sent = visit.asked("sent").is_some();
    let open = match desk::open(&visit.seat, id).await {
        Err(problem) if problem.status == StatusCode::CONFLICT => {
            let gone = over::notice(id);
            return Ok(if is_sent { leave(visit, &path(id)) } else { visit.fragment(&gone) });
        }
        open => open?,
    };
    let now_at = open.revision();
    if is_sent && now_at != seen {
        // With the revision that was decided: the page tells what has changed since.
        return Ok(leave(visit, &sent_path(id, seen)));
    }
    let desk::Story { moments, history } = desk::story(&open).await?;
    let news = desk::changed_since(&open, &moments, seen);
    let origins = markup::origins(&open.view(), &moments, &history);
    let part = html! {
        div data-part="timeline" { (timeline(&moments, &origins, visit.seat.now())) }
        @if now_at > seen && !is_sent { (rebase_notice(id, seen, now_at, &markup::moved(&news))) }
    };
    // By what it tells, but for how long ago.
    let told: Vec<&str> = moments.iter().map(|moment| moment.text.as_str()).collect();
    let tag = format!("\"{}\"", derived_id("live", &[&now_at.to_string(), &told.join("\n")]).simple());
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    if visit.headers().get(header::IF_NONE_MATCH) == Some(&tag) {
        let mut same = visit.fragment(&html! {});
        *same.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(same);
    }
    let mut response = visit.fragment(&part);
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// The page of a conflict that was decided at this revision a moment ago.
fn sent_path(id: Uuid, revision: u64) -> String {
    format!("{}?sent={revision}", path(id))
}

/// To the page of the conflict as it is now.
fn leave(visit: &Visit, to: &str) -> Response {
    let mut response = visit.fragment(&html! {});
    let headers: &mut HeaderMap = response.headers_mut();
    if let Ok(there) = HeaderValue::from_str(to) {
        headers.insert("x-over", there);
    }
    response
}

fn read(body: &[u8]) -> Result<Typed, Problem> {
    Typed::read(body).map_err(|reason| Problem::bad_request("$", reason))
}

async fn sent(visit: &Visit, id: &str, body: &[u8]) -> Result<(Open, Typed), Problem> {
    let typed = read(body)?;
    Ok((desk::open(&visit.seat, request::id(id)?).await?, typed))
}

/// The answer that this is, on the fields that are open now.
fn answer(open: &Open, typed: &Typed) -> Result<Answer, Wrong> {
    let view = open.view();
    let fields: Vec<&str> = view.fields.keys().map(String::as_str).collect();
    let answer = typed.answer(open.surface(), &fields)?;
    // One choice for all fields must not delete a record on the side.
    match (view.deleted_by, answer.keep) {
        (Some(_), None) => Err(Wrong { field: "keep".into(), reason: UNDECIDED.into() }),
        _ => Ok(answer),
    }
}

/// What would be written, if this were sent.
fn told(open: &Open, typed: &Typed) -> Writes {
    let missing = "Choose for everything that is open, and this tells what will be written where.";
    let mut answer = answer(open, typed).map_err(|wrong| match wrong.reason.as_str() {
        UNDECIDED => missing.to_string(),
        reason => format!("{}: {reason}", super::words::field(&wrong.field)),
    })?;
    // A preview is of the conflict as it is now, whatever the person saw.
    answer.revision = open.revision();
    desk::preview(open, &answer).map_err(|problem| {
        if problem.detail.starts_with("needs a decision") {
            return missing.into();
        }
        let wrong = of_problem(&problem);
        format!("{}: {}", super::words::field(&wrong.field), wrong.reason)
    })
}

async fn page(
    visit: &Visit,
    open: &Open,
    status: StatusCode,
    state: State,
    typed: &Typed,
    wrong: Option<Wrong>,
) -> Result<Response, Problem> {
    let conflict = open.view();
    let desk::Story { moments, history } = desk::story(open).await?;
    let since = match (state, typed.revision) {
        (State::Late | State::Overtaken, Some(seen)) => desk::changed_since(open, &moments, seen),
        _ => Vec::new(),
    };
    let origins = markup::origins(&conflict, &moments, &history);
    let shown = Shown {
        origins: &origins,
        conflict: &conflict,
        surface: open.surface(),
        timeline: &moments,
        typed,
        wrong: wrong.as_ref(),
        writes: &told(open, typed),
        moved: &markup::moved(&since),
        state,
        may_decide: open.access().may(Role::Resolver),
        me: visit.seat.person().email(),
        now: visit.seat.now(),
    };
    let name = title(conflict.title.as_deref(), &conflict.record_type, &conflict.record_id);
    let page = Page {
        title: &name,
        section: Section::Inbox,
        body: markup::body(&shown),
        again_s: (state == State::Sent).then_some(2),
    };
    Ok(visit.page(status, page).await)
}
