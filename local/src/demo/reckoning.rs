//! Holding every edit against what became of its record: its history, its end, the open conflicts and errors.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use shared::domain::id::Side;

use super::book::{Book, Doing, Edit, RecordIx, Taken};
use super::client::{Broken, Client};
use super::fate::{self, Accounts, Decision, EXISTS, End, Fate, Later};

/// Requests under way at once.
const AT_ONCE: usize = 16;

/// What the edits came to.
#[derive(Debug, Default)]
pub(super) struct Reckoning {
    /// Edits and values by fate.
    pub(super) accounts: Accounts,
    /// Edits that nothing explains, in full.
    pub(super) unaccounted: Vec<String>,
    /// Edits over which a system failed, and of which nobody has seen anything: they were not carried out.
    pub(super) never_came: u64,
    /// Decisions by rule.
    pub(super) rules: BTreeMap<String, u64>,
    /// Conflicts that opened.
    pub(super) opened: u64,
    /// Conflicts that a person decided.
    pub(super) resolved: u64,
    /// Conflicts that closed because the sides came to agree.
    pub(super) closed: u64,
}

/// A record's history and end.
struct Life {
    decisions: Vec<Vec<Decision>>,
    end: End,
}

#[derive(Deserialize)]
struct HistoryRow {
    decisions: Vec<Decision>,
}

impl Reckoning {
    /// Reckons up everything in the book.
    pub(super) async fn of(client: &Client, book: &Book) -> Result<Self, Broken> {
        let mut by_record: BTreeMap<RecordIx, Vec<&Edit>> = BTreeMap::new();
        for edit in &book.edits {
            by_record.entry(edit.record).or_default().push(edit);
        }
        let errors = client.pages("/review/api/v1/errors?open=true").await?;
        let errors = &errors;
        let lives = by_record.into_iter().map(|(record, edits)| async move {
            Ok::<_, Broken>((record, edits, life(client, book, record, errors).await?))
        });
        let mut lives = stream::iter(lives).buffer_unordered(AT_ONCE);
        let mut reckoning = Self::default();
        while let Some(life) = lives.next().await {
            let (record, edits, life) = life?;
            reckoning.conflicts(&life);
            reckoning.edits(book, record, &edits, &life);
        }
        Ok(reckoning)
    }

    fn edits(&mut self, book: &Book, record: RecordIx, edits: &[&Edit], life: &Life) {
        let (edits, others): (Vec<&Edit>, Vec<&Edit>) =
            edits.iter().partition(|edit| came(edit, edits, &life.decisions));
        self.never_came += others.len() as u64;
        for (at, edit) in edits.iter().enumerate() {
            let later = edits[at + 1..].iter().filter(|later| later.side == edit.side);
            let fate = |(field, change): &(String, fate::Change)| {
                let of_field: Vec<&Decision> =
                    life.decisions.iter().flatten().filter(|d| d.field == *field).collect();
                let later: Vec<Later<'_>> = later.clone().filter_map(|edit| later_of(edit, field)).collect();
                let fate = fate::of(change, &of_field, &later, &life.end, field);
                if let Fate::Lacking(why) = fate {
                    self.unaccounted.push(lacking(
                        book,
                        record,
                        edit,
                        (field, change),
                        (why, &of_field, &life.end),
                    ));
                }
                fate
            };
            let fates: Vec<Fate> = edit.changes.iter().map(fate).collect();
            self.accounts.enter(&fates);
        }
    }

    fn conflicts(&mut self, life: &Life) {
        let mut open: BTreeSet<&str> = BTreeSet::new();
        for row in &life.decisions {
            let was_open = !open.is_empty();
            let mut by_person = false;
            for decision in row {
                *self.rules.entry(decision.rule.clone()).or_default() += 1;
                match decision.rule.as_str() {
                    "conflict_opened" | "delete_asked" => {
                        open.insert(&decision.field);
                    }
                    "conflict_closed" | "deleted_on_both" => {
                        open.remove(decision.field.as_str());
                    }
                    "resolved" => {
                        by_person = true;
                        open.clear();
                    }
                    _ => {}
                }
            }
            self.opened += u64::from(!was_open && !open.is_empty());
            self.resolved += u64::from(by_person);
            self.closed += u64::from(was_open && open.is_empty() && !by_person);
        }
    }
}

/// Whether an edit was carried out: if its system does not know, its record's history does. It was carried out as a
/// whole or not at all; what others of the record's edits did too (a box that was ticked) tells nothing of this one, as
/// long as it did something that none of them did.
fn came(edit: &Edit, all: &[&Edit], decisions: &[Vec<Decision>]) -> bool {
    // What a record was made with was not brought by an edit of it; nor is it an edit that a box which is empty on one side is
    // unticked on the other.
    let is_of_birth = |row: &&Vec<Decision>| row.iter().any(|decision| decision.field == EXISTS);
    let is_empty = |json: &Json| matches!(json, Json::Null | Json::Bool(false));
    let told = |(field, change): &(String, fate::Change)| {
        let rows = decisions.iter().filter(|row| edit.doing == Doing::Create || !is_of_birth(row));
        let mut of_field = rows.flatten().filter(|decision| decision.field == *field);
        of_field.any(|decision| {
            let is_news = !(is_empty(&decision.base) && is_empty(&decision.ours));
            is_news && change.shows(&decision.ours) && !change.shows(&decision.base)
        })
    };
    let others = || all.iter().filter(|other| !std::ptr::eq(**other, edit));
    let is_its_own = |change: &&(String, fate::Change)| !others().any(|other| other.changes.contains(change));
    let own: Vec<_> = edit.changes.iter().filter(is_its_own).collect();
    edit.taken != Taken::Perhaps
        || own.iter().any(|change| told(change))
        || own.is_empty() && edit.changes.iter().any(told)
}

fn later_of<'a>(edit: &'a Edit, field: &str) -> Option<Later<'a>> {
    match (edit.doing, edit.left.get(field)) {
        (Doing::Delete, _) => Some(Later::Deleted),
        (_, Some(value)) => Some(Later::Wrote(value)),
        (_, None) => None,
    }
}

/// Everything that is known about an edit that nothing explains.
fn lacking(
    book: &Book,
    record: RecordIx,
    edit: &Edit,
    (field, change): (&str, &fate::Change),
    (why, decisions, end): (&str, &[&Decision], &End),
) -> String {
    let (known, doing) = (&book.records[record], edit.doing.words());
    let (account, kind, id) = (&known.account, &known.kind, &known.canonical);
    let mut text = format!("{account} {kind} {id} {field}: {change:?} on {} ({doing}): {why}", edit.side);
    let agreed = end.agreed.get(field).unwrap_or(&Json::Null);
    text.push_str(&format!("\n    ids {:?}, alive {}, agreed {agreed}", known.ids, end.alive));
    let certain =
        if edit.taken == Taken::Perhaps { "nobody heard whether it was taken" } else { "it was taken" };
    text.push_str(&format!("\n    all of the edit: {:?}; {certain}", edit.changes));
    for decision in decisions {
        let Decision { rule, base, ours, from, to, .. } = decision;
        text.push_str(&format!("\n    {rule}: base {base}, ours {ours}, from {from}, to {to}"));
    }
    text
}

async fn life(client: &Client, book: &Book, record: RecordIx, errors: &[Json]) -> Result<Life, Broken> {
    let path = book.review_path(record);
    let Some(shown) = client.find(&path).await? else {
        let end = End { in_error: is_named(book, record, errors), ..End::default() };
        return Ok(Life { decisions: Vec::new(), end });
    };
    // It comes newest first.
    let mut history = client.pages(&format!("{path}/history")).await?;
    history.reverse();
    let rows: Vec<HistoryRow> =
        serde_json::from_value(Json::Array(history)).map_err(|e| Broken(format!("{path}/history: {e}")))?;
    let conflict = &shown["conflict"];
    let fields = conflict["fields"].as_object().map(Map::keys).into_iter().flatten().cloned();
    let asked = (!conflict["deletedBy"].is_null()).then(|| EXISTS.to_string());
    let end = End {
        alive: shown["alive"] == true,
        agreed: shown["state"].as_object().cloned().unwrap_or_default(),
        disputed: fields.chain(asked).collect(),
        in_error: is_named(book, record, errors),
    };
    Ok(Life { decisions: rows.into_iter().map(|row| row.decisions).collect(), end })
}

/// Whether an open error names the record, by our id or by a side's.
fn is_named(book: &Book, record: RecordIx, errors: &[Json]) -> bool {
    let known = &book.records[record];
    let name = |side| Some(format!("{}:{side}:{}", known.kind, known.ids[side].as_ref()?));
    let names: Vec<String> = Side::BOTH.into_iter().filter_map(name).collect();
    errors.iter().filter(|error| error["account"] == known.account.as_str()).any(|error| {
        let (record, message) = (&error["record"], error["message"].as_str().unwrap_or_default());
        let by_key = record["record_type"] == known.kind.as_str() && record["id"] == known.canonical.as_str();
        by_key || names.iter().any(|name| message.contains(name.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use fate::Change;

    fn edit(side: Side, taken: Taken, changes: &[(&str, Json)]) -> Edit {
        let changes = changes.iter().map(|(name, value)| (name.to_string(), Change::Value(value.clone())));
        Edit {
            record: 0,
            side,
            id: "16".into(),
            doing: Doing::Fields,
            collides: false,
            changes: changes.collect(),
            left: BTreeMap::new(),
            taken,
        }
    }

    fn decisions(of: &[(&str, Json, Json)]) -> Vec<Vec<Decision>> {
        let decision = |(field, base, ours): &(&str, Json, Json)| {
            let decision = json!({ "field": field, "rule": "clean", "base": base, "ours": ours, "from": base, "to": ours });
            serde_json::from_value(decision).unwrap()
        };
        vec![of.iter().map(decision).collect()]
    }

    #[test]
    fn an_edit_in_doubt_came_if_something_is_seen_that_only_it_did() {
        let both = [("postal_code", json!("postal code 2071")), ("inactive", json!(true))];
        let doubtful = edit(Side::SuiteX, Taken::Perhaps, &both);
        let ticked = edit(Side::NetSuite, Taken::Told(None), &both[1..]);
        let all = [&doubtful, &ticked];
        let seen_ticked = decisions(&[("inactive", json!(false), json!(true))]);
        assert!(!came(&doubtful, &all, &seen_ticked), "somebody else ticked the box");
        assert!(came(&ticked, &all, &[]), "its system says so");
        let seen_code = decisions(&[("postal_code", json!("3511 AB"), json!("postal code 2071"))]);
        assert!(came(&doubtful, &all, &seen_code), "nobody else wrote that code");
        assert!(came(&doubtful, &[&doubtful], &seen_ticked), "nobody else ticked the box");
        let (made, unticked) = ((EXISTS, json!(false), json!(true)), ("inactive", Json::Null, json!(false)));
        let unticks = edit(Side::SuiteX, Taken::Perhaps, &[both[0].clone(), ("inactive", json!(false))]);
        assert!(
            !came(&unticks, &[&unticks], &decisions(&[made.clone(), unticked.clone()])),
            "it was made so"
        );
        assert!(!came(&unticks, &[&unticks], &decisions(&[unticked])), "an empty box is an empty box");
        let was_made = decisions(&[made, ("inactive", Json::Null, json!(true))]);
        assert!(!came(&doubtful, &[&doubtful], &was_made), "it was made with that tick");
        let only_ticks = edit(Side::SuiteX, Taken::Perhaps, &both[1..]);
        assert!(came(&only_ticks, &[&only_ticks, &ticked], &seen_ticked), "they cannot be told apart");
    }
}
