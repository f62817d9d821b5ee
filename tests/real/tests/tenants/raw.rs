//! Edits that no program of ours makes: raw SQL, as a query builder, a migration or a console sends it.

use serde_json::json;

use super::*;

fn told(row: &OutboxRow) -> (&str, &str, i64, Json, Json) {
    let (changes, previous) = (Json::Object(row.changes.clone()), Json::Object(row.previous.clone()));
    (&row.operation, &row.id, row.revision.0, changes, previous)
}

#[tokio::test]
async fn insert_update_and_delete_are_told_with_what_changed_alone() {
    let tenant = Tenant::fresh().await;
    tenant.sql("insert into customers (company, inactive, tags) values ('A', 1, '[\"y\", \"x\"]')").await;
    tenant
        .sql("update customers set company = 'B', credit_limit = 7, inactive = 1 where company = 'a'")
        .await;
    tenant.sql("delete from customers").await;
    let rows = tenant.outbox().await;
    let all: Vec<_> = rows.iter().map(told).collect();
    let created = json!({"company": "A", "inactive": true, "tags": ["x", "y"]});
    let changes = json!({"company": "B", "credit_limit": "7.00"});
    let previous = json!({"company": "A", "credit_limit": null});
    assert_eq!(all[0], ("create", "1", 1, created, json!({})));
    assert_eq!(all[1], ("update", "1", 2, changes, previous));
    assert_eq!(all[2], ("delete", "1", 3, json!({}), json!({})));
    assert!(rows.iter().all(|row| row.actor.starts_with("root@") && row.sync_id.is_none()), "{rows:?}");
    assert_eq!(tenant.look("customers", By::Id("1")).await, Look::Deleted(Revision(3)));
    assert_eq!(tenant.count("synced_events").await, 0);
}

#[tokio::test]
async fn who_edits_may_say_so() {
    let tenant = Tenant::fresh().await;
    tenant
        .sql("set @sync_actor = 'bob'; insert into items (name) values ('A'); set @sync_actor = null")
        .await;
    assert_eq!(tenant.outbox().await[0].actor, "bob");
}

#[tokio::test]
async fn a_statement_over_many_rows_tells_of_each_that_changed() {
    let tenant = Tenant::fresh().await;
    tenant.sql("insert into customers (company) values ('A'), ('B'), ('C'), ('D')").await;
    assert_eq!(tenant.news().await.len(), 4);
    tenant.sql("update customers set employees = if(company = 'B', null, 5)").await;
    let ids: Vec<_> = tenant.news().await.into_iter().map(|row| (row.id, row.revision.0)).collect();
    assert_eq!(ids, [("1".into(), 2), ("3".into(), 2), ("4".into(), 2)], "B was touched without a change");
    tenant.sql("delete from customers where id < 4").await;
    assert_eq!(tenant.news().await.len(), 3);
}

#[tokio::test]
async fn case_and_spaces_are_changes_and_another_nothing_is_none() {
    let tenant = Tenant::fresh().await;
    tenant.sql("alter table customers modify company varchar(20) collate utf8mb4_general_ci").await;
    tenant.sql("insert into customers (company, tags) values ('Acme', '[]')").await;
    for company in ["acme", "acme ", "äcme"] {
        tenant.sql(&format!("update customers set company = '{company}'")).await;
        assert_eq!(tenant.news().await.last().unwrap().changes["company"], json!(company));
    }
    tenant.sql("update customers set company = ' '").await;
    assert_eq!(tenant.news().await[0].changes["company"], json!(" "), "a space is no nothing");
    tenant.sql("update customers set company = ''").await;
    assert_eq!(tenant.news().await[0].changes["company"], json!(null));
    tenant.sql("update customers set company = null, tags = null").await;
    assert_eq!(tenant.news().await, []);
    assert_eq!(tenant.row("customers", "1").await.revision, Revision(6));
}

#[tokio::test]
async fn a_rollback_leaves_nothing() {
    let tenant = Tenant::fresh().await;
    tenant.sql("insert into customers (company) values ('A')").await;
    tenant.news().await;
    tenant
        .sql("begin; update customers set company = 'B'; insert into items (name) values ('x'); rollback")
        .await;
    assert_eq!(tenant.outbox().await, []);
    assert_eq!(tenant.row("customers", "1").await.revision, Revision(1));
    assert_eq!(tenant.look("items", By::Id("1")).await, Look::Missing);
}

#[tokio::test]
async fn lines_count_as_edits_of_their_order() {
    let tenant = Tenant::fresh().await;
    tenant.sql("insert into sales_orders (memo) values ('one'), ('two')").await;
    tenant.news().await;
    tenant
        .sql(
            "insert into sales_orders_lines (salesorder_id, line_key, quantity) \
             values (1, 'a', 1), (1, 'b', 2), (2, 'c', 3)",
        )
        .await;
    let line =
        |key: &str, quantity| json!({"line_key": key, "quantity": quantity, "item_id": null, "rate": null});
    let rows = tenant.news().await;
    assert_eq!(rows.len(), 2, "one statement is one edit of each order: {rows:?}");
    let (both, one) = (json!([line("a", 1), line("b", 2)]), json!([line("c", 3)]));
    assert_eq!(told(&rows[0]), ("update", "1", 2, json!({"lines": both}), json!({"lines": null})));
    assert_eq!(told(&rows[1]), ("update", "2", 2, json!({"lines": one}), json!({"lines": null})));

    tenant.sql("update sales_orders_lines set quantity = 9 where line_key = 'b'").await;
    let rows = tenant.news().await;
    let after = json!([line("a", 1), line("b", 9)]);
    assert_eq!(told(&rows[0]), ("update", "1", 3, json!({"lines": after}), json!({"lines": both})));

    tenant.sql("update sales_orders_lines set salesorder_id = 2 where line_key = 'a'").await;
    let rows = tenant.news().await;
    let moved = json!([line("a", 1), line("c", 3)]);
    assert_eq!(told(&rows[0]), ("update", "1", 4, json!({"lines": [line("b", 9)]}), json!({"lines": after})));
    assert_eq!(told(&rows[1]), ("update", "2", 3, json!({"lines": moved}), json!({"lines": one})));

    tenant.sql("delete from sales_orders_lines where salesorder_id = 2").await;
    assert_eq!(
        told(&tenant.news().await[0]),
        ("update", "2", 4, json!({"lines": null}), json!({"lines": moved}))
    );
    assert_eq!(tenant.row("sales_orders", "2").await.values["lines"], json!(null));

    tenant.sql("delete from sales_orders where id = 1").await;
    assert_eq!(told(&tenant.news().await[0]), ("delete", "1", 5, json!({}), json!({})));
}

#[tokio::test]
async fn a_statement_on_lines_may_read_their_order() {
    let tenant = Tenant::fresh().await;
    tenant.sql("insert into sales_orders (memo) values ('one')").await;
    tenant
        .sql("insert into sales_orders_lines (salesorder_id, quantity) select id, 4 from sales_orders")
        .await;
    tenant
        .sql(
            "update sales_orders_lines l join sales_orders o on o.id = l.salesorder_id \
             set l.quantity = 5, o.memo = 'both'",
        )
        .await;
    tenant
        .sql(
            "delete from sales_orders_lines where exists \
             (select * from sales_orders o where o.id = salesorder_id and o.memo = 'both')",
        )
        .await;
    let revisions: Vec<_> = tenant.news().await.into_iter().map(|row| row.revision.0).collect();
    assert_eq!(revisions, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_line_without_a_key_is_given_one() {
    let tenant = Tenant::fresh().await;
    tenant.sql("insert into sales_orders (memo) values ('one')").await;
    tenant.sql("insert into sales_orders_lines (salesorder_id, line_key) values (1, null), (1, '')").await;
    let row = tenant.row("sales_orders", "1").await;
    let keys: Vec<_> = row.values["lines"].as_array().unwrap().iter().map(|line| &line["line_key"]).collect();
    assert!(keys.iter().all(|key| key.as_str().unwrap().starts_with("sx-")), "{keys:?}");
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn statements_of_one_named_edit_are_one_edit_until_the_relay_has_read_it() {
    let tenant = Tenant::fresh().await;
    tenant.sql("insert into sales_orders (memo) values ('one')").await;
    tenant.news().await;
    let mut person = tenant.database.pool.acquire().await.unwrap();
    let mut send =
        async |sql: &'static str| sqlx::raw_sql(sql).execute(&mut *person).await.map(drop).unwrap();
    send("set @sync_edit = 'x'; update sales_orders set memo = 'two'").await;
    send("insert into sales_orders_steps (salesorder_id, what) values (1, 'a')").await;
    send("update sales_orders set memo = 'three'").await;
    let rows = tenant.outbox().await;
    let steps = json!([{"what": "a", "done": null}]);
    let all: Vec<_> = rows.iter().map(told).collect();
    let previous = json!({"memo": "one", "steps": null});
    assert_eq!(all, [("update", "1", 2, json!({"memo": "three", "steps": steps}), previous)]);
    // Read and not yet removed: what comes now must not be removed with it.
    send("update sales_orders set memo = 'four'").await;
    let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
    tenant.tenants.dispatched(&acme(), &seqs).await.unwrap();
    let rows = tenant.news().await;
    assert_eq!(told(&rows[0]), ("update", "1", 3, json!({"memo": "four"}), json!({"memo": "three"})));
    // The row of that edit is gone altogether.
    send("update sales_orders set memo = 'five'; set @sync_edit = null").await;
    assert_eq!(tenant.news().await[0].revision, Revision(4));
}

#[tokio::test]
async fn an_id_that_is_given_again_goes_on_from_its_last_revision() {
    let tenant = Tenant::fresh().await;
    tenant.apply("items", creation("77", json!({"name": "A"}))).await;
    tenant.sql("delete from items; insert into items (id, name) values (1, 'B')").await;
    let row = tenant.row("items", "1").await;
    assert_eq!((row.revision, row.sync_id), (Revision(3), None));
    let told: Vec<_> = tenant.outbox().await.into_iter().map(|r| (r.operation, r.revision.0)).collect();
    assert_eq!(told, [("create".into(), 1), ("delete".into(), 2), ("create".into(), 3)]);
    tenant.sql("update items set id = 9").await;
    assert_eq!(tenant.look("items", By::Id("1")).await, Look::Deleted(Revision(4)));
    assert_eq!(tenant.row("items", "9").await.revision, Revision(1));
}

#[tokio::test]
async fn rows_that_were_there_before_the_triggers_are_taken_in() {
    let database = Database::fresh(Schema::Tenant).await;
    run(&database.pool, &business_tables(&account())).await.unwrap();
    let tenant = Tenant::on(database);
    tenant.sql("insert into sales_orders (memo) values ('one')").await;
    tenant.sql("insert into sales_orders_lines (salesorder_id, line_key) values (1, 'a')").await;
    for _ in 0..2 {
        run(&tenant.database.pool, &ddl(&account())).await.unwrap();
        assert_eq!(tenant.row("sales_orders", "1").await.revision, Revision(1));
    }
    assert_eq!(tenant.outbox().await, [], "nobody edited it");
    tenant.sql("insert into sales_orders_lines (salesorder_id, line_key) values (1, 'b')").await;
    let news = tenant.news().await;
    assert_eq!(news[0].changes["lines"].as_array().unwrap().len(), 2);
    assert_eq!(news[0].previous["lines"].as_array().unwrap().len(), 1);
    // A list that the triggers did not see change is read again.
    tenant
        .sql("set foreign_key_checks = off; truncate table sales_orders_lines; set foreign_key_checks = on")
        .await;
    run(&tenant.database.pool, &ddl(&account())).await.unwrap();
    tenant.sql("insert into sales_orders_lines (salesorder_id, line_key) values (1, 'c')").await;
    assert_eq!(tenant.news().await[0].changes["lines"].as_array().unwrap().len(), 1);
}

/// A hundred of these at once would be more than a relay's memory, and more than it can read in time.
#[tokio::test]
async fn large_rows_come_a_few_at_a_time_and_whole() {
    let tenant = Tenant::fresh().await;
    tenant.sql("alter table customers modify notes longtext").await;
    for megabytes in [0, 5, 5, 5, 0, 0] {
        tenant
            .sql(&format!("insert into customers (notes) values (repeat('x', {megabytes} * 1048576 + 1))"))
            .await;
    }
    let mut pages = Vec::new();
    loop {
        let OutboxPage { rows, has_more } = tenant.tenants.outbox(&acme(), 100).await.unwrap();
        let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
        tenant.tenants.dispatched(&acme(), &seqs).await.unwrap();
        pages.push(rows.iter().map(|row| row.changes["notes"].as_str().unwrap().len()).collect::<Vec<_>>());
        if !has_more {
            break;
        }
    }
    let large = 5 * 1_048_576 + 1;
    assert_eq!(pages, [vec![1, large, large], vec![large, 1, 1]]);
}

#[tokio::test]
async fn a_page_that_a_limit_cuts_says_that_there_is_more() {
    let tenant = Tenant::fresh().await;
    for n in 0..3 {
        tenant.sql(&format!("insert into customers (notes) values ('{n}')")).await;
    }
    for (limit, has_more) in [(2, true), (3, true), (4, false)] {
        let page = tenant.tenants.outbox(&acme(), limit).await.unwrap();
        assert_eq!((page.rows.len(), page.has_more), (limit.min(3), has_more), "{limit}");
    }
}
