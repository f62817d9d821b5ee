//! What happened to a record while it was in conflict: edits, rules, people, and what waits to be taken in.

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::conflict::Conflict;
use shared::domain::event::{ChangeEvent, Source};
use shared::domain::id::{Side, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::runtime::problem::Problem;
use shared::state::HistoryRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::{self, Teller};
use crate::access::Access;

/// Rows of the history read at once, and how often at most.
const ROWS: usize = 100;
const PAGES_MAX: usize = 5;

/// Of the events that wait so many are shown, the latest.
const WAITING_MAX: usize = 100;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// When: of an edit that waits, when it was made; else when it was decided what it means.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The side that it was told of; none: a person's decision.
    #[schema(value_type = Option<String>)]
    pub side: Option<&'static str>,
    /// Person or script, when known.
    pub actor: Option<String>,
    /// The field; `$exists` for the record itself.
    pub field: String,
    /// The rule that decided; `waits`: it is accepted and not taken in yet.
    pub rule: String,
    /// What the side held before.
    pub base: Json,
    /// What it holds since.
    pub value: Json,
    /// What is agreed since.
    pub agreed: Json,
    /// The version of the record after it; none of what waits.
    pub version: Option<u64>,
    /// The events that brought it: ledger ids.
    pub events: Vec<Uuid>,
    /// Whether it moved the conflict to its next revision.
    pub moves: bool,
    /// All of it in a sentence.
    pub text: String,
}

/// Whether a decision by this rule moves the conflict to its next revision.
fn moves(rule: &str) -> bool {
    matches!(rule, "conflict_opened" | "conflict_rebased" | "conflict_closed" | "delete_asked" | "overridden")
}

/// The newest first: what waits, then what was decided, back to the conflict's beginning.
pub(super) async fn of_conflict(
    access: &Access,
    record: &Record,
    conflict: &Conflict,
    surface: &TypeSurface,
) -> Result<Vec<Moment>, Problem> {
    let pending = access.pending(record).await?;
    let latest = &pending[pending.len().saturating_sub(WAITING_MAX)..];
    let events = access.events(latest).await?;
    let mut moments: Vec<Moment> =
        events.iter().rev().flat_map(|event| waiting(event, conflict, surface)).collect();
    let name = (record.key.record_type.clone(), record.key.id.clone());
    let (mut before, mut steps) = (None, 0);
    for _ in 0..PAGES_MAX {
        let rows = access.history(&name, before, ROWS).await?;
        for line in &rows {
            let found = decided(&line.row, conflict, surface);
            steps += found.iter().filter(|moment| moment.moves).count() as u64;
            moments.extend(found);
            // Each revision was made by one step: these are all.
            if steps >= conflict.revision {
                return Ok(moments);
            }
        }
        match rows.last() {
            Some(last) if rows.len() == ROWS => before = Some(last.at),
            _ => break,
        }
    }
    Ok(moments)
}

/// What an event that waits says of the fields in conflict.
fn waiting(event: &ChangeEvent, conflict: &Conflict, surface: &TypeSurface) -> Vec<Moment> {
    let teller = Teller::new(event.source.as_str(), event.actor(), &[event]);
    let moment = |field: &str, value: Json, text: String| Moment {
        at: event.timestamp,
        side: event.side().map(Side::as_str),
        actor: teller.actor.clone(),
        field: field.to_string(),
        rule: "waits".into(),
        base: Json::Null,
        value,
        agreed: Json::Null,
        version: None,
        events: vec![event.event_id],
        moves: false,
        text,
    };
    let who = teller.who();
    let Some(side) = event.side() else {
        let text = match event.source {
            Source::Review => format!("{who} has decided; it is being taken in"),
            _ => format!("{who} has told something; it is being taken in"),
        };
        return vec![moment("$exists", Json::Null, text)];
    };
    let values = event.values(side, surface).unwrap_or_default();
    let in_conflict = values.into_iter().filter(|(field, _)| conflict.clash(*field).is_some());
    let told = in_conflict.map(|(field, value)| {
        let (spec, shown) = (&surface.fields[field], crate::view::shown(surface, field, &value));
        let text =
            format!("{who} set {} to {}; it is being taken in", spec.name, words::value(&spec.kind, &shown));
        moment(&spec.name, shown, text)
    });
    told.collect()
}

/// What a row of the history decided about the fields in conflict, the last first.
fn decided(row: &HistoryRow, conflict: &Conflict, surface: &TypeSurface) -> Vec<Moment> {
    let teller = Teller::new(&row.source, row.actor.as_deref(), &[]);
    let is_about = |name: &str| match surface.field(name) {
        Some(field) => conflict.clash(field).is_some(),
        None => name == "$exists",
    };
    let about = row.decisions.iter().rev().filter(|d| is_about(&d.field) || moves(&d.rule));
    let moment = |d: &shared::state::HistoryDecision| {
        let shown = |json: &Json| match surface.field(&d.field) {
            Some(field) => words::value(&surface.fields[field].kind, json),
            None => json.to_string(),
        };
        let (who, at) = (teller.who(), words::moment(row.at));
        let text = match d.rule.as_str() {
            "conflict_opened" => {
                format!("{who} set {} to {}: the sides disagree since {at}", d.field, shown(&d.ours))
            }
            "conflict_rebased" => {
                format!("{who} set {} to {} on {at}: the conflict shows it", d.field, shown(&d.ours))
            }
            "conflict_closed" => {
                format!("{who} set {} to {} on {at}: the sides agree on it again", d.field, shown(&d.ours))
            }
            "delete_asked" => {
                format!("one side has deleted what the other edits: somebody must decide, since {at}")
            }
            "resolved" => format!("{who} decided on {} for {} on {at}", shown(&d.to), d.field),
            "overridden" => format!("{who} set {} to {} on {at} by override", d.field, shown(&d.to)),
            rule => format!("{who}: {} is {} on {at} ({rule})", d.field, shown(&d.to)),
        };
        Moment {
            at: row.at,
            side: teller.side.map(Side::as_str),
            actor: row.actor.clone(),
            field: d.field.clone(),
            rule: d.rule.clone(),
            base: d.base.clone(),
            value: d.ours.clone(),
            agreed: d.to.clone(),
            version: Some(row.version.0),
            events: row.events.clone(),
            moves: moves(&d.rule),
            text,
        }
    };
    about.map(moment).collect()
}
