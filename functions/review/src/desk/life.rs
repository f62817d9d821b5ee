//! A conflict's life, read from its record's history: where it begins, which decisions moved it on, how it ended. Pure.
//!
//! Its id is made of the news that opened it, so that the row of that news is known by it, whatever came before and after.
//! From there on each decision says which fields it opens and which it ends.

use std::collections::BTreeSet;

use shared::domain::id::{RecordKey, derived_id};
use shared::state::{HistoryDecision, HistoryRow};
use uuid::Uuid;

/// Whether this row opened a conflict, or more of one.
pub(super) fn opens(row: &HistoryRow) -> bool {
    let opens =
        |decision: &HistoryDecision| matches!(decision.rule.as_str(), "conflict_opened" | "delete_asked");
    row.decisions.iter().any(opens)
}

/// Whether this row is the news that opened the conflict.
pub(super) fn begins(row: &HistoryRow, key: &RecordKey, conflict: Uuid) -> bool {
    let key = key.to_string();
    opens(row)
        && row.events.iter().any(|event| derived_id("conflict", &[&key, &event.to_string()]) == conflict)
}

/// What decisions made of a conflict, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    /// What is to be decided: fields by name, and `$exists`.
    open: BTreeSet<String>,
    has_begun: bool,
}

impl Life {
    /// Takes a decision; answers whether it moved the conflict to its next revision.
    pub(super) fn takes(&mut self, decision: &HistoryDecision) -> bool {
        let field = decision.field.as_str();
        match decision.rule.as_str() {
            "conflict_opened" | "delete_asked" => {
                self.has_begun = true;
                self.open.insert(field.to_string());
                true
            }
            "conflict_rebased" => {
                self.open.insert(field.to_string());
                true
            }
            "conflict_closed" => {
                self.open.remove(field);
                true
            }
            // One of a field that was in no conflict moves none.
            "overridden" => self.open.remove(field),
            "resolved" | "deleted_on_both" => {
                self.open.clear();
                false
            }
            _ => false,
        }
    }

    /// Whether it has begun, and nothing is left to decide.
    pub(super) fn is_over(&self) -> bool {
        self.has_begun && self.open.is_empty()
    }
}

/// The row that ended the conflict, among these, the newest first, of which the last began it.
pub(super) fn end(rows: &[HistoryRow]) -> Option<&HistoryRow> {
    let mut life = Life::default();
    rows.iter().rev().find(|row| {
        row.decisions.iter().for_each(|decision| {
            life.takes(decision);
        });
        life.is_over()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;
    use shared::domain::id::{AccountId, CanonicalId, RecordType, Timestamp, Version};

    fn row(version: u64, actor: &str, decisions: &[(&str, &str)]) -> HistoryRow {
        let decision = |(field, rule): &(&str, &str)| HistoryDecision {
            field: field.to_string(),
            rule: rule.to_string(),
            base: Json::Null,
            ours: Json::Null,
            from: Json::Null,
            to: Json::Null,
        };
        HistoryRow {
            version: Version(version),
            at: Timestamp(0),
            source: "suitex".into(),
            actor: Some(actor.into()),
            events: vec![Uuid::from_u128(version.into())],
            decisions: decisions.iter().map(decision).collect(),
        }
    }

    fn ended_by(oldest_first: &[HistoryRow]) -> Option<&str> {
        let rows: Vec<HistoryRow> = oldest_first.iter().rev().cloned().collect();
        let version = end(&rows)?.version;
        oldest_first.iter().find(|row| row.version == version)?.actor.as_deref()
    }

    #[test]
    fn who_ended_it_is_named_and_not_who_came_later() {
        let opened = || row(1, "ann", &[("comments", "conflict_opened"), ("price", "conflict_opened")]);
        let later = || row(9, "eve", &[("phone", "overridden"), ("comments", "overridden")]);
        let again = || row(8, "eve", &[("comments", "resolved")]);
        let resolved = row(2, "rita", &[("comments", "resolved"), ("price", "resolved")]);
        assert_eq!(ended_by(&[opened(), resolved, again(), later()]), Some("rita"));
        // Field by field, the last ends it.
        let [first, last] = [("price", "bob"), ("comments", "cy")]
            .map(|(field, who)| row(who.len() as u64, who, &[(field, "conflict_closed")]));
        assert_eq!(ended_by(&[opened(), first.clone(), last, later()]), Some("cy"));
        let overridden = row(7, "ada", &[("comments", "overridden")]);
        assert_eq!(ended_by(&[opened(), first.clone(), overridden]), Some("ada"));
        assert_eq!(
            ended_by(&[opened(), row(6, "ada", &[("phone", "overridden")]), first]),
            None,
            "it is open"
        );
        let gone = row(5, "bob", &[("$exists", "deleted_on_both")]);
        assert_eq!(ended_by(&[row(1, "ann", &[("$exists", "delete_asked")]), gone]), Some("bob"));
        assert_eq!(ended_by(&[]), None);
    }

    #[test]
    fn an_override_moves_a_conflict_only_where_it_was_open() {
        let mut life = Life::default();
        let rows = [
            row(1, "ann", &[("comments", "conflict_opened")]),
            row(2, "ada", &[("phone", "overridden")]),
            row(3, "bob", &[("comments", "conflict_rebased"), ("city", "clean")]),
            row(4, "ada", &[("comments", "overridden")]),
        ];
        let moved: Vec<bool> = rows.iter().flat_map(|row| &row.decisions).map(|d| life.takes(d)).collect();
        assert_eq!(moved, [true, false, true, false, true]);
        assert!(life.is_over());
    }

    #[test]
    fn the_row_that_opened_it_is_known_by_the_id() {
        let key = RecordKey::new(
            AccountId::parse("acme").unwrap(),
            RecordType::parse("customer").unwrap(),
            CanonicalId::parse("7").unwrap(),
        );
        let id = derived_id("conflict", &[&key.to_string(), &Uuid::from_u128(4).to_string()]);
        assert!(begins(&row(4, "ann", &[("comments", "conflict_opened")]), &key, id));
        assert!(!begins(&row(3, "ann", &[("comments", "conflict_opened")]), &key, id), "another one's");
        assert!(!begins(&row(4, "ann", &[("comments", "clean")]), &key, id));
    }
}
