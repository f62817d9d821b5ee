//! What carries messages to the functions: the bus of this process, or somebody else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use shared::domain::id::AccountId;
use shared::fault::Unavailable;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::clock::{Clock, SystemClock};
use tokio::sync::Notify;

use crate::bus::{Bus, BusFaults, Delivery};
use crate::functions::{self, PUSHES};
use crate::publish::BusPublish;

/// What carries messages.
pub enum Carrier {
    /// A bus in this process, from which the world's pump pushes.
    Bus(LocalBus),
    /// Pub/Sub, or what stands for it: it pushes by itself, and nobody can disturb it on purpose.
    Elsewhere(Elsewhere),
}

/// What is known of messages that others carry.
pub struct Elsewhere {
    /// Messages that are known to be on their way.
    pub on_their_way: Box<dyn Fn() -> usize + Send + Sync>,
    /// A message may be on its way unseen for so long, in ms: only after so long a silence is nothing left.
    pub unseen_ms: i64,
}

impl Carrier {
    /// Messages that are not delivered yet, as far as they can be seen.
    pub(crate) fn left(&self) -> usize {
        match self {
            Carrier::Bus(local) => local.backlog(),
            Carrier::Elsewhere(elsewhere) => (elsewhere.on_their_way)(),
        }
    }

    /// How long a message may be on its way unseen, in ms.
    pub(crate) fn unseen_ms(&self) -> i64 {
        match self {
            Carrier::Bus(_) => 0,
            Carrier::Elsewhere(elsewhere) => elsewhere.unseen_ms,
        }
    }

    /// The bus of this process, if that carries.
    pub(crate) fn local(&self) -> Option<&LocalBus> {
        match self {
            Carrier::Bus(local) => Some(local),
            Carrier::Elsewhere(_) => None,
        }
    }
}

/// A bus in this process, with our topics and subscriptions.
pub struct LocalBus {
    bus: Arc<Mutex<Bus>>,
    faults: Mutex<BTreeMap<AccountId, BusFaults>>,
    /// Something was published or answered.
    moved: Arc<Notify>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LocalBus {
    /// An empty bus; its faults follow from `seed`.
    pub fn new(seed: u64) -> Self {
        let mut bus = Bus::new(seed);
        functions::subscribe(&mut bus);
        Self { bus: Arc::new(Mutex::new(bus)), faults: Mutex::default(), moved: Arc::default() }
    }

    pub(crate) fn bus(&self) -> MutexGuard<'_, Bus> {
        lock(&self.bus)
    }

    /// The way onto the bus; it wakes the pump.
    pub fn publisher(&self, clock: Arc<dyn Clock>) -> Arc<dyn Publish> {
        let inner = BusPublish { bus: Arc::clone(&self.bus), clock };
        Arc::new(Waking { inner, moved: Arc::clone(&self.moved) })
    }

    /// Messages that are not delivered yet.
    pub fn backlog(&self) -> usize {
        let bus = self.bus();
        PUSHES.iter().map(|push| bus.backlog(push.subscription)).sum()
    }

    /// What is to be pushed now, as long as no more than `at_once` are under way; waits until there is something.
    pub async fn deliveries(&self, at_once: usize) -> Vec<Delivery> {
        loop {
            let (deliveries, next) = {
                let mut bus = self.bus();
                let room = at_once.saturating_sub(bus.outstanding(None));
                let deliveries = bus.deliveries(SystemClock.now(), None, room);
                // Without room, only an answer can bring more.
                (deliveries, if room == 0 { None } else { bus.next_at(None) })
            };
            if !deliveries.is_empty() {
                return deliveries;
            }
            match next {
                Some(at) => tokio::select! {
                    () = self.moved.notified() => {}
                    () = SystemClock.sleep_until(at) => {}
                },
                None => self.moved.notified().await,
            }
        }
    }

    /// How a push was answered.
    pub fn settle(&self, id: u64, acked: bool) {
        self.bus().settle(id, acked, SystemClock.now());
        self.moved.notify_one();
    }

    /// How the bus misbehaves towards an account.
    pub(crate) fn faults(&self, account: &AccountId) -> BusFaults {
        lock(&self.faults).get(account).copied().unwrap_or_default()
    }

    /// Sets how the bus misbehaves towards an account.
    pub(crate) fn set_faults(&self, account: &AccountId, faults: BusFaults) {
        self.bus().set_faults(Some(account.as_str()), faults);
        lock(&self.faults).insert(account.clone(), faults);
    }

    /// Faults of the bus so far, by kind, all accounts together.
    pub(crate) fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.bus().counts().clone()
    }
}

/// Publishes to the bus and wakes its pump.
struct Waking {
    inner: BusPublish,
    moved: Arc<Notify>,
}

#[async_trait]
impl Publish for Waking {
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Unavailable> {
        let published = self.inner.publish(topic, messages).await;
        self.moved.notify_one();
        published
    }
}
