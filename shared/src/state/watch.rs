//! What is watched, so that people are told: cheap looks, each by an index, and what the watcher remembers between them.

use async_trait::async_trait;
use uuid::Uuid;

use super::notices::Notice;
use super::{ErrorEntry, ErrorStatus};
use crate::domain::id::{AccountId, Timestamp};
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
