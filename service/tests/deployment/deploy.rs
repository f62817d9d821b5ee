//! What README's "Deploy it" does, with the accounts that it names.

use mysql::migrate::{MigrateError, Schema};
use mysql::tenant::{self, MysqlTenants, TenantAddresses};
use serde_json::{Map, Value as Json, json};
use shared::domain::id::{AccountId, Revision};
use shared::suitex::{Applied, Change, OutboxRow, Tenants};
use sqlx::{AssertSqlSafe, Executor, MySqlPool};

use crate::place::{CONFIG, Place, WIDER, config};

fn acme() -> AccountId {
    AccountId::parse("acme").unwrap()
}

fn map(json: Json) -> Map<String, Json> {
    serde_json::from_value(json).unwrap()
}

async fn sql(pool: &MySqlPool, statement: &str) {
    if let Err(error) = pool.execute(AssertSqlSafe(statement.to_string())).await {
        panic!("{statement}: {error}");
    }
}

/// Acme's database, under the account of a function that knows `text`.
fn tenants(place: &Place, account: &str, text: &str) -> MysqlTenants {
    let addresses = TenantAddresses([(acme(), place.url("acme", Some(account)))].into());
    MysqlTenants::new(&config(text), &addresses).unwrap()
}

/// What the relay reads, and takes away.
async fn news(relay: &MysqlTenants) -> Vec<OutboxRow> {
    let rows = relay.outbox(&acme(), 100).await.unwrap().rows;
    relay.dispatched(&acme(), &rows.iter().map(|row| row.seq).collect::<Vec<_>>()).await.unwrap();
    rows
}

async fn triggers(place: &Place) -> i64 {
    let count = "select count(*) from information_schema.triggers where trigger_schema = database()";
    sqlx::query_scalar(count).fetch_one(&place.pool("acme", None)).await.unwrap()
}

#[tokio::test]
async fn migrate_and_its_roles_make_a_deployment_in_which_edits_are_told() {
    let mut place = Place::new("told").await;
    let first = service::migrate_roles(&place.env(None, CONFIG)).await.unwrap().join("\n");
    assert_eq!(first.matches("only t-told-migrate was made").count(), 4, "{first}");
    place.admit("migrate").await;
    place.admit_suitex().await;

    let shop = place.pool("acme", Some("shop"));
    sql(&shop, "insert into customers (email) values ('before anybody listened')").await;

    let migrated = service::migrate(&place.env(Some("migrate"), CONFIG)).await.unwrap().join("\n");
    assert_eq!(migrated.matches("its triggers were made now").count(), 2, "{migrated}");
    let again = service::migrate(&place.env(Some("migrate"), CONFIG)).await.unwrap().join("\n");
    assert_eq!(again.matches("0 applied now").count(), 4, "{again}");
    assert_eq!(again.matches("its triggers are as they should be").count(), 2, "{again}");

    for round in ["first", "again"] {
        let roles = service::migrate_roles(&place.env(None, CONFIG)).await.unwrap().join("\n");
        assert_eq!(roles.matches("the roles of").count(), 4, "{round}: {roles}");
    }
    for function in ["outbox", "sx-writer"] {
        place.admit(function).await;
        let pool = place.pool("acme", Some(function));
        tenant::check(&pool, &config(CONFIG).accounts[&acme()]).await.unwrap();
    }

    // Edits of somebody who knows nothing of us are told, and so are those of lists.
    sql(&shop, "insert into customers (email) values ('a@b.c')").await;
    sql(&shop, "update customers set email = 'x@b.c' where id = 1").await;
    sql(&shop, "insert into customers_notes (customer_id, text) values (2, 'ring twice')").await;
    let relay = tenants(&place, "outbox", CONFIG);
    let told: Vec<_> = news(&relay).await.into_iter().map(|row| (row.id, row.operation)).collect();
    let expected = [("2", "create"), ("1", "update"), ("2", "update")];
    assert_eq!(told, expected.map(|(id, operation)| (id.to_string(), operation.to_string())));

    // The writer may write SuiteX's tables.
    let writer = tenants(&place, "sx-writer", CONFIG);
    let values = map(json!({"email": "y@b.c", "notes": [{"text": "ring once"}]}));
    let change = Change::Update { id: "2".into(), revision: Revision(2), expected: Map::new(), values };
    let applied = writer.apply(&acme(), "customers", uuid::Uuid::nil(), &change).await;
    assert!(matches!(applied, Ok(Applied::Done(Some(_)))), "{applied:?}");
    place.remove().await;
}

#[tokio::test]
async fn a_field_that_is_added_later_is_told_once_migrate_has_run_again() {
    let mut place = Place::deployed("later", &["outbox", "sx-writer"]).await;
    place.admit_suitex().await;
    let shop = place.pool("acme", Some("shop"));
    sql(&shop, "insert into customers (email) values ('a@b.c')").await;

    let wider = config(WIDER).accounts[&acme()].clone();
    for function in ["outbox", "sx-writer"] {
        let refused = tenant::check(&place.pool("acme", Some(function)), &wider).await.unwrap_err();
        assert!(matches!(refused, MigrateError::OtherTriggers { .. }), "{refused}");
        assert!(refused.to_string().contains("acme are of another SYNC_CONFIG"), "{refused}");
    }
    let lines = service::migrate(&place.env(Some("migrate"), WIDER)).await.unwrap().join("\n");
    assert_eq!(lines.matches("its triggers were made now").count(), 2, "{lines}");
    tenant::check(&place.pool("acme", Some("outbox")), &wider).await.unwrap();
    let relay = tenants(&place, "outbox", WIDER);
    news(&relay).await;
    sql(&shop, "update customers set phone = '+31' where id = 1").await;
    assert_eq!(news(&relay).await[0].changes, map(json!({"phone": "+31"})));

    // A trigger that somebody took away is put back.
    place.run_in("acme", "drop trigger sync_customers_update_after").await;
    service::migrate(&place.env(Some("migrate"), WIDER)).await.unwrap();
    sql(&shop, "update customers set phone = '+32' where id = 1").await;
    assert_eq!(news(&relay).await.len(), 1);

    // What is not synced any more has no triggers any more; what is not ours is left alone.
    place.run_in("acme", "create trigger theirs before insert on customers for each row set @x = 1").await;
    assert_eq!(triggers(&place).await, 3 + 3 + 1);
    let without_list = WIDER.split("\n[type.customer.fields.notes]").next().unwrap();
    service::migrate(&place.env(Some("migrate"), without_list)).await.unwrap();
    assert_eq!(triggers(&place).await, 3 + 1);
    place.remove().await;
}

#[tokio::test]
async fn who_dies_while_triggers_are_exchanged_leaves_nothing_that_looks_complete() {
    let mut place = Place::deployed("died", &["outbox"]).await;
    let account = config(CONFIG).accounts[&acme()].clone();
    // A table that is gone stops the exchange in its midst.
    place.run_in("acme", "drop table customers_notes").await;
    let refused = service::migrate(&place.env(Some("migrate"), WIDER)).await.unwrap_err().to_string();
    assert!(refused.contains("TENANT_DATABASES, acme: ") && refused.contains("customers_notes"), "{refused}");
    assert!(refused.contains("done all the same: TENANT_DATABASES, globex: "), "{refused}");
    for text in [CONFIG, WIDER] {
        let account = config(text).accounts[&acme()].clone();
        let checked = tenant::check(&place.pool("acme", Some("outbox")), &account).await;
        assert!(matches!(checked, Err(MigrateError::OtherTriggers { .. })), "{checked:?}");
    }
    let never = place.pool("state", None);
    let never = tenant::check(&never, &account).await.unwrap_err();
    assert!(matches!(never, MigrateError::NoTriggers { .. }), "{never}");
    place.remove().await;
}

#[tokio::test]
async fn everything_that_keeps_migrate_from_its_work_is_told_at_once() {
    let mut place = Place::new("wrong").await;
    let env = [("TENANT_DATABASES", "acme=mysql://h/d;nonsense"), ("SYNC_CONFIG", "/nowhere.toml")];
    let refused = service::migrate(&env.into_iter().collect()).await.unwrap_err().to_string();
    assert!(refused.contains("/nowhere.toml") && refused.contains("each entry is an account"), "{refused}");

    let stranger = format!("initech={}", place.url("acme", None));
    let env = [("TENANT_DATABASES", stranger), ("SYNC_CONFIG", place.file(CONFIG))].into_iter().collect();
    let refused = service::migrate(&env).await.unwrap_err().to_string();
    assert!(refused.contains("initech is not an account"), "{refused}");

    let env = [("ROLES_PREFIX", "x' to root"), ("STATE_DATABASE_URL", "mysql://h/d")];
    let refused = service::migrate_roles(&env.into_iter().collect()).await.unwrap_err().to_string();
    assert!(refused.contains("ROLES_PREFIX is wrong"), "{refused}");

    let nowhere = "mysql://root@127.0.0.1:1/nowhere?ssl-mode=DISABLED".to_string();
    let env = [("STATE_DATABASE_URL", nowhere), ("LEDGER_DATABASE_URL", place.url("events", None))];
    let refused = service::migrate(&env.into_iter().collect()).await.unwrap_err().to_string();
    let known = Schema::EventStore.migrations().len();
    assert!(refused.starts_with("STATE_DATABASE_URL: "), "{refused}");
    assert!(refused.contains(&format!("LEDGER_DATABASE_URL: event_store is at level {known}")), "{refused}");
    place.remove().await;
}
