//! An outbox row as an event. Pure.

use bytes::Bytes;
use serde_json::{Map, Value as Json, json};
use shared::blob::offload::Offload;
use shared::blob::{BODY_MAX_BYTES, BlobRef, Keep};
use shared::domain::event::{ChangeEvent, Operation, Payload, Source};
use shared::domain::id::{SideId, derived_id};
use shared::domain::surface::Account;
use shared::pubsub::Message;
use shared::suitex::OutboxRow;

/// What becomes of a row.
#[derive(Debug, PartialEq)]
pub(crate) enum Relay {
    /// News, and what of it is to be stored first because it is too large to travel.
    Event(Box<ChangeEvent>, Option<(BlobRef, Bytes)>),
    /// Nothing to tell: the table is not synced, or the row was touched without a change.
    Nothing,
    /// It can never be an event, for this reason: a person must see it, and it must not hold up the rest.
    Unreadable(String),
}

/// What becomes of `row`.
pub(crate) fn relay(account: &Account, row: &OutboxRow, offload: &Offload) -> Relay {
    let Some(surface) = account.types.values().find(|surface| surface.suitex == row.table) else {
        return Relay::Nothing;
    };
    let operation = match row.operation.as_str() {
        "create" => Operation::Create,
        "update" if row.changes.is_empty() => return Relay::Nothing,
        "update" => Operation::Update,
        "delete" => Operation::Delete,
        other => return Relay::Unreadable(format!("operation {other:?} is not create, update or delete")),
    };
    let record_id = match SideId::parse(&row.id) {
        Ok(id) => id,
        Err(error) => return Relay::Unreadable(error.to_string()),
    };
    let payload = match operation {
        Operation::Delete => Payload::default(),
        Operation::Create | Operation::Update => Payload {
            changes: row.changes.clone(),
            previous: row.previous.clone(),
            full: operation == Operation::Create,
            ..Payload::default()
        },
    };
    let (id, kind) = (&account.id, &surface.record_type);
    let mut event = ChangeEvent {
        event_id: derived_id("outbox", &[id.as_str(), &row.seq.to_string()]),
        ordering_key: format!("{id}:{kind}:{record_id}"),
        account_id: id.clone(),
        record_type: kind.clone(),
        record_id,
        source: Source::Suitex,
        operation,
        timestamp: row.at,
        revision: Some(row.revision),
        base_version: None,
        payload,
        external_id: row.sync_id.clone(),
        full_snapshot_ref: None,
        auth_context: Map::from_iter([("actor".to_string(), Json::String(row.actor.clone()))]),
        metadata: Map::new(),
        unknown: Map::new(),
    };
    match offload.take(&mut event) {
        Some((_, body)) if body.len() > BODY_MAX_BYTES => Relay::Unreadable(format!(
            "its values are {} bytes, and at most {BODY_MAX_BYTES} can be stored",
            body.len()
        )),
        body => Relay::Event(Box::new(event), body),
    }
}

/// Most bytes of an attribute's value that Pub/Sub takes.
const ATTRIBUTE_MAX_BYTES: usize = 1_024;

/// The row as it is, for the error queue; one that is too large to travel as a reference to what is to be stored,
/// and one that is too large for that without its values: SuiteX still has them.
pub(crate) fn unreadable(
    account: &Account,
    row: &OutboxRow,
    reason: &str,
    offload: &Offload,
) -> (Message, Option<(BlobRef, Bytes)>) {
    let surface = account.types.values().find(|surface| surface.suitex == row.table);
    let kind = surface.map_or(row.table.as_str(), |surface| surface.record_type.as_str());
    let reason = &reason[..reason.floor_char_boundary(ATTRIBUTE_MAX_BYTES)];
    let attributes =
        [("account", account.id.as_str()), ("type", kind), ("source", "suitex"), ("reason", reason)];
    // A row of JSON values always serialises.
    let whole: Bytes = serde_json::to_vec(row).unwrap_or_default().into();
    let size = whole.len();
    let stored = (size > offload.over_bytes && size <= BODY_MAX_BYTES)
        .then(|| (BlobRef::of(&offload.bucket, &account.id, Keep::Pinned, &whole), whole.clone()));
    let OutboxRow { seq, table, id, .. } = row;
    let data: Bytes = match &stored {
        Some((at, _)) => {
            json!({ "seq": seq, "table": table, "id": id, "rowRef": at.to_string() }).to_string().into()
        }
        None if size <= offload.over_bytes => whole,
        None => {
            // A synced table has a few hundred columns at most.
            let columns: Vec<&String> = row.changes.keys().collect();
            json!({
                "seq": seq, "table": table, "id": id, "operation": row.operation, "revision": row.revision,
                "at": row.at, "actor": row.actor, "columns": columns, "bytes": size,
            })
            .to_string()
            .into()
        }
    };
    let message = Message {
        data,
        attributes: attributes.map(|(k, v)| (k.to_string(), v.to_string())).into(),
        ordering_key: format!("{}:{}:{}", account.id, row.table, row.seq),
    };
    (message, stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::id::{AccountId, Revision, Timestamp};
    use shared::domain::surface::SyncConfig;

    fn acme() -> Account {
        let config = SyncConfig::parse(include_str!("../../../config/sync.toml")).unwrap();
        config.accounts[&AccountId::parse("acme").unwrap()].clone()
    }

    fn row(operation: &str) -> OutboxRow {
        let json = json!({
            "seq": 7, "table": "customers", "id": "12", "sync_id": "900", "operation": operation, "revision": 3,
            "changes": {"email": "new"}, "previous": {"email": "old"}, "at": "2026-01-01T00:00:00Z", "actor": "ann"
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_relayed_is_what_merge_reads() {
        for operation in ["create", "update", "delete"] {
            let Relay::Event(event, None) = relay(&acme(), &row(operation), &offload()) else {
                panic!("{operation}")
            };
            assert_eq!(ChangeEvent::from_slice(&event.to_bytes()).as_ref(), Ok(&*event), "{operation}");
            assert_eq!((event.record_type.as_str(), event.record_id.as_str()), ("customer", "12"));
            assert_eq!((event.revision, event.timestamp), (Some(Revision(3)), Timestamp(1_767_225_600_000)));
            assert_eq!((event.external_id.as_deref(), event.actor()), (Some("900"), Some("ann")));
            assert_eq!(event.payload.full, operation == "create");
            assert_eq!(event.payload.changes.is_empty(), operation == "delete");
        }
    }

    #[test]
    fn a_row_has_one_id_for_ever_and_each_row_its_own() {
        let id =
            |account: &Account, seq| match relay(account, &OutboxRow { seq, ..row("update") }, &offload()) {
                Relay::Event(event, _) => event.event_id,
                other => panic!("{other:?}"),
            };
        let globex = Account { id: AccountId::parse("globex").unwrap(), ..acme() };
        assert_eq!(id(&acme(), 7), id(&acme(), 7));
        assert_ne!(id(&acme(), 7), id(&acme(), 8));
        assert_ne!(id(&acme(), 7), id(&globex, 7));
    }

    #[test]
    fn what_tells_nothing_is_nothing() {
        for row in [
            OutboxRow { table: "sessions".into(), ..row("update") },
            OutboxRow { changes: Map::new(), ..row("update") },
        ] {
            assert_eq!(relay(&acme(), &row, &offload()), Relay::Nothing);
        }
    }

    #[test]
    fn what_can_never_be_an_event_says_why() {
        for (row, word) in
            [(row("upsert"), "upsert"), (OutboxRow { id: "a:b".into(), ..row("update") }, "a:b")]
        {
            let Relay::Unreadable(reason) = relay(&acme(), &row, &offload()) else { panic!("{row:?}") };
            assert!(reason.contains(word), "{reason}");
            let (message, stored) = unreadable(&acme(), &row, &reason, &offload());
            assert_eq!(serde_json::from_slice::<OutboxRow>(&message.data).unwrap(), row);
            assert_eq!(stored, None);
        }
    }

    #[test]
    fn what_is_too_large_to_travel_is_stored_whole() {
        let changes = Map::from_iter([("email".to_string(), Json::from("x".repeat(2_000)))]);
        let row = OutboxRow { changes, ..row("upsert") };
        let (message, stored) = unreadable(&acme(), &row, &"ü".repeat(2_000), &offload());
        let (at, body) = stored.expect("the row");
        assert_eq!(serde_json::from_slice::<OutboxRow>(&body).unwrap(), row);
        let told: Json = serde_json::from_slice(&message.data).unwrap();
        assert_eq!(told, json!({"seq": 7, "table": "customers", "id": "12", "rowRef": at.to_string()}));
        assert_eq!(message.attributes["reason"], "ü".repeat(512));
    }

    fn offload() -> Offload {
        Offload { bucket: "bodies".into(), over_bytes: 1_000 }
    }
}
