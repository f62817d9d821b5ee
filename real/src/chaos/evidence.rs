//! What the databases and the simulators hold when all is over: plain reads.

use std::collections::{BTreeMap, BTreeSet};

use local::world::World;
use serde_json::Value as Json;
use shared::domain::id::{AccountId, Side};
use shared::domain::surface::TypeSurface;
use shared::domain::value::Kind;
use sqlx::{AssertSqlSafe, MySqlPool};

use crate::databases::tenant_database;

const LEDGER: &str = "select account_id, bin_to_uuid(event_id), source, \
    aggregate_type, aggregate_id, operation, body from event_store";

const PLACES: &str = "select account_id, bin_to_uuid(event_id), cast(place as char) from pending_event";

const CENSUS: &str =
    "select cast(place as char), cast(sum(events) as signed) from event_census group by place";

const RECORDS: &str = "select c.account_id, c.record_type, c.record_id, c.alias_of, c.review is not null, \
    cast(c.version as signed), \
    (select count(distinct nullif(h.version, 0)) from state_history h where h.account_id = c.account_id \
        and h.record_type = c.record_type and h.record_id = c.record_id) \
    from current_state c";

/// Decisions alone: what only confirms is no reason to write anything.
const HISTORY: &str = "select account_id, record_type, record_id, source, decisions \
    from state_history where decisions <> '[]'";

const LINKS: &str = "select account_id, record_type, cast(side as char), side_id, record_id from record_link";

/// An event of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) source: String,
    /// The record, as its source names it: type and id.
    pub(crate) subject: (String, String),
    pub(crate) operation: String,
    pub(crate) revision: Option<i64>,
}

/// A row of `current_state`.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) account: String,
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) alias_of: Option<String>,
    /// Whether it has locks, or an open conflict.
    pub(crate) is_locked: bool,
    pub(crate) version: i64,
    /// How many versions its history tells of.
    pub(crate) versions_told: i64,
}

/// A row of the history that decided something.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    /// Account, type and canonical id of the record.
    pub(crate) record: [String; 3],
    /// Who told.
    pub(crate) source: String,
    /// The rules by which it was decided, field by field.
    pub(crate) rules: Vec<String>,
    /// How many of the fields refer to other records: these may be written later than the rest.
    pub(crate) refer: u64,
}

/// How often we have changed a record of a side, as that side has counted it.
#[derive(Debug, Clone)]
pub(crate) struct Writes {
    pub(crate) account: String,
    pub(crate) kind: String,
    pub(crate) side: Side,
    /// The side's own id.
    pub(crate) id: String,
    pub(crate) times: u64,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    pub(crate) ledger: Vec<Event>,
    /// Account and event → place.
    pub(crate) places: BTreeMap<(String, String), String>,
    /// How many events are in each place, as whoever moved them has counted.
    pub(crate) census: BTreeMap<String, i64>,
    pub(crate) records: Vec<Record>,
    /// Account, type and our id of the living records that we made in NetSuite.
    pub(crate) made_in_netsuite: Vec<(String, String, String)>,
    pub(crate) history: Vec<Decided>,
    /// Account, type, side and the side's id → canonical id.
    pub(crate) links: BTreeMap<(String, String, Side, String), String>,
    pub(crate) writes: Vec<Writes>,
    /// Account, type, SuiteX's id and the revision that an update of ours left: the outbox keeps nothing of these.
    pub(crate) updated: BTreeSet<(String, String, String, i64)>,
    /// Changes of a SuiteX row of which we have told SuiteX more than once: account, table, row and revision.
    pub(crate) told_twice: Vec<(String, String, u64, i64)>,
}

/// Account, event, source, type, the source's id, operation, body.
type EventRow = (String, String, String, String, String, String, Vec<u8>);

/// Account, type, canonical id, alias, whether it is locked, version, versions told.
type RecordRow = (String, String, String, Option<String>, bool, i64, i64);

/// Account, type, canonical id, source, decisions.
type HistoryRow = (String, String, String, String, String);

impl Evidence {
    /// Reads it all.
    pub(crate) async fn of(
        world: &World,
        state: &MySqlPool,
        ledger: &MySqlPool,
    ) -> Result<Self, sqlx::Error> {
        let events: Vec<EventRow> = sqlx::query_as(LEDGER).fetch_all(ledger).await?;
        let places: Vec<(String, String, String)> = sqlx::query_as(PLACES).fetch_all(state).await?;
        let records: Vec<RecordRow> = sqlx::query_as(RECORDS).fetch_all(state).await?;
        let census: Vec<(String, i64)> = sqlx::query_as(CENSUS).fetch_all(state).await?;
        let history: Vec<HistoryRow> = sqlx::query_as(HISTORY).fetch_all(state).await?;
        let links: Vec<(String, String, String, String, String)> =
            sqlx::query_as(LINKS).fetch_all(state).await?;
        let (mut made_in_netsuite, mut writes, mut told_twice) = (Vec::new(), Vec::new(), Vec::new());
        let mut updated = BTreeSet::new();
        for account in world.config.accounts.values() {
            for (kind, surface) in &account.types {
                let made =
                    world.netsuite.all(&account.id, kind).into_iter().filter_map(|seen| seen.external_id);
                made_in_netsuite.extend(made.map(|ours| (account.id.to_string(), kind.to_string(), ours)));
                let of = |side| {
                    move |(id, times)| Writes {
                        account: account.id.to_string(),
                        kind: kind.to_string(),
                        side,
                        id,
                        times,
                    }
                };
                writes.extend(world.netsuite.writes(&account.id, kind).into_iter().map(of(Side::NetSuite)));
                let synced = synced(state, &account.id, surface).await?;
                let mut times: BTreeMap<String, u64> = BTreeMap::new();
                for (id, operation, revision) in synced {
                    *times.entry(id.clone()).or_default() += 1;
                    if operation == "update" {
                        updated.insert((account.id.to_string(), kind.to_string(), id, revision));
                    }
                }
                writes.extend(times.into_iter().map(of(Side::SuiteX)));
            }
            told_twice.extend(rows_told_twice(state, &account.id).await?);
        }
        let decided = |row| decided(world, row);
        Ok(Self {
            ledger: events.into_iter().map(event).collect(),
            places: places.into_iter().map(|(account, event, place)| ((account, event), place)).collect(),
            census: census.into_iter().filter(|(_, count)| *count != 0).collect(),
            records: records.into_iter().map(record).collect(),
            made_in_netsuite,
            history: history.into_iter().map(decided).collect::<Result<_, _>>()?,
            links: links.into_iter().map(link).collect(),
            writes,
            updated,
            told_twice,
        })
    }
}

/// What the sync has done to a type's rows, of which SuiteX is told: id, operation and the revision that it left.
async fn synced(
    server: &MySqlPool,
    account: &AccountId,
    surface: &TypeSurface,
) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
    let sql = format!(
        "select cast(row_id as char), operation, revision from `{}`.synced_events where table_name = ?",
        tenant_database(account)
    );
    sqlx::query_as(AssertSqlSafe(sql)).bind(&surface.suitex).fetch_all(server).await
}

/// Account, table, row and revision of changes of which SuiteX was told more than once.
async fn rows_told_twice(
    server: &MySqlPool,
    account: &AccountId,
) -> Result<Vec<(String, String, u64, i64)>, sqlx::Error> {
    let sql = format!(
        "select '{account}', table_name, row_id, revision from `{}`.synced_events \
         group by table_name, row_id, revision having count(*) > 1",
        tenant_database(account)
    );
    sqlx::query_as(AssertSqlSafe(sql)).fetch_all(server).await
}

fn link(
    (account, kind, side, id, record): (String, String, String, String, String),
) -> ((String, String, Side, String), String) {
    let side = if side == "netsuite" { Side::NetSuite } else { Side::SuiteX };
    ((account, kind, side, id), record)
}

fn decided(
    world: &World,
    (account, kind, id, source, decisions): HistoryRow,
) -> Result<Decided, sqlx::Error> {
    let decisions: Vec<Json> =
        serde_json::from_str(&decisions).map_err(|error| sqlx::Error::Decode(error.into()))?;
    let mut of_account = world.config.accounts.iter().filter(|(of, _)| of.as_str() == account);
    let surface = of_account
        .next()
        .and_then(|(_, of)| of.types.iter().find(|(of, _)| of.as_str() == kind))
        .map(|(_, surface)| surface);
    let refers = |decision: &&Json| {
        let field = surface.and_then(|of| of.fields.iter().find(|field| decision["field"] == *field.name));
        field.is_some_and(|field| has_references(&field.kind))
    };
    let refer = decisions.iter().filter(refers).count() as u64;
    let rule = |decision: &Json| decision["rule"].as_str().unwrap_or_default().to_string();
    let rules = decisions.iter().map(rule).collect();
    Ok(Decided { record: [account, kind, id], source, rules, refer })
}

fn has_references(kind: &Kind) -> bool {
    match kind {
        Kind::Reference { .. } => true,
        Kind::Lines(lines) => lines.columns.iter().any(|column| has_references(&column.kind)),
        Kind::Text { .. }
        | Kind::Integer
        | Kind::Decimal { .. }
        | Kind::Boolean
        | Kind::Date
        | Kind::DateTime
        | Kind::Select { .. }
        | Kind::MultiSelect => false,
    }
}

fn event((account, id, source, kind, subject, operation, body): EventRow) -> Event {
    let body: Json = serde_json::from_slice(&body).unwrap_or_default();
    Event { account, id, source, subject: (kind, subject), operation, revision: body["revision"].as_i64() }
}

fn record((account, kind, id, alias_of, is_locked, version, versions_told): RecordRow) -> Record {
    Record { account, kind, id, alias_of, is_locked, version, versions_told }
}
