//! A person's answer to a conflict: read, checked against the conflict as it is now, made an event. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use shared::domain::conflict::Conflict;
use shared::domain::event::{ChangeEvent, Operation, Payload, Source, WireChoice, WireResolution};
use shared::domain::id::{RecordType, Side, SideId, Timestamp, derived_id};
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::runtime::problem::Problem;

use crate::view;

/// Who decided, when nobody says: there is no identity yet.
const NOBODY: &str = "reviewer";

/// Longest note and actor taken, in characters.
const TEXT_MAX: usize = 2_000;

/// An answer, as it was sent.
#[derive(Debug)]
pub(crate) struct Answer {
    revision: u64,
    /// For every field that has no choice of its own, and for the record's existence.
    choice: Option<WireChoice>,
    fields: BTreeMap<String, WireChoice>,
    keep: Option<bool>,
    actor: String,
    note: Option<String>,
}

/// An answer that decides the conflict.
#[derive(Debug)]
pub(crate) struct Decision {
    /// What was decided.
    pub(crate) resolution: WireResolution,
    /// Records to which edited values refer: the field, the type, the canonical id.
    pub(crate) references: Vec<(String, RecordType, Arc<str>)>,
}

/// Reads `{conflictRevision, choice?, fields?, keep?, actor?, note?}`.
pub(crate) fn read(body: &[u8]) -> Result<Answer, Problem> {
    let mut object = match serde_json::from_slice(body) {
        Ok(Json::Object(object)) => object,
        Ok(_) => return Err(Problem::bad_request("$", "must be a JSON object")),
        Err(e) => return Err(Problem::bad_request("$", format!("is not JSON: {e}"))),
    };
    let mut take = |name: &str| object.remove(name).filter(|json| !json.is_null());
    let revision = match take("conflictRevision") {
        None => return wrong("conflictRevision", "is missing"),
        Some(json) => json.as_u64().ok_or_else(|| {
            Problem::unprocessable("conflictRevision", "must be a whole number, as the conflict shows it")
        })?,
    };
    let choice = take("choice").map(|json| choice("choice", &json)).transpose()?;
    let mut fields = BTreeMap::new();
    match take("fields") {
        None => {}
        Some(Json::Object(given)) => {
            for (name, json) in given {
                let decided = field(&format!("fields.{name}"), json)?;
                fields.insert(name, decided);
            }
        }
        Some(_) => return wrong("fields", "must be an object: field name → decision"),
    }
    let keep = match take("keep") {
        None => None,
        Some(Json::Bool(keep)) => Some(keep),
        Some(_) => return wrong("keep", "must be true or false"),
    };
    let actor = text("actor", take("actor"))?.unwrap_or_else(|| NOBODY.to_string());
    let note = text("note", take("note"))?;
    match object.keys().find(|name| !object[*name].is_null()) {
        Some(unknown) => wrong(unknown, "is not part of a resolution"),
        None => Ok(Answer { revision, choice, fields, keep, actor, note }),
    }
}

fn wrong<T>(field: &str, reason: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::unprocessable(field, reason))
}

fn choice(field: &str, json: &Json) -> Result<WireChoice, Problem> {
    match json.as_str() {
        Some("netsuite") => Ok(WireChoice::Netsuite),
        Some("suitex") => Ok(WireChoice::Suitex),
        Some("suggested") => Ok(WireChoice::Suggested),
        _ => wrong(field, "must be netsuite, suitex or suggested"),
    }
}

/// `{"choice": …}` or `{"value": …}`; a null value clears the field.
fn field(path: &str, json: Json) -> Result<WireChoice, Problem> {
    let Json::Object(mut given) = json else {
        return wrong(path, "must be {\"choice\": …} or {\"value\": …}");
    };
    match (given.remove("choice"), given.remove("value"), given.is_empty()) {
        (Some(json), None, true) => choice(path, &json),
        (None, Some(value), true) => Ok(WireChoice::Value(value)),
        _ => wrong(path, "must be {\"choice\": …} or {\"value\": …}"),
    }
}

fn text(field: &str, json: Option<Json>) -> Result<Option<String>, Problem> {
    match json {
        None => Ok(None),
        Some(Json::String(text)) if text.chars().count() <= TEXT_MAX => Ok(Some(text)),
        Some(_) => wrong(field, format!("must be text of at most {TEXT_MAX} characters")),
    }
}

/// Checks an answer against the conflict: the revision is the present one, and everything open is decided.
pub(crate) fn decide(
    answer: &Answer,
    record: &Record,
    conflict: &Conflict,
    surface: &TypeSurface,
) -> Result<Decision, Problem> {
    if answer.revision != conflict.revision {
        let shown = json!(view::conflict(&record.key, conflict, surface));
        let detail =
            format!("the conflict is at revision {} now; decide on what it shows", conflict.revision);
        return Err(Problem::conflict(detail, Map::from_iter([("conflict".to_string(), shown)])));
    }
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

/// The event that carries a decision. Its id comes from what was decided: a double click is one event.
pub(crate) fn event(
    record: &Record,
    answer: &Answer,
    resolution: WireResolution,
    now: Timestamp,
) -> ChangeEvent {
    let key = &record.key;
    // The parts of a resolution always serialise, fields in order.
    let decided = serde_json::to_string(&resolution).unwrap_or_default();
    let mut auth_context = Map::from_iter([("actor".to_string(), json!(answer.actor))]);
    if let Some(note) = &answer.note {
        auth_context.insert("note".into(), json!(note));
    }
    ChangeEvent {
        event_id: derived_id("resolution", &[&key.to_string(), &decided]),
        account_id: key.account.clone(),
        record_type: key.record_type.clone(),
        record_id: SideId::parse(key.id.as_str()).expect("ids of both kinds are spelled alike"),
        source: Source::Review,
        operation: Operation::Update,
        timestamp: now,
        revision: None,
        base_version: Some(record.version.0),
        payload: Payload { resolution: Some(resolution), flush: true, ..Payload::default() },
        external_id: None,
        ordering_key: key.to_string(),
        full_snapshot_ref: None,
        auth_context,
        metadata: Map::new(),
        unknown: Map::new(),
    }
}
