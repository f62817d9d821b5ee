//! Whether a record is one that the other side has already: match keys, and what follows from what they find.
//!
//! A key is some fields that together name a record (`match` in `sync.toml`); a type may have several. Before a record
//! is created on a side, that side is asked for records with one of its keys. Nothing here asks, and nothing here
//! decides whose a record is that was found.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::id::{RecordKey, Revision, Side, SideId, Timestamp, derived_id};
use super::plan::{Plan, plan};
use super::record::{Due, DueReason, Presence, Record};
use super::settle::{Reply, Seen, settle};
use super::surface::{FieldIx, TypeSurface};
use super::value::{Kind, Value};

/// Most records that a side tells of when it is asked for those with some keys.
pub const CANDIDATES_MAX: usize = 10;

/// What a create is to find nothing of: else it creates nothing, and tells what it found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Unless {
    /// Keys, in the target's names and ids: of each, all values together.
    pub keys: Vec<Map<String, Json>>,
    /// Records that are known to be others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<SideId>,
}

impl Unless {
    /// Whether a record of this id that `side` shows so has one of the keys.
    pub fn finds(&self, id: &str, values: &Map<String, Json>, side: Side, surface: &TypeSurface) -> bool {
        let holds = |(name, wanted): (&String, &Json)| {
            let kind = &surface.fields[surface.field_on(side, name)?].kind;
            let name_of = |json: &Json| kind.parse(side, json).ok().and_then(|value| folded(kind, &value));
            Some(name_of(wanted)? == name_of(values.get(name)?)?)
        };
        let has = |key: &Map<String, Json>| !key.is_empty() && key.iter().all(|one| holds(one) == Some(true));
        !self.except.iter().any(|other| other.as_str() == id) && self.keys.iter().any(has)
    }
}

/// A value as keys compare it: text without the blanks around it, in one case. `None`: it names nothing.
fn folded(kind: &Kind, value: &Value) -> Option<String> {
    match (kind, value) {
        (Kind::Text { .. }, Value::Text(text)) => Some(text.trim().to_lowercase()).filter(|t| !t.is_empty()),
        (_, Value::Text(id)) => Some(id.to_string()),
        (_, Value::Integer(n)) => Some(n.to_string()),
        _ => None,
    }
}

/// The keys of a type of which these values fill every field: their fields with their values.
pub fn filled_keys(surface: &TypeSurface, values: &[Value]) -> Vec<Vec<(FieldIx, Value)>> {
    let of_key = |key: &Vec<FieldIx>| {
        let one = |&f: &FieldIx| folded(&surface.fields[f].kind, &values[f]).map(|_| (f, values[f].clone()));
        key.iter().map(one).collect::<Option<Vec<_>>>()
    };
    surface.match_keys.iter().filter_map(of_key).collect()
}

/// What each key of a type says of these values; `None` where one of its fields is empty.
pub fn key_texts(surface: &TypeSurface, values: &[Value]) -> Vec<Option<String>> {
    let one = |&f: &FieldIx| folded(&surface.fields[f].kind, &values[f]);
    let of_key = |key: &Vec<FieldIx>| Some(key.iter().map(one).collect::<Option<Vec<_>>>()?.join("\u{1f}"));
    surface.match_keys.iter().map(of_key).collect()
}

/// Names of the fields of each key in which a record that was found is like ours: why it was found.
pub fn shared_keys(surface: &TypeSurface, ours: &[Value], found: &[(FieldIx, Value)]) -> Vec<Vec<String>> {
    let is_same = |f: &FieldIx| {
        let kind = &surface.fields[*f].kind;
        let theirs = found.iter().find(|(of, _)| of == f).and_then(|(_, value)| folded(kind, value));
        theirs.is_some() && theirs == folded(kind, &ours[*f])
    };
    let names = |key: &Vec<FieldIx>| key.iter().map(|f| surface.fields[*f].name.to_string()).collect();
    surface.match_keys.iter().filter(|key| key.iter().all(is_same)).map(names).collect()
}

/// Whether one of these fields is part of a key.
pub fn changes_keys(surface: &TypeSurface, changed: &[FieldIx]) -> bool {
    surface.match_keys.iter().flatten().any(|field| changed.contains(field))
}

/// A record that a side found, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The side's id.
    pub id: SideId,
    /// Whether it has a counterpart: then it is another record.
    pub is_taken: bool,
}

/// What follows from what was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// None of them is it.
    None,
    /// Some are not, and as many were shown as are: there may be more.
    Others,
    /// It is this one.
    One(SideId),
    /// A person must tell.
    Several,
}

/// Judges what was found. `declined`: what a person said it is not. Who has spoken once about a record is asked again
/// about whatever comes later, for the rule alone would not have led there.
pub fn judge(found: &[Found], declined: &[SideId]) -> Match {
    let is_free = |f: &&Found| !f.is_taken && !declined.contains(&f.id);
    let mut free = found.iter().filter(is_free);
    match (free.next(), free.next()) {
        (Some(_), _) if found.len() >= CANDIDATES_MAX && !found.iter().all(|f| is_free(&f)) => Match::Others,
        (None, _) => Match::None,
        (Some(one), None) if declined.is_empty() => Match::One(one.id.clone()),
        _ => Match::Several,
    }
}

/// The record has `side`'s record `id` from now on, of whose values nothing is known: a look tells them. There is no
/// base, so what both hold and differ in is decided like any change on both sides.
pub fn link(record: &mut Record, side: Side, id: SideId, now: Timestamp) {
    let state = &mut record.sides[side];
    state.id = Some(id);
    (state.presence, state.seen, state.wants_read) = (Presence::There, None, true);
    state.made_apart = true;
    state.field_seen.clear();
    state.shadow.fill(Value::Null);
    state.due = Some(Due { at: now, reason: DueReason::Unsettled, attempts: 0 });
}

/// The id of the question which of `side`'s records this one is: it locks the record.
pub fn question_id(key: &RecordKey, side: Side) -> Uuid {
    derived_id("ambiguous", &[&key.to_string(), side.as_str()])
}

/// The side about which the record waits for a person to tell which of that side's records it is.
pub fn asked_about(record: &Record) -> Option<Side> {
    let asks = |side: &Side| {
        let id = question_id(&record.key, *side);
        record.locks.iter().any(|lock| lock.error == id)
    };
    Side::BOTH.into_iter().find(asks)
}

/// Whether nothing is to be created on `side` any more, so that nobody need tell.
pub fn is_over(record: &Record, side: Side) -> bool {
    let state = &record.sides[side];
    !record.alive || state.presence == Presence::There || state.detached
}

/// What linking would make of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The field.
    pub field: FieldIx,
    /// What the record holds.
    pub ours: Value,
    /// What the record that was found holds.
    pub theirs: Value,
    /// What would be agreed.
    pub result: Value,
    /// A person would have to decide.
    pub conflict: bool,
    /// Where it would be written.
    pub written_to: Vec<Side>,
}

/// What linking the record to `id` of `side` would change, field by field, by the same rules that would decide it.
pub fn preview(
    record: &Record,
    side: Side,
    (id, revision, values): (SideId, Revision, Vec<(FieldIx, Value)>),
    now: Timestamp,
    surface: &TypeSurface,
) -> Vec<Preview> {
    let mut after = record.clone();
    after.locks.retain(|lock| lock.error != question_id(&record.key, side));
    link(&mut after, side, id.clone(), now);
    let seen = Seen { id, revision, values, complete: true };
    settle(&mut after, side, Reply::Looked { seen, held: Vec::new() }, now, surface);
    let writes = Side::BOTH.map(|to| match plan(&after, to, surface, now, &|_, _| true) {
        Plan::Write(write) => (to, write.wanted),
        _ => (to, Vec::new()),
    });
    let of_field = |field: FieldIx| Preview {
        field,
        ours: record.canonical[field].clone(),
        theirs: after.sides[side].shadow[field].clone(),
        result: after.canonical[field].clone(),
        conflict: after.conflict.as_ref().is_some_and(|c| c.clash(field).is_some()),
        written_to: writes
            .iter()
            .filter(|(_, wanted)| wanted.iter().any(|(f, _)| *f == field))
            .map(|(to, _)| *to)
            .collect(),
    };
    (0..surface.fields.len()).map(of_field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, is_taken: bool) -> Found {
        Found { id: SideId::parse(id).unwrap(), is_taken }
    }

    /// Ten, of which the first are taken.
    fn ten(taken: u32) -> Vec<Found> {
        (0..10).map(|n| found(&(10 + n).to_string(), n < taken)).collect()
    }

    #[test]
    fn what_is_found_is_it_when_it_is_free_and_alone() {
        let (free, taken) = (found("1", false), found("2", true));
        let id = |n: &str| SideId::parse(n).unwrap();
        for (found, declined, expected) in [
            (vec![], vec![], Match::None),
            (vec![taken.clone()], vec![], Match::None),
            (vec![free.clone()], vec![], Match::One(id("1"))),
            (vec![taken.clone(), free.clone()], vec![], Match::One(id("1"))),
            (vec![free.clone(), found("3", false)], vec![], Match::Several),
            (vec![free.clone()], vec![id("1")], Match::None),
            (vec![free.clone(), found("3", false)], vec![id("1"), id("3")], Match::None),
            // It came after the person had spoken.
            (vec![free.clone(), found("3", false)], vec![id("1")], Match::Several),
            // As many as are shown at most: one that is free may be hidden behind those that are not.
            (ten(9), vec![], Match::Others),
            (ten(8), vec![], Match::Others),
            (ten(10), vec![], Match::None),
            (ten(0), vec![], Match::Several),
            (ten(0), vec![id("19")], Match::Others),
            (ten(9)[1..].to_vec(), vec![], Match::One(id("19"))),
            (vec![found("3", false)], vec![id("1")], Match::Several),
        ] {
            assert_eq!(judge(&found, &declined), expected, "{found:?} {declined:?}");
        }
    }
}
