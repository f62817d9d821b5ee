//! What the port promises.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_create_writes_the_row_its_outbox_row_and_its_synced_event() {
    let tenant = Tenant::fresh().await;
    let values = json!({"customer_id": null, "memo": "x", "lines": [{"line_key": "44", "quantity": 2}]});
    let Applied::Done(Some(row)) = tenant.apply("sales_orders", creation("77", values)).await else {
        panic!("created")
    };
    assert_eq!((&*row.id, row.sync_id.as_deref(), row.revision), ("1", Some("77"), Revision(1)));
    assert_eq!(tenant.look("sales_orders", By::SyncId("77")).await, Look::Found(row.clone()));
    assert_eq!(tenant.look("sales_orders", By::Id("1")).await, Look::Found(row));
    let told = tenant.outbox().await;
    assert_eq!(told.len(), 1, "the row and its lines are one edit: {told:?}");
    assert_eq!(
        (&*told[0].actor, &*told[0].operation, told[0].revision),
        ("suitex-sync", "create", Revision(1))
    );
    let lines = json!([{"line_key": "44", "item_id": null, "quantity": 2, "rate": null}]);
    assert_eq!(told[0].changes, map(json!({"memo": "x", "lines": lines})));
    assert_eq!((told[0].sync_id.as_deref(), told[0].previous.len()), (Some("77"), 0));
    assert_eq!(tenant.count("synced_events").await, 1);
}

#[tokio::test]
async fn a_repeated_create_finds_the_row_and_touches_nothing() {
    let tenant = Tenant::fresh().await;
    let Applied::Done(Some(made)) = tenant.apply("customers", creation("77", json!({"company": "A"}))).await
    else {
        panic!("made")
    };
    let again = tenant.apply("customers", creation("77", json!({"company": "B"}))).await;
    assert_eq!(again, Applied::Mismatch(made));
    assert_eq!((tenant.count("customers").await, tenant.count("synced_events").await), (1, 1));
    assert_eq!(tenant.count("outbox_events").await, 1);
}

#[tokio::test]
async fn a_deleted_row_leaves_a_tombstone_until_its_record_is_created_again() {
    let tenant = Tenant::fresh().await;
    let lines = json!({"lines": [{"line_key": "a"}], "steps": [{"what": "x"}]});
    tenant.apply("sales_orders", creation("77", lines)).await;
    assert_eq!(tenant.apply("sales_orders", deletion("1", 1)).await, Applied::Done(None));
    assert_eq!((tenant.count("sales_orders_lines").await, tenant.count("sales_orders_steps").await), (0, 0));
    assert_eq!(tenant.look("sales_orders", By::SyncId("77")).await, Look::Deleted(Revision(2)));
    let gone = Applied::Gone(Some(Revision(2)));
    assert_eq!(tenant.apply("sales_orders", update("1", 1, json!({}), json!({}))).await, gone);
    assert_eq!(tenant.apply("sales_orders", deletion("1", 2)).await, gone);
    let told: Vec<_> = tenant.outbox().await.into_iter().map(|row| (row.operation, row.revision.0)).collect();
    assert_eq!(
        told,
        [("create".into(), 1)],
        "emptied lists are part of the deletion, of which we need not be told"
    );
    let Applied::Done(Some(row)) = tenant.apply("sales_orders", creation("77", json!({}))).await else {
        panic!("made")
    };
    assert_eq!(row.id, "2", "under a new id");
    assert_eq!(tenant.look("sales_orders", By::SyncId("77")).await, Look::Found(row));
    assert_eq!(tenant.count("synced_events").await, 3);
}

#[tokio::test]
async fn what_was_never_there_is_gone_without_a_revision() {
    let tenant = Tenant::fresh().await;
    tenant.add("customer", json!({})).await;
    for id in ["2", "x", "01", "1x", " 1"] {
        assert_eq!(tenant.apply("customers", deletion(id, 1)).await, Applied::Gone(None), "{id:?}");
        assert_eq!(tenant.look("customers", By::Id(id)).await, Look::Missing, "{id:?}");
    }
    assert_eq!(tenant.look("customers", By::SyncId("1")).await, Look::Missing);
}

#[tokio::test]
async fn an_update_needs_the_revision_and_the_values_it_expects_or_those_it_wants() {
    let tenant = Tenant::fresh().await;
    let row = tenant.add("customer", json!({"company": "A", "credit_limit": 5})).await;
    let apply = async |revision, expected, values| {
        tenant.apply("customers", update("1", revision, expected, values)).await
    };
    let mismatch = Applied::Mismatch(row.clone());
    assert_eq!(apply(2, json!({}), json!({"company": "B"})).await, mismatch);
    assert_eq!(apply(1, json!({"company": "B"}), json!({"company": "C"})).await, mismatch);
    // To the column's own collation these are one text; to us they are two.
    assert_eq!(apply(1, json!({"company": "a"}), json!({"company": "C"})).await, mismatch);
    assert_eq!(apply(1, json!({"credit_limit": "five"}), json!({"company": "C"})).await, mismatch);
    // Already there.
    assert_eq!(apply(1, json!({"company": "B"}), json!({"company": "A"})).await, Applied::Done(Some(row)));
    assert_eq!((tenant.count("synced_events").await, tenant.count("outbox_events").await), (0, 1));

    let expected = json!({"company": "A", "credit_limit": 5.0});
    let Applied::Done(Some(row)) = apply(1, expected, json!({"company": "a", "credit_limit": null})).await
    else {
        panic!("written");
    };
    assert_eq!((row.revision, &row.values["company"]), (Revision(2), &json!("a")));
    let last = row.last_call.expect("a call of ours");
    assert_eq!(last.values, map(json!({"company": "a", "credit_limit": null})));
    assert_eq!((tenant.count("synced_events").await, tenant.count("outbox_events").await), (1, 1));
}

#[tokio::test]
async fn columns_and_lists_written_together_are_one_edit() {
    let tenant = Tenant::fresh().await;
    tenant.add("salesorder", json!({"memo": "old", "lines": [{"line_key": "a", "quantity": 1}]})).await;
    tenant.news().await;
    let expected = json!({"memo": "old", "lines": [{"line_key": "a", "quantity": 1}]});
    let lines = json!([{"line_key": "A", "quantity": 3}, {"line_key": "a", "quantity": 2}]);
    let values = json!({"memo": "new", "lines": lines, "steps": [{"what": "b"}, {"what": "a"}]});
    let Applied::Done(Some(row)) = tenant.apply("sales_orders", update("1", 1, expected, values)).await
    else {
        panic!("written");
    };
    assert_eq!(row.revision, Revision(2));
    assert_eq!(row.values["steps"], json!([{"what": "b", "done": null}, {"what": "a", "done": null}]));
    let last = row.last_call.as_ref().expect("a call of ours");
    for name in ["memo", "lines", "steps"] {
        assert_eq!(last.values[name], row.values[name], "{name}");
    }
    assert_eq!((tenant.count("synced_events").await, tenant.count("outbox_events").await), (1, 0));

    // A person's edit is told, as one.
    let theirs = json!({"memo": "their", "lines": [{"line_key": "a", "quantity": 2}], "steps": []});
    let after = tenant.app.edit(&acme(), "salesorder", "1", &map(theirs), "ann").await.unwrap();
    let told = tenant.outbox().await;
    assert_eq!((told.len(), told[0].revision), (1, Revision(3)));
    for name in ["memo", "lines", "steps"] {
        assert_eq!(told[0].changes[name], after.values[name], "{name}");
        assert_eq!(told[0].previous[name], row.values[name], "{name}");
    }
}

#[tokio::test]
async fn suitex_refuses_us_by_its_own_rules_and_nothing_is_written() {
    let tenant = Tenant::fresh().await;
    tenant.sql("alter table customers modify notes varchar(5) not null default 'x'").await;
    tenant.sql("alter table customers add constraint positive check (employees > 0)").await;
    tenant.sql("alter table customers add unique key company (company)").await;
    tenant.sql("alter table customers modify tier varchar(4) character set latin1").await;
    tenant
        .sql(
            "create trigger no_vip before insert on customers for each row begin \
             if new.tier = 'vip' then signal sqlstate '45000' set message_text = 'no more of these'; end if; end",
        )
        .await;
    tenant.add("customer", json!({"company": "A", "notes": "x"})).await;
    tenant.add("salesorder", json!({"customer_id": "1"})).await;
    let create = async |values| refusal(tenant.apply("customers", creation("7", values)).await);
    let said = |code: &str, field: Option<&str>| (code.to_string(), field.map(str::to_string));
    let invalid = |field| said("invalid_value", Some(field));
    assert_eq!(create(json!({"colour": "red"})).await, said("unknown_column", Some("colour")));
    assert_eq!(create(json!({"company_name": "x"})).await, said("unknown_column", Some("company_name")));
    assert_eq!(create(json!({"company": "x".repeat(21)})).await, invalid("company"));
    assert_eq!(create(json!({"notes": "x".repeat(6)})).await, invalid("notes"));
    assert_eq!(create(json!({"notes": null})).await, invalid("notes"));
    assert_eq!(create(json!({"tier": "😀"})).await, said("invalid_value", None), "latin1 has none");
    assert_eq!(create(json!({"since": "-0001-01-01"})).await, invalid("since"));
    assert_eq!(create(json!({"tier": "vip"})).await, said("rule", None));
    assert_eq!(create(json!({"employees": -1})).await, said("rule", None));
    assert_eq!(create(json!({"company": "a"})).await, said("duplicate", None));
    assert_eq!(create(json!({"parent_id": "8"})).await, said("invalid_reference", Some("parent_id")));
    assert_eq!(create(json!({"parent_id": "1x"})).await, said("invalid_reference", Some("parent_id")));
    let order = creation("9", json!({"memo": "m", "lines": [{"line_key": "a", "item_id": "8"}]}));
    let refused = refusal(tenant.apply("sales_orders", order).await);
    assert_eq!(refused, said("invalid_reference", Some("lines")));
    assert_eq!(refusal(tenant.apply("customers", deletion("1", 1)).await), said("has_dependents", None));
    assert_eq!(
        refusal(tenant.apply("nothings", creation("7", json!({}))).await),
        said("unknown_table", None)
    );
    assert!(tenant.tenants.read(&acme(), "nothings", By::Id("1")).await.is_err());
    assert_eq!(tenant.count("synced_events").await, 0);
    assert_eq!((tenant.count("outbox_events").await, tenant.count("sales_orders").await), (2, 1));
}

#[tokio::test]
async fn no_statement_reads_a_whole_table() {
    let tenant = Tenant::fresh().await;
    let lines: Vec<_> = (0..20).map(|n| json!({"line_key": n.to_string(), "quantity": n})).collect();
    for n in 0..60 {
        tenant.apply("customers", creation(&format!("c{n}"), json!({"company": n.to_string()}))).await;
        tenant.apply("items", creation(&format!("i{n}"), json!({"name": n.to_string()}))).await;
        let order = json!({"lines": lines, "steps": [{"what": "a"}, {"what": "b"}]});
        tenant.apply("sales_orders", creation(&format!("o{n}"), order)).await;
    }
    tenant
        .sql("analyze table customers, items, sales_orders, sales_orders_lines, sales_orders_steps, sync_rows, outbox_events")
        .await;
    let statements = tenant.tenants.statements(&acme());
    assert!(statements.len() > 15, "{}", statements.len());
    for (name, sql) in statements {
        let value = if name.contains(": key ") { "'3'" } else { "3" };
        let sql = format!("explain format=traditional {}", sql.replace('?', value));
        let plan =
            sqlx::query(sqlx::AssertSqlSafe(sql.clone())).fetch_all(&tenant.database.pool).await.unwrap();
        for step in plan {
            use sqlx::Row;
            let access: Option<String> = step.get("type");
            let key: Option<String> = step.get("key");
            let is_oldest_first = name == "outbox: oldest" && key.as_deref() == Some("PRIMARY");
            let scans = matches!(access.as_deref(), Some("ALL" | "index")) && !is_oldest_first;
            assert!(!scans, "{name} reads a whole table: {sql}");
        }
    }
}

#[tokio::test]
async fn one_account_without_a_database_leaves_the_others_alone() {
    let tenant = Tenant::fresh().await;
    let globex = AccountId::parse("globex").unwrap();
    let nowhere = "mysql://root@127.0.0.1:1/nowhere?ssl-mode=DISABLED".to_string();
    let addresses = [(acme(), tenant.database.url()), (globex.clone(), nowhere)];
    let tenants = MysqlTenants::new(&config(), &TenantAddresses(addresses.into())).unwrap();
    let (acme, change) = (acme(), creation("7", json!({})));
    let (away, here) =
        tokio::join!(tenants.outbox(&globex, 1), tenants.apply(&acme, "items", uuid::Uuid::nil(), &change));
    assert_eq!(away.unwrap_err().what, "suitex");
    assert!(matches!(here.unwrap(), Applied::Done(Some(_))));
}

#[test]
fn all_that_is_wrong_with_the_addresses_is_said_at_once_and_no_password() {
    let id = |name| AccountId::parse(name).unwrap();
    let addresses = TenantAddresses(
        [(id("acme"), "mysql://u:hush@h:port/d".into()), (id("initech"), "mysql://h/d".into())].into(),
    );
    let Err(wrong) = MysqlTenants::new(&config(), &addresses) else { panic!("accepted") };
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].contains("acme") && wrong[1].contains("initech"), "{wrong:?}");
    assert!(!format!("{addresses:?} {wrong:?}").contains("hush"), "{wrong:?}");
}
