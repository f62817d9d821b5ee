//! Payloads that are too large to travel: they go to the bucket, and the event refers to them.

use std::sync::Arc;

use bytes::Bytes;

use super::{BlobRef, Keep};
use crate::domain::event::{ChangeEvent, PAYLOAD_REF, Payload};
use crate::runtime::env::EnvReader;

/// Where large payloads go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offload {
    /// The bucket, the only place to which an event's reference may point.
    pub bucket: Arc<str>,
    /// A payload over this size, in bytes, is stored there and travels by reference.
    pub over_bytes: usize,
}

impl Offload {
    /// The size in bytes over which payloads travel by reference, unless configured otherwise: 256 KiB.
    pub const OVER_BYTES: usize = 256 * 1024;

    /// Reads `BLOB_BUCKET` and `OFFLOAD_OVER_BYTES`; what is missing or wrong is noted in `reader`.
    pub fn read(reader: &mut EnvReader<'_>) -> Self {
        let bucket = reader.required("BLOB_BUCKET", "the bucket for large bodies");
        let purpose = "the size in bytes over which payloads travel by reference";
        let over_bytes = reader.parsed_or("OFFLOAD_OVER_BYTES", Self::OVER_BYTES, purpose);
        if !(1_024..=1_048_576).contains(&over_bytes) {
            reader.refuse("OFFLOAD_OVER_BYTES", "it must lie between 1024 and 1048576");
        }
        Self { bucket: bucket.into(), over_bytes }
    }

    /// Takes a payload that is too large out of the event; answers what is to be stored, and where.
    ///
    /// A full read leaves its values (field → value) under `fullSnapshotRef`, as a producer's own snapshot would
    /// be; anything else leaves its whole payload under `metadata.payloadRef`. The ledger refers to both, so they
    /// are pinned.
    pub fn take(&self, event: &mut ChangeEvent) -> Option<(BlobRef, Bytes)> {
        let changes = bytes_of(&event.payload.changes);
        let previous = bytes_of(&event.payload.previous);
        if changes.len() + previous.len() <= self.over_bytes {
            return None;
        }
        let is_plain_full =
            event.payload.full && event.full_snapshot_ref.is_none() && previous.len() <= self.over_bytes;
        let body = if is_plain_full { changes } else { bytes_of(&event.payload) };
        let at = BlobRef::of(&self.bucket, &event.account_id, Keep::Pinned, &body);
        event.payload.changes.clear();
        if is_plain_full {
            event.full_snapshot_ref = Some(at.to_string());
        } else {
            let Payload { full, flush, .. } = event.payload;
            event.payload = Payload { full, flush, ..Payload::default() };
            event.metadata.insert(PAYLOAD_REF.to_string(), at.to_string().into());
        }
        Some((at, body))
    }
}

fn bytes_of(value: &impl serde::Serialize) -> Bytes {
    // Maps of JSON values always serialise.
    serde_json::to_vec(value).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn small() -> Offload {
        Offload { bucket: "b".into(), over_bytes: 100 }
    }

    fn event(payload: Json) -> ChangeEvent {
        let json = json!({
            "accountId": "acme", "recordType": "customer", "recordId": "5", "source": "suitex",
            "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "revision": 7, "payload": payload
        });
        ChangeEvent::from_slice(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_small_payload_stays() {
        let mut e = event(json!({"changes": {"email": "a@b.c"}}));
        let before = e.clone();
        assert_eq!(small().take(&mut e), None);
        assert_eq!(e, before);
    }

    #[test]
    fn a_large_delta_leaves_its_whole_payload_behind() {
        let mut e =
            event(json!({"changes": {"email": "x".repeat(200)}, "previous": {"email": "y"}, "flush": true}));
        let (at, body) = small().take(&mut e).unwrap();
        let stored: Json = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            stored,
            json!({"changes": {"email": "x".repeat(200)}, "previous": {"email": "y"}, "flush": true})
        );
        assert_eq!(e.metadata[PAYLOAD_REF], at.to_string());
        assert_eq!(e.full_snapshot_ref, None);
        assert_eq!(serde_json::to_value(&e.payload).unwrap(), json!({"changes": {}, "flush": true}));
    }

    #[test]
    fn a_large_full_read_leaves_its_values_behind() {
        let mut e =
            event(json!({"changes": {"email": "x".repeat(200)}, "full": true, "previous": {"email": "y"}}));
        let (at, body) = small().take(&mut e).unwrap();
        assert_eq!(serde_json::from_slice::<Json>(&body).unwrap(), json!({"email": "x".repeat(200)}));
        assert_eq!(e.full_snapshot_ref, Some(at.to_string()));
        let left = serde_json::to_value(&e.payload).unwrap();
        assert_eq!(left, json!({"changes": {}, "full": true, "previous": {"email": "y"}}));
    }

    #[test]
    fn a_full_read_with_large_old_values_loses_none_of_them() {
        let mut e =
            event(json!({"changes": {"email": "x"}, "full": true, "previous": {"email": "y".repeat(200)}}));
        let (_, body) = small().take(&mut e).unwrap();
        let stored: Json = serde_json::from_slice(&body).unwrap();
        assert_eq!(stored["previous"]["email"], "y".repeat(200));
        assert!(e.payload.full && e.payload.previous.is_empty() && e.full_snapshot_ref.is_none());
    }
}
