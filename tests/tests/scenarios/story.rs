//! A world that is driven step by step. Whoever lets a story go has it checked: nothing is left to do, and
//! every invariant of the simulation holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use local::functions::{FUNCTIONS, POLLED_AFTER_MS};
use local::netsuite::{Answer, Cause, Deployed, Faults, Files, Mode, Outside, Post, Scripts, Unreached};
use serde_json::{Map, Value as Json};
use shared::domain::governance::{Call, CallEnd, Purpose};
use shared::domain::id::{AccountId, RecordKey, RecordType, Side, SideId};
use shared::domain::record::Record;
use shared::domain::surface::SyncConfig;
use shared::state::{Census, ErrorEntry, HistoryRow, State};
use simulation::checks;
use simulation::executor::{Instance, Lane};
use simulation::people::Edits;
use simulation::run::{TELLING_MS, TELLING_ROUNDS};
use simulation::world::{self, Clocks, World};

pub(crate) use shared::domain::id::Side::{NetSuite, SuiteX};

/// Time goes by in steps of this size, ms.
const STEP_MS: i64 = 250;

/// Longest that anything may take to settle, ms.
const SETTLES_WITHIN_MS: i64 = 7_200_000;

/// The accounts of the configuration.
pub(crate) const ACME: Lane = 0;
pub(crate) const GLOBEX: Lane = 1;

/// A record's ids on both sides.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) netsuite: String,
    pub(crate) suitex: String,
}

pub(crate) struct Story {
    pub(crate) world: World,
    /// The account that people work in.
    pub(crate) lane: Lane,
    /// User Events stay where they are, in the order in which they were made.
    pub(crate) hold_user_events: bool,
    edits: Vec<Edits>,
    ticked_at: i64,
}

/// Nobody is reached from NetSuite.
struct Nowhere;

impl Outside for Nowhere {
    fn post(&self, _: Post) -> Result<Answer, Unreached> {
        Err(Unreached)
    }
}

/// A future of the memory twins, which never wait.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("a memory twin does not wait")
}

pub(crate) fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(object) => object,
        other => panic!("not an object: {other}"),
    }
}

pub(crate) fn kind(name: &str) -> RecordType {
    RecordType::parse(name).expect("a record type")
}

impl Story {
    /// A world with the product's own configuration.
    pub(crate) fn new() -> Self {
        Self::configured(|text| text)
    }

    /// A world with another configuration, made of the product's own.
    pub(crate) fn configured(change: impl FnOnce(String) -> String) -> Self {
        Self::between(&world::config(), change, Scripts::Native)
    }

    /// A world in whose NetSuite the very scripts run that customers deploy. Their User Events stay in the outbox: what
    /// changes there is polled.
    pub(crate) fn scripted() -> Self {
        let files = Files::of_the_project();
        let deployed = Deployed::in_turn(files, Mode::Outbox, BTreeMap::new(), Arc::new(Nowhere));
        Self::between(&world::config(), |text| text, Scripts::Deployed(deployed))
    }

    /// A world in which both systems, too, have what the configuration names beyond the product's own.
    pub(crate) fn extended(change: impl Fn(String) -> String) -> Self {
        Self::between(&change(world::config()), change, Scripts::Native)
    }

    /// A world between two systems that have what `systems` configures.
    fn between(systems: &str, change: impl FnOnce(String) -> String, scripts: Scripts) -> Self {
        let own = include_str!("../../../config/sync.toml").to_string();
        // A story says what happens within which second: our own clocks agree on that. The simulation has them disagree.
        let clocks = Clocks { systems_ms: 300_000, instances_ms: 0 };
        let plain = SyncConfig::parse(systems).expect("what both systems have");
        let mut world = World::of_scripts(1, plain, None, clocks, scripts);
        world.config =
            Arc::new(SyncConfig::parse(&world::with_people(&change(own))).expect("a configuration"));
        for lane in [ACME, GLOBEX] {
            for function in FUNCTIONS {
                for number in [0, 1] {
                    world.boot(lane, Instance { function, number });
                }
            }
        }
        let edits = vec![Edits::default(), Edits::default()];
        Self { world, lane: ACME, hold_user_events: false, edits, ticked_at: 0 }
    }

    pub(crate) fn account(&self) -> AccountId {
        self.world.accounts[self.lane].clone()
    }

    /// Others of ours have used up all calls of the day.
    pub(crate) fn spend_budget(&self) {
        let (account, at) = (self.account(), self.world.executor.now());
        let limits = &self.world.config.accounts[&account].limits;
        let until = at.plus(60_000);
        let spend =
            |n| Call { id: uuid::Uuid::from_u128(n), purpose: Purpose::Look, now: at, until, writes: 0 };
        for call in (0..).map(spend) {
            if now(self.world.state.begin_call(&account, &call, limits)).expect("in memory").is_err() {
                return;
            }
            now(self.world.state.end_call(&account, call.id, CallEnd::Answered, at, limits))
                .expect("in memory");
        }
    }

    // What people do.

    /// Somebody creates a record; the answer is its id on that side.
    pub(crate) fn create(&mut self, side: Side, record_type: &str, values: Json) -> String {
        let (account, values) = (self.account(), object(values));
        let id = match side {
            NetSuite => {
                let made = self.world.netsuite.ui_create(&account, &kind(record_type), &values, true, "ann");
                made.unwrap_or_else(|refused| panic!("{refused:?}"))
            }
            SuiteX => {
                let made = self.world.suitex.create(&account, record_type, &values, "sam");
                made.unwrap_or_else(|problem| panic!("{problem:?}")).id
            }
        };
        self.took(side, record_type, &id, &values);
        id
    }

    /// Something creates a record in NetSuite that no User Event sees.
    pub(crate) fn create_unseen(&mut self, record_type: &str, values: Json) -> String {
        let (account, values) = (self.account(), object(values));
        let made = self.world.netsuite.ui_create(&account, &kind(record_type), &values, false, "ann");
        let id = made.unwrap_or_else(|refused| panic!("{refused:?}"));
        self.took(NetSuite, record_type, &id, &values);
        id
    }

    /// Somebody edits a record.
    pub(crate) fn edit(&mut self, side: Side, record_type: &str, id: &str, values: Json) {
        self.edit_as(side, record_type, id, values, true);
    }

    /// Something edits a record in NetSuite that no User Event sees.
    pub(crate) fn edit_unseen(&mut self, record_type: &str, id: &str, values: Json) {
        self.edit_as(NetSuite, record_type, id, values, false);
    }

    /// A record is changed in NetSuite by this cause.
    pub(crate) fn edit_by(&mut self, cause: Cause, record_type: &str, id: &str, values: Json) {
        let (account, values) = (self.account(), object(values));
        let told = self.world.netsuite.change(&account, (&kind(record_type), id), &values, cause);
        told.unwrap_or_else(|refused| panic!("{refused:?}"));
        self.took(NetSuite, record_type, id, &values);
    }

    fn edit_as(&mut self, side: Side, record_type: &str, id: &str, values: Json, user_event: bool) {
        let (account, values) = (self.account(), object(values));
        match side {
            NetSuite => {
                let told =
                    self.world.netsuite.ui_edit(&account, &kind(record_type), id, &values, user_event, "ann");
                told.unwrap_or_else(|refused| panic!("{refused:?}"));
            }
            SuiteX => {
                let done = self.world.suitex.edit(&account, record_type, id, &values, "sam");
                done.unwrap_or_else(|problem| panic!("{problem:?}"));
            }
        }
        self.took(side, record_type, id, &values);
    }

    /// Somebody deletes a record.
    pub(crate) fn delete(&mut self, side: Side, record_type: &str, id: &str) {
        let account = self.account();
        match side {
            NetSuite => {
                let done = self.world.netsuite.ui_delete(&account, &kind(record_type), id, true, "ann");
                done.unwrap_or_else(|refused| panic!("{refused:?}"));
            }
            SuiteX => {
                let done = self.world.suitex.delete(&account, record_type, id, "sam");
                done.unwrap_or_else(|problem| panic!("{problem:?}"));
            }
        }
        self.edits[self.lane].taken += 1;
    }

    /// Something deletes a record in NetSuite that no User Event sees.
    pub(crate) fn delete_unseen(&mut self, record_type: &str, id: &str) {
        let account = self.account();
        let done = self.world.netsuite.ui_delete(&account, &kind(record_type), id, false, "ann");
        done.unwrap_or_else(|refused| panic!("{refused:?}"));
        self.edits[self.lane].taken += 1;
    }

    fn took(&mut self, side: Side, record_type: &str, id: &str, values: &Map<String, Json>) {
        self.edits[self.lane].taken += 1;
        let stored = self.values(side, record_type, id).unwrap_or_default();
        let surface = &self.world.config.accounts[&self.account()].types[&kind(record_type)];
        for name in values.keys() {
            if let (Some(field), Some(value)) = (surface.field_on(side, name), stored.get(name)) {
                let cell = (side, kind(record_type), id.to_string(), field);
                self.edits[self.lane].last.insert(cell, value.clone());
            }
        }
    }

    /// What people wrote is not held against the end: for forms that the checks do not know.
    pub(crate) fn forget_edits(&mut self) {
        self.edits[self.lane].last.clear();
    }

    /// A customer that both sides have, born in NetSuite.
    pub(crate) fn customer(&mut self, values: Json) -> Pair {
        self.born(NetSuite, "customer", values)
    }

    /// A record that both sides have, born on `side`.
    pub(crate) fn born(&mut self, side: Side, record_type: &str, values: Json) -> Pair {
        let id = self.create(side, record_type, values);
        self.settle();
        self.pair(side, record_type, &id)
    }

    // What time does.

    /// Lets everything run that needs no time.
    pub(crate) fn drain(&mut self) {
        for lane in [ACME, GLOBEX] {
            for steps in 0.. {
                assert!(steps < 1_000_000, "it never ends");
                if !self.act(lane) {
                    break;
                }
            }
        }
    }

    /// One step of what needs no time; false when there is none.
    fn act(&mut self, lane: Lane) -> bool {
        self.world.gather_user_events(lane);
        if self.world.executor.ready(lane) > 0 {
            self.world.executor.step(lane, 0);
            for (lane, instance) in self.world.executor.doomed() {
                self.world.crash(lane, instance);
            }
            return true;
        }
        if !self.hold_user_events
            && let Some(event) = self.world.lanes[lane].user_events.pop_front()
        {
            self.world.send_user_event(lane, event);
            return true;
        }
        self.world.deliver(lane)
    }

    /// Makes single steps until `there`, as a crash needs it; time goes by as it must.
    pub(crate) fn step_until(&mut self, there: impl Fn(&World) -> bool) {
        for _ in 0..100_000 {
            if there(&self.world) {
                return;
            }
            if !self.act(self.lane) {
                self.advance(50);
            }
        }
        panic!("it never comes to that");
    }

    fn advance(&mut self, millis: i64) {
        self.world.executor.advance(millis);
        let now = self.world.executor.now().0;
        let tick = now - self.ticked_at >= 60_000;
        for lane in [ACME, GLOBEX] {
            if tick {
                self.world.tick(lane);
            } else if self.world.suitex.outbox_len(&self.world.accounts[lane]) > 0 {
                self.world.poke(lane);
            }
        }
        if tick {
            self.ticked_at = now;
        }
    }

    /// Lets time go by.
    pub(crate) fn pass(&mut self, millis: i64) {
        self.drain();
        for _ in 0..millis / STEP_MS {
            self.advance(STEP_MS);
            self.drain();
        }
    }

    /// Lets time go by until nothing is left to do.
    pub(crate) fn settle(&mut self) {
        self.drain();
        for _ in 0..SETTLES_WITHIN_MS / STEP_MS {
            if self.left().is_empty() {
                return;
            }
            self.advance(STEP_MS);
            self.drain();
        }
        panic!("it does not settle: {:?}\n{}", self.left(), self.trace());
    }

    /// What is still to be done.
    pub(crate) fn left(&self) -> Vec<String> {
        let world = &self.world;
        let mut left = Vec::new();
        for lane in [ACME, GLOBEX] {
            let account = &world.accounts[lane];
            let mut note =
                |what: &str, n: usize| left.extend((n > 0).then(|| format!("{account}: {n} {what}")));
            note("tasks", world.executor.tasks(lane));
            note("outbox rows", world.suitex.outbox_len(account));
            note("user events", if self.hold_user_events { 0 } else { world.lanes[lane].user_events.len() });
            let bus = world.bus.lock().expect("a healthy bus");
            note("messages", usize::from(bus.next_at(Some(account.as_str())).is_some()));
            drop(bus);
            let open = world.state.all_pending(account).iter().filter(|r| r.place.is_open()).count();
            note("open events", open);
            for record in world.state.all_records(account) {
                for side in Side::BOTH {
                    let due = record.sides[side].due.as_ref();
                    left.extend(due.map(|due| format!("{} for {side}: {due:?}", record.key)));
                }
            }
        }
        left
    }

    /// The poller tells what changed in NetSuite, and all settles.
    pub(crate) fn poll(&mut self) {
        self.tell_of_changes();
        self.settle();
    }

    /// Time goes by, as it is told: a poll every ten minutes.
    pub(crate) fn poll_for(&mut self, minutes: i64) {
        for _ in 0..minutes / 10 {
            self.world.executor.advance(600_000);
            self.poll();
        }
    }

    /// The poller tells what changed in NetSuite; nobody has heard it yet.
    pub(crate) fn tell_of_changes(&mut self) {
        self.world.executor.advance(POLLED_AFTER_MS);
        self.world.poll_by(self.lane, 0);
        while self.world.executor.ready(self.lane) > 0 {
            self.world.executor.step(self.lane, 0);
        }
    }

    // What can be seen.

    /// A record's values under the side's own names; `None` when the side has no such record.
    pub(crate) fn values(&self, side: Side, record_type: &str, id: &str) -> Option<Map<String, Json>> {
        let account = self.account();
        match side {
            NetSuite => self.world.netsuite.snapshot(&account, &kind(record_type), id).map(|s| s.values),
            SuiteX => self.world.suitex.row(&account, record_type, id).map(|r| r.values),
        }
    }

    /// A field's value on a side that has the record.
    #[track_caller]
    pub(crate) fn value(&self, side: Side, record_type: &str, id: &str, field: &str) -> Json {
        let values =
            self.values(side, record_type, id).unwrap_or_else(|| panic!("{side} has no {record_type} {id}"));
        values.get(field).cloned().unwrap_or(Json::Null)
    }

    /// Asserts that a field that both sides call the same holds `value` on both.
    #[track_caller]
    pub(crate) fn assert_both(&self, record_type: &str, pair: &Pair, field: &str, value: Json) {
        for (side, id) in [(NetSuite, &pair.netsuite), (SuiteX, &pair.suitex)] {
            assert_eq!(self.value(side, record_type, id, field), value, "{field} of {side}");
        }
    }

    /// The values of all records of a type that a side has.
    pub(crate) fn all(&self, side: Side, record_type: &str) -> Vec<Map<String, Json>> {
        let account = self.account();
        match side {
            NetSuite => {
                let all = self.world.netsuite.all(&account, &kind(record_type));
                all.into_iter().map(|snapshot| snapshot.values).collect()
            }
            SuiteX => {
                self.world.suitex.all(&account, record_type).into_iter().map(|row| row.values).collect()
            }
        }
    }

    /// How many records of a type a side has.
    pub(crate) fn count(&self, side: Side, record_type: &str) -> usize {
        let account = self.account();
        match side {
            NetSuite => self.world.netsuite.all(&account, &kind(record_type)).len(),
            SuiteX => self.world.suitex.all(&account, record_type).len(),
        }
    }

    /// What we know of the record that `side` has as `id`.
    #[track_caller]
    pub(crate) fn record(&self, side: Side, record_type: &str, id: &str) -> Arc<Record> {
        let (account, record_type) = (self.account(), kind(record_type));
        let asked = [(record_type.clone(), side, SideId::parse(id).expect("an id"))];
        let link = now(self.world.state.links(&account, &asked)).expect("the state").remove(0);
        let link = link.unwrap_or_else(|| panic!("{side} {record_type} {id} is no record of ours"));
        let key = RecordKey::new(account, record_type, link.canonical);
        now(self.world.state.load(&[key])).expect("the state").remove(0).expect("a linked record")
    }

    #[track_caller]
    pub(crate) fn pair(&self, side: Side, record_type: &str, id: &str) -> Pair {
        let record = self.record(side, record_type, id);
        let of = |side: Side| record.sides[side].id.as_ref().map(ToString::to_string);
        let (netsuite, suitex) = (of(NetSuite), of(SuiteX));
        Pair {
            netsuite: netsuite.unwrap_or_else(|| panic!("{} is not in NetSuite", record.key)),
            suitex: suitex.unwrap_or_else(|| panic!("{} is not in SuiteX", record.key)),
        }
    }

    /// Writes of ours that changed something: in NetSuite, in SuiteX.
    pub(crate) fn writes(&self) -> (u64, u64) {
        let account = self.account();
        (self.world.netsuite.stats(&account).writes_applied, self.world.suitex.sync_writes(&account))
    }

    pub(crate) fn history(&self, record: &Record) -> Vec<HistoryRow> {
        now(self.world.state.history(&record.key)).expect("the state")
    }

    pub(crate) fn census(&self) -> Census {
        now(self.world.state.census(&self.account())).expect("the state")
    }

    /// Open errors of the account, of each of which people are told.
    #[track_caller]
    pub(crate) fn errors(&self) -> Vec<ErrorEntry> {
        let account = self.account();
        let open = now(self.world.state.errors(Some(&account), true, None, 1_000)).expect("the state").items;
        let notices = self.world.state.all_notices(&account);
        for error in &open {
            let subject = format!("error:{}", error.id);
            assert!(notices.iter().any(|notice| notice.subject == subject), "nobody is told of {error:?}");
        }
        open
    }

    /// The only open error.
    #[track_caller]
    pub(crate) fn error(&self) -> ErrorEntry {
        let mut errors = self.errors();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }

    pub(crate) fn trace(&self) -> String {
        self.world.lanes[self.lane].trace.join("\n")
    }

    // What goes wrong.

    /// Changes what goes wrong in the account's NetSuite.
    pub(crate) fn netsuite(&mut self, change: impl FnOnce(&mut Faults)) {
        let account = self.account();
        let mut faults = self.world.netsuite.faults(&account);
        change(&mut faults);
        self.world.netsuite.set_faults(&account, faults).expect("faults that NetSuite knows");
    }

    /// How often something went wrong there.
    pub(crate) fn injected(&self, fault: &str) -> u64 {
        self.world.netsuite.injected(&self.account()).get(fault).copied().unwrap_or(0)
    }

    /// Kills all instances of a function.
    pub(crate) fn crash(&mut self, function: &'static str) {
        for number in [0, 1] {
            self.world.crash(self.lane, Instance { function, number });
        }
    }

    /// A message on the bus that nobody has checked.
    pub(crate) fn publish_raw(&mut self, data: impl Into<Bytes>) {
        let attributes = [("account", self.account().to_string()), ("type", "customer".into())];
        let message = local::bus::Message {
            data: data.into(),
            attributes: attributes.map(|(k, v)| (k.to_string(), v)).into(),
            ordering_key: "by:hand:1".into(),
        };
        let now = self.world.executor.now();
        let mut bus = self.world.bus.lock().expect("a healthy bus");
        bus.publish("events.raw", message, now).expect("a topic of the table");
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.settle();
        // What the poller would have told by now changes nothing.
        self.world.executor.advance(POLLED_AFTER_MS);
        for lane in [ACME, GLOBEX] {
            self.world.poll_by(lane, 0);
        }
        self.settle();
        // Whoever is to be told has heard by then.
        for _ in 0..TELLING_ROUNDS {
            self.world.executor.advance(TELLING_MS);
            for lane in [ACME, GLOBEX] {
                self.world.tell(lane);
                while self.world.step(lane) {}
            }
        }
        let mut found = self.world.faults.watch.violations();
        for lane in [ACME, GLOBEX] {
            found.extend(checks::check(&self.world, lane, &self.edits[lane]));
        }
        assert!(found.is_empty(), "{found:#?}\n{}", self.trace());
    }
}
