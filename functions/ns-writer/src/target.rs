//! NetSuite as a target: our calls in its RESTlet's words, its outcomes in ours.

use async_trait::async_trait;
use serde_json::{Map, Value as Json};
use shared::breakage::{self, Breakage};
use shared::domain::id::{Revision, Side, SideId, Timestamp};
use shared::domain::record::Verb;
use shared::domain::surface::Account;
use shared::domain::value::{Kind, LineSpec};
use shared::netsuite::client::Client;
use shared::netsuite::error::refusal;
use shared::netsuite::wire;
use shared::writer::{Answer, CallFault, LookCall, Shown, Target, Twin, WriteCall};

/// NetSuite, through the write RESTlet.
#[derive(Clone)]
pub struct NetSuite {
    /// Speaks to the RESTlet.
    pub client: Client,
}

#[async_trait]
impl Target for NetSuite {
    fn side(&self) -> Side {
        Side::NetSuite
    }

    fn is_governed(&self) -> bool {
        true
    }

    async fn write(&self, account: &Account, calls: &[WriteCall]) -> Result<Vec<Answer>, CallFault> {
        let outcomes = self.client.apply(account, calls.iter().map(write_of).collect()).await?;
        Ok(outcomes
            .into_iter()
            .zip(calls)
            .map(|(outcome, call)| answer_to_write(outcome, call.verb))
            .collect())
    }

    async fn look(&self, account: &Account, calls: &[LookCall]) -> Result<Vec<Answer>, CallFault> {
        let outcomes = self.client.read(account, calls.iter().map(read_of).collect()).await?;
        Ok(outcomes.into_iter().map(answer_to_look).collect())
    }
}

fn write_of(call: &WriteCall) -> wire::Write {
    let blind = breakage::on(Breakage::NoCompareBeforeSet);
    wire::Write {
        operation: call.operation,
        verb: match call.verb {
            Verb::Create => wire::Verb::Create,
            Verb::Update => wire::Verb::Update,
            Verb::Delete => wire::Verb::Delete,
        },
        record_type: call.surface.netsuite.clone(),
        id: call.id.as_ref().map(SideId::to_string),
        external_id: (call.verb == Verb::Create).then(|| call.canonical.to_string()),
        unless: Some(call.unless.clone()).filter(|unless| !unless.keys.is_empty()),
        expected: if blind { Map::new() } else { call.expected.clone() },
        values: with_known_lines(call),
        fields: call.surface.names_on(Side::NetSuite),
    }
}

/// The values to set, with line keys that NetSuite takes: one of its own keys that it no longer has (the line,
/// or the whole record, was deleted there and is to come back) travels as an external key.
fn with_known_lines(call: &WriteCall) -> Map<String, Json> {
    let mut values = call.values.clone();
    for field in &call.surface.fields {
        let Kind::Lines(LineSpec { key: Some(key), .. }) = &field.kind else { continue };
        let there = call.expected.get(&field.netsuite).and_then(Json::as_array);
        let is_there = |own: &Json| {
            there.is_some_and(|lines| lines.iter().any(|line| line.get(&key.netsuite) == Some(own)))
        };
        let Some(lines) = values.get_mut(&field.netsuite).and_then(Json::as_array_mut) else { continue };
        for line in lines.iter_mut().filter_map(Json::as_object_mut) {
            if line.get(&key.netsuite).is_some_and(|own| !is_there(own))
                && let Some(own) = line.remove(&key.netsuite)
            {
                line.insert(key.netsuite_external.clone(), own);
            }
        }
    }
    values
}

fn read_of(call: &LookCall) -> wire::Read {
    wire::Read {
        record_type: call.surface.netsuite.clone(),
        id: call.id.as_ref().map(SideId::to_string),
        external_id: call.id.is_none().then(|| call.canonical.to_string()),
        operations: call.operations.clone(),
        fields: call.surface.names_on(Side::NetSuite),
    }
}

fn answer_to_write(outcome: wire::Outcome, verb: Verb) -> Answer {
    match outcome.outcome {
        wire::What::Applied | wire::What::AlreadyApplied if verb == Verb::Delete => Answer::Applied(None),
        wire::What::Applied => {
            shown(outcome).map_or_else(Answer::Unclear, |shown| Answer::Applied(Some(shown)))
        }
        _ => answer_to_look(outcome),
    }
}

fn answer_to_look(outcome: wire::Outcome) -> Answer {
    let held = outcome.held.clone();
    match outcome.outcome {
        wire::What::Found | wire::What::Mismatch | wire::What::AlreadyApplied | wire::What::Applied => {
            shown(outcome).map_or_else(Answer::Unclear, |shown| Answer::Looked { shown, held })
        }
        wire::What::Twins => twins(outcome.twins).map_or_else(Answer::Unclear, Answer::Twins),
        wire::What::Deleted => Answer::Gone(revision(&outcome)),
        wire::What::Missing => Answer::Missing,
        wire::What::NotAttempted => Answer::NotTried,
        wire::What::Refused => {
            let error = outcome.error.unwrap_or(wire::Refusal {
                code: "UNEXPECTED_ERROR".into(),
                message: "refused without a reason".into(),
                field: None,
            });
            Answer::Refused(refusal(&error.code, &error.message, error.field))
        }
    }
}

fn twins(outcomes: Vec<wire::Outcome>) -> Result<Vec<Twin>, String> {
    if outcomes.is_empty() {
        return Err("NetSuite speaks of records like this one and shows none".into());
    }
    let twin = |mut outcome: wire::Outcome| {
        let mark = outcome.external_id.take();
        Ok(Twin { shown: shown(outcome)?, mark })
    };
    outcomes.into_iter().map(twin).collect()
}

fn revision(outcome: &wire::Outcome) -> Option<Revision> {
    outcome.last_modified.as_deref().and_then(Timestamp::parse).map(|t| Revision(t.seconds()))
}

/// The record in an outcome; or why it is none. After a write the script may have been kept from looking.
fn shown(outcome: wire::Outcome) -> Result<Shown, String> {
    let id = outcome.id.as_deref().and_then(|id| SideId::parse(id).ok());
    match (id, revision(&outcome)) {
        (Some(id), Some(revision)) => Ok(Shown { id, revision, values: outcome.values }),
        (id, _) => Err(format!(
            "NetSuite speaks of {} without an id or a lastModified",
            id.as_ref().map_or("a record", SideId::as_str)
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(json: Json) -> wire::Outcome {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_was_written_and_is_not_shown_is_unclear_and_not_untried() {
        let shown = json!({ "outcome": "applied", "id": "7", "lastModified": "2026-03-01T10:00:00Z" });
        assert!(matches!(answer_to_write(outcome(shown), Verb::Update), Answer::Applied(Some(_))));
        for what in ["applied", "already_applied"] {
            for verb in [Verb::Create, Verb::Update] {
                let dark = outcome(json!({ "outcome": what, "id": "7" }));
                assert!(
                    matches!(answer_to_write(dark, verb), Answer::Unclear(why) if why.contains('7')),
                    "{what}"
                );
            }
        }
        assert_eq!(
            answer_to_write(outcome(json!({ "outcome": "applied" })), Verb::Delete),
            Answer::Applied(None)
        );
        assert_eq!(
            answer_to_write(outcome(json!({ "outcome": "not_attempted" })), Verb::Update),
            Answer::NotTried
        );
    }
}
