//! What needs a person, the most urgent first.

use maud::{Markup, html};
use shared::domain::id::Timestamp;

use super::{ambiguous, conflict, part, words};
use crate::desk::Waiting;
use crate::view::{AmbiguityView, ConflictView};

/// One thing that needs a person.
pub(super) struct Row {
    /// `Conflict`, `Error`, `Ambiguous`.
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) link: String,
    /// What it is about.
    pub(super) about: String,
    pub(super) since: Timestamp,
    pub(super) due: Timestamp,
    pub(super) assignee: Option<String>,
    /// Whether the whole record waits.
    pub(super) holds_record: bool,
}

impl Row {
    /// A conflict's.
    pub(super) fn of_conflict(found: &ConflictView) -> Self {
        let mut about: Vec<String> = found.fields.keys().take(4).map(|name| words::field(name)).collect();
        if found.fields.len() > 4 {
            about.push(format!("{} more", found.fields.len() - 4));
        }
        if let Some(side) = found.deleted_by {
            about.insert(0, format!("deleted in {}", conflict::side_name(side)));
        }
        Self {
            kind: "Conflict",
            title: conflict::title(found.title.as_deref(), &found.record_type, &found.record_id),
            link: conflict::path(found.conflict_id),
            about: format!(
                "{} · {} {} · {}",
                about.join(", "),
                found.record_type,
                found.record_id,
                found.account
            ),
            since: found.opened_at,
            due: found.due_at,
            assignee: found.assignee.clone(),
            holds_record: found.locks_record,
        }
    }

    /// An error's.
    pub(super) fn of_error(waiting: &Waiting) -> Self {
        let error = &waiting.error;
        let record = error.record.as_ref().map(|key| format!("{} {} · ", key.record_type, key.id));
        Self {
            kind: "Error",
            title: words::short(&error.message, 110),
            link: format!("/review/errors/{}", error.id),
            about: format!(
                "{}{}{} · {}",
                record.unwrap_or_default(),
                error.field.as_deref().map(|f| format!("{} · ", words::field(f))).unwrap_or_default(),
                error.class,
                error.account
            ),
            since: error.first_at,
            due: waiting.due_at,
            assignee: None,
            holds_record: error.record.is_some() && error.field.is_none(),
        }
    }

    /// A question's: which of a side's records one is. It should be answered within `within_ms`, as an error should.
    pub(super) fn of_question(question: &AmbiguityView, within_ms: i64) -> Self {
        Self {
            kind: "Ambiguous",
            title: ambiguous::title(question),
            link: ambiguous::path(question.ambiguity_id),
            about: ambiguous::about(question),
            since: question.opened_at,
            due: question.opened_at.plus(within_ms),
            assignee: None,
            holds_record: true,
        }
    }
}

/// Rows of several kinds, the most urgent first.
pub(super) fn urgent_first(mut rows: Vec<Row>, limit: usize) -> Vec<Row> {
    rows.sort_by(|a, b| (a.due, a.since, &a.link).cmp(&(b.due, b.since, &b.link)));
    rows.truncate(limit);
    rows
}

/// A list of rows.
pub(super) fn list(rows: &[Row], now: Timestamp) -> Markup {
    html! {
        ol.items data-rows {
            @for row in rows {
                li {
                    div.what {
                        span.kind.(row.kind.to_lowercase()) { (row.kind) }
                        a href=(row.link) { (row.title) }
                    }
                    div.soft.small { (row.about) }
                    div.when {
                        (part::due(row.due, row.since, now))
                        span {
                            @if row.holds_record { "holds the record · " }
                            @if let Some(assignee) = &row.assignee { (assignee) " · " }
                            (part::ago(row.since, now))
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(link: &str, since: i64, due: i64) -> Row {
        Row {
            kind: "Conflict",
            title: "<script>alert(1)</script>".into(),
            link: link.into(),
            about: String::new(),
            since: Timestamp(since),
            due: Timestamp(due),
            assignee: None,
            holds_record: false,
        }
    }

    #[test]
    fn what_is_due_first_stands_first_and_of_these_what_waited_longest() {
        let rows = vec![row("c", 3, 9), row("b", 2, 5), row("a", 1, 5), row("d", 0, 10)];
        let links: Vec<String> = urgent_first(rows, 3).into_iter().map(|row| row.link).collect();
        assert_eq!(links, ["a", "b", "c"]);
    }

    #[test]
    fn a_script_in_a_name_is_a_name() {
        let shown = list(&[row("/x", 0, 0)], Timestamp(0)).into_string();
        assert!(!shown.contains("<script>") && shown.contains("&lt;script&gt;"));
    }
}
