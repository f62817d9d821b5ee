//! A stand-in for the poller: what changed or was deleted in NetSuite since a second, read from the simulator
//! itself and told as full reads. The poller asks NetSuite over the wire, which takes too long for thousands of seeds.

use serde_json::{Map, Value as Json, json};
use shared::domain::event::ChangeEvent;
use shared::domain::id::{Timestamp, derived_id};
use shared::domain::surface::Account;

use local::netsuite::{NetSuite, Snapshot};

/// Everything that changed in an account at or after `since_seconds`, as events of source `netsuite-poll`.
/// The same state told twice is the same event.
pub(crate) fn poll(netsuite: &NetSuite, account: &Account, since_seconds: i64) -> Vec<ChangeEvent> {
    let mut events = Vec::new();
    for record_type in account.types.keys() {
        for seen in netsuite.changed_since(&account.id, record_type, since_seconds) {
            let at = Timestamp(seen.last_modified_secs * 1000);
            events.extend(event(account, record_type.as_str(), &seen.id, "update", at, &seen));
        }
        for (id, seconds, external_id) in netsuite.deleted_since(&account.id, record_type, since_seconds) {
            let gone =
                Snapshot { id: id.clone(), external_id, last_modified_secs: seconds, values: Map::new() };
            events.extend(event(
                account,
                record_type.as_str(),
                &id,
                "delete",
                Timestamp(seconds * 1000),
                &gone,
            ));
        }
    }
    events
}

fn event(
    account: &Account,
    kind: &str,
    id: &str,
    operation: &str,
    at: Timestamp,
    seen: &Snapshot,
) -> Option<ChangeEvent> {
    let values = Json::Object(seen.values.clone());
    let parts = [account.id.as_str(), kind, id, operation, &at.to_string(), &values.to_string()];
    let event = json!({
        "eventId": derived_id("poll", &parts),
        "accountId": account.id,
        "recordType": kind,
        "recordId": id,
        "source": "netsuite-poll",
        "operation": operation,
        "timestamp": at,
        "revision": seen.last_modified_secs,
        "externalId": seen.external_id,
        "payload": {"changes": values, "full": true},
    });
    match event {
        Json::Object(object) => ChangeEvent::from_object(object).ok(),
        _ => None,
    }
}
