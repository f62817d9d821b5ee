//! Scans that fail tick after tick: from when on a person is told. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A single failure may be anything.
const TIMES_MIN: u32 = 3;

/// What NetSuite refuses for so long, ms, it will go on refusing: a permission, a column, a row.
const REFUSED_MS: i64 = 600_000;

/// What does not answer for so long, ms, is away for longer than a maintenance takes, or than the storm.
const AWAY_MS: i64 = 3_600_000;

/// What still fails is told again after so long, ms: somebody may have dismissed it.
const AGAIN_MS: i64 = 86_400_000;

/// How a scan failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// NetSuite understood it and refused, or answered what is no answer.
    Refused,
    /// It did not answer, or was not well.
    Away,
}

/// A scan that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Trouble {
    /// On our clock, ms.
    since: i64,
    times: u32,
    /// When a person was told last.
    filed_at: Option<i64>,
}

/// All that fail, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Failing(BTreeMap<String, Trouble>);

impl Failing {
    /// A scan has failed. Since when it does, if a person is to be told now.
    pub(crate) fn failed(&mut self, scan: &str, how: How, now_ms: i64) -> Option<i64> {
        let new = Trouble { since: now_ms, times: 0, filed_at: None };
        let trouble = self.0.entry(scan.to_string()).or_insert(new);
        trouble.times = trouble.times.saturating_add(1);
        let long = match how {
            How::Refused => REFUSED_MS,
            How::Away => AWAY_MS,
        };
        let is_long = trouble.times >= TIMES_MIN && now_ms - trouble.since >= long;
        let is_told = trouble.filed_at.is_some_and(|at| now_ms - at < AGAIN_MS);
        if !is_long || is_told {
            return None;
        }
        trouble.filed_at = Some(now_ms);
        Some(trouble.since)
    }

    /// A scan went well. Whether a person had been told that it fails.
    pub(crate) fn went_well(&mut self, scan: &str) -> bool {
        self.0.remove(scan).is_some_and(|trouble| trouble.filed_at.is_some())
    }

    /// Those that fail and are no scans any more: their types are synced no longer.
    pub(crate) fn obsolete(&self, is_scan: impl Fn(&str) -> bool) -> Vec<String> {
        self.0.keys().filter(|scan| !is_scan(scan)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn told_in(how: How, minutes: std::ops::Range<i64>) -> Vec<i64> {
        let mut failing = Failing::default();
        minutes.filter(|minute| failing.failed("customer", how, minute * MINUTE).is_some()).collect()
    }

    #[test]
    fn what_is_refused_is_told_after_ten_minutes_and_then_by_the_day() {
        assert_eq!(told_in(How::Refused, 0..1_500), [10, 10 + 1_440]);
        assert_eq!(told_in(How::Away, 0..1_500), [60]);
    }

    #[test]
    fn two_failures_are_no_row_however_far_apart() {
        let mut failing = Failing::default();
        assert_eq!(failing.failed("customer", How::Refused, 0), None);
        assert_eq!(failing.failed("customer", How::Refused, 100 * MINUTE), None);
        assert_eq!(failing.failed("customer", How::Refused, 101 * MINUTE), Some(0));
    }

    #[test]
    fn what_went_well_in_between_begins_anew() {
        let mut failing = Failing::default();
        for minute in 0..10 {
            assert_eq!(failing.failed("customer", How::Refused, minute * MINUTE), None);
        }
        assert!(!failing.went_well("customer"), "nobody was told");
        for minute in 10..20 {
            assert_eq!(failing.failed("customer", How::Refused, minute * MINUTE), None);
        }
        assert_eq!(failing.failed("customer", How::Refused, 20 * MINUTE), Some(10 * MINUTE));
        assert!(failing.went_well("customer") && !failing.went_well("customer"));
    }

    #[test]
    fn a_type_that_is_synced_no_more_is_no_scan() {
        let mut failing = Failing::default();
        failing.failed("customer", How::Refused, 0);
        failing.failed("deletions", How::Refused, 0);
        assert_eq!(failing.obsolete(|scan| scan == "deletions"), ["customer"]);
    }
}
