//! What is remembered of an account between two looks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::domain::id::{RecordKey, Timestamp};
use shared::state::notices::Topic;
use shared::state::watch::Memory as Stored;
use uuid::Uuid;

/// Counts of earlier looks that are kept.
const COUNTS_MAX: usize = 64;

/// See the module. Stored as JSON; what a later program adds has a default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Memory {
    /// What is the matter, by name.
    pub(super) alarms: BTreeMap<String, Alarm>,
    /// What was counted, the oldest first.
    pub(super) counts: Vec<Counts>,
    /// When people were last told of new conflicts.
    pub(super) inbox_at: Option<Timestamp>,
    /// What has waited too long, or soon will have, by conflict, error or question.
    pub(super) climbs: BTreeMap<Uuid, Climb>,
    /// From where on the next look sees which of these are over.
    pub(super) over_from: Option<Uuid>,
    /// By which agreed times the open conflicts are filed,
    pub(super) filed_by: Option<Uuid>,
    /// and, as long as they are being filed by them, from where on the next look goes on.
    pub(super) file_from: Option<(Timestamp, Uuid)>,
}

/// Something that is the matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alarm {
    pub(super) topic: Topic,
    pub(super) since: Timestamp,
    /// In how many days people were told again.
    #[serde(default)]
    pub(super) days: i64,
}

/// What was counted at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    pub(super) at: Timestamp,
    /// Events ever accepted.
    pub(super) events: u64,
    /// Calls ever refused for want of room.
    pub(super) overloads: u64,
}

/// How far something has climbed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Climb {
    pub(super) kind: Kind,
    /// In words.
    pub(super) about: String,
    /// Since when it waits: an error that was closed and is met again waits anew.
    #[serde(default)]
    pub(super) since: Timestamp,
    /// Steps taken: how many of the ladder's were told.
    pub(super) steps: usize,
    /// What is stopped because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<Stop>,
    /// It was decided; it is forgotten once what it stopped goes on.
    #[serde(default)]
    pub(super) is_over: bool,
}

/// Something that is stopped. It is remembered before it is done: who crashes in between does it at the next look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stop {
    pub(super) what: Held,
    pub(super) stage: Stage,
}

/// How far a stop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// To be done.
    Wanted,
    /// Done. What people let go by hand is not stopped again.
    Stands,
    /// To go on.
    Ending,
}

/// What waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Conflict,
    Error,
    Question,
}

impl Kind {
    /// What a notice about it names it by.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Kind::Conflict => "conflict",
            Kind::Error => "error",
            Kind::Question => "ambiguous",
        }
    }
}

/// What was stopped until somebody decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Held {
    /// The account's writes.
    Writes,
    /// These fields of a record; none: all of it.
    Record { key: RecordKey, fields: Vec<String> },
}

impl Climb {
    /// Whether it stops this, or is to.
    pub(super) fn stops(&self, what: &Held) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.what == *what && stop.stage != Stage::Ending)
    }
}

impl Memory {
    /// Reads what was remembered. Who cannot read it knows nothing of what is stopped, and does nothing.
    pub(super) fn read(stored: &Stored) -> Result<Self, String> {
        match stored.revision {
            0 => Ok(Self::default()),
            _ => serde_json::from_str(&stored.text).map_err(|error| {
                format!("what the watcher remembers cannot be read ({error}); it stands in notice_watch")
            }),
        }
    }

    /// Notes what was counted now; what is older than the longest window is forgotten, but for one.
    pub(super) fn count(&mut self, counts: Counts, window_ms: i64) {
        let spacing = window_ms / (COUNTS_MAX as i64 / 2);
        if self.counts.last().is_none_or(|last| counts.at >= last.at.plus(spacing)) {
            self.counts.push(counts);
        }
        let from = counts.at.plus(-window_ms);
        while self.counts.len() > COUNTS_MAX || self.counts.get(1).is_some_and(|second| second.at <= from) {
            self.counts.remove(0);
        }
    }

    /// The counts at the beginning of a window that ends now, or the oldest that there are.
    pub(super) fn counts_before(&self, now: Timestamp, window_ms: i64) -> Option<&Counts> {
        let from = now.plus(-window_ms);
        self.counts.iter().rev().find(|counts| counts.at <= from).or(self.counts.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_at_the_last_count_before_it_and_little_is_kept() {
        let mut memory = Memory::default();
        let hour = 3_600_000;
        for minute in 0..600 {
            let at = Timestamp(minute * 60_000);
            memory.count(Counts { at, events: minute as u64, overloads: 0 }, hour);
            assert!(memory.counts.len() <= COUNTS_MAX);
        }
        let now = Timestamp(599 * 60_000);
        let before = memory.counts_before(now, hour).unwrap();
        assert!((536..=539).contains(&before.events), "{before:?}");
        assert!(Memory::default().counts_before(now, hour).is_none());
    }

    #[test]
    fn what_is_remembered_is_read_back_and_nothing_is_nothing() {
        let mut memory = Memory::default();
        let alarm = Alarm { topic: Topic::Backlog, since: Timestamp(5), days: 1 };
        memory.alarms.insert("backlog".into(), alarm);
        let stop = Some(Stop { what: Held::Writes, stage: Stage::Wanted });
        let (about, since) = ("x".to_string(), Timestamp(7));
        let climb = Climb { kind: Kind::Error, about, since, steps: 2, stop, is_over: false };
        memory.climbs.insert(Uuid::nil(), climb);
        let read = |revision, text: &str| Memory::read(&Stored { revision, text: text.into() });
        assert_eq!(read(3, &serde_json::to_string(&memory).unwrap()), Ok(memory));
        assert_eq!(read(1, "{}"), Ok(Memory::default()));
        assert_eq!(read(0, ""), Ok(Memory::default()));
        for unreadable in ["", "{", "7", r#"{"climbs": {"x": 1}}"#] {
            assert!(read(1, unreadable).unwrap_err().contains("notice_watch"), "{unreadable}");
        }
    }
}
