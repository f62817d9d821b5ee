//! Everything but the ledger: records, links, pending events, history, errors, governance.
//!
//! The important method is [`State::commit`]: a [`Commit`] is a value that holds everything that one decision
//! changes, written in one transaction, if the record is still at the row revision on which it was decided.

mod ambiguity;
pub mod brake;
pub mod controls;
pub mod deliveries;
pub mod desk;
mod error;
pub mod memory;
pub mod notices;
pub mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use self::controls::Controls;
use self::deliveries::Deliveries;
use self::desk::Desk;
use self::notices::Notices;
use self::watch::Watch;
use crate::domain::governance::{Begun, Call, CallEnd, Governance, NotNow};
use crate::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId, Timestamp, Version};
use crate::domain::record::Record;
use crate::domain::surface::Limits;
use crate::fault::Unavailable;

pub use ambiguity::{Ambiguities, Ambiguity, AmbiguityAnswer, AmbiguityStatus, Candidate};
pub use error::{CUT_OFF, ErrorEntry, ErrorStatus, NOT_IDENTIFIED, UNREADABLE};
pub use notices::Notice;

/// How a source names a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Subject {
    /// By a side's id.
    Side(Side, SideId),
    /// By our id: resolutions.
    Canonical(CanonicalId),
}

impl Subject {
    /// A text that names the subject within its account and type; [`Subject::parse`] reads it.
    pub fn to_text(&self, record_type: &RecordType) -> String {
        match self {
            Subject::Side(side, id) => format!("{record_type}:{side}:{id}"),
            Subject::Canonical(id) => format!("{record_type}:canonical:{id}"),
        }
    }

    /// Reads what [`Subject::to_text`] wrote.
    pub fn parse(text: &str) -> Option<(RecordType, Self)> {
        let mut parts = text.splitn(3, ':');
        let record_type = RecordType::parse(parts.next()?).ok()?;
        let (kind, id) = (parts.next()?, parts.next()?);
        let subject = match kind {
            "netsuite" => Subject::Side(Side::NetSuite, SideId::parse(id).ok()?),
            "suitex" => Subject::Side(Side::SuiteX, SideId::parse(id).ok()?),
            "canonical" => Subject::Canonical(CanonicalId::parse(id).ok()?),
            _ => return None,
        };
        Some((record_type, subject))
    }
}

/// An accepted event on its way; its row stays as a marker after it is done.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingRow {
    /// Tenant.
    pub account: AccountId,
    /// Record type.
    pub record_type: RecordType,
    /// The record, as the source names it.
    pub subject: Subject,
    /// The event.
    pub event_id: Uuid,
    /// When merge took it.
    pub arrived_at: Timestamp,
    /// Where it is.
    pub place: Place,
}

/// Where an event is: at all times exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// To be absorbed, at the latest swept from this time on.
    Pending {
        /// From when the tick sweeps it.
        due_at: Timestamp,
    },
    /// Refers to a record that has no link yet.
    Waiting {
        /// Type of that record.
        record_type: RecordType,
        /// The side whose id it is.
        side: Side,
        /// The id.
        id: String,
        /// When waiting becomes an error.
        until: Timestamp,
    },
    /// Absorbed: it changed something, or confirmed what we knew.
    Applied,
    /// Older than what we knew when it came.
    Superseded,
    /// Its change waits in this conflict for a person.
    Conflict(Uuid),
    /// Filed as this error.
    Error(Uuid),
}

impl Place {
    /// Whether the event was taken in: what it says is known, and what is left to do about it is another's.
    pub fn is_taken_in(&self) -> bool {
        matches!(self, Place::Applied | Place::Superseded | Place::Conflict(_))
    }

    /// Whether there is still something to do with the event itself.
    pub fn is_open(&self) -> bool {
        matches!(self, Place::Pending { .. } | Place::Waiting { .. })
    }

    /// A short name, for counting.
    pub fn name(&self) -> &'static str {
        match self {
            Place::Pending { .. } => "pending",
            Place::Waiting { .. } => "waiting",
            Place::Applied => "applied",
            Place::Superseded => "superseded",
            Place::Conflict(_) => "conflict",
            Place::Error(_) => "error",
        }
    }
}

/// Whose id this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The record.
    pub canonical: CanonicalId,
    /// Retired: the side deleted it. News about a retired id never creates anything.
    pub retired: bool,
}

/// A change to the links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkChange {
    /// The side's id belongs to the commit's record.
    Set(Side, SideId),
    /// The side's id is retired.
    Retire(Side, SideId),
    /// The other record was this one all along: its links become this record's, and whoever asks for it gets this.
    /// Decided on that row revision of the other (0: there is none): had it moved on, it might have got a
    /// counterpart of its own, and the commit is stale.
    Alias(CanonicalId, u64),
}

/// A stored decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRow {
    /// The version after it.
    pub version: Version,
    /// When it was committed.
    pub at: Timestamp,
    /// Who told: a source's name, `reply` or `read`.
    pub source: String,
    /// Person or script, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The events that led to it: ledger ids.
    pub events: Vec<Uuid>,
    /// What was decided, field by field.
    pub decisions: Vec<HistoryDecision>,
}

/// One decision, with both sides kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryDecision {
    /// Canonical field name; `$exists` for the record itself.
    pub field: String,
    /// Why.
    pub rule: String,
    /// What the telling side held before.
    pub base: Json,
    /// What it holds now.
    pub ours: Json,
    /// What was agreed before.
    pub from: Json,
    /// What is agreed now.
    pub to: Json,
}

/// Who did what, for the audit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRow {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What: `resolve`, `retry`, `write`, …
    pub action: String,
    /// On what.
    pub subject: String,
    /// Details, never a secret.
    pub details: Json,
}

/// Events that were stuck in an error and go on. Where one is no longer that error's, somebody has taken it further: it
/// stays where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Freed {
    /// The error.
    pub error: Uuid,
    /// The events.
    pub events: Vec<Uuid>,
    /// Where they are from now on.
    pub to: Place,
}

/// An error's bytes are on the bus. It says so of one try alone: an error that was met or tried again since stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The error.
    pub error: Uuid,
    /// When it was tried again.
    pub tried_at: Timestamp,
}

/// Everything that one decision changes.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Tenant.
    pub account: AccountId,
    /// The record as it is to be stored, decided on the row revision that it carries. The state stores it
    /// under the next one.
    pub record: Option<Record>,
    /// The links that change, all to `record` (which is then there).
    pub links: Vec<LinkChange>,
    /// Decisions, in order.
    pub history: Vec<HistoryRow>,
    /// Where events are from now on.
    pub places: Vec<(Uuid, Place)>,
    /// Events that an error lets go; after `places`.
    pub freed: Vec<Freed>,
    /// Errors, filed or changed.
    pub errors: Vec<ErrorEntry>,
    /// Errors whose bytes were sent; after `errors`.
    pub sent: Vec<Sent>,
    /// Questions about who is who, as they are from now on.
    pub ambiguities: Vec<Ambiguity>,
    /// Audit.
    pub audit: Vec<AuditRow>,
    /// Notices.
    pub notices: Vec<Notice>,
}

impl Commit {
    /// A commit that changes nothing yet.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            record: None,
            links: Vec::new(),
            history: Vec::new(),
            places: Vec::new(),
            freed: Vec::new(),
            errors: Vec::new(),
            sent: Vec::new(),
            ambiguities: Vec::new(),
            audit: Vec::new(),
            notices: Vec::new(),
        }
    }
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Written. What a new link has woken, or what came to wait for a link that was there already: pending subjects,
    /// to be absorbed now. Records that waited for the link are due now.
    Committed(Vec<(RecordType, Subject)>),
    /// Nothing written: the record has moved on.
    Stale,
    /// Nothing written: the side's id is another record's.
    LinkTaken(CanonicalId),
    /// Nothing written: the state cannot hold this, ever; in its own words.
    Refused(String),
}

/// A page of something.
#[derive(Debug, Clone, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Counts of an account's events by place, for the census: they add up to the ledger's.
pub type Census = std::collections::BTreeMap<&'static str, u64>;

/// The state.
#[async_trait]
pub trait State: Ambiguities + Desk + Controls + Notices + Deliveries + Watch + Send + Sync {
    /// The records, in the order of the keys. An alias gives the record that it stands for.
    async fn load(&self, keys: &[RecordKey]) -> Result<Vec<Option<Arc<Record>>>, Unavailable>;

    /// Whose ids these are, in their order.
    async fn links(
        &self,
        account: &AccountId,
        ids: &[(RecordType, Side, SideId)],
    ) -> Result<Vec<Option<Link>>, Unavailable>;

    /// The ids under which `side` knows these records, in their order; aliases are followed.
    async fn counterparts(
        &self,
        account: &AccountId,
        side: Side,
        records: &[(RecordType, CanonicalId)],
    ) -> Result<Vec<Option<SideId>>, Unavailable>;

    /// Writes commits, each by itself and as a whole; answers for each.
    async fn commit(&self, commits: Vec<Commit>) -> Result<Vec<Verdict>, Unavailable>;

    /// Puts events on the pending list; one that is there already stays as it is.
    async fn enqueue(&self, rows: Vec<PendingRow>) -> Result<(), Unavailable>;

    /// Which of these events were never put on the pending list.
    async fn unlisted(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Uuid>, Unavailable>;

    /// How far the account's reader `name` has come; 0 at first.
    async fn watermark(&self, account: &AccountId, name: &str) -> Result<u64, Unavailable>;

    /// Notes how far a reader has come; it never goes back.
    async fn set_watermark(&self, account: &AccountId, name: &str, at: u64) -> Result<(), Unavailable>;

    /// Where the poller's scan `name` of an account stands, in its own words; `None` before the first.
    async fn poll_cursor(&self, account: &AccountId, name: &str) -> Result<Option<String>, Unavailable>;

    /// Notes where a scan stands, further or back: the last word counts.
    async fn set_poll_cursor(&self, account: &AccountId, name: &str, cursor: &str)
    -> Result<(), Unavailable>;

    /// The open events of these subjects, in no particular order.
    async fn pending(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        subjects: &[Subject],
    ) -> Result<Vec<PendingRow>, Unavailable>;

    /// Where these events are, in their order; `None`: never put on the pending list.
    async fn places(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Option<Place>>, Unavailable>;

    /// Subjects with events that are due, or have waited too long, at `now`.
    async fn pending_due(
        &self,
        account: &AccountId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(RecordType, Subject)>, Unavailable>;

    /// When the next record has work for `side`.
    async fn next_due(&self, account: &AccountId, side: Side) -> Result<Option<Timestamp>, Unavailable>;

    /// Records with work for `side` that is due at `now`, the longest due first. What a lock keeps from being
    /// written has none; an intent that is still open has.
    async fn due(
        &self,
        account: &AccountId,
        side: Side,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<RecordKey>, Unavailable>;

    /// Asks for permits for calls to the account's NetSuite, the most important first, until there is none for one.
    async fn begin_calls(
        &self,
        account: &AccountId,
        calls: &[Call],
        limits: &Limits,
    ) -> Result<Begun, Unavailable>;

    /// Asks for a permit for one call.
    async fn begin_call(
        &self,
        account: &AccountId,
        call: &Call,
        limits: &Limits,
    ) -> Result<Result<(), NotNow>, Unavailable> {
        let begun = self.begin_calls(account, std::slice::from_ref(call), limits).await?;
        Ok(begun.not_now.map_or(Ok(()), Err))
    }

    /// Notes how a call ended. When the account is suspended or goes on by it, the [notice](Notice::of_turn) of that is
    /// written with it.
    async fn end_call(
        &self,
        account: &AccountId,
        call: Uuid,
        end: CallEnd,
        now: Timestamp,
        limits: &Limits,
    ) -> Result<(), Unavailable>;

    /// An account's use of its NetSuite, as it was a moment ago.
    async fn governance_of(&self, account: &AccountId) -> Result<Governance, Unavailable>;

    /// How many records have work for `side` that is due at `now`.
    async fn backlog(&self, account: &AccountId, side: Side, now: Timestamp) -> Result<u64, Unavailable>;

    /// A record's history, oldest first.
    async fn history(&self, key: &RecordKey) -> Result<Vec<HistoryRow>, Unavailable>;

    /// Records of an account (of one type, or all), by key, after `after`.
    async fn records(
        &self,
        account: &AccountId,
        record_type: Option<&RecordType>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable>;

    /// Records with an open conflict, by key, after `after`; all accounts when none is given.
    async fn conflicts(
        &self,
        account: Option<&AccountId>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Arc<Record>>, Unavailable>;

    /// The record that has, or had, this conflict.
    async fn conflict(&self, id: Uuid) -> Result<Option<Arc<Record>>, Unavailable>;

    /// Errors, newest first, after `after`; all accounts when none is given.
    async fn errors(
        &self,
        account: Option<&AccountId>,
        open_only: bool,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ErrorEntry>, Unavailable>;

    /// One error.
    async fn error(&self, id: Uuid) -> Result<Option<ErrorEntry>, Unavailable>;

    /// Events by place.
    async fn census(&self, account: &AccountId) -> Result<Census, Unavailable>;
}
