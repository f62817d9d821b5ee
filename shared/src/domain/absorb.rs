//! News in, record and report out.
//!
//! Per field: older than what we know → stale · same revision, another value → the clock cannot tell which
//! came first: look · equal to the shadow → nothing new · marked as ours, or what is being written → our own
//! write coming back · a call of ours may still land there → look · otherwise the shadow moves and a three-way
//! merge is made with base = the old shadow, ours = the news, theirs = canonical. It never fails and never
//! writes to a target.

mod deletion;
mod overriding;
mod resolution;
mod shadow;

pub use overriding::absorb_override;
pub use resolution::absorb_resolution;
pub(super) use shadow::{accept_form, is_fight};

use uuid::Uuid;

use self::deletion::{absorb_deletion, ask_about_deletion};
use self::shadow::{is_newest, move_shadow};
use super::conflict::{Clash, Conflict};
use super::id::{PerSide, Side, Timestamp, derived_id};
use super::lines::{merge_lines, merge_sets};
use super::news::{Fact, News, Standing};
use super::record::{Origin, Presence, Record, SideState, Span};
use super::report::{Decision, Report, Rule};
use super::surface::{FieldIx, Policy, TypeSurface};
use super::value::{Kind, Value};

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
    if news.standing == Standing::Heard && record.sides[news.side].is_there_as_another(&news.id) {
        // Of a copy, or of one that was deleted before this one was made.
        report.stale += 1;
        return;
    }
    match &news.fact {
        Fact::Holds { values, full } => absorb_values(record, news, values, *full, surface, report),
        Fact::Deleted => absorb_deletion(record, news, surface, report),
    }
    if let Some(conflict) = &mut record.conflict {
        conflict.set_due(surface);
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
    let is_read = full && news.operation.is_none() && is_newest(record, news);
    let made_apart = record.sides[news.side].made_apart;
    for (field, value) in values {
        // Most of what a full read tells is known: this is its shortest way through `move_shadow`.
        if is_read && *value == record.sides[news.side].shadow[*field] {
            continue;
        }
        if let Some(base) = move_shadow(record, news, *field, value, full, surface, report) {
            if moved.is_empty() {
                moved.reserve(8);
            }
            moved.push((*field, base));
        }
    }
    if let (true, Some(revision)) = (full, news.revision) {
        record.sides[news.side].note_full(revision);
    }
    let unit_of = |(field, _): &(FieldIx, Value)| surface.fields[*field].unit;
    moved.sort_by_key(unit_of);
    report.decisions.reserve(moved.len());
    for of_unit in moved.chunk_by_mut(|a, b| unit_of(a) == unit_of(b)) {
        let unit = &surface.units[unit_of(&of_unit[0])];
        decide(record, news, unit, of_unit, made_apart, surface, report);
        if !record.alive {
            // Somebody edits what the other side has deleted: never silently one or the other.
            ask_about_deletion(record, news.side.other(), news, report);
        }
    }
    if full {
        follow_owner(record, news, &moved, surface, report);
    }
}

/// A field that travels one way is what the side it comes from holds, even where nobody moved it there: a
/// record that is made anew on that side comes without it. What a person has set against the direction stands until
/// that side moves.
fn follow_owner(
    record: &mut Record,
    news: &News,
    moved: &[(FieldIx, Value)],
    surface: &TypeSurface,
    report: &mut Report,
) {
    let (side, origin) = (news.side, Origin { side: Some(news.side), span: news.span });
    for &field in &surface.one_way[side] {
        let held = record.sides[side].shadow[field].clone();
        let stands = record.is_set_by_person(field) && !moved.iter().any(|(f, _)| *f == field);
        if record.canonical[field] != held && !stands {
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
        (state.seen, state.made_apart) = (None, false);
        state.field_seen.clear();
    }
    state.id.get_or_insert_with(|| news.id.clone());
    if never_known {
        record.alive = true;
        report.changed = true;
        report.decisions.push(Decision::existence(Rule::Created, false, true));
    }
}

/// What `moved` means for the fields of one unit, which conflict as one. Its bases go into the report. `made_apart`: see
/// [`SideState`](super::record::SideState).
fn decide(
    record: &mut Record,
    news: &News,
    unit: &[FieldIx],
    moved: &mut [(FieldIx, Value)],
    made_apart: bool,
    surface: &TypeSurface,
    report: &mut Report,
) {
    let side = news.side;
    let field = &surface.fields[unit[0]];
    if !field.direction.accepts_from(side) {
        return push_all(record, side, moved, Rule::Direction, report);
    }
    if unit.iter().any(|f| record.conflict.as_ref().is_some_and(|c| c.clash(*f).is_some())) {
        return rebase(record, news, moved, made_apart, surface, report);
    }
    let state = &record.sides[side];
    let base_of = |f: FieldIx| moved.iter().find(|(m, _)| *m == f).map_or(&state.shadow[f], |(_, base)| base);
    if unit.iter().all(|&f| record.canonical[f] == state.shadow[f]) {
        return push_all(record, side, moved, Rule::Converged, report);
    }
    if unit.iter().all(|&f| is_held_as(record, side, f, base_of(f))) {
        return take_ours(record, news, moved, Rule::Clean, report);
    }
    if let (Policy::Union, [_], [(f, base)]) = (field.policy, unit, &*moved) {
        let merged = merge_sets(base, &state.shadow[*f], &record.canonical[*f]);
        return combine(record, news, *f, base.clone(), merged, Rule::Policy(Policy::Union), report);
    }
    let winner = winner(field.policy, record, news, unit);
    if let (Kind::Lines(spec), [_], [(f, base)]) = (&field.kind, unit, &*moved)
        && spec.key.is_some()
        // Two lists that were made apart have no line in common: put together, each order line would be there twice.
        && !(made_apart && *base == Value::Null)
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
            let mut whole = whole(&record.sides[side], &record.canonical, unit, moved);
            take_ours(record, news, &mut whole, Rule::Policy(field.policy), report);
        }
        Winner::Theirs => push_all(record, side, moved, Rule::Policy(field.policy), report),
        Winner::Person => open(record, news, unit, moved, made_apart, surface, report),
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
            ours_if(last_set(record, unit).is_none_or(|last| is_later(news.side, news.span, last)))
        }
    }
}

/// When the unit's agreed values were last set.
fn last_set(record: &Record, unit: &[FieldIx]) -> Option<Span> {
    unit.iter().filter_map(|&f| Some(record.origins[f]?.span)).max_by_key(|span| span.to)
}

/// Whether what `side` made at `ours` is later than what the other made at `theirs`. Where the two times overlap,
/// NetSuite's is.
fn is_later(side: Side, ours: Span, theirs: Span) -> bool {
    if ours.from > theirs.to {
        true
    } else if theirs.from > ours.to {
        false
    } else {
        side == Side::NetSuite
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

fn push_all(record: &Record, side: Side, moved: &mut [(FieldIx, Value)], rule: Rule, report: &mut Report) {
    for (field, base) in moved {
        push(record, side, *field, std::mem::take(base), rule, record.canonical[*field].clone(), report);
    }
}

fn set(record: &mut Record, field: FieldIx, value: Value, origin: Origin, report: &mut Report) -> Value {
    let before = std::mem::replace(&mut record.canonical[field], value);
    record.origins[field] = Some(origin);
    report.changed |= before != record.canonical[field];
    before
}

fn take_ours(
    record: &mut Record,
    news: &News,
    moved: &mut [(FieldIx, Value)],
    rule: Rule,
    report: &mut Report,
) {
    let origin = Origin { side: Some(news.side), span: news.span };
    for (field, base) in moved {
        let value = record.sides[news.side].shadow[*field].clone();
        let theirs = set(record, *field, value, origin, report);
        push(record, news.side, *field, std::mem::take(base), rule, theirs, report);
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
    // It holds edits of both, and is as late as the later of them.
    let spans = record.origins[field].map(|origin| origin.span).into_iter().chain([news.span]);
    let span = spans.max_by_key(|span| span.to).unwrap_or(news.span);
    let theirs = set(record, field, merged, Origin { side: Some(news.side), span }, report);
    push(record, news.side, field, base, rule, theirs, report);
}

/// Opens a conflict on the fields of the unit on which the sides differ, or adds them to the open one.
fn open(
    record: &mut Record,
    news: &News,
    unit: &[FieldIx],
    moved: &[(FieldIx, Value)],
    made_apart: bool,
    surface: &TypeSurface,
    report: &mut Report,
) {
    let side = news.side;
    let last = last_set(record, unit).unwrap_or(Span::at(Timestamp(0)));
    let mut edited = PerSide { netsuite: last, suitex: last };
    edited[side] = news.span;
    for &field in unit {
        let ours = record.sides[side].shadow[field].clone();
        let theirs = record.canonical[field].clone();
        if ours == theirs {
            continue;
        }
        let base =
            moved.iter().find(|(f, _)| *f == field).map_or_else(|| ours.clone(), |(_, base)| base.clone());
        let spec = &surface.fields[field];
        let mut values = PerSide { netsuite: theirs.clone(), suitex: theirs.clone() };
        values[side] = ours;
        let mut clash = Clash {
            field,
            made_apart: made_apart && base == Value::Null,
            base: base.clone(),
            values,
            edited,
            suggested: Value::Null,
            policy: spec.policy,
            risk: spec.risk,
        };
        clash.suggested = suggestion(&clash, side, &spec.kind);
        conflict_of(record, news).clashes.push(clash);
        push(record, side, field, base, Rule::Opened, theirs, report);
    }
}

/// What we would choose when `side` has moved: for a group one side's values, for lines all that does not contradict,
/// and of what does the later.
fn suggestion(clash: &Clash, side: Side, kind: &Kind) -> Value {
    let (ours, theirs) = (&clash.values[side], &clash.values[side.other()]);
    let prefer_ours = is_later(side, clash.edited[side], clash.edited[side.other()]);
    match kind {
        Kind::Lines(lines) if lines.key.is_some() && !clash.made_apart => {
            merge_lines(&clash.base, ours, theirs, prefer_ours).value
        }
        _ if prefer_ours => ours.clone(),
        _ => theirs.clone(),
    }
}

/// The open conflict, or a new one; either way at a new revision.
fn conflict_of<'a>(record: &'a mut Record, news: &News) -> &'a mut Conflict {
    let id = || derived_id("conflict", &[&record.key.to_string(), &news.cause.to_string()]);
    let opened_at = news.span.to;
    let fresh = || Conflict {
        id: id(),
        revision: 0,
        opened_at,
        due_at: opened_at,
        clashes: Vec::new(),
        deleted_by: None,
    };
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
    made_apart: bool,
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
            open(record, news, &[*field], &[(*field, base.clone())], made_apart, surface, report);
            continue;
        };
        clash.values[side] = ours.clone();
        let agreed = clash.values.netsuite == clash.values.suitex;
        let unit = surface.fields[*field].unit;
        for clash in conflict.clashes.iter_mut().filter(|c| surface.fields[c.field].unit == unit) {
            // What was suggested may be what this side has just left behind; and news that comes last may tell of the
            // earlier edit.
            clash.edited[side] = news.span;
            clash.suggested = suggestion(clash, side, &surface.fields[clash.field].kind);
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
        record.close_conflict();
    }
}

/// The cause of news that no event brought: a reply or a read-back.
pub fn reply_cause(operation: Uuid) -> Uuid {
    derived_id("reply", &[&operation.to_string()])
}
