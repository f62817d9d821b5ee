//! A question which of a side's records ours is.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use shared::domain::id::{Side, Timestamp};
use shared::domain::identity::{self, Preview};
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::state::{Ambiguity, AmbiguityAnswer, AmbiguityStatus, Candidate};
use shared::writer::translate::{CanonicalIds, read};
use utoipa::ToSchema;
use uuid::Uuid;

use super::conflict::title;
use super::shown;

/// A question, as people see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AmbiguityView {
    /// Its id.
    pub ambiguity_id: Uuid,
    /// Tenant.
    pub account: String,
    /// Record type.
    pub record_type: String,
    /// Canonical id of the record.
    pub record_id: String,
    /// What people call the record; in one that is asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The side that lacks the record: `netsuite` or `suitex`.
    pub side: &'static str,
    /// Up by one with each question: what an answer must name.
    pub revision: u64,
    /// `open`, `answered` (the writer carries it out, or it holds for good), `closed` (nobody need tell).
    pub status: &'static str,
    /// Since when it is asked.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// The last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<AnswerView>,
    /// What the record holds; in one that is asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<BTreeMap<String, Json>>,
    /// What the side has.
    pub candidates: Vec<CandidateView>,
}

/// What a person said.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AnswerView {
    /// `create`, `again`, or `{"link": "<id>"}`.
    pub choice: Json,
    /// Who said so.
    pub actor: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A record of the side that could be ours.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CandidateView {
    /// The side's id.
    pub id: String,
    /// The side's clock when it was seen.
    pub revision: i64,
    /// What it held then, under the side's names.
    pub values: Map<String, Json>,
    /// The same under our names, as we would take it over; in one that is asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<String, Json>>,
    /// The keys in which it is like the record: names of their fields.
    pub matched: Vec<Vec<String>>,
    /// The record that it belongs to; then it cannot be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<String>,
    /// What linking it would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<Vec<LinkingView>>,
}

/// What linking would make of a field in which the two differ.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkingView {
    /// The field.
    pub field: String,
    /// What the record holds.
    pub record: Json,
    /// What the candidate holds.
    pub candidate: Json,
    /// What would be agreed.
    pub result: Json,
    /// A person would have to decide.
    pub conflict: bool,
    /// The sides that would be written to.
    pub written_to: Vec<&'static str>,
}

impl AmbiguityView {
    /// A question in a list.
    pub(crate) fn new(asked: &Ambiguity) -> Self {
        let key = &asked.record;
        Self {
            ambiguity_id: asked.id(),
            account: key.account.to_string(),
            record_type: key.record_type.to_string(),
            record_id: key.id.to_string(),
            title: None,
            side: asked.side.as_str(),
            revision: asked.revision,
            status: asked.status.as_str(),
            opened_at: asked.opened_at,
            answer: asked.answer.as_ref().map(AnswerView::new),
            state: None,
            candidates: asked.candidates.iter().map(CandidateView::new).collect(),
        }
    }

    /// A question with the record that it is about, and what each answer would change. `ids`: the records behind what
    /// the candidates refer to.
    pub(crate) fn whole(
        asked: &Ambiguity,
        record: &Record,
        surface: &TypeSurface,
        ids: &CanonicalIds,
        now: Timestamp,
    ) -> Self {
        let mut view = Self::new(asked);
        for (candidate, view) in asked.candidates.iter().zip(&mut view.candidates) {
            let values = read(ids, asked.side, surface, &candidate.values).values;
            let named =
                values.iter().map(|(ix, v)| (surface.fields[*ix].name.to_string(), shown(surface, *ix, v)));
            view.fields = Some(named.collect());
            if asked.status == AmbiguityStatus::Open && candidate.taken_by.is_none() {
                let seen = (candidate.id.clone(), candidate.revision, values);
                let all = identity::preview(record, asked.side, seen, now, surface);
                let differs = all.iter().filter(|one| one.ours != one.theirs);
                view.preview = Some(differs.map(|one| LinkingView::new(one, surface)).collect());
            }
        }
        let held = surface.fields.iter().zip(&record.canonical).enumerate();
        view.state = Some(held.map(|(ix, (f, v))| (f.name.to_string(), shown(surface, ix, v))).collect());
        view.title = title(record, surface);
        view
    }
}

impl AnswerView {
    fn new(answer: &AmbiguityAnswer) -> Self {
        Self { choice: json!(answer.choice), actor: answer.actor.clone(), at: answer.at }
    }
}

impl CandidateView {
    fn new(candidate: &Candidate) -> Self {
        Self {
            id: candidate.id.to_string(),
            revision: candidate.revision.0,
            values: candidate.values.clone(),
            fields: None,
            matched: candidate.matched.clone(),
            taken_by: candidate.taken_by.as_ref().map(ToString::to_string),
            preview: None,
        }
    }
}

impl LinkingView {
    fn new(preview: &Preview, surface: &TypeSurface) -> Self {
        let shown = |value| shown(surface, preview.field, value);
        Self {
            field: surface.fields[preview.field].name.to_string(),
            record: shown(&preview.ours),
            candidate: shown(&preview.theirs),
            result: shown(&preview.result),
            conflict: preview.conflict,
            written_to: preview.written_to.iter().copied().map(Side::as_str).collect(),
        }
    }
}
