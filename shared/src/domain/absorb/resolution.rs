//! A person has decided.

use super::super::conflict::{Choice, Conflict, Resolution};
use super::super::id::Timestamp;
use super::super::record::{Origin, Record, Span};
use super::super::report::{Decision, Report, Rule};
use super::set;
use crate::breakage::{self, Breakage};

/// Takes in a person's decision. Counts only for the conflict and the revision on which it was judged, and
/// only if it decides everything that is open.
pub fn absorb_resolution(record: &mut Record, resolution: &Resolution, at: Timestamp) -> Report {
    let mut report = Report::of(None);
    let same_revision =
        |c: &Conflict| c.revision == resolution.revision || breakage::on(Breakage::VersionNotCompared);
    let current = record.conflict.as_ref().filter(|c| c.id == resolution.conflict && same_revision(c));
    let Some(conflict) =
        current.filter(|c| decides_all(resolution, c) || breakage::on(Breakage::VersionNotCompared)).cloned()
    else {
        report.outdated_resolution = true;
        return report;
    };
    record.close_conflict();
    let origin = Origin { side: None, span: Span::at(at) };
    for clash in &conflict.clashes {
        let Some((_, choice)) = resolution.fields.iter().find(|(f, _)| *f == clash.field) else { continue };
        let value = match choice {
            Choice::Side(side) => clash.values[*side].clone(),
            Choice::Suggested => clash.suggested.clone(),
            Choice::Edited(value) => value.clone(),
        };
        let theirs = set(record, clash.field, value.clone(), origin, &mut report);
        report.decisions.push(Decision {
            field: Some(clash.field),
            rule: Rule::Resolved,
            base: clash.base.clone(),
            ours: value.clone(),
            theirs,
            result: value,
        });
    }
    if let (Some(_), Some(keep)) = (conflict.deleted_by, resolution.keep) {
        report.decisions.push(Decision::existence(Rule::Resolved, record.alive, keep));
        record.alive = keep;
    }
    // A decision is a change, even where it confirms what was agreed: the version tells that it was made.
    report.changed = true;
    record.version = record.version.next();
    report
}

fn decides_all(resolution: &Resolution, conflict: &Conflict) -> bool {
    let fields = conflict.clashes.iter().all(|c| resolution.fields.iter().any(|(f, _)| *f == c.field));
    fields && (conflict.deleted_by.is_none() || resolution.keep.is_some())
}
