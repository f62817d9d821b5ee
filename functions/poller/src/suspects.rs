//! Records that we know and NetSuite's list of a type does not name: each is asked for again, until it is listed, or is
//! no more. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// So many are remembered; more are found again by the next sweep.
const SUSPECTS_MAX: usize = 1_000;

/// A suspect is asked for again after so long, ms: what a role, a subsidiary or a form hides for a moment is not gone.
pub(crate) const AGAIN_MS: i64 = 3_600_000;

/// What an unlisted record was when it was asked for in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is there, or NetSuite refuses to say: the role, or a filter of its own, hides it from the list.
    Hidden,
    /// NetSuite says that there is no such record, and knows of no deletion. It says the same of what a role does not
    /// see.
    Missing,
    /// NetSuite knows that it was deleted.
    Deleted,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// A person is told that it is hidden, or that nobody knows what became of it; for the first time.
    File,
    /// It is asked for again later.
    AskAgain,
    /// It was deleted. Whether a person had been told of it.
    Gone { was_filed: bool },
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Suspect {
    /// When it was asked for last, on our clock, ms.
    asked_at: i64,
    /// Since when NetSuite says that there is none.
    missing_since: Option<i64>,
    /// Whether a person was told of it.
    is_filed: bool,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Suspects(BTreeMap<String, Suspect>);

impl Suspects {
    /// Notes what an unlisted record was when it was asked for in another way. `sees_all`: our role does, so that what
    /// is missing for an hour is no more.
    pub(crate) fn note(&mut self, key: &str, found: Found, sees_all: bool, now_ms: i64) -> Then {
        let before = self.0.get(key).copied();
        let was_filed = before.is_some_and(|suspect| suspect.is_filed);
        let since = before.and_then(|suspect| suspect.missing_since);
        let is_missing_long = since.is_some_and(|since| now_ms - since >= AGAIN_MS);
        let (missing_since, is_filed, then) = match found {
            Found::Deleted => return self.gone(key),
            Found::Missing if is_missing_long && sees_all => return self.gone(key),
            Found::Missing if is_missing_long && !was_filed => (since, true, Then::File),
            Found::Missing => (since.or(Some(now_ms)), was_filed, Then::AskAgain),
            Found::Hidden if was_filed => (None, true, Then::AskAgain),
            Found::Hidden => (None, true, Then::File),
        };
        if before.is_none() && self.0.len() >= SUSPECTS_MAX {
            return Then::AskAgain;
        }
        self.0.insert(key.to_string(), Suspect { asked_at: now_ms, missing_since, is_filed });
        then
    }

    fn gone(&mut self, key: &str) -> Then {
        Then::Gone { was_filed: self.clear(key) }
    }

    /// It is listed, or of no concern any more. Whether a person had been told of it.
    pub(crate) fn clear(&mut self, key: &str) -> bool {
        self.0.remove(key).is_some_and(|suspect| suspect.is_filed)
    }

    /// Those whose turn it is to be asked for, the longest waiting first; at most so many.
    pub(crate) fn turn(&self, now_ms: i64, most: usize) -> Vec<String> {
        let due = self.0.iter().filter(|(_, suspect)| now_ms - suspect.asked_at >= AGAIN_MS);
        let mut due: Vec<(i64, &String)> = due.map(|(key, suspect)| (suspect.asked_at, key)).collect();
        due.sort_unstable();
        due.into_iter().take(most).map(|(_, key)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_twice_an_hour_apart_or_known_as_deleted_is_gone() {
        let mut suspects = Suspects::default();
        assert_eq!(suspects.note("a", Found::Missing, true, 0), Then::AskAgain);
        assert_eq!(suspects.note("a", Found::Missing, true, AGAIN_MS - 1), Then::AskAgain);
        assert_eq!(suspects.note("a", Found::Missing, true, AGAIN_MS), Then::Gone { was_filed: false });
        assert_eq!(suspects.note("b", Found::Deleted, true, 0), Then::Gone { was_filed: false });
        assert!(suspects.0.is_empty());
    }

    #[test]
    fn what_is_missing_for_a_role_that_may_not_see_all_is_told_to_a_person_once_and_never_gone() {
        let mut suspects = Suspects::default();
        assert_eq!(suspects.note("a", Found::Missing, false, 0), Then::AskAgain);
        assert_eq!(suspects.note("a", Found::Missing, false, AGAIN_MS), Then::File);
        for hours in 2..100 {
            assert_eq!(suspects.note("a", Found::Missing, false, hours * AGAIN_MS), Then::AskAgain);
        }
        assert_eq!(suspects.note("a", Found::Deleted, false, 100 * AGAIN_MS), Then::Gone { was_filed: true });
    }

    #[test]
    fn what_was_hidden_meanwhile_must_be_missing_twice_again() {
        let mut suspects = Suspects::default();
        suspects.note("a", Found::Missing, true, 0);
        assert_eq!(suspects.note("a", Found::Hidden, true, AGAIN_MS), Then::File);
        assert_eq!(suspects.note("a", Found::Hidden, true, 2 * AGAIN_MS), Then::AskAgain, "told once");
        assert_eq!(suspects.note("a", Found::Missing, true, 3 * AGAIN_MS), Then::AskAgain);
        assert_eq!(suspects.note("a", Found::Missing, true, 4 * AGAIN_MS), Then::Gone { was_filed: true });
    }

    #[test]
    fn each_is_asked_for_again_after_an_hour_and_the_longest_waiting_first() {
        let mut suspects = Suspects::default();
        for (key, at) in [("a", 20), ("b", 10), ("c", 30)] {
            suspects.note(key, Found::Hidden, true, at);
        }
        assert!(suspects.turn(AGAIN_MS, 9).is_empty());
        assert_eq!(suspects.turn(AGAIN_MS + 20, 9), ["b", "a"]);
        assert_eq!(suspects.turn(AGAIN_MS + 30, 1), ["b"]);
        assert!(suspects.clear("b") && !suspects.clear("b"));
    }

    #[test]
    fn what_there_is_no_room_for_is_not_told_and_found_again() {
        let mut suspects = Suspects::default();
        (0..SUSPECTS_MAX)
            .for_each(|n| assert_eq!(suspects.note(&n.to_string(), Found::Hidden, true, 0), Then::File));
        assert_eq!(suspects.note("more", Found::Hidden, true, 0), Then::AskAgain);
        assert_eq!(suspects.note("more", Found::Missing, true, 2 * AGAIN_MS), Then::AskAgain);
        assert!(suspects.clear("7"));
        assert_eq!(suspects.note("more", Found::Hidden, true, 0), Then::File);
    }
}
