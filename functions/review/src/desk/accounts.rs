//! How accounts stand, and what people stop.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use shared::domain::id::Side;
use shared::domain::people::Role;
use shared::runtime::problem::Problem;
use shared::state::Census;
use shared::state::controls::{Hold, Holder, Holds};
use utoipa::ToSchema;

use super::{audit_row, last_word};
use crate::access::{Access, Seat};
use crate::view::{AccountView, HoldView, Known, Sides};

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

/// What holds an account's writes to a side, for who may stop them or let them go.
pub struct Holding {
    access: Access,
    side: Side,
    holds: Holds,
    last: Option<super::AuditView>,
}

impl Holding {
    /// What changes with each word about it.
    pub fn state(&self) -> String {
        self.holds.tag()
    }

    /// How it stands, and who said so last.
    pub fn view(&self) -> Json {
        let hold = self.holds.shown().map(|(_, hold)| HoldView::new(hold.clone()));
        json!({ "side": self.side.as_str(), "hold": hold, "last": self.last })
    }

    /// The problem of who comes second: with who did what and when.
    pub fn is_another(&self) -> Problem {
        let detail = match (self.holds.shown(), &self.last) {
            (Some((_, hold)), _) => {
                format!("held by {} since {}: {}", hold.actor, hold.since, hold.reason)
            }
            (None, Some(last)) => format!("not held; {} by {} at {}", last.action, last.actor, last.at),
            (None, None) => "not held".to_string(),
        };
        Problem::conflict(detail, Map::from_iter([("holds".to_string(), self.view())]))
    }
}

/// What holds an account's writes to a side now.
pub async fn holding(access: &Access, side: Side) -> Result<Holding, Problem> {
    let access = access.need(Role::Admin)?.clone();
    let holds = access.holds().await?[side].clone();
    let last = last_word(&access, &format!("account:{side}")).await?;
    Ok(Holding { access, side, holds, last })
}

/// Holds an account's writes to a side, with the reason, or lets them go: if it is still as it was seen, and not so
/// already. Of two who do so at the same moment the first has done it.
pub async fn hold(seen: &Holding, held: bool, note: Option<&str>) -> Result<Held, Problem> {
    let (access, side) = (&seen.access, seen.side);
    let Some(reason) = super::note("note", note.map(str::to_string))? else {
        return Err(Problem::unprocessable("note", "must say why"));
    };
    // Who lets go lets go of what is shown; people's hold is taken though the watcher holds them already.
    let holder = match held {
        true => Holder::People,
        false => seen.holds.shown().map_or(Holder::People, |(holder, _)| holder),
    };
    let from = seen.holds.of(holder);
    if from.is_some() == held {
        return Err(seen.is_another());
    }
    let (since, actor) = (access.now(), access.person().email().to_string());
    let hold = held.then(|| Hold { since, actor, reason: reason.clone() });
    let action = if held { "suspended" } else { "resumed" };
    let details = json!({ "from": { "held": !held }, "to": { "held": held }, "why": reason });
    let row = audit_row(access, action, format!("account:{side}"), details);
    if !access.set_hold((side, holder), from, hold, row).await? {
        return Err(holding(access, side).await?.is_another());
    }
    // What a person lets go may be held by the watcher as well.
    Ok(Held { side: side.as_str(), held: access.holds().await?[side].is_held() })
}
