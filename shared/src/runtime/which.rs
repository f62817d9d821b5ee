//! Which accounts a tick is for: `?account=`, or all.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;

use super::problem::Problem;
use crate::domain::id::AccountId;
use crate::domain::surface::{Account, SyncConfig};

/// What a tick's address names.
#[derive(Debug, Deserialize)]
pub struct Which {
    account: Option<String>,
}

impl Which {
    /// The account that is named; `None` when none is.
    pub fn of(
        asked: Result<Query<Which>, QueryRejection>,
        config: &SyncConfig,
    ) -> Result<Option<&Account>, Problem> {
        let Query(which) = asked.map_err(|e| Problem::bad_request("account", e.body_text()))?;
        let Some(name) = which.account else { return Ok(None) };
        let account = AccountId::parse(&name).ok().and_then(|id| config.accounts.get(&id));
        account.map(Some).ok_or_else(|| Problem::not_found("there is no such account").at("account"))
    }
}
