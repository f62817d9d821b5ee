//! Counters of one instance, in Prometheus form. Labels are bounded: sources, rules, sides, outcomes, never
//! the id of a record or an account.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::id::{AccountId, Side};

/// Upper bounds of the latency buckets, in seconds: from the debounce (1 s) over the objective (60 s) to the
/// night.
const LATENCY_BUCKETS: [f64; 13] =
    [0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0, 28_800.0];

/// Names that may stand in the label `source`; anything else is `other`.
const SOURCES: [&str; 5] = ["netsuite-ue", "netsuite-poll", "suitex", "reconcile", "review"];

/// Names that may stand in the label `class`; anything else is `other`.
const CLASSES: [&str; 10] = [
    "validation",
    "malformed",
    "not_persisted",
    "not_shown",
    "waiting",
    "missing",
    "identity",
    "brake",
    "delivery",
    "cut_off",
];

type One = [(&'static str, &'static str); 1];
type Two = [(&'static str, &'static str); 2];

/// The counters of one instance of a function. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

/// What each account that is being worked off contributes: records, and ms until they are done.
type Backlogs = BTreeMap<(Side, AccountId), (u64, Option<i64>)>;

struct Inner {
    registry: Registry,
    events: Family<One, Counter>,
    places: Family<One, Counter>,
    decisions: Family<One, Counter>,
    flushes: Counter,
    flushed: Counter,
    writes: Family<Two, Counter>,
    calls: Family<Two, Counter>,
    errors: Family<One, Counter>,
    refused: Family<One, Counter>,
    messages: Family<Two, Counter>,
    latency: Family<One, Histogram, fn() -> Histogram>,
    backlog: Family<One, Gauge>,
    drain: Family<One, Gauge<f64, AtomicU64>>,
    backlogs: Mutex<Backlogs>,
    poll_lag: Histogram,
}

impl Metrics {
    /// Counters, all at nothing, labelled with the function's name.
    pub fn new(function: &'static str) -> Self {
        let mut registry =
            Registry::with_prefix_and_labels("sync", [("function".into(), function.into())].into_iter());
        let histogram: fn() -> Histogram = || Histogram::new(LATENCY_BUCKETS);
        let inner = Inner {
            events: counters(&mut registry, "events", "Events taken, by source"),
            places: counters(&mut registry, "event_places", "Events by the place where they ended"),
            decisions: counters(&mut registry, "decisions", "Decisions, by the rule that made them"),
            flushes: Counter::default(),
            flushed: Counter::default(),
            writes: counters(&mut registry, "writes", "Writes to a side, by outcome"),
            calls: counters(&mut registry, "calls", "Calls to a side, by how they ended"),
            errors: counters(&mut registry, "errors", "Errors filed for a person, by class"),
            refused: counters(&mut registry, "refused", "Requests refused at the door, by reason"),
            messages: counters(&mut registry, "messages", "Messages to people, by channel and outcome"),
            latency: Family::new_with_constructor(histogram),
            backlog: Family::default(),
            drain: Family::default(),
            backlogs: Mutex::default(),
            poll_lag: histogram(),
            registry,
        };
        Self { inner: Arc::new(inner.registered()) }
    }

    /// An event of `source` was taken.
    pub fn event(&self, source: &str) {
        self.inner.events.get_or_create(&[("source", bounded(&SOURCES, source))]).inc();
    }

    /// An event ended at this place; see [`crate::state::Place::name`].
    pub fn place(&self, name: &'static str) {
        self.inner.places.get_or_create(&[("place", name)]).inc();
    }

    /// This rule decided a field, or a record's existence; see [`crate::domain::report::Rule::name`].
    pub fn decision(&self, rule: &'static str) {
        self.inner.decisions.get_or_create(&[("rule", rule)]).inc();
    }

    /// A record's `events` pending events were absorbed at once: events over flushes is the coalescing ratio.
    pub fn flush(&self, events: usize) {
        self.inner.flushes.inc();
        self.inner.flushed.inc_by(events as u64);
    }

    /// A write of one record to `side` had this outcome.
    pub fn write(&self, side: Side, outcome: &'static str) {
        self.inner.writes.get_or_create(&[("side", side.as_str()), ("outcome", outcome)]).inc();
    }

    /// A call to `side` ended so.
    pub fn call(&self, side: Side, end: &'static str) {
        self.inner.calls.get_or_create(&[("side", side.as_str()), ("end", end)]).inc();
    }

    /// An error of this class was filed for a person.
    pub fn error(&self, class: &str) {
        self.inner.errors.get_or_create(&[("class", bounded(&CLASSES, class))]).inc();
    }

    /// A change was applied on the other side so many milliseconds after it was made; `path` is like
    /// `suitex_to_netsuite`. A source's clock may be ahead of ours: that counts as no time.
    pub fn latency(&self, path: &'static str, millis: i64) {
        let seconds = millis.max(0) as f64 / 1_000.0;
        self.inner.latency.get_or_create(&[("path", path)]).observe(seconds);
    }

    /// An account that this instance works off has so many records due for `side`, and will have done them in so many
    /// ms, if that can be told.
    pub fn backlog(&self, side: Side, account: &AccountId, records: u64, drains_in_ms: Option<i64>) {
        self.change_backlogs(side, |all| {
            all.insert((side, account.clone()), (records, drains_in_ms));
        });
    }

    /// This instance works the account off no more.
    pub fn drained(&self, side: Side, account: &AccountId) {
        self.change_backlogs(side, |all| {
            all.remove(&(side, account.clone()));
        });
    }

    /// Accounts are no labels: their records are added up, and the longest drain is shown.
    fn change_backlogs(&self, side: Side, change: impl FnOnce(&mut Backlogs)) {
        let mut all = self.inner.backlogs.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut all);
        let (mut records, mut longest) = (0, 0);
        for (_, (due, drains_in_ms)) in all.iter().filter(|((of, _), _)| *of == side) {
            records += due;
            longest = longest.max(drains_in_ms.unwrap_or(0));
        }
        let label = [("side", side.as_str())];
        self.inner.backlog.get_or_create(&label).set(i64::try_from(records).unwrap_or(i64::MAX));
        self.inner.drain.get_or_create(&label).set(longest as f64 / 1_000.0);
    }

    /// After a tick, what was saved in NetSuite up to so many milliseconds ago has been looked at.
    pub fn poll_lag(&self, millis: i64) {
        self.inner.poll_lag.observe(millis.max(0) as f64 / 1_000.0);
    }

    /// An attempt to send people a message ended so: `sent`, `again` or `given_up`.
    pub fn message(&self, channel: &'static str, outcome: &'static str) {
        self.inner.messages.get_or_create(&[("channel", channel), ("outcome", outcome)]).inc();
    }

    /// A request was refused at the door.
    pub fn refused(&self, reason: &'static str) {
        self.inner.refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// Everything in the text form that `/metrics` serves. The order of the series is not fixed.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.inner.registry);
        text
    }
}

impl Inner {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register(
            "flushes",
            "Times that a record's pending events were absorbed",
            self.flushes.clone(),
        );
        registry.register("flushed_events", "Events absorbed by those flushes", self.flushed.clone());
        let help = "Seconds from a change at its source to its being applied on the other side";
        registry.register("apply_latency_seconds", help, self.latency.clone());
        let help = "Records due for a side, of the accounts that this instance works off";
        registry.register("backlog", help, self.backlog.clone());
        let help = "Seconds until the last of these accounts will have been worked off, at its pace of late";
        registry.register("drain_seconds", help, self.drain.clone());
        let help = "Seconds by which a scan of NetSuite is behind after a tick";
        registry.register("poll_lag_seconds", help, self.poll_lag.clone());
        self
    }
}

fn counters<L>(registry: &mut Registry, name: &str, help: &str) -> Family<L, Counter>
where
    L: Clone
        + std::fmt::Debug
        + std::hash::Hash
        + Eq
        + prometheus_client::encoding::EncodeLabelSet
        + Send
        + Sync
        + 'static,
{
    let family = Family::default();
    registry.register(name, help, family.clone());
    family
}

fn bounded(known: &[&'static str], name: &str) -> &'static str {
    known.iter().find(|k| **k == name).copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_shown_under_the_functions_name() {
        let metrics = Metrics::new("merge");
        metrics.event("suitex");
        metrics.event("whatever a caller sends");
        metrics.place("applied");
        metrics.decision("clean");
        metrics.flush(3);
        metrics.write(Side::NetSuite, "applied");
        metrics.call(Side::NetSuite, "overload");
        metrics.error("malformed");
        metrics.refused("bad_signature");
        metrics.latency("suitex_to_netsuite", 1_200);
        metrics.latency("suitex_to_netsuite", -5);
        metrics.poll_lag(61_000);
        let text = metrics.render();
        for line in [
            "sync_events_total{function=\"merge\",source=\"suitex\"} 1",
            "sync_events_total{function=\"merge\",source=\"other\"} 1",
            "sync_event_places_total{function=\"merge\",place=\"applied\"} 1",
            "sync_decisions_total{function=\"merge\",rule=\"clean\"} 1",
            "sync_flushes_total{function=\"merge\"} 1",
            "sync_flushed_events_total{function=\"merge\"} 3",
            "sync_writes_total{function=\"merge\",side=\"netsuite\",outcome=\"applied\"} 1",
            "sync_calls_total{function=\"merge\",side=\"netsuite\",end=\"overload\"} 1",
            "sync_errors_total{function=\"merge\",class=\"malformed\"} 1",
            "sync_refused_total{function=\"merge\",reason=\"bad_signature\"} 1",
            "sync_poll_lag_seconds_sum{function=\"merge\"} 61.0",
            "sync_apply_latency_seconds_count{function=\"merge\",path=\"suitex_to_netsuite\"} 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    #[test]
    fn backlogs_of_accounts_are_added_up_and_the_longest_drain_is_shown() {
        let metrics = Metrics::new("ns-writer");
        let [acme, globex] = ["acme", "globex"].map(|name| AccountId::parse(name).unwrap());
        metrics.backlog(Side::NetSuite, &acme, 1_000, Some(16_500));
        metrics.backlog(Side::NetSuite, &globex, 70, None);
        let lines = |n: u64, s: &str| {
            let labels = "{function=\"ns-writer\",side=\"netsuite\"}";
            [format!("sync_backlog{labels} {n}"), format!("sync_drain_seconds{labels} {s}")]
        };
        for line in lines(1_070, "16.5") {
            assert!(metrics.render().lines().any(|l| l == line), "{line}\n{}", metrics.render());
        }
        metrics.drained(Side::NetSuite, &acme);
        for line in lines(70, "0.0") {
            assert!(metrics.render().lines().any(|l| l == line), "{line}\n{}", metrics.render());
        }
    }

    #[test]
    fn clones_count_together_and_instances_do_not() {
        let (one, other) = (Metrics::new("merge"), Metrics::new("merge"));
        one.clone().place("applied");
        one.place("applied");
        assert!(one.render().contains("place=\"applied\"} 2"));
        assert!(!other.render().contains("applied"));
    }
}
