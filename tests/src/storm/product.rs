//! The product in the storm's world, driven by what happens: the clock goes from one happening to the next.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use serde_json::{Map, Value as Json};
use shared::domain::id::{AccountId, RecordType, Side, SideId, Timestamp};
use shared::domain::record::Record;
use shared::domain::surface::SyncConfig;
use shared::state::State;

use super::measure::Second;
use super::{Stage, weather};
use crate::executor::Lane;
use crate::world::{Clocks, World};

/// The account that the storm is about.
pub(crate) const STORMY: Lane = 0;

/// The account beside it.
pub(crate) const BESIDE: Lane = 1;

/// The scheduler's tick, ms.
const TICK_MS: i64 = 60_000;

/// How much there is to write.
#[derive(Debug, Clone, Copy)]
pub struct Demand {
    /// Records.
    pub records: usize,
    /// Edits a second, one record after the other.
    pub edits_a_second: usize,
}

/// The product at work.
pub struct Product {
    /// Where.
    pub world: World,
    /// Whether the poller is at work.
    polls: bool,
    ticked: i64,
    edits: u64,
    records: BTreeMap<(Lane, &'static str), Vec<String>>,
}

impl Product {
    /// The product, with nothing to do, in accounts configured so. Its clocks are right: by wrong ones a merge takes
    /// news of a write before the write's answer has come, and a look follows.
    pub fn new(config: SyncConfig) -> Self {
        Self {
            world: World::configured(1, config, None, Clocks { systems_ms: 0, instances_ms: 0 }),
            polls: false,
            ticked: 0,
            edits: 0,
            records: BTreeMap::new(),
        }
    }

    /// The same as it is deployed: one instance serves all accounts, and they are polled.
    pub(crate) fn shared(config: SyncConfig) -> Self {
        let mut product = Self::new(config);
        product.world.share_instances();
        product.polls = true;
        product
    }

    pub(crate) fn account(&self, lane: Lane) -> AccountId {
        self.world.accounts[lane].clone()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.executor.now()
    }

    /// A record as the state has it.
    pub(crate) fn states(&self, lane: Lane) -> Vec<Arc<Record>> {
        self.world.state.all_records(&self.account(lane))
    }

    /// From now on NetSuite is like this for an account.
    pub(crate) fn set_weather(&self, lane: Lane, stage: &Stage) {
        self.world.netsuite.set_faults(&self.account(lane), weather(stage)).expect("no behaviours");
    }

    /// Somebody creates a record in SuiteX.
    pub(crate) fn create(&mut self, lane: Lane, kind: &'static str, field: &str) {
        let values = self.values(field);
        let row = self.world.suitex.create(&self.account(lane), kind, &values, "sam").expect("a record");
        self.records.entry((lane, kind)).or_default().push(row.id);
        self.world.poke(lane);
    }

    /// Somebody edits the `nth` record that was created in SuiteX; the answer is the new value.
    pub(crate) fn edit(&mut self, lane: Lane, kind: &'static str, field: &str, nth: usize) -> Json {
        let values = self.values(field);
        let id = &self.records[&(lane, kind)][nth];
        self.world.suitex.edit(&self.account(lane), kind, id, &values, "sam").expect("a record");
        self.world.poke(lane);
        values.into_iter().next().map_or(Json::Null, |(_, value)| value)
    }

    fn values(&mut self, field: &str) -> Map<String, Json> {
        self.edits += 1;
        Map::from_iter([(field.to_string(), format!("v{}", self.edits).into())])
    }

    /// What NetSuite holds of a record that was made in SuiteX; `None` as long as it has none.
    pub(crate) fn in_netsuite(
        &self,
        lane: Lane,
        kind: &'static str,
        nth: usize,
        field: &str,
    ) -> Option<Json> {
        let (account, record_type) = (self.account(lane), RecordType::parse(kind).expect("a type"));
        let id = SideId::parse(&self.records[&(lane, kind)][nth]).expect("an id");
        let asked = [(record_type.clone(), Side::SuiteX, id)];
        let link = done(self.world.state.links(&account, &asked)).pop().flatten()?;
        let record = (record_type.clone(), link.canonical);
        let there = done(self.world.state.counterparts(&account, Side::NetSuite, &[record]));
        let there = there.into_iter().next().flatten()?;
        let snapshot = self.world.netsuite.snapshot(&account, &record_type, there.as_str())?;
        snapshot.values.get(field).cloned()
    }

    /// Everything that happens until then.
    pub(crate) fn run_until(&mut self, until: Timestamp) {
        loop {
            self.drain();
            let now = self.now();
            if now >= until {
                return;
            }
            if now.0 - self.ticked >= TICK_MS {
                self.ticked = now.0;
                for lane in [STORMY, BESIDE] {
                    self.world.tick(lane);
                    if self.polls {
                        self.world.poll_by(lane, 0);
                    }
                }
                continue;
            }
            let bus = self.world.bus.lock().unwrap_or_else(PoisonError::into_inner).next_at(None);
            let timer = self.world.executor.next_timer();
            let tick = Timestamp(self.ticked + TICK_MS);
            let next = [bus, timer].into_iter().flatten().fold(until.min(tick), Timestamp::min);
            self.world.executor.advance((next.0 - now.0).max(1));
        }
    }

    /// Everything that needs no time.
    fn drain(&mut self) {
        // Both make their step, in turn.
        while [STORMY, BESIDE].map(|lane| self.world.step(lane)).contains(&true) {}
    }

    /// Lets everything that is to be done be done.
    pub(crate) fn settle(&mut self, lane: Lane) {
        for _ in 0..3_600 {
            let now = self.now();
            self.run_until(now.plus(1_000));
            let due = |r: &Arc<Record>| r.sides.netsuite.due.is_some() || r.sides.suitex.due.is_some();
            let outbox = self.world.suitex.outbox_len(&self.account(lane));
            let census = done(self.world.state.census(&self.account(lane)));
            let open: u64 = ["pending", "waiting"].iter().filter_map(|place| census.get(place)).sum();
            if outbox == 0 && open == 0 && !self.states(lane).iter().any(due) {
                return;
            }
        }
        panic!("it does not settle");
    }

    /// Goes through the stages, with always more to write than NetSuite takes; told second by second.
    pub fn storm(&mut self, stages: &[Stage], demand: Demand) -> Vec<Second> {
        self.set_weather(STORMY, &stages[0]);
        for _ in 0..demand.records {
            self.create(STORMY, "customer", "company_name");
        }
        self.settle(STORMY);
        let (mut seconds, mut nth, start) = (Vec::new(), 0, self.now());
        for stage in stages {
            self.set_weather(STORMY, stage);
            for _ in 0..stage.for_ms / 1_000 {
                for _ in 0..demand.edits_a_second {
                    self.edit(STORMY, "customer", "phone", nth % demand.records);
                    nth += 1;
                }
                seconds.push(self.second(start.plus((seconds.len() as i64 + 1) * 1_000)));
            }
        }
        seconds
    }

    /// What happens until then in the stormy account.
    pub(crate) fn second(&mut self, until: Timestamp) -> Second {
        let account = self.account(STORMY);
        let before = self.world.netsuite.stats(&account);
        self.run_until(until);
        let after = self.world.netsuite.stats(&account);
        Second {
            written: after.writes_applied - before.writes_applied,
            calls: after.calls - before.calls,
            refused: after.overloads_by_limit - before.overloads_by_limit,
        }
    }
}

/// What a memory twin answers: it never waits.
pub(crate) fn done<T, E: std::fmt::Debug>(future: impl Future<Output = Result<T, E>>) -> T {
    let answered = futures::FutureExt::now_or_never(future).expect("a memory twin does not wait");
    answered.expect("a memory twin does not fail")
}
