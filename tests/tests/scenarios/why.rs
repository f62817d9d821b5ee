//! Who set in NetSuite what only a poll saw: its system notes tell, to a role that may read them.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::story::{NetSuite, Pair, Story};

fn why(story: &mut Story, pair: &Pair, field: &str) -> (String, Json) {
    let account = story.account();
    let why = story.get(&format!("records/{account}/customer/suitex:{}/why/{field}", pair.suitex));
    (why["sentence"].as_str().expect("a sentence").to_string(), why["unnamed"].clone())
}

#[test]
fn who_set_what_only_a_poll_saw_is_named_if_our_role_may_know() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1", "email": "a@b.c"}));
    story.pass(60_000);
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "2"}));
    story.poll();
    let (told, unnamed) = why(&mut story, &pair, "phone");
    assert!(told.starts_with("phone is \"2\" because ann in NetSuite (CSV Import) set it on "), "{told}");
    assert!(told.ends_with(" by NetSuite's clock, as its system notes tell."), "{told}");
    assert_eq!(unnamed, Json::Null);

    let before = story.world.netsuite.stats(&story.account()).calls;
    assert!(why(&mut story, &pair, "email").0.contains("ann in NetSuite set it on "), "a User Event told");
    assert_eq!(story.world.netsuite.stats(&story.account()).calls, before, "and nobody is asked");

    story.netsuite(|f| f.settings.denied = BTreeSet::from(["systemnote".into()]));
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "3"}));
    story.poll();
    let (told, unnamed) = why(&mut story, &pair, "phone");
    assert!(told.starts_with("phone is \"3\" because somebody in NetSuite set it before "), "{told}");
    assert!(
        unnamed.as_str().unwrap_or_default().starts_with("our role in NetSuite may not read"),
        "{unnamed}"
    );
}

#[test]
fn a_netsuite_that_does_not_answer_keeps_nobody_waiting() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    story.pass(60_000);
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "2"}));
    story.poll();
    story.netsuite(|f| f.down = true);
    let (told, unnamed) = why(&mut story, &pair, "phone");
    assert!(told.starts_with("phone is \"2\" because somebody in NetSuite set it before "), "{told}");
    assert!(unnamed.as_str().unwrap_or_default().ends_with("could not be read just now"), "{unnamed}");
    story.netsuite(|f| f.down = false);
    // What was asked in vain is not asked again within the minute.
    story.pass(60_000);
    assert!(why(&mut story, &pair, "phone").0.contains("ann in NetSuite (CSV Import) set it on "));
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "phone"), json!("2"));
}
