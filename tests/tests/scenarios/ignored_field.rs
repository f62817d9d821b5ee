//! NetSuite takes a write and keeps the old value: an error for a person, and a lock on that field alone.

use local::netsuite::Behaviour;
use serde_json::json;
use shared::domain::id::Side;

use crate::story::{NetSuite, Pair, Story, SuiteX};

/// An item whose description does not persist, after an edit of description and name.
fn edited() -> (Story, Pair) {
    let mut story = Story::new();
    let pair = story.born(NetSuite, "item", json!({"itemid": "Bolt", "salesdescription": "old"}));
    story.netsuite(|f| drop(f.behaviours.insert("item.salesdescription".into(), Behaviour::Ignore)));
    story.edit(SuiteX, "item", &pair.suitex, json!({"description": "new", "name": "Bolt 2"}));
    story.settle();
    (story, pair)
}

#[test]
fn it_is_an_error_of_that_field_and_the_others_flow_on() {
    let (mut story, pair) = edited();
    let error = story.error();
    assert_eq!((error.class.as_str(), error.field.as_deref()), ("not_persisted", Some("description")));
    assert_eq!(story.value(NetSuite, "item", &pair.netsuite, "itemid"), json!("Bolt 2"));
    assert_eq!(
        story.value(SuiteX, "item", &pair.suitex, "description"),
        json!("new"),
        "the edit is not undone"
    );
    let before = story.writes();
    story.edit(SuiteX, "item", &pair.suitex, json!({"name": "Bolt 3"}));
    story.settle();
    assert_eq!(story.value(NetSuite, "item", &pair.netsuite, "itemid"), json!("Bolt 3"));
    assert_eq!(story.writes(), (before.0 + 1, before.1));
    let record = story.record(NetSuite, "item", &pair.netsuite);
    let locked = record.locks.iter().filter_map(|l| l.field).count();
    assert_eq!((locked, record.is_locked()), (1, false));
}

#[test]
fn mended_and_tried_again_it_arrives() {
    let (mut story, pair) = edited();
    let error = story.error();
    story.netsuite(|f| f.behaviours.clear());
    story.retry(&error);
    assert_eq!(story.value(NetSuite, "item", &pair.netsuite, "salesdescription"), json!("new"));
    assert_eq!(story.errors(), []);
}

#[test]
fn tried_again_without_being_mended_it_is_the_same_error() {
    let (mut story, _) = edited();
    let error = story.error();
    story.retry(&error);
    assert_eq!(story.error().id, error.id);
}

#[test]
fn an_edit_in_netsuite_still_comes_over() {
    let (mut story, pair) = edited();
    story.edit(NetSuite, "item", &pair.netsuite, json!({"quantityavailable": 7}));
    story.settle();
    assert_eq!(story.value(SuiteX, "item", &pair.suitex, "stock"), json!(7));
    assert!(story.record(NetSuite, "item", &pair.netsuite).sides[Side::NetSuite].intent.is_none());
}
