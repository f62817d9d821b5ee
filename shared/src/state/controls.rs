//! What people have stopped: an account's writes to one side, until they are let go again.

use async_trait::async_trait;
use serde::Serialize;

use super::AuditRow;
use crate::domain::id::{AccountId, PerSide, Side, Timestamp};
use crate::fault::Unavailable;

/// Writes to a side are held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Who holds them.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// The writers ask before they plan a write: what is held stays due, and is written when it is let go. Looks at what
/// earlier calls have done go on.
#[async_trait]
pub trait Controls: Send + Sync {
    /// What is held of an account, by the side that is written to.
    async fn holds(&self, account: &AccountId) -> Result<PerSide<Option<Hold>>, Unavailable>;

    /// Holds writes to a side, or lets them go, and writes the audit. False, and nothing is written: they are held, or
    /// let go, already.
    async fn set_hold(
        &self,
        account: &AccountId,
        side: Side,
        hold: Option<Hold>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable>;
}
