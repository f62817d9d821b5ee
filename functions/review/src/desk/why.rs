//! Why a field holds what it holds: the chain from the value back to whoever set it, and every rule that decided since;
//! the same as one sentence.

mod story;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::event::ChangeEvent;
use shared::domain::id::{CanonicalId, RecordType, Timestamp};
use shared::runtime::problem::Problem;
use shared::state::HistoryRow;
use utoipa::ToSchema;
use uuid::Uuid;

use super::records::Found;
use crate::view::shown;

/// Rows of the history read at once, and how often at most: further back than that nobody is asked to read.
const ROWS: usize = 200;
const PAGES_MAX: usize = 50;

/// Why a field holds what it holds.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The field.
    pub field: String,
    /// What it holds.
    pub value: Json,
    /// From whoever set it to now.
    pub chain: Vec<Step>,
    /// Whether the chain goes back to its beginning; else it was too long ago.
    pub complete: bool,
    /// All of it in a sentence.
    pub sentence: String,
}

/// A decision about the field.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The version of the record after it.
    pub version: u64,
    /// The side that it was told of; none: a person's decision.
    pub side: Option<&'static str>,
    /// Person or script, when known.
    pub actor: Option<String>,
    /// Who told: a source's name, `reply` or `read`.
    pub source: String,
    /// The rule that decided.
    pub rule: String,
    /// What the telling side held before.
    pub base: Json,
    /// What it held then.
    pub said: Json,
    /// What was agreed before.
    pub from: Json,
    /// What is agreed since.
    pub to: Json,
    /// The events that brought it: ledger ids.
    pub events: Vec<Uuid>,
}

/// Why this field of the record holds what it holds.
pub async fn why(found: &Found, field: &str) -> Result<Why, Problem> {
    let surface = found.surface();
    let missing = || Problem::not_found("the type has no field of this name").at("field");
    let ix = surface.field(field).ok_or_else(missing)?;
    let (rows, complete) = rows_about(found, field).await?;
    let events: Vec<Uuid> = rows.iter().flat_map(|row| row.events.iter().copied()).collect();
    let events = found.access().events(&events).await?;
    let events: BTreeMap<Uuid, ChangeEvent> =
        events.into_iter().map(|event| (event.event_id, event)).collect();
    let value = shown(surface, ix, &found.record().canonical[ix]);
    Ok(story::tell(&surface.fields[ix], value, &rows, &events, complete))
}

/// The rows that decided about the field, the oldest first, back to who set it; whether that was found.
async fn rows_about(found: &Found, field: &str) -> Result<(Vec<HistoryRow>, bool), Problem> {
    let record = found.record();
    let name: (RecordType, CanonicalId) = (record.key.record_type.clone(), record.key.id.clone());
    let (mut before, mut rows) = (None, Vec::new());
    for _ in 0..PAGES_MAX {
        let page = found.access().history(&name, before, ROWS).await?;
        let (last, is_last) = (page.last().map(|line| line.at), page.len() < ROWS);
        for line in page {
            if line.row.decisions.iter().any(|d| d.field == field) {
                rows.push(line.row);
                if story::begins(&rows, field) {
                    rows.reverse();
                    return Ok((rows, true));
                }
            }
        }
        before = last;
        if is_last {
            rows.reverse();
            return Ok((rows, true));
        }
    }
    rows.reverse();
    Ok((rows, false))
}
