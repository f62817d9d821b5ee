//! An admin sets values, whatever policy, direction or lock say.

use super::super::conflict::{Conflict, Override};
use super::super::id::Timestamp;
use super::super::record::{Origin, Record, Span};
use super::super::report::{Decision, Report, Rule};
use super::super::surface::TypeSurface;
use super::set;

/// Takes in values that an admin sets. Counts only for the version that the person saw, of a record that lives. A
/// field that is in conflict is thereby decided; what locked the field alone is released, and what locked the record
/// only if the person says so.
pub fn absorb_override(
    record: &mut Record,
    overriding: &Override,
    at: Timestamp,
    surface: &TypeSurface,
) -> Report {
    let mut report = Report::of(None);
    if record.version != overriding.version || !record.alive {
        report.outdated_resolution = true;
        return report;
    }
    let origin = Origin { side: None, span: Span::at(at) };
    for (field, value) in &overriding.fields {
        if let Some(conflict) = &mut record.conflict
            && conflict.clash(*field).is_some()
        {
            conflict.clashes.retain(|clash| clash.field != *field);
            // Who decides on the rest must have seen that this is no longer open.
            conflict.revision += 1;
            conflict.set_due(surface);
        }
        let is_in_the_way = |of: Option<usize>| of == Some(*field) || (of.is_none() && overriding.unlock);
        record.locks.retain(|lock| !is_in_the_way(lock.field));
        let theirs = set(record, *field, value.clone(), origin, &mut report);
        report.decisions.push(Decision {
            field: Some(*field),
            rule: Rule::Overridden,
            base: theirs.clone(),
            ours: value.clone(),
            theirs,
            result: value.clone(),
        });
    }
    record.conflict = record.conflict.take().filter(|conflict: &Conflict| !conflict.is_settled());
    // A decision is a change, even where it confirms what was agreed.
    report.changed = true;
    record.version = record.version.next();
    report
}
