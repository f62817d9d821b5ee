//! What is too large to travel is left in the bucket, under its own account.

use bytes::Bytes;
use http::StatusCode;
use local::functions::BUCKET;
use local::signed::signed;
use serde_json::{Value as Json, json};
use shared::blob::{Blob, BlobRef, Keep};
use shared::domain::id::AccountId;
use shared::ledger::Ledger;
use simulation::world::SECRETS;

use crate::story::{ACME, NetSuite, Pair, Story, SuiteX};

/// A User Event of the customer as it is in NetSuite now.
fn event(story: &Story, pair: &Pair, payload: Json) -> Json {
    let customer = crate::story::kind("customer");
    let seen =
        story.world.netsuite.snapshot(&story.account(), &customer, &pair.netsuite).expect("the customer");
    json!({
        "accountId": "acme", "recordType": "customer", "recordId": pair.netsuite, "source": "netsuite-ue",
        "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "revision": seen.last_modified_secs,
        "payload": payload,
    })
}

fn stored(story: &Story, account: &str, body: &Json) -> String {
    let (account, body) = (AccountId::parse(account).expect("an account"), Bytes::from(body.to_string()));
    let at = BlobRef::of(BUCKET, &account, Keep::Pinned, &body);
    let put = story.world.blob.put(&at, body);
    futures::FutureExt::now_or_never(put).expect("a memory twin").expect("the bucket");
    at.to_string()
}

fn ask_ingest(story: &mut Story, event: &Json) -> (StatusCode, Json) {
    let (name, secret) = SECRETS[ACME];
    let request = signed(name, secret, "m1", story.world.executor.now(), event.to_string().into());
    story.send("ingest", request)
}

#[test]
fn a_large_delta_travels_by_reference_and_arrives_whole() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "1"}));
    let payload = json!({"changes": {"phone": "1"}, "previous": {"comments": "x".repeat(400_000)}});
    let event = event(&story, &pair, payload);
    let (status, answer) = ask_ingest(&mut story, &event);
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("1"));
    let id = answer["accepted"][0].as_str().and_then(|id| id.parse().ok()).expect("an event id");
    let account = story.account();
    let read = futures::FutureExt::now_or_never(story.world.ledger.read(&account, &[id]));
    let entry = read.expect("a memory twin").expect("the ledger").remove(0).entry;
    assert!(entry.payload.len() < 2_000, "{} bytes in the ledger", entry.payload.len());
}

#[test]
fn a_snapshot_is_a_full_read() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    story.edit_unseen("customer", &pair.netsuite, json!({"phone": "1", "city": "Ulm"}));
    let at = stored(&story, "acme", &json!({"companyname": "Ada", "phone": "1", "city": "Ulm"}));
    let mut event = event(&story, &pair, json!({}));
    event["fullSnapshotRef"] = json!(at);
    let (status, answer) = ask_ingest(&mut story, &event);
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    story.settle();
    story.assert_both("customer", &pair, "phone", json!("1"));
    story.assert_both("customer", &pair, "city", json!("Ulm"));
}

#[test]
fn a_snapshot_of_another_account_is_refused_at_the_door() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    let mut event = event(&story, &pair, json!({}));
    event["fullSnapshotRef"] = json!(stored(&story, "globex", &json!({"companyname": "Secret"})));
    let (status, problem) = ask_ingest(&mut story, &event);
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("fullSnapshotRef")));
}

#[test]
fn a_snapshot_of_another_account_is_refused_by_merge_too() {
    let mut story = Story::new();
    let pair = story.customer(json!({"companyname": "Ada"}));
    let mut event = event(&story, &pair, json!({}));
    event["fullSnapshotRef"] = json!(stored(&story, "globex", &json!({"companyname": "Secret"})));
    story.publish_raw(event.to_string());
    story.settle();
    let error = story.error();
    assert_eq!(error.field.as_deref(), Some("fullSnapshotRef"));
    assert_eq!(story.value(SuiteX, "customer", &pair.suitex, "company_name"), json!("Ada"));
    assert_eq!(story.value(NetSuite, "customer", &pair.netsuite, "companyname"), json!("Ada"));
}

/// The record waits for a person; all others of the account go on.
fn is_filed_and_keeps_nobody(mut story: Story, at: &str, reason: &str) {
    let pair = story.customer(json!({"companyname": "Ada"}));
    let other = story.customer(json!({"companyname": "Bea"}));
    let mut event = event(&story, &pair, json!({}));
    event["fullSnapshotRef"] = json!(at);
    let (status, answer) = ask_ingest(&mut story, &event);
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    story.edit(NetSuite, "customer", &other.netsuite, json!({"phone": "1"}));
    story.settle();
    let error = story.error();
    assert_eq!(error.field.as_deref(), Some("fullSnapshotRef"));
    assert!(error.message.contains(reason), "{}", error.message);
    story.assert_both("customer", &other, "phone", json!("1"));
}

#[test]
fn a_body_that_is_missing_is_a_loud_error_of_its_record_alone() {
    let account = AccountId::parse("acme").expect("an account");
    let at = BlobRef::of(BUCKET, &account, Keep::Transient, b"deleted after thirty days").to_string();
    is_filed_and_keeps_nobody(Story::new(), &at, "there is no body");
}

#[test]
fn a_body_that_is_spoiled_is_a_loud_error_of_its_record_alone() {
    let story = Story::new();
    let at = BlobRef::of(BUCKET, &story.account(), Keep::Pinned, b"what was stored");
    let put = story.world.blob.put(&at, Bytes::from_static(b"what became of it"));
    futures::FutureExt::now_or_never(put).expect("a memory twin").expect("the bucket");
    is_filed_and_keeps_nobody(story, &at.to_string(), "is spoiled");
}
