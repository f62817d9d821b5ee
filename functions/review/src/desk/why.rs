//! Why a field holds what it holds: the chain from the value back to whoever set it, and every rule that decided since;
//! the same as one sentence. Who set it in NetSuite, if nobody told us, its system notes may.

mod story;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::event::ChangeEvent;
use shared::domain::id::{CanonicalId, RecordType, Timestamp};
use shared::domain::surface::FieldIx;
use shared::runtime::problem::Problem;
use shared::state::HistoryRow;
use utoipa::ToSchema;
use uuid::Uuid;

use self::story::Told;
use super::records::Found;
pub use super::words::Noted;
use crate::access::{Question, Silence, SystemNotes};
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
    /// Why somebody who set it in NetSuite stays unnamed, where its system notes were to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unnamed: Option<String>,
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
    /// The system note of NetSuite that names the actor, when nobody else did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Noted>,
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

/// Why this field of the record holds what it holds. With `notes`, NetSuite may be asked once.
pub async fn why(found: &Found, field: &str, notes: Option<&SystemNotes>) -> Result<Why, Problem> {
    let surface = found.surface();
    let missing = || Problem::not_found("the type has no field of this name").at("field");
    let ix = surface.field(field).ok_or_else(missing)?;
    let (rows, complete) = rows_about(found, field).await?;
    let events: Vec<Uuid> = rows.iter().flat_map(|row| row.events.iter().copied()).collect();
    let events = found.access().events(&events).await?;
    let events: BTreeMap<Uuid, ChangeEvent> =
        events.into_iter().map(|event| (event.event_id, event)).collect();
    let value = shown(surface, ix, &found.record().canonical[ix]);
    let mut chain = story::chain(field, &rows, &events);
    let silence = match notes {
        Some(notes) => name(found, ix, &mut chain, notes).await,
        None => None,
    };
    Ok(story::tell(&surface.fields[ix], value, chain, complete, silence))
}

/// Names whom NetSuite's system notes tell, if somebody there is unnamed; answers why somebody stays so.
async fn name(found: &Found, ix: FieldIx, chain: &mut [Told], notes: &SystemNotes) -> Option<Silence> {
    let since = story::unnamed_at(chain)?;
    let id = found.record().sides.netsuite.id.as_ref()?;
    let question = Question { surface: found.surface(), id, field: ix, since };
    match found.access().system_notes(notes, &question).await {
        Ok(notes) => story::name(chain, &found.surface().fields[ix], &notes),
        Err(silence) => Some(silence),
    }
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
