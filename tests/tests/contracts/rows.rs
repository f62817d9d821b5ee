//! The implementations that run in this process: in memory, and the local bus.

use std::sync::{Arc, Mutex};

use local::bus::Bus;
use local::functions;
use local::publish::BusPublish;
use local::suitex::SuiteX;
use shared::blob::Blob;
use shared::blob::memory::MemoryBlob;
use shared::buffer::memory::MemoryBuffer;
use shared::ledger::Ledger;
use shared::ledger::memory::MemoryLedger;
use shared::pubsub::envelope::Envelope;
use shared::state::State;
use shared::state::memory::MemoryState;
use shared::suitex::Tenants;
use simulation::executor::Executor;

use crate::buffer::Losable;
use crate::publish::Observed;
use crate::row::{Held, Row};
use crate::{at, tenants};

pub(crate) fn ledgers() -> Vec<Row<dyn Ledger>> {
    vec![Row::new("memory", async || Held::<dyn Ledger>::with(Arc::new(MemoryLedger::default()), ()))]
}

pub(crate) fn states() -> Vec<Row<dyn State>> {
    vec![Row::new("memory", async || Held::<dyn State>::with(Arc::new(MemoryState::new()), ()))]
}

pub(crate) fn tenants() -> Vec<Row<dyn Tenants>> {
    vec![Row::new("simulated SuiteX", async || {
        let clock = Executor::new(1, at(1_000_000)).clock(0);
        Held::<dyn Tenants>::with(SuiteX::new(tenants::config(), Arc::new(clock)), ())
    })]
}

pub(crate) fn blobs() -> Vec<Row<dyn Blob>> {
    vec![Row::new("memory", async || Held::<dyn Blob>::with(Arc::new(MemoryBlob::default()), ()))]
}

#[expect(
    clippy::arc_with_non_send_sync,
    reason = "a row holds an Arc, whatever the port; its checks run on one thread"
)]
pub(crate) fn buffers() -> Vec<Row<Losable>> {
    vec![Row::new("memory", async || {
        let memory = Arc::new(MemoryBuffer::default());
        let lost = Arc::clone(&memory);
        let lose = move || {
            lost.flush_all();
            Box::pin(std::future::ready(())) as _
        };
        Held::with(Arc::new(Losable { buffer: memory, lose: Box::new(lose) }), ())
    })]
}

#[expect(
    clippy::arc_with_non_send_sync,
    reason = "a row holds an Arc, whatever the port; its checks run on one thread"
)]
pub(crate) fn buses() -> Vec<Row<Observed>> {
    vec![Row::new("local bus", async || {
        let executor = Executor::new(1, at(1_000_000));
        let mut bus = Bus::new(7);
        functions::subscribe(&mut bus);
        let bus = Arc::new(Mutex::new(bus));
        let publish = BusPublish { bus: Arc::clone(&bus), clock: Arc::new(executor.clock(0)) };
        let next = move || {
            let mut bus = bus.lock().expect("a healthy bus");
            let delivery = bus.deliveries(executor.now(), None, 1).pop()?;
            bus.settle(delivery.id, true, executor.now());
            let envelope = Envelope::from_slice(&delivery.body).expect("a push body");
            Some((delivery.subscription.to_string(), envelope))
        };
        let next = Box::new(move || Box::pin(std::future::ready(next())) as _);
        Held::with(Arc::new(Observed { publish: Arc::new(publish), next }), ())
    })]
}
