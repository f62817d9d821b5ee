//! A person's answer to a conflict: checked against the conflict as it is now. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::domain::conflict::Conflict;
use shared::domain::event::{WireChoice, WireResolution};
use shared::domain::id::{RecordType, Side};
use shared::domain::surface::{Policy, TypeSurface};
use shared::runtime::problem::Problem;

/// An answer, as it was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The revision on which it was judged.
    pub revision: u64,
    /// For every field that has no choice of its own, and for the record's existence.
    pub choice: Option<WireChoice>,
    /// Field by field.
    pub fields: BTreeMap<String, WireChoice>,
    /// Whether a record that one side has deleted lives on.
    pub keep: Option<bool>,
    /// Why.
    pub note: Option<String>,
}

/// An answer by a rule instead of a choice: what the rule would have decided, had it been the field's.
#[derive(Debug, Clone, PartialEq)]
pub struct Policied {
    /// The revision on which it was judged.
    pub revision: u64,
    /// The rule.
    pub policy: Policy,
    /// Why.
    pub note: Option<String>,
}

impl Policied {
    /// The answer that the rule gives. What is suggested is what the later change says, with what does not contradict
    /// it; that is the meaning of `latest_wins`.
    pub fn answer(&self) -> Result<Answer, Problem> {
        let choice = match self.policy {
            Policy::NetsuiteWins => WireChoice::Netsuite,
            Policy::SuitexWins => WireChoice::Suitex,
            Policy::LatestWins => WireChoice::Suggested,
            Policy::Manual | Policy::Union => {
                let reason =
                    "must be netsuite_wins, suitex_wins or latest_wins: only these decide a conflict";
                return Err(Problem::unprocessable("policy", reason));
            }
        };
        Ok(Answer {
            revision: self.revision,
            choice: Some(choice),
            note: self.note.clone(),
            ..Answer::default()
        })
    }
}

/// An answer that decides the conflict.
#[derive(Debug)]
pub(super) struct Decision {
    /// What was decided.
    pub(super) resolution: WireResolution,
    /// Records to which edited values refer: the field, the type, the canonical id.
    pub(super) references: Vec<(String, RecordType, Arc<str>)>,
}

fn wrong<T>(field: &str, reason: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::unprocessable(field, reason))
}

/// What the answer makes of the conflict: everything that is open is decided, by values that its fields can take.
/// Whether it is still the revision that was judged is asked before.
pub(super) fn decide(
    answer: &Answer,
    conflict: &Conflict,
    surface: &TypeSurface,
) -> Result<Decision, Problem> {
    let is_open = |name: &str| surface.field(name).is_some_and(|field| conflict.clash(field).is_some());
    if let Some(name) = answer.fields.keys().find(|name| !is_open(name)) {
        return wrong(&format!("fields.{name}"), "is not in this conflict");
    }
    let keep = keep(answer, conflict)?;
    let mut fields = BTreeMap::new();
    let mut references = Vec::new();
    for clash in &conflict.clashes {
        let spec = &surface.fields[clash.field];
        let path = format!("fields.{}", spec.name);
        let given = answer.fields.get(&*spec.name).or(answer.choice.as_ref());
        let decided = match given {
            Some(WireChoice::Value(json)) => {
                let value = spec.kind.parse(Side::SuiteX, json);
                let value = value.map_err(|e| Problem::unprocessable(&path, e.to_string()))?;
                spec.kind.references(&value, &mut |kind, id| {
                    references.push((path.clone(), kind.clone(), id.clone()));
                });
                // In canonical form, so that the same decision is the same event.
                WireChoice::Value(spec.kind.render(Side::SuiteX, &value))
            }
            Some(side) => side.clone(),
            // A record that goes needs no values.
            None if keep == Some(false) => WireChoice::Suggested,
            None => return wrong(&path, "needs a decision"),
        };
        fields.insert(spec.name.to_string(), decided);
    }
    let resolution =
        WireResolution { conflict_id: conflict.id, conflict_revision: conflict.revision, fields, keep };
    Ok(Decision { resolution, references })
}

/// Whether a record that one side has deleted lives on: to choose the side that deleted it is to delete it.
fn keep(answer: &Answer, conflict: &Conflict) -> Result<Option<bool>, Problem> {
    let Some(by) = conflict.deleted_by else {
        return match answer.keep {
            None => Ok(None),
            Some(_) => wrong("keep", "neither side has deleted the record"),
        };
    };
    match (answer.keep, &answer.choice) {
        (Some(keep), _) => Ok(Some(keep)),
        (None, Some(WireChoice::Netsuite)) => Ok(Some(by != Side::NetSuite)),
        (None, Some(WireChoice::Suitex)) => Ok(Some(by != Side::SuiteX)),
        (None, _) => {
            let reason =
                format!("needs a decision: {by} has deleted the record; true keeps it, false deletes it");
            wrong("keep", reason)
        }
    }
}
