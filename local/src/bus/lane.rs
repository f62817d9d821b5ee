//! One account's messages: what waits, what is outstanding, in which order it may go out.
//!
//! ```text
//! publish ─► held behind its key ─► ready (due, arrival) ─► outstanding ─► acked: the next of the key is ready
//!                                      ▲                        │
//!                                      └──────── backoff ───────┴► attempts spent: dead letter
//! ```
//! Of each ordering key the first message alone is ready or outstanding; the rest stand in `held`.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use shared::domain::id::Timestamp;

use super::dead_letter::Dead;
use super::fault::{
    ACK_DEADLINE_MS, BusFaults, Counts, DUPLICATE_WITHIN_MS, HELD_BACK_AT_MOST_MS, count, dice,
};
use super::history::History;
use super::message::{Message, Published};
use super::push;
use super::subscription::Subscription;

/// A message that is to be pushed now.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Handle for settling it. It says nothing about order.
    pub id: u64,
    /// The subscription's name.
    pub subscription: Arc<str>,
    /// The message's tenant; empty when it has none.
    pub account: Arc<str>,
    /// The how-manieth delivery of the message this is, from 1.
    pub attempt: u32,
    /// The body of the push request.
    pub body: Bytes,
}

/// Whether a message has had its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not yet.
    Fresh,
    /// Its ack was lost.
    AckLost,
    /// It is itself the repeat of an acked message.
    Repeat,
}

/// A message in a subscription.
struct Entry {
    subscription: usize,
    published: Arc<Published>,
    /// Not before this.
    due: Timestamp,
    /// Breaks ties of `due`: first come, first served.
    arrival: u64,
    attempts: u32,
    standing: Standing,
}

/// A subscription, as far as one account is concerned.
struct Queue {
    subscription: Arc<Subscription>,
    /// Key → what stands behind its first message. Never iterated.
    held: HashMap<String, VecDeque<Entry>>,
    history: History,
    backlog: usize,
}

impl Queue {
    fn keeps_order_of(&self, message: &Published) -> bool {
        self.subscription.ordered && !message.key().is_empty()
    }
}

/// Bits of a delivery's id that count the account's deliveries; the lane stands above them.
const COUNTER_BITS: u32 = 40;

/// The lane that a delivery came from.
pub(super) fn lane_of_delivery(delivery: u64) -> usize {
    usize::try_from(delivery >> COUNTER_BITS).unwrap_or(usize::MAX)
}

/// An account's part of the bus.
pub(super) struct Lane {
    at: usize,
    account: Arc<str>,
    dice: fastrand::Rng,
    faults: BusFaults,
    queues: Vec<Queue>,
    ready: BTreeMap<(Timestamp, u64), Entry>,
    outstanding: BTreeMap<u64, Entry>,
    published: u64,
    arrivals: u64,
    deliveries: u64,
}

impl Lane {
    pub(super) fn new(at: usize, account: Arc<str>, seed: u64, faults: BusFaults) -> Self {
        let dice = dice(seed, &account);
        Self {
            at,
            account,
            dice,
            faults,
            queues: Vec::new(),
            ready: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            published: 0,
            arrivals: 0,
            deliveries: 0,
        }
    }

    pub(super) fn subscribe(&mut self, subscription: Arc<Subscription>) {
        self.queues.push(Queue {
            subscription,
            held: HashMap::new(),
            history: History::default(),
            backlog: 0,
        });
    }

    pub(super) fn set_faults(&mut self, faults: BusFaults) {
        self.faults = faults;
        // A history with a gap would repeat messages out of order.
        self.queues.iter_mut().for_each(|queue| queue.history.clear());
    }

    /// Puts a message into each of the `subscribers` that wants it, and returns its id.
    pub(super) fn publish(
        &mut self,
        subscribers: &[usize],
        message: Message,
        now: Timestamp,
        counts: &mut Counts,
    ) -> String {
        self.published += 1;
        let id = format!("{}:{}", self.account, self.published);
        let published = Arc::new(Published { id: id.clone(), at: now, message });
        for &subscription in subscribers {
            if self.queues[subscription].subscription.wants(&published.message) {
                self.enqueue(subscription, Arc::clone(&published), now, counts);
            }
        }
        id
    }

    /// The next message that is due, now outstanding.
    pub(super) fn deliver(&mut self, now: Timestamp) -> Option<Delivery> {
        let first = self.ready.first_entry().filter(|e| e.key().0 <= now)?;
        let mut entry = first.remove();
        entry.attempts += 1;
        self.deliveries += 1;
        let id = (self.at as u64) << COUNTER_BITS | self.deliveries;
        let subscription = &self.queues[entry.subscription].subscription;
        let delivery = Delivery {
            id,
            subscription: Arc::clone(&subscription.name),
            account: Arc::clone(&self.account),
            attempt: entry.attempts,
            body: push::body(&entry.published, subscription, entry.attempts),
        };
        self.outstanding.insert(id, entry);
        Some(delivery)
    }

    /// Ends a delivery. Returns what must be forwarded to a dead-letter topic.
    pub(super) fn settle(
        &mut self,
        delivery: u64,
        acked: bool,
        now: Timestamp,
        counts: &mut Counts,
    ) -> Option<Dead> {
        let mut entry = self.outstanding.remove(&delivery)?;
        let ack_lost = acked && entry.standing == Standing::Fresh && self.happens(self.faults.ack_lost);
        if acked && !ack_lost {
            self.acked(entry, now, counts);
            return None;
        }
        if ack_lost {
            count(counts, "acked_but_redelivered");
            entry.standing = Standing::AckLost;
        }
        let subscription = Arc::clone(&self.queues[entry.subscription].subscription);
        if subscription.is_spent(entry.attempts) {
            count(counts, "dead_lettered");
            let dead = Dead::of(&entry.published, &subscription, entry.attempts);
            self.queues[entry.subscription].history.forget(entry.published.key());
            self.release(&entry);
            return dead;
        }
        let wait = if ack_lost { ACK_DEADLINE_MS } else { subscription.backoff_ms(entry.attempts) };
        entry.due = now.plus(wait);
        self.make_ready(entry);
        None
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.ready.first_key_value().map(|(&(due, _), _)| due)
    }

    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    pub(super) fn backlog(&self, subscription: usize) -> usize {
        self.queues[subscription].backlog
    }

    pub(super) fn is_idle(&self) -> bool {
        // What is held stands behind something ready or outstanding.
        self.ready.is_empty() && self.outstanding.is_empty()
    }

    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.dice.f64() < probability
    }

    fn entry(&mut self, subscription: usize, published: Arc<Published>, due: Timestamp) -> Entry {
        self.arrivals += 1;
        self.queues[subscription].backlog += 1;
        let arrival = self.arrivals;
        Entry { subscription, published, due, arrival, attempts: 0, standing: Standing::Fresh }
    }

    fn enqueue(
        &mut self,
        subscription: usize,
        published: Arc<Published>,
        now: Timestamp,
        counts: &mut Counts,
    ) {
        let mut entry = self.entry(subscription, published, now);
        if self.happens(self.faults.reorder) {
            count(counts, "reordered");
            entry.due = now.plus(self.dice.i64(1..=HELD_BACK_AT_MOST_MS));
        }
        let queue = &mut self.queues[subscription];
        if queue.keeps_order_of(&entry.published) {
            if let Some(behind) = queue.held.get_mut(entry.published.key()) {
                return behind.push_back(entry);
            }
            queue.held.insert(entry.published.key().to_string(), VecDeque::new());
        }
        self.make_ready(entry);
    }

    fn make_ready(&mut self, entry: Entry) {
        self.ready.insert((entry.due, entry.arrival), entry);
    }

    /// An acked message leaves, after it has been decided what comes again because of it.
    fn acked(&mut self, entry: Entry, now: Timestamp, counts: &mut Counts) {
        let repeats = self.repeats(&entry, counts);
        // The last one first: each is put before what stands there.
        for published in repeats.into_iter().rev() {
            self.repeat(entry.subscription, published, now);
        }
        self.release(&entry);
    }

    fn repeats(&mut self, entry: &Entry, counts: &mut Counts) -> Vec<Arc<Published>> {
        let ordered = self.queues[entry.subscription].keeps_order_of(&entry.published);
        let fresh = entry.standing == Standing::Fresh;
        let suffix = fresh && ordered && self.happens(self.faults.redeliver_suffix);
        let duplicate = fresh && self.happens(self.faults.duplicate);
        let history = &mut self.queues[entry.subscription].history;
        if suffix && let Some(suffix) = history.take_suffix(&entry.published, &mut self.dice) {
            count(counts, "redelivered_suffix");
            return suffix;
        }
        if duplicate {
            count(counts, "duplicate");
            history.forget(entry.published.key());
            return vec![Arc::clone(&entry.published)];
        }
        if ordered && self.faults.redeliver_suffix > 0.0 {
            match entry.standing {
                Standing::Fresh => history.remember(Arc::clone(&entry.published)),
                Standing::AckLost => history.forget(entry.published.key()),
                Standing::Repeat => {}
            }
        }
        Vec::new()
    }

    /// Delivers an acked message again: before all others of its key, or some time when it has no order.
    fn repeat(&mut self, subscription: usize, published: Arc<Published>, now: Timestamp) {
        let mut entry = self.entry(subscription, published, now);
        entry.standing = Standing::Repeat;
        let queue = &mut self.queues[subscription];
        if queue.keeps_order_of(&entry.published) {
            queue.held.entry(entry.published.key().to_string()).or_default().push_front(entry);
        } else {
            entry.due = now.plus(self.dice.i64(0..=DUPLICATE_WITHIN_MS));
            self.make_ready(entry);
        }
    }

    /// The message has left its subscription: the next one of its key may go.
    fn release(&mut self, left: &Entry) {
        let queue = &mut self.queues[left.subscription];
        queue.backlog -= 1;
        if !queue.keeps_order_of(&left.published) {
            return;
        }
        let key = left.published.key();
        match queue.held.get_mut(key).and_then(VecDeque::pop_front) {
            Some(next) => self.make_ready(next),
            None => {
                queue.held.remove(key);
            }
        }
    }
}
