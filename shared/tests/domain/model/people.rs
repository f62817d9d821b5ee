//! What people do to a record: they edit it, delete it, and decide its conflicts.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::domain::absorb::absorb_resolution;
use shared::domain::conflict::{Choice, Resolution};
use shared::domain::id::{PerSide, Side};
use shared::domain::news::{Fact, News};
use shared::domain::surface::FieldIx;
use shared::domain::value::{Kind, Lines, Value};

use super::words::say;
use super::{Resolved, Run};
use crate::fixture::int;

impl Run {
    fn fresh_int(&mut self) -> Value {
        self.next_value += 1;
        int(self.setup.values.map_or(self.next_value, |few| self.rng.i64(0..few)))
    }

    fn fresh_key(&mut self) -> Arc<str> {
        self.next_value += 1;
        format!("k{}", self.next_value).into()
    }

    /// A new value of one field, made from what the side holds.
    fn fresh(&mut self, side: Side, field: FieldIx, held: &Value) -> Value {
        match &self.surface.fields[field].kind {
            Kind::Integer => self.fresh_int(),
            Kind::Text { .. } => {
                self.next_value += 1;
                let text = format!("v{} Ab", self.next_value);
                let text = [text.clone(), format!(" {text}"), text.to_lowercase(), text.to_uppercase()]
                    [self.rng.usize(..4)]
                .clone();
                Value::Text(text.into())
            }
            Kind::MultiSelect => self.fresh_tags(held),
            Kind::Lines(_) => self.fresh_lines(side, held),
            _ => held.clone(),
        }
    }

    fn fresh_tags(&mut self, held: &Value) -> Value {
        let mut tags = match held {
            Value::Set(tags) => tags.as_ref().clone(),
            _ => BTreeSet::new(),
        };
        let one = tags.iter().nth(self.rng.usize(..tags.len().max(1))).cloned();
        // Something new each time: a set that returns to what it was cannot be told from our own write.
        if let Some(one) = one.filter(|_| self.rng.bool()) {
            tags.remove(&one);
            self.tags.1.insert(one);
        }
        let one = self.fresh_key();
        tags.insert(one.clone());
        self.tags.0.insert(one);
        if tags.is_empty() { Value::Null } else { Value::Set(Arc::new(tags)) }
    }

    fn fresh_lines(&mut self, side: Side, held: &Value) -> Value {
        let mut lines = match held {
            Value::Lines(lines) => lines.as_ref().clone(),
            _ => Lines::new(),
        };
        let one = lines.keys().nth(self.rng.usize(..lines.len().max(1))).cloned();
        match one {
            Some(one) if self.rng.f64() < 0.7 => {
                let (column, value) = (self.rng.usize(..2), self.fresh_int());
                lines.get_mut(&one).expect("it is there")[column] = value.clone();
                self.lines.cells.entry((one, column)).or_default()[side] = Some(value);
            }
            one => {
                if let Some(one) = one.filter(|_| self.rng.bool()) {
                    lines.remove(&one);
                    self.lines.removed.insert(one);
                }
                let (one, row) = (self.fresh_key(), vec![self.fresh_int(), self.fresh_int()]);
                for (column, value) in row.iter().enumerate() {
                    self.lines.cells.entry((one.clone(), column)).or_default()[side] = Some(value.clone());
                }
                lines.insert(one.clone(), row);
                self.lines.added.insert(one);
            }
        }
        if lines.is_empty() { Value::Null } else { Value::Lines(Arc::new(lines)) }
    }

    pub(super) fn fresh_values(&mut self, side: Side) -> Vec<Value> {
        (0..self.surface.fields.len()).map(|f| self.fresh(side, f, &Value::Null)).collect()
    }

    pub(super) fn note_pair(&mut self, side: Side) {
        if let Some(unit) = self.surface.units.iter().find(|u| u.len() > 1) {
            let row = self.systems[side].row.as_ref().expect("only what is there is noted");
            self.pairs[side] = Some(unit.iter().map(|&f| row.values[f].clone()).collect());
        }
    }

    pub(super) fn user_edit(&mut self, side: Side) {
        let Some(row) = self.systems[side].row.clone() else { return };
        let editable: Vec<FieldIx> = (0..self.surface.fields.len())
            .filter(|&f| self.surface.fields[f].kind != Kind::Boolean)
            .collect();
        let first = editable[self.rng.usize(..editable.len())];
        let mut chosen = BTreeSet::from([first]);
        if self.rng.bool() {
            chosen.insert(editable[self.rng.usize(..editable.len())]);
        }
        let changes = chosen.into_iter().map(|f| (f, self.fresh(side, f, &row.values[f]))).collect();
        let (kept, revision) = self.systems[side].edit(self.now, changes);
        for (field, value) in &kept {
            self.edits[side][*field].push(value.clone());
            self.tally.edits += 1;
        }
        self.note_pair(side);
        // The outbox never loses; a User Event may.
        let heard = side == Side::SuiteX || !self.chance(0.3);
        say!(
            self,
            "{side} user edits {} (rev {}){}",
            self.show_some(&kept),
            revision.0,
            if heard { "" } else { ", and nobody tells" }
        );
        if heard {
            let news = self.news(side, Fact::Holds { values: kept, full: false }, revision);
            self.bus[side].push(news);
        }
    }

    pub(super) fn user_delete(&mut self, side: Side) {
        if self.systems[side].row.is_none() {
            return;
        }
        let (id, revision) = self.systems[side].delete(self.now);
        self.deleted[side] = true;
        self.tally.existence += 1;
        say!(self, "{side} user deletes {id} (rev {})", revision.0);
        if side == Side::SuiteX || !self.chance(0.3) {
            let news = News { id, ..self.news(side, Fact::Deleted, revision) };
            self.bus[side].push(news);
        }
    }

    /// Looks at the open conflict, thinks, and decides.
    pub(super) fn resolve(&mut self) {
        let Some(conflict) = self.record.conflict.clone() else { return };
        let knew = |field: FieldIx| PerSide {
            netsuite: self.edits.netsuite[field].len(),
            suitex: self.edits.suitex[field].len(),
        };
        let looked: Vec<_> = conflict.clashes.iter().map(|c| (c.field, knew(c.field))).collect();
        self.meanwhile();
        let of_group = [Side::NetSuite, Side::SuiteX][self.rng.usize(..2)];
        let mut choices = Vec::new();
        for clash in &conflict.clashes {
            let grouped = self.surface.units[self.surface.fields[clash.field].unit].len() > 1;
            let choice = match self.rng.usize(..10) {
                _ if grouped => Choice::Side(of_group),
                0..4 => Choice::Side(Side::NetSuite),
                4..8 => Choice::Side(Side::SuiteX),
                8 => Choice::Suggested,
                _ if self.surface.fields[clash.field].kind == Kind::Integer => {
                    Choice::Edited(self.fresh_int())
                }
                _ => Choice::Suggested,
            };
            choices.push((clash.field, choice));
        }
        let keep = conflict.deleted_by.map(|_| self.rng.bool());
        let resolution =
            Resolution { conflict: conflict.id, revision: conflict.revision, fields: choices, keep };
        let at = self.now;
        let report = self.commit(|record, _| absorb_resolution(record, &resolution, at));
        if report.outdated_resolution {
            say!(self, "a resolution comes too late");
            return;
        }
        say!(self, "resolved: {}", self.show_report(&report));
        self.tally.resolutions += 1.max(conflict.clashes.len());
        for (field, knew) in looked {
            let decided = report.decisions.iter().find(|d| d.field == Some(field));
            let Some(value) = decided.map(|d| d.result.clone()) else { continue };
            self.resolved.push(Resolved { field, value, knew });
        }
        if let Some(unit) = self.surface.units.iter().find(|u| u.len() > 1) {
            self.chosen_pair = Some(unit.iter().map(|&f| self.record.canonical[f].clone()).collect());
        }
        if keep.is_some() {
            self.tally.existence += 1;
            self.known_deleted = PerSide::default();
        }
    }
}
