//! What was saved: each change told, none of it again and again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::FutureExt;
use http::Request;
use serde_json::json;
use shared::domain::governance::{Call, Purpose};
use shared::pubsub::Topic;
use shared::state::State;
use tower::ServiceExt;

use crate::memory_ports::account;
use crate::{NINE, Poll, poll, update};

#[test]
fn everything_is_told_once_as_a_full_read() {
    let poll = poll();
    poll.save(7, "2026-01-01 09:00:00", "a");
    poll.put("inventoryitem", 8, "2026-01-01 09:00:00", "b");
    assert_eq!(Poll::told(&poll.tick()), 2);
    let event = &poll.world.bus.json(Topic::Raw)[1];
    assert_eq!((&event["source"], &event["payload"]["full"]), (&json!("netsuite-poll"), &json!(true)));
    assert_eq!((&event["recordType"], &event["revision"]), (&json!("item"), &json!(NINE)));
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    poll.save(7, "2026-01-01 10:01:30", "c");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 1);
    assert_eq!(poll.published(2), [update("7", "c")]);
}

#[test]
fn more_rows_of_one_second_than_a_page_holds() {
    let poll = poll();
    (1..=2_500).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    assert_eq!(Poll::told(&poll.tick()), 2_500);
    let mut ids: Vec<u64> = poll.published(0).iter().map(|(_, id, _)| id.parse().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids, Vec::from_iter(1..=2_500));
}

#[test]
fn a_page_that_takes_longer_than_a_tick_is_gone_through_in_several() {
    let poll = poll();
    (1..=900).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    poll.put("inventoryitem", 7, "2026-01-01 09:00:00", "b");
    poll.known(1_000, NINE, "a");
    poll.save(1_000, "2026-01-01 09:00:00", "a");
    poll.delete(1_000, "2026-01-01 09:59:00");
    *poll.netsuite.slow.lock().unwrap() = Some((Arc::clone(&poll.world.clock), 5_000));
    let mut told = vec![Poll::told(&poll.tick())];
    let first = poll.published(0);
    assert!(first.contains(&update("7", "b")), "the items had a share");
    assert!(first.contains(&crate::deletion("1000")), "so had the deletions");
    assert!(told[0] < 902, "there was no time for all");
    for _ in 0..9 {
        told.push(Poll::told(&poll.tick()));
    }
    assert_eq!(told.iter().sum::<u64>(), 902, "{told:?}");
    // 18 calls about customers, one about the item, one about what was deleted.
    assert_eq!(poll.netsuite.reads.lock().unwrap().len(), 20, "no record was read twice");
}

#[test]
fn what_is_known_just_so_is_not_told() {
    let poll = poll();
    for (id, seen, email) in [(1, NINE, "a"), (2, NINE - 1, "a"), (3, NINE, "b"), (4, NINE + 5, "b")] {
        poll.known(id, seen, email);
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll.tick();
    // 2 is newer, 3 differs; 4 is older than what is known.
    assert_eq!(poll.published(0), [update("2", "a"), update("3", "a")]);
}

#[test]
fn the_cursor_waits_for_the_bus() {
    let poll = poll();
    poll.save(7, "2026-01-01 09:00:00", "a");
    poll.world.bus.down.store(true, Ordering::Relaxed);
    let answer = poll.tick();
    assert_eq!((answer.status.as_u16(), &answer.body["accounts"]), (503, &json!(["acme"])));
    poll.world.bus.down.store(false, Ordering::Relaxed);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 1);
}

#[test]
fn rows_that_were_seen_are_not_read_again_and_again() {
    let poll = poll();
    (1..=100).for_each(|id| poll.save(id, "2026-01-01 10:00:30", "a"));
    for minute in 1..=6 {
        poll.minute(&format!("2026-01-01 10:0{minute}:00"));
    }
    assert_eq!(poll.netsuite.looks(), 200, "once when young, once when settled");
    let acme = account("acme");
    let cursor = poll.world.state.poll_cursor(&acme, "customer");
    let cursor = cursor.now_or_never().unwrap().unwrap();
    assert!(cursor.is_some_and(|text| text.contains("2026-01-01 10:06:00")));
}

#[test]
fn whoever_hangs_up_leaves_no_permit_and_no_lease_behind() {
    let poll = poll();
    poll.save(7, "2026-01-01 09:00:00", "a");
    let request = Request::post("/tick").body(axum::body::Body::empty()).unwrap();
    let mut asked = Box::pin(poll.router.clone().oneshot(request));
    assert!(asked.as_mut().now_or_never().is_none(), "the work runs beside the request");
    drop(asked);
    poll.world.run_background();
    assert_eq!(poll.published(0), [update("7", "a")]);
    let account = account("acme");
    let limits = &poll.app.ports.config.accounts[&account].limits;
    let now = poll.app.ports.clock.now();
    for n in 1..=2 {
        let call = Call {
            id: uuid::Uuid::from_u128(n),
            purpose: Purpose::Poll,
            writes: 0,
            now,
            until: now.plus(1_000),
        };
        let begun = poll.world.state.begin_call(&account, &call, limits).now_or_never().unwrap().unwrap();
        assert!(begun.is_ok(), "a permit is taken");
    }
}

#[test]
fn an_account_that_another_instance_polls_is_named_and_not_taken_for_one_without_news() {
    let poll = poll();
    poll.save(7, "2026-01-01 09:00:00", "a");
    let (acme, now) = (account("acme"), poll.app.ports.clock.now());
    let leased = poll.app.ports.buffer.lease(&acme, "poll", "another", now, now.plus(30_000));
    assert_eq!(leased.now_or_never().unwrap().ok(), Some(true));
    assert_eq!(poll.tick().body, json!({ "published": 0, "cutShort": ["acme"] }));
    assert_eq!(poll.minute("2026-01-01 10:01:00").body, json!({ "published": 1, "cutShort": [] }));
}

#[test]
fn an_account_that_does_not_exist() {
    assert_eq!(poll().ask("/tick?account=nobody").problem(), (404, json!("account")));
}
