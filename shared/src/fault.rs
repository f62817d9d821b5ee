//! What went wrong, as far as the bus must know. Outcomes (conflict, duplicate, echo, stale, no-op) are
//! values of the domain and are not here.

use crate::domain::id::Timestamp;

/// A dependency could not be reached, or gave no answer. Whether it did the work is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is unavailable: {why}")]
pub struct Unavailable {
    /// The dependency: `state`, `ledger`, `pubsub`, …
    pub what: &'static str,
    /// Its own words.
    pub why: String,
}

impl Unavailable {
    /// `what` cannot be used now, because of `why`.
    pub fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, why: why.into() }
    }
}

/// Why a function could not do its job.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// A dependency is down, or somebody else holds what we need: try again.
    #[error(transparent)]
    Retry(#[from] Unavailable),
    /// Throttled: the work is due again later, and its place is in the state, not on the bus.
    #[error("throttled until {until}")]
    Later {
        /// When it is due again.
        until: Timestamp,
    },
    /// The message's content cannot succeed, ever: keep it for a person.
    #[error("{field}: {reason}")]
    Park {
        /// Where, as a JSON pointer or a name.
        field: String,
        /// What is wrong there.
        reason: String,
    },
    /// Our bug.
    #[error("defect: {0}")]
    Broken(String),
}

/// What the bus does with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is done with; 204.
    Ack,
    /// Deliver it again; a 5xx.
    Nack,
    /// Ack it once its bytes are in the error queue.
    Park,
}

impl Fault {
    /// What the bus does with a message that ended so.
    pub fn disposition(&self) -> Disposition {
        match self {
            Fault::Retry(_) => Disposition::Nack,
            Fault::Later { .. } => Disposition::Ack,
            Fault::Park { .. } => Disposition::Park,
            // A fixed deploy heals it; five attempts bound the noise.
            Fault::Broken(_) => Disposition::Nack,
        }
    }
}
