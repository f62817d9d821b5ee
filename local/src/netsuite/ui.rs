//! NetSuite's own pages, as far as a person edits records there. No concurrency limit, no latency, no
//! faults on the way: who types into a form is not an integration.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State as Shared};
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::NetSuite;
use super::account::State;
use super::record::{Record, internal_id, rfc3339};
use super::refusal::{Reason, Refused};
use super::reply::Reply;
use super::rest::object;
use super::schema::Schema;
use super::scripts;
use super::store::{EXTERNAL_ID, TableIx};
use super::user_event::Origin;

pub(super) fn routes() -> Router<Arc<NetSuite>> {
    Router::new()
        .route("/netsuite/{account}/ui/{type}", get(list).post(create))
        .route("/netsuite/{account}/ui/{type}/{id}", get(read).patch(edit).delete(delete))
}

/// Who edits, and whether User Events see it.
#[derive(Deserialize)]
struct Person {
    #[serde(default = "netsuite_user")]
    user: String,
    #[serde(default)]
    user_event: Switch,
    /// An edit in a list.
    #[serde(default = "off")]
    inline: Switch,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Switch {
    #[default]
    On,
    Off,
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

fn off() -> Switch {
    Switch::Off
}

fn netsuite_user() -> String {
    "netsuite-user".into()
}

impl Person {
    fn origin(&self) -> Origin<'_> {
        let inline = self.inline == Switch::On;
        Origin { inline, ..Origin::person(&self.user, self.user_event == Switch::On) }
    }
}

async fn list(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path((account, record_type)): Path<(String, String)>,
    Query(page): Query<Page>,
) -> Reply {
    on_table(&netsuite, &account, record_type, move |state, table| {
        let of = state.store.table(table);
        let shown = of.records().skip(page.offset).take(page.limit.unwrap_or(usize::MAX));
        let rows: Vec<_> = shown.map(|record| row(&of.schema, record)).collect();
        Ok(Reply::json(StatusCode::OK, &rows))
    })
    .await
}

async fn create(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path((account, record_type)): Path<(String, String)>,
    Query(person): Query<Person>,
    body: Bytes,
) -> Reply {
    let values = match object(&body) {
        Ok(values) => values,
        Err(reply) => return reply,
    };
    on_table(&netsuite, &account, record_type, move |state, table| {
        let id = state.create(table, None, &values, &person.origin())?;
        show(state, table, id, StatusCode::CREATED)
    })
    .await
}

async fn read(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path((account, record_type, id)): Path<(String, String, String)>,
) -> Reply {
    on_table(&netsuite, &account, record_type, move |state, table| {
        show(state, table, parse_id(&id)?, StatusCode::OK)
    })
    .await
}

async fn edit(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path((account, record_type, id)): Path<(String, String, String)>,
    Query(person): Query<Person>,
    body: Bytes,
) -> Reply {
    let values = match object(&body) {
        Ok(values) => values,
        Err(reply) => return reply,
    };
    on_table(&netsuite, &account, record_type, move |state, table| {
        let id = parse_id(&id)?;
        state.update(table, id, &values, &person.origin())?;
        show(state, table, id, StatusCode::OK)
    })
    .await
}

async fn delete(
    Shared(netsuite): Shared<Arc<NetSuite>>,
    Path((account, record_type, id)): Path<(String, String, String)>,
    Query(person): Query<Person>,
) -> Reply {
    on_table(&netsuite, &account, record_type, move |state, table| {
        state.delete(table, parse_id(&id)?, &person.origin())?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    })
    .await
}

/// Does something with the table that the address names, and whatever scripts do about it.
async fn on_table(
    netsuite: &NetSuite,
    account: &str,
    record_type: String,
    act: impl FnOnce(&mut State, TableIx) -> Result<Reply, Refused> + Send + 'static,
) -> Reply {
    let Some(account) = netsuite.account_at(account) else {
        let unknown = Refused::new(Reason::UnknownAccount, format!("There is no account {account}."));
        return Reply::refused(&unknown);
    };
    let work = move |state: &mut State| {
        let done = state.store.table_named(&record_type).and_then(|table| act(state, table));
        done.unwrap_or_else(|refused| Reply::refused(&refused))
    };
    if account.deployed.is_none() {
        return account.act(work);
    }
    let account = Arc::clone(account);
    let broken = || Reply::html(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    scripts::aside(move || account.act(work)).await.unwrap_or_else(broken)
}

/// Reads the id of a record that someone asks for.
pub(super) fn parse_id(id: &str) -> Result<u64, Refused> {
    internal_id(id).ok_or_else(Refused::missing)
}

fn show(state: &State, table: TableIx, id: u64, status: StatusCode) -> Result<Reply, Refused> {
    let of = state.store.table(table);
    let record = of.get(id).ok_or_else(Refused::missing)?;
    Ok(Reply::json(status, &row(&of.schema, record)))
}

/// A record with all its fields, empty ones included.
fn row(schema: &Schema, record: &Record) -> Map<String, Json> {
    let mut row = record.body.render_fields(schema, 0..schema.fields().len());
    row.insert("id".into(), record.id.to_string().into());
    row.insert(EXTERNAL_ID.into(), record.external_id.as_deref().map_or(Json::Null, Json::from));
    row.insert("lastModified".into(), rfc3339(record.last_modified).into());
    row
}
