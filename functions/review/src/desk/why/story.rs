//! The chain and its sentence. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use shared::domain::event::ChangeEvent;
use shared::domain::surface::{Direction, Field};
use shared::state::HistoryRow;
use uuid::Uuid;

use super::super::words::{Teller, moment, system, value};
use super::{Step, Why};

/// What a step is to the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It gave the field its value, of itself.
    Sets,
    /// It gave the field its value, and what that means takes what went before.
    Settles,
    /// It opened a conflict or moved one.
    Disputes,
    /// It left the value as it was.
    Leaves,
}

fn kind(rule: &str, from: &Json, to: &Json) -> Kind {
    match rule {
        "resolved" | "conflict_closed" | "target_form" => Kind::Settles,
        "conflict_opened" | "conflict_rebased" => Kind::Disputes,
        "overridden" => Kind::Sets,
        _ if from != to => Kind::Sets,
        _ => Kind::Leaves,
    }
}

/// Whether these rows, the newest first, go back to where the field's value begins: to who set it, and where that was
/// decided in a conflict, to both whose values that was about.
pub(super) fn begins(rows: &[HistoryRow], field: &str) -> bool {
    let decisions = rows.iter().flat_map(|row| row.decisions.iter().rev()).filter(|d| d.field == field);
    decisions.map(|d| kind(&d.rule, &d.from, &d.to)).any(|kind| kind == Kind::Sets)
}

/// The chain, the oldest first.
fn chain(field: &str, rows: &[HistoryRow], events: &BTreeMap<Uuid, ChangeEvent>) -> Vec<(Teller, Step)> {
    let steps = rows.iter().flat_map(|row| {
        let told: Vec<&ChangeEvent> = row.events.iter().filter_map(|id| events.get(id)).collect();
        let teller = Teller::new(&row.source, row.actor.as_deref(), &told);
        row.decisions.iter().filter(|d| d.field == field).map(move |d| {
            let step = Step {
                at: row.at,
                version: row.version.0,
                side: teller.side.map(|side| side.as_str()),
                actor: teller.actor.clone(),
                source: row.source.clone(),
                rule: d.rule.clone(),
                base: d.base.clone(),
                said: d.ours.clone(),
                from: d.from.clone(),
                to: d.to.clone(),
                events: row.events.clone(),
            };
            (teller.clone(), step)
        })
    });
    steps.collect()
}

/// Why the field holds `value`; `rows` decided about it, the oldest first, back to where that began if `complete`.
pub(super) fn tell(
    field: &Field,
    now: Json,
    rows: &[HistoryRow],
    events: &BTreeMap<Uuid, ChangeEvent>,
    complete: bool,
) -> Why {
    let chain = chain(&field.name, rows, events);
    let sentence = sentence(field, &now, &chain, complete);
    let chain = chain.into_iter().map(|(_, step)| step).collect();
    Why { field: field.name.to_string(), value: now, chain, complete, sentence }
}

fn sentence(field: &Field, now: &Json, chain: &[(Teller, Step)], complete: bool) -> String {
    let shown = |json: &Json| value(&field.kind, json);
    let head = format!("{} is {}", field.name, shown(now));
    let of_kind = |(_, step): &(Teller, Step)| kind(&step.rule, &step.from, &step.to);
    let last = chain.iter().rposition(|step| matches!(of_kind(step), Kind::Sets | Kind::Settles));
    let Some(last) = last else {
        let why = match (complete, chain.iter().any(|step| of_kind(step) == Kind::Disputes)) {
            (false, _) => "because it was set so long ago that the history is no longer read that far",
            (true, true) => "as it was at first",
            (true, false) => "because nobody has ever set it",
        };
        return format!("{head} {why}{}.", since(field, chain));
    };
    let (before, rest) = chain.split_at(last);
    let (setter, after) = rest.split_first().expect("the last is in it");
    format!("{head} because {}{}.", cause(field, setter, before), since(field, after))
}

/// Why the setter's value is what it is.
fn cause(field: &Field, (teller, step): &(Teller, Step), before: &[(Teller, Step)]) -> String {
    let shown = |json: &Json| value(&field.kind, json);
    let (who, when) = (teller.who(), teller.when(step.at));
    match step.rule.as_str() {
        "clean" => format!("{who} set it {when}"),
        "combined" | "union" => {
            format!(
                "{who} set {} {when}, which was put together with the other side's {}",
                shown(&step.said),
                shown(&step.from)
            )
        }
        "resolved" => resolved(field, teller, step, before),
        "conflict_closed" => {
            format!("{who} set it {when}, which ended a conflict: the other side had it already")
        }
        "overridden" => format!("{who} set it {when} by override, whatever policy and direction say"),
        "target_form" => {
            let system = teller.side.map_or("the other system", system);
            let setter = before.iter().rposition(|(_, s)| kind(&s.rule, &s.from, &s.to) == Kind::Sets);
            match setter {
                Some(at) => {
                    let (first, earlier) = (&before[at], &before[..at]);
                    let told = cause(field, first, earlier);
                    let wanted = shown(&first.1.to);
                    format!(
                        "{}, and {system} made this of {wanted}",
                        told.replacen("set it", &format!("set {wanted}"), 1)
                    )
                }
                None => format!("{system} made this of {}", shown(&step.from)),
            }
        }
        "direction" => format!("{who} holds it so, and the field comes from there alone"),
        "delete_inactivated" => format!("{who} deleted the record {when}, which sets this field"),
        rule => {
            let other = shown(&step.from);
            format!("{who} set it {when}, while the other side had {other}: the field's policy is {rule}")
        }
    }
}

/// A person chose: between what, and whose.
fn resolved(field: &Field, teller: &Teller, step: &Step, before: &[(Teller, Step)]) -> String {
    let shown = |json: &Json| value(&field.kind, json);
    let person = teller.actor.as_deref().unwrap_or("somebody");
    let when = format!("on {}", moment(step.at));
    let is_dispute = |(_, s): &(Teller, Step)| kind(&s.rule, &s.from, &s.to) == Kind::Disputes;
    let Some(last) = before.iter().rposition(is_dispute) else {
        return format!("{person} decided it {when}");
    };
    // The last word of each side: of the one that moved last, and what was agreed, which is the other's.
    let (mover, moved) = &before[last];
    let other_side = mover.side.map(|side| side.other());
    let other = before[..last].iter().rev().find(|(t, _)| t.side.is_some() && t.side == other_side);
    let named = |t: &Teller, json: &Json| match &t.actor {
        Some(actor) => format!("{} ({actor})", shown(json)),
        None => shown(json),
    };
    let mine = (mover.side, named(mover, &moved.said), moved.said.clone());
    let theirs = match other {
        Some((t, s)) => (t.side, named(t, &s.said), s.said.clone()),
        None => (other_side, shown(&moved.from), moved.from.clone()),
    };
    let mut both = [mine, theirs];
    both.sort_by_key(|(side, ..)| side.map(|side| std::cmp::Reverse(side.as_str())));
    let between: Vec<String> = both
        .iter()
        .map(|(side, text, _)| format!("{} had {text}", side.map_or("the other side", system)))
        .collect();
    let chosen = both.iter().find(|(side, _, said)| side.is_some() && *said == step.to);
    let what = match chosen.and_then(|(side, ..)| *side) {
        Some(side) => format!("chose {}'s value", system(side)),
        None => "decided on it".to_string(),
    };
    format!("{person} {what} {when} in a conflict in which {}", between.join(" and "))
}

/// What was decided since, and left the value as it is.
fn since(field: &Field, after: &[(Teller, Step)]) -> String {
    let shown = |json: &Json| value(&field.kind, json);
    let mut parts = Vec::new();
    let mut dispute: Option<&(Teller, Step)> = None;
    for told in after {
        let (teller, step) = told;
        let (who, when) = (teller.who(), teller.when(step.at));
        match step.rule.as_str() {
            "conflict_opened" | "conflict_rebased" => dispute = Some(told),
            "converged" => parts.push(format!("{who} made the same change {when}")),
            "direction" => {
                let owner = match field.direction {
                    Direction::ToSuitex => "NetSuite",
                    Direction::ToNetsuite => "SuiteX",
                    Direction::Both => "the other side",
                };
                let said = shown(&step.said);
                parts.push(format!(
                    "{who} set {said} {when}, which is put back: the field comes from {owner} alone"
                ));
            }
            "not_persisted" => {
                let system = teller.side.map_or("the other system", system);
                parts.push(format!("{system} took it on {} and kept {}", moment(step.at), shown(&step.said)));
            }
            rule => {
                let said = shown(&step.said);
                parts.push(format!(
                    "{who} set {said} {when}, which was not taken: the field's policy is {rule}"
                ));
            }
        }
    }
    if let Some((teller, step)) = dispute {
        let who = teller.who();
        let text = format!(
            "{who} set {} {}: they are in conflict, and somebody must decide",
            shown(&step.said),
            teller.when(step.at)
        );
        parts.push(text);
    }
    parts.iter().map(|part| format!("; since then {part}")).collect()
}
