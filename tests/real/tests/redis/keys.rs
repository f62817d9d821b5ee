//! What is in Redis after use: every key is its account's, and none stays for ever.

use real_tests::RedisDatabase;
use redis_buffer::{BACKLOG_MS, LIFE_MAX_MS, SKEW_MS};
use shared::buffer::Buffer;

use crate::{RULES, account, acme, at, instance};

#[tokio::test]
async fn every_key_begins_with_its_account_and_expires() {
    let database = RedisDatabase::fresh();
    let buffer = instance(&database.address());
    for account in [acme(), account("globex.2_SB1")] {
        for n in 0..20 {
            buffer.note(&account, &format!("s{n}"), at(n), n % 7 == 0, &RULES).await.unwrap();
            buffer.lease(&account, &format!("drain:{n}"), "ann", at(n), at(n + 30_000)).await.unwrap();
            buffer.remember(&account, &format!("webhook:{n}"), at(n), at(n + 300_000)).await.unwrap();
        }
        buffer.take_due(&account, at(50), 5).await.unwrap();
        buffer.lease(&account, "drain:0", "ann", at(0), at(60_000)).await.unwrap();
        buffer.remember(&account, "webhook:0", at(300_001), at(600_000)).await.unwrap();
    }
    let keys = database.keys();
    assert_eq!(keys.len(), 2 * (1 + 1 + 20 + 20), "{keys:?}");
    let longest = BACKLOG_MS.max(300_000 + SKEW_MS) + RULES.max_wait_ms;
    for (key, ttl) in keys {
        assert!(key.starts_with("{acme}:") || key.starts_with("{globex.2_SB1}:"), "{key}");
        assert!((0..=longest).contains(&ttl), "{key} lives {ttl} ms");
    }
}

#[tokio::test]
async fn no_time_that_is_given_makes_a_key_stay_or_a_call_fail() {
    let database = RedisDatabase::fresh();
    let buffer = instance(&database.address());
    let (far, past) = (at(4_000_000_000_000_000), at(-4_000_000_000_000_000));
    assert!(buffer.lease(&acme(), "far", "ann", at(0), far).await.unwrap());
    assert!(buffer.lease(&acme(), "past", "ann", at(0), past).await.unwrap());
    assert!(buffer.remember(&acme(), "far", at(0), far).await.unwrap());
    assert!(buffer.remember(&acme(), "past", at(0), past).await.unwrap());
    let keys = database.keys();
    assert!(keys.iter().all(|(_, ttl)| (0..=LIFE_MAX_MS).contains(ttl)), "{keys:?}");
}

#[tokio::test]
async fn what_is_taken_leaves_nothing_behind() {
    let database = RedisDatabase::fresh();
    let buffer = instance(&database.address());
    for n in 0..50 {
        buffer.note(&acme(), &format!("s{n}"), at(0), true, &RULES).await.unwrap();
    }
    assert_eq!(buffer.take_due(&acme(), at(0), 50).await.unwrap().len(), 50);
    buffer.lease(&acme(), "drain", "ann", at(0), at(9)).await.unwrap();
    buffer.release(&acme(), "drain", "ann").await.unwrap();
    assert_eq!(database.keys(), []);
}
