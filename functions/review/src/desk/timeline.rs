//! What happened to a record while it was in conflict: edits, rules, people, and what waits to be taken in.

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::conflict::Conflict;
use shared::domain::event::{ChangeEvent, Source};
use shared::domain::id::{RecordKey, Side, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::runtime::problem::Problem;
use shared::state::{HistoryDecision, HistoryRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::life::{self, Life};
use super::words::{self, Teller};
use crate::access::Access;
use crate::view::HistoryView;

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

/// What is known of a conflict's past.
pub struct Story {
    /// What happened to it and in it: what waits, then what was decided, back to its beginning; the newest first.
    pub moments: Vec<Moment>,
    /// What was decided last about its record, whatever it was; the newest first.
    pub history: Vec<HistoryView>,
}

/// The story of an open conflict.
pub(super) async fn of_conflict(
    access: &Access,
    record: &Record,
    conflict: &Conflict,
    surface: &TypeSurface,
) -> Result<Story, Problem> {
    let pending = access.pending(record).await?;
    let latest = &pending[pending.len().saturating_sub(WAITING_MAX)..];
    let events = access.events(latest).await?;
    let mut moments: Vec<Moment> =
        events.iter().rev().flat_map(|event| waiting(event, conflict, surface)).collect();
    let read = rows(access, &record.key, conflict.id, conflict.opened_at).await?;
    let own = &read.rows[..read.own];
    // Which decision moved it is told from its beginning on.
    let mut life = Life::default();
    let mut decided: Vec<Vec<Moment>> =
        own.iter().rev().map(|row| self::decided(row, &mut life, conflict, surface)).collect();
    decided.reverse();
    moments.extend(decided.into_iter().flatten());
    let history = read.rows.into_iter().take(ROWS).map(HistoryView::new).collect();
    Ok(Story { moments, history })
}

/// The row that ended a conflict that is over, when the history tells.
pub(super) async fn end_of(
    access: &Access,
    key: &RecordKey,
    conflict: Uuid,
) -> Result<Option<HistoryView>, Problem> {
    let Some(filed) = access.filed(conflict).await? else { return Ok(None) };
    let read = rows(access, key, conflict, filed.opened_at).await?;
    let end = if read.begins { life::end(&read.rows[..read.own]) } else { None };
    Ok(end.cloned().map(HistoryView::new))
}

/// Rows of a record's history, the newest first.
struct Rows {
    rows: Vec<HistoryRow>,
    /// So many of them belong to the conflict's time.
    own: usize,
    /// Whether the last of these is where it begins.
    begins: bool,
}

/// The record's history back to where the conflict begins; where that is not found, as far as it is read.
async fn rows(
    access: &Access,
    key: &RecordKey,
    conflict: Uuid,
    opened_at: Timestamp,
) -> Result<Rows, Problem> {
    let name = Access::name_of(key);
    let (mut before, mut rows) = (None, Vec::<HistoryRow>::new());
    for _ in 0..PAGES_MAX {
        let page = access.history(&name, before, ROWS).await?;
        let (start, is_last) = (rows.len(), page.len() < ROWS);
        before = page.last().map(|line| line.at);
        rows.extend(page.into_iter().map(|line| line.row));
        let found = rows[start..].iter().position(|row| life::begins(row, key, conflict));
        if let Some(at) = found {
            return Ok(Rows { rows, own: start + at + 1, begins: true });
        }
        if is_last {
            break;
        }
    }
    // What a look of ours has found bears no event's id, but it was found by our own clock.
    let at_or_later = |row: &HistoryRow| row.at >= opened_at && life::opens(row);
    match rows.iter().rposition(at_or_later) {
        Some(at) => Ok(Rows { rows, own: at + 1, begins: true }),
        None => Ok(Rows { own: rows.len(), rows, begins: false }),
    }
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
fn decided(row: &HistoryRow, life: &mut Life, conflict: &Conflict, surface: &TypeSurface) -> Vec<Moment> {
    let teller = Teller::new(&row.source, row.actor.as_deref(), &[]);
    let is_about = |name: &str| match surface.field(name) {
        Some(field) => conflict.clash(field).is_some(),
        None => name == "$exists",
    };
    let told: Vec<(&HistoryDecision, bool)> = row.decisions.iter().map(|d| (d, life.takes(d))).collect();
    let about = told.into_iter().rev().filter(|(d, moves)| *moves || is_about(&d.field));
    let moment = |(d, moves): (&HistoryDecision, bool)| {
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
            moves,
            text,
        }
    };
    about.map(moment).collect()
}
