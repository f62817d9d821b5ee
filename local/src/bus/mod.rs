//! Pub/Sub push in one process, as it is documented, bad habits included: at-least-once delivery, one
//! outstanding message per ordering key, retries with backoff, dead-letter topics, filters.
//!
//! A state machine without input, output or clock: the caller says what time it is, takes what may be pushed
//! now, makes the HTTP call (or calls the router) and settles the delivery by its status. It decides nothing
//! about the content of messages. A delivery that nobody settles stays outstanding: the caller's client has
//! the timeout, and [`Bus::abandon`] says that it struck.
//!
//! Each account has its own queue, counters and dice, so what happens to one never depends on another's
//! traffic.

mod dead_letter;
mod fault;
mod history;
mod lane;
mod message;
mod push;
mod subscription;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use shared::domain::id::Timestamp;

pub use fault::BusFaults;
pub use lane::Delivery;
pub use message::Message;
pub use subscription::{DeadLetter, Subscription};

use fault::Counts;
use lane::{Lane, lane_of_delivery};

/// Topics, subscriptions and what waits in them.
pub struct Bus {
    seed: u64,
    /// Topic → the subscriptions to it, as positions in `subscriptions`.
    topics: BTreeMap<String, Vec<usize>>,
    subscriptions: Vec<Arc<Subscription>>,
    lanes: Vec<Lane>,
    accounts: BTreeMap<Arc<str>, usize>,
    /// For accounts that are yet to come.
    faults: BusFaults,
    counts: Counts,
    /// The lane that is served next when all share one limit.
    turn: usize,
}

impl Bus {
    /// An empty bus whose faults follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            topics: BTreeMap::new(),
            subscriptions: Vec::new(),
            lanes: Vec::new(),
            accounts: BTreeMap::new(),
            faults: BusFaults::default(),
            counts: Counts::new(),
            turn: 0,
        }
    }

    /// Declares a topic. Declaring it again changes nothing.
    pub fn topic(&mut self, name: &str) {
        if !self.topics.contains_key(name) {
            self.topics.insert(name.to_string(), Vec::new());
        }
    }

    /// Adds a subscription, and declares its topics. It gets what is published from now on.
    pub fn subscribe(&mut self, subscription: Subscription) {
        if let Some(dead_letter) = &subscription.dead_letter {
            self.topic(&dead_letter.topic);
        }
        self.topics.entry(subscription.topic.clone()).or_default().push(self.subscriptions.len());
        let subscription = Arc::new(subscription);
        for lane in &mut self.lanes {
            lane.subscribe(Arc::clone(&subscription));
        }
        self.subscriptions.push(subscription);
    }

    /// Publishes a message to every subscription of `topic` that wants it. Returns the message's id.
    pub fn publish(&mut self, topic: &str, message: Message, now: Timestamp) -> Result<String, UnknownTopic> {
        if !self.topics.contains_key(topic) {
            return Err(UnknownTopic(topic.to_string()));
        }
        let lane = self.lane_for(message.account());
        Ok(self.fan_out(lane, topic, message, now))
    }

    /// At most `limit` messages that may be pushed now, oldest first; each becomes outstanding. Without an
    /// account the accounts take turns: then the *limit* is shared, though still nothing else.
    pub fn deliveries(&mut self, now: Timestamp, account: Option<&str>, limit: usize) -> Vec<Delivery> {
        let Some(account) = account else { return self.deliveries_in_turn(now, limit) };
        match self.accounts.get(account) {
            Some(&lane) => std::iter::from_fn(|| self.lanes[lane].deliver(now)).take(limit).collect(),
            None => Vec::new(),
        }
    }

    /// Ends a delivery. A message that was not acked comes again after its backoff, or goes to the dead-letter
    /// topic once its attempts are spent. Settling a delivery a second time does nothing.
    pub fn settle(&mut self, delivery: u64, acked: bool, now: Timestamp) {
        let at = lane_of_delivery(delivery);
        let Some(lane) = self.lanes.get_mut(at) else { return };
        if let Some(dead) = lane.settle(delivery, acked, now, &mut self.counts) {
            self.fan_out(at, &dead.topic, dead.message, now);
        }
    }

    /// The function that got the delivery crashed, or answered too late: as if not acked.
    pub fn abandon(&mut self, delivery: u64, now: Timestamp) {
        self.settle(delivery, false, now);
    }

    /// When the next delivery may become possible; in the past when one is possible already. `None` when
    /// nothing waits, or when all that waits stands behind outstanding messages.
    pub fn next_at(&self, account: Option<&str>) -> Option<Timestamp> {
        self.lanes_of(account).filter_map(Lane::next_at).min()
    }

    /// How many deliveries have not been settled.
    pub fn outstanding(&self, account: Option<&str>) -> usize {
        self.lanes_of(account).map(Lane::outstanding).sum()
    }

    /// How many messages a subscription still holds, outstanding ones included.
    pub fn backlog(&self, subscription: &str) -> usize {
        let Some(at) = self.subscriptions.iter().position(|s| *s.name == *subscription) else { return 0 };
        self.lanes.iter().map(|lane| lane.backlog(at)).sum()
    }

    /// Whether nothing waits and nothing is outstanding.
    pub fn is_idle(&self) -> bool {
        self.lanes.iter().all(Lane::is_idle)
    }

    /// Faults so far by kind: `duplicate`, `redelivered_suffix`, `reordered`, `acked_but_redelivered`,
    /// `dead_lettered`. A kind that has not occurred is absent.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Sets how often the bus misbehaves towards an account; without one, towards all, those to come included.
    pub fn set_faults(&mut self, account: Option<&str>, faults: BusFaults) {
        if let Some(account) = account {
            let lane = self.lane_for(account);
            return self.lanes[lane].set_faults(faults);
        }
        self.faults = faults;
        for lane in &mut self.lanes {
            lane.set_faults(faults);
        }
    }

    fn deliveries_in_turn(&mut self, now: Timestamp, limit: usize) -> Vec<Delivery> {
        let mut out = Vec::new();
        let mut dry = 0;
        while out.len() < limit && dry < self.lanes.len() {
            let delivery = self.lanes[self.turn].deliver(now);
            self.turn = (self.turn + 1) % self.lanes.len();
            dry = if delivery.is_some() { 0 } else { dry + 1 };
            out.extend(delivery);
        }
        out
    }

    fn fan_out(&mut self, lane: usize, topic: &str, message: Message, now: Timestamp) -> String {
        let subscribers = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        self.lanes[lane].publish(subscribers, message, now, &mut self.counts)
    }

    fn lanes_of(&self, account: Option<&str>) -> impl Iterator<Item = &Lane> {
        match account {
            None => self.lanes.iter(),
            Some(account) => match self.accounts.get(account) {
                Some(&lane) => self.lanes[lane..=lane].iter(),
                None => [].iter(),
            },
        }
    }

    fn lane_for(&mut self, account: &str) -> usize {
        if let Some(&lane) = self.accounts.get(account) {
            return lane;
        }
        let (at, account) = (self.lanes.len(), Arc::<str>::from(account));
        let mut lane = Lane::new(at, Arc::clone(&account), self.seed, self.faults);
        for subscription in &self.subscriptions {
            lane.subscribe(Arc::clone(subscription));
        }
        self.lanes.push(lane);
        self.accounts.insert(account, at);
        at
    }
}

/// A message was published to a topic that nobody declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTopic(pub String);

impl fmt::Display for UnknownTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic {:?} does not exist", self.0)
    }
}

impl std::error::Error for UnknownTopic {}
