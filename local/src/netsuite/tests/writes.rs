//! Compare, set, save, answer.

use serde_json::json;
use shared::netsuite::wire::What;

use super::{World, acme, create, delete, key, kind, map, update};

#[test]
fn a_write_is_made_only_over_what_it_expects() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "Old", "email": "a@x"}));
    let applied =
        world.apply_one(update(1, &id, json!({"companyname": "Old"}), json!({"companyname": "New"})));
    assert_eq!(applied.outcome, What::Applied);
    assert_eq!(applied.values["companyname"], "New");
    assert_eq!(applied.last_modified.as_deref(), Some("2026-01-01T00:00:00Z"));

    let stale =
        world.apply_one(update(2, &id, json!({"companyname": "Old"}), json!({"companyname": "Newer"})));
    assert_eq!(stale.outcome, What::Mismatch);
    assert_eq!(stale.values, map(json!({"companyname": "New", "email": "a@x"})));
    assert_eq!(world.customer_now(&id).values["companyname"], "New");
}

#[test]
fn a_field_that_holds_the_wanted_value_already_is_no_mismatch() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "New", "creditlimit": 12.5}));
    world.clock.pass(5_000);
    world.netsuite.take_user_events(&acme());
    let expected = json!({"companyname": "Old", "creditlimit": "12.50"});
    let outcome = world.apply_one(update(1, &id, expected, json!({"companyname": "New"})));
    assert_eq!(outcome.outcome, What::Applied);
    assert_eq!(outcome.last_modified.as_deref(), Some("2026-01-01T00:00:00Z"), "nothing was saved");
    assert!(world.netsuite.take_user_events(&acme()).is_empty());
    assert_eq!(world.netsuite.stats(&acme()).writes_applied, 0);
}

#[test]
fn creating_twice_under_one_external_id_makes_one_record() {
    let world = World::new();
    let first = world.apply_one(create(1, "sx-7", json!({"companyname": "A"})));
    let second = world.apply_one(create(2, "sx-7", json!({"companyname": "B", "email": "b@x"})));
    assert_eq!((first.outcome, second.outcome), (What::Applied, What::AlreadyApplied));
    assert_eq!(first.id, second.id);
    assert_eq!(second.values["companyname"], "A", "the second writes nothing");
    assert_eq!(world.netsuite.all(&acme(), &kind("customer")).len(), 1);
    assert_eq!(world.netsuite.stats(&acme()).creates, 1);
}

#[test]
fn an_operation_is_carried_out_once() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "Old"}));
    let write = update(1, &id, json!({"companyname": "Old"}), json!({"companyname": "New"}));
    assert_eq!(world.apply_one(write.clone()).outcome, What::Applied);
    world.edit("customer", &id, json!({"companyname": "Old"}));
    let again = world.apply_one(write);
    assert_eq!(again.outcome, What::AlreadyApplied);
    assert_eq!(again.values["companyname"], "Old", "the current value, not the written one");
    assert_eq!(world.customer_now(&id).values["companyname"], "Old");
}

#[test]
fn a_refused_operation_may_be_tried_again() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "Old"}));
    let write = update(1, &id, json!({}), json!({"parent": "424242"}));
    let refused = world.apply_one(write.clone());
    assert_eq!(refused.outcome, What::Refused);
    let error = refused.error.unwrap();
    assert_eq!((error.code.as_str(), error.field.as_deref()), ("INVALID_KEY_OR_REF", Some("parent")));
    assert!(error.message.contains("424242"), "{}", error.message);
    assert_eq!(refused.values["companyname"], "Old", "a refusal still tells what is there");

    let parent = world.customer(json!({"companyname": "Parent"}));
    assert_eq!(world.apply_one(update(1, &id, json!({}), json!({"parent": parent}))).outcome, What::Applied);
}

#[test]
fn what_a_type_does_not_know_is_refused() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "Old"}));
    for (values, field) in [
        (json!({"company_name": "our name, not NetSuite's"}), "company_name"),
        (json!({"creditlimit": "a lot"}), "creditlimit"),
        (json!({"companyname": "x".repeat(84)}), "companyname"),
    ] {
        let refused = world.apply_one(update(1, &id, json!({}), values));
        let error = refused.error.unwrap();
        assert_eq!((error.code.as_str(), error.field.as_deref()), ("INVALID_FLD_VALUE", Some(field)));
    }
    let mut write = update(1, &id, json!({}), json!({}));
    write["type"] = json!("invoice");
    assert_eq!(world.apply_one(write).error.unwrap().code, "INVALID_RCRD_TYPE");
    let read = world.read_one(json!({"type": "customer", "id": id, "fields": ["companyname", "nonsense"]}));
    assert_eq!(read.values, map(json!({"companyname": "Old"})), "an unknown field is absent, not null");
}

#[test]
fn deleting_is_final_and_may_be_repeated() {
    let world = World::new();
    let id = world.apply_one(create(1, "sx-1", json!({"companyname": "A"}))).id.unwrap();
    world.clock.pass(3_000);
    assert_eq!(world.apply_one(delete(2, &id, json!({"companyname": "B"}))).outcome, What::Mismatch);
    let deleted = world.apply_one(delete(3, &id, json!({"companyname": "A"})));
    assert_eq!(deleted.outcome, What::Applied);
    assert_eq!(deleted.last_modified.as_deref(), Some("2026-01-01T00:00:03Z"));
    world.clock.pass(3_000);
    for operation in [3, 4] {
        let again = world.apply_one(delete(operation, &id, json!({"companyname": "A"})));
        assert_eq!(again.outcome, What::AlreadyApplied);
        assert_eq!(again.last_modified.as_deref(), Some("2026-01-01T00:00:03Z"));
    }
    assert_eq!(world.apply_one(update(5, &id, json!({}), json!({}))).outcome, What::Deleted);
    assert_eq!(world.apply_one(update(6, "999999", json!({}), json!({}))).outcome, What::Missing);
    let by_external = world.read_one(json!({"type": "customer", "externalId": "sx-1", "fields": []}));
    assert_eq!((by_external.outcome, by_external.id.as_deref()), (What::Deleted, Some(id.as_str())));
    // A create that is repeated after the deletion does not bring the record back.
    assert_eq!(world.apply_one(create(1, "sx-1", json!({"companyname": "A"}))).outcome, What::Deleted);

    let told = world.netsuite.deleted_since(&acme(), &kind("customer"), START_SECONDS + 3);
    assert_eq!(told, [(id.clone(), START_SECONDS + 3, Some("sx-1".to_string()))]);
    assert!(world.netsuite.deleted_since(&acme(), &kind("customer"), START_SECONDS + 4).is_empty());
    let reborn = world.apply_one(create(7, "sx-1", json!({"companyname": "A"})));
    assert_ne!(reborn.id.unwrap(), id, "an id is never used again");
}

const START_SECONDS: i64 = super::START / 1000;

#[test]
fn a_record_that_others_refer_to_stays() {
    let world = World::new();
    let parent = world.customer(json!({"companyname": "Parent"}));
    let child = world.customer(json!({"companyname": "Child", "parent": parent}));
    let refused = world.apply_one(delete(1, &parent, json!({})));
    let error = refused.error.unwrap();
    assert_eq!(error.code, "USER_ERROR");
    assert_eq!(error.message, "This record cannot be deleted because it has dependent records");

    // Both letting go and being deleted set the parent free.
    let second = world.customer(json!({"companyname": "Second", "parent": parent}));
    world.edit("customer", &child, json!({"parent": null}));
    assert!(world.apply_one(delete(2, &parent, json!({}))).error.is_some());
    assert_eq!(world.apply_one(delete(3, &second, json!({}))).outcome, What::Applied);
    assert_eq!(world.apply_one(delete(4, &parent, json!({}))).outcome, What::Applied);
}

#[test]
fn two_saves_within_a_second_have_one_last_modified() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    world.clock.pass(400);
    world.edit("customer", &id, json!({"companyname": "B"}));
    world.clock.pass(400);
    world.edit("customer", &id, json!({"companyname": "C"}));
    assert_eq!(world.customer_now(&id).last_modified_secs, START_SECONDS);
    world.clock.pass(400);
    world.edit("customer", &id, json!({"companyname": "D"}));
    assert_eq!(world.customer_now(&id).last_modified_secs, START_SECONDS + 1);

    let since = |seconds| world.netsuite.changed_since(&acme(), &kind("customer"), seconds).len();
    assert_eq!((since(START_SECONDS), since(START_SECONDS + 1), since(START_SECONDS + 2)), (1, 1, 0));
}

#[test]
fn a_read_tells_what_became_of_operations() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "Old"}));
    for (n, name) in [(1, "First"), (2, "Second")] {
        world.apply_one(update(n, &id, json!({}), json!({"companyname": name})));
    }
    world.edit("customer", &id, json!({"companyname": "Edited"}));
    let asked = [key(1), key(2), key(3)];
    let read = json!({"type": "customer", "id": id, "operations": asked, "fields": ["companyname"]});
    let read = world.read_one(read);
    assert_eq!((read.outcome, &read.values["companyname"]), (What::Found, &json!("Edited")));
    let held = |name: &str| map(json!({"companyname": name}));
    assert_eq!(read.held, [(key(1), held("First")), (key(2), held("Second"))].into());
}

#[test]
fn the_script_counts_its_units_and_stops_in_time() {
    let world = World::new();
    let id = world.customer(json!({"companyname": "A"}));
    let write = update(1, &id, json!({}), json!({"companyname": "B"}));
    let answer = world.answer(&json!({"action": "apply", "writes": [write]}));
    assert_eq!(answer.remaining_usage, 5_000 - 10 - 5 - 10 - 5 - 6);

    let read = json!({"type": "customer", "id": id, "fields": []});
    let many: Vec<_> = std::iter::repeat_n(read, 1_000).collect();
    let answer = world.answer(&json!({"action": "read", "reads": many}));
    let done = answer.results.iter().filter(|r| r.outcome == What::Found).count();
    assert_eq!((done, answer.remaining_usage), (941, 295));
    assert!(answer.results[941..].iter().all(|r| r.outcome == What::NotAttempted));
}

#[test]
fn a_call_that_is_none_is_answered_400() {
    let world = World::new();
    let (status, body) = {
        let (status, _, body) = world.send("POST", super::RESTLET, "{not json".into());
        (status, body)
    };
    assert_eq!(status, 400);
    assert!(body.starts_with(r#"{"error" : {"code" : "SSS_INVALID_REQUEST_BODY""#), "{body}");
    let eleven: Vec<_> = (0..11).map(|n| create(n, &format!("sx-{n}"), json!({}))).collect();
    let (status, _) = world.restlet(&json!({"action": "apply", "writes": eleven}));
    assert_eq!(status, 400);
    assert!(world.netsuite.all(&acme(), &kind("customer")).is_empty());
    let path = "/netsuite/acme/app/site/hosting/restlet.nl?script=1";
    let (status, _, body) = world.send("POST", path, json!({"action": "read", "reads": []}).to_string());
    assert_eq!(status, 400);
    assert!(body.contains("SSS_MISSING_REQD_ARGUMENT") && body.contains("deploy"), "{body}");
    let nowhere = "/netsuite/nobody/app/site/hosting/restlet.nl?script=1&deploy=1";
    assert_eq!(world.send("POST", nowhere, "{}".into()).0, 404);
}
