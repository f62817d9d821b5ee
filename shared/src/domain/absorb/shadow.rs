//! Whether news of a field is new, and whether it is somebody's edit or a write of ours.

use super::super::id::{Revision, Side};
use super::super::news::{News, Standing};
use super::super::record::{Record, Sent, SideState};
use super::super::report::{Decision, Report, Rule};
use super::super::surface::{FieldIx, TypeSurface};
use super::super::value::Value;
use crate::breakage::{self, Breakage};

/// Whether the news is newer than all that is known of the side.
pub(super) fn is_newest(record: &Record, news: &News) -> bool {
    news.standing != Standing::Heard
        || matches!(order(news.revision, record.sides[news.side].newest()), Order::Newer)
}

/// Moves the shadow of one field if the news is new; answers the shadow before, if somebody's edit moved it.
pub(super) fn move_shadow(
    record: &mut Record,
    news: &News,
    field: FieldIx,
    value: &Value,
    full: bool,
    surface: &TypeSurface,
    report: &mut Report,
) -> Option<Value> {
    let state = &mut record.sides[news.side];
    let is_same = *value == state.shadow[field];
    if news.standing == Standing::Heard {
        match order(news.revision, state.known(field)) {
            Order::Stale => {
                report.stale += 1;
                return None;
            }
            Order::Unknown if !is_same && !breakage::on(Breakage::EqualSecondApplied) => {
                state.wants_read = true;
                report.unordered += 1;
                return None;
            }
            Order::Unknown | Order::Newer => {}
        }
    }
    if !is_same && may_be_ours(state, news, field, value, surface) {
        // Made before our write, or after it? The shadow is the base of the first, what we write that of the
        // second; or it is our write, or the target's own form of it. A look can tell.
        state.wants_read = true;
        report.unordered += 1;
        return None;
    }
    // A full read is noted once, for all fields.
    if let (false, Some(revision)) = (full, news.revision) {
        state.note(field, revision);
    }
    // A call that has landed does not land again: the same value after it is somebody's.
    let landed = news.operation.and_then(|operation| state.take_sent(operation, field));
    if is_same {
        return None;
    }
    let base = std::mem::replace(&mut state.shadow[field], value.clone());
    // A conflict shows what the sides hold, whoever wrote it.
    let in_conflict = record.conflict.as_ref().is_some_and(|c| c.clash(field).is_some());
    if !in_conflict && !breakage::on(Breakage::SentNotRecognised) {
        if landed.as_ref() == Some(value) || state.is_being_sent(field, value) {
            report.own += 1;
            return None;
        }
        if let Some(wanted) = landed {
            report.own += 1;
            accept_form(record, news.side, field, wanted, report);
            return None;
        }
    }
    Some(base)
}

/// Whether the news cannot be told from a call of ours that may be landing in the same unit. A value alone
/// speaks only for the write under way, which sets the same if it is not ours; of an earlier call the side can
/// be asked whether it was carried out.
fn may_be_ours(state: &SideState, news: &News, field: FieldIx, value: &Value, surface: &TypeSurface) -> bool {
    let is_marked = news.operation.is_some_and(|operation| state.sent_by(operation, field).is_some());
    if is_marked || news.standing == Standing::Accounted || state.is_being_sent(field, value) {
        return false;
    }
    let in_unit = |f: FieldIx| surface.fields[f].unit == surface.fields[field].unit;
    let open = state.intent.as_ref();
    let under_way = news.standing == Standing::Heard
        && open.is_some_and(|intent| intent.wanted.iter().any(|(f, _)| in_unit(*f)));
    let in_doubt = |s: &Sent| open.is_none_or(|i| i.operation != s.operation) && in_unit(s.field);
    under_way || state.sent.iter().any(in_doubt)
}

pub(super) enum Order {
    Stale,
    Unknown,
    Newer,
}

pub(super) fn order(news: Option<Revision>, known: Option<Revision>) -> Order {
    match (news, known) {
        (None, _) => Order::Unknown,
        (Some(news), Some(known)) if news < known => Order::Stale,
        (Some(news), Some(known)) if news == known => Order::Unknown,
        _ => Order::Newer,
    }
}

/// The side made its own form of the `wanted` value: the shadow already holds it. The form becomes the
/// canonical value, unless the other side turns that form back into `wanted` and the two would fight.
pub(in crate::domain) fn accept_form(
    record: &mut Record,
    side: Side,
    field: FieldIx,
    wanted: Value,
    report: &mut Report,
) {
    let held = record.sides[side].shadow[field].clone();
    record.sides[side].learn(field, wanted.clone(), held.clone());
    let in_conflict = record.conflict.as_ref().is_some_and(|c| c.clash(field).is_some());
    let fight = is_fight(record, side, field, &wanted, &held);
    if record.canonical[field] != wanted || in_conflict || fight {
        return;
    }
    report.changed = true;
    report.decisions.push(Decision {
        field: Some(field),
        rule: Rule::TargetForm,
        base: wanted.clone(),
        ours: held.clone(),
        theirs: wanted,
        result: held.clone(),
    });
    record.canonical[field] = held;
}

/// Whether `wanted` is itself the other side's form of what this side `held` of it.
pub(in crate::domain) fn is_fight(
    record: &Record,
    side: Side,
    field: FieldIx,
    wanted: &Value,
    held: &Value,
) -> bool {
    let mut forms = record.sides[side.other()].forms.iter();
    forms.any(|f| f.field == field && f.wanted == *held && f.held == *wanted)
}
