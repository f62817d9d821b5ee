//! One record's story, commit by commit: each line tells what the commit changed.

use std::collections::BTreeMap;

use shared::domain::id::{Side, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::Value;
use shared::state::Commit;

/// What `commit` makes of `before`, in words.
pub fn step(before: Option<&Record>, commit: &Commit, surface: &TypeSurface, at: Timestamp) -> Vec<String> {
    let Some(after) = &commit.record else { return Vec::new() };
    let known = before.map(|record| facts(record, surface)).unwrap_or_default();
    let mut lines = vec![format!("{} v{} row {}", at.0, after.version, after.row_revision + 1)];
    let decisions = commit.history.iter().flat_map(|row| row.decisions.iter().map(move |d| (row, d)));
    lines.extend(decisions.map(|(row, d)| {
        let (base, ours, from, to) = (&d.base, &d.ours, &d.from, &d.to);
        format!("  {} {}: {} {base}|{ours}|{from} -> {to}", row.source, d.field, d.rule)
    }));
    let holds = facts(after, surface);
    let new = holds.iter().filter(|(name, fact)| known.get(*name) != Some(*fact));
    lines.extend(new.map(|(name, fact)| format!("  {name} {fact}")));
    let gone = known.keys().filter(|name| !holds.contains_key(*name));
    lines.extend(gone.map(|name| format!("  {name} gone")));
    lines
}

fn facts(record: &Record, surface: &TypeSurface) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let name = |field: FieldIx| &*surface.fields[field].name;
    let some = |values: &[(FieldIx, Value)]| {
        values.iter().map(|(f, v)| format!("{}={v:?}", name(*f))).collect::<Vec<_>>().join(" ")
    };
    for (field, value) in record.canonical.iter().enumerate() {
        facts.insert(format!("agreed {}", name(field)), format!("{value:?}"));
    }
    facts.insert("alive".into(), record.alive.to_string());
    for lock in &record.locks {
        facts.insert(format!("lock {}", lock.error), lock.reason.clone());
    }
    if let Some(conflict) = &record.conflict {
        facts.insert("conflict".into(), format!("{conflict:?}"));
    }
    for side in Side::BOTH {
        let state = &record.sides[side];
        for (field, value) in state.shadow.iter().enumerate() {
            facts.insert(format!("{side} {}", name(field)), format!("{value:?}"));
        }
        let seen = format!("{:?} {:?} {:?}", state.presence, state.seen, state.field_seen);
        facts.insert(format!("{side} seen"), seen);
        facts.insert(format!("{side} wants read"), state.wants_read.to_string());
        facts.insert(format!("{side} due"), format!("{:?}", state.due));
        for sent in &state.sent {
            let key = format!("{side} sent {:.8} {}", sent.operation.to_string(), name(sent.field));
            facts.insert(key, format!("{:?} until {}", sent.value, sent.until.0));
        }
        if let Some(intent) = &state.intent {
            let (wanted, expected) = (some(&intent.wanted), some(&intent.expected));
            let what = format!(
                "{:.8} {:?} {wanted} where {expected} by {}",
                intent.operation.to_string(),
                intent.verb,
                intent.deadline.0
            );
            facts.insert(format!("{side} intent"), what);
        }
    }
    facts
}
