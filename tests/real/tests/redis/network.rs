//! A server that cannot be reached: every call ends in its time, and the buffer comes back by itself.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use futures::future::join_all;
use real_tests::RedisDatabase;
use redis_buffer::{CALL_TIMEOUT, RedisBuffer, Standing};
use shared::buffer::Buffer;
use tokio::time::Instant;

use crate::proxy::Proxy;
use crate::{RULES, acme, at, eventually, instance};

/// For the machine's own slowness. Without a timeout there would be no answer at all.
const SLACK: Duration = Duration::from_secs(2);

/// A database, the wire to it, and a buffer at the wire's other end that has been in use.
async fn wired() -> (RedisDatabase, Proxy, RedisBuffer) {
    let database = RedisDatabase::fresh();
    let address = database.address();
    let (server, number) = address.trim_start_matches("redis://").split_once('/').expect("host:port/number");
    let proxy = Proxy::before(server);
    let address = format!("redis://{}/{number}", proxy.address());
    let buffer = RedisBuffer::open(&address, None).expect("an address");
    eventually(5, async || buffer.note(&acme(), "a", at(0), false, &RULES).await.is_ok()).await;
    (database, proxy, buffer)
}

#[tokio::test]
async fn a_wire_gone_silent_costs_a_timeout_and_no_more() {
    let (_database, proxy, buffer) = wired().await;
    proxy.go_silent();

    let began = Instant::now();
    let error = buffer.next_due(&acme()).await.unwrap_err();
    assert!(began.elapsed() >= CALL_TIMEOUT, "it did wait for an answer");
    assert!(began.elapsed() < CALL_TIMEOUT + SLACK, "{:?}", began.elapsed());
    assert_eq!(error.what, "buffer");

    let (began, acme) = (Instant::now(), acme());
    let all = join_all((0..50).map(|_| buffer.note(&acme, "a", at(0), false, &RULES))).await;
    assert!(all.iter().all(Result::is_err));
    assert!(began.elapsed() < CALL_TIMEOUT + SLACK, "at the same time: {:?}", began.elapsed());

    let began = Instant::now();
    let mut calls = 0;
    while began.elapsed() < Duration::from_secs(2) {
        let one = Instant::now();
        buffer.next_due(&acme).await.unwrap_err();
        assert!(one.elapsed() < CALL_TIMEOUT + SLACK, "{:?}", one.elapsed());
        calls += 1;
        tokio::task::yield_now().await;
    }
    assert!(calls > 20, "most fail at once while the server is away: {calls} in two seconds");
    assert!(proxy.accepted() < 30, "{} connections were tried in two seconds", proxy.accepted());

    proxy.heal();
    eventually(5, async || buffer.next_due(&acme).await == Ok(Some(at(100)))).await;
}

#[tokio::test]
async fn a_connection_that_dies_without_a_word_is_replaced() {
    let (_database, proxy, buffer) = wired().await;
    // The old connection is half open; a new one would work.
    proxy.heal();
    let before = proxy.accepted();
    buffer.next_due(&acme()).await.unwrap_err();
    eventually(5, async || buffer.next_due(&acme()).await == Ok(Some(at(100)))).await;
    assert!(proxy.accepted() > before);
}

#[tokio::test]
async fn a_connection_that_was_closed_is_replaced() {
    let (_database, proxy, buffer) = wired().await;
    for _ in 0..5 {
        let before = proxy.accepted();
        proxy.cut();
        eventually(5, async || buffer.next_due(&acme()).await.is_ok() && proxy.accepted() > before).await;
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_costs_the_others_nothing() {
    let database = RedisDatabase::fresh();
    let (buffer, acme) = (instance(&database.address()), acme());
    buffer.note(&acme, "a", at(0), false, &RULES).await.unwrap();
    for _ in 0..100 {
        let dropped = tokio::time::timeout(Duration::ZERO, buffer.take_due(&acme, at(0), 9));
        let kept = buffer.next_due(&acme);
        let (_, kept) = futures::join!(dropped, kept);
        assert_eq!(kept.unwrap(), Some(at(100)));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_does_not_keep_us_from_starting() {
    let buffer = instance("redis://127.0.0.1:1");
    let standing = buffer.check().await.unwrap();
    assert!(matches!(&standing, Standing::Away(why) if why.contains("refused")), "{standing:?}");
    assert!(buffer.lease(&acme(), "drain", "ann", at(0), at(9)).await.is_err());
}

#[tokio::test]
async fn a_server_that_refuses_us_is_told_apart() {
    let database = RedisDatabase::fresh();
    assert_eq!(instance(&database.address()).check().await, Ok(Standing::There));
    let wrong = database.address().replace("redis://", "redis://nobody:secret@");
    let refused = instance(&wrong).check().await.unwrap_err();
    assert!(!refused.to_string().contains("secret"), "{refused}");
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_wrong_and_not_away() {
    let refused = instance("redis://no-such-host.invalid:6379").check().await.unwrap_err();
    assert!(refused.to_string().contains("cannot be resolved"), "{refused}");
}

#[tokio::test]
async fn what_answers_otherwise_is_told_apart_and_what_says_nothing_is_away() {
    for said in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\x4a\0\0\0\x0a8.4.0\0"] {
        let refused = instance(&answering(said)).check().await.unwrap_err();
        assert!(refused.to_string().contains("is no Redis"), "{refused}");
    }
    let standing = instance(&answering(b"")).check().await.unwrap();
    assert!(matches!(standing, Standing::Away(_)), "it hangs up: {standing:?}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://{}", silent.local_addr().unwrap());
    let buffer = RedisBuffer::open(&address, None).expect("an address");
    assert!(matches!(buffer.check().await, Ok(Standing::Away(_))));
}

/// A server that says the same to whatever it is told, and hangs up.
fn answering(said: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("redis://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(mut client) = client else { return };
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(said);
        }
    });
    address
}

#[tokio::test]
async fn a_server_without_tls_where_we_ask_for_it_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("rediss://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let _ = client.read(&mut [0; 4096]).unwrap();
        client.write_all(b"-ERR Protocol error\r\n").unwrap();
    });
    assert!(instance(&address).check().await.is_err());
    server.join().unwrap();
}
