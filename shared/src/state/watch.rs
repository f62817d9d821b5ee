//! What is watched, so that people are told: cheap looks, each by an index, and what the watcher remembers between them.

use async_trait::async_trait;
use uuid::Uuid;

use super::notices::Notice;
use super::{ErrorEntry, ErrorStatus};
use crate::domain::id::{AccountId, RecordKey, Side, Timestamp};
use crate::domain::record::{Due, DueReason};
use crate::fault::Unavailable;

/// Errors of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorKind {
    /// Their class.
    pub class: String,
    /// Their code.
    pub code: String,
}

/// What the watcher remembers of an account, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Up by one with each change; 0: nothing yet.
    pub revision: u64,
    /// Its own JSON.
    pub text: String,
}

/// What one look has led to, written as a whole.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// What is remembered from now on.
    pub text: String,
    /// What people are told.
    pub notices: Vec<Notice>,
}

/// Due records among which those are looked for that have waited longest.
pub const BEHIND_OF: usize = 10_000;

/// Since when a record's work for a side is not done, `before` and with the work `due` that it has now. Each attempt puts
/// off when it is due next, and nothing of how long it has waited. What waits for another record waits for no attempt.
pub fn behind_since(before: Option<Timestamp>, due: Option<&Due>) -> Option<Timestamp> {
    // Due since ever is due at once.
    let at = due.map(|due| due.at).filter(|at| at.0 > 0);
    match due.map(|due| (&due.reason, due.attempts)) {
        None | Some((DueReason::WaitingFor { .. }, _)) => None,
        // Not tried yet: its place in the queue is how long it has waited.
        Some((DueReason::Dirty, 0)) if at.is_some() => at,
        Some((DueReason::Dirty | DueReason::Unsettled | DueReason::BackingOff, _)) => before.or(at),
    }
}

/// What is watched. Part of [`super::State`].
#[async_trait]
pub trait Watch: Send + Sync {
    /// What is remembered of an account.
    async fn watch_memory(&self, account: &AccountId) -> Result<Memory, Unavailable>;

    /// Remembers, and tells. False, and nothing is written: somebody else has since `revision`.
    async fn note_watched(
        &self,
        account: &AccountId,
        revision: u64,
        watched: Watched,
    ) -> Result<bool, Unavailable>;

    /// Records whose work for `side` is not done since then or longer, tried or not, the longest first; looked for among
    /// the [`BEHIND_OF`] that are due last.
    async fn behind(
        &self,
        account: &AccountId,
        side: Side,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Unavailable>;

    /// The open errors that were first met since then, by kind; `most` of them are looked at.
    async fn error_kinds(
        &self,
        account: &AccountId,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<(ErrorKind, u64)>, Unavailable>;

    /// An account's errors of one status, the oldest first, from behind `after` (when it was first met, and its id) up to
    /// those first met by `until`.
    async fn errors_by_age(
        &self,
        account: &AccountId,
        status: ErrorStatus,
        after: Option<(Timestamp, Uuid)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ErrorEntry>, Unavailable>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_in_vain_waits_since_it_first_had_work() {
        let due =
            |at, reason: &DueReason, attempts| Due { at: Timestamp(at), reason: reason.clone(), attempts };
        let waits = DueReason::WaitingFor {
            record_type: crate::domain::id::RecordType::parse("item").unwrap(),
            id: "1".into(),
            since: Timestamp(1),
        };
        for (before, reason, at, attempts, since) in [
            (None, &DueReason::Dirty, 5, 0, Some(5)),
            // It was written meanwhile, and has work again.
            (Some(3), &DueReason::Dirty, 5, 0, Some(5)),
            (Some(3), &DueReason::BackingOff, 90, 4, Some(3)),
            // The account was refused: no attempt is counted.
            (Some(3), &DueReason::BackingOff, 90, 0, Some(3)),
            (Some(3), &DueReason::Unsettled, 90, 1, Some(3)),
            (None, &DueReason::BackingOff, 90, 1, Some(90)),
            (Some(3), &waits, 90, 1, None),
            // Woken.
            (None, &DueReason::Dirty, 0, 0, None),
            (None, &DueReason::Dirty, 0, 2, None),
        ] {
            let found = behind_since(before.map(Timestamp), Some(&due(at, reason, attempts)));
            assert_eq!(found, since.map(Timestamp), "{before:?} {reason:?} {at} {attempts}");
        }
        assert_eq!(behind_since(Some(Timestamp(3)), None), None);
    }
}
