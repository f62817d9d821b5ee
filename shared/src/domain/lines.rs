//! Three-way merge of keyed lines and of sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::value::{Lines, Value};

/// The result of merging two lists of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The merged value; where both changed the same cell, the preferred side's.
    pub value: Value,
    /// Line and column of every cell that both changed to different values; column `None`: one side removed
    /// the line that the other changed.
    pub clashes: Vec<(Arc<str>, Option<usize>)>,
}

fn as_lines(value: &Value) -> Option<&Lines> {
    match value {
        Value::Lines(lines) => Some(lines),
        _ => None,
    }
}

/// Merges per line and column. Where both sides changed one cell, ours is taken if `prefer_ours`.
pub fn merge_lines(base: &Value, ours: &Value, theirs: &Value, prefer_ours: bool) -> Merged {
    let none = Lines::new();
    let [base, ours, theirs] = [base, ours, theirs].map(|v| as_lines(v).unwrap_or(&none));
    let keys: BTreeSet<&Arc<str>> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
    let mut merged = Lines::new();
    let mut clashes = Vec::new();
    for key in keys {
        let (b, o, t) = (base.get(key), ours.get(key), theirs.get(key));
        let row = if o == b || o == t {
            t.cloned()
        } else if t == b {
            o.cloned()
        } else {
            match (o, t) {
                (Some(o), Some(t)) => Some(merge_row(key, b, o, t, prefer_ours, &mut clashes)),
                // One removed the line, the other changed it.
                _ => {
                    clashes.push((key.clone(), None));
                    if prefer_ours { o.cloned() } else { t.cloned() }
                }
            }
        };
        if let Some(row) = row {
            merged.insert(key.clone(), row);
        }
    }
    Merged { value: if merged.is_empty() { Value::Null } else { Value::Lines(Arc::new(merged)) }, clashes }
}

fn merge_row(
    key: &Arc<str>,
    base: Option<&Vec<Value>>,
    ours: &[Value],
    theirs: &[Value],
    prefer_ours: bool,
    clashes: &mut Vec<(Arc<str>, Option<usize>)>,
) -> Vec<Value> {
    let cell = |column: usize| {
        let b = base.and_then(|b| b.get(column)).unwrap_or(&Value::Null);
        (b, &ours[column], &theirs[column])
    };
    (0..ours.len().min(theirs.len()))
        .map(|column| match cell(column) {
            (b, o, t) if o == b || o == t => t.clone(),
            (b, o, t) if t == b => o.clone(),
            (_, o, t) => {
                clashes.push((key.clone(), Some(column)));
                if prefer_ours { o.clone() } else { t.clone() }
            }
        })
        .collect()
}

/// What either side added, without what either side removed.
pub fn merge_sets(base: &Value, ours: &Value, theirs: &Value) -> Value {
    let none = BTreeSet::new();
    let set = |value| match value {
        Value::Set(set) => set.as_ref().clone(),
        _ => none.clone(),
    };
    let (base, ours, theirs) = (set(base.clone()), set(ours.clone()), set(theirs.clone()));
    let merged: BTreeSet<Arc<str>> = ours
        .union(&theirs)
        .filter(|item| !base.contains(*item) || (ours.contains(*item) && theirs.contains(*item)))
        .cloned()
        .collect();
    if merged.is_empty() { Value::Null } else { Value::Set(Arc::new(merged)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rows: &[(&str, i64, i64)]) -> Value {
        let lines: Lines = rows
            .iter()
            .map(|(k, a, b)| ((*k).into(), vec![Value::Integer(*a), Value::Integer(*b)]))
            .collect();
        if lines.is_empty() { Value::Null } else { Value::Lines(Arc::new(lines)) }
    }

    fn set(items: &[&str]) -> Value {
        let set: BTreeSet<Arc<str>> = items.iter().map(|i| (*i).into()).collect();
        if set.is_empty() { Value::Null } else { Value::Set(Arc::new(set)) }
    }

    #[test]
    fn edits_of_different_cells_lines_and_lists_do_not_clash() {
        let base = lines(&[("a", 1, 1), ("b", 2, 2), ("c", 3, 3)]);
        let ours = lines(&[("a", 9, 1), ("b", 2, 2), ("d", 4, 4)]); // a.0 changed, c removed, d added
        let theirs = lines(&[("a", 1, 8), ("b", 7, 2), ("c", 3, 3), ("e", 5, 5)]);
        let expected = lines(&[("a", 9, 8), ("b", 7, 2), ("d", 4, 4), ("e", 5, 5)]);
        for prefer_ours in [true, false] {
            assert_eq!(
                merge_lines(&base, &ours, &theirs, prefer_ours),
                Merged { value: expected.clone(), clashes: vec![] }
            );
            assert_eq!(merge_lines(&base, &theirs, &ours, prefer_ours).value, expected);
        }
    }

    #[test]
    fn one_cell_changed_by_both_clashes_and_takes_the_preferred_one() {
        let base = lines(&[("a", 1, 1)]);
        let (ours, theirs) = (lines(&[("a", 2, 1)]), lines(&[("a", 3, 5)]));
        let merged = merge_lines(&base, &ours, &theirs, true);
        assert_eq!((merged.value, merged.clashes), (lines(&[("a", 2, 5)]), vec![("a".into(), Some(0))]));
        assert_eq!(merge_lines(&base, &ours, &theirs, false).value, lines(&[("a", 3, 5)]));
    }

    #[test]
    fn a_line_removed_here_and_changed_there_clashes() {
        let base = lines(&[("a", 1, 1)]);
        let merged = merge_lines(&base, &Value::Null, &lines(&[("a", 2, 1)]), true);
        assert_eq!((merged.value, merged.clashes), (Value::Null, vec![("a".into(), None)]));
    }

    #[test]
    fn sets_keep_what_was_added_and_drop_what_was_removed() {
        let base = set(&["a", "b"]);
        assert_eq!(merge_sets(&base, &set(&["a", "b", "c"]), &set(&["b", "d"])), set(&["b", "c", "d"]));
        assert_eq!(merge_sets(&base, &set(&[]), &set(&["a", "b"])), Value::Null);
    }
}
