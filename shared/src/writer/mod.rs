//! What both writers do: take an account's due records, plan, store intents, call the target, settle. Only
//! the [`Target`] differs.
//!
//! Nothing here decides what to write ([`crate::domain::plan`]) or what a reply means
//! ([`crate::domain::settle`]).

mod calls;
mod drain;
mod identity;
mod queue;
mod settle;
pub mod translate;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::domain::governance::CallEnd;
use crate::domain::id::{CanonicalId, RecordType, Revision, Side, SideId};
use crate::domain::identity::Unless;
use crate::domain::record::Verb;
use crate::domain::surface::{Account, TypeSurface};
use crate::runtime::Ports;

/// Most writes, or looks, of one call, unless the target says otherwise.
pub const BATCH_MAX: usize = 10;

/// One write, in the target's names and ids.
#[derive(Debug, Clone)]
pub struct WriteCall {
    /// The type.
    pub surface: Arc<TypeSurface>,
    /// Our id of the record: what a create leaves as its mark.
    pub canonical: CanonicalId,
    /// The target's id; none before it is created.
    pub id: Option<SideId>,
    /// The newest revision of the target that we know.
    pub revision: Option<Revision>,
    /// Idempotency key.
    pub operation: Uuid,
    /// What to do.
    pub verb: Verb,
    /// Field → value that must be there.
    pub expected: Map<String, Json>,
    /// Field → value to set.
    pub values: Map<String, Json>,
    /// Records that forbid a create.
    pub unless: Unless,
}

/// One look, in the target's names and ids.
#[derive(Debug, Clone)]
pub struct LookCall {
    /// The type.
    pub surface: Arc<TypeSurface>,
    /// Our id of the record: how to find it when its own is not known.
    pub canonical: CanonicalId,
    /// The target's id.
    pub id: Option<SideId>,
    /// Calls whose outcome is unknown, oldest first.
    pub operations: Vec<Uuid>,
}

/// A record as the target shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The target's id.
    pub id: SideId,
    /// The target's clock.
    pub revision: Revision,
    /// Field → value.
    pub values: Map<String, Json>,
}

/// A record that could be the one that was to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct Twin {
    /// The record.
    pub shown: Shown,
    /// The mark that it carries: ours, or the customer's own external id.
    pub mark: Option<String>,
}

/// What became of one write or look.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Written; `None` after a delete.
    Applied(Option<Shown>),
    /// Not written, for the record is not as expected, or is there already; or just looked at.
    Looked {
        /// The record now.
        shown: Shown,
        /// For each call in question that was carried out, what the record held right after it. Empty where the
        /// target keeps no account of calls.
        held: BTreeMap<Uuid, Map<String, Json>>,
    },
    /// Not created: these could be it.
    Twins(Vec<Twin>),
    /// The target has deleted the record.
    Gone(Option<Revision>),
    /// The target has no such record, or does not show it.
    Missing,
    /// The target refuses this record.
    Refused(Refusal),
    /// Not tried.
    NotTried,
    /// The target speaks of it, but not so that one could tell what became of it.
    Unclear(String),
}

/// Why a target refuses a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The target's code.
    pub code: String,
    /// Its words.
    pub message: String,
    /// The field, by the target's name.
    pub field: Option<String>,
    /// Whether the same write may be taken later.
    pub may_pass: bool,
    /// What a person can do.
    pub hint: &'static str,
}

/// A call as a whole went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct CallFault {
    /// How it ended; after a [doubtful](CallEnd::is_doubtful) end its writes may have been done, or will be.
    pub end: CallEnd,
    /// The target's code, when it gave one.
    pub code: Option<String>,
    /// The target's words, for people.
    pub why: String,
}

impl CallFault {
    /// A fault that no code came with.
    pub fn new(end: CallEnd, why: impl Into<String>) -> Self {
        Self { end, code: None, why: why.into() }
    }
}

/// A system that is written to.
#[async_trait]
pub trait Target: Send + Sync {
    /// Which side it is.
    fn side(&self) -> Side;

    /// Whether calls need a permit.
    fn is_governed(&self) -> bool;

    /// Most writes, or looks, of one call.
    fn batch_max(&self) -> usize {
        BATCH_MAX
    }

    /// Makes writes, each by itself; an answer for each, in their order.
    async fn write(&self, account: &Account, calls: &[WriteCall]) -> Result<Vec<Answer>, CallFault>;

    /// Looks at records; an answer for each, in their order.
    async fn look(&self, account: &Account, calls: &[LookCall]) -> Result<Vec<Answer>, CallFault>;
}

/// One side's writer.
#[derive(Clone)]
pub struct Writer {
    /// The outside.
    pub ports: Ports,
    /// Where to.
    pub target: Arc<dyn Target>,
}

impl Writer {
    fn side(&self) -> Side {
        self.target.side()
    }

    /// Gives the call's permit back, as far as its end allows.
    async fn end(&self, account: &Account, call: Uuid, end: CallEnd) {
        if !self.target.is_governed() {
            return;
        }
        let now = self.ports.clock.now();
        if let Err(error) = self.ports.state.end_call(&account.id, call, end, now, &account.limits).await {
            tracing::warn!(%error, "permit not given back; it expires by itself");
        }
    }
}

/// A record type and an id within it.
pub(crate) type Named = (RecordType, CanonicalId);
