//! What changes records in NetSuite without firing a User Event is found by the poll; what fires one waits for none.

use local::netsuite::Cause;
use serde_json::json;

use crate::story::{NetSuite, Story, SuiteX};

/// What NetSuite tells nobody of, as accounts usually are.
const UNTOLD: [Cause; 5] =
    [Cause::MassUpdate, Cause::CsvImport, Cause::UserEvent, Cause::Workflow, Cause::System];

#[test]
fn what_no_user_event_tells_is_found_by_the_poll() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    for (n, cause) in Cause::ALL.into_iter().enumerate() {
        let phone = json!(n.to_string());
        story.edit_by(cause, "customer", &pair.netsuite, json!({"phone": phone}));
        story.settle();
        let told = story.value(SuiteX, "customer", &pair.suitex, "phone") == phone;
        assert_eq!(told, !UNTOLD.contains(&cause), "{cause:?}");
        story.poll();
        story.assert_both("customer", &pair, "phone", phone);
    }
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "companyname"), json!("Ada"));
    assert_eq!((story.errors(), story.count(SuiteX, "customer")), (vec![], 1));
}
