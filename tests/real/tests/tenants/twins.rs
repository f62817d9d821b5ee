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
