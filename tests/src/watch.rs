//! Looks at every commit as it is made: what must hold at all times, not only at the end.

use std::sync::{Arc, Mutex, PoisonError};

use shared::domain::id::{Side, Timestamp};
use shared::domain::record::{Record, Verb};
use shared::domain::surface::SyncConfig;
use shared::fault::Unavailable;
use shared::state::{Commit, State, Verdict};

use crate::follow;

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// `I1` … `I22`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

/// Collects violations seen at commits.
#[derive(Default)]
pub struct Watch {
    seen: Mutex<Vec<Violation>>,
    followed: Option<String>,
    told: Mutex<Vec<String>>,
}

impl Watch {
    /// Tells every commit of the `followed` record.
    pub fn following(followed: Option<String>) -> Self {
        Self { followed, ..Self::default() }
    }

    /// Notes a violation.
    pub fn violated(&self, invariant: &'static str, what: String) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Violation { invariant, what });
    }

    /// What was seen so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The followed record's story so far.
    pub fn story(&self) -> Vec<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The stored records that `commits` are about to replace.
    pub(crate) async fn before(
        &self,
        state: &dyn State,
        commits: &[Commit],
    ) -> Result<Vec<Option<Arc<Record>>>, Unavailable> {
        let mut records = Vec::with_capacity(commits.len());
        for commit in commits {
            records.push(match &commit.record {
                Some(record) => state.load(std::slice::from_ref(&record.key)).await?.pop().flatten(),
                None => None,
            });
        }
        Ok(records)
    }

    /// Checks what was committed against what was there.
    pub(crate) fn committed(
        &self,
        before: &[Option<Arc<Record>>],
        commits: &[Commit],
        verdicts: &[Verdict],
        config: &SyncConfig,
        now: Timestamp,
    ) {
        for ((before, commit), verdict) in before.iter().zip(commits).zip(verdicts) {
            let (Some(after), Verdict::Committed(_)) = (&commit.record, verdict) else { continue };
            if self.followed.as_ref().is_some_and(|key| *key == after.key.to_string())
                && let Some(surface) = config.surface(&after.key.account, &after.key.record_type)
            {
                let lines = follow::step(before.as_deref(), commit, surface, now);
                self.told.lock().unwrap_or_else(PoisonError::into_inner).extend(lines);
            }
            if after.key.account != commit.account {
                self.violated("I10", format!("a commit of {} holds {}", commit.account, after.key));
            }
            self.check_version(before.as_deref(), after, commit);
            for side in Side::BOTH {
                self.check_intent(before.as_deref(), after, side);
            }
        }
    }

    /// I5: no intent is committed under a lock.
    fn check_intent(&self, before: Option<&Record>, after: &Record, side: Side) {
        let Some(intent) = &after.sides[side].intent else { return };
        let known = before.and_then(|b| b.sides[side].intent.as_ref()).map(|i| i.operation);
        if known == Some(intent.operation) {
            return;
        }
        if known.is_some() {
            self.violated("I2", format!("{}: a second intent for {side} while one is open", after.key));
        }
        if after.is_locked() || before.is_some_and(Record::is_locked) {
            self.violated("I5", format!("{}: an intent for {side} under a record lock", after.key));
        }
        let locked = |f: &usize| after.is_field_locked(*f);
        if intent.verb == Verb::Update && intent.wanted.iter().any(|(f, _)| locked(f)) {
            self.violated("I5", format!("{}: an intent for {side} on a locked field", after.key));
        }
    }

    /// I6: the version goes up by one with each change, and history tells each.
    fn check_version(&self, before: Option<&Record>, after: &Record, commit: &Commit) {
        let mut version = before.map_or(0, |b| b.version.0);
        let start = version;
        for row in &commit.history {
            if row.version.0 != version && row.version.0 != version + 1 {
                self.violated(
                    "I6",
                    format!("{}: history steps from v{version} to {}", after.key, row.version),
                );
            }
            version = row.version.0;
        }
        if after.version.0 != version {
            self.violated("I6", format!("{}: v{start} became {} without history", after.key, after.version));
        }
        let same = before.is_none_or(|b| b.canonical == after.canonical && b.alive == after.alive);
        if after.version.0 == start && !same {
            self.violated("I6", format!("{}: canonical changed under v{start}", after.key));
        }
    }
}
