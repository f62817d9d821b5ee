//! The parts of a request, read with problems that name what is wrong.

use std::collections::BTreeMap;
use std::pin::pin;
use std::str::FromStr;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::{Either, select};
use http::StatusCode;
use http::header::{CONTENT_LENGTH, IF_MATCH};
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use shared::domain::id::{PerSide, Side};
use shared::runtime::clock::Clock;
use shared::runtime::problem::Problem;
use uuid::Uuid;

use crate::BODY_MAX_BYTES;

/// Rows on a page, unless asked otherwise.
const LIMIT: usize = 50;

/// Most rows on a page.
const LIMIT_MAX: usize = 200;

/// A large body is given up after this time, ms: 9 MiB are through by then over a line of 2.5 Mbit/s.
pub const READ_WITHIN_MS: i64 = 30_000;

/// The variable parts of the path.
pub(crate) struct Segments<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(segments)| Self(segments)).map_err(|e| Problem::bad_request("path", e.body_text()))
    }
}

/// The query's parameters; of one that is given twice, the last counts.
pub(crate) struct Params(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(params)| Self(params)).map_err(|e| Problem::bad_request("query", e.body_text()))
    }
}

impl Params {
    /// The parameter, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// How many rows are wanted.
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.get("limit") else { return Ok(LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| Problem::bad_request("limit", format!("must be a number from 1 to {LIMIT_MAX}")))
    }

    /// A switch, off when it is not there.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::bad_request(name, "must be true or false")),
        }
    }

    /// A whole number, if it is there.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let wrong = |_| Problem::bad_request(name, "must be a whole number");
        self.get(name).map(|text| text.parse().map_err(wrong)).transpose()
    }
}

/// `If-Match`: the state on which a change was judged, as the tag of what was shown.
pub(crate) struct IfMatch(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut all = parts.headers.get_all(IF_MATCH).iter();
        let wrong = || Problem::bad_request("If-Match", "must be one tag, as the answer's ETag has it");
        let tag = match (all.next(), all.next()) {
            (None, _) => None,
            (Some(one), None) => {
                let text = one.to_str().map_err(|_| wrong())?.trim();
                let text = text.strip_prefix("W/").unwrap_or(text);
                let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
                Some(inner.filter(|tag| !tag.contains('"')).ok_or_else(wrong)?.to_string())
            }
            (Some(_), Some(_)) => return Err(wrong()),
        };
        Ok(Self(tag))
    }
}

impl IfMatch {
    /// The number that it names, or that the body's member `name` does.
    pub(crate) fn or_body(&self, name: &str, body: Option<u64>) -> Result<u64, Problem> {
        let tag = match &self.0 {
            None => None,
            Some(tag) => Some(tag.parse().map_err(|_| {
                Problem::bad_request("If-Match", "must be a tag of this thing, as its ETag has it")
            })?),
        };
        match (tag, body) {
            (Some(tag), Some(body)) if tag != body => {
                Err(Problem::bad_request(name, "is not what If-Match says"))
            }
            (Some(n), _) | (None, Some(n)) => Ok(n),
            (None, None) => {
                let detail = format!("say on which state you judged: {name}, or If-Match");
                Err(Problem::precondition_required(detail).at(name))
            }
        }
    }

    /// A state that is past is a 412 to who named it here, and a 409 to who named it in the body.
    pub(crate) fn past<T>(&self, done: Result<T, Problem>) -> Result<T, Problem> {
        done.map_err(|problem| match (problem.status, &self.0) {
            (StatusCode::CONFLICT, Some(_)) if !problem.extensions.is_empty() => {
                Problem::precondition_failed(problem.detail, problem.extensions)
            }
            _ => problem,
        })
    }

    /// Goes on if it names this state; it must name one.
    pub(crate) fn must_say(&self, state: &str, shown: impl Fn() -> Json) -> Result<(), Problem> {
        if self.0.is_none() {
            let detail = "say on which state you judged: If-Match, as the ETag of what was shown";
            return Err(Problem::precondition_required(detail).at("If-Match"));
        }
        self.must_be(state, shown)
    }

    /// Goes on if it names this state, or none.
    pub(crate) fn must_be(&self, state: &str, shown: impl Fn() -> Json) -> Result<(), Problem> {
        match &self.0 {
            Some(tag) if tag != state => {
                let shown = match shown() {
                    Json::Object(shown) => shown,
                    _ => Default::default(),
                };
                Err(Problem::precondition_failed("it is not as you saw it any more", shown))
            }
            _ => Ok(()),
        }
    }
}

impl IfMatch {
    /// What it says of one side, where a tag has a part for each.
    pub(crate) fn of(&self, side: Side) -> Self {
        let part = |tag: &String| {
            let parts = tag.split_once('.').map(|(netsuite, suitex)| PerSide { netsuite, suitex });
            parts.map_or_else(|| tag.clone(), |parts| parts[side].to_string())
        };
        Self(self.0.as_ref().map(part))
    }
}

/// A body that arrived whole.
pub(crate) struct Body(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let unread = |e: BytesRejection| match e.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(BODY_MAX_BYTES),
            _ => Problem::bad_request("$", "the body did not arrive whole"),
        };
        Bytes::from_request(request, state).await.map(Self).map_err(unread)
    }
}

/// A body that may be larger than others, `limit` bytes at most. It is read now, and not before: who may send it is
/// known. It has [`READ_WITHIN_MS`] to arrive, for others wait for its place.
pub(crate) async fn large(request: Request, limit: usize, clock: &dyn Clock) -> Result<Bytes, Problem> {
    let told = request.headers().get(CONTENT_LENGTH).and_then(|told| told.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|told| told > limit as u64) {
        return Err(Problem::too_large(limit));
    }
    let late = clock.sleep_until(clock.now().plus(READ_WITHIN_MS));
    match select(pin!(whole(request, limit)), late).await {
        Either::Left((body, _)) => body,
        Either::Right(_) => {
            let within = READ_WITHIN_MS / 1000;
            Err(Problem::bad_request(
                "$",
                format!("the body did not arrive within {within} s; send it again"),
            ))
        }
    }
}

async fn whole(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let (mut frames, mut body) = (request.into_body().into_data_stream(), BytesMut::new());
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Problem::bad_request("$", "the body did not arrive whole"))?;
        if body.len() + frame.len() > limit {
            return Err(Problem::too_large(limit));
        }
        body.extend_from_slice(&frame);
    }
    Ok(body.freeze())
}

/// The id of a conflict or an error.
pub(crate) fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| Problem::bad_request("id", "must be a UUID"))
}
