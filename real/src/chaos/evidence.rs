//! What the databases and the simulators hold when all is over: plain reads.

use std::collections::BTreeMap;

use local::world::World;
use serde_json::Value as Json;
use sqlx::MySqlPool;

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

/// Everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    pub(crate) ledger: Vec<Event>,
    /// Account and event → place.
    pub(crate) places: BTreeMap<(String, String), String>,
    /// How many events are in each place, as the triggers counted.
    pub(crate) census: BTreeMap<String, i64>,
    pub(crate) records: Vec<Record>,
    /// Account, type and our id of the living records that we made in NetSuite.
    pub(crate) made_in_netsuite: Vec<(String, String, String)>,
}

/// Account, event, source, type, the source's id, operation, body.
type EventRow = (String, String, String, String, String, String, Vec<u8>);

/// Account, type, canonical id, alias, whether it is locked, version, versions told.
type RecordRow = (String, String, String, Option<String>, bool, i64, i64);

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
        let mut made_in_netsuite = Vec::new();
        for account in world.config.accounts.values() {
            for kind in account.types.keys() {
                let made =
                    world.netsuite.all(&account.id, kind).into_iter().filter_map(|seen| seen.external_id);
                made_in_netsuite.extend(made.map(|ours| (account.id.to_string(), kind.to_string(), ours)));
            }
        }
        Ok(Self {
            ledger: events.into_iter().map(event).collect(),
            places: places.into_iter().map(|(account, event, place)| ((account, event), place)).collect(),
            census: census.into_iter().filter(|(_, count)| *count != 0).collect(),
            records: records.into_iter().map(record).collect(),
            made_in_netsuite,
        })
    }
}

fn event((account, id, source, kind, subject, operation, body): EventRow) -> Event {
    let body: Json = serde_json::from_slice(&body).unwrap_or_default();
    Event { account, id, source, subject: (kind, subject), operation, revision: body["revision"].as_i64() }
}

fn record((account, kind, id, alias_of, is_locked, version, versions_told): RecordRow) -> Record {
    Record { account, kind, id, alias_of, is_locked, version, versions_told }
}
