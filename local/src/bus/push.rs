//! The body of a push request, wrapped as in production: both spellings of id and time, the ordering key, and
//! the attempt where there is a dead-letter topic.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Serialize;

use super::message::Published;
use super::subscription::Subscription;

/// The project that all topics and subscriptions are in.
pub(super) const PROJECT: &str = "local";

/// What a body usually needs beside the data, in bytes.
const ROOM_FOR_THE_REST: usize = 768;

#[derive(Serialize)]
struct Push<'a> {
    message: Wrapped<'a>,
    subscription: String,
    #[serde(rename = "deliveryAttempt", skip_serializing_if = "Option::is_none")]
    delivery_attempt: Option<u32>,
}

#[derive(Serialize)]
struct Wrapped<'a> {
    data: String,
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

/// The body of delivery number `attempt` of a message to `subscription`.
pub(super) fn body(published: &Published, subscription: &Subscription, attempt: u32) -> Bytes {
    let publish_time = published.at.to_string();
    let push = Push {
        message: Wrapped {
            data: BASE64_STANDARD.encode(&published.message.data),
            attributes: &published.message.attributes,
            message_id: &published.id,
            message_id_again: &published.id,
            publish_time: &publish_time,
            publish_time_again: &publish_time,
            ordering_key: published.key(),
        },
        subscription: format!("projects/{PROJECT}/subscriptions/{}", subscription.name),
        delivery_attempt: subscription.dead_letter.as_ref().map(|_| attempt),
    };
    let mut body = Vec::with_capacity(push.message.data.len() + ROOM_FOR_THE_REST);
    // Expect safety: strings and numbers under string keys always serialise, and a Vec takes all bytes.
    serde_json::to_writer(&mut body, &push).expect("a push body serialises");
    body.into()
}
