//! The native twin of our write RESTlet: compare, set, save, answer; or look and write nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State as Shared};
use axum::routing::post;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use shared::domain::id::Side;
use shared::domain::identity::CANDIDATES_MAX;
use shared::netsuite::wire::{Answer, Call, Outcome, Read, Refusal, Verb, What, Write};
use uuid::Uuid;

use super::NetSuite;
use super::account::{Account, Operation, State};
use super::catalog::table_of;
use super::faults::SCRIPT_STOPS_MS;
use super::gate::{self, Request, ScriptCall};
use super::record::{Body, Record, internal_id, rfc3339};
use super::refusal::Refused;
use super::reply::{Channel, Reply};
use super::schema::Schema;
use super::scripts::{self, Family};
use super::settings::HiddenRecords;
use super::store::TableIx;
use super::table::{Deletion, Found, Table};
use super::user_event::{Context, Origin};

/// Most writes in one call.
const MAX_WRITES: usize = 10;
/// Governance units of one script run, and the price of what the script does beside loading and saving.
const UNITS: i64 = 5_000;
const LOOKUP: i64 = 10;
/// Creating and saving the row that remembers an operation.
const REMEMBER: i64 = 6;
/// Below so many units the script starts nothing more.
const RESERVE: i64 = 300;
/// The user as which our integration is logged in.
pub(super) const INTEGRATION_USER: &str = "suitex-sync";

pub(super) fn routes() -> Router<Arc<NetSuite>> {
    Router::new().route("/netsuite/{account}/app/site/hosting/restlet.nl", post(answer))
}

#[derive(Deserialize)]
struct Script {
    #[serde(default)]
    script: String,
    #[serde(default)]
    deploy: String,
}

async fn answer(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path(account): Path<String>,
    Query(script): Query<Script>,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    match netsuite.account_at(&account) {
        Some(account) if !is_taken(&headers) => {
            gate::call(account, Request::Malformed(Channel::Restlet, Reply::unsupported())).await
        }
        Some(account) => gate::call(account, request(account, &script, body)).await,
        None => Reply::html(StatusCode::NOT_FOUND, "Not Found"),
    }
}

/// Whether RESTlets take a body of this type; who names none is let in.
fn is_taken(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    ["application/json", "text/plain"].iter().any(|taken| taken.eq_ignore_ascii_case(kind))
}

fn request(account: &Account, script: &Script, body: Bytes) -> Request {
    let malformed = |code, message: &str| {
        Request::Malformed(Channel::Restlet, Reply::restlet_error(StatusCode::BAD_REQUEST, code, message))
    };
    for (name, value) in [("script", &script.script), ("deploy", &script.deploy)] {
        if value.is_empty() {
            return malformed("SSS_MISSING_REQD_ARGUMENT", &format!("Missing a required argument: {name}"));
        }
    }
    if account.deployed.is_some() {
        let writes = serde_json::from_slice(&body).map_or(0, |body| scripts::writes(&body));
        let (script, deployment) = (script.script.clone(), script.deploy.clone());
        return Request::Script(ScriptCall { script, deployment, body, writes });
    }
    match serde_json::from_slice::<Call>(&body) {
        Err(error) => malformed("SSS_INVALID_REQUEST_BODY", &format!("The body is not a call: {error}")),
        Ok(Call::Apply { writes }) if writes.len() > MAX_WRITES => {
            malformed("SSS_INVALID_REQUEST_BODY", &format!("At most {MAX_WRITES} writes in one call"))
        }
        Ok(call) => Request::Restlet(call),
    }
}

/// Carries a call out.
pub(super) fn run(state: &mut State, call: &Call) -> Reply {
    let mut run = Run { units: UNITS, started: 0, state };
    let results = match call {
        Call::Read { reads } => {
            run.look_up(reads.iter().map(|read| read.operations.len()).sum());
            reads.iter().map(|read| run.read(read)).collect()
        }
        Call::Apply { writes } => {
            if !writes.is_empty() && run.state.strikes("partial", |f| f.partial) {
                let survivors = run.state.draw(writes.len() as u64) as usize;
                return run.die_after(&writes[..survivors]);
            }
            if let Some(deadly) = run.state.dies_at(writes.iter().map(|write| &write.values)) {
                return run.die_after(&writes[..deadly]);
            }
            run.look_up(writes.len());
            writes.iter().map(|write| run.write(write)).collect()
        }
    };
    Reply::json(StatusCode::OK, &Answer { results, remaining_usage: run.units })
}

/// One run of the script.
struct Run<'a> {
    units: i64,
    /// Writes begun: what the run's time depends on.
    started: usize,
    state: &'a mut State,
}

impl Run<'_> {
    /// The script runs out of time after these writes. What it saved stays saved.
    fn die_after(&mut self, writes: &[Write]) -> Reply {
        for write in writes {
            self.write(write);
        }
        Reply::restlet_error(
            StatusCode::BAD_REQUEST,
            "SSS_TIME_LIMIT_EXCEEDED",
            "Script Execution Time Exceeded.",
        )
    }

    fn may_go_on(&self) -> bool {
        self.units >= RESERVE && self.state.faults().work(self.started) <= SCRIPT_STOPS_MS
    }

    /// The rows of all operations of a call are found at once.
    fn look_up(&mut self, operations: usize) {
        self.units -= if operations > 0 { LOOKUP } else { 0 };
    }

    /// The price of loading a record; saving costs twice that.
    fn load_price(&self, table: TableIx) -> i64 {
        Family::of(&self.state.store.table(table).schema.surface().netsuite).load()
    }

    /// The price of finding out what there is under an id.
    fn find_price(&self, table: TableIx, id: Option<&str>, external_id: Option<&str>) -> i64 {
        let load = self.load_price(table);
        let of = self.state.store.table(table);
        match (id.map(internal_id), external_id) {
            (Some(None), _) | (None, None) => 0,
            // What is not there is looked for among the deleted.
            (Some(Some(id)), _) => load + if of.get(id).is_some() { 0 } else { LOOKUP },
            (None, Some(external_id)) => {
                LOOKUP + if of.with_external_id(external_id).is_some() { load } else { LOOKUP }
            }
        }
    }

    fn write(&mut self, write: &Write) -> Outcome {
        if !self.may_go_on() {
            return outcome(What::NotAttempted);
        }
        self.started += 1;
        if let Some(row) = self.state.operations.get(&write.operation) {
            let (table, id) = (row.table, row.id);
            return self.repeated(table, id, write);
        }
        let table = match self.state.store.table_named(&write.record_type) {
            Ok(table) => table,
            Err(refused) => return refusal(refused),
        };
        let outcome = match write.verb {
            Verb::Create => self.create(table, write),
            Verb::Update => self.update(table, write),
            Verb::Delete => self.delete(table, write),
        };
        outcome.unwrap_or_else(|refused| self.refuse(table, write, refused))
    }

    /// The operation was carried out before.
    fn repeated(&mut self, table: TableIx, id: u64, write: &Write) -> Outcome {
        self.units -= self.find_price(table, Some(&id.to_string()), None);
        let of = self.state.store.table(table);
        match (of.find(id), write.verb) {
            (Found::Record(record), _) => seen(What::AlreadyApplied, &of.schema, record, &write.fields),
            (Found::Deleted(deletion), Verb::Delete) => gone(What::AlreadyApplied, deletion),
            (Found::Deleted(deletion), Verb::Create | Verb::Update) => gone(What::Deleted, deletion),
            (Found::Nothing, _) => outcome(What::Missing),
        }
    }

    fn create(&mut self, table: TableIx, write: &Write) -> Result<Outcome, Refused> {
        let external_id = write.external_id.as_deref();
        let twin = external_id.and_then(|e| self.state.store.table(table).with_external_id(e));
        self.units -= if external_id.is_some() { LOOKUP } else { 0 };
        self.units -= self.load_price(table);
        let of = self.state.store.table(table);
        match twin.map(|id| of.find(id)) {
            // Setting its values unseen could undo what somebody did to it since.
            Some(Found::Record(record)) => Ok(seen(What::AlreadyApplied, &of.schema, record, &write.fields)),
            _ => {
                let twins = self.twins(table, write);
                if !twins.is_empty() {
                    return Ok(Outcome { twins, ..outcome(What::Twins) });
                }
                self.note_beside(table, write);
                self.units -= 2 * self.load_price(table);
                let id = self.state.create(table, external_id, &write.values, &origin(write))?;
                self.state.stats.creates += 1;
                self.state.wrote(table, id);
                Ok(self.saved(table, id, write))
            }
        }
    }

    /// Others that the record to be created could be.
    fn twins(&mut self, table: TableIx, write: &Write) -> Vec<Outcome> {
        let Some(unless) = write.unless.as_ref().filter(|unless| !unless.keys.is_empty()) else {
            return Vec::new();
        };
        let (load, of) = (self.load_price(table), self.state.store.table(table));
        let ids = of.keys().forbidding(of.schema.surface(), Side::NetSuite, unless, || {
            let all =
                |record: &Record| (record.id, record.body.render_fields(&of.schema, record.body.filled()));
            of.records().map(all).collect()
        });
        let ids = ids.into_iter();
        let there = ids.take(CANDIDATES_MAX).filter_map(|id| of.get(id));
        let twins: Vec<Outcome> =
            there.map(|record| seen(What::Found, &of.schema, record, &write.fields)).collect();
        self.units -= LOOKUP + load * twins.len() as i64;
        twins
    }

    fn note_beside(&mut self, table: TableIx, write: &Write) {
        let of = self.state.store.table(table);
        let mark = write.external_id.as_deref().unwrap_or_default();
        let except = write.unless.as_ref().map_or(&[][..], |unless| &unless.except);
        let surface = of.schema.surface();
        let beside = of.keys().beside(surface, Side::NetSuite, mark, &write.values, except);
        self.state.beside.extend(beside);
    }

    fn update(&mut self, table: TableIx, write: &Write) -> Result<Outcome, Refused> {
        self.units -= self.find_price(table, write.id.as_deref(), write.external_id.as_deref());
        let of = self.state.store.table(table);
        match find(of, write.id.as_deref(), write.external_id.as_deref()) {
            Found::Record(record) => {
                if differs(&of.schema, &record.body, &write.expected, &write.values)? {
                    return Ok(seen(What::Mismatch, &of.schema, record, &write.fields));
                }
                let id = record.id;
                self.save(table, id, write)
            }
            Found::Deleted(deletion) => Ok(gone(What::Deleted, deletion)),
            Found::Nothing => Ok(outcome(What::Missing)),
        }
    }

    fn delete(&mut self, table: TableIx, write: &Write) -> Result<Outcome, Refused> {
        self.units -= self.find_price(table, write.id.as_deref(), write.external_id.as_deref());
        let of = self.state.store.table(table);
        let id = match find(of, write.id.as_deref(), write.external_id.as_deref()) {
            Found::Record(record) => {
                if differs(&of.schema, &record.body, &write.expected, &Map::new())? {
                    return Ok(seen(What::Mismatch, &of.schema, record, &write.fields));
                }
                record.id
            }
            Found::Deleted(deletion) => return Ok(gone(What::AlreadyApplied, deletion)),
            Found::Nothing => return Ok(outcome(What::Missing)),
        };
        self.units -= 2 * self.load_price(table);
        self.state.delete(table, id, &origin(write))?;
        self.units -= REMEMBER;
        self.state.stats.deletes += 1;
        self.state.wrote(table, id);
        self.state.operations.insert(write.operation, Operation { table, id, held: None });
        match self.state.store.table(table).find(id) {
            Found::Deleted(deletion) => Ok(gone(What::Applied, deletion)),
            Found::Record(_) | Found::Nothing => Ok(outcome(What::Missing)),
        }
    }

    fn save(&mut self, table: TableIx, id: u64, write: &Write) -> Result<Outcome, Refused> {
        let changed = self.state.update(table, id, &write.values, &origin(write))?;
        self.units -= if changed { 2 * self.load_price(table) } else { 0 };
        if changed {
            self.state.wrote(table, id);
        }
        Ok(self.saved(table, id, write))
    }

    /// Remembers the operation and answers what the record holds now.
    fn saved(&mut self, table: TableIx, id: u64, write: &Write) -> Outcome {
        // Read again: only what is stored has its time, and the keys of new lines.
        self.units -= self.load_price(table) + REMEMBER;
        let of = self.state.store.table(table);
        let Some(record) = of.get(id) else { return outcome(What::Missing) };
        let answer = seen(What::Applied, &of.schema, record, &write.fields);
        let held = Some(record.body.clone());
        self.state.operations.insert(write.operation, Operation { table, id, held });
        answer
    }

    /// A refusal, with what the record holds when there is one.
    fn refuse(&mut self, table: TableIx, write: &Write, refused: Refused) -> Outcome {
        self.units -= self.find_price(table, write.id.as_deref(), write.external_id.as_deref());
        let of = self.state.store.table(table);
        let answer = match find(of, write.id.as_deref(), write.external_id.as_deref()) {
            Found::Record(record) => seen(What::Refused, &of.schema, record, &write.fields),
            Found::Deleted(_) | Found::Nothing => outcome(What::Refused),
        };
        Outcome { error: Some(Refusal::from(refused)), ..answer }
    }

    /// Whether SuiteQL's list of deletions, where the script looks, names those of a type.
    fn tracks(&self, table: TableIx) -> bool {
        let netsuite = &self.state.store.table(table).schema.surface().netsuite;
        !self.state.faults().settings.untracked_deletions.contains(netsuite)
    }

    /// What the role is told of a record that it does not see.
    fn hidden(&self, table: TableIx, id: Option<&str>) -> Option<Outcome> {
        let settings = &self.state.faults().settings;
        let of = table_of(&self.state.store.table(table).schema.surface().netsuite);
        let id = id.and_then(internal_id)?;
        settings.hidden_rows.get(of).filter(|hidden| hidden.contains(&id.cast_signed()))?;
        match settings.hidden_records {
            HiddenRecords::Shown => None,
            HiddenRecords::Missing => Some(outcome(What::Missing)),
            HiddenRecords::Refused => {
                let code = "INSUFFICIENT_PERMISSION".to_string();
                let message = "You do not have permissions to view this record.".to_string();
                let error = Some(Refusal { code, message, field: None });
                Some(Outcome { error, ..outcome(What::Refused) })
            }
        }
    }

    fn read(&mut self, read: &Read) -> Outcome {
        if !self.may_go_on() {
            return outcome(What::NotAttempted);
        }
        let table = match self.state.store.table_named(&read.record_type) {
            Ok(table) => table,
            Err(refused) => return refusal(refused),
        };
        if let Some(hidden) = self.hidden(table, read.id.as_deref()) {
            self.units -= self.load_price(table);
            return hidden;
        }
        self.units -= self.find_price(table, read.id.as_deref(), read.external_id.as_deref());
        let of = self.state.store.table(table);
        let known = |operation: &Uuid| Some((*operation, self.state.operations.get(operation)?));
        let rows: Vec<(Uuid, &Operation)> = read.operations.iter().filter_map(known).collect();
        // What was held stands in the rows themselves.
        self.units -= Family::Custom.load() * i64::try_from(rows.len()).unwrap_or(0);
        let found = match (find(of, read.id.as_deref(), read.external_id.as_deref()), rows.last()) {
            // Neither id leads anywhere, but the operation's own row knows the record.
            (Found::Nothing, Some((_, row))) if row.table == table => of.find(row.id),
            (found, _) => found,
        };
        let answer = match found {
            Found::Record(record) => seen(What::Found, &of.schema, record, &read.fields),
            Found::Deleted(deletion) if self.tracks(table) => gone(What::Deleted, deletion),
            Found::Deleted(_) | Found::Nothing => outcome(What::Missing),
        };
        let held = |row: &Operation| {
            row.held.as_ref().map_or_else(Map::new, |body| body.render_named(&of.schema, &read.fields))
        };
        let held = rows.into_iter().map(|(operation, row)| (operation, held(row))).collect();
        Outcome { held, ..answer }
    }
}

fn origin(write: &Write) -> Origin<'static> {
    Origin {
        context: Context::Restlet,
        user: INTEGRATION_USER,
        operation: Some(write.operation),
        user_event: true,
        inline: false,
    }
}

/// What there is under the internal id, or else under the external one.
fn find<'a>(of: &'a Table, id: Option<&str>, external_id: Option<&str>) -> Found<'a> {
    match (id, external_id) {
        (Some(id), _) => internal_id(id).map_or(Found::Nothing, |id| of.find(id)),
        (None, Some(external_id)) => of.find_external(external_id),
        (None, None) => Found::Nothing,
    }
}

/// Whether a field holds neither what is expected of it nor what is wanted of it. An expected value that the
/// field could never hold differs.
fn differs(
    schema: &Schema,
    body: &Body,
    expected: &Map<String, Json>,
    wanted: &Map<String, Json>,
) -> Result<bool, Refused> {
    for (name, json) in expected {
        let ix = schema.writable(name)?;
        let kind = &schema.field(ix).kind;
        let holds =
            |json: &Json| kind.parse(Side::NetSuite, json).is_ok_and(|value| value == body.values[ix]);
        if !holds(json) && !wanted.get(name).is_some_and(holds) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn outcome(what: What) -> Outcome {
    Outcome {
        outcome: what,
        id: None,
        external_id: None,
        last_modified: None,
        values: Map::new(),
        held: BTreeMap::new(),
        twins: Vec::new(),
        error: None,
    }
}

fn seen(what: What, schema: &Schema, record: &Record, fields: &[String]) -> Outcome {
    Outcome {
        id: Some(record.id.to_string()),
        external_id: record.external_id.as_deref().map(str::to_string),
        last_modified: Some(rfc3339(record.last_modified)),
        values: record.body.render_named(schema, fields),
        ..outcome(what)
    }
}

fn gone(what: What, deletion: &Deletion) -> Outcome {
    Outcome {
        id: Some(deletion.id.to_string()),
        external_id: deletion.external_id.as_deref().map(str::to_string),
        last_modified: Some(rfc3339(deletion.at)),
        ..outcome(what)
    }
}

fn refusal(refused: Refused) -> Outcome {
    Outcome { error: Some(refused.into()), ..outcome(What::Refused) }
}
