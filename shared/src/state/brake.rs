//! Brakes: so much vanished at once from a side that it is held back, and a person says what becomes of it.

use serde::{Deserialize, Serialize};

use super::notices::words;
use super::{ErrorEntry, ErrorStatus};
use crate::domain::id::Timestamp;

/// The class of errors that tell of a brake.
pub const CLASS: &str = "brake";

words! {
    /// What a person decides about what a brake holds. It is about that account, and what was held until then.
    BrakeWord {
        /// It was meant: all of it is told.
        Pass = "pass",
        /// It was not: it is forgotten, and what is known stays as it is.
        Discard = "discard",
    }
}

/// What a person has decided about what a brake holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrakeDecision {
    /// What becomes of it.
    pub word: BrakeWord,
    /// Who decided, and why.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

impl ErrorEntry {
    /// Whether it tells of a brake about which nobody has decided yet.
    pub fn is_undecided(&self) -> bool {
        self.class == CLASS && self.brake.is_none() && self.status != ErrorStatus::Closed
    }

    /// This error once that is decided; `None`: it was before, it is over, or there is nothing to decide. The first
    /// decision stands.
    pub fn decided(&self, decision: &BrakeDecision) -> Option<Self> {
        self.is_undecided().then(|| Self {
            status: ErrorStatus::Retried,
            brake: Some(decision.word),
            note: Some(decision.note.clone()),
            last_at: decision.at,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for word in BrakeWord::ALL {
            assert_eq!(BrakeWord::parse(word.as_str()), Some(*word));
            assert_eq!(serde_json::to_value(word).unwrap(), word.as_str());
        }
    }
}
