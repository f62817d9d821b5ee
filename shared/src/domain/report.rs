//! What was decided and why: the one value that log, history and pages share.

use std::sync::Arc;

use super::id::Side;
use super::surface::{DeleteRule, FieldIx, Policy, TypeSurface};
use super::value::Value;

/// Why a field's canonical value is what it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Only this side had changed it.
    Clean,
    /// Both sides made the same change.
    Converged,
    /// Both changed it; lines or sets were put together without a contradiction.
    Combined,
    /// Both changed it; the policy chose.
    Policy(Policy),
    /// Both changed it; a person must choose. A conflict opened.
    Opened,
    /// The open conflict shows a newer value.
    Rebased,
    /// The sides agree again by themselves: the conflict on this field closed.
    Closed,
    /// A person chose.
    Resolved,
    /// An admin set it, whatever policy, direction or lock say.
    Overridden,
    /// The target's own form of what we wrote.
    TargetForm,
    /// The target took the write and kept the old value.
    NotPersisted,
    /// The field does not travel from this side; its value is put back.
    Direction,
    /// The record appeared.
    Created,
    /// The record was deleted; the rule of its type was applied.
    Deleted(DeleteRule),
    /// Both sides have deleted the record.
    DeletedOnBoth,
}

impl Rule {
    /// A short name, stable: it is stored in the history.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Clean => "clean",
            Rule::Converged => "converged",
            Rule::Combined => "combined",
            Rule::Policy(policy) => policy.as_str(),
            Rule::Opened => "conflict_opened",
            Rule::Rebased => "conflict_rebased",
            Rule::Closed => "conflict_closed",
            Rule::Resolved => "resolved",
            Rule::Overridden => "overridden",
            Rule::TargetForm => "target_form",
            Rule::NotPersisted => "not_persisted",
            Rule::Direction => "direction",
            Rule::Created => "created",
            Rule::Deleted(DeleteRule::Propagate) => "delete_propagated",
            Rule::Deleted(DeleteRule::Inactivate) => "delete_inactivated",
            Rule::Deleted(DeleteRule::Detach) => "delete_detached",
            Rule::Deleted(DeleteRule::Ask) => "delete_asked",
            Rule::DeletedOnBoth => "deleted_on_both",
        }
    }
}

/// One decision about one field, or about the record's existence.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The field; `None`: the record's existence.
    pub field: Option<FieldIx>,
    /// Why.
    pub rule: Rule,
    /// What the telling side held before.
    pub base: Value,
    /// What it holds now.
    pub ours: Value,
    /// What was agreed before.
    pub theirs: Value,
    /// What is agreed now.
    pub result: Value,
}

impl Decision {
    /// A decision about the record's existence, from `before` to `after`.
    pub fn existence(rule: Rule, before: bool, after: bool) -> Self {
        let (before, after) = (Value::Bool(before), Value::Bool(after));
        Self { field: None, rule, base: before.clone(), ours: after.clone(), theirs: before, result: after }
    }

    /// The field's canonical name; `$exists` for the record itself.
    pub fn field_name(&self, surface: &TypeSurface) -> Arc<str> {
        self.field.map_or_else(|| "$exists".into(), |f| surface.fields[f].name.clone())
    }
}

/// Everything that one piece of news, or one reply, led to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Who told.
    pub side: Option<Side>,
    /// What was decided, in the order of the fields.
    pub decisions: Vec<Decision>,
    /// Fields whose news was older than what we know.
    pub stale: u32,
    /// Fields whose news was our own write coming back.
    pub own: u32,
    /// Fields whose order the side's clock cannot tell; a read follows.
    pub unordered: u32,
    /// Whether the canonical state changed (and so the version).
    pub changed: bool,
    /// The side's id is retired: the record is gone there.
    pub retired: Option<super::id::SideId>,
    /// A resolution came for a conflict that is closed or has moved on, or an override for another version.
    pub outdated_resolution: bool,
    /// Fields that the target does not keep: an error for a person each.
    pub not_persisted: Vec<FieldIx>,
}

impl Report {
    /// An empty report of what `side` told.
    pub fn of(side: Option<Side>) -> Self {
        Self {
            side,
            decisions: Vec::new(),
            stale: 0,
            own: 0,
            unordered: 0,
            changed: false,
            retired: None,
            outdated_resolution: false,
            not_persisted: Vec::new(),
        }
    }

    /// Whether a conflict opened or moved.
    pub fn in_conflict(&self) -> bool {
        self.decisions
            .iter()
            .any(|d| matches!(d.rule, Rule::Opened | Rule::Rebased | Rule::Deleted(DeleteRule::Ask)))
    }
}
