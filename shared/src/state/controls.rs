//! What was stopped: an account's writes to one side, until they are let go again; and what is decided about a brake.
//!
//! People stop writes, and so does the watcher when nobody decides in time. Each holds for itself: what one of them lets go
//! stays held as long as the other holds it. Of two who decide at the same moment the first has decided, and the other is
//! told so.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::brake::BrakeDecision;
use super::notices::words;
use super::{AuditRow, ErrorEntry};
use crate::domain::id::{AccountId, PerSide, Side, Timestamp};
use crate::fault::Unavailable;

words! {
    /// Whose a hold is.
    Holder {
        /// A person's who administers the account.
        People = "people",
        /// The watcher's: nobody has decided in time.
        Watch = "watch",
    }
}

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

/// What holds the writes to a side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holds {
    /// People's hold,
    pub people: Option<Hold>,
    /// and the watcher's.
    pub watch: Option<Hold>,
}

impl Holds {
    /// Whether anybody holds them.
    pub fn is_held(&self) -> bool {
        self.people.is_some() || self.watch.is_some()
    }

    /// The hold that is shown, and whose it is: people's before the watcher's. Who lets go lets go of this one.
    pub fn shown(&self) -> Option<(Holder, &Hold)> {
        let people = self.people.as_ref().map(|hold| (Holder::People, hold));
        people.or(self.watch.as_ref().map(|hold| (Holder::Watch, hold)))
    }

    /// The hold of one of them.
    pub fn of(&self, holder: Holder) -> Option<&Hold> {
        match holder {
            Holder::People => self.people.as_ref(),
            Holder::Watch => self.watch.as_ref(),
        }
    }

    /// What changes with each of them, for who decides on what was seen.
    pub fn tag(&self) -> String {
        let of = |holder: Holder| self.of(holder).map(|hold| format!("{}-{}", holder.as_str(), hold.since.0));
        let held: Vec<String> = Holder::ALL.iter().filter_map(|holder| of(*holder)).collect();
        if held.is_empty() { "free".into() } else { held.join("+") }
    }

    /// Notes what one of them holds.
    pub fn set(&mut self, holder: Holder, hold: Option<Hold>) {
        match holder {
            Holder::People => self.people = hold,
            Holder::Watch => self.watch = hold,
        }
    }
}

/// The writers ask before they plan a write: what is held stays due, and is written when it is let go. Looks at what
/// earlier calls have done go on.
#[async_trait]
pub trait Controls: Send + Sync {
    /// What is held of an account, by the side that is written to.
    async fn holds(&self, account: &AccountId) -> Result<PerSide<Holds>, Unavailable>;

    /// Holds writes to a side for `holder`, or lets them go, and writes the audit. False, and nothing is written: what that
    /// one holds is not `from` any more, or it is the same as before.
    async fn set_hold(
        &self,
        account: &AccountId,
        (side, holder): (Side, Holder),
        from: Option<&Hold>,
        to: Option<Hold>,
        audit: AuditRow,
    ) -> Result<bool, Unavailable>;

    /// Notes with a brake's error what a person has decided about what it holds, and writes the audit; the error as it stands
    /// then. `None`, and nothing is written: it [takes](ErrorEntry::decided) no decision.
    async fn decide_brake(
        &self,
        account: &AccountId,
        error: Uuid,
        decision: &BrakeDecision,
        audit: AuditRow,
    ) -> Result<Option<ErrorEntry>, Unavailable>;
}
