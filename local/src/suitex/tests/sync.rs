use super::*;

#[test]
fn a_create_writes_the_row_its_outbox_row_and_its_synced_event() {
    let suitex = suitex();
    let Applied::Done(Some(row)) = suitex.apply_to("customers", creation("77", json!({"company": "Acme"})))
    else {
        panic!("created");
    };
    assert_eq!((&*row.id, row.sync_id.as_deref(), row.revision), ("1", Some("77"), Revision(1)));
    assert_eq!(suitex.look("customers", By::SyncId("77")), Look::Found(row.clone()));
    assert_eq!(suitex.look("customers", By::Id("1")), Look::Found(row));
    let outbox = suitex.outbox_rows();
    assert_eq!((&*outbox[0].actor, outbox[0].sync_id.as_deref()), ("suitex-sync", Some("77")));
    let event = SyncedEvent {
        table: "customers".into(),
        id: 1,
        operation: Operation::Create,
        revision: Revision(1),
        at: NOW,
    };
    assert_eq!(suitex.synced_events(&acme()), [event]);
}

#[test]
fn a_repeated_create_finds_the_row_and_touches_nothing() {
    let suitex = suitex();
    let create = |company: &str| suitex.apply_to("customers", creation("77", json!({"company": company})));
    let first = create("Acme");
    let Applied::Done(Some(made)) = first else { panic!("made") };
    assert_eq!(create("Acme Inc"), Applied::Mismatch(made));
    assert_eq!((suitex.sync_writes(&acme()), suitex.outbox_len(&acme())), (1, 1));
    assert_eq!(suitex.all(&acme(), "customer").len(), 1);
}

#[test]
fn a_deleted_row_is_gone_until_its_record_is_created_again() {
    let suitex = suitex();
    suitex.apply_to("customers", creation("77", json!({})));
    assert_eq!(suitex.apply_to("customers", deletion("1", 1)), Applied::Done(None));
    assert_eq!(suitex.look("customers", By::SyncId("77")), Look::Deleted(Revision(2)));
    let gone = Applied::Gone(Some(Revision(2)));
    assert_eq!(suitex.apply_to("customers", update("1", 1, json!({}), json!({}))), gone);
    assert_eq!(suitex.apply_to("customers", deletion("1", 2)), gone);
    let Applied::Done(Some(row)) = suitex.apply_to("customers", creation("77", json!({}))) else {
        panic!("made")
    };
    assert_eq!(row.id, "2", "under a new id");
    assert_eq!((suitex.sync_writes(&acme()), suitex.outbox_len(&acme())), (3, 2), "creates are told");
}

#[test]
fn what_was_never_there_is_gone_without_a_revision() {
    let suitex = suitex();
    assert_eq!(suitex.apply_to("customers", deletion("1", 1)), Applied::Gone(None));
    assert_eq!(suitex.apply_to("customers", update("x", 1, json!({}), json!({}))), Applied::Gone(None));
    assert_eq!(suitex.look("customers", By::SyncId("1")), Look::Missing);
}

#[test]
fn an_update_needs_the_revision_it_knows() {
    let suitex = suitex();
    suitex.add("customer", json!({"company": "A"}));
    let edited = suitex.alter("customer", "1", json!({"credit_limit": 5})).unwrap();
    let change = update("1", 1, json!({"company": "A"}), json!({"company": "B"}));
    assert_eq!(suitex.apply_to("customers", change), Applied::Mismatch(edited.clone()));
    assert_eq!(suitex.apply_to("customers", deletion("1", 1)), Applied::Mismatch(edited));
    assert_eq!((suitex.sync_writes(&acme()), suitex.outbox_len(&acme())), (0, 2));
}

#[test]
fn an_update_needs_the_values_it_expects_or_those_it_wants() {
    let suitex = suitex();
    let row = suitex.add("customer", json!({"company": "A", "credit_limit": 5}));
    let apply = |expected, values| suitex.apply_to("customers", update("1", 1, expected, values));
    let mismatch = Applied::Mismatch(row.clone());
    assert_eq!(apply(json!({"company": "B"}), json!({"company": "C"})), mismatch);
    assert_eq!(apply(json!({"credit_limit": "5", "company": null}), json!({"company": "C"})), mismatch);
    // A value that the column cannot hold is not there, and is no error either.
    assert_eq!(apply(json!({"credit_limit": "five"}), json!({"company": "C"})), mismatch);
    // Already there.
    assert_eq!(apply(json!({"company": "B"}), json!({"company": "A"})), Applied::Done(Some(row)));
    assert_eq!((suitex.sync_writes(&acme()), suitex.outbox_len(&acme())), (0, 1));

    let expected = json!({"company": "A", "credit_limit": 5.0});
    let Applied::Done(Some(row)) = apply(expected, json!({"company": "C", "credit_limit": null})) else {
        panic!("written");
    };
    assert_eq!((row.revision, &row.values["company"]), (Revision(2), &json!("C")));
    let last = row.last_call.expect("a call of ours");
    assert_eq!(last.values, map(json!({"company": "C", "credit_limit": null})));
    assert_eq!((suitex.sync_writes(&acme()), suitex.outbox_len(&acme())), (1, 1), "we are not told of it");
}

#[test]
fn suitex_refuses_us_by_the_rules_that_it_has_for_people() {
    let suitex = suitex();
    suitex.add("customer", json!({}));
    suitex.add("salesorder", json!({"customer_id": "1"}));
    let create = |values| refusal(suitex.apply_to("customers", creation("7", values)));
    let said = |code: &str, field: &str| (code.to_string(), Some(field.to_string()));
    assert_eq!(create(json!({"colour": "red"})), said("unknown_column", "colour"));
    assert_eq!(create(json!({"company_name": "x"})), said("unknown_column", "company_name"));
    assert_eq!(create(json!({"company": "x".repeat(21)})), said("invalid_value", "company"));
    assert_eq!(create(json!({"parent_id": "8"})), said("invalid_reference", "parent_id"));
    assert_eq!(refusal(suitex.apply_to("customers", deletion("1", 1))), ("has_dependents".into(), None));
    assert_eq!(
        refusal(suitex.apply_to("nothings", creation("7", json!({})))),
        ("unknown_table".into(), None)
    );
    assert!(at_once(suitex.read(&acme(), "nothings", By::Id("1"))).is_err());
    assert_eq!(suitex.sync_writes(&acme()), 0);
}

#[test]
fn lists_are_compared_by_their_lines_whatever_their_order() {
    let suitex = suitex();
    let (a, b) = (json!({"line_key": "a", "quantity": 1}), json!({"line_key": "b", "quantity": 2}));
    suitex.apply_to("sales_orders", creation("7", json!({"lines": [a, b]})));
    let change = update("1", 1, json!({"lines": [b, a]}), json!({"lines": [b]}));
    let Applied::Done(Some(row)) = suitex.apply_to("sales_orders", change) else { panic!("written") };
    assert_eq!(row.values["lines"], json!([{"line_key": "b", "item_id": null, "quantity": 2}]));
}
