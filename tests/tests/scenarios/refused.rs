//! A record that a target refuses, or breaks off at, waits for a person; nobody else does.

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

/// A script that never ends when one record is saved takes the call along, and the other nine with it, once.
#[test]
fn a_record_whose_save_never_ends_takes_no_other_along() {
    let mut story = Story::new();
    let create = |n| json!({"companyname": format!("c{n}")});
    let pairs: Vec<Pair> = (0..10).map(|n| story.customer(create(n))).collect();
    story.netsuite(|f| f.deadly = Some("bad".into()));
    let email = |n| if n == 4 { "bad@acme.example".to_string() } else { format!("{n}@acme.example") };
    for (n, pair) in pairs.iter().enumerate() {
        story.edit(SuiteX, "customer", &pair.suitex, json!({"email": email(n)}));
    }
    let calls = story.world.netsuite.stats(&story.account()).calls;
    story.pass(20_000);
    for (n, pair) in pairs.iter().enumerate().filter(|(n, _)| *n != 4) {
        let held = story.value(crate::story::NetSuite, "customer", &pair.netsuite, "email");
        assert_eq!(held, json!(email(n)));
    }
    story.pass(600_000);
    let error = story.error();
    assert_eq!((error.class.as_str(), error.code.as_str()), ("cut_off", "SSS_TIME_LIMIT_EXCEEDED"));
    assert_eq!(error.record.map(|key| key.id.to_string()), Some(pairs[4].netsuite.clone()));
    let calls = story.world.netsuite.stats(&story.account()).calls - calls;
    assert!(calls < 60, "{calls} calls in ten minutes, the poller's among them");

    // Mended there, it goes through without anybody's help.
    story.netsuite(|f| f.deadly = None);
    story.pass(700_000);
    story.assert_both("customer", &pairs[4], "email", json!(email(4)));
    assert_eq!(story.errors(), []);
}
