//! The other brake: fields that turn empty in too many records of one scan are more often hidden, by a permission, a
//! form or a broken script, than meant. Pure.
//!
//! What empties a field waits until the scan that found it has come to its end: then it is known of how many records
//! that is told, and either all of them are told or none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::state::brake::BrakeWord;

use crate::brake::Decided;

/// So many wait at most. Whoever finds more judges by these.
const WAITING_MAX: usize = 2_000;

/// From when on it is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    /// So many records may turn empty in any case.
    pub(crate) most: usize,
    /// So many of a hundred that held something may, however many they are.
    pub(crate) percent: usize,
}

/// One that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    /// The time under which it was listed.
    at: String,
    /// The fields that have turned empty.
    fields: Vec<String>,
}

/// What one scan has found, and those before it if the brake holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Emptied {
    /// Field → how many of the records that were read held something in it.
    held_something: BTreeMap<String, usize>,
    /// Records that wait, by id.
    waiting: BTreeMap<u64, Waiting>,
    /// Since when the brake holds, on our clock,
    pub(crate) braked: Option<i64>,
    /// and for what: while any of it waits, getting less does not let it pass.
    worst: Option<TooMany>,
    /// What a person has decided last.
    decided: Option<Decided>,
    /// Looked at last, while it holds.
    last: u64,
}

/// Too many records have turned empty in a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TooMany {
    pub(crate) field: String,
    /// So many,
    pub(crate) count: usize,
    /// of so many that held something.
    pub(crate) of: usize,
}

impl Emptied {
    /// A record was read whose fields `held` something before, of which these are empty now. Whether it must wait.
    pub(crate) fn note(&mut self, (id, at): (u64, &str), held: &[String], now_empty: Vec<String>) -> bool {
        if !self.waiting.contains_key(&id) {
            for field in held {
                *self.held_something.entry(field.clone()).or_default() += 1;
            }
        }
        if now_empty.is_empty() {
            self.forget(id);
            return false;
        }
        self.waiting.insert(id, Waiting { at: at.to_string(), fields: now_empty });
        true
    }

    /// It waits no more.
    pub(crate) fn forget(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    /// Whether any wait.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether no more can wait.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// The field that has turned empty in too many records, if one has.
    pub(crate) fn too_many(&mut self, limit: Limit) -> Option<TooMany> {
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        let undecided = self.waiting.values().filter(|waiting| self.word(&waiting.at).is_none());
        for field in undecided.flat_map(|waiting| &waiting.fields) {
            *counts.entry(field).or_default() += 1;
        }
        let all = counts.into_iter().map(|(field, count)| {
            let of = self.held_something.get(field).copied().unwrap_or(count).max(count);
            TooMany { field: field.clone(), count, of }
        });
        let all = all.chain(self.worst.take_if(|_| !self.waiting.is_empty()));
        let over =
            all.filter(|found| found.count > limit.most && found.count * 100 > found.of * limit.percent);
        self.worst = over.max_by_key(|found| found.count);
        self.worst.clone()
    }

    /// What a person has decided about what is listed under this time.
    pub(crate) fn word(&self, at: &str) -> Option<BrakeWord> {
        self.decided.as_ref().and_then(|decided| decided.about(at))
    }

    /// A person has decided about all that waits, and all that was saved until NetSuite's clock shows this.
    pub(crate) fn decide(&mut self, word: BrakeWord, shown: &str) {
        let latest = self.waiting.values().map(|waiting| waiting.at.as_str());
        let upto = latest.chain([shown]).max().unwrap_or(shown).to_string();
        (self.decided, self.worst) = (Some(Decided { word, upto }), None);
    }

    /// What was decided is forgotten when it is about nothing any more.
    pub(crate) fn forget_decided(&mut self, shown: &str) {
        self.decided.take_if(|decided| decided.is_past(shown));
    }

    /// Those that wait: at most so many, after the one that was looked at last.
    pub(crate) fn turn(&self, most: usize) -> Vec<(u64, String)> {
        let after = self.waiting.range(self.last + 1..);
        let turn = after.chain(self.waiting.range(..=self.last)).take(most);
        turn.map(|(id, waiting)| (*id, waiting.at.clone())).collect()
    }

    /// One of them has been looked at.
    pub(crate) fn looked_at(&mut self, id: u64) {
        self.last = id;
    }

    /// Nobody waits any more: the next scan counts for itself.
    pub(crate) fn begin_anew(&mut self) {
        if self.waiting.is_empty() {
            *self = Self { decided: self.decided.take(), ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { most: 2, percent: 50 };

    fn names(of: &[&str]) -> Vec<String> {
        of.iter().map(ToString::to_string).collect()
    }

    fn told(emptied: &mut Emptied, id: u64, held: &[&str], now_empty: &[&str]) -> bool {
        emptied.note((id, "10:00"), &names(held), names(now_empty))
    }

    #[test]
    fn many_are_too_many_only_if_they_are_most_of_those_that_held_something() {
        let mut emptied = Emptied::default();
        for id in 1..=3 {
            assert!(told(&mut emptied, id, &["email", "phone"], &["email"]));
        }
        let all = TooMany { field: "email".into(), count: 3, of: 3 };
        assert_eq!(emptied.too_many(LIMIT), Some(all));
        assert_eq!(emptied.too_many(Limit { most: 3, ..LIMIT }), None);
        for id in 4..=6 {
            assert!(!told(&mut emptied, id, &["email"], &[]));
        }
        assert_eq!(emptied.too_many(LIMIT), None, "three of six");
        assert!(told(&mut emptied, 7, &["phone"], &["phone"]));
        assert_eq!(emptied.too_many(LIMIT), None, "each field for itself");
        assert!(told(&mut emptied, 8, &["email"], &["email"]));
        assert_eq!(emptied.too_many(LIMIT).map(|found| (found.count, found.of)), Some((4, 7)));
        assert_eq!(emptied.too_many(Limit { most: 4, ..LIMIT }), None);
    }

    #[test]
    fn what_a_person_has_decided_about_counts_no_more_and_what_comes_later_does() {
        let mut emptied = Emptied::default();
        (1..=3).for_each(|id| _ = told(&mut emptied, id, &["email"], &["email"]));
        assert!(emptied.too_many(LIMIT).is_some());
        emptied.decide(BrakeWord::Pass, "09:59");
        assert_eq!((emptied.word("10:00"), emptied.word("10:01")), (Some(BrakeWord::Pass), None));
        assert_eq!(emptied.too_many(LIMIT), None);
        (1..=3).for_each(|id| emptied.forget(id));
        emptied.begin_anew();
        (4..=6).for_each(|id| _ = emptied.note((id, "10:01"), &names(&["email"]), names(&["email"])));
        assert!(emptied.too_many(LIMIT).is_some());
    }

    #[test]
    fn a_few_are_never_too_many() {
        let mut emptied = Emptied::default();
        told(&mut emptied, 1, &["email"], &["email"]);
        told(&mut emptied, 2, &["email"], &["email"]);
        assert!(emptied.is_waiting() && emptied.too_many(LIMIT).is_none());
    }

    #[test]
    fn those_that_wait_are_looked_at_in_turn_and_counted_once() {
        let mut emptied = Emptied::default();
        (1..=3).for_each(|id| _ = told(&mut emptied, id, &["email"], &["email"]));
        let mut turns = Vec::new();
        for _ in 0..3 {
            for (id, _) in emptied.turn(2) {
                emptied.looked_at(id);
                told(&mut emptied, id, &["email"], &["email"]);
                turns.push(id);
            }
        }
        assert_eq!(turns, [1, 2, 3, 1, 2, 3]);
        assert_eq!(emptied.too_many(LIMIT).map(|found| (found.count, found.of)), Some((3, 3)));
        assert!(!told(&mut emptied, 2, &["email"], &[]), "it holds something again");
        assert!(emptied.too_many(LIMIT).is_some(), "what was too many does not become right by getting less");
        emptied.begin_anew();
        assert!(emptied.is_waiting(), "two do");
        (1..=3).for_each(|id| emptied.forget(id));
        assert_eq!(emptied.too_many(LIMIT), None);
        emptied.begin_anew();
        assert_eq!(emptied, Emptied::default());
    }
}
