//! Our message as Pub/Sub's, and what Pub/Sub will not take. Pure.

use google_cloud_pubsub::model;
use shared::pubsub::Message;

/// Pub/Sub takes requests of 10 MB; so much of that is left for the envelope around one message.
const SIZE_MAX: usize = 10_000_000 - 64 * 1_024;

/// Pub/Sub's limit of an ordering key, in bytes.
const KEY_MAX: usize = 1_024;

/// Pub/Sub's limit of attributes to a message.
const ATTRIBUTES_MAX: usize = 100;

/// Pub/Sub's limit of an attribute's name, in bytes.
const NAME_MAX: usize = 256;

/// Pub/Sub's limit of an attribute's value, in bytes.
const VALUE_MAX: usize = 1_024;

/// Why Pub/Sub will never take a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("a message of {0} bytes is over Pub/Sub's limit of 10 MB; its payload must travel by reference")]
    TooLarge(usize),
    #[error("an ordering key of {0} bytes is over Pub/Sub's limit of {KEY_MAX}")]
    KeyTooLong(usize),
    #[error("{0} attributes are over Pub/Sub's limit of {ATTRIBUTES_MAX}")]
    TooManyAttributes(usize),
    #[error(
        "attribute {0:?} is empty or over Pub/Sub's limits ({NAME_MAX} bytes of name, {VALUE_MAX} of value)"
    )]
    Attribute(String),
}

/// Whether Pub/Sub can take `message`.
pub(super) fn check(message: &Message) -> Result<(), Refused> {
    if message.ordering_key.len() > KEY_MAX {
        return Err(Refused::KeyTooLong(message.ordering_key.len()));
    }
    if message.attributes.len() > ATTRIBUTES_MAX {
        return Err(Refused::TooManyAttributes(message.attributes.len()));
    }
    let is_bad = |(name, value): &(&String, &String)| {
        name.is_empty() || name.len() > NAME_MAX || value.len() > VALUE_MAX
    };
    if let Some((name, _)) = message.attributes.iter().find(is_bad) {
        return Err(Refused::Attribute(name.chars().take(NAME_MAX).collect()));
    }
    let attributes: usize = message.attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    let size = message.data.len() + attributes + message.ordering_key.len();
    if size > SIZE_MAX { Err(Refused::TooLarge(size)) } else { Ok(()) }
}

/// The message in the client's form.
pub(super) fn wire(message: Message) -> model::Message {
    model::Message::new()
        .set_data(message.data)
        .set_attributes(message.attributes)
        .set_ordering_key(message.ordering_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Message {
        Message { data: vec![0; bytes].into(), attributes: [].into(), ordering_key: "k".into() }
    }

    #[test]
    fn what_pubsub_would_refuse_is_not_sent() {
        let with = |name: &str, value: &str| Message {
            attributes: [(name.to_string(), value.to_string())].into(),
            ..message(1)
        };
        let many = (0..101).map(|n| (n.to_string(), String::new())).collect();
        for (bad, why) in [
            (message(SIZE_MAX), "limit of 10 MB"),
            (Message { ordering_key: "k".repeat(1_025), ..message(1) }, "ordering key of 1025 bytes"),
            (Message { attributes: many, ..message(1) }, "101 attributes"),
            (with("", "x"), "attribute \"\""),
            (with(&"n".repeat(257), "x"), "attribute"),
            (with("n", &"v".repeat(1_025)), "attribute \"n\""),
        ] {
            let text = check(&bad).unwrap_err().to_string();
            assert!(text.contains(why), "{text}");
        }
        assert_eq!(check(&message(SIZE_MAX - 1)), Ok(()));
        assert_eq!(check(&with(&"n".repeat(256), &"v".repeat(1_024))), Ok(()));
    }
}
