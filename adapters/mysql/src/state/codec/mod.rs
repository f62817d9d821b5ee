//! A record as a row of `current_state`, and back. No effects; [`FORMAT`] names the way that the texts are
//! written.
//!
//! Fields go by name, for the configuration may gain and lose fields between two deployments: what is no longer
//! configured is left out when the row is read, and gone from it with the next write; what is new is null. Values
//! say themselves what they are, so that a field whose type has changed can still be read.
//!
//! What a later release has added to a text is passed over, and gone with the next write of this one: for as long as both
//! run, the later one must make do without it. What must not be lost, or means something else without it, is a change of
//! [`FORMAT`]: a row of another format is not read, and so not written either.

mod review;
mod side;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::domain::id::{CanonicalId, PerSide, RecordKey, RecordType, Side, Timestamp, Version};
use shared::domain::record::{Due, DueReason, Fields, Origin, Record, SideState, Span};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::Value;
use uuid::Uuid;

use self::value::Stored;

/// How the texts of a row are written. Up by one with a change that an older program could not read.
pub(super) const FORMAT: u16 = 1;

/// A row of `current_state`, as far as it is made of the record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) key: RecordKey,
    pub(super) row_revision: u64,
    pub(super) version: u64,
    pub(super) alive: bool,
    pub(super) format: u16,
    pub(super) state: String,
    pub(super) origins: String,
    pub(super) sides: PerSide<SideRow>,
    pub(super) conflict: Option<Uuid>,
    pub(super) review: Option<String>,
}

/// One side's columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SideRow {
    /// `None`: the same as canonical.
    pub(super) shadow: Option<String>,
    pub(super) state: String,
    pub(super) due: Option<DueRow>,
}

/// The columns of a side's due work.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DueRow {
    pub(super) at: i64,
    pub(super) reason: String,
    pub(super) attempts: u32,
    /// `type:id`, and since when.
    pub(super) waits: Option<(String, i64)>,
}

impl Row {
    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let side = |side: &SideRow| text(&side.shadow) + side.state.len();
        let sides = side(&self.sides.netsuite) + side(&self.sides.suitex);
        1_000 + self.state.len() + self.origins.len() + sides + text(&self.review)
    }
}

/// A row that this program cannot read: written by a later one, or broken.
#[derive(Debug, thiserror::Error)]
#[error("row {key} of current_state cannot be read: {reason}")]
pub(super) struct Unreadable {
    key: String,
    reason: String,
}

/// Who set a value, and between when and when, in ms.
type StoredOrigin = (Option<Side>, i64, i64);

/// The record as a row.
pub(super) fn encode(record: &Record, surface: &TypeSurface) -> Row {
    let side = |side: Side| {
        let state = &record.sides[side];
        let differs = state.shadow != record.canonical;
        SideRow {
            shadow: differs.then(|| text(&named(&state.shadow, surface))),
            state: text(&side::encode(state, surface)),
            due: state.due.as_ref().map(encode_due),
        }
    };
    let origins = record.origins.iter().enumerate().filter_map(|(field, origin)| {
        let origin = (*origin)?;
        Some((name(surface, field), (origin.side, origin.span.from.0, origin.span.to.0)))
    });
    let origins: BTreeMap<Cow<'_, str>, StoredOrigin> = origins.collect();
    let is_open = record.conflict.is_some() || !record.locks.is_empty();
    Row {
        key: record.key.clone(),
        row_revision: record.row_revision,
        version: record.version.0,
        alive: record.alive,
        format: FORMAT,
        state: text(&named(&record.canonical, surface)),
        origins: text(&origins),
        sides: PerSide { netsuite: side(Side::NetSuite), suitex: side(Side::SuiteX) },
        conflict: record.conflict.as_ref().map(|c| c.id),
        review: is_open.then(|| text(&review::encode(record, surface))),
    }
}

/// The record that the row holds. Without a surface (its type is no longer configured) it has no fields.
pub(super) fn decode(row: &Row, surface: Option<&TypeSurface>) -> Result<Record, Unreadable> {
    read(row, surface).map_err(|reason| Unreadable { key: row.key.to_string(), reason })
}

fn read(row: &Row, surface: Option<&TypeSurface>) -> Result<Record, String> {
    if row.format != FORMAT {
        return Err(format!("its format is {}, and this program knows {FORMAT}", row.format));
    }
    let canonical = fields(&row.state, surface)?;
    let stored: BTreeMap<String, StoredOrigin> = parse("origins", &row.origins)?;
    let mut origins = vec![None; canonical.len()];
    for (name, (side, from, to)) in stored {
        if let Some(field) = position(surface, &name) {
            origins[field] = Some(Origin { side, span: Span { from: Timestamp(from), to: Timestamp(to) } });
        }
    }
    let side = |side: Side| {
        let columns = &row.sides[side];
        let shadow = match &columns.shadow {
            Some(shadow) => fields(shadow, surface)?,
            None => canonical.clone(),
        };
        let due = columns.due.as_ref().map(decode_due).transpose()?;
        let known = side::decode(&columns.state, surface)?;
        Ok::<_, String>(SideState { shadow, due, ..known })
    };
    let (conflict, locks) = match &row.review {
        Some(text) => review::decode(text, surface)?,
        None => (None, Vec::new()),
    };
    Ok(Record {
        key: row.key.clone(),
        row_revision: row.row_revision,
        version: Version(row.version),
        alive: row.alive,
        origins,
        sides: PerSide { netsuite: side(Side::NetSuite)?, suitex: side(Side::SuiteX)? },
        canonical,
        conflict,
        locks,
    })
}

fn encode_due(due: &Due) -> DueRow {
    let (reason, waits) = match &due.reason {
        DueReason::Dirty => ("dirty", None),
        DueReason::Unsettled => ("unsettled", None),
        DueReason::BackingOff => ("backing_off", None),
        DueReason::WaitingFor { record_type, id, since } => {
            ("waiting_for", Some((waits_for(record_type, id), since.0)))
        }
    };
    DueRow { at: due.at.0, reason: reason.into(), attempts: due.attempts, waits }
}

fn decode_due(due: &DueRow) -> Result<Due, String> {
    let reason = match (due.reason.as_str(), &due.waits) {
        ("dirty", _) => DueReason::Dirty,
        ("unsettled", _) => DueReason::Unsettled,
        ("backing_off", _) => DueReason::BackingOff,
        ("waiting_for", Some((on, since))) => {
            let (record_type, id) = on.split_once(':').ok_or("it waits for no type:id")?;
            let record_type = RecordType::parse(record_type).map_err(|e| e.to_string())?;
            DueReason::WaitingFor { record_type, id: id.into(), since: Timestamp(*since) }
        }
        (other, _) => return Err(format!("it is due for {other:?}")),
    };
    Ok(Due { at: Timestamp(due.at), reason, attempts: due.attempts })
}

/// How a row names the record that it waits for.
pub(super) fn waits_for(record_type: &RecordType, id: &str) -> String {
    format!("{record_type}:{id}")
}

/// The key of record `id` of the same account and type.
pub(super) fn sibling(key: &RecordKey, id: CanonicalId) -> RecordKey {
    RecordKey { id, ..key.clone() }
}

/// Values by field name; null is left out.
fn named<'a>(fields: &'a Fields, surface: &'a TypeSurface) -> BTreeMap<Cow<'a, str>, Stored<'a>> {
    let told = fields.iter().enumerate().filter(|(_, value)| **value != Value::Null);
    told.map(|(field, value)| (name(surface, field), Stored::of(value, &surface.fields[field].kind)))
        .collect()
}

fn fields(text: &str, surface: Option<&TypeSurface>) -> Result<Fields, String> {
    let stored: BTreeMap<Cow<'_, str>, Stored<'_>> = parse("values", text)?;
    let mut fields = vec![Value::Null; surface.map_or(0, |s| s.fields.len())];
    for (name, value) in stored {
        if let (Some(surface), Some(field)) = (surface, position(surface, &name)) {
            fields[field] = value.into_value(&surface.fields[field].kind)?;
        }
    }
    Ok(fields)
}

fn name(surface: &TypeSurface, field: FieldIx) -> Cow<'_, str> {
    Cow::Borrowed(&*surface.fields[field].name)
}

/// Where the field of this name is now; `None` when it is no longer configured.
fn position(surface: Option<&TypeSurface>, name: &str) -> Option<FieldIx> {
    surface?.field(name)
}

/// JSON of what is made of maps with text keys, texts, numbers and lists alone, which always has one.
fn text(value: &impl Serialize) -> String {
    // Unwrap safety: see above.
    serde_json::to_string(value).expect("a value that has a JSON form")
}

fn parse<'a, T: serde::Deserialize<'a>>(what: &str, text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|e| format!("its {what}: {e}"))
}

/// JSON text of a list or a details value, as other tables keep them.
pub(super) fn json(value: &impl Serialize) -> String {
    text(value)
}

/// Reads what [`json`] wrote.
pub(super) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(format!("{what}: {e}").into()))
}
