//! What SuiteX's own rules refuse, in words for us ([`Applied::Refused`]) and for people ([`Problem`]).

use std::fmt;

use shared::domain::id::RecordType;
use shared::suitex::Applied;

use super::problem::Problem;

/// A write that SuiteX does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The tenant has no such table.
    UnknownTable { table: String },
    /// The table has no such column.
    UnknownColumn { table: String, column: String },
    /// The column does not take this value.
    InvalidValue { column: String, reason: String },
    /// A reference points nowhere.
    InvalidReference { column: String, to: RecordType, id: String },
    /// Other rows refer to the row.
    HasDependents { table: String, id: u64, dependents: u64 },
    /// A rule of the business forbids this text.
    ForbiddenText { column: String, text: String },
}

impl Refusal {
    fn code(&self) -> &'static str {
        match self {
            Refusal::UnknownTable { .. } => "unknown_table",
            Refusal::UnknownColumn { .. } => "unknown_column",
            Refusal::InvalidValue { .. } => "invalid_value",
            Refusal::InvalidReference { .. } => "invalid_reference",
            Refusal::HasDependents { .. } => "has_dependents",
            Refusal::ForbiddenText { .. } => "forbidden_text",
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Refusal::UnknownTable { .. } => "Unknown table",
            Refusal::UnknownColumn { .. } => "Unknown column",
            Refusal::InvalidValue { .. } => "Invalid value",
            Refusal::InvalidReference { .. } => "Reference to nothing",
            Refusal::HasDependents { .. } => "Still referred to",
            Refusal::ForbiddenText { .. } => "Forbidden text",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Refusal::UnknownTable { .. } => 404,
            Refusal::HasDependents { .. } => 409,
            Refusal::UnknownColumn { .. }
            | Refusal::InvalidValue { .. }
            | Refusal::InvalidReference { .. }
            | Refusal::ForbiddenText { .. } => 422,
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Refusal::UnknownColumn { column, .. }
            | Refusal::InvalidValue { column, .. }
            | Refusal::InvalidReference { column, .. }
            | Refusal::ForbiddenText { column, .. } => Some(column.clone()),
            Refusal::UnknownTable { .. } | Refusal::HasDependents { .. } => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::UnknownTable { table } => write!(f, "there is no table {table:?}"),
            Refusal::UnknownColumn { table, column } => write!(f, "{table} has no column {column:?}"),
            Refusal::InvalidValue { column, reason } => write!(f, "{column}: {reason}"),
            Refusal::InvalidReference { column, to, id } => {
                write!(f, "{column}: there is no {to} with id {id:?}")
            }
            Refusal::HasDependents { table, id, dependents } => {
                write!(f, "{table} {id} is still referred to {dependents} times")
            }
            Refusal::ForbiddenText { column, text } => write!(f, "{column}: may not contain {text:?}"),
        }
    }
}

impl From<Refusal> for Applied {
    fn from(refusal: Refusal) -> Self {
        let (message, field) = (refusal.to_string(), refusal.field());
        Applied::Refused { code: refusal.code().to_string(), message, field }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Problem::new(refusal.status(), refusal.code(), refusal.title(), refusal.to_string());
        Problem { field: refusal.field(), ..problem }
    }
}
