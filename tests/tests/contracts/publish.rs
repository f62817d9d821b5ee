//! Publishing, seen from the subscriptions.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use shared::pubsub::envelope::Envelope;
use shared::pubsub::{Message, Publish, Topic};

use crate::rows;

/// A bus, seen from both ends.
pub(crate) struct Observed {
    pub(crate) publish: Arc<dyn Publish>,
    /// Takes the next message that a subscription pushes, with the subscription's name, and acks it; `None`
    /// once nothing comes any more.
    pub(crate) next: Next,
}

/// A subscription's name and what it pushes.
pub(crate) type Next = Box<dyn Fn() -> BoxFuture<'static, Option<(String, Envelope)>>>;

fn each(check: impl AsyncFn(&Observed)) {
    for row in rows::buses() {
        row.check(&check);
    }
}

fn message(key: &str, n: u32, attributes: &[(&str, &str)]) -> Message {
    let always = [("account", "acme"), ("type", "customer")];
    let attributes = always.iter().chain(attributes).map(|(k, v)| (k.to_string(), v.to_string()));
    Message { data: format!("{key} {n}").into(), attributes: attributes.collect(), ordering_key: key.into() }
}

async fn received(bus: &Observed) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while let Some((subscription, envelope)) = (bus.next)().await {
        all.push((subscription, String::from_utf8(envelope.data.to_vec()).expect("the text that was sent")));
    }
    all
}

#[test]
fn a_message_arrives_as_it_was_sent() {
    each(async |bus| {
        let sent = Message {
            data: vec![0xff, 0x00, b'{'].into(),
            ..message("acme:customer:5", 1, &[("source", "suitex")])
        };
        bus.publish.publish(Topic::Raw, vec![sent.clone()]).await.unwrap();
        let (subscription, got) = (bus.next)().await.expect("a message");
        assert_eq!(subscription, "events.raw-sub");
        assert_eq!((got.data, got.attributes), (sent.data, sent.attributes));
        assert!(!got.message_id.is_empty());
        assert!((bus.next)().await.is_none());
    });
}

#[test]
fn messages_of_one_key_arrive_in_the_order_in_which_they_were_published() {
    each(async |bus| {
        for batch in 0..4 {
            let keys = ["acme:customer:5", "acme:customer:6", "acme:item:5"];
            let of = |n: u32| message(keys[n as usize % keys.len()], batch * 10 + n, &[]);
            bus.publish.publish(Topic::Raw, (0..9).map(of).collect()).await.unwrap();
        }
        let mut by_key: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (_, text) in received(bus).await {
            let (key, n) = text.split_once(' ').expect("key and number");
            by_key.entry(key.into()).or_default().push(n.parse().expect("a number"));
        }
        assert_eq!(by_key.values().map(Vec::len).sum::<usize>(), 36);
        for (key, order) in by_key {
            assert!(order.is_sorted(), "{key}: {order:?}");
        }
    });
}

#[test]
fn a_subscription_gets_what_its_filter_takes() {
    each(async |bus| {
        for target in ["netsuite", "suitex"] {
            bus.publish
                .publish(Topic::Merged, vec![message(target, 0, &[("target", target)])])
                .await
                .unwrap();
        }
        let mut got = received(bus).await;
        got.sort();
        let expected = [("events.merged-ns-sub", "netsuite 0"), ("events.merged-sx-sub", "suitex 0")];
        assert_eq!(got, expected.map(|(s, t)| (s.to_string(), t.to_string())));
    });
}

#[test]
fn every_topic_takes_messages_and_has_a_subscription() {
    each(async |bus| {
        for topic in Topic::ALL {
            bus.publish.publish(topic, vec![message("k", 0, &[("target", "suitex")])]).await.unwrap();
            assert_eq!(received(bus).await.len(), 1, "{}", topic.as_str());
        }
        bus.publish.publish(Topic::Raw, Vec::new()).await.unwrap();
        assert!(received(bus).await.is_empty());
    });
}
