//! How accounts stand, and what people stop.

use serde::Serialize;
use serde_json::json;
use shared::domain::id::Side;
use shared::domain::people::Role;
use shared::runtime::problem::Problem;
use shared::state::Census;
use shared::state::controls::Hold;
use utoipa::ToSchema;

use super::audit_row;
use crate::access::{Access, Seat};
use crate::view::{AccountView, Known, Sides};

/// Whether writes to a side are held now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Held {
    /// The side that is written to.
    pub side: &'static str,
    /// Whether its writes are held.
    pub held: bool,
}

/// So many writes to a side tell how long changes take.
const NOTED_MAX: usize = 1_000;

/// How an account stands.
pub async fn account(access: &Access) -> Result<AccountView, Problem> {
    look(access, NOTED_MAX).await
}

/// How an account stands, by so many writes to each side.
async fn look(access: &Access, noted: usize) -> Result<AccountView, Problem> {
    let known = Known {
        governance: access.governance().await?,
        backlog: access.backlog().await?,
        oldest_due: access.oldest_due().await?,
        holds: access.holds().await?,
        conflicts: access.conflict_counts().await?,
        noted: Sides {
            netsuite: access.written(Side::NetSuite, noted).await?,
            suitex: access.written(Side::SuiteX, noted).await?,
        },
    };
    Ok(AccountView::new(access.account(), access.role(), known, access.now()))
}

/// How every account stands that the person may look at.
pub async fn accounts(seat: &Seat) -> Result<Vec<AccountView>, Problem> {
    let (accounts, mut views) = (seat.accounts(), Vec::new());
    // Of many accounts fewer each, so that the list takes no longer.
    let noted = (NOTED_MAX / accounts.len().max(1)).max(100);
    for access in accounts {
        views.push(look(&access, noted).await?);
    }
    Ok(views)
}

/// An account's events by place: they add up to the ledger's.
pub async fn census(access: &Access) -> Result<Census, Problem> {
    Ok(access.census().await?)
}

/// Holds an account's writes to a side, with the reason, or lets them go.
pub async fn hold(access: &Access, side: Side, held: bool, note: Option<&str>) -> Result<Held, Problem> {
    let access = access.need(Role::Admin)?;
    let Some(reason) = super::note("note", note.map(str::to_string))? else {
        return Err(Problem::unprocessable("note", "must say why"));
    };
    let (since, actor) = (access.now(), access.person().email().to_string());
    let hold = held.then(|| Hold { since, actor, reason: reason.clone() });
    let (action, from) = if held { ("suspended", false) } else { ("resumed", true) };
    let details = json!({ "from": { "held": from }, "to": { "held": held }, "why": reason });
    let row = audit_row(access, action, format!("account:{side}"), details);
    // Held twice is held: who asks again has what they want, and the first reason stands.
    access.set_hold(side, hold, row).await?;
    // What a person lets go may be held by the watcher as well.
    Ok(Held { side: side.as_str(), held: access.holds().await?[side].is_some() })
}
