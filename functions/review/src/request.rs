//! The parts of a request, read with problems that name what is wrong.

use std::collections::BTreeMap;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;
use shared::domain::id::{AccountId, RecordType};
use shared::domain::surface::{Account, SyncConfig, TypeSurface};
use shared::runtime::problem::Problem;
use uuid::Uuid;

use crate::BODY_MAX_BYTES;

/// Rows on a page, unless asked otherwise.
const LIMIT: usize = 50;

/// Most rows on a page.
const LIMIT_MAX: usize = 200;

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

    /// An account's name, which need not be a configured one: errors are filed under any.
    pub(crate) fn account(&self) -> Result<Option<AccountId>, Problem> {
        let account = self.get("account").map(AccountId::parse).transpose();
        account.map_err(|e| Problem::bad_request("account", e.to_string()))
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

/// A configured account.
pub(crate) fn account<'a>(config: &'a SyncConfig, name: &str) -> Result<&'a Account, Problem> {
    let account = AccountId::parse(name).ok().and_then(|id| config.accounts.get(&id));
    account.ok_or_else(|| Problem::not_found("there is no such account").at("account"))
}

/// A synced type of an account.
pub(crate) fn surface<'a>(account: &'a Account, name: &str) -> Result<&'a TypeSurface, Problem> {
    let surface = RecordType::parse(name).ok().and_then(|kind| account.types.get(&kind));
    surface.map(AsRef::as_ref).ok_or_else(|| Problem::not_found("the account syncs no such type").at("type"))
}

/// The id of a conflict or an error.
pub(crate) fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(text).map_err(|_| Problem::bad_request("id", "must be a UUID"))
}
