//! Publishing, seen from the subscriptions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use local::bus::Bus;
use local::functions;
use local::publish::BusPublish;
use shared::pubsub::envelope::Envelope;
use shared::pubsub::{Message, Publish, Topic};
use simulation::executor::Executor;

use crate::{at, wait};

struct Row {
    name: &'static str,
    publish: Arc<dyn Publish>,
    /// Takes the next message that a subscription pushes, and acks it.
    next: Box<dyn Fn() -> Option<(String, Envelope)>>,
}

fn buses() -> Vec<Row> {
    let executor = Executor::new(1, at(1_000_000));
    let mut bus = Bus::new(7);
    functions::subscribe(&mut bus);
    let bus = Arc::new(Mutex::new(bus));
    let publish = Arc::new(BusPublish { bus: Arc::clone(&bus), clock: Arc::new(executor.clock(0)) });
    let next = move || {
        let mut bus = bus.lock().expect("a healthy bus");
        let delivery = bus.deliveries(executor.now(), None, 1).pop()?;
        bus.settle(delivery.id, true, executor.now());
        let envelope = Envelope::from_slice(&delivery.body).expect("a push body");
        Some((delivery.subscription.to_string(), envelope))
    };
    vec![Row { name: "local bus", publish, next: Box::new(next) }]
}

fn each(check: impl AsyncFn(&Row)) {
    for row in buses() {
        println!("{}", row.name);
        wait(check(&row));
    }
}

fn message(key: &str, n: u32, attributes: &[(&str, &str)]) -> Message {
    let always = [("account", "acme"), ("type", "customer")];
    let attributes = always.iter().chain(attributes).map(|(k, v)| (k.to_string(), v.to_string()));
    Message { data: format!("{key} {n}").into(), attributes: attributes.collect(), ordering_key: key.into() }
}

fn received(row: &Row) -> Vec<(String, String)> {
    let text = |e: &Envelope| String::from_utf8(e.data.to_vec()).expect("the text that was sent");
    std::iter::from_fn(|| (row.next)()).map(|(subscription, e)| (subscription, text(&e))).collect()
}

#[test]
fn a_message_arrives_as_it_was_sent() {
    each(async |row| {
        let sent = Message {
            data: vec![0xff, 0x00, b'{'].into(),
            ..message("acme:customer:5", 1, &[("source", "suitex")])
        };
        row.publish.publish(Topic::Raw, vec![sent.clone()]).await.unwrap();
        let (subscription, got) = (row.next)().expect("a message");
        assert_eq!(subscription, "events.raw-sub");
        assert_eq!((got.data, got.attributes), (sent.data, sent.attributes));
        assert!(!got.message_id.is_empty());
        assert!((row.next)().is_none());
    });
}

#[test]
fn messages_of_one_key_arrive_in_the_order_in_which_they_were_published() {
    each(async |row| {
        for batch in 0..4 {
            let keys = ["acme:customer:5", "acme:customer:6", "acme:item:5"];
            let of = |n: u32| message(keys[n as usize % keys.len()], batch * 10 + n, &[]);
            row.publish.publish(Topic::Raw, (0..9).map(of).collect()).await.unwrap();
        }
        let mut by_key: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (_, text) in received(row) {
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
    each(async |row| {
        for target in ["netsuite", "suitex"] {
            row.publish
                .publish(Topic::Merged, vec![message(target, 0, &[("target", target)])])
                .await
                .unwrap();
        }
        let mut got = received(row);
        got.sort();
        let expected = [("events.merged-ns-sub", "netsuite 0"), ("events.merged-sx-sub", "suitex 0")];
        assert_eq!(got, expected.map(|(s, t)| (s.to_string(), t.to_string())));
    });
}

#[test]
fn every_topic_takes_messages_and_has_a_subscription() {
    each(async |row| {
        for topic in Topic::ALL {
            row.publish.publish(topic, vec![message("k", 0, &[("target", "suitex")])]).await.unwrap();
            assert_eq!(received(row).len(), 1, "{}", topic.as_str());
        }
        row.publish.publish(Topic::Raw, Vec::new()).await.unwrap();
        assert!(received(row).is_empty());
    });
}
