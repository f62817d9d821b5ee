//! Statements as values, and how many rows go into one.
//!
//! A connection keeps what it has prepared. So that it has little to keep whatever comes, keys are asked for in
//! numbers that are a power of two (the last key several times), and rows are written in pieces of such numbers.

use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySql, MySqlArguments};
use sqlx::query::Query;

/// Most keys in one `in (…)`, and most rows in one insert.
const MOST: usize = 128;

/// Rows go into one statement as long as they have no more than this together, in bytes.
const STATEMENT_MAX: usize = 4 << 20;

/// A statement with values bound to it.
pub(super) type Bound = Query<'static, MySql, MySqlArguments>;

/// A statement, for a number of keys or rows. What does not depend on a number takes any.
#[derive(Clone, Copy)]
pub(super) struct Statement(pub(super) fn(usize) -> String);

impl Statement {
    /// Its text for `count` keys or rows.
    pub(super) fn text(self, count: usize) -> String {
        (self.0)(count)
    }

    /// It, for `count` keys or rows, to bind values to.
    pub(super) fn of(self, count: usize) -> Bound {
        sqlx::query(AssertSqlSafe(self.text(count)))
    }

    /// It, to bind values to.
    pub(super) fn query(self) -> Bound {
        self.of(1)
    }
}

/// Declares a table's statements, and lists them all as `STATEMENTS`.
macro_rules! statements {
    ($($name:ident = $text:expr;)*) => {
        $(const $name: $crate::state::sql::Statement = $crate::state::sql::Statement($text);)*

        pub(super) const STATEMENTS: &[(&str, $crate::state::sql::Statement)] =
            &[$((stringify!($name), $name)),*];
    };
}
pub(super) use statements;

/// `count` times `(?,…)` with `width` marks each.
pub(super) fn tuples(count: usize, width: usize) -> String {
    let tuple = format!("({})", marks(width));
    vec![tuple; count].join(",")
}

/// `count` marks.
pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(",")
}

/// `set` clauses that take every one of these comma-separated columns from the row `new`.
pub(super) fn from_new(columns: &str) -> String {
    let set = |column: &str| format!("{0} = new.{0}", column.trim());
    columns.split(',').map(set).collect::<Vec<_>>().join(", ")
}

/// The number of comma-separated columns.
pub(super) fn width(columns: &str) -> usize {
    columns.split(',').count()
}

/// The keys in groups that are as large as a power of two, the last key repeated.
pub(super) fn padded<T>(keys: &[T]) -> impl Iterator<Item = Vec<&T>> {
    keys.chunks(MOST).map(|group| {
        let size = group.len().next_power_of_two();
        (0..size).map(|at| &group[at.min(group.len() - 1)]).collect()
    })
}

/// The rows in pieces that are as large as a power of two, the largest first.
pub(super) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = MOST.min(1 << rows.len().checked_ilog2()?);
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// [`pieces`], or the rows one by one where a piece could be more than MySQL takes at once.
pub(super) fn pieces_within<T>(rows: &[T], size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let bytes: usize = rows.iter().map(size).sum();
    if bytes > STATEMENT_MAX { rows.chunks(1).collect() } else { pieces(rows).collect() }
}

/// An error of reading: a value that no column of ours can hold.
pub(super) fn unreadable(what: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(what.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_asked_for_in_powers_of_two_and_rows_written_once() {
        for count in [0, 1, 2, 3, 5, 64, 100, 128, 129, 300] {
            let all: Vec<usize> = (0..count).collect();
            let groups: Vec<Vec<&usize>> = padded(&all).collect();
            assert!(groups.iter().all(|g| g.len().is_power_of_two() && g.len() <= MOST));
            let mut asked: Vec<usize> = groups.into_iter().flatten().copied().collect();
            asked.dedup();
            assert_eq!(asked, all);
            let written: Vec<&[usize]> = pieces(&all).collect();
            assert!(written.iter().all(|p| p.len().is_power_of_two() && p.len() <= MOST));
            assert_eq!(written.concat(), all);
            let large = pieces_within(&all, |_| STATEMENT_MAX);
            assert!(large.iter().all(|p| p.len() == 1) && large.concat() == all);
            assert_eq!(pieces_within(&all, |_| 1), written);
        }
    }

    #[test]
    fn texts_have_as_many_marks_as_asked_for() {
        assert_eq!(tuples(2, 3), "(?,?,?),(?,?,?)");
        assert_eq!(from_new("a, b"), "a = new.a, b = new.b");
        assert_eq!(width("a, b, c"), 3);
    }
}
