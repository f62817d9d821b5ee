//! Somebody at a page: who they are, what their browser takes, and how they are answered.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::extract::{FromRequestParts, Query, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use shared::domain::people::Role;
use shared::runtime::problem::Problem;

use super::layout::{Page, Reader, Section, frame};
use super::{part, reply};
use crate::access::{Seat, Waiting};
use crate::{App, BODY_MAX_BYTES};

/// Rows on a page of a list.
pub(super) const ROWS: usize = 50;

/// Somebody who asks for a page.
pub(super) struct Visit {
    pub(super) seat: Seat,
    headers: HeaderMap,
    query: BTreeMap<String, String>,
    counts: OnceLock<Vec<Waiting>>,
}

impl FromRequestParts<App> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let headers = parts.headers.clone();
        let query = Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri);
        let query = query.map(|Query(query)| query).unwrap_or_default();
        match Seat::from_request_parts(parts, app).await {
            Ok(seat) => Ok(Self { seat, headers, query, counts: OnceLock::new() }),
            Err(problem) => Err(unknown(&problem, app, &headers)),
        }
    }
}

/// The page for who is nobody.
fn unknown(problem: &Problem, app: &App, headers: &HeaderMap) -> Response {
    let others = app.identity.development().map(|dev| {
        dev.people().map(|(short, person)| (short.to_string(), person.name().to_string())).collect()
    });
    let reader = Reader {
        name: "nobody that we know".into(),
        role: String::new(),
        others: others.unwrap_or_default(),
        me: String::new(),
        waiting: 0,
    };
    let page = Page { title: "Who are you?", section: Section::Inbox, body: refusal(problem), again_s: None };
    reply::page(problem.status, &frame(&reader, page), headers)
}

/// A form that is larger than we take is answered with a page, whichever form it is.
pub(super) async fn too_large(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let answer = next.run(Request::from_parts(parts.clone(), body)).await;
    if answer.status() != StatusCode::PAYLOAD_TOO_LARGE {
        return answer;
    }
    match Visit::from_request_parts(&mut parts, &app).await {
        Ok(visit) => visit.answer(Section::Inbox, Err(Problem::too_large(BODY_MAX_BYTES))).await,
        Err(unknown) => unknown,
    }
}

/// A problem, for people.
fn refusal(problem: &Problem) -> Markup {
    let (head, next) = match problem.status {
        StatusCode::UNAUTHORIZED => {
            ("We don’t know who you are", "Sign in where you came from, and open this page again.")
        }
        StatusCode::FORBIDDEN => {
            ("You may not do this", "Ask a person with that role; take this page’s address along.")
        }
        StatusCode::NOT_FOUND => {
            ("There is no such page for you", "It may be over, or in an account that is not yours to see.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => (
            "This is too much for a form",
            "Nothing was changed. Go back: your browser still has what you typed. Say less, or send it through the API, which \
             takes larger edits.",
        ),
        StatusCode::CONFLICT => {
            ("Somebody was quicker", "Go back, look at what it is now, and decide again.")
        }
        StatusCode::SERVICE_UNAVAILABLE => (
            "Not just now",
            "Something that we need does not answer. Nothing was changed; try again in some seconds.",
        ),
        status if status.is_server_error() => {
            ("This is a defect of ours", "Nothing was changed. The log has the details.")
        }
        _ => ("This cannot be done", "Go back and put it right; your browser still has what you typed."),
    };
    html! {
        section.card {
            div.empty {
                h1 { (head) }
                p { @if let Some(field) = &problem.field { strong { (field) } ": " } (problem.detail) }
                p { (next) }
                p { a href="/review/" { "To the inbox" } }
            }
        }
    }
}

impl Visit {
    /// A parameter of the query that is there and not empty.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The browser's headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A page around `page`.
    pub(super) async fn page(&self, status: StatusCode, page: Page<'_>) -> Response {
        // A count that cannot be had is none: the page itself says what is wrong.
        let waiting = self.waiting().await.unwrap_or(0);
        reply::page(status, &frame(&self.reader(waiting), page), &self.headers)
    }

    /// Part of a page.
    pub(super) fn fragment(&self, part: &Markup) -> Response {
        reply::page(StatusCode::OK, part, &self.headers)
    }

    /// What was answered, or the page that says why not.
    pub(super) async fn answer(&self, section: Section, answered: Result<Response, Problem>) -> Response {
        match answered {
            Ok(response) => response,
            Err(problem) => {
                let page = Page { title: "Not done", section, body: refusal(&problem), again_s: None };
                self.page(problem.status, page).await
            }
        }
    }

    fn reader(&self, waiting: u64) -> Reader {
        let person = self.seat.person();
        let mut roles: Vec<Role> = self.seat.accounts().iter().map(|access| access.role()).collect();
        roles.dedup();
        let accounts = self.seat.accounts();
        let role = match (accounts.as_slice(), roles.as_slice()) {
            ([], _) => "no account".to_string(),
            ([one], _) => format!("{} of {}", one.role(), one.account().id),
            (_, [role]) => format!("{role} of {} accounts", accounts.len()),
            _ => format!("{} accounts", accounts.len()),
        };
        let mut others = Vec::new();
        let mut me = String::new();
        if let Some(development) = self.seat.development() {
            for (short, other) in development.people() {
                if other.email() == person.email() {
                    me = short.to_string();
                }
                others.push((short.to_string(), other.name().to_string()));
            }
        }
        Reader { name: person.name().to_string(), role, others, me, waiting }
    }

    async fn waiting(&self) -> Result<u64, Problem> {
        Ok(self.counts().await?.iter().map(|waiting| waiting.all()).sum())
    }

    /// How much waits for a person in each of the accounts, in their order, and last in none, for who sees that; counted
    /// once for a page.
    pub(super) async fn counts(&self) -> Result<&[Waiting], Problem> {
        if let Some(counts) = self.counts.get() {
            return Ok(counts);
        }
        let mut counts = Vec::new();
        for told in self.seat.told() {
            counts.push(told.waiting().await?);
        }
        Ok(self.counts.get_or_init(|| counts))
    }
}

/// The way to the next page of the list at `path`, with this query.
pub(super) fn pager(path: &str, query: &[(&str, Option<&str>)], next: Option<&str>) -> Markup {
    let is_later = query.iter().any(|(name, value)| *name == "after" && value.is_some());
    let others: Vec<_> = query.iter().copied().filter(|(name, _)| *name != "after").collect();
    let start = is_later.then(|| part::link(path, &others));
    let next = next.map(|next| part::link(path, &[&others[..], &[("after", Some(next))]].concat()));
    part::pager(start.as_deref(), next.as_deref())
}
