//! What NetSuite lists and refuses to show: a scan passes it, and asks for it again, some at each tick. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// So many are remembered one by one.
const OWED_MAX: usize = 1_000;

/// What is owed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Owed {
    /// What, and the time under which it was listed.
    debts: BTreeMap<String, String>,
    /// Asked for last.
    last: String,
    /// The earliest time of what there was no room for: a scan begins there again once there is.
    missed_from: Option<String>,
}

/// What became of a debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It is owed from now on.
    New,
    /// It was owed before.
    Known,
    /// There is no room for it.
    NoRoom,
}

impl Owed {
    /// Adds what was refused, listed under a time.
    pub(crate) fn add(&mut self, key: &str, time: &str) -> Added {
        if self.debts.contains_key(key) {
            return Added::Known;
        }
        if self.debts.len() >= OWED_MAX {
            let earlier = self.missed_from.take().filter(|from| from.as_str() <= time);
            self.missed_from = Some(earlier.unwrap_or_else(|| time.to_string()));
            return Added::NoRoom;
        }
        self.debts.insert(key.to_string(), time.to_string());
        Added::New
    }

    /// Whether it was owed; it is no more.
    pub(crate) fn pay(&mut self, key: &str) -> bool {
        self.debts.remove(key).is_some()
    }

    /// Those whose turn it is, at most so many: what, and the time under which it was listed.
    pub(crate) fn turn(&self, most: usize) -> Vec<(String, String)> {
        let after = self
            .debts
            .range::<String, _>((std::ops::Bound::Excluded(&self.last), std::ops::Bound::Unbounded));
        let before = self.debts.range::<String, _>(..=&self.last);
        let turn = after.chain(before).take(most);
        turn.map(|(key, time)| (key.clone(), time.clone())).collect()
    }

    /// One of them has been asked for.
    pub(crate) fn asked(&mut self, key: &str) {
        self.last = key.to_string();
    }

    /// Whether there was no room for something that has not been looked for again yet.
    pub(crate) fn has_missed(&self) -> bool {
        self.missed_from.is_some()
    }

    /// From where a scan must begin again, now that there is room for what it finds there.
    pub(crate) fn take_missed(&mut self) -> Option<String> {
        if self.debts.len() > OWED_MAX / 2 { None } else { self.missed_from.take() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_turn() {
        let mut owed = Owed::default();
        for key in ["a", "b", "c"] {
            assert_eq!(owed.add(key, "10:00"), Added::New);
        }
        assert_eq!(owed.add("b", "10:01"), Added::Known);
        let mut turns = Vec::new();
        for _ in 0..4 {
            for (key, _) in owed.turn(2) {
                owed.asked(&key);
                turns.push(key);
            }
        }
        assert_eq!(turns.concat(), "abcabcab");
        assert!(owed.pay("c") && !owed.pay("c"));
        assert_eq!(owed.turn(9), [("a".into(), "10:00".into()), ("b".into(), "10:00".into())]);
    }

    #[test]
    fn what_there_is_no_room_for_is_looked_for_again_once_there_is() {
        let mut owed = Owed::default();
        (0..OWED_MAX).for_each(|n| assert_eq!(owed.add(&n.to_string(), "10:00"), Added::New));
        for time in ["10:05", "10:03", "10:04"] {
            assert_eq!(owed.add("more", time), Added::NoRoom);
        }
        assert_eq!(owed.take_missed(), None);
        (0..OWED_MAX / 2).for_each(|n| assert!(owed.pay(&n.to_string())));
        assert_eq!((owed.take_missed().as_deref(), owed.take_missed()), (Some("10:03"), None));
    }
}
