//! Why a query gets no rows, in NetSuite's words where they are known.

use thiserror::Error;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The text is no statement of the language.
    #[error("Failed to parse SQL [{query}]: syntax error: {reason}.")]
    Syntax {
        /// The text.
        query: String,
        /// What the parser says.
        reason: String,
    },
    /// No such table, or no permission for it: the two read the same.
    #[error("Search error occurred: Record '{0}' was not found.")]
    UnknownRecord(String),
    /// A name that means nothing where it stands.
    #[error(
        "Search error occurred: Unknown identifier '{name}'. Available identifiers are: {{{available}}}."
    )]
    UnknownIdentifier {
        /// The name.
        name: String,
        /// `alias=record`, of everything the query selects from.
        available: String,
    },
    /// A column that the named record does not have.
    #[error(
        "Search error occurred: Field '{field}' for record '{record}' was not found. Reason: REMOVED - Field is removed."
    )]
    UnknownField {
        /// The column.
        field: String,
        /// The table.
        record: String,
    },
    /// A query that Oracle's database refuses, under its number.
    #[error("Search error occurred: {0}")]
    Database(String),
    /// Everything else that SuiteQL does not take. NetSuite does not say what it was; we do, in brackets.
    #[error("Search error occurred: Invalid or unsupported search. [simulator: {0}]")]
    Unsupported(String),
    /// A mistake of the engine itself.
    #[error("{0}")]
    Unexpected(String),
}

impl Refusal {
    /// A refusal of something that SuiteQL does not have.
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Refusal::Unsupported(what.into())
    }

    /// A refusal under Oracle's number.
    pub(crate) fn oracle(number: u32, message: &str) -> Self {
        Refusal::Database(oracle(number, message))
    }
}

/// An error as Oracle's database words it.
pub(crate) fn oracle(number: u32, message: &str) -> String {
    format!("ORA-{number:05}: {message}")
}
