//! Of what the sync does to a row it is answered, and not told again. Whatever else comes of it, it is told.

use serde_json::json;
use shared::suitex::TenantWrite;
use uuid::Uuid;

use super::*;

/// Two customers and an item, of which the relay knows.
async fn filled() -> Tenant {
    let tenant = Tenant::fresh().await;
    tenant.add("customer", json!({ "company": "A" })).await;
    tenant.add("customer", json!({ "company": "B" })).await;
    tenant.add("item", json!({ "name": "A" })).await;
    tenant.news().await;
    tenant
}

impl Tenant {
    /// Has customer 1 edited at `revision`: singly, and the way many are, beside one that comes too late.
    async fn rename(&self, together: bool, revision: i64) -> Row {
        let change = || update("1", revision, json!({}), json!({ "company": "C" }));
        let answer = match together {
            false => self.apply("customers", change()).await,
            true => {
                let late = update("2", 9, json!({}), json!({ "company": "late" }));
                let write =
                    |change| TenantWrite { table: "customers", operation: Uuid::from_u128(7), change };
                let writes = [write(change()), write(late)];
                let answers = self.tenants.apply_all(&acme(), &writes).await.unwrap();
                assert!(matches!(answers[1], Applied::Mismatch(_)), "{answers:?}");
                answers[0].clone()
            }
        };
        let Applied::Done(Some(row)) = answer else { panic!("{answer:?}") };
        assert_eq!((&row.values["company"], row.revision.0), (&json!("C"), revision + 1));
        row
    }

    /// What the relay is told: table, row, revision and what changed.
    async fn rows(&self) -> Vec<(String, String, i64, Map<String, Json>)> {
        let row = |row: OutboxRow| (row.table, row.id, row.revision.0, row.changes);
        self.news().await.into_iter().map(row).collect()
    }
}

#[tokio::test]
async fn what_a_person_did_before_is_told() {
    for together in [false, true] {
        let tenant = filled().await;
        for id in ["1", "2"] {
            tenant.app.edit(&acme(), "customer", id, &map(json!({ "notes": "x" })), "ann").await.unwrap();
        }
        tenant.rename(together, 2).await;
        let told = |id: &str| ("customers".to_string(), id.to_string(), 2, map(json!({ "notes": "x" })));
        assert_eq!(tenant.rows().await, [told("1"), told("2")], "together: {together}");
        assert_eq!(tenant.count("synced_events").await, 1);
    }
}

#[tokio::test]
async fn what_becomes_of_another_row_is_told() {
    for together in [false, true] {
        let tenant = filled().await;
        tenant
            .sql(
                "create trigger beside after update on customers for each row \
                 update items set name = new.company where id = 1",
            )
            .await;
        tenant.rename(together, 1).await;
        let told = ("items".to_string(), "1".to_string(), 2, map(json!({ "name": "C" })));
        assert_eq!(tenant.rows().await, [told], "together: {together}");
    }
}

#[tokio::test]
async fn what_becomes_of_the_row_itself_is_answered() {
    for together in [false, true] {
        let tenant = filled().await;
        tenant
            .sql("create trigger itself before update on customers for each row set new.notes = 'seen'")
            .await;
        let row = tenant.rename(together, 1).await;
        assert_eq!(row.values["notes"], "seen");
        assert_eq!(tenant.rows().await, [], "together: {together}");
    }
}

/// SuiteX hears of a change of ours and changes the row once more, in our transaction and after our last look.
#[tokio::test]
async fn what_was_done_after_the_answer_is_told() {
    for together in [false, true] {
        let tenant = filled().await;
        tenant
            .sql(
                "create trigger hears after insert on synced_events for each row \
                 update customers set notes = 'heard' where id = new.row_id",
            )
            .await;
        let answered = tenant.rename(together, 1).await;
        assert_eq!(answered.values["notes"], json!(null));
        let told = ("customers".to_string(), "1".to_string(), 3, map(json!({ "notes": "heard" })));
        assert_eq!(tenant.rows().await, [told], "together: {together}");
        assert_eq!(tenant.row("customers", "1").await.revision, Revision(3));
    }
}
