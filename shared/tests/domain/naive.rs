//! A second three-way merge, written from the table of anchors §3.1 alone: maps of JSON, no revisions, no
//! shadows, no sent values. The real one must agree with it wherever the table speaks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

pub(crate) type Map = BTreeMap<String, Json>;

/// What a policy says of a field that both changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wins {
    Left,
    Right,
    /// A person must say; until then what was agreed stays.
    Nobody,
    /// What either side added, without what either side removed.
    Union,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Merged {
    pub(crate) values: Map,
    pub(crate) conflicts: BTreeSet<String>,
}

/// Merges two descendants of `base`; a missing key is null.
pub(crate) fn three_way(base: &Map, left: &Map, right: &Map, policy: impl Fn(&str) -> Wins) -> Merged {
    let get = |map: &Map, key: &str| map.get(key).cloned().unwrap_or(Json::Null);
    let keys: BTreeSet<&String> = base.keys().chain(left.keys()).chain(right.keys()).collect();
    let mut merged = Merged { values: Map::new(), conflicts: BTreeSet::new() };
    for key in keys {
        let (b, l, r) = (get(base, key), get(left, key), get(right, key));
        let value = match (l == b, r == b, l == r) {
            (true, true, _) => b,
            (false, true, _) => l,
            (true, false, _) => r,
            (false, false, true) => l,
            (false, false, false) => match policy(key) {
                Wins::Left => l,
                Wins::Union => union(&b, &l, &r),
                Wins::Right => r,
                Wins::Nobody => {
                    merged.conflicts.insert(key.clone());
                    r
                }
            },
        };
        merged.values.insert(key.clone(), value);
    }
    merged
}

fn union(base: &Json, left: &Json, right: &Json) -> Json {
    let items = |json: &Json| json.as_array().cloned().unwrap_or_default();
    let (base, left, right) = (items(base), items(left), items(right));
    let mut merged: Vec<Json> = Vec::new();
    for item in left.iter().chain(&right) {
        let (was, l, r) = (base.contains(item), left.contains(item), right.contains(item));
        let kept = if was { l && r } else { l || r };
        if kept && !merged.contains(item) {
            merged.push(item.clone());
        }
    }
    merged.sort_by_key(|item| item.to_string());
    if merged.is_empty() { Json::Null } else { Json::Array(merged) }
}

/// Lines by key and column; `None` where one side removed the line. Both changed one cell: `policy`.
pub(crate) fn lines(
    base: &BTreeMap<String, Vec<i64>>,
    left: &BTreeMap<String, Vec<i64>>,
    right: &BTreeMap<String, Vec<i64>>,
    left_wins: bool,
) -> BTreeMap<String, Vec<i64>> {
    let keys: BTreeSet<&String> = base.keys().chain(left.keys()).chain(right.keys()).collect();
    let choose = |l, r| if left_wins { l } else { r };
    let merge_row = |b: Option<&Vec<i64>>, l: &[i64], r: &[i64]| -> Vec<i64> {
        let cell = |i: usize| match b.map(|b| b[i]) {
            Some(b) if l[i] == b => r[i],
            Some(b) if r[i] == b => l[i],
            _ => choose(l[i], r[i]),
        };
        (0..l.len()).map(cell).collect()
    };
    let mut merged = BTreeMap::new();
    for key in keys {
        let (b, l, r) = (base.get(key), left.get(key), right.get(key));
        let row = match (b, l, r) {
            (b, Some(l), Some(r)) => Some(merge_row(b, l, r)),
            (Some(b), Some(kept), None) | (Some(b), None, Some(kept)) if kept == b => None,
            (None, Some(new), None) | (None, None, Some(new)) => Some(new.clone()),
            (Some(_), Some(changed), None) => left_wins.then(|| changed.clone()),
            (Some(_), None, Some(changed)) => (!left_wins).then(|| changed.clone()),
            (_, None, None) => None,
        };
        merged.extend(row.map(|row| (key.clone(), row)));
    }
    merged
}
