//! How an account stands: what there is to do, how fast it is done and when it will be, what NetSuite allows, and
//! what people have stopped.

use serde::Serialize;
use shared::domain::governance::{Governance, cap};
use shared::domain::id::{PerSide, Timestamp};
use shared::domain::people::Role;
use shared::domain::surface::Account;
use shared::state::AuditRow;
use shared::state::controls::{Hold, Holds};
use shared::state::desk::ConflictCounts;
use utoipa::ToSchema;

use super::{Latency, Sides};

/// An account, as people see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its id.
    pub account: String,
    /// What the person who asks may do there.
    #[schema(value_type = String)]
    pub role: Role,
    /// `open`, `queued` (the last calls failed: one at a time tries), `suspended` (our credentials are refused).
    pub status: &'static str,
    /// Since when it is suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub suspended_since: Option<Timestamp>,
    /// No call to NetSuite before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// What people have stopped, by the side that is written to.
    pub holds: Sides<Option<HoldView>>,
    /// What changes with each word about what is held, by side.
    #[serde(skip)]
    pub hold_tags: Sides<String>,
    /// Records that are due, by side.
    pub backlog: Backlog,
    /// How long what is due the longest has waited, by side, against what was promised.
    pub lag: Lag,
    /// How long what has arrived of late took.
    pub latency: Latency,
    /// Conflicts, each number at most 10,000.
    pub conflicts: Counts,
    /// Writes to NetSuite a second, of late; none when nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes_per_second: Option<f64>,
    /// In how many ms NetSuite's backlog will have been worked off, if it goes on like this and nothing is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drains_in_ms: Option<i64>,
    /// Calls to NetSuite.
    pub calls: Calls,
}

/// An account in the list.
pub type AccountLine = AccountView;

/// Records that are due.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Backlog {
    /// For the NetSuite writer.
    pub netsuite: u64,
    /// For the SuiteX writer.
    pub suitex: u64,
}

/// How long what is due the longest has waited, in ms.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lag {
    /// To be written to NetSuite.
    pub netsuite_ms: i64,
    /// To be written to SuiteX.
    pub suitex_ms: i64,
    /// What was promised, from change to the other side.
    pub objective_ms: i64,
    /// Whether both are within it.
    pub is_met: bool,
}

/// Conflicts, each number at most 10,000.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Counts {
    /// Open.
    pub open: u64,
    /// Of these, past their time.
    pub overdue: u64,
    /// Of these, nobody's.
    pub unassigned: u64,
}

/// Writes that people have stopped.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HoldView {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Who stopped them.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl HoldView {
    pub(crate) fn new(hold: Hold) -> Self {
        Self { since: hold.since, actor: hold.actor, reason: hold.reason }
    }
}

/// Calls to NetSuite.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// Under way.
    pub open: usize,
    /// So many at once NetSuite has been found to bear,
    pub limit: u32,
    /// and so many we may ever have under way.
    pub cap: u32,
    /// Sent today.
    pub today: u64,
    /// And so many we may send.
    pub daily_requests: u64,
    /// Refused for want of room, ever.
    pub overloads: u64,
}

/// What is known of an account at one time.
pub(crate) struct Known {
    pub(crate) governance: Governance,
    pub(crate) backlog: PerSide<u64>,
    pub(crate) oldest_due: PerSide<Option<Timestamp>>,
    pub(crate) holds: PerSide<Holds>,
    pub(crate) conflicts: ConflictCounts,
    /// What each side's writer has noted of late, the newest first.
    pub(crate) noted: Sides<Vec<AuditRow>>,
}

impl AccountView {
    /// The state on which people hold its writes or let them go: an ETag, with a part for each side.
    pub(crate) fn state(&self) -> String {
        let tags = &self.hold_tags;
        format!("{}.{}", tags.netsuite, tags.suitex)
    }

    /// How the account stands at `now`.
    pub(crate) fn new(account: &Account, role: Role, known: Known, now: Timestamp) -> Self {
        let Known { governance, backlog, oldest_due, holds, conflicts, noted } = known;
        let status = match governance.suspended {
            Some(_) => "suspended",
            None if governance.is_queued() => "queued",
            None => "open",
        };
        let waited = |since: Option<Timestamp>| since.map_or(0, |since| (now.0 - since.0).max(0));
        let (netsuite_ms, suitex_ms) = (waited(oldest_due.netsuite), waited(oldest_due.suitex));
        let objective_ms = account.objective_ms;
        Self {
            account: account.id.to_string(),
            role,
            status,
            suspended_since: governance.suspended,
            not_before: Some(governance.not_before).filter(|at| *at > now),
            holds: Sides::of(|side| holds[side].shown().map(|(_, hold)| HoldView::new(hold.clone()))),
            hold_tags: Sides::of(|side| holds[side].tag()),
            backlog: Backlog { netsuite: backlog.netsuite, suitex: backlog.suitex },
            lag: Lag {
                netsuite_ms,
                suitex_ms,
                objective_ms,
                is_met: netsuite_ms.max(suitex_ms) <= objective_ms,
            },
            latency: Latency::new(&noted, objective_ms, now),
            conflicts: Counts {
                open: conflicts.open,
                overdue: conflicts.overdue,
                unassigned: conflicts.unassigned,
            },
            writes_per_second: governance.pace.per_second(now),
            drains_in_ms: governance.pace.drains_in_ms(backlog.netsuite, now),
            calls: Calls {
                open: governance.open.iter().filter(|call| call.until > now).count(),
                limit: governance.bears.limit,
                cap: cap(&account.limits),
                today: governance.requests,
                daily_requests: account.limits.daily_requests,
                overloads: governance.overloads,
            },
        }
    }
}
