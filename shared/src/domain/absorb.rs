//! News in, record and report out.
//!
//! Per field: older than what we know → stale · same revision, another value → the clock cannot tell which
//! came first: look · equal to the shadow → nothing new · equal to a sent value → our own write coming back ·
//! otherwise the shadow moves and a three-way merge is made with base = the old shadow, ours = the news,
//! theirs = canonical. It never fails and never writes to a target.

use uuid::Uuid;

use super::conflict::{Choice, Clash, Conflict, Resolution};
use super::id::{PerSide, Revision, Side, Timestamp, derived_id};
use super::lines::{merge_lines, merge_sets};
use super::news::{Fact, News};
use super::record::{Origin, Presence, Record, SideState, Span};
use super::report::{Decision, Report, Rule};
use super::surface::{DeleteRule, FieldIx, Policy, TypeSurface};
use super::value::{Kind, Value};
use crate::breakage::{self, Breakage};

/// Takes in what a side says of itself.
pub fn absorb(record: &mut Record, news: &News, surface: &TypeSurface) -> Report {
    let mut report = Report::of(Some(news.side));
    take_in(record, news, surface, &mut report);
    if report.changed {
        record.version = record.version.next();
    }
    report
}

/// [`absorb`] without the step of the version, for a reply that may bring several changes at once.
pub(super) fn take_in(record: &mut Record, news: &News, surface: &TypeSurface, report: &mut Report) {
    match &news.fact {
        Fact::Holds { values, full } => absorb_values(record, news, values, *full, surface, report),
        Fact::Deleted => absorb_deletion(record, news, surface, report),
    }
}

fn absorb_values(
    record: &mut Record,
    news: &News,
    values: &[(FieldIx, Value)],
    full: bool,
    surface: &TypeSurface,
    report: &mut Report,
) {
    appear(record, news, report);
    // What this news moved: field and the shadow before. Most news moves little.
    let mut moved: Vec<(FieldIx, Value)> = Vec::new();
    for (field, value) in values {
        if let Some(base) = move_shadow(record, news, *field, value, full, surface, report) {
            moved.push((*field, base));
        }
    }
    if let (true, Some(revision)) = (full, news.revision) {
        record.sides[news.side].note_full(revision);
    }
    let unit_of = |(field, _): &(FieldIx, Value)| surface.fields[*field].unit;
    moved.sort_by_key(unit_of);
    report.decisions.reserve(moved.len());
    for of_unit in moved.chunk_by(|a, b| unit_of(a) == unit_of(b)) {
        decide(record, news, &surface.units[unit_of(&of_unit[0])], of_unit, surface, report);
        if !record.alive {
            // Somebody edits what the other side has deleted: never silently one or the other.
            ask_about_deletion(record, news.side.other(), news, report);
        }
    }
    if full {
        follow_owner(record, news, surface, report);
    }
}

/// A field that travels one way is what the side it comes from holds, even where nobody moved it there: a
/// record that is made anew on that side comes without it.
fn follow_owner(record: &mut Record, news: &News, surface: &TypeSurface, report: &mut Report) {
    let (side, origin) = (news.side, Origin { side: Some(news.side), span: news.span });
    for &field in &surface.one_way[side] {
        let held = record.sides[side].shadow[field].clone();
        if record.canonical[field] != held {
            let theirs = set(record, field, held.clone(), origin, report);
            push(record, side, field, held, Rule::Direction, theirs, report);
        }
    }
}

/// The side has the record: so it exists, unless it was deleted by agreement.
fn appear(record: &mut Record, news: &News, report: &mut Report) {
    let never_known = record.version.0 == 0 && !record.alive;
    let state = &mut record.sides[news.side];
    if state.presence != Presence::There {
        state.presence = Presence::There;
        state.seen = None;
        state.field_seen.clear();
    }
    state.id.get_or_insert_with(|| news.id.clone());
    if never_known {
        record.alive = true;
        report.changed = true;
        report.decisions.push(Decision::existence(Rule::Created, false, true));
    }
}

/// Moves the shadow of one field if the news is new; answers the shadow before, if somebody's edit moved it.
fn move_shadow(
    record: &mut Record,
    news: &News,
    field: FieldIx,
    value: &Value,
    full: bool,
    surface: &TypeSurface,
    report: &mut Report,
) -> Option<Value> {
    let state = &mut record.sides[news.side];
    if !news.authoritative {
        match order(news.revision, state.known(field)) {
            Order::Stale => {
                report.stale += 1;
                return None;
            }
            Order::Unknown
                if *value != state.shadow[field] && !breakage::on(Breakage::EqualSecondApplied) =>
            {
                state.wants_read = true;
                report.unordered += 1;
                return None;
            }
            Order::Unknown | Order::Newer => {}
        }
        let unit = surface.fields[field].unit;
        let ours_is_landing = state
            .intent
            .as_ref()
            .is_some_and(|i| i.wanted.iter().any(|(f, _)| surface.fields[*f].unit == unit));
        if ours_is_landing && *value != state.shadow[field] && !is_ours(state, news, field, value) {
            // Made before our write, or after it? The shadow is the base of the first, what we write that of
            // the second; or it is the target's own form of what we write. The reply can tell.
            state.wants_read = true;
            report.unordered += 1;
            return None;
        }
    }
    // A full read is noted once, for all fields.
    if let (false, Some(revision)) = (full, news.revision) {
        state.note(field, revision);
    }
    if *value == state.shadow[field] {
        return None;
    }
    let base = std::mem::replace(&mut state.shadow[field], value.clone());
    // A conflict shows what the sides hold, whoever wrote it.
    let in_conflict = record.conflict.as_ref().is_some_and(|c| c.clash(field).is_some());
    if !in_conflict && !breakage::on(Breakage::SentNotRecognised) {
        if state.was_sent(field, value) {
            report.own += 1;
            return None;
        }
        let sent = news.operation.and_then(|operation| state.sent_by(operation, field));
        if let Some(wanted) = sent.map(|s| s.value.clone()) {
            report.own += 1;
            accept_form(record, news.side, field, wanted, report);
            return None;
        }
    }
    Some(base)
}

/// Whether the news is of a write of ours, by its value or by its mark.
fn is_ours(state: &SideState, news: &News, field: FieldIx, value: &Value) -> bool {
    let marked = |operation| state.sent_by(operation, field).is_some();
    state.was_sent(field, value) || news.operation.is_some_and(marked)
}

enum Order {
    Stale,
    Unknown,
    Newer,
}

fn order(news: Option<Revision>, known: Option<Revision>) -> Order {
    match (news, known) {
        (None, _) => Order::Unknown,
        (Some(news), Some(known)) if news < known => Order::Stale,
        (Some(news), Some(known)) if news == known => Order::Unknown,
        _ => Order::Newer,
    }
}

/// The side made its own form of the `wanted` value: the shadow already holds it. The form becomes the
/// canonical value, unless the other side turns that form back into `wanted` and the two would fight.
pub(super) fn accept_form(
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
pub(super) fn is_fight(record: &Record, side: Side, field: FieldIx, wanted: &Value, held: &Value) -> bool {
    let mut forms = record.sides[side.other()].forms.iter();
    forms.any(|f| f.field == field && f.wanted == *held && f.held == *wanted)
}

/// What `moved` means for the fields of one unit, which conflict as one.
fn decide(
    record: &mut Record,
    news: &News,
    unit: &[FieldIx],
    moved: &[(FieldIx, Value)],
    surface: &TypeSurface,
    report: &mut Report,
) {
    let side = news.side;
    let field = &surface.fields[unit[0]];
    if !field.direction.accepts_from(side) {
        return push_all(record, side, moved, Rule::Direction, report);
    }
    if unit.iter().any(|f| record.conflict.as_ref().is_some_and(|c| c.clash(*f).is_some())) {
        return rebase(record, news, moved, surface, report);
    }
    let state = &record.sides[side];
    let base_of = |f: FieldIx| moved.iter().find(|(m, _)| *m == f).map_or(&state.shadow[f], |(_, base)| base);
    if unit.iter().all(|&f| record.canonical[f] == state.shadow[f]) {
        return push_all(record, side, moved, Rule::Converged, report);
    }
    if unit.iter().all(|&f| is_held_as(record, side, f, base_of(f))) {
        return take_ours(record, news, moved, Rule::Clean, report);
    }
    if let (Policy::Union, [_], [(f, base)]) = (field.policy, unit, moved) {
        let merged = merge_sets(base, &state.shadow[*f], &record.canonical[*f]);
        return combine(record, news, *f, base.clone(), merged, Rule::Policy(Policy::Union), report);
    }
    let winner = winner(field.policy, record, news, unit);
    if let (Kind::Lines(spec), [_], [(f, base)]) = (&field.kind, unit, moved)
        && spec.key.is_some()
    {
        let merged = merge_lines(base, &state.shadow[*f], &record.canonical[*f], winner == Winner::Ours);
        if merged.clashes.is_empty() {
            return combine(record, news, *f, base.clone(), merged.value, Rule::Combined, report);
        }
        if winner != Winner::Person {
            return combine(record, news, *f, base.clone(), merged.value, Rule::Policy(field.policy), report);
        }
    }
    match winner {
        Winner::Ours => {
            let whole = whole(&record.sides[side], &record.canonical, unit, moved);
            take_ours(record, news, &whole, Rule::Policy(field.policy), report);
        }
        Winner::Theirs => push_all(record, side, moved, Rule::Policy(field.policy), report),
        Winner::Person => open(record, news, unit, moved, surface, report),
    }
}

/// What moved, and the unit's other fields in which the side differs: half an address must not win alone.
fn whole(
    state: &SideState,
    canonical: &[Value],
    unit: &[FieldIx],
    moved: &[(FieldIx, Value)],
) -> Vec<(FieldIx, Value)> {
    let rest = unit.iter().filter(|f| !moved.iter().any(|(m, _)| m == *f));
    let rest = rest.filter(|f| canonical[**f] != state.shadow[**f]).map(|&f| (f, state.shadow[f].clone()));
    moved.iter().cloned().chain(rest).collect()
}

/// Whether canonical is what the side held before: so nobody else has moved since. A form is no move: not
/// the one that this side made of canonical, and not the one that the other side made of this side's value.
fn is_held_as(record: &Record, side: Side, field: FieldIx, base: &Value) -> bool {
    let canonical = &record.canonical[field];
    let is_form = |side: Side, wanted: &Value, held: &Value| {
        let mut forms = record.sides[side].forms.iter();
        forms.any(|f| f.field == field && f.wanted == *wanted && f.held == *held)
    };
    canonical == base || is_form(side, canonical, base) || is_form(side.other(), base, canonical)
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Winner {
    Ours,
    Theirs,
    Person,
}

fn winner(policy: Policy, record: &Record, news: &News, unit: &[FieldIx]) -> Winner {
    let ours_if = |yes: bool| if yes { Winner::Ours } else { Winner::Theirs };
    match policy {
        Policy::NetsuiteWins => ours_if(news.side == Side::NetSuite),
        Policy::SuitexWins => ours_if(news.side == Side::SuiteX),
        Policy::Manual => Winner::Person,
        // A union of what is not a set cannot be configured; of several fields neither.
        Policy::LatestWins | Policy::Union => {
            let last = unit.iter().filter_map(|&f| record.origins[f]).max_by_key(|o| o.span.to);
            ours_if(is_later(news, last))
        }
    }
}

/// Whether the news is later than `theirs`. Where the two times overlap, NetSuite is.
fn is_later(news: &News, theirs: Option<Origin>) -> bool {
    let Some(theirs) = theirs else { return true };
    if news.span.from > theirs.span.to {
        true
    } else if theirs.span.from > news.span.to {
        false
    } else {
        news.side == Side::NetSuite
    }
}

fn push(
    record: &Record,
    side: Side,
    field: FieldIx,
    base: Value,
    rule: Rule,
    theirs: Value,
    report: &mut Report,
) {
    report.decisions.push(Decision {
        field: Some(field),
        rule,
        base,
        ours: record.sides[side].shadow[field].clone(),
        theirs,
        result: record.canonical[field].clone(),
    });
}

fn push_all(record: &Record, side: Side, moved: &[(FieldIx, Value)], rule: Rule, report: &mut Report) {
    for (field, base) in moved {
        push(record, side, *field, base.clone(), rule, record.canonical[*field].clone(), report);
    }
}

fn set(record: &mut Record, field: FieldIx, value: Value, origin: Origin, report: &mut Report) -> Value {
    let before = std::mem::replace(&mut record.canonical[field], value);
    record.origins[field] = Some(origin);
    report.changed |= before != record.canonical[field];
    before
}

fn take_ours(record: &mut Record, news: &News, moved: &[(FieldIx, Value)], rule: Rule, report: &mut Report) {
    let origin = Origin { side: Some(news.side), span: news.span };
    for (field, base) in moved {
        let value = record.sides[news.side].shadow[*field].clone();
        let theirs = set(record, *field, value, origin, report);
        push(record, news.side, *field, base.clone(), rule, theirs, report);
    }
}

fn combine(
    record: &mut Record,
    news: &News,
    field: FieldIx,
    base: Value,
    merged: Value,
    rule: Rule,
    report: &mut Report,
) {
    let origin = Origin { side: Some(news.side), span: news.span };
    let theirs = set(record, field, merged, origin, report);
    push(record, news.side, field, base, rule, theirs, report);
}

/// Opens a conflict on the fields of the unit on which the sides differ, or adds them to the open one.
fn open(
    record: &mut Record,
    news: &News,
    unit: &[FieldIx],
    moved: &[(FieldIx, Value)],
    surface: &TypeSurface,
    report: &mut Report,
) {
    let side = news.side;
    let last = unit.iter().filter_map(|&f| record.origins[f]).max_by_key(|o| o.span.to);
    for &field in unit {
        let ours = record.sides[side].shadow[field].clone();
        let theirs = record.canonical[field].clone();
        if ours == theirs {
            continue;
        }
        let base =
            moved.iter().find(|(f, _)| *f == field).map_or_else(|| ours.clone(), |(_, base)| base.clone());
        let spec = &surface.fields[field];
        let suggested = suggestion(&spec.kind, &base, &ours, &theirs, is_later(news, last));
        let mut values = PerSide { netsuite: theirs.clone(), suitex: theirs.clone() };
        values[side] = ours;
        let clash =
            Clash { field, base: base.clone(), values, suggested, policy: spec.policy, risk: spec.risk };
        conflict_of(record, news).clashes.push(clash);
        push(record, side, field, base, Rule::Opened, theirs, report);
    }
}

/// What we would choose: for a group one side's values, for lines all that does not contradict.
fn suggestion(kind: &Kind, base: &Value, ours: &Value, theirs: &Value, prefer_ours: bool) -> Value {
    match kind {
        Kind::Lines(lines) if lines.key.is_some() => merge_lines(base, ours, theirs, prefer_ours).value,
        _ if prefer_ours => ours.clone(),
        _ => theirs.clone(),
    }
}

/// The open conflict, or a new one; either way at a new revision.
fn conflict_of<'a>(record: &'a mut Record, news: &News) -> &'a mut Conflict {
    let id = || derived_id("conflict", &[&record.key.to_string(), &news.cause.to_string()]);
    let fresh =
        || Conflict { id: id(), revision: 0, opened_at: news.span.to, clashes: Vec::new(), deleted_by: None };
    let conflict = record.conflict.get_or_insert_with(fresh);
    conflict.revision += 1;
    conflict
}

/// A side edits a field that is in conflict: the conflict shows the newer value, and closes where the sides
/// now agree.
fn rebase(
    record: &mut Record,
    news: &News,
    moved: &[(FieldIx, Value)],
    surface: &TypeSurface,
    report: &mut Report,
) {
    let side = news.side;
    for (field, base) in moved {
        let ours = record.sides[side].shadow[*field].clone();
        let theirs = record.canonical[*field].clone();
        let conflict = conflict_of(record, news);
        let Some(clash) = conflict.clash_mut(*field) else {
            // Another field of a group that is in conflict.
            open(record, news, &[*field], &[(*field, base.clone())], surface, report);
            continue;
        };
        clash.values[side] = ours.clone();
        let agreed = clash.values.netsuite == clash.values.suitex;
        let unit = surface.fields[*field].unit;
        for clash in conflict.clashes.iter_mut().filter(|c| surface.fields[c.field].unit == unit) {
            // What was suggested may be what this side has just left behind.
            let (ours, theirs) = (&clash.values[side], &clash.values[side.other()]);
            clash.suggested = suggestion(&surface.fields[clash.field].kind, &clash.base, ours, theirs, true);
        }
        if !agreed {
            push(record, side, *field, base.clone(), Rule::Rebased, theirs, report);
            continue;
        }
        conflict.clashes.retain(|c| c.field != *field);
        let origin = Origin { side: Some(side), span: news.span };
        set(record, *field, ours, origin, report);
        push(record, side, *field, base.clone(), Rule::Closed, theirs, report);
    }
    if record.conflict.as_ref().is_some_and(Conflict::is_settled) {
        record.conflict = None;
    }
}

fn absorb_deletion(record: &mut Record, news: &News, surface: &TypeSurface, report: &mut Report) {
    let state = &mut record.sides[news.side];
    if state.presence != Presence::There {
        return;
    }
    // Deletion is a side's last word: within one second nothing can follow it.
    if !news.authoritative {
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
        record.conflict = record.conflict.take().filter(|_| other_has_it && record.alive);
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
fn ask_about_deletion(record: &mut Record, deleted_by: Side, news: &News, report: &mut Report) {
    let alive = record.alive;
    let conflict = conflict_of(record, news);
    if conflict.deleted_by.replace(deleted_by) != Some(deleted_by) {
        report.decisions.push(Decision::existence(Rule::Deleted(DeleteRule::Ask), alive, alive));
    }
}

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
    record.conflict = None;
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

/// The cause of news that no event brought: a reply or a read-back.
pub fn reply_cause(operation: Uuid) -> Uuid {
    derived_id("reply", &[&operation.to_string()])
}
