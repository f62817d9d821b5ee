//! The rights of `migrations/roles/tenant.sql` are enough.

use mysql::roles;
use serde_json::json;

use super::*;

const PREFIX: &str = "t-tenants-";

/// The address of the tenant's database for an account with this role.
async fn account_with(tenant: &Tenant, role: &str) -> String {
    let user = format!("{PREFIX}{role}-u");
    tenant.sql(&format!("drop user if exists '{user}'")).await;
    tenant.sql(&format!("create user '{user}' identified by 'x' default role '{PREFIX}{role}'")).await;
    let url = tenant.database.url();
    let (_, server) = url.split_once('@').expect("an address with a user");
    format!("mysql://{user}:x@{server}")
}

async fn tenants_of(tenant: &Tenant, role: &str) -> MysqlTenants {
    let addresses = TenantAddresses([(acme(), account_with(tenant, role).await)].into());
    MysqlTenants::new(&config(), &addresses).unwrap()
}

#[tokio::test]
async fn each_function_gets_by_on_its_own_rights() {
    let tenant = Tenant::fresh().await;
    for role in ["sx-writer", "outbox", "migrate"] {
        tenant.sql(&format!("drop role if exists '{PREFIX}{role}'")).await;
    }
    roles::apply(&tenant.database.pool, Schema::Tenant, PREFIX).await.unwrap();
    let tables = ["customers", "items", "sales_orders", "sales_orders_lines", "sales_orders_steps"];
    for grant in roles::business_tables(tables, PREFIX) {
        tenant.sql(&grant).await;
    }

    // Triggers of its making call procedures of somebody else's.
    let options = mysql::pool::PoolOptions::new(account_with(&tenant, "migrate").await);
    run(&mysql::pool::connect(&options).unwrap(), &ddl(&account())).await.unwrap();

    let writer = tenants_of(&tenant, "sx-writer").await;
    let order = creation("77", json!({"lines": [{"line_key": "a"}], "steps": [{"what": "x"}]}));
    let Ok(Applied::Done(Some(made))) =
        writer.apply(&acme(), "sales_orders", uuid::Uuid::nil(), &order).await
    else {
        panic!("created")
    };
    let keys = vec![map(json!({"company": "Ada"}))];
    let unless = shared::domain::identity::Unless { keys, except: Vec::new() };
    let customer = Change::Create { sync_id: "78".into(), values: map(json!({"company": "Ada"})), unless };
    let added = writer.apply(&acme(), "customers", uuid::Uuid::nil(), &customer).await;
    assert!(matches!(added, Ok(Applied::Done(Some(_)))), "{added:?}");
    tenant.sql("drop index match_customers_company on customers").await;
    assert_eq!(writer.unindexed(&acme()).await.unwrap().len(), 1, "it is not kept from seeing indexes");
    let edit = update("1", 1, json!({}), json!({"memo": "x", "lines": [{"line_key": "b"}]}));
    let edited = writer.apply(&acme(), "sales_orders", uuid::Uuid::nil(), &edit).await;
    assert!(matches!(edited, Ok(Applied::Done(Some(_)))), "{edited:?}");
    assert_ne!(writer.read(&acme(), "sales_orders", By::Id("1")).await, Ok(Look::Found(made)));
    assert_eq!(
        writer.apply(&acme(), "sales_orders", uuid::Uuid::nil(), &deletion("1", 2)).await,
        Ok(Applied::Done(None))
    );
    assert!(writer.outbox(&acme(), 1).await.is_err(), "the outbox is not the writer's");

    let relay = tenants_of(&tenant, "outbox").await;
    let seqs: Vec<u64> = relay.outbox(&acme(), 10).await.unwrap().rows.iter().map(|row| row.seq).collect();
    assert_eq!(seqs.len(), 2, "what was created");
    relay.dispatched(&acme(), &seqs).await.unwrap();
    assert!(relay.read(&acme(), "items", By::Id("1")).await.is_err(), "the tables are not the relay's");
}
