//! Rows that NetSuite shows without a time of change: no scan by time names them. Pure.
//!
//! Some rows never had one. And a role that may not see the column sees it as empty in all of them: then every scan by
//! time answers nothing, and nothing looks wrong. So it is asked for them, as often as a whole reading would be made.

use serde::{Deserialize, Serialize};

/// So many rows without a time, for each that has one, are nearly all.
const NEARLY_ALL: usize = 10;

/// How far they have been gone through.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Untimed {
    /// When this pass began, or the one that is over, on our clock, ms.
    began_at: Option<i64>,
    /// Ids up to this have been looked at; `None` when all have.
    pub(crate) after: Option<u64>,
    /// Whether nearly none of the type has a time, as a person was told.
    pub(crate) is_hidden: bool,
}

impl Untimed {
    /// Whether they are to be gone through; a new pass begins when it is time.
    pub(crate) fn is_due(&mut self, now_ms: i64, every_s: i64) -> bool {
        let rests = self.began_at.is_some_and(|began| now_ms - began < every_s * 1_000);
        if self.after.is_none() && !rests {
            (self.began_at, self.after) = (Some(now_ms), Some(0));
        }
        self.after.is_some()
    }
}

/// Whether so many rows without a time are as good as the whole type, beside so many with one.
pub(crate) fn is_nearly_all(untimed: usize, timed: usize) -> bool {
    untimed > timed.saturating_mul(NEARLY_ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_begins_when_the_last_began_long_ago_and_is_over() {
        let mut untimed = Untimed::default();
        assert!(untimed.is_due(1_000, 60) && untimed.is_due(2_000, 60), "it is under way");
        assert_eq!(untimed.after, Some(0));
        untimed.after = None;
        assert!(!untimed.is_due(60_999, 60));
        assert!(untimed.is_due(61_000, 60));
    }

    #[test]
    fn a_few_old_rows_without_a_time_are_not_the_type() {
        for (untimed, timed, is) in [
            (0, 0, false),
            (1, 0, true),
            (1_000, 0, true),
            (1_000, 99, true),
            (1_000, 100, false),
            (3, 1_000, false),
        ] {
            assert_eq!(is_nearly_all(untimed, timed), is, "{untimed} {timed}");
        }
    }
}
