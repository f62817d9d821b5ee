//! The brake: too many deletions within an hour are more often an accident than meant. Pure.

use serde::{Deserialize, Serialize};
use shared::state::brake::BrakeWord;

use crate::wall;

/// What is counted together, s.
const HOUR_S: i64 = 3_600;

/// So few are told in any case, unless the limit itself is lower: a share of little says nothing.
pub(crate) const FEW: usize = 10;

/// A person's word is forgotten so long after, s: the wall clock shows no time twice that far apart.
const FORGOTTEN_S: i64 = 86_400;

/// What a person has decided about what was held, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    pub(crate) word: BrakeWord,
    /// What is listed under later times is none of it.
    pub(crate) upto: String,
}

impl Decided {
    /// What was decided about what is listed under this time.
    pub(crate) fn about(&self, listed: &str) -> Option<BrakeWord> {
        (listed <= self.upto.as_str()).then_some(self.word)
    }

    /// Whether nothing will be met any more about which it was decided.
    pub(crate) fn is_past(&self, shown: &str) -> bool {
        wall::moved(&self.upto, FORGOTTEN_S).as_str() < shown
    }
}

/// How many records must be known so that these are no more of a hundred than that.
pub(crate) fn enough(count: usize, percent: usize) -> usize {
    count.saturating_mul(100).div_ceil(percent.max(1))
}

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
    fn a_word_is_about_what_was_listed_until_then() {
        let decided = Decided { word: BrakeWord::Pass, upto: "2026-01-01 10:00:00".into() };
        assert_eq!(decided.about("2026-01-01 10:00:00"), Some(BrakeWord::Pass));
        assert_eq!(decided.about("2026-01-01 10:00:01"), None);
        assert!(!decided.is_past("2026-01-02 10:00:00") && decided.is_past("2026-01-02 10:00:01"));
    }

    #[test]
    fn a_share_is_reckoned_from_below() {
        assert_eq!([enough(20, 50), enough(21, 50), enough(11, 100), enough(1, 3)], [40, 42, 11, 34]);
    }

    #[test]
    fn what_counts_is_when_they_were_deleted() {
        let most = |times: &[&str]| most_within_an_hour(times.iter().copied());
        assert_eq!(most(&[]), 0);
        assert_eq!(most(&["2026-01-01 10:00:00"; 3]), 3);
        assert_eq!(most(&["2026-01-01 11:00:01", "2026-01-01 10:00:00", "2026-01-01 12:00:02"]), 1);
        assert_eq!(most(&["2026-01-01 11:00:00", "2026-01-01 10:00:00", "2026-01-01 12:00:01"]), 2);
    }
}
