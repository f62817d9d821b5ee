//! What became of an edit: read off the record's history and its end. Pure.
//!
//! Every value that people give a field is one that the field never had before, so a decision that shows it
//! is a decision about that edit. The fate is the last thing that happened to it:
//!
//! ```text
//! unseen ─► disputed ─► a person chose        unseen, and its side wrote over it ─► overwritten
//!   │           │
//!   └───────────┴─► agreed ─► stands, or edited on top of ─► applied
//!                     └─────► another value was chosen ────► lost to the rule
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value as Json};

#[cfg(test)]
mod tests;

/// The name under which history tells of a record's existence.
pub(super) const EXISTS: &str = "$exists";

/// What an edit did to one field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// It holds this value, in SuiteX's form, references by canonical id.
    Value(Json),
    /// A set has this item.
    Added(String),
    /// A set lacks this item.
    Removed(String),
    /// A list has this line.
    LineAdded(String),
    /// A list lacks this line.
    LineRemoved(String),
    /// A line holds this in a column.
    Cell {
        /// Key of the line.
        line: String,
        /// Column, by its name in SuiteX.
        column: String,
        /// What it holds.
        value: Json,
    },
    /// The record is there.
    Created,
    /// The record is gone.
    Deleted,
}

impl Change {
    /// Whether a field that holds `value` shows the change.
    pub(super) fn shows(&self, value: &Json) -> bool {
        match self {
            Change::Value(wanted) => wanted == value,
            Change::Added(item) => has(value, item),
            Change::Removed(item) => !has(value, item),
            Change::LineAdded(key) => line(value, key).is_some(),
            Change::LineRemoved(key) => line(value, key).is_none(),
            Change::Cell { line: key, column, value: wanted } => {
                line(value, key).is_some_and(|line| line.get(column) == Some(wanted))
            }
            Change::Created => *value == Json::Bool(true),
            Change::Deleted => *value == Json::Bool(false),
        }
    }
}

fn items(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn has(set: &Json, item: &str) -> bool {
    items(set).iter().any(|have| have == item)
}

fn line<'a>(lines: &'a Json, key: &str) -> Option<&'a Map<String, Json>> {
    items(lines)
        .iter()
        .filter_map(Json::as_object)
        .find(|line| line.get("line_key").is_some_and(|k| k == key))
}

/// One decision of a record's history.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Decision {
    /// Canonical field name, or [`EXISTS`].
    pub(super) field: String,
    /// Why.
    pub(super) rule: String,
    /// What the telling side held before.
    pub(super) base: Json,
    /// What it holds now.
    pub(super) ours: Json,
    /// What was agreed before.
    pub(super) from: Json,
    /// What is agreed now.
    pub(super) to: Json,
}

/// A record when all is over.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    /// Whether the record exists, as agreed.
    pub(super) alive: bool,
    /// Canonical field → agreed value.
    pub(super) agreed: Map<String, Json>,
    /// Fields on which a person must still decide; [`EXISTS`] for the record itself.
    pub(super) disputed: BTreeSet<String>,
    /// Whether an open error names the record.
    pub(super) in_error: bool,
}

/// What the same side did to the field later, as far as it tells that the edit was overwritten there.
#[derive(Debug, Clone, Copy)]
pub(super) enum Later<'a> {
    /// It wrote this value.
    Wrote(&'a Json),
    /// It deleted the record.
    Deleted,
}

/// What became of an edit of one field. The order is that of how little is left of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It became the agreed value and is still.
    Stands,
    /// It became the agreed value, and somebody who saw it edited on top of it.
    EditedOn,
    /// Its own side wrote over it before anybody else knew of it.
    Overwritten,
    /// Both sides had changed the field, and this rule chose the other value.
    Lost(String),
    /// Both sides had changed the field, and a person chose.
    Resolved,
    /// The record was deleted.
    Withdrawn,
    /// An open conflict or error holds it.
    Waits,
    /// Nothing explains where it is.
    Lacking(&'static str),
}

/// Where an edit is while its history is read.
enum At {
    Unseen,
    Disputed,
    Agreed,
    Done(Fate),
}

/// Reads the fate of `change` off all decisions about its field, oldest first.
pub(super) fn of(
    change: &Change,
    decisions: &[&Decision],
    later: &[Later<'_>],
    end: &End,
    field: &str,
) -> Fate {
    if *change == Change::Deleted {
        return of_deletion(decisions, end);
    }
    let at = decisions.iter().fold(At::Unseen, |at, decision| step(change, at, decision));
    let disputed = end.disputed.contains(field) || end.disputed.contains(EXISTS);
    let value = match field {
        EXISTS => &Json::Bool(end.alive),
        field => end.agreed.get(field).unwrap_or(&Json::Null),
    };
    match at {
        At::Done(fate) => fate,
        At::Agreed | At::Disputed if disputed => Fate::Waits,
        At::Agreed | At::Disputed if !end.alive => Fate::Withdrawn,
        At::Agreed if change.shows(value) => Fate::Stands,
        At::Agreed => Fate::Lacking("its history says that it stands, the record holds another value"),
        At::Disputed => Fate::Lacking("it was in a conflict that is over, and nobody decided"),
        At::Unseen => unseen(change, later, end, value),
    }
}

fn unseen(change: &Change, later: &[Later<'_>], end: &End, value: &Json) -> Fate {
    let overwritten = later.iter().find_map(|later| match later {
        Later::Wrote(value) => (!change.shows(value)).then_some(Fate::Overwritten),
        Later::Deleted => Some(Fate::Withdrawn),
    });
    match overwritten {
        Some(fate) => fate,
        // What was taken away before anybody knew of it needs no telling.
        None if end.alive && change.shows(value) => Fate::Stands,
        None if end.in_error => Fate::Waits,
        None if !end.alive => Fate::Lacking("the record was deleted, and nobody had seen it"),
        None => Fate::Lacking("nobody has seen it, and its side has not changed the field since"),
    }
}

fn step(change: &Change, at: At, decision: &Decision) -> At {
    let shows = |value: &Json| change.shows(value);
    let by_person = decision.rule == "resolved";
    match at {
        At::Unseen if shows(&decision.ours) && !shows(&decision.base) => match decision.rule.as_str() {
            "conflict_opened" | "conflict_rebased" => At::Disputed,
            _ if shows(&decision.to) => At::Agreed,
            rule => At::Done(Fate::Lost(rule.to_string())),
        },
        At::Disputed if by_person => At::Done(Fate::Resolved),
        At::Disputed if shows(&decision.base) && !shows(&decision.ours) => At::Done(Fate::Overwritten),
        At::Disputed if shows(&decision.to) => At::Agreed,
        At::Agreed if by_person && shows(&decision.from) => At::Done(Fate::Resolved),
        At::Agreed if shows(&decision.from) && !shows(&decision.to) => {
            // Who changed it had seen it, or the sides came to agree on something else by themselves.
            let knowingly = shows(&decision.base) || decision.rule == "conflict_closed";
            At::Done(if knowingly { Fate::EditedOn } else { Fate::Lost(decision.rule.clone()) })
        }
        at => at,
    }
}

fn of_deletion(decisions: &[&Decision], end: &End) -> Fate {
    let told = |rules: &[&str]| decisions.iter().any(|decision| rules.contains(&decision.rule.as_str()));
    if end.disputed.contains(EXISTS) {
        Fate::Waits
    } else if told(&["resolved"]) {
        Fate::Resolved
    } else if told(&["delete_propagated", "delete_inactivated", "delete_detached", "deleted_on_both"])
        || !end.alive
    {
        Fate::Stands
    } else if end.in_error {
        Fate::Waits
    } else {
        Fate::Lacking("the record lives on, and nobody decided that")
    }
}

impl Fate {
    /// The fate in words, for the report.
    pub(super) fn words(&self) -> String {
        match self {
            Fate::Stands => "applied, and stands".into(),
            Fate::EditedOn => "applied, then edited on".into(),
            Fate::Overwritten => "superseded on its own side".into(),
            Fate::Lost(rule) => format!("lost to {rule}"),
            Fate::Resolved => "resolved by a person".into(),
            Fate::Withdrawn => "withdrawn with the record".into(),
            Fate::Waits => "waiting for a person".into(),
            Fate::Lacking(_) => "unaccounted".into(),
        }
    }
}

/// How many edits, and how many of their values, had each fate.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Edits by fate; one of several values counts under that of which least is left.
    pub(super) edits: BTreeMap<Fate, u64>,
    /// Values by fate.
    pub(super) values: BTreeMap<Fate, u64>,
}

impl Accounts {
    /// Enters an edit.
    pub(super) fn enter(&mut self, fates: &[Fate]) {
        if let Some(worst) = fates.iter().max() {
            *self.edits.entry(worst.clone()).or_default() += 1;
        }
        for fate in fates {
            *self.values.entry(fate.clone()).or_default() += 1;
        }
    }
}
