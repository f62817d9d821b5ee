//! What is asked for, read with problems that name what is wrong.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde_json::{Map, Value as Json};
use shared::domain::id::{AccountId, RecordType};
use shared::domain::surface::{Account, TypeSurface};
use shared::runtime::problem::Problem;

use crate::system::System;

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
    /// Refuses parameters other than these: a misspelt one would silently ask for something else.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                Err(Problem::bad_request(name, format!("is not known here; there is {}", known.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// A parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The account asked for, if one is.
    pub(crate) fn account<'a>(&self, system: &'a System) -> Result<Option<&'a Account>, Problem> {
        self.get("account").map(|name| account(system, name)).transpose()
    }

    /// The type asked for, if one is.
    pub(crate) fn surface<'a>(&self, account: &'a Account) -> Result<Option<&'a TypeSurface>, Problem> {
        let Some(name) = self.get("type") else { return Ok(None) };
        let surface = RecordType::parse(name).ok().and_then(|kind| account.types.get(&kind));
        let unknown = || Problem::unprocessable("type", format!("{} syncs no {name:?}", account.id));
        surface.map(|surface| Some(&**surface)).ok_or_else(unknown)
    }
}

/// A configured account.
pub(super) fn account<'a>(system: &'a System, name: &str) -> Result<&'a Account, Problem> {
    let account = AccountId::parse(name).ok().and_then(|id| system.config.accounts.get(&id));
    account.ok_or_else(|| Problem::unprocessable("account", format!("there is no account {name:?}")))
}

/// A body that is a JSON object with no other members than these; no body is an empty object.
pub(super) fn object(body: &[u8], known: &[&str]) -> Result<Map<String, Json>, Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let object: Map<String, Json> = match serde_json::from_slice(body) {
        Ok(Json::Object(object)) => object,
        Ok(_) => return Err(Problem::bad_request("$", "must be a JSON object")),
        Err(error) => return Err(Problem::bad_request("$", format!("is not JSON: {error}"))),
    };
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(unknown(name, name, known.iter().copied())),
        None => Ok(object),
    }
}

/// The problem of a member that does not exist; `at` is the path to it.
pub(super) fn unknown<'a>(at: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    let known: Vec<&str> = known.collect();
    Problem::unprocessable(at, format!("there is no {name:?}; there is {}", known.join(", ")))
}
