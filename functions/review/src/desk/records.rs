//! Records: found, listed, shown as they are and as they were.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::id::{CanonicalId, RecordType, Side, SideId, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::TypeSurface;
use shared::runtime::problem::Problem;
use shared::state::HistoryRow;
use utoipa::ToSchema;

use crate::access::{Access, Seat};
use crate::view::{ConflictView, HistoryView, Listed, RecordLine, RecordView, shown};

/// Rows of the history read at once, and how often at most.
const ROWS: usize = 200;
const PAGES_MAX: usize = 50;

/// A record that the person may look at.
pub struct Found {
    access: Access,
    record: Arc<Record>,
    surface: Arc<TypeSurface>,
}

/// A record as it was.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AsOf {
    /// Tenant.
    pub account: String,
    /// Record type.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Canonical id.
    pub id: String,
    /// The version that it had.
    pub version: u64,
    /// Whether it existed.
    pub alive: bool,
    /// What was agreed.
    pub state: BTreeMap<String, Json>,
}

/// When a record is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At this version.
    Version(u64),
    /// At this time.
    Time(Timestamp),
}

impl When {
    /// Reads `12`, `v12` or an RFC 3339 time.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let version = text.strip_prefix('v').unwrap_or(text).parse().map(When::Version);
        let time = || Timestamp::parse(text).map(When::Time);
        version.ok().or_else(time).ok_or_else(|| {
            Problem::bad_request("as_of", "must be a version, as 12, or a time, as 2026-01-01T00:00:00Z")
        })
    }
}

impl Found {
    /// What the person may do in its account.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// What is configured of its type.
    pub fn surface(&self) -> &TypeSurface {
        &self.surface
    }

    /// It.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    fn name(&self) -> (RecordType, CanonicalId) {
        (self.record.key.record_type.clone(), self.record.key.id.clone())
    }
}

/// The record of this name: `id` is canonical, `netsuite:<id>` or `suitex:<id>`.
pub async fn record(seat: &Seat, account: &str, kind: &str, id: &str) -> Result<Found, Problem> {
    let access = seat.account(account)?;
    let surface = RecordType::parse(kind).ok().and_then(|kind| access.account().types.get(&kind).cloned());
    let surface = surface.ok_or_else(|| Problem::not_found("the account syncs no such type").at("type"))?;
    let missing = || Problem::not_found("there is no such record").at("id");
    let id = match id.split_once(':') {
        None => CanonicalId::parse(id).ok(),
        Some(("netsuite", id)) => linked(&access, &surface, Side::NetSuite, id).await?,
        Some(("suitex", id)) => linked(&access, &surface, Side::SuiteX, id).await?,
        Some(_) => None,
    };
    let name = (surface.record_type.clone(), id.ok_or_else(missing)?);
    let record = access.record(&name).await?.ok_or_else(missing)?;
    Ok(Found { access, record, surface })
}

async fn linked(
    access: &Access,
    surface: &TypeSurface,
    side: Side,
    id: &str,
) -> Result<Option<CanonicalId>, Problem> {
    let Ok(id) = SideId::parse(id) else { return Ok(None) };
    Ok(access.linked(&surface.record_type, side, id).await?)
}

/// Everything about a record, as it is.
pub async fn view(found: &Found) -> Result<RecordView, Problem> {
    let Found { access, record, surface } = found;
    let pending = access.pending(record).await?.len();
    let conflict = match &record.conflict {
        None => None,
        Some(conflict) => {
            let own = super::conflicts::filed_of(access, conflict.id).await?;
            own.and_then(|filed| ConflictView::new(record, &filed, surface, access.now()))
        }
    };
    Ok(RecordView::new(record, surface, pending, conflict, access.now()))
}

/// An account's records by name; of one type, or all.
pub async fn records(
    access: &Access,
    kind: Option<&str>,
    after: Option<&str>,
    limit: usize,
) -> Result<Listed<RecordLine>, Problem> {
    let unknown = || Problem::not_found("the account syncs no such type").at("type");
    let types = &access.account().types;
    let kind = match kind {
        None => None,
        Some(name) => {
            Some(RecordType::parse(name).ok().filter(|k| types.contains_key(k)).ok_or_else(unknown)?)
        }
    };
    let page = access.records(kind.as_ref(), after, limit).await?;
    let now = access.now();
    let line = |r: &Arc<Record>| RecordLine::new(r, types.get(&r.key.record_type).map(AsRef::as_ref), now);
    Ok(Listed { items: page.items.iter().map(line).collect(), next: page.next })
}

/// Records that carry this id, ours or a side's, of any type of these accounts.
pub async fn search(accounts: &[Access], id: &str) -> Result<Vec<RecordLine>, Problem> {
    let mut lines: Vec<RecordLine> = Vec::new();
    let id = id.trim();
    for access in accounts {
        let mut names: Vec<(RecordType, CanonicalId)> = Vec::new();
        for kind in access.account().types.keys() {
            names.extend(CanonicalId::parse(id).ok().map(|id| (kind.clone(), id)));
            for side in Side::BOTH {
                let Ok(id) = SideId::parse(id) else { continue };
                names.extend(access.linked(kind, side, id).await?.map(|id| (kind.clone(), id)));
            }
        }
        names.sort();
        names.dedup();
        for record in access.records_of(&names).await?.into_iter().flatten() {
            let surface = access.account().types.get(&record.key.record_type).map(AsRef::as_ref);
            let line = RecordLine::new(&record, surface, access.now());
            if !lines
                .iter()
                .any(|l| (&l.account, &l.record_type, &l.id) == (&line.account, &line.record_type, &line.id))
            {
                lines.push(line);
            }
        }
    }
    Ok(lines)
}

/// What was decided about a record, the newest first.
pub async fn history(
    found: &Found,
    before: Option<&str>,
    limit: usize,
) -> Result<Listed<HistoryView>, Problem> {
    let place = |text: &str| {
        let parts = text.split_once('.')?;
        Some((parts.0.parse().ok()?, parts.1.parse().ok()?))
    };
    let wrong = || Problem::bad_request("after", "is not where a page of this history has ended");
    let before = before.map(|text| place(text).ok_or_else(wrong)).transpose()?;
    let mut lines = found.access.history(&found.name(), before, limit + 1).await?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next = lines.last().filter(|_| more).map(|line| format!("{}.{}", line.at.0, line.at.1));
    Ok(Listed { items: lines.into_iter().map(|line| HistoryView::new(line.row)).collect(), next })
}

/// The record as it was: what was decided since is taken back, step by step.
pub async fn record_as_of(found: &Found, when: When) -> Result<AsOf, Problem> {
    let (record, surface) = (&found.record, &found.surface);
    let state = surface.fields.iter().enumerate();
    let state = state.map(|(ix, f)| (f.name.to_string(), shown(surface, ix, &record.canonical[ix])));
    let mut past = AsOf {
        account: record.key.account.to_string(),
        record_type: record.key.record_type.to_string(),
        id: record.key.id.to_string(),
        version: record.version.0,
        alive: record.alive,
        state: state.collect(),
    };
    let mut before = None;
    for _ in 0..PAGES_MAX {
        let page = found.access.history(&found.name(), before, ROWS).await?;
        for line in &page {
            let is_later = match when {
                When::Version(version) => line.row.version.0 > version,
                When::Time(at) => line.row.at > at,
            };
            if !is_later {
                past.version = line.row.version.0;
                return there(past);
            }
            take_back(&mut past, &line.row);
        }
        match page.last() {
            Some(last) if page.len() == ROWS => before = Some(last.at),
            _ => {
                past.version = 0;
                return there(past);
            }
        }
    }
    Err(Problem::unprocessable("as_of", "lies too far back: more than 10,000 decisions ago"))
}

fn take_back(past: &mut AsOf, row: &HistoryRow) {
    for decision in row.decisions.iter().rev() {
        if decision.field == "$exists" {
            past.alive = decision.from == Json::Bool(true);
        } else if let Some(value) = past.state.get_mut(&decision.field) {
            *value = decision.from.clone();
        }
    }
}

/// What was never there was not.
fn there(past: AsOf) -> Result<AsOf, Problem> {
    match past.version == 0 {
        true => Err(Problem::not_found("the record was not there then").at("as_of")),
        false => Ok(past),
    }
}
