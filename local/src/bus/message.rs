//! Messages, as published and as kept.

use std::collections::BTreeMap;

use bytes::Bytes;
use shared::domain::id::Timestamp;

/// What is published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Content.
    pub data: Bytes,
    /// Attributes; filters look at them, and `account` says whose message it is.
    pub attributes: BTreeMap<String, String>,
    /// Ordering key; empty: no order.
    pub ordering_key: String,
}

impl Message {
    /// The tenant that the message belongs to; empty when it says none.
    pub fn account(&self) -> &str {
        self.attributes.get("account").map_or("", String::as_str)
    }
}

/// A published message. All subscriptions and repeats share one.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) message: Message,
}

impl Published {
    pub(super) fn key(&self) -> &str {
        &self.message.ordering_key
    }
}
