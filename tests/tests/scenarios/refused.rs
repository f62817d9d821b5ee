//! A record that a target refuses waits for a person; nobody else does.

use local::netsuite::Behaviour;
use serde_json::json;

use crate::story::{Pair, Story, SuiteX};

/// Ten customers, of which NetSuite refuses one.
fn ten() -> (Story, Vec<String>) {
    let mut story = Story::new();
    let refuses = Behaviour::RefuseContaining("bad".into());
    story.netsuite(|f| drop(f.behaviours.insert("customer.companyname".into(), refuses)));
    let name = |n| if n == 4 { "bad".to_string() } else { format!("good {n}") };
    let ids = (0..10).map(|n| story.create(SuiteX, "customer", json!({"company_name": name(n)}))).collect();
    (story, ids)
}

#[test]
fn one_refused_record_takes_no_other_along() {
    let (mut story, ids) = ten();
    story.pass(30_000);
    for (n, id) in ids.iter().enumerate().filter(|(n, _)| *n != 4) {
        let Pair { netsuite, .. } = story.pair(SuiteX, "customer", id);
        let held = story.value(crate::story::NetSuite, "customer", &netsuite, "companyname");
        assert_eq!(held, json!(format!("good {n}")));
    }
    story.settle();
    let error = story.error();
    assert_eq!((error.class.as_str(), error.field.as_deref()), ("validation", Some("company_name")));
    assert_eq!(error.record.map(|key| key.id.to_string()), Some(format!("sx-{}", ids[4])));
}

#[test]
fn tried_again_after_it_is_mended_it_arrives() {
    let (mut story, ids) = ten();
    story.settle();
    let error = story.error();
    story.netsuite(|f| f.behaviours.clear());
    story.retry(&error);
    story.pair(SuiteX, "customer", &ids[4]);
    assert_eq!(story.errors(), []);
}

#[test]
fn mended_at_its_source_it_arrives_when_it_is_tried_again() {
    let (mut story, ids) = ten();
    story.settle();
    let error = story.error();
    story.edit(SuiteX, "customer", &ids[4], json!({"company_name": "good after all"}));
    story.settle();
    story.retry(&error);
    let pair = story.pair(SuiteX, "customer", &ids[4]);
    let held = story.value(crate::story::NetSuite, "customer", &pair.netsuite, "companyname");
    assert_eq!(held, json!("good after all"));
}

#[test]
fn tried_again_in_vain_it_is_the_same_error() {
    let (mut story, _) = ten();
    story.settle();
    let error = story.error();
    story.retry(&error);
    assert_eq!(story.error().id, error.id);
}
