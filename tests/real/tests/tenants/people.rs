//! People in SuiteX, on the same database.

use mysql::tenant::Obstacle;
use serde_json::json;

use super::*;

#[tokio::test]
async fn people_create_edit_view_list_and_delete() {
    let tenant = Tenant::fresh().await;
    let app = &tenant.app;
    let row =
        tenant.add("salesorder", json!({"memo": "x", "lines": [{"quantity": 1}, {"line_key": ""}]})).await;
    let lines = row.values["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["line_key"].as_str().unwrap().starts_with("sx-")), "{lines:?}");
    assert_eq!((row.revision, row.sync_id.clone()), (Revision(1), None));
    let edited = app.edit(&acme(), "sales_orders", "1", &map(json!({"memo": "y"})), "bob").await.unwrap();
    assert_eq!((edited.revision, &edited.values["lines"]), (Revision(2), &row.values["lines"]));
    assert_eq!(app.view(&acme(), "salesorder", "1").await, Ok(edited.clone()));
    let second = tenant.add("salesorder", json!({})).await;
    assert_eq!(app.list(&acme(), "salesorder", 0, 10).await, Ok(vec![edited, second.clone()]));
    assert_eq!(app.list(&acme(), "salesorder", 1, 1).await, Ok(vec![second]));
    app.delete(&acme(), "salesorder", "1", "cid").await.unwrap();
    assert_eq!(app.list(&acme(), "salesorder", 0, 10).await.unwrap().len(), 1);
    let told: Vec<_> = tenant.news().await.into_iter().map(|row| (row.operation, row.actor)).collect();
    let said = |operation: &str, actor: &str| (operation.to_string(), actor.to_string());
    assert_eq!(
        told,
        [said("create", "ann"), said("update", "bob"), said("create", "ann"), said("delete", "cid")]
    );
    assert_eq!((app.outbox_len(&acme()).await, app.sync_writes(&acme()).await), (Ok(0), Ok(0)));
}

#[tokio::test]
async fn people_are_told_what_stands_in_their_way() {
    let tenant = Tenant::fresh().await;
    let app = &tenant.app;
    let globex = AccountId::parse("globex").unwrap();
    assert_eq!(app.view(&globex, "item", "1").await, Err(Obstacle::NoAccount("globex".into())));
    assert_eq!(app.view(&acme(), "thing", "1").await, Err(Obstacle::NoType("thing".into())));
    let none = || Obstacle::NoRow { table: "items".into(), id: "1".into() };
    assert_eq!(app.view(&acme(), "item", "1").await, Err(none()));
    assert_eq!(app.delete(&acme(), "item", "1", "ann").await, Err(none()));
    tenant.add("item", json!({})).await;
    app.delete(&acme(), "item", "1", "ann").await.unwrap();
    let deleted = Obstacle::Deleted { table: "items".into(), id: "1".into() };
    assert_eq!(app.view(&acme(), "item", "1").await, Err(deleted.clone()));
    assert_eq!(app.edit(&acme(), "item", "1", &map(json!({"name": "x"})), "ann").await, Err(deleted));
    let refused = app.create(&acme(), "customer", &map(json!({"parent_id": "7"})), "ann").await;
    let Err(Obstacle::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert_eq!((&*refusal.code, refusal.field.as_deref()), ("invalid_reference", Some("parent_id")));
}
