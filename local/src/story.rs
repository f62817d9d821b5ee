//! What happened to a record, newest first: told from its events, history, writes and errors.
//!
//! | kind | |
//! |---|---|
//! | `event` | a source told something; `place` says where the event is |
//! | `merged` | events absorbed at once, and what was decided, field by field |
//! | `learned` | an answer, or a look, told something new |
//! | `write` | a call to a side ended; `latencyMs` from the oldest change that it brought |
//! | `error` | something needs a person |

mod calls;
mod latency;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use shared::domain::event::parse_values;
use shared::domain::id::{CanonicalId, RecordKey, Side, SideId, Timestamp};
use shared::domain::surface::{Account, TypeSurface};
use shared::fault::Unavailable;
use shared::intake::subjects_of;
use shared::ledger::Stored;
use shared::state::{ErrorEntry, HistoryRow, PendingRow, Place, Subject};
use uuid::Uuid;

use crate::inside;
use crate::system::System;
use calls::Undecided;

/// Most moments told.
const MOMENTS_MAX: usize = 60;

/// The name under which both systems know us.
const OURSELVES: &str = "suitex-sync";

/// A moment of the story.
struct Moment {
    at: Timestamp,
    /// Breaks ties: what happens in one millisecond happens in this order.
    rank: u8,
    told: Json,
}

/// Tells the story of the record that `id` names: by our id, or by a side's as `netsuite:ID` or `suitex:ID`.
pub(crate) async fn tell(
    system: &System,
    account: &Account,
    surface: &TypeSurface,
    id: &str,
) -> Result<Vec<Json>, Unavailable> {
    let Some((canonical, asked)) = find(system, account, surface, id).await? else { return Ok(Vec::new()) };
    let key = canonical.map(|id| RecordKey::new(account.id.clone(), surface.record_type.clone(), id));
    let mut subjects: Vec<Subject> = asked.into_iter().collect();
    let (mut history, mut writes, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(key) = &key {
        let record = system.state.load(std::slice::from_ref(key)).await?.pop().flatten();
        let ids =
            record.iter().flat_map(|r| Side::BOTH.map(|side| r.sides[side].id.clone().map(|id| (side, id))));
        subjects.extend(subjects_of(&key.id, ids.flatten()));
        history = tail(system.state.history(key).await?);
        writes = tail(system.inside.audit(&account.id, &key.to_string()).await?);
        errors = inside::errors(&*system.state, &account.id, false).await?;
        errors.retain(|error| error.record.as_ref() == Some(key));
    }
    let ids: Vec<Uuid> = history.iter().flat_map(|row| row.events.iter().copied()).collect();
    let decided = system.ledger.read(&account.id, &ids).await?;
    // A side's id that is retired since is known from what it told.
    subjects.extend(
        decided.iter().filter_map(|told| {
            Some(Subject::Side(side_of(told)?, SideId::parse(&told.entry.record_id).ok()?))
        }),
    );
    let mut rows = system.inside.events(&account.id, &surface.record_type, &subjects).await?;
    rows.sort_by_key(|row| row.arrived_at);
    let rows = tail(rows);
    let ids: Vec<Uuid> = rows.iter().map(|row| row.event_id).collect();
    let told = system.ledger.read(&account.id, &ids).await?;
    let by_event = decided.into_iter().chain(told).map(|told| (told.entry.event_id, told));
    let stored: BTreeMap<Uuid, Stored> = by_event.collect();

    let mut moments = merges(&history, &stored);
    let undecided = calls::undecided(&rows, &history, &stored);
    moments.extend(events(&rows, &undecided, &stored, surface));
    moments.extend(calls::calls(&writes, &history, &undecided, &stored));
    moments.extend(errors.iter().map(filed));
    moments.sort_by_key(|moment| std::cmp::Reverse((moment.at, moment.rank)));
    moments.truncate(MOMENTS_MAX);
    Ok(moments.into_iter().map(|moment| moment.told).collect())
}

/// The record's id, if it is a record of ours, and the name it was asked for by.
async fn find(
    system: &System,
    account: &Account,
    surface: &TypeSurface,
    id: &str,
) -> Result<Option<(Option<CanonicalId>, Option<Subject>)>, Unavailable> {
    let side = match id.split_once(':') {
        None => return Ok(CanonicalId::parse(id).ok().map(|id| (Some(id), None))),
        Some(("netsuite", id)) => SideId::parse(id).ok().map(|id| (Side::NetSuite, id)),
        Some(("suitex", id)) => SideId::parse(id).ok().map(|id| (Side::SuiteX, id)),
        Some(_) => None,
    };
    let Some((side, id)) = side else { return Ok(None) };
    let asked = [(surface.record_type.clone(), side, id.clone())];
    let link = system.state.links(&account.id, &asked).await?.pop().flatten();
    Ok(Some((link.map(|link| link.canonical), Some(Subject::Side(side, id)))))
}

fn tail<T>(mut rows: Vec<T>) -> Vec<T> {
    rows.split_off(rows.len().saturating_sub(MOMENTS_MAX))
}

/// The side that a stored event told of; `None` for a person's decision.
fn side_of(stored: &Stored) -> Option<Side> {
    match stored.entry.source {
        "suitex" => Some(Side::SuiteX),
        "netsuite-ue" | "netsuite-poll" => Some(Side::NetSuite),
        "reconcile" => match payload(stored)["metadata"]["side"].as_str() {
            Some("netsuite") => Some(Side::NetSuite),
            Some("suitex") => Some(Side::SuiteX),
            _ => None,
        },
        _ => None,
    }
}

fn payload(stored: &Stored) -> Json {
    serde_json::from_slice(&stored.entry.payload).unwrap_or_default()
}

fn is_learned(row: &HistoryRow) -> bool {
    matches!(row.source.as_str(), "reply" | "read")
}

/// What was decided. Rows of one time were absorbed at once.
fn merges(history: &[HistoryRow], stored: &BTreeMap<Uuid, Stored>) -> Vec<Moment> {
    let at_once = history.chunk_by(|a, b| a.at == b.at && is_learned(a) == is_learned(b));
    let moment = |rows: &[HistoryRow]| {
        let (first, last) = (rows.first()?, rows.last()?);
        let decision = |row: &HistoryRow| {
            let (source, actor) = (json!(row.source), json!(row.actor));
            let with_source = move |decision| {
                let mut told = json!(decision);
                told["source"] = source.clone();
                told["actor"] = actor.clone();
                told
            };
            row.decisions.iter().map(with_source).collect::<Vec<_>>()
        };
        let events: usize = rows.iter().map(|row| row.events.len()).sum();
        let side = first.events.first().and_then(|id| side_of(stored.get(id)?));
        let told = json!({
            "kind": if is_learned(first) { "learned" } else { "merged" },
            "at": last.at,
            "side": side,
            "version": last.version,
            "events": events,
            "decisions": rows.iter().flat_map(decision).collect::<Vec<_>>(),
        });
        Some(Moment { at: last.at, rank: 1, told })
    };
    at_once.filter_map(moment).collect()
}

/// What the sources told.
fn events(
    rows: &[PendingRow],
    undecided: &BTreeMap<Uuid, Undecided>,
    stored: &BTreeMap<Uuid, Stored>,
    surface: &TypeSurface,
) -> Vec<Moment> {
    let moment = |row: &PendingRow| {
        let (stored, undecided) = (stored.get(&row.event_id)?, undecided.get(&row.event_id));
        // An answer's own event is told by what was learned from it.
        if stored.entry.source == "reconcile" {
            return None;
        }
        let event = payload(stored);
        let waiting_for = match &row.place {
            Place::Waiting { record_type, side, id, .. } => Some(format!("{record_type} {id} of {side}")),
            _ => None,
        };
        let told = json!({
            "kind": "event",
            "at": row.arrived_at,
            "occurredAt": stored.entry.occurred_at,
            "source": stored.entry.source,
            "side": side_of(stored),
            "operation": stored.entry.operation,
            "actor": actor(&event),
            "isEcho": is_echo(stored),
            "fields": side_of(stored).map(|side| fields(&event, side, surface)),
            "place": row.place.name(),
            "waitingFor": waiting_for,
            "isNews": undecided.is_none(),
            "ledToLook": undecided.is_some_and(|event| event.led_to_look.is_some()),
        });
        Some(Moment { at: row.arrived_at, rank: 0, told })
    };
    rows.iter().filter_map(moment).collect()
}

/// Canonical names of the fields that an event tells.
fn fields(event: &Json, side: Side, surface: &TypeSurface) -> Vec<String> {
    let nothing = Map::new();
    let changes = event["payload"]["changes"].as_object().unwrap_or(&nothing);
    let read = parse_values(changes, side, surface, "").unwrap_or_default();
    read.into_iter().map(|(field, _)| surface.fields[field].name.to_string()).collect()
}

/// Who made the change that an event tells of.
fn actor(event: &Json) -> Option<&str> {
    event["authContext"]["actor"].as_str()
}

/// Whether an event tells our own write back.
fn is_echo(told: &Stored) -> bool {
    actor(&payload(told)) == Some(OURSELVES)
}

fn filed(error: &ErrorEntry) -> Moment {
    let told = json!({
        "kind": "error",
        "at": error.last_at,
        "id": error.id,
        "class": error.class,
        "field": error.field,
        "message": error.message,
        "hint": error.hint,
        "status": error.status,
        "attempts": error.attempts,
    });
    Moment { at: error.last_at, rank: 3, told }
}
