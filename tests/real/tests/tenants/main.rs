//! SuiteX's tenant databases on real MySQL: the port, the triggers, people, and the same answers as the
//! simulated SuiteX gives.

mod many;
mod own;
mod parity;
mod people;
mod raw;
mod rights;
mod sync;
mod together;
mod twins;
mod values;

use std::sync::Arc;

use mysql::migrate::Schema;
use mysql::tenant::{App, MysqlTenants, TenantAddresses, business_tables, ddl, run};
use real_tests::Database;
use serde_json::{Map, Value as Json};
use shared::domain::id::{AccountId, Revision};
use shared::domain::surface::{Account, SyncConfig};
use shared::suitex::{Applied, By, Change, Look, OutboxPage, OutboxRow, Row, Tenants};

/// Every kind of column, a list with keys and one without, references within and across tables.
const CONFIG: &str = r#"
[account.acme]
[account.globex]

[type.customer]
suitex = "customers"
match = ["company_name", ["notes", "tier"], "employees", "parent"]

[type.customer.fields]
company_name = { type = "text", max = 20, suitex = "company" }
notes = { type = "text" }
credit_limit = { type = "decimal", scale = 2 }
employees = { type = "integer" }
inactive = { type = "boolean" }
since = { type = "date" }
seen_at = { type = "datetime" }
tier = { type = "select" }
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
memo = { type = "text", max = 999 }

[type.salesorder.fields.lines]
type = "lines"
key = { suitex = "line_key", netsuite = "lineuniquekey", netsuite_external = "custcol_sx_line" }

[type.salesorder.fields.lines.columns]
item = { type = "reference", to = "item", suitex = "item_id" }
quantity = { type = "integer" }
rate = { type = "decimal", scale = 4 }

[type.salesorder.fields.steps]
type = "lines"

[type.salesorder.fields.steps.columns]
what = { type = "text" }
done = { type = "boolean" }
"#;

fn config() -> Arc<SyncConfig> {
    Arc::new(SyncConfig::parse(CONFIG).unwrap())
}

fn acme() -> AccountId {
    AccountId::parse("acme").unwrap()
}

fn account() -> Account {
    config().accounts[&acme()].clone()
}

fn map(json: Json) -> Map<String, Json> {
    serde_json::from_value(json).unwrap()
}

/// Acme's database, and what works on it.
struct Tenant {
    database: Database,
    tenants: Arc<MysqlTenants>,
    app: App,
}

impl Tenant {
    async fn fresh() -> Self {
        let database = Database::fresh(Schema::Tenant).await;
        run(&database.pool, &business_tables(&account())).await.unwrap();
        run(&database.pool, &ddl(&account())).await.unwrap();
        Self::on(database)
    }

    fn on(database: Database) -> Self {
        let addresses = TenantAddresses([(acme(), database.url())].into());
        let tenants = Arc::new(MysqlTenants::new(&config(), &addresses).unwrap());
        Self { database, app: App::new(Arc::clone(&tenants)), tenants }
    }

    /// Whatever somebody else's program sends.
    async fn sql(&self, statement: &str) {
        if let Err(error) = self.try_sql(statement).await {
            panic!("{statement}: {error}");
        }
    }

    async fn try_sql(&self, statement: &str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&self.database.pool).await.map(drop)
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("select count(*) from {table}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.database.pool).await.unwrap()
    }

    async fn apply(&self, table: &str, change: Change) -> Applied {
        self.tenants.apply(&acme(), table, uuid::Uuid::nil(), &change).await.unwrap()
    }

    async fn look(&self, table: &str, by: By<'_>) -> Look {
        self.tenants.read(&acme(), table, by).await.unwrap()
    }

    async fn row(&self, table: &str, id: &str) -> Row {
        match self.look(table, By::Id(id)).await {
            Look::Found(row) => row,
            other => panic!("{table} {id}: {other:?}"),
        }
    }

    async fn add(&self, record_type: &str, values: Json) -> Row {
        self.app.create(&acme(), record_type, &map(values), "ann").await.unwrap()
    }

    async fn outbox(&self) -> Vec<OutboxRow> {
        self.tenants.outbox(&acme(), 10_000).await.unwrap().rows
    }

    /// What has been told since the last time, and that the relay has it.
    async fn news(&self) -> Vec<OutboxRow> {
        let rows = self.outbox().await;
        let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
        self.tenants.dispatched(&acme(), &seqs).await.unwrap();
        rows
    }
}

fn creation(sync_id: &str, values: Json) -> Change {
    Change::Create { sync_id: sync_id.into(), values: map(values), unless: Default::default() }
}

fn update(id: &str, revision: i64, expected: Json, values: Json) -> Change {
    let (expected, values) = (map(expected), map(values));
    Change::Update { id: id.into(), revision: Revision(revision), expected, values }
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
