//! What people do at their desk. API and pages say it in their own ways, and both come here.
//!
//! Every function begins with a [`Seat`](crate::access::Seat) or an [`Access`]. What is found
//! is shown as views; what is wrong is a problem.

mod accounts;
mod ambiguous;
mod answer;
mod audit;
mod brake;
mod bulk;
mod conflicts;
mod effects;
mod errors;
mod life;
mod notices;
mod overriding;
mod records;
mod timeline;
mod why;
mod words;

use serde_json::{Map, json};
use shared::domain::event::{ChangeEvent, Operation, Payload, Source};
use shared::domain::id::{RecordKey, SideId, Timestamp, derived_id};
use shared::runtime::problem::Problem;
use shared::state::AuditRow;
use uuid::Uuid;

use crate::access::Access;
use audit::last_word;

pub use accounts::{Held, Holding, account, accounts, census, hold, holding};
pub use ambiguous::{Question, Word, identify, question, questions};
pub use answer::{Answer, Policied};
pub use audit::{AuditQuery, AuditView, audit};
pub use brake::{decide, may_decide, need_decider};
pub use bulk::{Applied, Batch, Cost, Fate, Item, Judged, Left, PLAN_MAX, Planned, Planning, apply, plan};
pub use conflicts::{
    Accepted, Choices, ConflictQuery, Open, Shown, assign, changed_since, ended, list, open, preview,
    resolve, route, show, story,
};
pub use effects::{Effect, Setting};
pub use errors::{Case, ErrorQuery, Waiting, dismiss, edit, error, errors, retry, waiting};
pub use notices::{NoticeQuery, acknowledge, deliveries, in_trouble, notices};
pub use overriding::{Overriding, override_fields};
pub use records::{AsOf, Found, When, history, record, record_as_of, records, search, view};
pub use timeline::{Moment, Story};
pub use why::{Noted, Step, Why, why};

/// Longest note, in characters.
pub const NOTE_MAX: usize = 2_000;

/// A note as it was given: none when there is nothing in it.
pub fn note(field: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text.map(|text| text.trim().to_string()).filter(|text| !text.is_empty()) {
        Some(text) if text.chars().count() > NOTE_MAX => {
            Err(Problem::unprocessable(field, format!("must be text of at most {NOTE_MAX} characters")))
        }
        text => Ok(text),
    }
}

/// The place, in a list by time, at which a page of it has ended: `ms:id`.
fn place(after: Option<&str>) -> Result<Option<(Timestamp, Uuid)>, Problem> {
    let read = |text: &str| {
        let (at, id) = text.split_once(':')?;
        Some((Timestamp(at.parse().ok()?), Uuid::parse_str(id).ok()?))
    };
    let wrong = || Problem::bad_request("after", "is not where a page of this list has ended");
    after.map(|text| read(text).ok_or_else(wrong)).transpose()
}

/// A row of the audit about what `access`'s person does now.
fn audit_row(access: &Access, action: &str, subject: String, details: serde_json::Value) -> AuditRow {
    let actor = access.person().email().to_string();
    AuditRow { at: access.now(), actor, action: action.into(), subject, details }
}

/// The event that carries a decision about a record. Its id comes from what was decided: a double click is one event.
fn decision(
    access: &Access,
    key: &RecordKey,
    version: u64,
    payload: Payload,
    note: Option<&str>,
    now: Timestamp,
) -> ChangeEvent {
    // The parts of a decision always serialise, fields in order.
    let decided = serde_json::to_string(&payload).unwrap_or_default();
    let person = access.person();
    let mut auth_context = Map::from_iter([("actor".to_string(), json!(person.email()))]);
    if person.name() != person.email() {
        auth_context.insert("name".into(), json!(person.name()));
    }
    if let Some(note) = note {
        auth_context.insert("note".into(), json!(note));
    }
    ChangeEvent {
        event_id: derived_id("decision", &[&key.to_string(), &decided]),
        account_id: key.account.clone(),
        record_type: key.record_type.clone(),
        record_id: SideId::parse(key.id.as_str()).expect("ids of both kinds are spelled alike"),
        source: Source::Review,
        operation: Operation::Update,
        timestamp: now,
        revision: None,
        base_version: Some(version),
        payload: Payload { flush: true, ..payload },
        external_id: None,
        ordering_key: key.to_string(),
        full_snapshot_ref: None,
        auth_context,
        metadata: Map::new(),
        unknown: Map::new(),
    }
}
