//! A conflict and its life: it opens, is rebased by every later edit, closes by itself when the sides agree,
//! or is resolved by a person who judged its current revision.

use uuid::Uuid;

use super::id::{PerSide, Side, Timestamp, Version};
use super::record::Span;
use super::surface::{FieldIx, Policy, Risk, TypeSurface};
use super::value::Value;

/// The open conflict of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// Its id.
    pub id: Uuid,
    /// Up by one with each rebase. A resolution counts only for the revision it was judged on.
    pub revision: u64,
    /// Since when.
    pub opened_at: Timestamp,
    /// By when a person should have decided it.
    pub due_at: Timestamp,
    /// Fields on which the sides disagree, by field.
    pub clashes: Vec<Clash>,
    /// One side deleted the record and nobody may decide alone what that means.
    pub deleted_by: Option<Side>,
}

/// One field on which the sides disagree.
#[derive(Debug, Clone, PartialEq)]
pub struct Clash {
    /// The field.
    pub field: FieldIx,
    /// What both sides held before.
    pub base: Value,
    /// What each side holds now.
    pub values: PerSide<Value>,
    /// When each side's value was made.
    pub edited: PerSide<Span>,
    /// The sides' lists were made apart: no line of one is a line of the other.
    pub made_apart: bool,
    /// What we would choose.
    pub suggested: Value,
    /// The field's policy.
    pub policy: Policy,
    /// The field's risk.
    pub risk: Risk,
}

impl Conflict {
    /// The clash on `field`.
    pub fn clash(&self, field: FieldIx) -> Option<&Clash> {
        self.clashes.iter().find(|c| c.field == field)
    }

    /// The clash on `field`, to change it.
    pub fn clash_mut(&mut self, field: FieldIx) -> Option<&mut Clash> {
        self.clashes.iter_mut().find(|c| c.field == field)
    }

    /// Whether it locks the whole record rather than its fields.
    pub fn locks_record(&self) -> bool {
        self.deleted_by.is_some() || self.clashes.iter().any(|c| c.risk == Risk::High)
    }

    /// Sets by when it should be decided: as the most urgent of its fields asks, counted from its beginning.
    pub fn set_due(&mut self, surface: &TypeSurface) {
        let of_record = self.deleted_by.map(|_| surface.sla_ms);
        let sla = self.clashes.iter().map(|c| surface.fields[c.field].sla_ms).chain(of_record).min();
        self.due_at = self.opened_at.plus(sla.unwrap_or(surface.sla_ms));
    }

    /// Whether nothing is left to decide.
    pub fn is_settled(&self) -> bool {
        self.clashes.is_empty() && self.deleted_by.is_none()
    }
}

/// A person's decision about a conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// The conflict.
    pub conflict: Uuid,
    /// The revision that the person saw.
    pub revision: u64,
    /// A decision for every clashing field.
    pub fields: Vec<(FieldIx, Choice)>,
    /// For a deletion: whether the record lives on.
    pub keep: Option<bool>,
}

/// What a person chose for one field.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// That side's value.
    Side(Side),
    /// What we suggested.
    Suggested,
    /// Another value.
    Edited(Value),
}

/// Values that an admin sets, whatever policy, direction or lock say.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// The version of the record that the person saw.
    pub version: Version,
    /// The values.
    pub fields: Vec<(FieldIx, Value)>,
    /// Whether locks of the whole record that errors have set are released.
    pub unlock: bool,
}
