//! The body of a push, wrapped as Pub/Sub wraps it: both spellings of id and time, the ordering key, and the
//! attempt where there is a dead-letter topic. Pure.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Serialize;

/// A message as it was pulled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pulled {
    pub(super) data: Bytes,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) id: String,
    /// RFC 3339.
    pub(super) publish_time: String,
    pub(super) ordering_key: String,
}

#[derive(Serialize)]
struct Push<'a> {
    message: Wrapped<'a>,
    subscription: &'a str,
    #[serde(rename = "deliveryAttempt", skip_serializing_if = "Option::is_none")]
    delivery_attempt: Option<u32>,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: &'a BTreeMap<String, String>,
    #[serde(rename = "messageId")]
    message_id: &'a str,
    #[serde(rename = "message_id")]
    message_id_again: &'a str,
    #[serde(rename = "publishTime")]
    publish_time: &'a str,
    #[serde(rename = "publish_time")]
    publish_time_again: &'a str,
    #[serde(rename = "orderingKey", skip_serializing_if = "str::is_empty")]
    ordering_key: &'a str,
}

impl Pulled {
    /// The body of a push to `subscription` (its full name); `attempt` where there is a dead-letter topic.
    pub(super) fn body(&self, subscription: &str, attempt: Option<u32>) -> Bytes {
        let message = Wrapped {
            data: BASE64_STANDARD.encode(&self.data),
            attributes: &self.attributes,
            message_id: &self.id,
            message_id_again: &self.id,
            publish_time: &self.publish_time,
            publish_time_again: &self.publish_time,
            ordering_key: &self.ordering_key,
        };
        let push = Push { message, subscription, delivery_attempt: attempt };
        // Expect safety: strings and numbers under string keys always serialise.
        serde_json::to_vec(&push).expect("a push body serialises").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    #[test]
    fn a_push_has_productions_form() {
        let pulled = Pulled {
            data: Bytes::from_static(b"{\"a\":1}"),
            attributes: [("x".to_string(), "1".to_string())].into(),
            id: "7".into(),
            publish_time: "2026-01-02T03:04:05.678Z".into(),
            ordering_key: "acme:customer:5".into(),
        };
        let body: Json = serde_json::from_slice(&pulled.body("projects/p/subscriptions/s", Some(2))).unwrap();
        assert_eq!(
            body,
            json!({
                "message": {
                    "data": "eyJhIjoxfQ==", "attributes": {"x": "1"},
                    "messageId": "7", "message_id": "7",
                    "publishTime": "2026-01-02T03:04:05.678Z", "publish_time": "2026-01-02T03:04:05.678Z",
                    "orderingKey": "acme:customer:5",
                },
                "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 2,
            })
        );
        let plain = Pulled { attributes: BTreeMap::new(), ordering_key: String::new(), ..pulled };
        let body: Json = serde_json::from_slice(&plain.body("s", None)).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 2);
        assert_eq!(body["message"].get("orderingKey").or(body["message"].get("attributes")), None);
    }
}
