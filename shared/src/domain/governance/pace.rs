//! How fast an account's backlog is worked off, and when it will be.

use super::super::id::Timestamp;

/// Writes are counted over so long, ms: long enough for many calls, short enough to follow a step of the limit.
const WINDOW_MS: i64 = 30_000;

/// A rate over less, ms, says nothing.
const AT_LEAST_MS: i64 = 2_000;

/// Writes done lately, counted in two windows that slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// Start of the current window; 0: nothing was ever done.
    pub from: Timestamp,
    /// Done in it.
    pub done: u64,
    /// Done in the window before; `None` when there was a rest before this one.
    pub before: Option<u64>,
}

impl Pace {
    /// Counts writes that were done.
    pub fn note(&mut self, now: Timestamp, writes: u32) {
        *self = self.slid(now);
        self.done += u64::from(writes);
    }

    /// Writes a second of late; `None` when there is nothing to tell it from.
    pub fn per_second(&self, now: Timestamp) -> Option<f64> {
        let Pace { from, done, before } = self.slid(now);
        let into_ms = (now.0 - from.0) as f64;
        let (writes, over_ms) = match before {
            Some(before) => {
                let left = 1.0 - into_ms / WINDOW_MS as f64;
                (before as f64 * left + done as f64, WINDOW_MS as f64)
            }
            None if into_ms >= AT_LEAST_MS as f64 => (done as f64, into_ms),
            None => return None,
        };
        (writes > 0.0).then(|| writes * 1_000.0 / over_ms)
    }

    /// In how many ms a backlog of so many records will have been worked off if it goes on like this and nothing is
    /// added; `None` when nothing is going on.
    pub fn drains_in_ms(&self, backlog: u64, now: Timestamp) -> Option<i64> {
        if backlog == 0 {
            return Some(0);
        }
        Some((backlog as f64 * 1_000.0 / self.per_second(now)?).ceil() as i64)
    }

    /// The windows as they are at `now`.
    fn slid(self, now: Timestamp) -> Self {
        match now.0 - self.from.0 {
            ..WINDOW_MS => self,
            WINDOW_MS..TWO_WINDOWS_MS => {
                Self { from: self.from.plus(WINDOW_MS), done: 0, before: Some(self.done) }
            }
            _ => Self { from: now, done: 0, before: None },
        }
    }
}

const TWO_WINDOWS_MS: i64 = 2 * WINDOW_MS;

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_000_000;

    /// Ten writes each so many ms, for so long.
    fn paced(every_ms: i64, for_ms: i64) -> Pace {
        let mut pace = Pace::default();
        pace.note(Timestamp(START), 0);
        for n in 1..=for_ms / every_ms {
            pace.note(Timestamp(START + n * every_ms), 10);
        }
        pace
    }

    #[test]
    fn a_steady_pace_is_told_within_a_few_percent_at_any_moment() {
        for for_ms in [3_000, 10_000, 29_900, 30_000, 31_000, 45_000, 75_000, 100_000] {
            let pace = paced(100, for_ms);
            let rate = pace.per_second(Timestamp(START + for_ms)).unwrap();
            assert!((rate - 100.0).abs() <= 5.0, "{rate} after {for_ms} ms");
            let drains = pace.drains_in_ms(5_000, Timestamp(START + for_ms)).unwrap();
            assert!((47_500..=52_500).contains(&drains), "{drains}");
        }
    }

    #[test]
    fn what_was_long_ago_is_no_pace() {
        let pace = paced(100, 100_000);
        let end = START + 100_000;
        assert!(pace.per_second(Timestamp(end + 20_000)).unwrap() < 70.0, "it slows down");
        assert_eq!(pace.per_second(Timestamp(end + TWO_WINDOWS_MS)), None);
        assert_eq!(pace.drains_in_ms(1, Timestamp(end + TWO_WINDOWS_MS)), None);
        assert_eq!(pace.drains_in_ms(0, Timestamp(end + TWO_WINDOWS_MS)), Some(0));
        assert_eq!(Pace::default().per_second(Timestamp(START)), None);
    }

    #[test]
    fn the_first_moment_is_too_short_for_a_pace() {
        let mut pace = Pace::default();
        pace.note(Timestamp(START), 10);
        assert_eq!(pace.per_second(Timestamp(START + AT_LEAST_MS - 1)), None);
        assert_eq!(pace.per_second(Timestamp(START + AT_LEAST_MS)), Some(5.0));
    }
}
