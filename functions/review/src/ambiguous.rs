//! The queue of records of which a side has several that could be them: list, one with a preview, and a person's word.
//! The word leaves as an event, like a resolution.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Router;
use axum::response::Json;
use axum::routing::{get, post};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::domain::event::{IdentityChoice, Payload, WireIdentity};
use shared::domain::id::{AccountId, CanonicalId, RecordType, Revision, Side, SideId, Timestamp};
use shared::domain::identity::{self, Preview};
use shared::domain::people::Role;
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::runtime::problem::Problem;
use shared::state::{Ambiguity, AmbiguityAnswer, AmbiguityStatus, Candidate};
use shared::writer::translate::{CanonicalIds, read};
use uuid::Uuid;

use crate::App;
use crate::access::{Access, Seat};
use crate::desk::decision;
use crate::request::{self, Body, Params, Segments};

/// Longest note taken, in characters.
const TEXT_MAX: usize = 2_000;

/// The routes of this queue, below the API's root.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/ambiguous", get(list))
        .route("/ambiguous/{id}", get(one))
        .route("/ambiguous/{id}/decide", post(decide))
}

/// A question, as people see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    ambiguity_id: Uuid,
    account: &'a AccountId,
    record_type: &'a RecordType,
    record_id: &'a CanonicalId,
    /// The side that lacks the record.
    side: Side,
    revision: u64,
    status: AmbiguityStatus,
    opened_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: &'a Option<AmbiguityAnswer>,
    /// What the record holds; in one that is asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Map<String, Value>>,
    candidates: Vec<CandidateView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateView<'a> {
    id: &'a SideId,
    revision: Revision,
    values: &'a Map<String, Value>,
    /// The keys in which it is like the record: names of their fields.
    matched: &'a [Vec<String>],
    /// The record that it belongs to; then it cannot be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_by: &'a Option<CanonicalId>,
    /// What linking it would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<Vec<PreviewView>>,
}

/// What linking would make of a field in which the two differ.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreviewView {
    field: Arc<str>,
    record: Value,
    candidate: Value,
    result: Value,
    /// A person would have to decide.
    conflict: bool,
    /// The sides that would be written to.
    written_to: Vec<Side>,
}

impl<'a> View<'a> {
    fn of(ambiguity: &'a Ambiguity) -> Self {
        let key = &ambiguity.record;
        Self {
            ambiguity_id: ambiguity.id(),
            account: &key.account,
            record_type: &key.record_type,
            record_id: &key.id,
            side: ambiguity.side,
            revision: ambiguity.revision,
            status: ambiguity.status,
            opened_at: ambiguity.opened_at,
            answer: &ambiguity.answer,
            state: None,
            candidates: ambiguity.candidates.iter().map(CandidateView::of).collect(),
        }
    }
}

impl<'a> CandidateView<'a> {
    fn of(candidate: &'a Candidate) -> Self {
        Self {
            id: &candidate.id,
            revision: candidate.revision,
            values: &candidate.values,
            matched: &candidate.matched,
            taken_by: &candidate.taken_by,
            preview: None,
        }
    }
}

impl PreviewView {
    fn of(preview: &Preview, surface: &TypeSurface) -> Self {
        let field = &surface.fields[preview.field];
        let shown = |value| field.kind.render(Side::SuiteX, value);
        Self {
            field: Arc::clone(&field.name),
            record: shown(&preview.ours),
            candidate: shown(&preview.theirs),
            result: shown(&preview.result),
            conflict: preview.conflict,
            written_to: preview.written_to.clone(),
        }
    }
}

async fn list(seat: Seat, params: Params) -> Result<Json<Value>, Problem> {
    let (limit, after) = (params.limit()?, params.get("after"));
    let mut items = Vec::new();
    for access in seat.accounts_of(params.get("account"))? {
        // Accounts come by name, as the cursor counts them.
        let place = after.map_or(Ordering::Greater, |after| access.comes_after(after));
        if place == Ordering::Less {
            continue;
        }
        let after = after.filter(|_| place == Ordering::Equal);
        let page = access.ambiguous(after, limit - items.len()).await?;
        items.extend(page.items.iter().map(|asked| json!(View::of(asked))));
        if items.len() >= limit {
            let next = page.next.or_else(|| page.items.last().map(|last| last.record.to_string()));
            return Ok(Json(json!({ "items": items, "next": next })));
        }
    }
    Ok(Json(json!({ "items": items, "next": null })))
}

async fn one(seat: Seat, Segments(id): Segments<String>) -> Result<Json<Value>, Problem> {
    let (access, asked) = find(&seat, &id).await?;
    Ok(Json(shown(&access, &asked).await?))
}

async fn find(seat: &Seat, id: &str) -> Result<(Access, Ambiguity), Problem> {
    let found = seat.ambiguity(request::id(id)?).await?;
    found.ok_or_else(|| Problem::not_found("no record was ever ambiguous under this id").at("id"))
}

/// A question with what each answer would change.
async fn shown(access: &Access, asked: &Ambiguity) -> Result<Value, Problem> {
    let mut view = View::of(asked);
    let key = &asked.record;
    let surface = access.account().types.get(&key.record_type);
    let record = access.record(&Access::name_of(key)).await?;
    // What is no longer configured, or has become another record, is shown as it was found.
    let (Some(surface), Some(record)) = (surface, record.filter(|record| record.key == *key)) else {
        return Ok(json!(view));
    };
    let ids = access.referred(asked, surface).await?;
    for (candidate, view) in asked.candidates.iter().zip(&mut view.candidates) {
        if asked.status == AmbiguityStatus::Open && candidate.taken_by.is_none() {
            view.preview = Some(preview(&record, asked.side, candidate, &ids, surface, access.now()));
        }
    }
    let named = surface.fields.iter().zip(&record.canonical);
    view.state = Some(named.map(|(f, v)| (f.name.to_string(), f.kind.render(Side::SuiteX, v))).collect());
    Ok(json!(view))
}

/// The fields in which the two differ, and what would become of them.
fn preview(
    record: &Record,
    side: Side,
    candidate: &Candidate,
    ids: &CanonicalIds,
    surface: &TypeSurface,
    now: Timestamp,
) -> Vec<PreviewView> {
    let read = read(ids, side, surface, &candidate.values);
    let seen = (candidate.id.clone(), candidate.revision, read.values);
    let all = identity::preview(record, side, seen, now, surface);
    let differs = all.iter().filter(|one| one.ours != one.theirs);
    differs.map(|one| PreviewView::of(one, surface)).collect()
}

/// `{revision, choice: "create" | "again" | {"link": "<id>"}, note?}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    revision: u64,
    choice: IdentityChoice,
    note: Option<String>,
}

async fn decide(
    seat: Seat,
    Segments(id): Segments<String>,
    Body(body): Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (access, asked) = find(&seat, &id).await?;
    access.need(Role::Resolver)?;
    let word = word(&body)?;
    if asked.status != AmbiguityStatus::Open {
        return Err(stale(&access, &asked, "the question is answered").await?);
    }
    if asked.revision != word.revision {
        let detail = format!("the question is at revision {} now; decide on what it shows", asked.revision);
        return Err(stale(&access, &asked, &detail).await?);
    }
    if !asked.is_answered_by(word.revision, &word.choice) {
        let reason = "names none of the candidates that are free";
        return Err(Problem::unprocessable("choice.link", reason));
    }
    let record = access.record(&Access::name_of(&asked.record)).await?;
    let waits = |r: &Arc<Record>| r.key == asked.record && identity::asked_about(r) == Some(asked.side);
    let Some(record) = record.filter(waits) else {
        return Err(stale(&access, &asked, "the record does not wait for this any more").await?);
    };
    let identity = WireIdentity { ambiguity_id: asked.id(), revision: word.revision, choice: word.choice };
    let payload = Payload { identity: Some(identity), ..Payload::default() };
    let (note, now) = (word.note.as_deref(), access.now());
    let event = decision(&access, &record.key, record.version.0, payload, note, now);
    access.publish(std::slice::from_ref(&event)).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "eventId": event.event_id }))))
}

/// 409, with the present view.
async fn stale(access: &Access, asked: &Ambiguity, detail: &str) -> Result<Problem, Problem> {
    let present = shown(access, asked).await?;
    Ok(Problem::conflict(detail, Map::from_iter([("ambiguity".to_string(), present)])))
}

fn word(body: &[u8]) -> Result<Word, Problem> {
    let json: Value =
        serde_json::from_slice(body).map_err(|e| Problem::bad_request("$", format!("is not JSON: {e}")))?;
    if !json.is_object() {
        return Err(Problem::bad_request("$", "must be a JSON object"));
    }
    let field = |name: &str, reason: &str| Problem::unprocessable(name, reason);
    if json["revision"].as_u64().is_none() {
        return Err(field("revision", "must be a whole number, as the question shows it"));
    }
    if serde_json::from_value::<IdentityChoice>(json["choice"].clone()).is_err() {
        return Err(field("choice", "must be \"create\", \"again\" or {\"link\": \"<id of a candidate>\"}"));
    }
    let is_text = |v: &Value| v.as_str().is_some_and(|text| text.chars().count() <= TEXT_MAX);
    if !json["note"].is_null() && !is_text(&json["note"]) {
        return Err(field("note", &format!("must be text of at most {TEXT_MAX} characters")));
    }
    serde_json::from_value(json).map_err(|e| field("$", &e.to_string()))
}
