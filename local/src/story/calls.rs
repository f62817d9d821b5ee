//! How calls ended, and how long the changes that they brought had been under way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use shared::domain::id::{Side, Timestamp};
use shared::ledger::Stored;
use shared::state::{AuditRow, HistoryRow, PendingRow, Place};
use uuid::Uuid;

use super::latency::Progress;
use super::{Moment, is_echo, is_learned, side_of};

/// An absorbed event that decided nothing.
pub(super) struct Undecided {
    side: Side,
    occurred_at: Timestamp,
    is_echo: bool,
    /// When what it told was learned by a look: its side's clock could not tell its order.
    pub(super) led_to_look: Option<Timestamp>,
}

/// The absorbed events that decided nothing.
pub(super) fn undecided(
    rows: &[PendingRow],
    history: &[HistoryRow],
    stored: &BTreeMap<Uuid, Stored>,
) -> BTreeMap<Uuid, Undecided> {
    let decided: BTreeSet<Uuid> = history.iter().flat_map(|row| row.events.iter().copied()).collect();
    let mut undecided = BTreeMap::new();
    for row in rows.iter().filter(|row| row.place == Place::Applied && !decided.contains(&row.event_id)) {
        let Some(told) = stored.get(&row.event_id) else { continue };
        let Some(side) = side_of(told) else { continue };
        let is_echo = is_echo(told);
        // A poll tells of seconds ago, and what it tells is most often known.
        let may_lead = !is_echo && told.entry.source != "netsuite-poll";
        let after = history.iter().find(|h| h.at >= row.arrived_at).filter(|_| may_lead);
        let look = after.filter(|h| h.source == "read" && teller(h, stored) == Some(side));
        let (occurred_at, led_to_look) = (told.entry.occurred_at, look.map(|look| look.at));
        undecided.insert(row.event_id, Undecided { side, occurred_at, is_echo, led_to_look });
    }
    undecided
}

/// Who told what a row of the history decided; nobody when it was a person.
fn teller(row: &HistoryRow, stored: &BTreeMap<Uuid, Stored>) -> Option<Side> {
    row.events.iter().find_map(|id| side_of(stored.get(id)?))
}

/// The calls.
pub(super) fn calls(
    writes: &[AuditRow],
    history: &[HistoryRow],
    undecided: &BTreeMap<Uuid, Undecided>,
    stored: &BTreeMap<Uuid, Stored>,
) -> Vec<Moment> {
    let mut echoes: Vec<&Undecided> = undecided.values().filter(|event| event.is_echo).collect();
    echoes.sort_by_key(|event| event.occurred_at);
    let (mut rows, mut echoes) = (history.iter().peekable(), echoes.into_iter().peekable());
    let mut progress = Progress::default();
    let mut moments = Vec::new();
    for write in writes {
        let target = match write.details["target"].as_str() {
            Some("netsuite") => Side::NetSuite,
            Some("suitex") => Side::SuiteX,
            _ => continue,
        };
        // What an answer told comes after the write that it answers.
        let answers = |row: &HistoryRow| is_learned(row) && teller(row, stored) == Some(target);
        let is_before = |row: &&HistoryRow| row.at < write.at || (row.at == write.at && !answers(row));
        while let Some(row) = rows.next_if(is_before) {
            // What a side told back was there, whether or not its answer had reached us.
            while let Some(echo) = echoes.next_if(|echo| echo.occurred_at <= row.at) {
                progress.written(echo.side, echo.occurred_at);
            }
            let at = made_at(row, undecided, stored);
            for decision in &row.decisions {
                progress.decided(decision, teller(row, stored), at);
            }
        }
        let is_done = matches!(write.action.as_str(), "applied" | "deleted");
        let told = json!({
            "kind": "write",
            "at": write.at,
            "side": target,
            "outcome": write.action,
            "latencyMs": if is_done { progress.written(target, write.at) } else { None },
            "details": write.details["details"],
        });
        moments.push(Moment { at: write.at, rank: 2, told });
    }
    moments
}

/// When the change was made that a row of the history decided on.
fn made_at(
    row: &HistoryRow,
    undecided: &BTreeMap<Uuid, Undecided>,
    stored: &BTreeMap<Uuid, Stored>,
) -> Timestamp {
    let led = undecided.values().filter(|event| event.led_to_look == Some(row.at));
    let told = row.events.iter().filter_map(|id| stored.get(id)).map(|told| told.entry.occurred_at);
    led.map(|event| event.occurred_at).chain(told).min().unwrap_or(row.at)
}
