//! Whether both systems hold what was agreed: read over HTTP as anybody reads them, and compared in canonical
//! form.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Json;
use serde::Serialize;
use serde_json::{Map, Value, json};
use shared::domain::id::{AccountId, PerSide, RecordType, Side, SideId};
use shared::domain::record::{DueReason, Record};
use shared::domain::surface::{Account, FieldIx, TypeSurface};
use shared::domain::value::{Kind, Value as FieldValue};
use shared::runtime::problem::Problem;
use shared::state::{PendingRow, Place, Subject};

use super::params::Params;
use super::{App, Shown};
use crate::inside;
use crate::system::System;

/// Rows read at once.
const PAGE: usize = 1_000;

/// The existence of a record, among the names of fields.
const EXISTS: &str = "$exists";

/// Where a record stands on a side.
type Named = (RecordType, Side, SideId);

/// A difference between the systems and what was agreed.
#[derive(Debug, Serialize)]
struct Difference {
    account: AccountId,
    #[serde(rename = "type")]
    record_type: RecordType,
    /// Canonical; `suitex:<id>` or `netsuite:<id>` of what is no record of ours.
    id: String,
    field: String,
    suitex: Value,
    netsuite: Value,
    current: Value,
    explained_by: Option<&'static str>,
}

/// `GET /control/parity`
pub(super) async fn parity(State(system): App, params: Params) -> Shown {
    params.only(&["account"])?;
    let accounts = match params.account(&system)? {
        Some(account) => vec![account],
        None => system.config.accounts.values().collect(),
    };
    let (mut records, mut same, mut differences) = (0, 0, Vec::new());
    for account in accounts {
        let comparison = Comparison::load(&system, account).await?;
        for record in comparison.records.iter() {
            let found = comparison.record(record);
            records += usize::from(record.alive);
            same += usize::from(record.alive && found.iter().all(|d| d.explained_by == Some("form")));
            differences.extend(found);
        }
        differences.extend(comparison.strangers());
    }
    let unexplained = differences.iter().filter(|d| d.explained_by.is_none()).count();
    Ok(Json(
        json!({ "records": records, "same": same, "differences": differences, "unexplained": unexplained }),
    ))
}

/// One account's systems and state, side by side.
struct Comparison<'a> {
    account: &'a Account,
    rows: BTreeMap<Named, Map<String, Value>>,
    /// Canonical ids of rows, retired ids left out.
    links: BTreeMap<Named, Arc<str>>,
    records: Vec<Arc<Record>>,
    events: Vec<PendingRow>,
}

impl<'a> Comparison<'a> {
    async fn load(system: &System, account: &'a Account) -> Result<Self, Problem> {
        let mut rows = BTreeMap::new();
        for kind in account.types.keys() {
            for side in Side::BOTH {
                for row in read_all(system, account, kind, side).await? {
                    if let Some(id) = row["id"].as_str().and_then(|id| SideId::parse(id).ok()) {
                        rows.insert((kind.clone(), side, id), row);
                    }
                }
            }
        }
        let named: Vec<Named> = rows.keys().cloned().collect();
        let links = system.state.links(&account.id, &named).await?;
        let live = named.into_iter().zip(links).filter_map(|(named, link)| {
            let link = link.filter(|link| !link.retired)?;
            Some((named, Arc::from(link.canonical.as_str())))
        });
        Ok(Self {
            account,
            links: live.collect(),
            rows,
            records: inside::records(&*system.state, &account.id).await?,
            events: system.inside.undone(&account.id).await?,
        })
    }

    /// Every difference of one record.
    fn record(&self, record: &Record) -> Vec<Difference> {
        let Some(surface) = self.account.types.get(&record.key.record_type) else { return Vec::new() };
        let row = |side: Side| {
            let id = record.sides[side].id.clone()?;
            self.rows.get(&(record.key.record_type.clone(), side, id))
        };
        let rows = PerSide { netsuite: row(Side::NetSuite), suitex: row(Side::SuiteX) };
        let wrong = |side: &Side| rows[*side].is_some() != record.alive;
        let missing: Vec<Side> = Side::BOTH.into_iter().filter(wrong).collect();
        let mut found = Vec::new();
        if !missing.is_empty() {
            let is_there = |side: Side| Value::Bool(rows[side].is_some());
            let values = PerSide { netsuite: is_there(Side::NetSuite), suitex: is_there(Side::SuiteX) };
            let explained_by = self.explanation(record, None, &missing, surface);
            found.push(difference(record, EXISTS, values, Value::Bool(record.alive), explained_by));
        }
        if record.alive {
            found.extend(
                (0..surface.fields.len()).filter_map(|field| self.field(record, field, &rows, surface)),
            );
        }
        found
    }

    fn field(
        &self,
        record: &Record,
        field: FieldIx,
        rows: &PerSide<Option<&Map<String, Value>>>,
        surface: &TypeSurface,
    ) -> Option<Difference> {
        let (spec, wanted) = (&surface.fields[field], &record.canonical[field]);
        let shown =
            |side: Side| rows[side].and_then(|row| row.get(spec.name_on(side))).cloned().unwrap_or_default();
        let held = |side: Side| {
            let value = spec.kind.parse(side, &shown(side)).ok()?;
            self.canonical(side, &spec.kind, &value)
        };
        let differs = |side: &Side| rows[*side].is_some() && held(*side).as_ref() != Some(wanted);
        let sides: Vec<Side> = Side::BOTH.into_iter().filter(differs).collect();
        if sides.is_empty() {
            return None;
        }
        let has_form = |side: &Side| {
            let held = held(*side);
            let forms = &record.sides[*side].forms;
            forms.iter().any(|f| f.field == field && Some(&f.held) == held.as_ref() && f.wanted == *wanted)
        };
        let explained_by = match sides.iter().all(has_form) {
            true => Some("form"),
            false => self.explanation(record, Some(field), &sides, surface),
        };
        let values = PerSide { netsuite: shown(Side::NetSuite), suitex: shown(Side::SuiteX) };
        let current = spec.kind.render(Side::SuiteX, wanted);
        Some(difference(record, &spec.name, values, current, explained_by))
    }

    /// A side's value with our ids for its own.
    fn canonical(&self, side: Side, kind: &Kind, value: &FieldValue) -> Option<FieldValue> {
        let mut exchange = |kind: &RecordType, id: &str| {
            let id = SideId::parse(id).ok()?;
            self.links.get(&(kind.clone(), side, id)).cloned()
        };
        kind.translate(value, &mut exchange).ok()
    }

    /// Why these sides may differ.
    fn explanation(
        &self,
        record: &Record,
        field: Option<FieldIx>,
        sides: &[Side],
        surface: &TypeSurface,
    ) -> Option<&'static str> {
        let group = |field: FieldIx| &surface.units[surface.fields[field].unit];
        if let Some(conflict) = &record.conflict {
            if conflict.deleted_by.is_some() {
                return Some("ask");
            }
            if field.is_some_and(|f| group(f).iter().any(|mate| conflict.clash(*mate).is_some())) {
                return Some("conflict");
            }
            if conflict.locks_record() {
                return Some("lock");
            }
        }
        if record.locks.iter().any(|lock| lock.field.is_none() || lock.field == field) {
            return Some("error");
        }
        if sides.iter().any(|side| record.sides[*side].detached) {
            return Some("detached");
        }
        let waits = |side: &Side| {
            let due = record.sides[*side].due.as_ref();
            due.is_some_and(|due| matches!(due.reason, DueReason::WaitingFor { .. }))
        };
        let subject = |side: Side| Some(Subject::Side(side, record.sides[side].id.clone()?));
        let subjects: Vec<Subject> = Side::BOTH.into_iter().filter_map(subject).collect();
        let event_waits =
            || subjects.iter().any(|subject| self.place(&record.key.record_type, subject) == Some("waiting"));
        (sides.iter().any(waits) || event_waits()).then_some("waiting")
    }

    /// Where an event about `subject` is that is not done with.
    fn place(&self, kind: &RecordType, subject: &Subject) -> Option<&'static str> {
        let of = |row: &&PendingRow| row.record_type == *kind && row.subject == *subject;
        let open = |row: &PendingRow| match row.place {
            Place::Waiting { .. } => Some("waiting"),
            Place::Error(_) => Some("error"),
            Place::Pending { .. } | Place::Applied | Place::Superseded | Place::Conflict(_) => None,
        };
        self.events.iter().filter(of).find_map(open)
    }

    /// Rows that are no record of ours.
    fn strangers(&self) -> Vec<Difference> {
        let claim = |record: &Arc<Record>| {
            let kind = record.key.record_type.clone();
            let ids = Side::BOTH.into_iter().filter_map(|side| Some((side, record.sides[side].id.clone()?)));
            ids.map(move |(side, id)| (kind.clone(), side, id)).collect::<Vec<_>>()
        };
        let claimed: BTreeSet<Named> = self.records.iter().flat_map(claim).collect();
        let strange = self.rows.keys().filter(|named| !claimed.contains(named));
        strange
            .map(|(kind, side, id)| Difference {
                account: self.account.id.clone(),
                record_type: kind.clone(),
                id: format!("{side}:{id}"),
                field: EXISTS.into(),
                suitex: json!(*side == Side::SuiteX),
                netsuite: json!(*side == Side::NetSuite),
                current: Value::Null,
                explained_by: self.place(kind, &Subject::Side(*side, id.clone())),
            })
            .collect()
    }
}

fn difference(
    record: &Record,
    field: &str,
    values: PerSide<Value>,
    current: Value,
    explained_by: Option<&'static str>,
) -> Difference {
    Difference {
        account: record.key.account.clone(),
        record_type: record.key.record_type.clone(),
        id: record.key.id.to_string(),
        field: field.to_string(),
        suitex: values.suitex,
        netsuite: values.netsuite,
        current,
        explained_by,
    }
}

/// All rows of a type on a side, page by page.
async fn read_all(
    system: &System,
    account: &Account,
    kind: &RecordType,
    side: Side,
) -> Result<Vec<Map<String, Value>>, Problem> {
    let base = match side {
        Side::SuiteX => format!("{}/suitex/{}/records/{kind}", system.url, account.id),
        Side::NetSuite => format!("{}/netsuite/{}/ui/{kind}", system.url, account.id),
    };
    let mut rows = Vec::new();
    loop {
        let uri = format!("{base}?limit={PAGE}&offset={}", rows.len());
        let read = async { system.http.get(uri).send().await?.error_for_status()?.bytes().await };
        let bytes =
            read.await.map_err(|error| Problem::unavailable(format!("{side} cannot be read: {error}")))?;
        let page: Vec<Map<String, Value>> = serde_json::from_slice(&bytes)
            .map_err(|error| Problem::unavailable(format!("{side} answers what cannot be read: {error}")))?;
        let is_last = page.len() < PAGE;
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}
