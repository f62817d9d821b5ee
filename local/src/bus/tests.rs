use serde_json::{Value as Json, json};

use super::*;

const START: Timestamp = Timestamp(1_790_000_000_000);

fn plain(name: &str, topic: &str) -> Subscription {
    Subscription {
        name: name.into(),
        topic: topic.into(),
        filter: None,
        ordered: false,
        dead_letter: None,
        min_backoff_ms: 10_000,
        max_backoff_ms: 60_000,
    }
}

fn ordered(name: &str, topic: &str) -> Subscription {
    Subscription { ordered: true, ..plain(name, topic) }
}

fn with_dead_letter(subscription: Subscription) -> Subscription {
    Subscription { dead_letter: Some(DeadLetter::to("dlq")), ..subscription }
}

fn bus(subscriptions: impl IntoIterator<Item = Subscription>) -> Bus {
    let mut bus = Bus::new(7);
    for subscription in subscriptions {
        bus.subscribe(subscription);
    }
    bus
}

fn message(account: &str, key: &str, data: &str) -> Message {
    Message {
        data: data.to_string().into(),
        attributes: [("account".to_string(), account.to_string())].into(),
        ordering_key: key.to_string(),
    }
}

fn publish(bus: &mut Bus, key: &str, data: &str) -> String {
    bus.publish("t", message("acme", key, data), START).unwrap()
}

fn data(delivery: &Delivery) -> String {
    use base64::Engine;
    let body: Json = serde_json::from_slice(&delivery.body).unwrap();
    let data = base64::prelude::BASE64_STANDARD.decode(body["message"]["data"].as_str().unwrap()).unwrap();
    String::from_utf8(data).unwrap()
}

fn texts(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(data).collect()
}

/// Delivers until nothing waits, letting time pass, with `acks` as the subscriber.
fn drain(
    bus: &mut Bus,
    account: Option<&str>,
    mut acks: impl FnMut(&Delivery) -> bool,
) -> Vec<(Timestamp, String)> {
    let (mut now, mut seen) = (START, Vec::new());
    while let Some(at) = bus.next_at(account) {
        now = now.max(at);
        for delivery in bus.deliveries(now, account, 3) {
            seen.push((now, data(&delivery)));
            let acked = acks(&delivery);
            bus.settle(delivery.id, acked, now);
        }
        assert!(seen.len() < 100_000, "the bus never comes to rest");
    }
    seen
}

#[test]
fn a_push_body_is_what_production_sends() {
    let mut bus = bus([with_dead_letter(ordered("s", "t"))]);
    let id = publish(&mut bus, "acme:item:1", "hello");
    let [delivery] = &bus.deliveries(START, None, 10)[..] else { panic!("one delivery") };
    assert_eq!((&*delivery.subscription, &*delivery.account, delivery.attempt), ("s", "acme", 1));
    let body: Json = serde_json::from_slice(&delivery.body).unwrap();
    let expected = json!({
        "message": {
            "data": "aGVsbG8=",
            "attributes": {"account": "acme"},
            "messageId": id, "message_id": id,
            "publishTime": START.to_string(), "publish_time": START.to_string(),
            "orderingKey": "acme:item:1",
        },
        "subscription": "projects/local/subscriptions/s",
        "deliveryAttempt": 1,
    });
    assert_eq!(body, expected);
}

#[test]
fn the_attempt_and_the_key_are_absent_where_there_are_none() {
    let mut bus = bus([plain("s", "t")]);
    publish(&mut bus, "", "hello");
    let body: Json = serde_json::from_slice(&bus.deliveries(START, None, 1)[0].body).unwrap();
    assert!(body.get("deliveryAttempt").is_none());
    assert!(body["message"].get("orderingKey").is_none());
}

#[test]
fn a_topic_must_exist_and_forgets_what_nobody_listens_to() {
    let mut bus = Bus::new(1);
    assert_eq!(bus.publish("t", Message::default(), START), Err(UnknownTopic("t".into())));
    bus.topic("t");
    assert_eq!(bus.publish("t", Message::default(), START).unwrap(), ":1");
    bus.subscribe(plain("late", "t"));
    assert!(bus.is_idle());
    bus.publish("t", Message::default(), START).unwrap();
    assert_eq!(bus.backlog("late"), 1);
}

#[test]
fn a_filter_lets_only_its_own_through() {
    let filter = |value: &str| Some(("target".to_string(), value.to_string()));
    let mut bus = bus([
        Subscription { filter: filter("netsuite"), ..plain("ns", "t") },
        Subscription { filter: filter("suitex"), ..plain("sx", "t") },
        plain("all", "t"),
    ]);
    let mut wanted = message("acme", "", "x");
    wanted.attributes.insert("target".into(), "suitex".into());
    bus.publish("t", wanted, START).unwrap();
    publish(&mut bus, "", "no target");
    assert_eq!((bus.backlog("ns"), bus.backlog("sx"), bus.backlog("all")), (0, 1, 2));
}

#[test]
fn a_key_has_one_message_outstanding_and_the_others_flow() {
    let mut bus = bus([ordered("s", "t")]);
    for (key, text) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("", "free1"), ("", "free2")] {
        publish(&mut bus, key, text);
    }
    let first = bus.deliveries(START, None, 10);
    assert_eq!(texts(&first), ["a1", "b1", "free1", "free2"]);
    assert_eq!((bus.outstanding(Some("acme")), bus.next_at(None)), (4, None));
    bus.settle(first[0].id, true, START);
    assert_eq!(texts(&bus.deliveries(START, None, 10)), ["a2"]);
    assert!(!bus.is_idle());
}

#[test]
fn a_nacked_message_holds_back_its_key_alone_and_backs_off_doubling() {
    let mut bus = bus([ordered("s", "t")]);
    for (key, text) in [("a", "bad"), ("a", "a2"), ("b", "b1"), ("b", "b2")] {
        publish(&mut bus, key, text);
    }
    let mut failures = 0;
    let seen = drain(&mut bus, None, |d| {
        failures += usize::from(data(d) == "bad");
        data(d) != "bad" || failures > 4
    });
    let at = |ms, text: &str| (START.plus(ms), text.to_string());
    assert_eq!(
        seen,
        [
            at(0, "bad"),
            at(0, "b1"),
            at(0, "b2"),
            at(10_000, "bad"),
            at(30_000, "bad"),
            at(70_000, "bad"),
            at(130_000, "bad"),
            at(130_000, "a2"),
        ]
    );
    assert!(bus.is_idle());
}

#[test]
fn an_abandoned_delivery_comes_again_and_a_late_answer_counts_for_nothing() {
    let mut bus = bus([plain("s", "t")]);
    publish(&mut bus, "", "x");
    let first = bus.deliveries(START, None, 1).remove(0);
    bus.abandon(first.id, START);
    bus.settle(first.id, true, START);
    assert!(bus.deliveries(START.plus(9_999), None, 1).is_empty());
    assert_eq!(bus.deliveries(START.plus(10_000), None, 1)[0].attempt, 2);
}

#[test]
fn the_fifth_failure_is_the_last_and_the_key_goes_on() {
    let mut bus = bus([with_dead_letter(ordered("s", "t")), plain("dead", "dlq")]);
    let id = publish(&mut bus, "a", "poison");
    publish(&mut bus, "a", "good");
    let (mut attempts, mut dead) = (Vec::new(), Vec::new());
    let seen = drain(&mut bus, None, |d| {
        if &*d.subscription == "dead" {
            dead.push(serde_json::from_slice::<Json>(&d.body).unwrap());
            return true;
        }
        attempts.extend((data(d) == "poison").then_some(d.attempt));
        data(d) != "poison"
    });
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
    assert_eq!(seen.iter().filter(|(_, text)| text == "good").count(), 1);
    let [dead] = &dead[..] else { panic!("one dead letter, not {}", dead.len()) };
    assert_eq!(
        dead["message"]["attributes"],
        json!({
            "account": "acme",
            "CloudPubSubDeadLetterSourceDeliveryCount": "5",
            "CloudPubSubDeadLetterSourceSubscription": "s",
            "CloudPubSubDeadLetterSourceSubscriptionProject": "local",
            "CloudPubSubDeadLetterSourceTopicPublishTime": START.to_string(),
        })
    );
    assert_eq!(dead["message"]["orderingKey"], "a");
    assert_ne!(dead["message"]["messageId"], id.as_str());
    assert_eq!(bus.counts()["dead_lettered"], 1);
}

#[test]
fn a_duplicate_comes_once_more_and_never_again() {
    let mut bus = bus([plain("s", "t"), ordered("o", "t")]);
    bus.set_faults(None, BusFaults { duplicate: 1.0, ..Default::default() });
    publish(&mut bus, "a", "1");
    publish(&mut bus, "a", "2");
    let mut in_order = Vec::new();
    let seen = drain(&mut bus, None, |d| {
        in_order.extend((&*d.subscription == "o").then(|| data(d)));
        true
    });
    assert_eq!(seen.len(), 8);
    assert_eq!(in_order, ["1", "1", "2", "2"]);
    assert_eq!(bus.counts()["duplicate"], 4);
    assert!(bus.is_idle());
}

#[test]
fn a_lost_ack_brings_the_message_again_after_the_deadline_and_holds_its_key() {
    let mut bus = bus([ordered("s", "t")]);
    bus.set_faults(Some("acme"), BusFaults { ack_lost: 1.0, ..Default::default() });
    publish(&mut bus, "a", "1");
    publish(&mut bus, "a", "2");
    let seen = drain(&mut bus, None, |_| true);
    let at = |ms, text: &str| (START.plus(ms), text.to_string());
    assert_eq!(seen, [at(0, "1"), at(10_000, "1"), at(10_000, "2"), at(20_000, "2")]);
    assert_eq!(bus.counts()["acked_but_redelivered"], 2);
}

#[test]
fn a_redelivery_repeats_a_suffix_of_its_key_in_order() {
    let mut bus = bus([ordered("s", "t")]);
    bus.set_faults(None, BusFaults { redeliver_suffix: 0.3, ..Default::default() });
    for n in 0..200 {
        publish(&mut bus, if n < 100 { "a" } else { "b" }, &n.to_string());
    }
    let seen: Vec<usize> =
        drain(&mut bus, None, |_| true).iter().map(|(_, text)| text.parse().unwrap()).collect();
    assert!(bus.counts()["redelivered_suffix"] > 5);
    assert!(bus.is_idle());
    for key in [0..100, 100..200] {
        let of_key: Vec<usize> = seen.iter().copied().filter(|n| key.contains(n)).collect();
        // Every step goes to the next message, or back to one that was acked before.
        let mut newest = 0;
        for step in of_key.windows(2) {
            newest = newest.max(step[0]);
            assert!(step[1] == step[0] + 1 || step[1] < newest, "{step:?} after {newest}");
        }
        for n in key {
            let times = of_key.iter().filter(|&&m| m == n).count();
            assert!((1..=2).contains(&times), "{n} came {times} times");
        }
    }
}

#[test]
fn reordering_happens_across_keys_and_never_within_one() {
    let mut bus = bus([ordered("s", "t")]);
    bus.set_faults(None, BusFaults { reorder: 0.5, ..Default::default() });
    for n in 0..100 {
        publish(&mut bus, &format!("k{}", n % 4), &format!("{} {n:03}", n % 4));
    }
    let seen: Vec<_> = drain(&mut bus, None, |_| true).into_iter().map(|(_, text)| text).collect();
    assert_eq!(seen.len(), 100);
    for key in ["0", "1", "2", "3"] {
        let of_key: Vec<_> = seen.iter().filter(|text| text.starts_with(key)).collect();
        assert!(of_key.is_sorted(), "{of_key:?}");
    }
    let overall: Vec<_> = seen.iter().map(|text| &text[2..]).collect();
    assert!(!overall.is_sorted());
    assert!(bus.counts()["reordered"] > 20);
}

/// A busy run of `accounts`, some messages failing once, pushed for `account`: what acme saw and when.
fn acme_story(seed: u64, accounts: &[&str], account: Option<&str>) -> Vec<(Timestamp, String)> {
    let mut bus = Bus::new(seed);
    bus.subscribe(with_dead_letter(ordered("s", "t")));
    bus.subscribe(plain("dead", "dlq"));
    let faults = BusFaults { duplicate: 0.1, redeliver_suffix: 0.1, reorder: 0.2, ack_lost: 0.1 };
    bus.set_faults(None, faults);
    for n in 0..100 {
        for account in accounts {
            bus.publish("t", message(account, &format!("k{}", n % 7), &format!("{account} {n}")), START)
                .unwrap();
        }
    }
    let seen = drain(&mut bus, account, |d| d.attempt > 1 || !data(d).ends_with('3'));
    seen.into_iter().filter(|(_, text)| text.starts_with("acme")).collect()
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_seed_another() {
    let story = acme_story(1, &["acme", "globex"], None);
    assert_eq!(story, acme_story(1, &["acme", "globex"], None));
    assert_ne!(story, acme_story(2, &["acme", "globex"], None));
}

#[test]
fn an_account_does_not_notice_another() {
    let alone = acme_story(1, &["acme"], Some("acme"));
    assert_eq!(alone, acme_story(1, &["globex", "acme", "initech"], Some("acme")));
    assert!(alone.len() > 100, "faults add deliveries");
}

#[test]
fn accounts_take_turns_at_a_shared_limit() {
    let mut bus = bus([plain("s", "t")]);
    for n in 0..5 {
        bus.publish("t", message("acme", "", &format!("a{n}")), START).unwrap();
    }
    bus.publish("t", message("globex", "", "g"), START).unwrap();
    assert_eq!(texts(&bus.deliveries(START, None, 2)), ["a0", "g"]);
    assert_eq!(texts(&bus.deliveries(START, None, 2)), ["a1", "a2"]);
    assert_eq!(texts(&bus.deliveries(START, Some("globex"), 2)), [""; 0]);
    assert_eq!(
        (bus.outstanding(None), bus.outstanding(Some("globex")), bus.outstanding(Some("nobody"))),
        (4, 1, 0)
    );
}
