//! What a side does not show is not over because we believe both to hold the same: only a look can tell.

use std::collections::{BTreeMap, BTreeSet};

use local::netsuite::HiddenRecords;
use serde_json::json;
use shared::state::ErrorStatus;

use crate::story::{NetSuite, Story, SuiteX};

/// Longer than any tick, and shorter than the first look.
const SOON_MS: i64 = 5 * 60_000;

/// Longer than the first two looks.
const LATER_MS: i64 = 35 * 60_000;

#[test]
fn a_value_that_we_do_not_know_stays_an_error_until_it_is_one_that_we_do() {
    let mut story = Story::configured(|text| {
        let select = "category = { type = \"select\",";
        assert!(text.contains(select), "the product's own configuration");
        text.replace(select, "category = { type = \"select\", options = [\"1\", \"2\"],")
    });
    let item = story.born(NetSuite, "item", json!({"itemid": "Bolt", "class": "1"}));
    // No User Event tells of it: the reply to the next write does.
    story.edit_unseen("item", &item.netsuite, json!({"class": "9"}));
    story.edit(SuiteX, "item", &item.suitex, json!({"description": "galvanised"}));
    story.settle();
    let error = story.error();
    assert_eq!((error.code.as_str(), error.field.as_deref()), ("UNREADABLE_VALUE", Some("category")));
    story.pass(SOON_MS);
    assert_eq!(story.error().id, error.id, "we believe that both hold the same, and they do not");
    story.pass(LATER_MS);
    assert_eq!(story.error().id, error.id, "looked at since, in vain");
    // A person has it tried again, in vain as well.
    story.retry(&error);
    assert_eq!(story.error().id, error.id);

    story.edit_unseen("item", &item.netsuite, json!({"class": "1"}));
    story.pass(LATER_MS);
    assert_eq!(story.errors(), [], "looked at since, and readable");
    assert_eq!(story.record(NetSuite, "item", &item.netsuite).locks, []);
}

#[test]
fn a_record_that_is_not_shown_stays_an_error_until_it_is() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada", "phone": "1"}));
    let hidden = BTreeSet::from([pair.netsuite.parse().expect("a number")]);
    story.netsuite(|f| {
        f.settings.hidden_rows = BTreeMap::from([("customer".into(), hidden)]);
        f.settings.hidden_records = HiddenRecords::Missing;
        // So that it is looked for.
        f.lost_reply = 1.0;
    });
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "2"}));
    story.pass(5_000);
    story.netsuite(|f| f.lost_reply = 0.0);
    story.settle();
    let error = story.error();
    assert_eq!(error.code, "RCRD_DSNT_EXIST");
    // Nothing is to be written any more: as we know that record, both hold the same.
    story.edit(SuiteX, "customer", &pair.suitex, json!({"phone": "1"}));
    story.settle();
    story.pass(SOON_MS);
    assert_eq!(story.error().id, error.id, "NetSuite shows no record");
    story.pass(LATER_MS);
    assert_eq!(story.error().id, error.id, "looked at since, in vain");

    story.netsuite(|f| f.settings.hidden_rows.clear());
    // Who has it tried again has it looked at.
    let (status, answer) = story.tries(&error);
    assert!(status.is_success(), "{answer}");
    story.settle();
    assert_eq!(story.errors(), []);
    story.pass(120_000);
    let account = story.account();
    let stored = futures::FutureExt::now_or_never(shared::state::State::errors(
        &*story.world.state,
        Some(&account),
        false,
        None,
        9,
    ));
    let stored = stored.expect("a memory twin does not wait").expect("a state").items;
    assert_eq!(stored[0].status, ErrorStatus::Closed, "{stored:?}");
}
