//! The brake: too many deletions within an hour are more often an accident than meant. Pure.

use crate::wall;

/// What is counted together, s.
const HOUR_S: i64 = 3_600;

/// A brake that holds is told of by the day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// The most deletions within an hour, by the times under which NetSuite lists them.
pub(crate) fn most_within_an_hour<'a>(times: impl Iterator<Item = &'a str>) -> usize {
    let mut seconds: Vec<i64> = times.filter_map(wall::seconds).collect();
    seconds.sort_unstable();
    let mut first = 0;
    let within = |(last, at): (usize, &i64)| {
        while seconds[first] < at - HOUR_S {
            first += 1;
        }
        last - first + 1
    };
    seconds.iter().enumerate().map(within).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_when_they_were_deleted() {
        let most = |times: &[&str]| most_within_an_hour(times.iter().copied());
        assert_eq!(most(&[]), 0);
        assert_eq!(most(&["2026-01-01 10:00:00"; 3]), 3);
        assert_eq!(most(&["2026-01-01 11:00:01", "2026-01-01 10:00:00", "2026-01-01 12:00:02"]), 1);
        assert_eq!(most(&["2026-01-01 11:00:00", "2026-01-01 10:00:00", "2026-01-01 12:00:01"]), 2);
    }
}
