//! Several at work on the same rows.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use sqlx::{Connection, MySqlConnection};

use super::*;

async fn send(on: &mut MySqlConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(on).await.unwrap();
}

/// Long enough for a write to reach the lock that it must wait for.
const A_WHILE: Duration = Duration::from_millis(150);

#[expect(clippy::disallowed_methods, reason = "a real database runs on the machine's own clock")]
async fn after<T>(first: Duration, then: impl Future<Output = T>) -> T {
    tokio::time::sleep(first).await;
    then.await
}

#[tokio::test]
async fn a_person_who_edits_while_we_write_is_not_overwritten() {
    let tenant = Tenant::fresh().await;
    let order = json!({"memo": "A", "lines": [{"line_key": "a", "quantity": 1}]});
    for edit in [
        "update sales_orders set memo = 'B'",
        "update sales_orders_lines set quantity = 2 where line_key = 'a'",
        "insert into sales_orders_steps (salesorder_id, what) values (last_insert_id(1), 'x')",
    ] {
        let row = tenant.add("salesorder", order.clone()).await;
        let mut person = tenant.database.pool.acquire().await.unwrap();
        send(&mut person, "begin").await;
        let edit = edit.replace("last_insert_id(1)", &row.id);
        sqlx::raw_sql(sqlx::AssertSqlSafe(edit.clone())).execute(&mut *person).await.unwrap();
        let lines = json!([{"line_key": "a", "quantity": 7}]);
        let change = update(&row.id, 1, json!({}), json!({"memo": "C", "lines": lines}));
        let (applied, ()) =
            tokio::join!(tenant.apply("sales_orders", change), after(A_WHILE, send(&mut person, "commit")));
        let now = tenant.row("sales_orders", &row.id).await;
        assert_eq!(applied, Applied::Mismatch(now.clone()), "{edit}");
        assert_eq!(now.revision, Revision(2), "{edit}");
        assert!(now.values["memo"] != json!("C"), "{edit}: {now:?}");
    }
}

/// SuiteX's own tables may do without a foreign key, and then a new line asks nobody for its order.
#[tokio::test]
async fn nobody_slips_in_between_our_look_and_our_write() {
    let tenant = Tenant::fresh().await;
    tenant.sql("alter table sales_orders_steps drop foreign key sales_orders_steps_ibfk_1").await;
    tenant.add("salesorder", json!({})).await;
    let person = async {
        for _ in 0..150 {
            tenant.sql("insert into sales_orders_steps (salesorder_id) values (1)").await;
        }
    };
    let sync = async {
        let (mut done, mut known) = (0, tenant.row("sales_orders", "1").await);
        for n in 0..150 {
            let change = update("1", known.revision.0, json!({}), json!({"memo": n.to_string()}));
            known = match tenant.apply("sales_orders", change).await {
                Applied::Done(Some(row)) => {
                    assert_eq!(row.revision.0, known.revision.0 + 1, "somebody's edit is between");
                    done += 1;
                    row
                }
                Applied::Mismatch(row) => row,
                other => panic!("{other:?}"),
            };
        }
        done
    };
    let ((), done) = tokio::join!(person, sync);
    assert!(done > 0, "never in time");
}

#[tokio::test]
async fn one_of_many_creates_of_a_record_makes_the_row() {
    let tenant = Tenant::fresh().await;
    let change = creation("77", json!({"name": "A"}));
    let creates = (0..8).map(|_| tenant.apply("items", change.clone()));
    let (made, found): (Vec<_>, Vec<_>) =
        join_all(creates).await.into_iter().partition(|applied| matches!(applied, Applied::Done(_)));
    assert_eq!((made.len(), found.len()), (1, 7));
    let row = tenant.row("items", &tenant.outbox().await[0].id).await;
    assert!(found.iter().all(|applied| *applied == Applied::Mismatch(row.clone())), "{found:?}");
    assert_eq!((tenant.count("items").await, tenant.count("synced_events").await), (1, 1));
}

#[tokio::test]
async fn one_of_many_updates_at_a_revision_is_written() {
    let tenant = Tenant::fresh().await;
    tenant.add("customer", json!({"employees": 0})).await;
    let changes = (1..=8).map(|n| update("1", 1, json!({}), json!({"employees": n})));
    let applied = join_all(changes.map(|change| tenant.apply("customers", change))).await;
    let done = applied.iter().filter(|applied| matches!(applied, Applied::Done(_))).count();
    assert_eq!(done, 1, "{applied:?}");
    assert_eq!(
        (tenant.row("customers", "1").await.revision, tenant.count("outbox_events").await),
        (Revision(2), 1)
    );
}

/// Two who edit different lines of one order in transactions of their own, at MySQL's default isolation: each
/// waits for the other at most, and the list that is told last is whole.
#[tokio::test]
async fn lines_of_one_order_may_be_edited_together() {
    let tenant = Tenant::fresh().await;
    let lines = json!([{"line_key": "a", "quantity": 1}, {"line_key": "b", "quantity": 1}]);
    tenant.add("salesorder", json!({"lines": lines})).await;
    tenant.news().await;
    let mut ann = tenant.database.pool.acquire().await.unwrap();
    let mut bob = tenant.database.pool.acquire().await.unwrap();
    for person in [&mut ann, &mut bob] {
        send(person, "set session transaction_isolation = 'REPEATABLE-READ'").await;
        send(person, "start transaction with consistent snapshot").await;
    }
    send(&mut ann, "update sales_orders_lines set quantity = 2 where line_key = 'a' and salesorder_id = 1")
        .await;
    tokio::join!(
        send(
            &mut bob,
            "insert into sales_orders_lines (salesorder_id, line_key, quantity) values (1, 'c', 3)"
        ),
        after(A_WHILE, send(&mut ann, "commit")),
    );
    send(&mut bob, "commit").await;
    let told = tenant.news().await;
    let row = tenant.row("sales_orders", "1").await;
    assert_eq!(row.revision, Revision(3));
    assert_eq!((told.len(), &told[1].changes["lines"]), (2, &row.values["lines"]));
    assert_eq!(told[1].previous["lines"], told[0].changes["lines"]);
}

#[tokio::test]
async fn edits_of_many_orders_at_once_do_not_deadlock_people() {
    let tenant = Tenant::fresh().await;
    for n in 0..6 {
        tenant.add("salesorder", json!({"memo": format!("order {n}")})).await;
    }
    let people = (1..=6).map(async |id| {
        let mut person = MySqlConnection::connect(&tenant.database.url()).await.unwrap();
        for n in 0..20 {
            let line = format!("insert into sales_orders_lines (salesorder_id, quantity) values ({id}, {n})");
            let memo = format!("update sales_orders set memo = '{n}' where id = {id}");
            for sql in ["begin".to_string(), line, memo, "commit".to_string()] {
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut person).await.unwrap();
            }
        }
    });
    let relay = async {
        let mut seen = Vec::new();
        for _ in 0..30 {
            seen.extend(after(Duration::from_millis(5), tenant.news()).await);
        }
        seen
    };
    let (_, mut seen) = tokio::join!(join_all(people), relay);
    seen.extend(tenant.news().await);
    // Each edit once, and those of an order in their order, as the relay came by them.
    assert_eq!(seen.len(), 6 + 6 * 20 * 2);
    for id in 1..=6 {
        let revisions: Vec<_> =
            seen.iter().filter(|row| row.id == id.to_string()).map(|row| row.revision.0).collect();
        assert_eq!(revisions, (1..=41).collect::<Vec<_>>(), "order {id}");
    }
}

#[tokio::test]
async fn the_relay_does_not_wait_for_an_open_transaction_and_misses_nothing_of_it() {
    let tenant = Tenant::fresh().await;
    let mut person = tenant.database.pool.acquire().await.unwrap();
    send(&mut person, "begin; insert into items (name) values ('slow')").await;
    tenant.sql("insert into items (name) values ('quick')").await;
    let news = tokio::time::timeout(Duration::from_secs(2), tenant.news()).await.expect("no wait");
    assert_eq!(news.iter().map(|row| &row.changes["name"]).collect::<Vec<_>>(), [&json!("quick")]);
    send(&mut person, "commit").await;
    let late = tenant.news().await;
    assert_eq!(late[0].changes["name"], json!("slow"));
    assert!(late[0].seq < news[0].seq, "it was begun first");
}

/// Whoever loses a deadlock against a person's transaction begins again.
#[tokio::test]
async fn a_deadlock_with_a_person_ends_well_for_both() {
    let tenant = Tenant::fresh().await;
    let lines = json!([{"line_key": "a", "quantity": 1}, {"line_key": "b", "quantity": 1}]);
    tenant.add("salesorder", json!({"lines": lines})).await;
    let mut person = tenant.database.pool.acquire().await.unwrap();
    send(&mut person, "begin; update sales_orders_lines set quantity = 2 where line_key = 'b'").await;
    let ours = update("1", 1, json!({}), json!({"memo": "ours"}));
    let theirs = async {
        // We hold the order and wait for line b; the person, who has it, wants the order.
        after(A_WHILE, send(&mut person, "update sales_orders set memo = 'theirs'")).await;
        send(&mut person, "commit").await;
    };
    let (applied, ()) = tokio::join!(tenant.apply("sales_orders", ours), theirs);
    let row = tenant.row("sales_orders", "1").await;
    assert_eq!((&row.values["memo"], row.revision), (&json!("theirs"), Revision(3)));
    assert_eq!(applied, Applied::Mismatch(row));
}
