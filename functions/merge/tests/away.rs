//! Merge while something is away: later, and nothing else.

#[path = "../../memory_ports.rs"]
mod memory_ports;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::FutureExt;
use memory_ports::{World, account, key, post};
use merge::{App, router};
use serde_json::{Value as Json, json};
use shared::blob::{Blob, BlobRef, Body, Keep};
use shared::buffer::Buffer;
use shared::domain::id::{AccountId, Timestamp};
use shared::domain::surface::Coalescing;
use shared::fault::Unavailable;
use shared::ledger::{Appended, Entry, Ledger, Stored};
use shared::state::Place;
use uuid::Uuid;

/// A buffer that nobody reaches.
struct Away;

fn away<T>() -> Result<T, Unavailable> {
    Err(Unavailable::new("buffer", "pulled the plug"))
}

#[async_trait]
impl Buffer for Away {
    async fn note(
        &self,
        _: &AccountId,
        _: &str,
        _: Timestamp,
        _: bool,
        _: &Coalescing,
    ) -> Result<Timestamp, Unavailable> {
        away()
    }

    async fn take_due(&self, _: &AccountId, _: Timestamp, _: usize) -> Result<Vec<String>, Unavailable> {
        away()
    }

    async fn next_due(&self, _: &AccountId) -> Result<Option<Timestamp>, Unavailable> {
        away()
    }

    async fn lease(
        &self,
        _: &AccountId,
        _: &str,
        _: &str,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<bool, Unavailable> {
        away()
    }

    async fn release(&self, _: &AccountId, _: &str, _: &str) -> Result<(), Unavailable> {
        away()
    }

    async fn remember(
        &self,
        _: &AccountId,
        _: &str,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<bool, Unavailable> {
        away()
    }
}

/// A ledger that cannot be scanned for one account.
struct Unscanned(Arc<dyn Ledger>, AccountId);

#[async_trait]
impl Ledger for Unscanned {
    async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Appended>, Unavailable> {
        self.0.append(entries).await
    }

    async fn read(&self, account: &AccountId, events: &[Uuid]) -> Result<Vec<Stored>, Unavailable> {
        self.0.read(account, events).await
    }

    async fn scan(&self, account: &AccountId, after: u64, limit: usize) -> Result<Vec<Stored>, Unavailable> {
        match *account == self.1 {
            true => Err(Unavailable::new("ledger", "the scan takes too long")),
            false => self.0.scan(account, after, limit).await,
        }
    }
}

fn merge() -> (World, Router) {
    routed(World::new())
}

fn routed(mut world: World) -> (World, Router) {
    world.ports.edge.buffer = Arc::new(Away);
    let router = router(App { ports: world.ports.clone(), blob_bucket: "bodies".into() });
    (world, router)
}

/// A bucket that nobody reaches.
#[derive(Default)]
struct NoBucket(AtomicUsize);

#[async_trait]
impl Blob for NoBucket {
    async fn put(&self, _: &BlobRef, _: Bytes) -> Result<(), Unavailable> {
        Err(Unavailable::new("blob", "pulled the plug"))
    }

    async fn get(&self, _: &BlobRef) -> Result<Body, Unavailable> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(Unavailable::new("blob", "pulled the plug"))
    }
}

fn push_of(account: &str, email: &str) -> String {
    pushed(&json!({
        "eventId": "6f1f0d9e-8f0e-4f5e-9d52-1a2b3c4d5e6f", "accountId": account, "recordType": "customer",
        "recordId": "ns-7", "source": "netsuite-ue", "operation": "update", "timestamp": "2026-01-01T00:00:00Z",
        "payload": {"changes": {"email": email}}
    }))
}

fn pushed(event: &Json) -> String {
    let message = json!({"data": STANDARD.encode(event.to_string()), "messageId": "1", "attributes": {}});
    json!({"message": message, "subscription": "s"}).to_string()
}

#[test]
fn an_event_is_taken_and_absorbed_once_the_table_says_so() {
    let (world, router) = merge();
    let record = key("acme", "customer", "7");
    world.synced(&record, json!({"email": "old@acme.example"}));
    let place = || world.state.all_pending(&account("acme"))[0].place.clone();

    assert_eq!(post(&router, "/push", push_of("acme", "new@acme.example")).status, 204);
    world.run_background();
    assert!(matches!(place(), Place::Pending { .. }), "not due by the table yet");

    world.clock.pass(world.ports.config.coalescing.max_wait_ms);
    let tick = post(&router, "/tick?account=acme", "");
    assert_eq!((tick.status.as_u16(), &tick.body["swept"]), (200, &json!(1)));
    world.run_background();
    assert_eq!(place(), Place::Applied);
}

#[test]
fn one_accounts_trouble_is_not_the_next_ones() {
    for (away, other) in [("acme", "globex"), ("globex", "acme")] {
        let mut world = World::new();
        world.ports.ledger = Arc::new(Unscanned(world.ledger.clone(), account(away)));
        let (world, router) = routed(world);
        world.synced(&key(other, "customer", "7"), json!({"email": "old@acme.example"}));
        assert_eq!(post(&router, "/push", push_of(other, "new@acme.example")).status, 204);
        world.run_background();
        let place = || world.state.all_pending(&account(other))[0].place.clone();
        assert!(matches!(place(), Place::Pending { .. }), "not due by the table yet");

        world.clock.pass(world.ports.config.coalescing.max_wait_ms);
        assert_eq!(post(&router, "/tick", "").status, 503, "the scheduler hears of {away}'s trouble");
        world.run_background();
        assert_eq!(place(), Place::Applied, "{other} is swept all the same");
    }
}

#[test]
fn who_needs_no_body_does_not_wait_for_the_bucket() {
    let bucket = Arc::new(NoBucket::default());
    let mut world = World::new();
    world.ports.edge.blob = bucket.clone();
    let (world, router) = routed(world);
    let at = BlobRef::of("bodies", &account("acme"), Keep::Pinned, b"x").to_string();
    for n in 0..40 {
        let id = n.to_string();
        world.synced(&key("acme", "customer", &id), json!({"email": "old@acme.example"}));
        let mut event = json!({
            "eventId": Uuid::from_u128(n), "accountId": "acme", "recordType": "customer",
            "recordId": format!("ns-{id}"), "source": "netsuite-ue", "operation": "update",
            "timestamp": "2026-01-01T00:00:00Z", "payload": {"changes": {"email": "new@acme.example"}}
        });
        if n % 10 != 3 {
            event["metadata"] = json!({"payloadRef": at});
        }
        assert_eq!(post(&router, "/push", pushed(&event)).status, 204);
    }
    world.clock.pass(world.ports.config.coalescing.max_wait_ms);
    assert_eq!(post(&router, "/tick?account=acme", "").status, 200);
    world.run_background();
    let places = world.state.all_pending(&account("acme")).into_iter().map(|row| row.place);
    let (applied, waiting): (Vec<Place>, Vec<Place>) = places.partition(|place| *place == Place::Applied);
    assert_eq!((applied.len(), waiting.len()), (4, 36), "{waiting:?}");
    let asked = bucket.0.load(Ordering::Relaxed);
    assert!((1..=8).contains(&asked), "the bucket was asked {asked} times");
}

/// Sixty bodies of a megabyte and more: they are not in memory together, and one round after the other absorbs them all.
#[test]
fn large_bodies_are_absorbed_some_at_a_time() {
    let (world, router) = merge();
    for n in 0..60 {
        let id = n.to_string();
        world.synced(&key("acme", "customer", &id), json!({"email": "old@acme.example"}));
        let comments = "x".repeat(1_200_000);
        let body =
            json!({"changes": {"email": "new@acme.example", "not_synced": comments, "n": n}}).to_string();
        let at = BlobRef::of("bodies", &account("acme"), Keep::Pinned, body.as_bytes());
        world.ports.edge.blob.put(&at, body.into()).now_or_never().unwrap().unwrap();
        // Two of each: what belongs to one record is absorbed together.
        for nth in 0..2 {
            let event = json!({
                "eventId": Uuid::from_u128(2 * n + nth), "accountId": "acme", "recordType": "customer",
                "recordId": format!("ns-{id}"), "source": "netsuite-ue", "operation": "update",
                "timestamp": "2026-01-01T00:00:00Z", "payload": {"changes": {}},
                "metadata": {"payloadRef": at.to_string()},
            });
            assert_eq!(post(&router, "/push", pushed(&event)).status, 204);
        }
    }
    world.clock.pass(world.ports.config.coalescing.max_wait_ms);
    assert_eq!(post(&router, "/tick?account=acme", "").status, 200);
    world.run_background();
    let rows = world.state.all_pending(&account("acme"));
    let absorbed = rows.iter().filter(|row| row.place == Place::Applied || row.place == Place::Superseded);
    assert_eq!((absorbed.count(), rows.len()), (120, 120), "{rows:?}");
}
