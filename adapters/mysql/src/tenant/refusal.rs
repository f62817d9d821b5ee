//! What SuiteX's database refuses, for us and for people: its columns' types, its keys, its checks, and rules
//! that its own triggers signal.

use shared::suitex::Applied;
use sqlx::mysql::MySqlDatabaseError;

use crate::fault::number;

/// A write that SuiteX does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `unknown_table`, `unknown_column`, `invalid_value`, `invalid_reference`, `has_dependents`, `duplicate`,
    /// `too_large` or `rule`.
    pub code: String,
    /// Text for people.
    pub message: String,
    /// The column or list, when one is to blame.
    pub field: Option<String>,
}

impl Refusal {
    pub(super) fn unknown_table(table: &str) -> Self {
        Self {
            code: "unknown_table".to_string(),
            message: format!("there is no table {table:?}"),
            field: None,
        }
    }

    pub(super) fn unknown_column(table: &str, column: String) -> Self {
        let message = format!("{table} has no column {column:?}");
        Self { code: "unknown_column".to_string(), message, field: Some(column) }
    }

    pub(super) fn invalid_value(column: &str, reason: String) -> Self {
        let message = format!("{column}: {reason}");
        Self { code: "invalid_value".to_string(), message, field: Some(column.to_string()) }
    }

    pub(super) fn invalid_reference(column: &str, to: &str, id: &str) -> Self {
        let message = format!("{column}: there is no {to} with id {id:?}");
        Self { code: "invalid_reference".to_string(), message, field: Some(column.to_string()) }
    }

    /// What `error` refuses. `None` when it is no refusal: the same write may pass later.
    ///
    /// A line is blamed on its `list`; a row on the column that MySQL names.
    pub(super) fn of(error: &sqlx::Error, list: Option<&str>) -> Option<Self> {
        let code = match number(error)? {
            // Null, no default, too long, out of range, not of the type, no such day, not JSON, row too large,
            // not in the column's character set.
            1048 | 1118 | 1264 | 1265 | 1292 | 1364 | 1366 | 1406 | 1411 | 1690 | 3140 | 3141 | 3156
            | 3854 | 3988 => "invalid_value",
            1216 | 1452 => "invalid_reference",
            1217 | 1451 => "has_dependents",
            1062 | 1586 => "duplicate",
            1153 => "too_large",
            1644 | 3819 => "rule",
            _ => return None,
        };
        let message = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.message();
        let field = match code {
            "has_dependents" => None,
            "invalid_reference" => between(message, "FOREIGN KEY (`", "`"),
            _ => between(message, "olumn '", "'"),
        };
        let field = list.map(str::to_string).or(field);
        Some(Self { code: code.to_string(), message: message.to_string(), field })
    }
}

impl From<Refusal> for Applied {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, field } = refusal;
        Applied::Refused { code, message, field }
    }
}

/// Whether `error` says that a canonical id has a living row already.
pub(super) fn names_a_living_row(error: &sqlx::Error) -> bool {
    number(error) == Some(1062) && error.to_string().contains("live_sync_id")
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_column_is_found_in_mysqls_words() {
        let column = |text| between(text, "olumn '", "'");
        assert_eq!(column("Data too long for column 'email' at row 1").as_deref(), Some("email"));
        assert_eq!(column("Column 'email' cannot be null").as_deref(), Some("email"));
        assert_eq!(column("Check constraint 'positive' is violated."), None);
    }
}
