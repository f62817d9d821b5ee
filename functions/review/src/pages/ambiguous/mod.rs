//! Which of a side's records is this one? Asked, answered, and what became of it.

mod markup;

use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use maud::html;
use shared::domain::event::IdentityChoice;
use shared::domain::id::SideId;
use shared::domain::people::Role;
use shared::runtime::problem::Problem;

use self::markup::{Asked, State};
use super::form::Form;
use super::layout::{Page, Section};
use super::visit::{ROWS, Visit, pager};
use super::{part, reply};
use crate::desk::{self, Question, Word};
use crate::request;

pub(super) use self::markup::{about, path, title};

/// `GET /review/ambiguous`: `account`, `after`.
pub(super) async fn list(visit: Visit) -> Response {
    let answered = list_page(&visit).await;
    visit.answer(Section::Inbox, answered).await
}

async fn list_page(visit: &Visit) -> Result<Response, Problem> {
    let (account, after) = (visit.asked("account"), visit.asked("after"));
    let found = desk::questions(&visit.seat, account, after, ROWS).await?;
    let body = html! {
        (part::crumbs(&[("Inbox", "/review/".into())], "Which is it?"))
        div.title {
            h1 { "Which is it?" }
            p.lede { "Records that one side may have already, more than once. Nothing is created until somebody says which it is." }
        }
        section.card aria-label="Questions" {
            @if found.items.is_empty() {
                (part::empty("Nobody is asked", "A record that the other side may have already is looked for by the keys of its type. One that is found is linked; only of several must somebody choose."))
            } @else { (markup::list(&found.items, visit.seat.now())) }
            (pager("/review/ambiguous", &[("account", account), ("after", after)], found.next.as_deref()))
        }
    };
    let page = Page { title: "Which is it?", section: Section::Inbox, body, again_s: None };
    Ok(visit.page(StatusCode::OK, page).await)
}

/// `GET /review/ambiguous/{id}`; `sent`: the revision that was answered here a moment ago.
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let answered = shown(&visit, &id).await;
    visit.answer(Section::Inbox, answered).await
}

async fn shown(visit: &Visit, id: &str) -> Result<Response, Problem> {
    let question = desk::question(&visit.seat, request::id(id)?).await?;
    let sent = visit.asked("sent").and_then(|text| text.parse::<u64>().ok());
    let state = match sent {
        Some(sent) if question.is_open() && sent == question.revision() => State::Sent,
        // It was asked anew before the word had come through.
        Some(_) if question.is_open() => State::Late,
        _ => State::Asked,
    };
    page(visit, &question, StatusCode::OK, state, &Asked::default()).await
}

/// `POST /review/ambiguous/{id}/decide`: `revision`, `choice` (`create`, `again`, `link:<id>`), `note`.
pub(super) async fn decide(visit: Visit, Path(id): Path<String>, body: Bytes) -> Response {
    let answered = decided(&visit, &id, &body).await;
    visit.answer(Section::Inbox, answered).await
}

async fn decided(visit: &Visit, id: &str, body: &[u8]) -> Result<Response, Problem> {
    let question = desk::question(&visit.seat, request::id(id)?).await?;
    question.access().need(Role::Resolver)?;
    let form = Form::read(body)?;
    let mut asked = Asked {
        choice: form.get("choice").map(str::to_string),
        note: form.get("note").unwrap_or_default().to_string(),
        wrong: None,
    };
    let done = match word(&form) {
        Ok(word) => desk::identify(&question, &word).await,
        Err(wrong) => Err(wrong),
    };
    match done {
        Ok(_) => {
            let view = question.view().await?;
            Ok(reply::see_other(&format!("{}?sent={}", path(view.ambiguity_id), question.revision())))
        }
        Err(problem) if matches!(problem.status, StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY) => {
            let is_late = problem.status == StatusCode::CONFLICT;
            asked.wrong = (!is_late).then_some(problem.detail);
            let state = if is_late { State::Late } else { State::Asked };
            page(visit, &question, problem.status, state, &asked).await
        }
        Err(problem) => Err(problem),
    }
}

fn word(form: &Form) -> Result<Word, Problem> {
    let revision = form.need("revision")?.parse();
    let revision = revision.map_err(|_| Problem::unprocessable("revision", "must be the question’s"))?;
    let none =
        || Problem::unprocessable("choice", "needs a decision: choose one, or say that it is none of them");
    let choice = match form.get("choice").ok_or_else(none)? {
        "create" => IdentityChoice::Create,
        "again" => IdentityChoice::Again,
        other => {
            let id = other.strip_prefix("link:").and_then(|id| SideId::parse(id).ok());
            let wrong = || Problem::unprocessable("choice", "is none of those that the page offers");
            IdentityChoice::Link(id.ok_or_else(wrong)?)
        }
    };
    Ok(Word { revision, choice, note: form.get("note").map(str::to_string) })
}

async fn page(
    visit: &Visit,
    question: &Question,
    status: StatusCode,
    state: State,
    asked: &Asked,
) -> Result<Response, Problem> {
    let view = question.view().await?;
    let shown = markup::Shown {
        question: &view,
        asked,
        state,
        may_decide: question.access().may(Role::Resolver),
        me: visit.seat.person().email(),
        now: visit.seat.now(),
    };
    let name = title(&view);
    let page = Page {
        title: &name,
        section: Section::Inbox,
        body: markup::body(&shown),
        again_s: (state == State::Sent).then_some(2),
    };
    Ok(visit.page(status, page).await)
}
