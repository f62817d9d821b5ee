//! Before a row is created: others that it could be.

use serde_json::json;
use shared::domain::id::SideId;
use shared::domain::identity::Unless;

use super::*;

fn unless(keys: &[Json], except: &[&str]) -> Unless {
    let keys = keys.iter().map(|key| map(key.clone())).collect();
    Unless { keys, except: except.iter().map(|id| SideId::parse(id).unwrap()).collect() }
}

/// The ids of the rows that forbid a create; none when it was done.
async fn forbidding(tenant: &Tenant, unless: Unless) -> Vec<String> {
    let change = Change::Create { sync_id: "77".into(), values: map(json!({"company": "A"})), unless };
    match tenant.apply("customers", change).await {
        Applied::Twins(rows) => rows.into_iter().map(|row| row.id).collect(),
        Applied::Done(Some(row)) => {
            tenant.apply("customers", deletion(&row.id, 1)).await;
            Vec::new()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_create_is_forbidden_by_rows_with_one_of_its_keys_and_by_no_others() {
    let tenant = Tenant::fresh().await;
    let ada = tenant.add("customer", json!({"company": "Ada", "employees": 7})).await.id;
    let eve = tenant.add("customer", json!({"company": "Eve", "notes": "n", "tier": "gold"})).await.id;
    let sub = tenant.add("customer", json!({"company": "Sub", "parent_id": ada})).await.id;
    let by = async |key: Json| forbidding(&tenant, unless(&[key], &[])).await;
    assert_eq!(by(json!({"company": "Ada"})).await, std::slice::from_ref(&ada));
    assert_eq!(
        by(json!({"company": " aDA "})).await,
        std::slice::from_ref(&ada),
        "in any case, without blanks"
    );
    assert_eq!(by(json!({"company": "Adá"})).await, [] as [&str; 0], "an accent makes another name");
    assert_eq!(by(json!({"employees": 7})).await, std::slice::from_ref(&ada));
    assert_eq!(by(json!({"parent_id": ada})).await, [sub]);
    assert_eq!(by(json!({"notes": "N", "tier": "gold"})).await, std::slice::from_ref(&eve));
    assert_eq!(by(json!({"notes": "n", "tier": "silver"})).await, [] as [&str; 0], "all of a key together");
    let either = [json!({"employees": 7}), json!({"notes": "n", "tier": "gold"}), json!({"company": "ada"})];
    assert_eq!(forbidding(&tenant, unless(&either, &[])).await, [ada.clone(), eve.clone()], "each once");
    assert_eq!(forbidding(&tenant, unless(&either, &[&ada])).await, [eve]);
}

#[tokio::test]
async fn what_is_deleted_forbids_nothing_and_what_we_made_ourselves_is_found_first() {
    let tenant = Tenant::fresh().await;
    let gone = tenant.add("customer", json!({"company": "Ada"})).await;
    tenant.apply("customers", deletion(&gone.id, 1)).await;
    let key = || unless(&[json!({"company": "Ada"})], &[]);
    assert_eq!(forbidding(&tenant, key()).await, [] as [&str; 0]);
    let make =
        || Change::Create { sync_id: "78".into(), values: map(json!({"company": "Ada"})), unless: key() };
    let Applied::Done(Some(made)) = tenant.apply("customers", make()).await else { panic!("forbidden") };
    assert_eq!(tenant.apply("customers", make()).await, Applied::Mismatch(made));
}

#[tokio::test]
async fn ten_are_told_at_most_and_nothing_is_written() {
    let tenant = Tenant::fresh().await;
    for _ in 0..12 {
        tenant.add("customer", json!({"company": "Ada"})).await;
    }
    tenant.news().await;
    let found = forbidding(&tenant, unless(&[json!({"company": "Ada"})], &[])).await;
    assert_eq!((found.len(), tenant.count("customers").await), (10, 12));
    assert_eq!(tenant.news().await, []);
}

/// A create of `mark` under this name, unless there is one.
fn creation_unless(mark: &str, name: &str) -> Change {
    let values = map(json!({"company": name}));
    Change::Create { sync_id: mark.into(), values, unless: unless(&[json!({"company": name})], &[]) }
}

#[tokio::test]
async fn of_two_creates_at_one_instant_one_is_done_and_the_other_finds_it() {
    let tenant = Tenant::fresh().await;
    // Between question and commit there is time enough.
    tenant.sql("create trigger slow after insert on customers for each row begin do sleep(0.2); end").await;
    for round in 0..5 {
        let (one, other) = (format!("a{round}"), format!("b{round}"));
        let name = format!("Ada {round}");
        let (one, other) = tokio::join!(
            tenant.apply("customers", creation_unless(&one, &name)),
            tenant.apply("customers", creation_unless(&other, &format!(" {}", name.to_uppercase()))),
        );
        let (made, found) = match (one, other) {
            (Applied::Done(Some(made)), Applied::Twins(found))
            | (Applied::Twins(found), Applied::Done(Some(made))) => (made, found),
            both => panic!("round {round}: {both:?}"),
        };
        assert_eq!(found, [made], "round {round}");
    }
    assert_eq!(tenant.count("customers").await, 5);
}

#[tokio::test]
async fn creates_of_different_keys_do_not_wait_for_each_other_for_long() {
    let tenant = Tenant::fresh().await;
    let names: Vec<String> = (0..12).map(|n| format!("Ada {n}")).collect();
    let creates = names.iter().map(|name| tenant.apply("customers", creation_unless(name, name)));
    let done = futures::future::join_all(creates).await;
    assert!(done.iter().all(|one| matches!(one, Applied::Done(Some(_)))), "{done:?}");
}

/// Waits until somebody waits for a lock in the test's database.
async fn somebody_waits(tenant: &Tenant) {
    let waits = "select count(*) from information_schema.innodb_trx t \
        join information_schema.processlist p on p.id = t.trx_mysql_thread_id \
        where t.trx_state = 'LOCK WAIT' and p.db = database()";
    for _ in 0..100 {
        // The server shows how it was when somebody last asked, unless nobody has for a tenth of a second.
        tenant.sql("do sleep(0.15)").await;
        let waiting: i64 = sqlx::query_scalar(waits).fetch_one(&tenant.database.pool).await.unwrap();
        if waiting > 0 {
            return;
        }
    }
    panic!("nobody waits");
}

#[tokio::test]
async fn a_row_that_somebody_has_inserted_and_not_committed_is_waited_for() {
    use sqlx::Executor;
    let tenant = Tenant::fresh().await;
    for (n, commits) in [true, false, true].into_iter().enumerate() {
        let name = format!("Ada {n}");
        let mut person = tenant.database.pool.begin().await.unwrap();
        let insert = format!("insert into customers (company) values ('{name}')");
        person.execute(sqlx::AssertSqlSafe(insert)).await.unwrap();
        let mark = format!("c{n}");
        let create = tenant.apply("customers", creation_unless(&mark, &name));
        let ends = async {
            somebody_waits(&tenant).await;
            if commits { person.commit().await.unwrap() } else { person.rollback().await.unwrap() }
        };
        let (applied, ()) = tokio::join!(create, ends);
        match applied {
            Applied::Twins(rows) => assert!(commits && rows.len() == 1, "{rows:?}"),
            Applied::Done(Some(_)) => assert!(!commits, "created beside what somebody had just entered"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(tenant.count("customers").await, 3);
}

#[tokio::test]
async fn a_create_that_failed_leaves_nobody_waiting() {
    let tenant = Tenant::fresh().await;
    tenant.sql("create trigger refuse before insert on customers for each row signal sqlstate '45000'").await;
    for mark in ["1", "2", "3"] {
        assert_eq!(refusal(tenant.apply("customers", creation_unless(mark, "Ada")).await).0, "rule");
    }
    tenant.sql("drop trigger refuse").await;
    let made = tenant.apply("customers", creation_unless("4", "Ada")).await;
    assert!(matches!(made, Applied::Done(Some(_))), "{made:?}");
}

#[tokio::test]
async fn finding_by_a_key_reads_no_whole_table_whatever_blanks_are_allowed_for() {
    use sqlx::Row;
    let tenant = Tenant::fresh().await;
    tenant.sql("drop trigger sync_customers_insert_after").await;
    tenant
        .sql(
            "set session cte_max_recursion_depth = 10000; \
             insert into customers (company, notes, tier, employees) \
             with recursive n (n) as (select 1 union all select n + 1 from n where n < 5000) \
             select concat('c', n), concat('n', n), concat('t', n), n from n; analyze table customers",
        )
        .await;
    for (name, sql) in tenant.tenants.statements(&acme()) {
        if !name.starts_with("customers: key ") {
            continue;
        }
        // Every place has a text of its own, as it has in life.
        let parts: Vec<&str> = sql.split('?').collect();
        let asked: String = parts
            .iter()
            .enumerate()
            .map(|(n, part)| if n == 0 { part.to_string() } else { format!("'c{n}%'{part}") })
            .collect();
        let plan = format!("explain format=traditional {asked}");
        let plan = sqlx::query(sqlx::AssertSqlSafe(plan)).fetch_all(&tenant.database.pool).await.unwrap();
        for step in plan {
            let access: Option<String> = step.get("type");
            assert!(!matches!(access.as_deref(), Some("ALL" | "index")), "{name}: {access:?}: {asked}");
        }
    }
}

#[tokio::test]
async fn a_match_key_without_an_index_is_told_with_the_statement_that_makes_one() {
    let tenant = Tenant::fresh().await;
    let unindexed = async || tenant.tenants.unindexed(&acme()).await.unwrap();
    assert_eq!(unindexed().await, [], "what we make ourselves has them, a reference by its foreign key");
    tenant.sql("drop index match_customers_company on customers").await;
    tenant.sql("drop index match_customers_notes on customers").await;
    tenant.sql("create fulltext index words on customers (notes)").await;
    tenant.sql("create index second on customers (since, company)").await;
    tenant.sql("alter table customers alter index match_customers_employees invisible").await;
    let missing = unindexed().await;
    let columns: Vec<&str> = missing.iter().map(|missing| missing.column.as_str()).collect();
    assert_eq!(columns, ["company", "notes", "employees"]);
    let line = missing[0].to_string();
    for part in
        ["acme", "customers", "company", "create index `match_customers_company` on `customers` (`company`)"]
    {
        assert!(line.contains(part), "{line}");
    }
    // Of a key with several columns, any that begins an index serves.
    tenant.sql("create index tier on customers (tier)").await;
    tenant.sql("drop index match_customers_employees on customers").await;
    for missing in unindexed().await {
        assert_ne!(missing.column, "notes");
        tenant.sql(&missing.remedy).await;
    }
    assert_eq!(unindexed().await, []);
    tenant.sql("drop index tier on customers").await;
    for missing in unindexed().await {
        tenant.sql(&missing.remedy).await;
    }
    assert_eq!(unindexed().await, [], "a long text by its beginning");
}
