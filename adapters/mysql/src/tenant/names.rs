//! What SuiteX calls things, and how SQL writes their names.
//!
//! A synced table has an unsigned, self-counting `id`. A list of it is a child table `<table>_<list>` with an
//! `id` of the same kind, a column `<record type>_id` that names the row it belongs to, the column of the line
//! key when the list has one, and a column for each of its own.

use shared::domain::surface::{Field, TypeSurface};

/// The primary key of every synced table and child table.
pub(super) const ID: &str = "id";

/// The child table of a list.
pub(super) fn child_table(surface: &TypeSurface, list: &Field) -> String {
    format!("{}_{}", surface.suitex, list.suitex)
}

/// The child tables' column with the id of the row that has the list.
pub(super) fn parent_column(surface: &TypeSurface) -> String {
    format!("{}_id", surface.record_type)
}

/// A name as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as SQL writes it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// An id of ours: `7` is one, `07`, `+7` and `0` are not.
pub(super) fn number(id: &str) -> Option<u64> {
    let plain = id.bytes().all(|b| b.is_ascii_digit()) && !id.starts_with('0');
    id.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_leave_their_quotes() {
        assert_eq!(quoted("a`b"), "`a``b`");
        assert_eq!(literal(r"it's \"), r"'it''s \\'");
    }

    #[test]
    fn one_row_has_one_id() {
        assert_eq!(number("7"), Some(7));
        for no_id in ["07", "+7", "0", "", "7x", "-7", "18446744073709551616"] {
            assert_eq!(number(no_id), None, "{no_id:?}");
        }
    }
}
