//! The transitions of the world's wall clocks, each way to have one once.

use std::collections::BTreeMap;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

/// 2026-01-02 and 2028-01-01, in seconds of the epoch.
const YEARS: (i64, i64) = (1_767_312_000, 1_830_297_600);

const DAY: i64 = 86_400;

/// A wall clock is changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transition {
    pub(crate) zone: Tz,
    /// The first second after it, of the epoch.
    pub(crate) at: i64,
}

/// All transitions in two years, of zones that differ: from which offset to which, and when.
pub(crate) fn transitions() -> Vec<Transition> {
    let mut found = BTreeMap::new();
    for zone in TZ_VARIANTS {
        let mut day = YEARS.0;
        while day < YEARS.1 {
            let (before, after) = (offset_s(zone, day), offset_s(zone, day + DAY));
            if before != after {
                let at = first_after(zone, day, day + DAY);
                found.entry((at, before, after)).or_insert(Transition { zone, at });
            }
            day += DAY;
        }
    }
    found.into_values().collect()
}

fn offset_s(zone: Tz, at: i64) -> i32 {
    let utc = DateTime::from_timestamp(at, 0).unwrap().naive_utc();
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

/// The first second of the offset that is in force at `until`.
fn first_after(zone: Tz, mut before: i64, mut until: i64) -> i64 {
    let after = offset_s(zone, until);
    while until - before > 1 {
        let middle = before.midpoint(until);
        if offset_s(zone, middle) == after { until = middle } else { before = middle }
    }
    until
}

#[test]
fn these_are_the_transitions_that_there_are() {
    let transitions = transitions();
    let has = |zone: Tz, at: &str| {
        let at = DateTime::parse_from_rfc3339(at).unwrap().timestamp();
        let of_zone = |t: &Transition| t.at == at && offset_s(t.zone, at) == offset_s(zone, at);
        assert!(transitions.iter().any(of_zone), "{zone} {at}");
    };
    has(Tz::America__Los_Angeles, "2026-11-01T09:00:00Z");
    has(Tz::Europe__Berlin, "2027-03-28T01:00:00Z");
    has(Tz::Australia__Lord_Howe, "2026-04-04T15:00:00Z");
    has(Tz::America__St_Johns, "2026-03-08T05:30:00Z");
    has(Tz::Pacific__Auckland, "2027-09-25T14:00:00Z");
    has(Tz::Antarctica__Troll, "2026-10-25T01:00:00Z");
    assert!((60..200).contains(&transitions.len()), "{}", transitions.len());
}
