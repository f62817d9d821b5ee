//! How long changes took to reach the other side, against what was promised. Pure.

use serde::Serialize;
use shared::domain::id::{Side, Timestamp};
use shared::state::AuditRow;
use shared::travel::{self, Travel};
use utoipa::ToSchema;

use super::Sides;

/// What has arrived within so long, ms, is looked at.
pub(crate) const LATENCY_WINDOW_MS: i64 = 3_600_000;

/// How long changes took from their source to the other side, by the side that they were written to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// What was promised.
    pub objective_ms: i64,
    /// What has arrived within so long was looked at, the last of it first: not more than 1,000 writes of each side.
    pub window_ms: i64,
    /// SuiteX's changes.
    pub netsuite: Arrived,
    /// NetSuite's changes.
    pub suitex: Arrived,
}

/// Changes that have arrived on a side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Arrived {
    /// So many were looked at.
    pub changes: usize,
    /// How long they took; none when nothing has arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<Spread>,
    /// How much of it they took until they were taken in: told, gathered with others, decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_decided: Option<Spread>,
    /// Whether 99 of 100 took no longer than was promised; none when nothing has arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_met: Option<bool>,
}

/// How long most changes took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// Half of them took no longer,
    pub p50_ms: i64,
    /// nor 95 of 100,
    pub p95_ms: i64,
    /// nor 99 of 100.
    pub p99_ms: i64,
}

impl Latency {
    /// By what each side's writer has noted, the newest first.
    pub(crate) fn new(noted: &Sides<Vec<AuditRow>>, objective_ms: i64, now: Timestamp) -> Self {
        let arrived = |rows: &[AuditRow]| {
            let recent = rows.iter().take_while(|row| row.at > now.plus(-LATENCY_WINDOW_MS));
            Arrived::new(&recent.filter_map(travel::of).collect::<Vec<_>>(), objective_ms)
        };
        let (netsuite, suitex) = (arrived(&noted.netsuite), arrived(&noted.suitex));
        Self { objective_ms, window_ms: LATENCY_WINDOW_MS, netsuite, suitex }
    }

    /// What has arrived on a side.
    pub(crate) fn on(&self, side: Side) -> &Arrived {
        match side {
            Side::NetSuite => &self.netsuite,
            Side::SuiteX => &self.suitex,
        }
    }
}

impl Arrived {
    fn new(travels: &[Travel], objective_ms: i64) -> Self {
        let spread = |of: fn(&Travel) -> i64| {
            let travel::Spread { p50_ms, p95_ms, p99_ms } = travel::spread(travels.iter().map(of).collect())?;
            Some(Spread { p50_ms, p95_ms, p99_ms })
        };
        let took = spread(|travel| travel.arrived_ms);
        let is_met = took.as_ref().map(|took| took.p99_ms <= objective_ms);
        Self { changes: travels.len(), until_decided: spread(|travel| travel.decided_ms), took, is_met }
    }
}
