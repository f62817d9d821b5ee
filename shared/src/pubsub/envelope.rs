//! The wrapped form in which Pub/Sub pushes a message. Handlers must not depend on the ordering key or the
//! delivery attempt: the emulator sends neither.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use crate::domain::event::FieldError;

/// A pushed message.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Body.
    pub data: Bytes,
    /// Attributes.
    pub attributes: BTreeMap<String, String>,
    /// Pub/Sub's id of the message.
    pub message_id: String,
}

#[derive(Deserialize)]
struct Wire {
    message: WireMessage,
}

#[derive(Deserialize)]
struct WireMessage {
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, rename = "messageId")]
    message_id: String,
}

impl Envelope {
    /// Reads a push body.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, FieldError> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|e| FieldError {
            field: "$".into(),
            reason: format!("is not a Pub/Sub push body: {e}"),
        })?;
        let data = STANDARD.decode(&wire.message.data).map_err(|e| FieldError {
            field: "message.data".into(),
            reason: format!("is not base64: {e}"),
        })?;
        Ok(Self {
            data: data.into(),
            attributes: wire.message.attributes,
            message_id: wire.message.message_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_push_without_ordering_key_and_attempt() {
        let body = br#"{"subscription":"s","message":{"data":"eyJhIjoxfQ==","messageId":"1","attributes":{"x":"1"}}}"#;
        let envelope = Envelope::from_slice(body).unwrap();
        assert_eq!((&*envelope.data, &*envelope.message_id), (&b"{\"a\":1}"[..], "1"));
        assert_eq!(envelope.attributes["x"], "1");
    }

    #[test]
    fn says_what_is_no_push() {
        for (body, field) in
            [(&b"{}"[..], "$"), (b"x", "$"), (br#"{"message":{"data":"%"}}"#, "message.data")]
        {
            assert_eq!(Envelope::from_slice(body).unwrap_err().field, field);
        }
    }
}
