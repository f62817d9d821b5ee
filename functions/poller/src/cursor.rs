//! How far a scan has come, in NetSuite's own times. Pure.
//!
//! A scan goes through a window of NetSuite's wall clock that is fixed when it begins, in the order of ids: what is
//! saved meanwhile is the next scan's. That one begins an overlap before the end of this, for a save becomes visible
//! when its transaction ends, under the time at which it began.
//!
//! In spring the wall clock leaves out an hour, in autumn it repeats one, and how NetSuite reads and sorts the times
//! in between is not documented. It is seen when it has happened: by our clock more or less time has passed than by
//! NetSuite's. From then on, until the last of those hours lies behind the overlap, the windows are wider by as much
//! to both ends. While NetSuite takes the first of two hours for the second, what is saved in it may be found late,
//! when the clock has gone back; it is found.

use serde::{Deserialize, Serialize};

use super::emptied::Emptied;
use super::owed::Owed;
use super::seen::{Phase, Seen};
use super::stride::Stride;
use super::untimed::Untimed;
use super::wall::{Clocks, FIRST, moved};
use super::whole::Whole;

/// Wider windows than this, s, serve one scan: no transition is so large, so the account has another zone now.
const TRANSITION_MAX_S: i64 = 3 * 3_600;

/// Windows are widened so much longer than needed, ms: the transition is noticed some time after it was.
const WIDER_FOR_MS: i64 = 300_000;

/// A row of a scan: something that was saved or deleted, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// NetSuite's id.
    pub(crate) id: u64,
    /// On its wall clock.
    pub(crate) at: String,
}

impl From<(u64, String)> for Row {
    fn from((id, at): (u64, String)) -> Self {
        Self { id, at }
    }
}

/// A scan under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scan {
    /// Nothing earlier is looked at,
    pub(crate) from: String,
    /// nor later.
    pub(crate) upto: String,
    /// Of what lies between, ids up to this have been looked at.
    pub(crate) after: u64,
    /// What the clocks showed when it began.
    began: Clocks,
}

/// For how long windows are wider, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Wider {
    by_s: i64,
    /// On our clock, ms.
    until: i64,
}

/// How far a scan has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cursor {
    /// When the last scan that has ended began: up to then everything has been looked at.
    reached: Option<Clocks>,
    /// A scan that has not ended.
    scan: Option<Scan>,
    /// After the wall clock was changed.
    wider: Option<Wider>,
    /// What has been looked at and may be met again.
    pub(crate) seen: Seen,
    /// What NetSuite refused to show.
    pub(crate) owed: Owed,
    /// What has turned empty, and waits.
    pub(crate) emptied: Emptied,
    /// A type that NetSuite does not list by time: how far it has been gone through whole.
    pub(crate) whole: Option<Whole>,
    /// Rows without a time: how far they have been gone through.
    pub(crate) untimed: Untimed,
    /// How many records a call looks at.
    pub(crate) stride: Stride,
}

impl Cursor {
    /// The scan that has not ended, or a new one up to what NetSuite's clock shows.
    pub(crate) fn scan(&mut self, clocks: &Clocks, overlap_s: i64) -> &Scan {
        let scan = self.scan.take().unwrap_or_else(|| self.begin(clocks, overlap_s));
        self.scan.insert(scan)
    }

    /// The scan that has not ended.
    pub(crate) fn under_way(&self) -> Option<&Scan> {
        self.scan.as_ref()
    }

    fn begin(&mut self, clocks: &Clocks, overlap_s: i64) -> Scan {
        let apart_s = self.reached.as_ref().map_or(0, |reached| clocks.apart_s(reached));
        if apart_s > 0 {
            self.seen.rejuvenate(|time| Phase::of(clocks.age_s(time)));
            let until = clocks.at + (apart_s + overlap_s) * 1_000 + WIDER_FOR_MS;
            self.wider = (apart_s <= TRANSITION_MAX_S).then_some(Wider { by_s: apart_s, until });
        }
        self.wider.take_if(|wider| wider.until < clocks.at);
        let wider_s = self.wider.map_or(apart_s, |wider| wider.by_s);
        let overlapped = |reached: &Clocks| moved(&reached.shown, -overlap_s - wider_s);
        let mut from = self.reached.as_ref().map_or_else(|| FIRST.to_string(), overlapped);
        from = self.owed.take_missed().into_iter().chain([from.clone()]).min().unwrap_or(from);
        let upto = if wider_s > 0 { moved(&clocks.shown, wider_s) } else { clocks.shown.clone() };
        Scan { from, upto, after: 0, began: clocks.clone() }
    }

    /// NetSuite does not list this type by time: it is gone through whole, from its first record on.
    pub(crate) fn go_whole(&mut self, clocks: &Clocks) {
        self.scan = None;
        self.whole = Some(Whole::begun(clocks));
    }

    /// All of the type has been gone through: up to when that began everything has been looked at.
    pub(crate) fn end_whole(&mut self) {
        if let Some(began) = self.whole.as_mut().map(Whole::end) {
            self.reached = Some(began);
        }
    }

    /// NetSuite cannot read one of the window's times, which its clock has left out: an hour more to both ends.
    pub(crate) fn widen(&mut self) {
        if let Some(scan) = &mut self.scan {
            (scan.from, scan.upto) = (moved(&scan.from, -3_600), moved(&scan.upto, 3_600));
        }
    }

    /// Whether this was looked at before under this time, and need not be again.
    pub(crate) fn knows(&self, key: &str, time: &str) -> bool {
        self.seen.knows(key, time, self.phase(time))
    }

    /// Notes this as looked at. What lies too far back to be listed again is not remembered, so that a first scan of
    /// a large table stays small.
    pub(crate) fn note(&mut self, key: String, time: &str, overlap_s: i64) {
        if self.kept_from(overlap_s).is_some_and(|from| time >= from.as_str()) {
            self.seen.note(key, time, self.phase(time));
        }
    }

    fn phase(&self, time: &str) -> Phase {
        Phase::of(self.scan.as_ref().and_then(|scan| scan.began.age_s(time)))
    }

    /// The scan is past an id.
    pub(crate) fn pass(&mut self, id: u64, overlap_s: i64) {
        let kept_from = self.kept_from(overlap_s);
        if let (Some(scan), Some(from)) = (&mut self.scan, kept_from) {
            scan.after = scan.after.max(id);
            self.seen.forget_before(&from);
        }
    }

    /// The scan has come to its end. Whether it was begun under these clocks: else another can begin at once.
    pub(crate) fn end(&mut self, clocks: &Clocks) -> bool {
        let Some(scan) = self.scan.take() else { return true };
        let is_last = scan.began == *clocks;
        self.reached = Some(scan.began);
        is_last
    }

    /// When everything had been looked at, on our clock, ms; `None` before a first scan has ended.
    pub(crate) fn reached_at(&self) -> Option<i64> {
        self.reached.as_ref().map(|reached| reached.at)
    }

    /// From which time on rows are remembered. Twice the overlap, for the next scan begins one overlap before this
    /// one did.
    fn kept_from(&self, overlap_s: i64) -> Option<String> {
        let wider_s = self.wider.map_or(0, |wider| wider.by_s);
        self.scan.as_ref().map(|scan| moved(&scan.began.shown, -2 * overlap_s - wider_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn clocks(shown: &str, minutes: i64) -> Clocks {
        Clocks { shown: shown.into(), at: minutes * MINUTE }
    }

    fn ended(reached: &str) -> Cursor {
        Cursor { reached: Some(clocks(reached, 0)), ..Cursor::default() }
    }

    fn begun(cursor: &mut Cursor, shown: &str, minutes: i64) -> (String, String) {
        let scan = cursor.scan(&clocks(shown, minutes), 300);
        (scan.from.clone(), scan.upto.clone())
    }

    fn window(from: &str, upto: &str) -> (String, String) {
        (from.to_string(), upto.to_string())
    }

    #[test]
    fn the_first_scan_takes_everything() {
        let mut cursor = Cursor::default();
        assert_eq!(begun(&mut cursor, "2026-03-01 10:00:00", 5), window(FIRST, "2026-03-01 10:00:00"));
    }

    #[test]
    fn a_scan_begins_before_the_last_one_did() {
        let mut cursor = ended("2026-03-01 10:00:00");
        let expected = window("2026-03-01 09:55:00", "2026-03-01 10:01:00");
        assert_eq!(begun(&mut cursor, "2026-03-01 10:01:00", 1), expected);
    }

    #[test]
    fn windows_are_wider_from_a_transition_until_its_hours_lie_behind() {
        // (shown before, minutes that passed, shown now) around 2026-11-01 02:00 → 01:00, and in spring.
        for (before, passed, now, from, upto) in [
            ("2026-11-01 01:59:30", 1, "2026-11-01 01:00:30", "2026-11-01 00:54:30", "2026-11-01 02:00:30"),
            ("2026-11-01 01:30:00", 70, "2026-11-01 01:40:00", "2026-11-01 00:25:00", "2026-11-01 02:40:00"),
            ("2026-11-01 00:50:00", 190, "2026-11-01 03:00:00", "2026-10-31 23:45:00", "2026-11-01 04:00:00"),
            ("2026-03-08 01:59:30", 1, "2026-03-08 03:00:30", "2026-03-08 00:54:30", "2026-03-08 04:00:30"),
        ] {
            assert_eq!(begun(&mut ended(before), now, passed), window(from, upto), "{before}");
        }
        let mut cursor = ended("2026-11-01 01:59:00");
        let mut widths = Vec::new();
        for minute in 0..90 {
            let now = moved("2026-11-01 01:00:00", minute * 60);
            let (from, _) = begun(&mut cursor, &now, minute + 1);
            widths.push(clocks(&now, 0).age_s(&from).unwrap());
            cursor.end(&clocks(&now, minute + 1));
        }
        assert_eq!(widths[0], 300 + 60, "the wall clock shows an hour less");
        assert!(widths[1..=70].iter().all(|width| *width == 300 + 60 + 3_600), "{widths:?}");
        assert_eq!(widths[71], 300 + 60);
    }

    #[test]
    fn another_zone_widens_one_scan() {
        let mut cursor = ended("2026-03-01 10:00:00");
        assert_eq!(begun(&mut cursor, "2026-03-01 01:01:00", 1).0, "2026-03-01 00:55:00");
        cursor.end(&clocks("", 0));
        assert_eq!(begun(&mut cursor, "2026-03-01 01:02:00", 2).0, "2026-03-01 00:56:00");
    }

    #[test]
    fn a_scan_goes_on_where_it_stopped_and_knows_what_it_saw() {
        let mut cursor = ended("2026-03-01 10:00:00");
        begun(&mut cursor, "2026-03-01 10:01:00", 1);
        cursor.note("7".into(), "2026-03-01 10:00:20", 300);
        cursor.pass(7, 300);
        let text = serde_json::to_string(&cursor).unwrap();
        let mut later: Cursor = serde_json::from_str(&text).unwrap();
        let scan = later.scan(&clocks("2026-03-01 10:02:00", 2), 300);
        assert_eq!((scan.after, scan.upto.as_str()), (7, "2026-03-01 10:01:00"));
        assert!(later.knows("7", "2026-03-01 10:00:20") && !later.knows("7", "2026-03-01 10:00:21"));
        assert!(!later.end(&clocks("2026-03-01 10:02:00", 2)), "it was begun a minute ago");
        assert_eq!(begun(&mut later, "2026-03-01 10:02:00", 2).0, "2026-03-01 09:56:00");
        assert!(later.end(&clocks("2026-03-01 10:02:00", 2)));
    }

    #[test]
    fn a_row_that_was_read_young_is_read_once_more() {
        let mut cursor = ended("2026-03-01 10:00:00");
        for (minute, is_known) in [(1, false), (2, true), (3, false), (4, true)] {
            begun(&mut cursor, &format!("2026-03-01 10:0{minute}:00"), minute);
            assert_eq!(cursor.knows("7", "2026-03-01 10:00:50"), is_known, "in minute {minute}");
            cursor.note("7".into(), "2026-03-01 10:00:50", 300);
            cursor.end(&clocks("", 0));
        }
    }

    #[test]
    fn a_time_that_comes_twice_is_read_twice() {
        let mut cursor = ended("2026-11-01 01:30:00");
        begun(&mut cursor, "2026-11-01 01:33:00", 3);
        cursor.note("7".into(), "2026-11-01 01:30:15", 300);
        assert!(cursor.knows("7", "2026-11-01 01:30:15"));
        cursor.end(&clocks("2026-11-01 01:33:00", 3));
        begun(&mut cursor, "2026-11-01 01:00:00", 30);
        assert!(cursor.knows("7", "2026-11-01 01:30:15"), "it has not come again");
        cursor.end(&clocks("2026-11-01 01:00:00", 30));
        begun(&mut cursor, "2026-11-01 01:31:00", 61);
        assert!(!cursor.knows("7", "2026-11-01 01:30:15"));
    }

    #[test]
    fn a_first_scan_remembers_only_what_the_next_one_meets_again() {
        let mut cursor = Cursor::default();
        begun(&mut cursor, "2026-03-01 10:00:00", 0);
        for second in 0..3_600 {
            cursor.note(second.to_string(), &moved("2026-03-01 09:00:00", second), 300);
        }
        assert_eq!(cursor.seen.len(), 600, "ten minutes of it");
    }

    #[test]
    fn what_was_refused_and_not_remembered_is_gone_through_again() {
        let mut cursor = ended("2026-03-01 10:00:00");
        (0..1_100).for_each(|id| _ = cursor.owed.add(&id.to_string(), "2026-02-01 10:00:00"));
        assert_eq!(begun(&mut cursor, "2026-03-01 10:01:00", 1).0, "2026-03-01 09:55:00");
        cursor.end(&clocks("2026-03-01 10:01:00", 1));
        (0..600).for_each(|id| assert!(cursor.owed.pay(&id.to_string())));
        assert_eq!(begun(&mut cursor, "2026-03-01 10:02:00", 2).0, "2026-02-01 10:00:00");
    }
}
