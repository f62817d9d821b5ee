//! How many records one call looks at: fewer after a call that died, for one record may have killed it. Pure.

use serde::{Deserialize, Serialize};

/// Records of one call: ten units each, of five thousand.
pub(crate) const READS: usize = 50;

/// A record whose own call dies so often is passed over: one death may be NetSuite's trouble and not the record's.
const DEATHS_MAX: u32 = 3;

/// How many records the next call looks at, and how often calls about one record have died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stride {
    size: usize,
    deaths: u32,
}

/// What follows from a call that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Ask for fewer.
    Fewer,
    /// Leave it to the next tick.
    Later,
    /// It is this record: go on without it.
    PassOver,
}

impl Default for Stride {
    fn default() -> Self {
        Self { size: READS, deaths: 0 }
    }
}

impl Stride {
    /// How many records the next call looks at.
    pub(crate) fn size(self) -> usize {
        self.size.clamp(1, READS)
    }

    /// A call was answered.
    pub(crate) fn answered(&mut self) {
        *self = Self { size: (self.size() * 2).min(READS), deaths: 0 };
    }

    /// A call about so many records died.
    pub(crate) fn died(&mut self, records: usize) -> Then {
        if records > 1 {
            *self = Self { size: records / 2, deaths: 0 };
            return Then::Fewer;
        }
        self.deaths += 1;
        if self.deaths < DEATHS_MAX {
            return Then::Later;
        }
        self.deaths = 0;
        Then::PassOver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_that_kills_its_calls_is_found_and_passed_over() {
        let mut stride = Stride::default();
        let (mut at, mut calls, mut passed) = (0, 0, Vec::new());
        while at < 100 {
            calls += 1;
            let asked = at..(at + stride.size()).min(100);
            if !asked.contains(&37) {
                stride.answered();
                at = asked.end;
            } else if stride.died(asked.len()) == Then::PassOver {
                passed.push(at);
                at += 1;
            }
        }
        assert_eq!(passed, [37]);
        assert!(calls < 30, "{calls} calls");
        assert_eq!(stride.size(), READS, "and then it goes on as before");
    }
}
