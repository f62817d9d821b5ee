//! Who did what.

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::id::Timestamp;
use shared::runtime::problem::Problem;
use shared::state::desk::{AuditFilter, AuditLine};
use utoipa::ToSchema;

use crate::access::Access;
use crate::view::Listed;

/// Which rows are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// On this: a record key (`acme:customer:7`), `conflict:<id>`, `error:<id>`, `account:<side>`.
    pub subject: Option<String>,
    /// By this person or function.
    pub actor: Option<String>,
}

/// A row of the audit.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what.
    pub subject: String,
    /// Why, from, to, and what else there is to know.
    pub details: Json,
}

impl AuditView {
    fn new(AuditLine { row, .. }: AuditLine) -> Self {
        Self { at: row.at, actor: row.actor, action: row.action, subject: row.subject, details: row.details }
    }
}

/// What was done last about a subject of an account: by whom, when and why.
pub(super) async fn last_word(access: &Access, subject: &str) -> Result<Option<AuditView>, Problem> {
    let filter = AuditFilter { subject: Some(subject.to_string()), actor: None };
    Ok(access.audit(&filter, None, 1).await?.pop().map(AuditView::new))
}

/// An account's audit, the newest first.
pub async fn audit(
    access: &Access,
    query: &AuditQuery,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed<AuditView>, Problem> {
    let wrong = || Problem::bad_request("after", "is not where a page of this list has ended");
    let before = after.map(|text| text.parse().map_err(|_| wrong())).transpose()?;
    let filter = AuditFilter { subject: query.subject.clone(), actor: query.actor.clone() };
    let mut lines = access.audit(&filter, before, limit + 1).await?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next = lines.last().filter(|_| more).map(|line| line.at.to_string());
    Ok(Listed { items: lines.into_iter().map(AuditView::new).collect(), next })
}
