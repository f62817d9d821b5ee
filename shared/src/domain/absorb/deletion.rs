//! A side has deleted the record.

use super::super::id::Side;
use super::super::news::{News, Standing};
use super::super::record::{Origin, Presence, Record};
use super::super::report::{Decision, Report, Rule};
use super::super::surface::{DeleteRule, TypeSurface};
use super::super::value::Value;
use super::shadow::{Order, order};
use super::{conflict_of, push, set};

pub(super) fn absorb_deletion(record: &mut Record, news: &News, surface: &TypeSurface, report: &mut Report) {
    let state = &mut record.sides[news.side];
    if state.presence != Presence::There {
        return;
    }
    // Deletion is a side's last word: within one second nothing can follow it.
    if news.standing == Standing::Heard {
        match order(news.revision, state.newest()) {
            Order::Stale => {
                report.stale += 1;
                return;
            }
            Order::Unknown if news.revision.is_none() => {
                state.wants_read = true;
                report.unordered += 1;
                return;
            }
            Order::Unknown | Order::Newer => {}
        }
    }
    let held_all = (0..surface.fields.len()).all(|f| state.holds(f, &record.canonical[f]));
    let state = &mut record.sides[news.side];
    report.retired = state.id.take();
    state.presence = Presence::Gone;
    state.wants_read = false;
    state.shadow.fill(Value::Null);
    state.seen = news.revision.or(state.seen);
    state.field_seen.clear();

    let other_has_it = record.sides[news.side.other()].presence == Presence::There;
    if !record.alive || !other_has_it || record.sides[news.side].detached {
        let was_alive = record.alive;
        if record.alive && !other_has_it {
            record.alive = false;
            report.changed = true;
        }
        if !other_has_it || !record.alive {
            record.close_conflict();
        }
        report.decisions.push(Decision::existence(Rule::DeletedOnBoth, was_alive, record.alive));
        return;
    }
    let rule = surface.delete[news.side];
    if rule == DeleteRule::Ask || !held_all || record.conflict.is_some() {
        return ask_about_deletion(record, news.side, news, report);
    }
    let origin = Origin { side: Some(news.side), span: news.span };
    match (rule, surface.inactive) {
        (DeleteRule::Inactivate, Some(inactive)) => {
            record.sides[news.side].detached = true;
            // The side held all that was agreed: its base is canonical.
            let theirs = set(record, inactive, Value::Bool(true), origin, report);
            push(record, news.side, inactive, theirs.clone(), Rule::Deleted(rule), theirs, report);
        }
        (DeleteRule::Propagate, _) => {
            record.alive = false;
            report.changed = true;
        }
        // Inactivate without a field cannot be configured.
        (DeleteRule::Detach | DeleteRule::Inactivate | DeleteRule::Ask, _) => {
            record.sides[news.side].detached = true;
        }
    }
    report.decisions.push(Decision::existence(Rule::Deleted(rule), true, record.alive));
}

/// Opens a conflict about the record's existence, or adds the question to the open one.
pub(super) fn ask_about_deletion(record: &mut Record, deleted_by: Side, news: &News, report: &mut Report) {
    let alive = record.alive;
    let conflict = conflict_of(record, news);
    if conflict.deleted_by.replace(deleted_by) != Some(deleted_by) {
        report.decisions.push(Decision::existence(Rule::Deleted(DeleteRule::Ask), alive, alive));
    }
}
