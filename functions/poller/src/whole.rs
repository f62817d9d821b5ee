//! How far a type has been gone through that NetSuite does not list by time: whole, by id, at a slow pace. Pure.

use serde::{Deserialize, Serialize};

use super::wall::Clocks;

/// How far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whole {
    /// What the clocks showed when it began.
    pub(crate) began: Clocks,
    /// Ids up to this have been looked at; `None` when all have.
    pub(crate) after: Option<u64>,
    /// Whether it is listed by time again once it has been gone through, without a rest.
    #[serde(default)]
    pub(crate) is_last: bool,
}

impl Whole {
    /// From its first record on.
    pub(crate) fn begun(clocks: &Clocks) -> Self {
        Self { began: clocks.clone(), after: Some(0), is_last: false }
    }

    /// Whether it rests: all was looked at, and not so long ago that it begins again.
    pub(crate) fn rests(&self, now_ms: i64, every_s: i64) -> bool {
        self.after.is_none() && !self.is_last && now_ms - self.began.at < every_s * 1_000
    }

    /// All has been looked at that there was at this time.
    pub(crate) fn end(&mut self) -> Clocks {
        self.after = None;
        self.began.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_between_its_end_and_the_next_beginning() {
        let mut whole = Whole::begun(&Clocks { shown: "2026-03-01 10:00:00".into(), at: 1_000 });
        assert!(!whole.rests(2_000, 60), "it is not through");
        assert_eq!(whole.end().at, 1_000);
        assert!(whole.rests(60_999, 60) && !whole.rests(61_000, 60));
        whole.is_last = true;
        assert!(!whole.rests(2_000, 60), "its times are shown again");
    }
}
