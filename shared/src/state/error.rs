//! Errors that need a person: what is known of one, and what becomes of it when it is met again.

use serde::Serialize;
use uuid::Uuid;

use super::brake::BrakeWord;
use crate::domain::id::{AccountId, RecordKey, Timestamp};

/// The code of errors of a record of which it does not become clear whether the other side has it.
pub const NOT_IDENTIFIED: &str = "NOT_IDENTIFIED";

/// The code of errors of a record that the state cannot read.
pub const UNREADABLE: &str = "UNREADABLE";

/// The class of errors of a record whose writes break off, others' not. The only one that goes on being tried while it is
/// open.
pub const CUT_OFF: &str = "cut_off";

/// An error that needs a person.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorEntry {
    /// Its id, derived: the same error again is the same row, counted up.
    pub id: Uuid,
    /// Tenant.
    pub account: AccountId,
    /// The record, when it is known.
    pub record: Option<RecordKey>,
    /// `validation`, `malformed`, `not_persisted`, `not_shown`, `not_polled`, `waiting`, `missing`, `identity`, `brake`.
    pub class: String,
    /// The side's or our code.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The field, when one is to blame.
    pub field: Option<String>,
    /// The events that are stuck.
    pub events: Vec<Uuid>,
    /// The bytes that could not be read, base64 when they are not text.
    pub payload: Option<String>,
    /// How often it was met.
    pub attempts: u32,
    /// First met.
    pub first_at: Timestamp,
    /// Last met.
    pub last_at: Timestamp,
    /// `open`, `retried` or `closed`.
    pub status: ErrorStatus,
    /// What led to it, the outermost first: which delivery failed, what was being done, what the side answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// Why it stands where it does, once that was decided: who dismissed it and why, what has overtaken it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The events that people sent in place of those that are stuck.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Uuid>,
    /// What a person has decided about what a brake holds, until the poller has carried it out and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brake: Option<BrakeWord>,
    /// When it was last tried again; `None` before, and once it was met again.
    #[serde(skip)]
    pub tried_at: Option<Timestamp>,
    /// Its bytes are to go back on the bus, and are not known to be there: whoever finds it so sends them.
    #[serde(skip)]
    pub to_send: bool,
}

impl ErrorEntry {
    /// An open error, met for the first time `now`, about nothing in particular yet.
    pub fn open(
        account: &AccountId,
        id: Uuid,
        class: &str,
        code: &str,
        message: &str,
        hint: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            account: account.clone(),
            record: None,
            class: class.into(),
            code: code.into(),
            message: message.into(),
            hint: hint.into(),
            field: None,
            events: Vec::new(),
            payload: None,
            attempts: 1,
            first_at: now,
            last_at: now,
            status: ErrorStatus::Open,
            causes: Vec::new(),
            note: None,
            edits: Vec::new(),
            brake: None,
            tried_at: None,
            to_send: false,
        }
    }

    /// This error as it will stand once it is filed, when `known` is what stands there now.
    pub fn standing(&self, known: Option<&ErrorEntry>) -> Self {
        known.map_or_else(|| self.clone(), |known| known.met_again(self))
    }

    /// What changes with everything that happens to it, for who decides on what was seen.
    pub fn tag(&self) -> String {
        let status = match self.status {
            ErrorStatus::Open => "open",
            ErrorStatus::Retried => "retried",
            ErrorStatus::Closed => "closed",
        };
        format!("{status}-{}", self.attempts)
    }

    /// This error as it stands once it is met again, when `self` is what was known: counted up within one status, with the
    /// events and edits of both. What was closed and is met again is new: nobody has waited for it until now. What a person
    /// has decided about a brake stands until it is over.
    pub fn met_again(&self, again: &ErrorEntry) -> Self {
        let is_new = self.status == ErrorStatus::Closed && again.status != ErrorStatus::Closed;
        let before = if again.status == self.status { self.attempts } else { 0 };
        // Whoever meets it again may not have heard of the decision yet.
        let decided = self.brake.is_some() && self.status != ErrorStatus::Closed && again.brake.is_none();
        let (status, note) = match decided && again.status == ErrorStatus::Open {
            true => (self.status, self.note.clone()),
            false => (again.status, again.note.clone()),
        };
        let joined = |known: &[Uuid], new: &[Uuid]| {
            let new = new.iter().filter(|id| !known.contains(id));
            known.iter().chain(new).copied().collect()
        };
        Self {
            events: joined(&self.events, &again.events),
            edits: joined(&self.edits, &again.edits),
            payload: again.payload.clone().or_else(|| self.payload.clone()),
            causes: if again.causes.is_empty() { self.causes.clone() } else { again.causes.clone() },
            first_at: if is_new { again.first_at } else { self.first_at.min(again.first_at) },
            attempts: again.attempts.saturating_add(before),
            brake: if decided { self.brake } else { again.brake },
            status,
            note,
            ..again.clone()
        }
    }
}

/// Where an error stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorStatus {
    /// Needs a person.
    Open,
    /// A person had it tried again.
    Retried,
    /// Overtaken by a later success.
    Closed,
}
