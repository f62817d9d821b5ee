//! Many changes at once: the same answers, rows and news as singly, in one transaction where that can be.

use serde_json::json;
use shared::suitex::TenantWrite;
use uuid::Uuid;

use super::*;

/// Three customers and two orders, each at revision 1.
async fn filled() -> Tenant {
    let tenant = Tenant::fresh().await;
    for company in ["A", "B", "C"] {
        tenant.add("customer", json!({ "company": company, "employees": 1 })).await;
    }
    for memo in ["m", "n"] {
        tenant
            .add("salesorder", json!({ "memo": memo, "lines": [{ "line_key": "a", "quantity": 1 }] }))
            .await;
    }
    tenant
}

fn writes(changes: impl IntoIterator<Item = (&'static str, Change)>) -> Vec<TenantWrite<'static>> {
    let write = |(n, (table, change))| TenantWrite { table, operation: Uuid::from_u128(n), change };
    (1..).zip(changes).map(write).collect()
}

impl Tenant {
    async fn apply_all(&self, writes: &[TenantWrite<'_>]) -> Vec<Applied> {
        self.tenants.apply_all(&acme(), writes).await.unwrap()
    }

    async fn apply_singly(&self, writes: &[TenantWrite<'_>]) -> Vec<Applied> {
        let mut answers = Vec::new();
        for write in writes {
            let answer = self.tenants.apply(&acme(), write.table, write.operation, &write.change).await;
            answers.push(answer.unwrap());
        }
        answers
    }

    /// What was told of edits and of our writes, and how many transactions it took.
    async fn told(&self) -> Vec<(String, String, String, Revision, Map<String, Json>, Map<String, Json>)> {
        let mut told: Vec<_> = (self.outbox().await.into_iter())
            .map(|row| (row.table, row.id, row.operation, row.revision, row.changes, row.previous))
            .collect();
        told.sort_by_key(|row| (row.0.clone(), row.1.clone(), row.3));
        told
    }
}

#[tokio::test]
async fn many_changes_come_to_the_same_together_and_singly() {
    let (together, singly) = (filled().await, filled().await);
    let all = writes([
        ("customers", update("3", 1, json!({ "employees": 1 }), json!({ "employees": 9, "notes": "é😀" }))),
        ("sales_orders", update("1", 1, json!({}), json!({ "lines": [{ "line_key": "a", "quantity": 5 }] }))),
        ("customers", creation("77", json!({ "company": "D" }))),
        ("customers", update("1", 1, json!({ "employees": 7 }), json!({ "employees": 8 }))),
        ("customers", update("2", 4, json!({}), json!({ "employees": 8 }))),
        ("customers", update("99", 1, json!({}), json!({ "employees": 8 }))),
        ("customers", update("x", 1, json!({}), json!({ "employees": 8 }))),
        ("sales_orders", update("2", 1, json!({}), json!({ "memo": "n" }))),
        ("nothings", update("1", 1, json!({}), json!({}))),
    ]);
    let answers = together.apply_all(&all).await;
    assert_eq!(answers, singly.apply_singly(&all).await);
    assert!(matches!(&answers[0], Applied::Done(Some(row)) if row.values["employees"] == 9), "{answers:?}");
    assert!(matches!(answers[3], Applied::Mismatch(_)) && matches!(answers[4], Applied::Mismatch(_)));
    assert!(matches!(answers[7], Applied::Done(Some(_))), "it was so already");
    assert_eq!(together.told().await, singly.told().await);
    assert_eq!(together.count("synced_events").await, singly.count("synced_events").await);
    for id in ["1", "2", "3", "4"] {
        let row = together.row("customers", id).await;
        assert_eq!(row, singly.row("customers", id).await);
        assert_eq!(row.last_call, singly.row("customers", id).await.last_call, "each row knows its own call");
    }
    let last = together.row("customers", "3").await.last_call.expect("a call of ours");
    assert_eq!(
        (last.operation, last.values),
        (Uuid::from_u128(1), map(json!({ "employees": 9, "notes": "é😀" })))
    );
}

#[tokio::test]
async fn one_that_is_refused_does_not_take_the_others_along() {
    let tenant = filled().await;
    let all = writes([
        ("customers", update("1", 1, json!({}), json!({ "employees": 5 }))),
        ("customers", update("2", 1, json!({}), json!({ "parent_id": "99" }))),
        ("customers", update("3", 1, json!({}), json!({ "employees": 6 }))),
    ]);
    let answers = tenant.apply_all(&all).await;
    assert!(matches!(&answers[0], Applied::Done(Some(row)) if row.values["employees"] == 5), "{answers:?}");
    assert!(
        matches!(&answers[1], Applied::Refused { code, .. } if code == "invalid_reference"),
        "{answers:?}"
    );
    assert!(matches!(&answers[2], Applied::Done(Some(row)) if row.values["employees"] == 6), "{answers:?}");
    assert_eq!(
        (tenant.count("synced_events").await, tenant.row("customers", "1").await.revision),
        (2, Revision(2))
    );
}

#[tokio::test]
async fn two_changes_of_one_row_are_two() {
    let tenant = filled().await;
    let all = writes([
        ("customers", update("1", 1, json!({}), json!({ "employees": 5 }))),
        ("customers", update("2", 1, json!({}), json!({ "employees": 5 }))),
        ("customers", update("1", 1, json!({}), json!({ "employees": 6 }))),
    ]);
    let answers = tenant.apply_all(&all).await;
    assert!(
        matches!(answers[0], Applied::Done(_)) && matches!(answers[2], Applied::Mismatch(_)),
        "{answers:?}"
    );
}

#[tokio::test]
async fn whoever_writes_many_rows_waits_for_nobody_in_a_circle() {
    let tenant = filled().await;
    let ours = writes(
        (1..=3)
            .rev()
            .map(|id| ("customers", update(&id.to_string(), 1, json!({}), json!({ "employees": 5 })))),
    );
    let theirs = async {
        for id in ["1", "2", "3", "1", "2", "3"] {
            tenant.app.edit(&acme(), "customer", id, &map(json!({ "notes": "x" })), "ann").await.unwrap();
        }
    };
    let (answers, ()) = tokio::join!(tenant.apply_all(&ours), theirs);
    let (done, overtaken): (Vec<_>, Vec<_>) = answers.iter().partition(|a| matches!(a, Applied::Done(_)));
    assert!(overtaken.iter().all(|a| matches!(a, Applied::Mismatch(_))), "{answers:?}");
    assert_eq!(tenant.count("synced_events").await as usize, done.len());
}
