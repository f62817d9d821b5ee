//! The bus of this process, and the pump that pushes from it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use axum::body::Body;
use http::Request;
use local::bus::{Bus, Delivery};
use local::functions::{self, PUSHES};
use local::publish::BusPublish;
use shared::fault::Unavailable;
use shared::pubsub::{Message, Publish, Topic};
use shared::runtime::clock::{Clock, SystemClock};
use tokio::sync::Notify;

use crate::function::Fleet;

/// Pushes under way at once, all functions together.
const PUSHES_MAX: usize = 256;

/// A bus with our topics and subscriptions.
#[derive(Clone)]
pub(crate) struct Carrier {
    bus: Arc<Mutex<Bus>>,
    moved: Arc<Notify>,
}

impl Carrier {
    pub(crate) fn new() -> Self {
        let mut bus = Bus::new(1);
        functions::subscribe(&mut bus);
        Self { bus: Arc::new(Mutex::new(bus)), moved: Arc::default() }
    }

    pub(crate) fn publisher(&self) -> Arc<dyn Publish> {
        let inner = BusPublish { bus: Arc::clone(&self.bus), clock: Arc::new(SystemClock) };
        Arc::new(Waking { inner, moved: Arc::clone(&self.moved) })
    }

    /// Messages that no function has taken.
    pub(crate) fn backlog(&self) -> usize {
        let bus = self.bus();
        PUSHES.iter().map(|push| bus.backlog(push.subscription)).sum()
    }

    /// Pushes until it is dropped.
    pub(crate) async fn pump(self, fleet: Arc<Fleet>) {
        loop {
            let now = SystemClock.now();
            let (deliveries, next) = {
                let mut bus = self.bus();
                let room = PUSHES_MAX.saturating_sub(bus.outstanding(None));
                let deliveries = bus.deliveries(now, None, room);
                // Without room, only an answer can bring more.
                let is_full = deliveries.len() == room;
                (deliveries, if is_full { None } else { bus.next_at(None) })
            };
            for delivery in deliveries {
                self.deliver(&fleet, delivery);
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

    fn deliver(&self, fleet: &Fleet, delivery: Delivery) {
        let Delivery { id, subscription, body, .. } = delivery;
        let push = PUSHES.iter().find(|p| *p.subscription == *subscription).expect("one of the table");
        let request = Request::post(push.path).header("content-type", "application/json");
        let request = request.body(Body::from(body)).expect("a path of the table");
        let carrier = self.clone();
        let answered = fleet.get(push.function).start(request);
        fleet.get(push.function).spawn(async move {
            let acked = answered.await.is_success();
            carrier.bus().settle(id, acked, SystemClock.now());
            carrier.moved.notify_one();
        });
    }

    fn bus(&self) -> MutexGuard<'_, Bus> {
        self.bus.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes and wakes the pump.
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
