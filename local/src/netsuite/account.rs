//! One account's NetSuite: its records, its dice, its calls in flight, and those that have yet to land.
//!
//! Accounts share nothing, so no account's traffic can change what another one sees.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use fastrand::Rng;
use serde::Serialize;
use serde_json::Value as Json;
use shared::domain::id::{AccountId, Timestamp, derived_id};
use shared::domain::surface::{Account as AccountSurface, FieldIx};
use shared::netsuite::wire::Refusal;
use shared::runtime::clock::Clock;
use uuid::Uuid;

use super::faults::{Behaviour, Faults};
use super::gate::{self, Request};
use super::mirror::Mirror;
use super::notes::Notes;
use super::record::Body;
use super::refusal::{Reason, Refused};
use super::scripts::{self, Deployed, Rows, Scripts, Submitted, Thrown};
use super::sign_in::Door;
use super::store::{Store, TableIx};
use crate::beside::CreatedBeside;

/// What happened in an account so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Stats {
    /// RESTlet, REST and SuiteQL calls that arrived, whatever became of them.
    pub calls: u64,
    /// Saves and deletions by RESTlet that changed something.
    pub writes_applied: u64,
    /// Records created by RESTlet.
    pub creates: u64,
    /// Records deleted by RESTlet.
    pub deletes: u64,
    /// Calls turned away because the pool was full.
    pub overloads_by_limit: u64,
    /// Calls carried out when nobody waited for the answer any more.
    pub landed_late: u64,
    /// Our calls in flight now, those yet to land included.
    pub in_flight: u32,
    /// Most of our calls in flight at once.
    pub max_in_flight: u32,
    /// Access tokens given.
    pub tokens_given: u64,
    /// Calls turned away because they were not signed in.
    pub not_signed_in: u64,
}

/// The row that the RESTlet keeps of an operation that it carried out.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) table: TableIx,
    pub(super) id: u64,
    /// What the record held right after; `None` after a deletion.
    pub(super) held: Option<Body>,
}

/// Everything that an account's lock guards.
pub(super) struct State {
    pub(super) id: AccountId,
    /// The moment at which the work at hand happens: now, or when a late call lands.
    pub(super) now: Timestamp,
    pub(super) store: Store,
    pub(super) operations: BTreeMap<Uuid, Operation>,
    pub(super) user_events: Vec<Json>,
    /// What was noted of each save.
    pub(super) notes: Notes,
    /// SuiteQL's tables, from the first query on.
    pub(super) mirror: Option<Mirror>,
    /// Whether the account's own scripts are run, and not our code in their place.
    pub(super) runs_scripts: bool,
    /// Saves after which scripts are still to be run.
    pub(super) submitted: Vec<Submitted>,
    /// Custom records.
    pub(super) rows: Rows,
    /// What scripts logged last.
    pub(super) script_log: VecDeque<String>,
    pub(super) stats: Stats,
    /// Saves and deletions by RESTlet that changed something, by record.
    pub(super) writes: BTreeMap<(TableIx, u64), u64>,
    /// Creates that had others beside them, whatever the sync asked for.
    pub(super) beside: Vec<CreatedBeside>,
    /// Who is let in; everybody when `None`.
    pub(super) door: Option<Door>,
    faults: Faults,
    behaviours: BTreeMap<(TableIx, FieldIx), Behaviour>,
    injected: BTreeMap<&'static str, u64>,
    concurrency: u32,
    rng: Rng,
    late: BTreeMap<(Timestamp, u64), Arc<Request>>,
    late_calls: u64,
    /// Late calls that run scripts, whose time has come.
    landed: Vec<Arc<Request>>,
}

impl State {
    fn new(surface: &AccountSurface, now: Timestamp, seed: u64, deployed: Option<&Deployed>) -> Self {
        let dice = derived_id("netsuite-dice", &[&seed.to_string(), surface.id.as_str()]);
        let mut store = Store::new(surface);
        if deployed.is_some() {
            store.checkboxes_are_never_empty();
        }
        Self {
            id: surface.id.clone(),
            now,
            store,
            operations: BTreeMap::new(),
            user_events: Vec::new(),
            notes: Notes::default(),
            mirror: None,
            runs_scripts: deployed.is_some(),
            submitted: Vec::new(),
            rows: deployed.map_or_else(Rows::default, Deployed::rows),
            script_log: VecDeque::new(),
            stats: Stats::default(),
            writes: BTreeMap::new(),
            beside: Vec::new(),
            door: None,
            faults: Faults::default(),
            behaviours: BTreeMap::new(),
            injected: BTreeMap::new(),
            concurrency: surface.limits.concurrency,
            rng: Rng::with_seed(dice.as_u64_pair().0),
            late: BTreeMap::new(),
            late_calls: 0,
            landed: Vec::new(),
        }
    }

    /// Lets time pass: late calls land in their order, each at its own time.
    fn advance(&mut self, now: Timestamp) {
        while let Some(next) = self.late.first_entry()
            && next.key().0 <= now
        {
            let ((at, _), request) = next.remove_entry();
            self.now = self.now.max(at);
            self.stats.landed_late += 1;
            if self.runs_scripts {
                self.landed.push(request);
                continue;
            }
            self.leave();
            // Nobody waits for the answer.
            request.run(self);
        }
        // Two threads may have read the clock in the one order and come here in the other.
        self.now = self.now.max(now);
    }

    /// A script failed where nobody waits for what it says.
    pub(super) fn note_script(&mut self, script: &str, thrown: &Thrown) {
        tracing::warn!(account = %self.id, script, code = thrown.name, message = thrown.message, "a script failed");
        self.script_log.push_back(format!("failed {script}: {}: {}", thrown.name, thrown.message));
    }

    /// Counts a save or deletion by RESTlet that changed something.
    pub(super) fn wrote(&mut self, table: TableIx, id: u64) {
        self.stats.writes_applied += 1;
        *self.writes.entry((table, id)).or_default() += 1;
    }

    /// The faults in force.
    pub(super) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Puts faults into force, from the next call on.
    pub(super) fn set_faults(&mut self, faults: Faults) -> Result<(), Refused> {
        let resolve = |(path, behaviour): (&String, &Behaviour)| {
            let (name, field) = path.split_once('.').unwrap_or((path, ""));
            let table = self.store.table_named(name)?;
            Ok(((table, self.store.table(table).schema.writable(field)?), behaviour.clone()))
        };
        let behaviours = faults.behaviours.iter().map(resolve).collect::<Result<_, Refused>>()?;
        self.refuse_unknown_names(&faults.settings)?;
        self.behaviours = behaviours;
        self.faults = faults;
        Ok(())
    }

    /// What NetSuite does to values written to a field.
    pub(super) fn behaviour(&self, table: TableIx, field: FieldIx) -> Option<&Behaviour> {
        self.behaviours.get(&(table, field))
    }

    /// Throws the dice for a fault; counts it when it strikes. No dice are thrown for what cannot happen.
    pub(super) fn strikes(&mut self, kind: &'static str, share: fn(&Faults) -> f64) -> bool {
        let share = share(&self.faults);
        let hit = share > 0.0 && self.rng.f64() < share;
        if hit {
            self.count(kind);
        }
        hit
    }

    /// Which of these writes, if any, a script does not survive.
    pub(super) fn dies_at<'a>(
        &mut self,
        mut writes: impl Iterator<Item = &'a serde_json::Map<String, serde_json::Value>>,
    ) -> Option<usize> {
        let deadly = self.faults.deadly.as_deref()?;
        let is_deadly = |value: &serde_json::Value| value.as_str().is_some_and(|text| text.contains(deadly));
        let at = writes.position(|values| values.values().any(is_deadly))?;
        self.count("deadly");
        Some(at)
    }

    /// A whole number from 0 up to, not including, `below`.
    pub(super) fn draw(&mut self, below: u64) -> u64 {
        self.rng.u64(0..below.max(1))
    }

    /// Counts a fault that was injected.
    pub(super) fn count(&mut self, kind: &'static str) {
        *self.injected.entry(kind).or_default() += 1;
    }

    /// Faults injected so far, by kind.
    pub(super) fn injected(&self) -> &BTreeMap<&'static str, u64> {
        &self.injected
    }

    /// Whether one more call of ours fits beside those of other integrations.
    pub(super) fn has_room(&self) -> bool {
        let limit = self.faults.concurrency.unwrap_or(self.concurrency);
        self.stats.in_flight.saturating_add(self.faults.foreign_calls) < limit
    }

    /// A call of ours takes a place in the pool.
    pub(super) fn occupy(&mut self) {
        self.stats.in_flight += 1;
        self.stats.max_in_flight = self.stats.max_in_flight.max(self.stats.in_flight);
    }

    /// A call of ours gives its place back.
    pub(super) fn leave(&mut self) {
        self.stats.in_flight -= 1;
    }

    /// Keeps a call, and its place in the pool, until it lands.
    pub(super) fn postpone(&mut self, until: Timestamp, request: Arc<Request>) {
        self.late_calls += 1;
        self.late.insert((until, self.late_calls), request);
    }
}

/// One account, behind its lock.
pub(super) struct Account {
    pub(super) id: AccountId,
    /// NetSuite's own name of it.
    pub(super) netsuite_account: String,
    /// The scripts that are deployed; `None` where our own code does their work.
    pub(super) deployed: Option<Arc<Deployed>>,
    this: Weak<Account>,
    pub(super) clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl Account {
    pub(super) fn new(
        surface: &AccountSurface,
        clock: Arc<dyn Clock>,
        seed: u64,
        scripts: &Scripts,
    ) -> Arc<Self> {
        let deployed = match scripts {
            Scripts::Native => None,
            Scripts::Deployed(deployed) => Some(Arc::clone(deployed)),
        };
        Arc::new_cyclic(|this| Self {
            id: surface.id.clone(),
            netsuite_account: surface.netsuite_account.to_string(),
            state: Mutex::new(State::new(surface, clock.now(), seed, deployed.as_deref())),
            deployed,
            clock,
            this: Weak::clone(this),
        })
    }

    /// The account as it is now. The guard must not be held across an await, nor while a script runs.
    pub(super) fn enter(&self) -> MutexGuard<'_, State> {
        // A poisoned lock means that a test failed while it held it; the records are whole between saves.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(self.clock.now());
        for request in std::mem::take(&mut state.landed) {
            self.land(request);
        }
        state
    }

    /// Does something in the account, and then runs what scripts have to do about it. Where scripts are deployed
    /// this may take long, and belongs on a thread of its own.
    pub(super) fn act<T>(self: &Arc<Self>, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.enter();
        let done = work(&mut state);
        let submitted = std::mem::take(&mut state.submitted);
        drop(state);
        for save in submitted {
            scripts::after_submit(self, &save);
        }
        done
    }

    /// Carries a late call out beside everything else; nobody waits for the answer.
    fn land(&self, request: Arc<Request>) {
        let Some(account) = self.this.upgrade() else { return };
        scripts::start(move || {
            gate::carry_out(&account, &request);
            account.enter().leave();
        });
    }
}

/// The refusal of an account that does not exist.
pub(super) fn unknown_account(account: &AccountId) -> Refusal {
    Refused::new(Reason::UnknownAccount, format!("There is no account {account}.")).into()
}
