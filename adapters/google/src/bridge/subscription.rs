//! One subscription: pulls, keeps order, keeps what is held, acks what is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shared::domain::id::Timestamp;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use super::delivery::Delivery;
use super::envelope::Pulled;
use super::queue::Queue;
use super::rest::ACK_DEADLINE_SECONDS;
use super::told;

/// Messages in one pull, at most.
const PULL_MAX: usize = 500;

/// Messages that are pulled and not acked yet, at most: what waits behind its key counts.
const HELD_MAX: usize = 10_000;

/// The next pull comes after this when the last one brought something, in ms;
const PAUSE_MS: i64 = 5;

/// after this when it brought nothing,
const IDLE_PAUSE_MS: i64 = 25;

/// and after this when it failed.
const FAILED_PAUSE_MS: i64 = 250;

/// What is held is kept this often, in ms: thrice per deadline.
const KEEP_EVERY_MS: i64 = ACK_DEADLINE_SECONDS as i64 * 1_000 / 3;

/// What is given back comes again after this, in seconds. At once (zero) would be a nack, after which the
/// emulator puts the message behind the others of its key.
const GIVE_BACK_SECONDS: u32 = 1;

/// Giving back what was not acked may take so long.
const GIVE_BACK_WITHIN: Duration = Duration::from_secs(3);

/// One subscription at work.
pub(super) struct Pump {
    delivery: Arc<Delivery>,
    queue: Queue<Held>,
    /// Each gives back what it has delivered.
    pushes: JoinSet<Held>,
    /// The ids of what is pulled and not acked, by arrival: given back in this order, it comes again so.
    held: BTreeMap<u64, String>,
    /// How many those are, of all subscriptions together.
    held_by_all: Arc<AtomicUsize>,
    arrivals: u64,
    /// Delivered; to be acked in the next round.
    done: Vec<String>,
    /// The next round keeps what is held from then on.
    keep_at: Timestamp,
}

/// A message, its arrival, and the id to ack it by.
struct Held {
    arrival: u64,
    id: String,
    pulled: Pulled,
}

/// What one round with the emulator is to do, in this order.
struct Round {
    acks: Vec<String>,
    keep: Vec<String>,
    pause_ms: i64,
    room: usize,
}

/// What came of a round.
struct Outcome {
    /// Acks that did not arrive.
    unacked: Vec<String>,
    pulled: Result<Vec<(String, Pulled)>, String>,
}

impl Pump {
    pub(super) fn new(delivery: Delivery, held_by_all: Arc<AtomicUsize>) -> Self {
        Self {
            delivery: Arc::new(delivery),
            queue: Queue::new(),
            pushes: JoinSet::new(),
            held: BTreeMap::new(),
            held_by_all,
            arrivals: 0,
            done: Vec::new(),
            keep_at: Timestamp(0),
        }
    }

    /// Pushes until the bridge stops. What is not acked then goes back to the emulator.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) {
        let mut is_well = true;
        let mut round = Box::pin(round(Arc::clone(&self.delivery), self.next_round(0)));
        loop {
            let outcome = tokio::select! {
                () = told(stop.clone()) => break,
                Some(done) = self.pushes.join_next() => {
                    self.finish(done);
                    continue;
                }
                // Kept until it is over: a pull that is given up would keep the messages that it took.
                outcome = &mut round => outcome,
            };
            self.done.extend(outcome.unacked);
            let pause_ms = match outcome.pulled {
                Ok(pulled) => {
                    is_well = true;
                    let pause_ms = if pulled.is_empty() { IDLE_PAUSE_MS } else { PAUSE_MS };
                    pulled.into_iter().for_each(|(id, pulled)| self.admit(id, pulled));
                    pause_ms
                }
                Err(error) => {
                    if std::mem::take(&mut is_well) {
                        let subscription = &self.delivery.subscription.id;
                        tracing::warn!(subscription, error, "nothing can be pulled; trying on");
                    }
                    FAILED_PAUSE_MS
                }
            };
            let next = self.next_round(pause_ms);
            round.set(self::round(Arc::clone(&self.delivery), next));
        }
        let last = async {
            let outcome = round.await;
            let late = outcome.pulled.unwrap_or_default();
            self.held.extend((self.arrivals + 1..).zip(late.into_iter().map(|(id, _)| id)));
            self.done.extend(outcome.unacked);
            self.give_back().await;
        };
        if timeout(GIVE_BACK_WITHIN, last).await.is_err() {
            tracing::warn!("messages were not given back in time; they come again after the ack deadline");
        }
    }

    /// Takes in a message: pushed at once, held behind its key, or passed over.
    fn admit(&mut self, id: String, pulled: Pulled) {
        if !self.delivery.wants(&pulled) {
            return self.done.push(id);
        }
        self.arrivals += 1;
        self.held.insert(self.arrivals, id.clone());
        self.held_by_all.fetch_add(1, Ordering::Relaxed);
        let key = pulled.ordering_key.clone();
        if let Some(held) = self.queue.push(&key, Held { arrival: self.arrivals, id, pulled }) {
            self.push(held);
        }
    }

    fn push(&mut self, held: Held) {
        let delivery = Arc::clone(&self.delivery);
        self.pushes.spawn(async move {
            delivery.deliver(&held.pulled).await;
            held
        });
    }

    /// A message is delivered: it is acked in the next round, and the next of its key goes out.
    fn finish(&mut self, done: Result<Held, JoinError>) {
        let Held { arrival, id, pulled } = match done {
            Ok(held) => held,
            // Deliveries do not panic, and only the end of the pump aborts them.
            Err(error) => return tracing::error!(%error, "a delivery broke"),
        };
        self.held.remove(&arrival);
        self.held_by_all.fetch_sub(1, Ordering::Relaxed);
        self.done.push(id);
        if let Some(next) = self.queue.next(&pulled.ordering_key) {
            self.push(next);
        }
    }

    fn next_round(&mut self, pause_ms: i64) -> Round {
        let now = self.delivery.clock().now();
        let keep = if now < self.keep_at {
            Vec::new()
        } else {
            self.keep_at = now.plus(KEEP_EVERY_MS);
            self.held.values().cloned().collect()
        };
        let room = HELD_MAX.saturating_sub(self.held.len()).min(PULL_MAX);
        Round { acks: std::mem::take(&mut self.done), keep, pause_ms, room }
    }

    /// Ends all pushes, acks what is delivered, and gives the rest back.
    async fn give_back(&mut self) {
        self.pushes.abort_all();
        while let Some(ended) = self.pushes.join_next().await {
            if let Ok(held) = ended {
                self.held.remove(&held.arrival);
                self.done.push(held.id);
            }
        }
        let Delivery { rest, subscription, .. } = &*self.delivery;
        let held: Vec<String> = std::mem::take(&mut self.held).into_values().collect();
        let acked = rest.acknowledge(&subscription.id, &self.done).await;
        if let Err(error) = acked.and(rest.keep(&subscription.id, &held, GIVE_BACK_SECONDS).await) {
            tracing::warn!(error, "messages were not given back; they come again after the ack deadline");
        }
    }
}

/// Acks, keeps, waits, pulls.
async fn round(delivery: Arc<Delivery>, round: Round) -> Outcome {
    let Delivery { rest, subscription, .. } = &*delivery;
    let acked = rest.acknowledge(&subscription.id, &round.acks).await;
    let unacked = if acked.is_ok() { Vec::new() } else { round.acks };
    if let Err(error) = rest.keep(&subscription.id, &round.keep, ACK_DEADLINE_SECONDS).await {
        tracing::warn!(error, "messages were not kept; some may come twice");
    }
    delivery.clock().sleep_until(delivery.clock().now().plus(round.pause_ms)).await;
    let pulled = match round.room {
        0 => Ok(Vec::new()),
        room => rest.pull(&subscription.id, room).await,
    };
    Outcome { unacked, pulled }
}
