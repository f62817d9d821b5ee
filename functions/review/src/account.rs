//! How an account stands: what there is to do, how fast it is done and when it will be, and what NetSuite allows.

use serde::Serialize;
use shared::domain::governance::{Governance, cap};
use shared::domain::id::{AccountId, PerSide, Timestamp};
use shared::domain::surface::Account;

/// An account, as people see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Standing<'a> {
    account: &'a AccountId,
    /// `open`, `queued` (the last calls failed: one at a time tries) or `suspended` (our credentials are refused).
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_since: Option<Timestamp>,
    /// No call before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    /// Records that are due, by side.
    backlog: Backlog,
    /// Writes to NetSuite a second, of late; none when nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    writes_per_second: Option<f64>,
    /// In how many ms NetSuite's backlog will have been worked off, if it goes on like this and nothing is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    drains_in_ms: Option<i64>,
    calls: Calls,
}

#[derive(Serialize)]
struct Backlog {
    netsuite: u64,
    suitex: u64,
}

/// Calls to NetSuite.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Calls {
    open: usize,
    /// So many at once NetSuite has been found to bear,
    limit: u32,
    /// and so many we may ever have under way.
    cap: u32,
    today: u64,
    daily_requests: u64,
    /// Refused for want of room, ever.
    overloads: u64,
}

impl<'a> Standing<'a> {
    /// How the account stands at `now`.
    pub(crate) fn new(
        account: &'a Account,
        governance: &Governance,
        backlog: PerSide<u64>,
        now: Timestamp,
    ) -> Self {
        let status = match governance.suspended {
            Some(_) => "suspended",
            None if governance.is_queued() => "queued",
            None => "open",
        };
        Self {
            account: &account.id,
            status,
            suspended_since: governance.suspended,
            not_before: Some(governance.not_before).filter(|at| *at > now),
            backlog: Backlog { netsuite: backlog.netsuite, suitex: backlog.suitex },
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
