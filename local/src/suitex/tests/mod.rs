//! The simulator's promises, by what they are about.

mod api;
mod people;
mod sync;

use std::sync::Arc;

use futures::FutureExt;
use serde_json::{Map, Value as Json, json};
use shared::domain::id::{AccountId, Revision, Timestamp};
use shared::domain::surface::SyncConfig;
use shared::runtime::clock::{BoxFuture, Clock};
use shared::suitex::{Applied, By, Change, Look, OutboxRow, Row, Tenants};

use super::*;

const CONFIG: &str = r#"
[account.acme]
[account.globex]

[type.customer]
suitex = "customers"

[type.customer.fields]
company_name = { type = "text", max = 20, suitex = "company" }
credit_limit = { type = "decimal", scale = 2 }
tags = { type = "multiselect" }
parent = { type = "reference", to = "customer", suitex = "parent_id" }

[type.item]
suitex = "items"

[type.item.fields]
name = { type = "text" }

[type.salesorder]
suitex = "sales_orders"

[type.salesorder.fields]
customer = { type = "reference", to = "customer", suitex = "customer_id" }

[type.salesorder.fields.lines]
type = "lines"
key = { suitex = "line_key", netsuite = "lineuniquekey", netsuite_external = "custcol_sx_line" }

[type.salesorder.fields.lines.columns]
item = { type = "reference", to = "item", suitex = "item_id" }
quantity = { type = "integer" }
"#;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn sleep_until(&self, _: Timestamp) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }
}

fn suitex() -> Arc<SuiteX> {
    SuiteX::new(Arc::new(SyncConfig::parse(CONFIG).unwrap()), Arc::new(Still))
}

fn acme() -> AccountId {
    AccountId::parse("acme").unwrap()
}

fn globex() -> AccountId {
    AccountId::parse("globex").unwrap()
}

fn map(json: Json) -> Map<String, Json> {
    serde_json::from_value(json).unwrap()
}

/// The simulator never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the simulator answers at once")
}

/// What acme's people and the sync do, in short.
trait Short {
    fn add(&self, record_type: &str, values: Json) -> Row;
    fn alter(&self, record_type: &str, id: &str, values: Json) -> Result<Row, Problem>;
    fn apply_to(&self, table: &str, change: Change) -> Applied;
    fn outbox_rows(&self) -> Vec<OutboxRow>;
    fn look(&self, table: &str, by: By<'_>) -> Look;
}

impl Short for SuiteX {
    fn add(&self, record_type: &str, values: Json) -> Row {
        self.create(&acme(), record_type, &map(values), "ann").unwrap()
    }

    fn alter(&self, record_type: &str, id: &str, values: Json) -> Result<Row, Problem> {
        self.edit(&acme(), record_type, id, &map(values), "ann")
    }

    fn apply_to(&self, table: &str, change: Change) -> Applied {
        at_once(self.apply(&acme(), table, uuid::Uuid::nil(), &change)).unwrap()
    }

    fn outbox_rows(&self) -> Vec<OutboxRow> {
        at_once(self.outbox(&acme(), usize::MAX)).unwrap().rows
    }

    fn look(&self, table: &str, by: By<'_>) -> Look {
        at_once(self.read(&acme(), table, by)).unwrap()
    }
}

fn creation(sync_id: &str, values: Json) -> Change {
    Change::Create { sync_id: sync_id.into(), values: map(values), unless: Default::default() }
}

fn update(id: &str, revision: i64, expected: Json, values: Json) -> Change {
    Change::Update {
        id: id.into(),
        revision: Revision(revision),
        expected: map(expected),
        values: map(values),
    }
}

fn deletion(id: &str, revision: i64) -> Change {
    Change::Delete { id: id.into(), revision: Revision(revision), expected: Map::new() }
}

fn refusal(applied: Applied) -> (String, Option<String>) {
    match applied {
        Applied::Refused { code, field, .. } => (code, field),
        other => panic!("not refused: {other:?}"),
    }
}
