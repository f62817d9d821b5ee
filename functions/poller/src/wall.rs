//! NetSuite's wall clock: its times as texts, and how it goes apart from ours. Pure.
//!
//! NetSuite shows times in a zone that we are not told. They are compared in NetSuite alone, as it writes them; all
//! that is computed with them here are distances.

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};

/// How NetSuite is asked to write times.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Before everything.
pub(crate) const FIRST: &str = "1970-01-01 00:00:00";

/// The clocks have gone apart when they differ by more than this, s; less is the network's delay.
const APART_FROM_S: i64 = 120;

/// Transitions are multiples of this, s: half an hour on Lord Howe Island, an hour almost everywhere else.
const STEP_S: i64 = 1_800;

/// Somebody has moved the account to another zone at most, s: from UTC+14 to UTC-12.
const APART_MAX_S: i64 = 26 * 3_600;

/// Away for longer than this, s, the poller cannot tell what the wall clock did meanwhile.
const AWAY_S: i64 = 24 * 3_600;

/// What both clocks showed at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clocks {
    /// NetSuite's, as it writes it.
    pub(crate) shown: String,
    /// Ours, ms.
    pub(crate) at: i64,
}

impl Clocks {
    /// By how much the wall clock has gone apart from ours since `before`, s, forth or back: 0, or whole half hours
    /// and never less than it was.
    pub(crate) fn apart_s(&self, before: &Clocks) -> i64 {
        let (Some(then), Some(now)) = (parse(&before.shown), parse(&self.shown)) else { return APART_MAX_S };
        let passed_s = (self.at - before.at) / 1_000;
        let apart_s = ((now - then).num_seconds() - passed_s).abs();
        let whole_s = (apart_s + STEP_S - 1) / STEP_S * STEP_S;
        match (apart_s > APART_FROM_S, passed_s > AWAY_S) {
            (true, _) => whole_s.min(APART_MAX_S),
            // It may have gone there and come back, or stood in the repeated hour.
            (false, true) => 2 * STEP_S,
            (false, false) => 0,
        }
    }

    /// How old a time is by the wall clock, s; below 0 when the wall clock will show it yet.
    pub(crate) fn age_s(&self, time: &str) -> Option<i64> {
        Some((parse(&self.shown)? - parse(time)?).num_seconds())
    }
}

/// A time moved by so many seconds, on the wall; one that nobody can read stays.
pub(crate) fn moved(time: &str, by_s: i64) -> String {
    let to = parse(time).and_then(|time| time.checked_add_signed(TimeDelta::seconds(by_s)));
    to.map_or_else(|| time.to_string(), |to| to.format(FORMAT).to_string())
}

/// Whether NetSuite wrote a time as it was asked to.
pub(crate) fn is_time(text: &str) -> bool {
    parse(text).is_some()
}

/// Seconds since the first day, by the wall; for distances.
pub(crate) fn seconds(time: &str) -> Option<i64> {
    parse(time).map(|time| time.and_utc().timestamp())
}

fn parse(time: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(time, FORMAT).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart_s(then: &str, passed_s: i64, now: &str) -> i64 {
        let clocks = |shown: &str, at| Clocks { shown: shown.into(), at };
        clocks(now, passed_s * 1_000).apart_s(&clocks(then, 0))
    }

    #[test]
    fn clocks_go_apart_by_transitions_and_not_by_the_networks_delay() {
        for (then, passed_s, now, apart) in [
            ("2026-03-01 10:00:00", 60, "2026-03-01 10:01:00", 0),
            ("2026-03-01 10:00:00", 60, "2026-03-01 10:02:30", 0),
            ("2026-11-01 01:59:30", 60, "2026-11-01 01:00:30", 3_600),
            ("2026-11-01 00:50:00", 190 * 60, "2026-11-01 03:00:00", 3_600),
            ("2026-03-08 01:59:30", 60, "2026-03-08 03:00:29", 3_600),
            ("2026-04-05 01:59:50", 60, "2026-04-05 01:30:50", 1_800),
            ("2026-04-05 01:59:50", 160, "2026-04-05 01:31:30", 3_600),
            ("2026-03-01 10:00:00", 60, "2026-03-01 01:01:00", 9 * 3_600),
            ("2026-03-01 10:00:00", 60, "1999-03-01 01:01:00", APART_MAX_S),
            ("2026-03-01 10:00:00", 2 * 86_400, "2026-03-03 10:00:00", 3_600),
            ("nonsense", 60, "2026-03-01 10:01:00", APART_MAX_S),
        ] {
            assert_eq!(apart_s(then, passed_s, now), apart, "{then} {passed_s} {now}");
        }
    }

    #[test]
    fn times_are_moved_on_the_wall() {
        assert_eq!(moved("2026-03-08 03:00:30", -3_600), "2026-03-08 02:00:30", "though it never was");
        assert_eq!(moved("soon", 5), "soon");
    }
}
