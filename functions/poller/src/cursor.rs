//! How far a scan has come, in NetSuite's own times. Pure.
//!
//! NetSuite shows times of its wall clock, in a zone that we are not told. They are compared as they stand; all that
//! is computed with them are distances. In spring the clock leaves out an hour, which harms nobody. In autumn it
//! repeats one: an hour of our own clock has passed and NetSuite's shows the same time as before. That is seen by
//! comparing how far both have gone since the last scan, and what the wall clock lacks is looked at again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use shared::domain::id::Timestamp;

/// How NetSuite is asked to write times.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Before everything.
const FIRST: &str = "1970-01-01 00:00:00";

/// The wall clock went back when it lacks more than this, s; less is the network's delay.
const BACK_FROM_S: i64 = 120;

/// No wall clock goes back further, s.
const BACK_MAX_S: i64 = 3 * 3_600;

/// A row that was read younger than this, s, is read once more when it is older: what was saved in the same second by
/// a transaction that ended later was not visible then.
const SETTLED_S: i64 = 120;

/// So many places behind the cursor are remembered: more are read again, which costs calls and nothing else.
const SEEN_MAX: usize = 20_000;

/// A place in the order of a scan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    /// NetSuite's time.
    pub(crate) time: String,
    /// Among those of one second.
    pub(crate) id: u64,
}

/// A scan under way: from a place up to a time that was fixed when it began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scan {
    /// What comes after this place is still to be looked at.
    pub(crate) after: Place,
    /// Nothing later is looked at.
    pub(crate) upto: String,
    /// Where the next scan begins from.
    next: String,
    /// When it began, on our clock.
    began: i64,
}

/// A row that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// Its time then.
    time: String,
    /// Whether nothing of its second could be hidden any more.
    is_settled: bool,
}

/// How far a scan has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Up to this time everything has been looked at; empty before the first scan has ended.
    reached: String,
    /// When that was now, on our clock, ms.
    at: i64,
    /// A scan that has not ended.
    scan: Option<Scan>,
    /// What has been looked at within the overlap, by id.
    seen: BTreeMap<u64, Seen>,
    /// Records that NetSuite refused to show: the scan has passed them and asks for them again each time.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) owed: BTreeSet<u64>,
    /// When deletions were told within the last hour, ms; of the scan for deletions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) told: Vec<i64>,
}

impl Cursor {
    /// The cursor in its text; nothing, or what nobody can read, begins from the first day.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Its text.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The scan that has not ended, or a new one up to `upto`, which is what NetSuite's clock shows at `now`, less the
    /// lag.
    pub(crate) fn scan(&mut self, upto: &str, now: Timestamp, overlap_s: i64) -> Scan {
        if let Some(scan) = &self.scan {
            return scan.clone();
        }
        let scan = self.begin(upto, now, overlap_s);
        self.scan = Some(scan.clone());
        scan
    }

    fn begin(&self, upto: &str, now: Timestamp, overlap_s: i64) -> Scan {
        let from = |time: String, last: String| Scan {
            after: Place { time, id: 0 },
            upto: last,
            next: upto.to_string(),
            began: now.0,
        };
        let (Some(reached), Some(shown)) = (parse(&self.reached), parse(upto)) else {
            return from(FIRST.to_string(), upto.to_string());
        };
        let passed_s = (now.0 - self.at) / 1_000;
        let lacks_s = passed_s - (shown - reached).num_seconds();
        let back_s = if lacks_s > BACK_FROM_S { lacks_s.min(BACK_MAX_S) } else { 0 };
        let first = reached - seconds(back_s + overlap_s);
        // What was saved just before the clock went back bears a time that is still to come.
        let last = if back_s > 0 { shown.max(reached + seconds(passed_s)) } else { shown };
        from(write(first), write(last))
    }

    /// Whether a row was looked at before and need not be again.
    pub(crate) fn knows(&self, place: &Place) -> bool {
        let is_known = |seen: &Seen| seen.time == place.time && (seen.is_settled || !self.is_settled(place));
        self.seen.get(&place.id).is_some_and(is_known)
    }

    /// Whether a row is old enough for all of its second to be visible.
    fn is_settled(&self, place: &Place) -> bool {
        let upto = self.scan.as_ref().and_then(|scan| parse(&scan.next));
        let age = upto.zip(parse(&place.time)).map(|(upto, time)| (upto - time).num_seconds());
        age.is_some_and(|age| age >= SETTLED_S)
    }

    /// Notes rows as looked at, and the scan as being past the last of them. What lies too far back to be looked for
    /// again is not remembered, so that a first scan of a large table stays small.
    pub(crate) fn pass(&mut self, places: impl IntoIterator<Item = Place>, overlap_s: i64) {
        for place in places {
            let is_settled = self.is_settled(&place);
            let Some(scan) = &mut self.scan else { return };
            let is_kept = kept_from(&scan.next, overlap_s).is_none_or(|from| place.time >= from);
            scan.after = scan.after.clone().max(place.clone());
            if is_kept {
                self.seen.insert(place.id, Seen { time: place.time, is_settled });
            }
        }
    }

    /// The scan has come to its end.
    pub(crate) fn end(&mut self, overlap_s: i64) {
        let Some(scan) = self.scan.take() else { return };
        (self.reached, self.at) = (scan.next, scan.began);
        let Some(mut kept_from) = kept_from(&self.reached, overlap_s) else { return };
        let mut times: Vec<&String> = self.seen.values().map(|seen| &seen.time).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(first_too_many) = times.get(SEEN_MAX) {
            kept_from = kept_from.max(format!("{first_too_many}~"));
        }
        self.seen.retain(|_, seen| seen.time >= kept_from);
    }
}

/// From which time on a scan's rows are remembered: what lies further back is not looked for again. Twice the overlap,
/// for the next scan begins one overlap before the end of this.
fn kept_from(reached: &str, overlap_s: i64) -> Option<String> {
    parse(reached).map(|reached| write(reached - seconds(2 * overlap_s)))
}

fn parse(time: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(time, FORMAT).ok()
}

fn write(time: NaiveDateTime) -> String {
    time.format(FORMAT).to_string()
}

fn seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

/// Whether NetSuite wrote a time as it was asked to.
pub(crate) fn is_time(text: &str) -> bool {
    parse(text).is_some()
}

/// A time earlier by an hour: for a query that NetSuite refuses because its clock never showed the time.
pub(crate) fn hour_before(time: &str) -> String {
    parse(time).map_or_else(|| time.to_string(), |time| write(time - seconds(3_600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn ended(reached: &str, at: i64) -> Cursor {
        Cursor { reached: reached.into(), at, ..Cursor::default() }
    }

    fn begun(cursor: &Cursor, upto: &str, now: i64) -> (String, String) {
        let scan = cursor.clone().scan(upto, Timestamp(now), 300);
        (scan.after.time, scan.upto)
    }

    #[test]
    fn the_first_scan_takes_everything() {
        assert_eq!(
            begun(&Cursor::default(), "2026-03-01 10:00:00", 5),
            (FIRST.to_string(), "2026-03-01 10:00:00".to_string())
        );
    }

    #[test]
    fn a_scan_begins_before_the_last_ones_end() {
        let cursor = ended("2026-03-01 10:00:00", 0);
        assert_eq!(
            begun(&cursor, "2026-03-01 10:01:00", MINUTE),
            ("2026-03-01 09:55:00".to_string(), "2026-03-01 10:01:00".to_string())
        );
    }

    #[test]
    fn the_repeated_hour_is_looked_at_again_whenever_the_poller_comes_by() {
        // (shown before, minutes that passed, shown now) around 2026-11-01 02:00 → 01:00.
        for (before, passed, now, first, last) in [
            ("2026-11-01 01:59:30", 1, "2026-11-01 01:00:30", "2026-11-01 00:54:30", "2026-11-01 02:00:30"),
            ("2026-11-01 01:30:00", 70, "2026-11-01 01:40:00", "2026-11-01 00:25:00", "2026-11-01 02:40:00"),
            ("2026-11-01 00:50:00", 190, "2026-11-01 03:00:00", "2026-10-31 23:45:00", "2026-11-01 04:00:00"),
        ] {
            let got = begun(&ended(before, 0), now, passed * MINUTE);
            assert_eq!(got, (first.to_string(), last.to_string()), "{before}");
        }
    }

    #[test]
    fn half_an_hour_back_and_an_hour_forth() {
        let lord_howe = ended("2026-04-05 01:59:50", 0);
        assert_eq!(begun(&lord_howe, "2026-04-05 01:30:50", MINUTE).0, "2026-04-05 01:24:50");
        let spring = ended("2026-03-08 01:59:30", 0);
        assert_eq!(begun(&spring, "2026-03-08 03:00:30", MINUTE).0, "2026-03-08 01:54:30");
    }

    #[test]
    fn a_clock_that_goes_wrong_does_not_have_everything_read_again() {
        let cursor = ended("2026-03-01 10:00:00", 0);
        assert_eq!(begun(&cursor, "2026-03-01 10:01:00", 90 * 24 * 60 * MINUTE).0, "2026-03-01 06:55:00");
    }

    #[test]
    fn a_scan_goes_on_where_it_stopped_and_knows_what_it_saw() {
        let mut cursor = ended("2026-03-01 10:00:00", 0);
        cursor.scan("2026-03-01 10:01:00", Timestamp(MINUTE), 300);
        let place = |time: &str, id| Place { time: time.into(), id };
        let seen = place("2026-03-01 10:00:20", 7);
        cursor.pass([place("2026-03-01 10:00:05", 9), seen.clone()], 300);
        let mut later = Cursor::parse(Some(&cursor.to_text()));
        let scan = later.scan("2026-03-01 10:02:00", Timestamp(2 * MINUTE), 300);
        assert_eq!((scan.after, scan.upto.as_str()), (seen.clone(), "2026-03-01 10:01:00"));
        assert!(later.knows(&seen) && !later.knows(&place("2026-03-01 10:00:21", 7)));
        later.end(300);
        assert_eq!(begun(&later, "2026-03-01 10:02:00", 2 * MINUTE).0, "2026-03-01 09:56:00");
        assert!(later.knows(&seen), "it will be met again");
    }

    #[test]
    fn a_row_that_was_read_young_is_read_once_more() {
        let mut cursor = ended("2026-03-01 10:00:00", 0);
        let row = Place { time: "2026-03-01 10:00:50".into(), id: 7 };
        for (minute, is_known) in [(1, false), (2, true), (3, false), (4, true)] {
            cursor.scan(&format!("2026-03-01 10:0{minute}:00"), Timestamp(minute * MINUTE), 300);
            assert_eq!(cursor.knows(&row), is_known, "in minute {minute}");
            cursor.pass([row.clone()], 300);
            cursor.end(300);
        }
    }

    #[test]
    fn what_lies_far_back_is_forgotten() {
        let mut cursor = ended("2026-03-01 10:00:00", 0);
        cursor.scan("2026-03-01 11:00:00", Timestamp(60 * MINUTE), 300);
        let old = Place { time: "2026-03-01 10:10:00".into(), id: 1 };
        cursor.pass([old.clone()], 300);
        cursor.end(300);
        assert!(!cursor.knows(&old));
    }

    #[test]
    fn a_first_scan_remembers_only_what_the_next_one_meets_again() {
        let mut cursor = Cursor::default();
        cursor.scan("2026-03-01 10:00:00", Timestamp(0), 300);
        let row = |second: u32, id| Place {
            time: format!("2026-03-01 09:{:02}:{:02}", second / 60, second % 60),
            id,
        };
        cursor.pass((0..3_600).map(|second| row(second, u64::from(second))), 300);
        assert_eq!(cursor.seen.len(), 600, "ten minutes of it");
        cursor.pass((0..25_000).map(|id| row(3_599, 10_000 + id)), 300);
        cursor.end(300);
        assert_eq!(cursor.seen.len(), 0, "more in one second than is remembered: all of it is read again");
    }

    #[test]
    fn a_cursor_that_nobody_can_read_begins_anew() {
        assert_eq!(Cursor::parse(Some("{\"reached\":")), Cursor::default());
        assert_eq!(Cursor::parse(None), Cursor::default());
    }
}
