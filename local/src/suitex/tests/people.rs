use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn a_change_and_its_outbox_row_are_one_step() {
    let suitex = suitex();
    let row = suitex.add("customer", json!({"company": "Acme", "credit_limit": 12.5, "tags": []}));
    assert_eq!((&*row.id, row.revision, &row.sync_id), ("1", Revision(1), &None));
    let whole = json!({"company": "Acme", "credit_limit": "12.50", "tags": null, "parent_id": null});
    assert_eq!(Json::from(row.values), whole);
    suitex.alter("customer", "1", json!({"company": "Acme", "credit_limit": "13"})).unwrap();
    suitex.delete(&acme(), "customer", "1", "bob").unwrap();

    let row = |seq, operation: &str, revision, changes, previous, actor: &str| OutboxRow {
        seq,
        table: "customers".into(),
        id: "1".into(),
        sync_id: None,
        operation: operation.into(),
        revision: Revision(revision),
        changes: map(changes),
        previous: map(previous),
        at: NOW,
        actor: actor.into(),
    };
    assert_eq!(
        suitex.outbox_rows(),
        [
            row(1, "create", 1, json!({"company": "Acme", "credit_limit": "12.50"}), json!({}), "ann"),
            row(2, "update", 2, json!({"credit_limit": "13.00"}), json!({"credit_limit": "12.50"}), "ann"),
            row(3, "delete", 3, json!({}), json!({}), "bob"),
        ]
    );
    assert_eq!(suitex.look("customers", By::Id("1")), Look::Deleted(Revision(3)));
}

#[test]
fn a_change_that_changes_nothing_leaves_no_trace() {
    let suitex = suitex();
    suitex.add("customer", json!({"company": "Acme", "credit_limit": "12.50", "tags": ["a", "b"]}));
    let same = json!({"company": "Acme", "credit_limit": 12.5, "tags": ["b", "a", "b"], "parent_id": ""});
    assert_eq!(suitex.alter("customer", "1", same).unwrap().revision, Revision(1));
    assert_eq!(suitex.outbox_len(&acme()), 1);
}

#[test]
fn a_refused_change_leaves_no_trace() {
    let suitex = suitex();
    suitex.add("customer", json!({"company": "Acme"}));
    let problem = suitex.alter("customer", "1", json!({"company": "B", "parent_id": "7"})).unwrap_err();
    assert_eq!((problem.status, problem.field.as_deref()), (422, Some("parent_id")));
    assert_eq!(suitex.row(&acme(), "customer", "1").unwrap().values["company"], "Acme");
    assert_eq!(suitex.outbox_len(&acme()), 1);
}

#[test]
fn ids_are_counted_per_table_and_never_given_twice() {
    let suitex = suitex();
    for id in ["1", "2"] {
        assert_eq!(suitex.add("customer", json!({})).id, id);
    }
    suitex.delete(&acme(), "customer", "2", "ann").unwrap();
    assert_eq!(suitex.add("customer", json!({})).id, "3");
    assert_eq!(suitex.add("item", json!({})).id, "1");
    for not_an_id in ["", "01", "+1", " 1", "0", "4", "99999999999999999999"] {
        assert_eq!(suitex.look("customers", By::Id(not_an_id)), Look::Missing, "{not_an_id:?}");
    }
}

#[test]
fn dispatched_outbox_rows_are_gone_in_any_order() {
    let suitex = suitex();
    for _ in 0..4 {
        suitex.add("item", json!({}));
    }
    at_once(suitex.dispatched(&acme(), &[1, 3, 3, 99])).unwrap();
    let seqs: Vec<_> = suitex.outbox_rows().iter().map(|row| row.seq).collect();
    assert_eq!(seqs, [2, 4]);
    assert_eq!(at_once(suitex.outbox(&acme(), 1)).unwrap().rows[0].seq, 2);
    suitex.add("item", json!({}));
    assert_eq!(suitex.outbox_rows().last().unwrap().seq, 5);
}

#[test]
fn lines_without_a_key_get_one_and_a_list_is_replaced_as_a_whole() {
    let suitex = suitex();
    suitex.add("item", json!({"name": "nut"}));
    let lines =
        json!([{"item_id": "1", "quantity": 2}, {"line_key": "sx-2", "quantity": 3}, {"line_key": ""}]);
    let order = suitex.add("salesorder", json!({"lines": lines}));
    let line = |key: &str, item: Json, quantity: Json| json!({"line_key": key, "item_id": item, "quantity": quantity});
    let null = Json::Null;
    let first = line("sx-1", json!("1"), json!(2));
    assert_eq!(
        order.values["lines"],
        json!([first, line("sx-2", null.clone(), json!(3)), line("sx-3", null.clone(), null.clone())])
    );
    let order = suitex.alter("salesorder", "1", json!({"lines": [first, {"quantity": 9}]})).unwrap();
    assert_eq!(order.revision, Revision(2));
    assert_eq!(order.values["lines"], json!([first, line("sx-4", null, json!(9))]));
    assert_eq!(suitex.outbox_rows()[2].previous["lines"].as_array().unwrap().len(), 3);
    let order = suitex.alter("salesorder", "1", json!({"lines": []})).unwrap();
    assert_eq!(order.values["lines"], Json::Null);
}

#[test]
fn lines_are_checked() {
    let suitex = suitex();
    for (lines, field, detail) in [
        (json!([{"line_key": "a"}, {"line_key": "a"}]), "lines", "comes twice"),
        (json!([{"colour": "red"}]), "lines.colour", "has no column"),
        (json!([{"item_id": "5"}]), "lines", "there is no item"),
        (json!(["a"]), "lines", "an object"),
        (json!({"line_key": "a"}), "lines", "an array"),
    ] {
        let problem = suitex.create(&acme(), "salesorder", &map(json!({"lines": lines})), "ann").unwrap_err();
        assert_eq!((problem.status, problem.field.as_deref()), (422, Some(field)), "{problem}");
        assert!(problem.detail.contains(detail), "{problem}");
    }
}

#[test]
fn a_row_that_others_refer_to_stays() {
    let suitex = suitex();
    suitex.add("customer", json!({}));
    suitex.add("item", json!({}));
    suitex.add("salesorder", json!({"customer_id": 1, "lines": [{"item_id": "1"}, {"item_id": "1"}]}));
    let delete = |record_type| suitex.delete(&acme(), record_type, "1", "ann");
    let problem = delete("item").unwrap_err();
    assert_eq!((problem.status, &*problem.kind), (409, "urn:suitex:problem:has_dependents"));
    assert!(problem.detail.contains("2 times"), "{problem}");
    suitex.alter("salesorder", "1", json!({"lines": null})).unwrap();
    delete("item").unwrap();
    assert_eq!(delete("customer").unwrap_err().status, 409);
    delete("salesorder").unwrap();
    delete("customer").unwrap();
}

#[test]
fn a_row_that_is_its_own_parent_stays_as_long_as_it_is() {
    let suitex = suitex();
    suitex.add("customer", json!({}));
    suitex.alter("customer", "1", json!({"parent_id": "1"})).unwrap();
    assert_eq!(suitex.delete(&acme(), "customer", "1", "ann").unwrap_err().status, 409);
    suitex.alter("customer", "1", json!({"parent_id": null})).unwrap();
    suitex.delete(&acme(), "customer", "1", "ann").unwrap();
    assert_eq!(suitex.alter("customer", "1", json!({})).unwrap_err().status, 410);
}

#[test]
fn hooks_hear_of_people_only_and_of_changes_only() {
    let suitex = suitex();
    let heard = Arc::new(AtomicUsize::new(0));
    let (ears, inside) = (Arc::clone(&heard), Arc::downgrade(&suitex));
    suitex.on_commit(Box::new(move |account| {
        // The store is free: the outbox can be read from here.
        ears.fetch_add(inside.upgrade().unwrap().outbox_len(account), Ordering::SeqCst);
    }));
    suitex.add("item", json!({"name": "nut"}));
    assert_eq!(heard.load(Ordering::SeqCst), 1);
    suitex.alter("item", "1", json!({"name": "nut"})).unwrap();
    suitex.apply_to("items", creation("9", json!({})));
    suitex.alter("item", "7", json!({})).unwrap_err();
    assert_eq!(heard.load(Ordering::SeqCst), 1);
}

#[test]
fn texts_are_kept_as_suitex_likes_them_and_some_are_refused() {
    let suitex = suitex();
    let behaviours =
        [("customer.company", Behaviour::Trim), ("item.name", Behaviour::Upper)].map(|(k, b)| (k.into(), b));
    let faults = SuiteXFaults {
        refuse_containing: Some("poison".into()),
        behaviours: behaviours.into(),
        ..Default::default()
    };
    suitex.set_faults(&acme(), faults);
    assert_eq!(suitex.add("customer", json!({"company": " Acme "})).values["company"], "Acme");
    assert_eq!(suitex.add("customer", json!({"company": "  "})).values["company"], Json::Null);
    assert_eq!(suitex.add("item", json!({"name": "nut"})).values["name"], "NUT");
    let problem = suitex.alter("customer", "1", json!({"company": "a poison"})).unwrap_err();
    assert_eq!((problem.status, problem.field.as_deref()), (422, Some("company")));
    let applied = suitex.apply_to("customers", creation("7", json!({"tags": ["poison"]})));
    assert_eq!(refusal(applied), ("forbidden_text".into(), Some("tags".into())));
    suitex.set_faults(&acme(), SuiteXFaults::default());
    assert_eq!(suitex.add("item", json!({"name": "poison"})).values["name"], "poison");
}

#[test]
fn a_database_that_is_down_answers_nobody_and_loses_nothing() {
    let suitex = suitex();
    suitex.add("item", json!({"name": "nut"}));
    suitex.set_faults(&acme(), SuiteXFaults { down: true, ..Default::default() });
    assert_eq!(suitex.alter("item", "1", json!({})).unwrap_err().status, 503);
    assert!(at_once(suitex.read(&acme(), "items", By::Id("1"))).is_err());
    assert!(at_once(suitex.apply(&acme(), "items", uuid::Uuid::nil(), &creation("2", json!({})))).is_err());
    assert!(at_once(suitex.outbox(&acme(), 1)).is_err());
    assert!(at_once(suitex.dispatched(&acme(), &[1])).is_err());
    assert!(suitex.create(&globex(), "item", &Map::new(), "ann").is_ok());
    assert_eq!(suitex.all(&acme(), "item").len(), 1);
    suitex.set_faults(&acme(), SuiteXFaults::default());
    assert_eq!(suitex.outbox_rows().len(), 1);
}

#[test]
fn accounts_share_nothing() {
    let suitex = suitex();
    suitex.add("customer", json!({"company": "A"}));
    suitex.add("customer", json!({"company": "B"}));
    let row = suitex.create(&globex(), "customers", &map(json!({"company": "G"})), "gus").unwrap();
    assert_eq!((&*row.id, row.revision), ("1", Revision(1)));
    let problem = suitex.create(&globex(), "customer", &map(json!({"parent_id": "2"})), "gus").unwrap_err();
    assert_eq!(problem.field.as_deref(), Some("parent_id"));
    assert_eq!(suitex.row(&acme(), "customer", "1").unwrap().values["company"], "A");
    assert_eq!((suitex.outbox_len(&acme()), suitex.outbox_len(&globex())), (2, 1));
    assert_eq!(at_once(suitex.outbox(&globex(), 9)).unwrap().rows[0].seq, 1);
    let nobody = AccountId::parse("nobody").unwrap();
    assert!(at_once(suitex.outbox(&nobody, 9)).is_err());
    assert_eq!(suitex.create(&nobody, "customer", &Map::new(), "x").unwrap_err().status, 404);
    assert!(suitex.all(&nobody, "customer").is_empty());
}
