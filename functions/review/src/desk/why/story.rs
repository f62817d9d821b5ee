//! The chain and its sentence, and who in NetSuite is still to be named in it. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use shared::domain::event::{ChangeEvent, Source};
use shared::domain::id::{Side, Timestamp};
use shared::domain::surface::{Direction, Field};
use shared::netsuite::notes::{Note, Setter, setter};
use shared::state::HistoryRow;
use uuid::Uuid;

use super::super::words::{Noted, Teller, moment, system, value};
use super::{Step, Why};
use crate::access::Silence;

/// A step with who told it.
pub(super) struct Told {
    teller: Teller,
    step: Step,
    /// What it tells had been done by then, by the account of the side that it is about.
    by: Timestamp,
}

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
pub(super) fn chain(field: &str, rows: &[HistoryRow], events: &BTreeMap<Uuid, ChangeEvent>) -> Vec<Told> {
    let steps = rows.iter().flat_map(|row| {
        let told: Vec<&ChangeEvent> = row.events.iter().filter_map(|id| events.get(id)).collect();
        let teller = Teller::new(&row.source, row.actor.as_deref(), &told);
        // A poll's event bears the time at which NetSuite says that the record was saved last.
        let saved = told.iter().filter(|event| event.source == Source::NetsuitePoll);
        let by = saved.map(|event| event.timestamp).max().map_or(row.at, |saved| saved.min(row.at));
        row.decisions.iter().filter(|d| d.field == field).map(move |d| {
            let step = Step {
                at: row.at,
                version: row.version.0,
                side: teller.side.map(|side| side.as_str()),
                actor: teller.actor.clone(),
                note: None,
                source: row.source.clone(),
                rule: d.rule.clone(),
                base: d.base.clone(),
                said: d.ours.clone(),
                from: d.from.clone(),
                to: d.to.clone(),
                events: row.events.clone(),
            };
            Told { teller: teller.clone(), step, by }
        })
    });
    steps.collect()
}

/// Whether somebody in NetSuite did this, and nobody told who.
fn is_unnamed(told: &Told) -> bool {
    let Told { teller, step, .. } = told;
    // What a target made of a value, or what a deletion means, no person set.
    let is_ours = matches!(step.rule.as_str(), "target_form" | "not_persisted" | "delete_inactivated");
    teller.side == Some(Side::NetSuite) && teller.actor.is_none() && !is_ours
}

/// When we last learned of something that somebody unnamed did in NetSuite, if anybody did.
pub(super) fn unnamed_at(chain: &[Told]) -> Option<Timestamp> {
    chain.iter().filter(|told| is_unnamed(told)).map(|told| told.step.at).max()
}

/// Names those whom the notes tell; answers why the last whom they do not tell stays unnamed.
pub(super) fn name(chain: &mut [Told], field: &Field, notes: &[Note]) -> Option<Silence> {
    let mut silence = None;
    for told in chain.iter_mut().filter(|told| is_unnamed(told)) {
        silence = match field.kind.parse(Side::SuiteX, &told.step.said) {
            Ok(value) => match setter(notes, field, &value, told.by) {
                Setter::One(note) if note.author.is_some() => {
                    told.sign(note);
                    None
                }
                Setter::One(_) | Setter::Nobody => Some(Silence::Nobody),
                Setter::Several => Some(Silence::Several),
                Setter::Another => Some(Silence::Another),
            },
            Err(_) => Some(Silence::Nobody),
        };
    }
    silence
}

impl Told {
    fn kind(&self) -> Kind {
        kind(&self.step.rule, &self.step.from, &self.step.to)
    }

    /// Puts the note's author to it.
    fn sign(&mut self, note: &Note) {
        let noted = Noted { at: note.shown.clone(), context: note.context.clone() };
        self.teller.actor.clone_from(&note.author);
        self.teller.note = Some(noted.clone());
        self.step.actor.clone_from(&note.author);
        self.step.note = Some(noted);
    }
}

/// Why the field holds `now`, by a chain that goes back to where that began if `complete`.
pub(super) fn tell(
    field: &Field,
    now: Json,
    chain: Vec<Told>,
    complete: bool,
    silence: Option<Silence>,
) -> Why {
    let sentence = sentence(field, &now, &chain, complete);
    let chain = chain.into_iter().map(|told| told.step).collect();
    let unnamed = silence.map(|silence| silence.to_string());
    Why { field: field.name.to_string(), value: now, chain, complete, sentence, unnamed }
}

fn sentence(field: &Field, now: &Json, chain: &[Told], complete: bool) -> String {
    let shown = |json: &Json| value(&field.kind, json);
    let head = format!("{} is {}", field.name, shown(now));
    let of_kind = |told: &Told| told.kind();
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
fn cause(field: &Field, told: &Told, before: &[Told]) -> String {
    let Told { teller, step, .. } = told;
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
            let setter = before.iter().rposition(|told| told.kind() == Kind::Sets);
            match setter {
                Some(at) => {
                    let (first, earlier) = (&before[at], &before[..at]);
                    let told = cause(field, first, earlier);
                    let wanted = shown(&first.step.to);
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
fn resolved(field: &Field, teller: &Teller, step: &Step, before: &[Told]) -> String {
    let shown = |json: &Json| value(&field.kind, json);
    let person = teller.actor.as_deref().unwrap_or("somebody");
    let when = format!("on {}", moment(step.at));
    let is_dispute = |told: &Told| told.kind() == Kind::Disputes;
    let Some(last) = before.iter().rposition(is_dispute) else {
        return format!("{person} decided it {when}");
    };
    // The last word of each side: of the one that moved last, and what was agreed, which is the other's.
    let Told { teller: mover, step: moved, .. } = &before[last];
    let other_side = mover.side.map(|side| side.other());
    let other =
        before[..last].iter().rev().find(|told| told.teller.side.is_some() && told.teller.side == other_side);
    let named = |t: &Teller, json: &Json| match &t.actor {
        Some(actor) => format!("{} ({actor})", shown(json)),
        None => shown(json),
    };
    let mine = (mover.side, named(mover, &moved.said), moved.said.clone());
    let theirs = match other {
        Some(Told { teller, step, .. }) => (teller.side, named(teller, &step.said), step.said.clone()),
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
fn since(field: &Field, after: &[Told]) -> String {
    let shown = |json: &Json| value(&field.kind, json);
    let mut parts = Vec::new();
    let mut dispute: Option<&Told> = None;
    for told in after {
        let Told { teller, step, .. } = told;
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
    if let Some(Told { teller, step, .. }) = dispute {
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
