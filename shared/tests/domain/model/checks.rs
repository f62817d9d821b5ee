//! What must hold: after every step, and when all is quiet.

use std::collections::BTreeSet;

use shared::domain::id::Side;
use shared::domain::record::{Presence, Record};
use shared::domain::report::{Report, Rule};
use shared::domain::surface::DeleteRule;
use shared::domain::value::{Kind, Lines, Value};

use super::Run;
use super::words::say;
use crate::fixture::show;
use crate::world::Quirk;

impl Run {
    pub(super) fn check(&mut self) {
        say!(self, "-- canonical {} (alive: {})", self.show_all(&self.record.canonical), self.record.alive);
        for side in Side::BOTH {
            let row = self.systems[side].row.as_ref();
            let held = row.map_or("nothing".into(), |row| self.show_all(&row.values));
            say!(self, "-- {side} {held}");
        }
        self.check_convergence();
        if self.setup.values.is_none() {
            self.check_edits();
        }
        let t = &self.tally;
        let bound = t.edits + t.resolutions + t.conflicts + 2 * t.existence + 5;
        if t.sync_writes > bound {
            self.problem(format!(
                "an echo loop: {} writes, at most {bound} expected",
                self.tally.sync_writes
            ));
        }
    }

    fn check_convergence(&mut self) {
        if self.record.conflict.is_some() {
            self.problem("a conflict is left");
        }
        for side in Side::BOTH {
            let state = self.record.sides[side].clone();
            if state.intent.is_some() || state.wants_read {
                self.problem(format!("{side} is left unsettled"));
            }
            if state.detached {
                continue;
            }
            let Some(row) = self.systems[side].row.clone() else {
                if self.record.alive {
                    self.problem(format!("{side} lacks a live record"));
                }
                continue;
            };
            if !self.record.alive {
                self.problem(format!("{side} holds a dead record"));
                continue;
            }
            for (field, held) in row.values.iter().enumerate() {
                let name = self.surface.fields[field].name.clone();
                let ignores = self.systems[side].quirks[field] == Quirk::Ignores;
                let other_ignores = self.systems[side.other()].quirks[field] == Quirk::Ignores;
                let locked = self.record.locks.iter().any(|l| l.field == Some(field));
                if locked && !ignores && !other_ignores {
                    self.problem(format!("{name} is locked for no reason"));
                }
                if locked {
                    continue;
                }
                if state.shadow[field] != *held {
                    self.problem(format!("{side}'s {name} is not known"));
                }
                let canonical = &self.record.canonical[field];
                let quirky = Side::BOTH.iter().any(|s| self.systems[*s].quirks[field] != Quirk::Exact);
                let same = if quirky { plainly(held) == plainly(canonical) } else { held == canonical };
                if !same {
                    self.problem(format!("{side}'s {name} diverged"));
                }
            }
        }
    }

    fn check_edits(&mut self) {
        if self.deleted.netsuite || self.deleted.suitex {
            return self.check_deletion();
        }
        for field in 0..self.surface.fields.len() {
            let last = |side: Side| self.edits[side][field].last();
            let made = Side::BOTH.map(last);
            if made.iter().all(Option::is_none) || self.record.is_field_locked(field) {
                continue;
            }
            let result = &self.record.canonical[field];
            let kept = made.iter().flatten().any(|v| plainly(v) == plainly(result));
            let count = |side: Side| self.edits[side][field].len();
            let of_field = self.resolved.iter().filter(|r| r.field == field);
            let judged = of_field.clone().any(|r| {
                plainly(&r.value) == plainly(result) && Side::BOTH.iter().all(|s| r.knew[*s] == count(*s))
            });
            if self.surface.units[self.surface.fields[field].unit].len() > 1 {
                continue; // see below
            }
            let name = self.surface.fields[field].name.clone();
            let lost = match &self.surface.fields[field].kind {
                Kind::MultiSelect => self.lost_tags(result),
                Kind::Lines(_) if of_field.count() > 0 => None,
                Kind::Lines(_) => self.lost_cells(result),
                _ => (!kept && !judged).then(|| "edit lost".to_string()),
            };
            if let Some(lost) = lost {
                self.problem(format!("{lost} in {name}"));
            }
        }
        if let Some(unit) = self.surface.units.iter().find(|u| u.len() > 1) {
            let pair: Vec<Value> = unit.iter().map(|&f| self.record.canonical[f].clone()).collect();
            let pairs = [&self.pairs.netsuite, &self.pairs.suitex, &self.chosen_pair];
            if !pairs.contains(&&Some(pair)) {
                self.problem("a group mixes the two sides");
            }
        }
    }

    fn lost_tags(&self, result: &Value) -> Option<String> {
        let none = BTreeSet::new();
        let held = if let Value::Set(held) = result { held } else { &none };
        let expected: BTreeSet<_> = self.tags.0.difference(&self.tags.1).cloned().collect();
        let lost = if self.tardy { !held.is_superset(&expected) } else { *held != expected };
        lost.then(|| format!("tags are {held:?} instead of {expected:?}"))
    }

    fn lost_cells(&self, result: &Value) -> Option<String> {
        let none = Lines::new();
        let held = if let Value::Lines(held) = result { held } else { &none };
        let lost = self.lines.added.difference(&self.lines.removed).find(|key| !held.contains_key(*key));
        if let Some(key) = lost {
            return Some(format!("line {key} lost"));
        }
        let cells = held.iter().flat_map(|(key, row)| row.iter().enumerate().map(move |(c, v)| (key, c, v)));
        // What a side did to a line before it removed it is its own affair.
        for (key, column, value) in cells.filter(|(key, ..)| !self.lines.removed.contains(*key)) {
            let last = self.lines.cells.get(&(key.clone(), column))?;
            if last.netsuite.as_ref() != Some(value) && last.suitex.as_ref() != Some(value) {
                return Some(format!("edit of line {key} column {column} lost"));
            }
        }
        None
    }

    fn check_deletion(&mut self) {
        if self.asked || self.alone {
            return; // a person decided, or there was nothing to decide
        }
        for side in Side::BOTH {
            let (state, both) = (&self.record.sides[side], self.deleted[side.other()]);
            if !self.deleted[side] || !self.known_deleted[side] || both {
                continue;
            }
            let honoured = match self.surface.delete[side] {
                DeleteRule::Propagate => !self.record.alive,
                DeleteRule::Inactivate => {
                    let inactive = self.surface.inactive.map(|f| &self.record.canonical[f]);
                    state.detached && self.record.alive && inactive == Some(&Value::Bool(true))
                }
                DeleteRule::Detach => state.detached && self.record.alive,
                DeleteRule::Ask => false,
            };
            if !honoured {
                self.problem(format!("the deletion on {side} was not honoured"));
            }
        }
    }
}

/// A text without what target forms change; anything else as it is.
fn plainly(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(text.trim().to_lowercase().into()),
        other => other.clone(),
    }
}

/// A report tells exactly what a step changed: the laws that hold for every step, whatever it is.
pub(crate) fn faithful(before: &Record, after: &Record, report: &Report) -> Result<(), String> {
    let expected = before.version.0 + u64::from(report.changed);
    if after.version.0 != expected {
        return Err(format!(
            "version {} after {}, changed: {}",
            after.version, before.version, report.changed
        ));
    }
    for field in 0..after.canonical.len() {
        let (from, to) = (&before.canonical[field], &after.canonical[field]);
        let of_field = report.decisions.iter().filter(|d| d.field == Some(field));
        let mut decisions = of_field.filter(|d| d.rule != Rule::NotPersisted);
        let first = decisions.next();
        let last = decisions.next_back().or(first);
        if from != to && (first.is_none_or(|d| d.theirs != *from) || !report.changed) {
            return Err(format!(
                "field {field} went from {} to {} and no report says so",
                show(from),
                show(to)
            ));
        }
        if last.is_some_and(|d| d.result != *to) {
            return Err(format!("field {field} is {} and the report says otherwise", show(to)));
        }
    }
    let mut existence = report.decisions.iter().filter(|d| d.field.is_none());
    let (first, alive) = (existence.next(), |v: &Value| *v == Value::Bool(true));
    let last = existence.next_back().or(first);
    let told = first.map(|d| alive(&d.theirs)).zip(last.map(|d| alive(&d.result)));
    if told.unwrap_or((before.alive, before.alive)) != (before.alive, after.alive) {
        return Err(format!("alive went {} → {} and the report says {told:?}", before.alive, after.alive));
    }
    Ok(())
}

/// A conflict shows what each side holds, or what was agreed and is still to be written there.
pub(super) fn shown(record: &Record) -> Result<(), String> {
    let about_fields = record.conflict.iter().filter(|c| c.deleted_by.is_none());
    for clash in about_fields.flat_map(|c| &c.clashes) {
        for side in Side::BOTH {
            let (state, value) = (&record.sides[side], &clash.values[side]);
            let true_value = *value == state.shadow[clash.field] || *value == record.canonical[clash.field];
            if state.presence == Presence::There && !true_value {
                let (value, held) = (show(value), show(&state.shadow[clash.field]));
                return Err(format!("the conflict shows {side} {value} where it holds {held}"));
            }
        }
    }
    Ok(())
}
