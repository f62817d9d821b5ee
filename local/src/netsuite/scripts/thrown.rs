//! What a script throws, or is thrown.

use serde::{Deserialize, Serialize};

use crate::netsuite::refusal::Refused;

/// A SuiteScript error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thrown {
    /// Its code.
    pub(crate) name: String,
    /// Text for people.
    pub(crate) message: String,
}

impl Thrown {
    pub(super) fn new(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_string(), message: message.into() }
    }

    /// NetSuite does not know what to call it.
    pub(super) fn unexpected(message: impl Into<String>) -> Self {
        Self::new("UNEXPECTED_ERROR", message)
    }

    /// Something that NetSuite has and this simulator does not. Never answered with a guess.
    pub(super) fn not_simulated(what: impl std::fmt::Display) -> Self {
        Self::new("SSS_NOT_SIMULATED", format!("The simulator does not know {what}"))
    }
}

impl From<Refused> for Thrown {
    fn from(refused: Refused) -> Self {
        Self { name: refused.script_code().to_string(), message: refused.message }
    }
}

/// Why NetSuite ended a run. No script can catch it, and what was saved stays saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Usage,
    Time,
    Instructions,
}

impl From<End> for Thrown {
    fn from(end: End) -> Self {
        match end {
            End::Usage => Self::new("SSS_USAGE_LIMIT_EXCEEDED", "Script Execution Usage Limit Exceeded"),
            End::Time => Self::new("SSS_TIME_LIMIT_EXCEEDED", "Script Execution Time Exceeded."),
            End::Instructions => {
                Self::new("SSS_STATEMENT_COUNT_EXCEEDED", "Script Execution Instruction Count Exceeded")
            }
        }
    }
}
