//! What has been looked at, so that the overlap of two scans is not read twice. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is younger than this, s, may share its second with a save that no query shows yet: its transaction has not
/// ended. It is looked at once more when it is older.
const SETTLED_S: i64 = 120;

/// So many are remembered: more are read again, which costs calls and nothing else.
const SEEN_MAX: usize = 20_000;

/// How old something was by NetSuite's wall clock when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// The wall clock has gone back and will show its time once more.
    #[serde(rename = "a")]
    Ahead,
    /// Its second may not be over for everybody.
    #[serde(rename = "y")]
    Young,
    /// Nothing of its second can be hidden any more.
    #[serde(rename = "s")]
    Settled,
}

impl Phase {
    /// The phase of what is so old, s.
    pub(crate) fn of(age_s: Option<i64>) -> Self {
        match age_s {
            Some(SETTLED_S..) => Phase::Settled,
            Some(age) if age <= -SETTLED_S => Phase::Ahead,
            Some(_) | None => Phase::Young,
        }
    }
}

/// What has been looked at: by time, and what it was, the phase in which it was looked at last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Seen(BTreeMap<String, BTreeMap<String, Phase>>);

impl Seen {
    /// Whether something was looked at under this time, in this phase or a later one.
    pub(crate) fn knows(&self, key: &str, time: &str, phase: Phase) -> bool {
        self.0.get(time).and_then(|keys| keys.get(key)).is_some_and(|known| *known >= phase)
    }

    /// Notes something as looked at.
    pub(crate) fn note(&mut self, key: String, time: &str, phase: Phase) {
        self.0.entry(time.to_string()).or_default().insert(key, phase);
    }

    /// The wall clock may have gone back: nothing is in a later phase than its age says.
    pub(crate) fn rejuvenate(&mut self, phase_of: impl Fn(&str) -> Phase) {
        for (time, keys) in &mut self.0 {
            let most = phase_of(time);
            keys.values_mut().for_each(|phase| *phase = most.min(*phase));
        }
    }

    /// Forgets what lies before a time, and the oldest of what is too much.
    pub(crate) fn forget_before(&mut self, time: &str) {
        self.0 = self.0.split_off(time);
        let mut kept = 0;
        let too_much = |(time, keys): (&String, &BTreeMap<String, Phase>)| {
            kept += keys.len();
            (kept > SEEN_MAX).then(|| time.clone())
        };
        if let Some(last_too_much) = self.0.iter().rev().find_map(too_much) {
            self.0 = self.0.split_off(&last_too_much);
            self.0.remove(&last_too_much);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_in_a_phase_is_known_until_the_next() {
        let mut seen = Seen::default();
        for (age, is_known) in [(-3_600, false), (-121, true), (-119, false), (119, true), (120, false)] {
            let phase = Phase::of(Some(age));
            assert_eq!(seen.knows("7", "10:00", phase), is_known, "at {age} s");
            seen.note("7".into(), "10:00", phase);
        }
        assert!(seen.knows("7", "10:00", Phase::Settled) && !seen.knows("8", "10:00", Phase::Ahead));
        assert!(!seen.knows("7", "10:01", Phase::Ahead), "it was saved again");
        seen.rejuvenate(|_| Phase::Young);
        assert!(!seen.knows("7", "10:00", Phase::Settled) && seen.knows("7", "10:00", Phase::Young));
    }

    #[test]
    fn the_oldest_goes_first() {
        let mut seen = Seen::default();
        (0..SEEN_MAX + 1).for_each(|n| {
            seen.note(n.to_string(), &format!("10:{:02}", n % 4), Phase::Settled);
        });
        seen.forget_before("10:01");
        assert_eq!(seen.len(), SEEN_MAX / 4 * 3);
        (0..SEEN_MAX).for_each(|n| seen.note(n.to_string(), "10:03", Phase::Settled));
        seen.forget_before("10:01");
        assert_eq!(seen.len(), SEEN_MAX, "a whole second at a time");
        seen.note("one more".into(), "10:03", Phase::Settled);
        seen.forget_before("10:01");
        assert_eq!(seen.len(), 0, "more in one second than is remembered: all of it is read again");
    }
}
