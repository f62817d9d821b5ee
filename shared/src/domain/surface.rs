//! The sync surface: which accounts, types and fields are synced, and by which policy. Read from
//! `config/sync.toml`; a field that is not named is not synced.

mod file;
mod notify;
mod pages;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::id::{AccountId, PerSide, RecordType, Side};
use super::people::People;
use super::value::Kind;

pub use notify::{Authority, Contacts, Notify, OnBreach};

/// Who wins when both sides changed one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// NetSuite's value.
    NetsuiteWins,
    /// SuiteX's value.
    SuitexWins,
    /// The later change; NetSuite's where the two times overlap.
    LatestWins,
    /// A person decides.
    Manual,
    /// Sets only: what either side added, without what either side removed.
    Union,
}

impl Policy {
    /// As in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Policy::NetsuiteWins => "netsuite_wins",
            Policy::SuitexWins => "suitex_wins",
            Policy::LatestWins => "latest_wins",
            Policy::Manual => "manual",
            Policy::Union => "union",
        }
    }
}

/// Whether a conflict on the field locks the field alone or the whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Lock the field.
    #[default]
    Low,
    /// Lock the record.
    High,
}

/// Which way a field's changes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// NetSuite is the master; edits in SuiteX are put back.
    ToSuitex,
    /// SuiteX is the master; edits in NetSuite are put back.
    ToNetsuite,
}

impl Direction {
    /// Whether changes made on `side` count.
    pub fn accepts_from(self, side: Side) -> bool {
        match self {
            Direction::Both => true,
            Direction::ToSuitex => side == Side::NetSuite,
            Direction::ToNetsuite => side == Side::SuiteX,
        }
    }
}

/// What a deletion on one side means for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeleteRule {
    /// Delete there too.
    Propagate,
    /// Keep it there, with the type's `inactive` field set.
    Inactivate,
    /// Keep it there, no longer synced.
    Detach,
    /// A person decides.
    Ask,
}

/// Position of a field in its type's surface.
pub type FieldIx = usize;

/// One synced field.
#[derive(Debug, Clone)]
pub struct Field {
    /// Canonical name, the key in `sync.toml`.
    pub name: Arc<str>,
    /// NetSuite's field id.
    pub netsuite: String,
    /// SuiteX's column (or child table, for lines).
    pub suitex: String,
    /// What it holds.
    pub kind: Kind,
    /// Which way it travels.
    pub direction: Direction,
    /// Who wins.
    pub policy: Policy,
    /// What a manual conflict locks.
    pub risk: Risk,
    /// A conflict on it should be decided within this time, ms.
    pub sla_ms: i64,
    /// A create waits until this reference can be translated.
    pub required: bool,
    /// Index into [`TypeSurface::units`]: the fields that conflict as one.
    pub unit: usize,
}

impl Field {
    /// The name under which `side` knows the field.
    pub fn name_on(&self, side: Side) -> &str {
        match side {
            Side::NetSuite => &self.netsuite,
            Side::SuiteX => &self.suitex,
        }
    }
}

/// A synced record type, as one account has it.
#[derive(Debug, Clone)]
pub struct TypeSurface {
    /// Our name.
    pub record_type: RecordType,
    /// NetSuite's record type.
    pub netsuite: String,
    /// SuiteX's table.
    pub suitex: String,
    /// What a deletion *on* each side means.
    pub delete: PerSide<DeleteRule>,
    /// Each of these groups of fields names a record: who has one of them in common is looked up before a create.
    pub match_keys: Vec<Vec<FieldIx>>,
    /// The boolean field that `inactivate` sets.
    pub inactive: Option<FieldIx>,
    /// Writes of a higher priority go first.
    pub priority: u8,
    /// How long an event or a write may wait for a referred record before it is an error.
    pub reference_wait_ms: i64,
    /// A conflict about whether a record lives on should be decided within this time, ms.
    pub sla_ms: i64,
    /// Fields, sorted by canonical name.
    pub fields: Vec<Field>,
    /// Fields that conflict as one; most units are one field.
    pub units: Vec<Vec<FieldIx>>,
    /// Fields that travel one way only, by the side they come from.
    pub one_way: PerSide<Vec<FieldIx>>,
    /// The paths of its pages in each system, with `{id}`.
    pub pages: PerSide<Option<String>>,
    by_netsuite: BTreeMap<String, FieldIx>,
    by_suitex: BTreeMap<String, FieldIx>,
}

impl TypeSurface {
    /// The field that `side` calls `name`; the canonical name works on both sides.
    pub fn field_on(&self, side: Side, name: &str) -> Option<FieldIx> {
        let names = match side {
            Side::NetSuite => &self.by_netsuite,
            Side::SuiteX => &self.by_suitex,
        };
        names.get(name).copied().or_else(|| self.field(name))
    }

    /// The field with this canonical name.
    pub fn field(&self, name: &str) -> Option<FieldIx> {
        self.fields.binary_search_by(|f| (*f.name).cmp(name)).ok()
    }

    /// What `side` calls the type.
    pub fn name_on(&self, side: Side) -> &str {
        match side {
            Side::NetSuite => &self.netsuite,
            Side::SuiteX => &self.suitex,
        }
    }

    /// Every synced field's name on `side`.
    pub fn names_on(&self, side: Side) -> Vec<String> {
        self.fields.iter().map(|f| f.name_on(side).to_string()).collect()
    }
}

/// When a record's pending events are absorbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Coalescing {
    /// Quiet for so long, in ms.
    pub quiet_ms: i64,
    /// Pending for so long, in ms.
    pub max_wait_ms: i64,
    /// So many pending.
    pub max_events: usize,
}

impl Default for Coalescing {
    fn default() -> Self {
        Self { quiet_ms: 1_000, max_wait_ms: 10_000, max_events: 50 }
    }
}

/// What we may ask of an account's NetSuite.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The account's concurrency limit, all integrations together.
    pub concurrency: u32,
    /// Our share of it.
    pub share: f64,
    /// Requests a day that we may send.
    pub daily_requests: u64,
    /// From this share of the daily requests on, low-priority types pause.
    pub governance_threshold: f64,
    /// Refusals of one record before it is an error for a person.
    pub max_retry_attempts: u32,
    /// How long we wait for an answer, in ms.
    pub call_timeout_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 5,
            share: 0.5,
            daily_requests: 100_000,
            governance_threshold: 0.5,
            max_retry_attempts: 5,
            call_timeout_ms: 120_000,
        }
    }
}

/// A tenant.
#[derive(Debug, Clone)]
pub struct Account {
    /// Our id.
    pub id: AccountId,
    /// NetSuite's account id.
    pub netsuite_account: String,
    /// Limits.
    pub limits: Limits,
    /// Who may look, decide, and more.
    pub people: People,
    /// A change should be on the other side within this time, ms.
    pub objective_ms: i64,
    /// Where its SuiteX is, for people; `None`: nobody said.
    pub suitex_url: Option<String>,
    /// Whom to tell, and when.
    pub notify: Notify,
    /// Its record types.
    pub types: BTreeMap<RecordType, Arc<TypeSurface>>,
}

/// Everything in `sync.toml`.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    /// Coalescing, for all accounts.
    pub coalescing: Coalescing,
    /// Whom to tell of what is no account's.
    pub notify: Notify,
    /// Accounts by id.
    pub accounts: BTreeMap<AccountId, Account>,
}

impl SyncConfig {
    /// The surface of a type in an account.
    pub fn surface(&self, account: &AccountId, record_type: &RecordType) -> Option<&Arc<TypeSurface>> {
        self.accounts.get(account)?.types.get(record_type)
    }
}

/// What is wrong in `sync.toml`, and on which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadConfig(pub String);
