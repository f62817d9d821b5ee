//! One seed: a world, people, trouble; then the trouble stops, everything settles, and the checks are made.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::StatusCode;
use local::bus::BusFaults;
use local::functions::FUNCTIONS;
use local::netsuite::{Behaviour, Faults as NetSuiteFaults};
use local::signed::signed;
use serde_json::json;
use shared::breakage::{self, Breakage};
use shared::domain::id::{Side, Timestamp};
use shared::state::State;

use crate::checks;
use crate::deciders;
use crate::executor::{Instance, Lane};
use crate::faults::Rates;
use crate::people::Edits;
use crate::watch::Violation;
use crate::world::{SECRETS, World, branch};

/// How a seed is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Edits, creates and deletes per account.
    pub edits: usize,
    /// A mechanism to break on purpose.
    pub breakage: Option<Breakage>,
    /// Whether the second account has any traffic.
    pub neighbour: bool,
    /// A record whose every commit is told.
    pub follow: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { edits: 130, breakage: None, neighbour: true, follow: None }
    }
}

/// What a seed showed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Broken invariants.
    pub violations: Vec<Violation>,
    /// What happened, per account.
    pub traces: Vec<Vec<String>>,
    /// What was committed of the followed record.
    pub story: Vec<String>,
    /// How often each fault was injected.
    pub faults: BTreeMap<String, u64>,
    /// Edits, creates and deletes that were taken.
    pub edits: u64,
}

/// Steps of one account between two moves of the clock.
const STEPS_MAX: usize = 60;

/// Most steps of the functions between two happenings in the world.
const STEPS_BETWEEN: usize = 12;

/// A save is visible to the poller after so long at most, ms: within what it looks for again.
const LATE_VISIBLE_MS: i64 = 40_000;

/// Rounds after the faults have stopped within which everything must settle.
const SETTLE_ROUNDS: usize = 400;

/// Runs a seed.
pub fn run(seed: u64, options: Options) -> Outcome {
    breakage::set(options.breakage);
    let mut run = Run::new(seed, options);
    run.play();
    run.settle();
    run.hear();
    let outcome = run.judge();
    breakage::set(None);
    outcome
}

/// Quiet for so many rounds, through polls and past every deadline: nothing is to come.
const QUIET_ROUNDS: usize = 21;

/// How long the buffer is away, ms.
const BUFFER_AWAY_MS: i64 = 60_000;

/// In one seed of so many it never comes back: everything must settle all the same.
const NEVER_BACK_ONE_IN: u64 = 8;

/// NetSuite does not forget tokens more often than this, ms.
const FORGOTTEN_EVERY_MS: i64 = 90_000;

/// At the end notify alone goes on for so many rounds,
pub const TELLING_ROUNDS: usize = 4;

/// each of so long, ms: longer than the window of a digest.
pub const TELLING_MS: i64 = 3_700_000;

/// The round of settling that lasts until the next day.
const NEXT_DAY_ROUND: usize = 40;

struct Run {
    world: World,
    options: Options,
    people: Vec<Edits>,
    clock_dice: fastrand::Rng,
    forged: Vec<String>,
    /// When NetSuite last forgot its tokens, per lane.
    forgotten_at: Vec<Timestamp>,
    settled: bool,
    /// The buffer never comes back once everything is to settle.
    is_without_buffer: bool,
    /// The User Event script is an old one: it tells of our updates, and does not always send the mark of our creates.
    has_old_script: bool,
}

impl Run {
    fn new(seed: u64, options: Options) -> Self {
        let world = World::new(seed, options.follow.clone());
        let lanes = if options.neighbour { world.accounts.len() } else { 1 };
        let mut run = Self {
            people: (0..lanes).map(|_| Edits::default()).collect(),
            clock_dice: fastrand::Rng::with_seed(branch(seed, "clock")),
            world,
            options,
            forged: Vec::new(),
            forgotten_at: vec![Timestamp(0); lanes],
            settled: false,
            is_without_buffer: seed % NEVER_BACK_ONE_IN == 5,
            // Half of the seeds live with one.
            has_old_script: seed.is_multiple_of(2),
        };
        run.world.unmarked = if run.has_old_script { 0.3 } else { 0.0 };
        for lane in 0..lanes {
            run.trouble(lane);
        }
        run
    }

    fn lanes(&self) -> std::ops::Range<Lane> {
        0..self.people.len()
    }

    /// Chooses this account's mix of faults.
    fn trouble(&mut self, lane: Lane) {
        let account = self.world.accounts[lane].clone();
        let dice = &mut self.world.lanes[lane].dice;
        let mut rate = |most: f64| if dice.bool() { dice.f64() * most } else { 0.0 };
        let rates = Rates {
            request_lost: rate(0.05),
            refused: rate(0.01),
            reply_lost: rate(0.05),
            crash: rate(0.008),
            ..Rates::default()
        };
        let bus = BusFaults {
            duplicate: rate(0.2),
            redeliver_suffix: rate(0.1),
            reorder: rate(0.3),
            ack_lost: rate(0.1),
        };
        let mut faults = NetSuiteFaults {
            overload: rate(0.2),
            lost_request: rate(0.15),
            lost_reply: rate(0.3),
            late: rate(0.3),
            html: rate(0.05),
            truncated: rate(0.05),
            partial: rate(0.1),
            user_event_lost: rate(0.5),
            user_event_doubled: rate(0.2),
            user_event_old: self.has_old_script,
            refuse_probability: rate(0.05),
            query_error: rate(0.1),
            late_visible: rate(0.4),
            late_visible_ms: LATE_VISIBLE_MS,
            latency_ms: (rate(1.0) * 2_000.0) as _,
            latency_per_write_ms: (rate(1.0) * 200.0) as _,
            // Half of the seeds see tokens that end within minutes.
            token_lives_s: 3_600 - (rate(1.0) * 3_480.0) as i64,
            ..NetSuiteFaults::default()
        };
        if rate(1.0) > 0.5 {
            faults.behaviours.insert("customer.phone".into(), Behaviour::Trim);
            faults.behaviours.insert("customer.city".into(), Behaviour::Upper);
        }
        if rate(1.0) > 0.5 {
            faults.behaviours.insert("item.salesdescription".into(), Behaviour::Ignore);
        }
        self.world.set_rates(lane, rates, bus);
        self.world.netsuite.set_faults(&account, faults).expect("fields of the configuration");
    }

    /// People at work and everything going wrong.
    fn play(&mut self) {
        // One edit per account and round, so that how long the trouble lasts depends on neither account.
        for _ in 0..self.options.edits {
            for lane in self.lanes() {
                for _ in 0..STEPS_MAX {
                    if self.step(lane) {
                        break;
                    }
                }
            }
            self.advance();
        }
    }

    /// Moves the clock: mostly little, so that things share a second; sometimes past every deadline.
    fn advance(&mut self) {
        let millis = match self.clock_dice.u32(0..100) {
            0..50 => self.clock_dice.i64(0..400),
            50..90 => self.clock_dice.i64(400..3_000),
            90..98 => self.clock_dice.i64(3_000..30_000),
            _ => self.clock_dice.i64(30_000..400_000),
        };
        if millis < 30_000 {
            return self.world.executor.advance(millis);
        }
        // In halves, and what is ready goes on in between. NetSuite, which runs in its callers' tasks here, would
        // stand still with them for longer than any call takes.
        self.world.executor.advance(millis / 2);
        for lane in self.lanes() {
            for _ in 0..STEPS_BETWEEN * STEPS_MAX {
                if self.world.executor.ready(lane) == 0 {
                    break;
                }
                self.world.executor.step(lane, 0);
                self.bury(lane);
            }
        }
        self.world.executor.advance(millis - millis / 2);
    }

    /// One step of one account; true if it was an edit.
    fn step(&mut self, lane: Lane) -> bool {
        self.world.gather_user_events(lane);
        // The functions are faster than people: an edit is on its way through before the next is made.
        for _ in 0..self.world.lanes[lane].dice.usize(0..STEPS_BETWEEN) {
            let ready = self.world.executor.ready(lane);
            if ready == 0 {
                break;
            }
            let nth = self.world.lanes[lane].dice.usize(0..ready);
            self.world.executor.step(lane, nth);
            self.bury(lane);
        }
        let world = &mut self.world;
        let roll = world.lanes[lane].dice.u32(0..1000);
        match roll {
            0..720 => {
                world.deliver(lane);
            }
            720..790 if !world.lanes[lane].user_events.is_empty() => {
                let first = world.lanes[lane].user_events.len().min(4);
                let nth = world.lanes[lane].dice.usize(0..first);
                if let Some(event) = world.lanes[lane].user_events.remove(nth) {
                    world.send_user_event(lane, event);
                }
            }
            790..830 => world.poke(lane),
            830..870 => {
                self.people[lane].act(&mut self.world, lane);
                return true;
            }
            870..880 => world.poll(lane),
            880..925 => world.tick(lane),
            925..954 => deciders::resolve(&mut self.world, lane, self.settled),
            954..962 => deciders::tell_who(&mut self.world, lane, self.settled),
            962..965 => deciders::overrides(&mut self.world, lane),
            965..970 => deciders::retry(&mut self.world, lane, self.settled),
            970..975 => {
                let instance = any_instance(world, lane);
                self.crash(lane, instance);
            }
            975 => self.database_down(lane),
            976..979 => self.forget_tokens(lane),
            979..982 => self.buffer_away(lane),
            985..988 => {
                let account = world.accounts[lane].clone();
                world.buffer.flush_account(&account);
                world.faults.lanes[lane].count("buffer lost");
                world.note(lane, "the buffer is lost".into());
            }
            988..991 => {
                let instance = any_instance(world, lane);
                world.terminate(lane, instance);
                world.faults.lanes[lane].count("SIGTERM");
                world.note(lane, format!("SIGTERM for {}.{}", instance.function, instance.number));
            }
            991..994 => self.outage(lane),
            994..997 => self.forge(lane),
            997..1000 => self.poison(lane),
            // Nothing happens.
            _ => {}
        }
        false
    }

    /// Kills who has made a last step.
    fn bury(&mut self, lane: Lane) {
        for (of, instance) in self.world.executor.doomed() {
            debug_assert_eq!(of, lane, "only this account's tasks made a step");
            self.crash(of, instance);
        }
    }

    fn crash(&mut self, lane: Lane, instance: Instance) {
        let world = &mut self.world;
        let points = world.crash(lane, instance);
        for point in &points {
            world.faults.lanes[lane].count(crash_name(point));
        }
        world.note(lane, format!("crash of {}.{} at {points:?}", instance.function, instance.number));
    }

    /// Nothing that is stored can be reached for a while.
    fn database_down(&mut self, lane: Lane) {
        let world = &mut self.world;
        let millis = world.lanes[lane].dice.i64(1_000..120_000);
        world.faults.lanes[lane].down_until(world.executor.now().plus(millis));
        world.note(lane, format!("the databases are down for {millis} ms"));
    }

    /// The buffer is away for a minute, and the work goes on.
    fn buffer_away(&mut self, lane: Lane) {
        let world = &mut self.world;
        world.faults.lanes[lane].buffer_away_until(world.executor.now().plus(BUFFER_AWAY_MS));
        world.note(lane, "the buffer is away".into());
    }

    /// NetSuite goes down, or comes back.
    fn outage(&mut self, lane: Lane) {
        let world = &mut self.world;
        let account = world.accounts[lane].clone();
        let mut faults = world.netsuite.faults(&account);
        faults.down = !faults.down;
        world.note(lane, format!("NetSuite down: {}", faults.down));
        world.netsuite.set_faults(&account, faults).expect("faults that were set before");
    }

    /// NetSuite forgets every access token, in the middle of work.
    fn forget_tokens(&mut self, lane: Lane) {
        let world = &mut self.world;
        let now = world.executor.now();
        // A fresh token that is refused as well is not thrown away for half a minute: that is another fault.
        if now.0 - self.forgotten_at[lane].0 < FORGOTTEN_EVERY_MS {
            return;
        }
        self.forgotten_at[lane] = now;
        world.netsuite.forget_tokens(&world.accounts[lane]);
        world.faults.lanes[lane].count("tokens forgotten");
        world.note(lane, "NetSuite forgets all access tokens".into());
    }

    /// Somebody without our key, or with an old message.
    fn forge(&mut self, lane: Lane) {
        let world = &mut self.world;
        let (account, secret) = SECRETS[lane];
        let id = shared::domain::id::derived_id("forged", &[&world.lanes[lane].dice.u64(..).to_string()]);
        let body: Bytes = json!({
            "eventId": id, "accountId": account, "recordType": "customer", "recordId": "1", "source": "netsuite-ue",
            "operation": "update", "timestamp": "2026-01-01T00:00:00Z", "revision": 4_000_000_000_i64,
            "payload": {"changes": {"companyname": "forged"}},
        })
        .to_string()
        .into();
        let wrong_key = "whsec_d3Jvbmcta2V5LXdyb25nLWtleS13cm9uZy1rZXk=";
        let now = world.executor.now();
        let request = match world.lanes[lane].dice.u32(0..3) {
            0 => signed(account, wrong_key, &id.to_string(), now, body),
            1 => signed(account, secret, &id.to_string(), now.plus(-400_000), body),
            _ => signed(SECRETS[1 - lane].0, SECRETS[1 - lane].1, &id.to_string(), now, body),
        };
        let instance = world.any(lane, "ingest");
        let watch = std::sync::Arc::clone(&world.faults.watch);
        world.send(lane, instance, request, move |status, _| {
            if status == StatusCode::ACCEPTED {
                watch.violated("I18", "a forged or old message was accepted".into());
            }
        });
        world.faults.lanes[lane].count("forged message");
        self.forged.push(id.to_string());
    }

    /// A message that can never be absorbed.
    fn poison(&mut self, lane: Lane) {
        let world = &mut self.world;
        let account = world.accounts[lane].clone();
        let attributes =
            [("account", account.as_str()), ("type", "customer")].map(|(k, v)| (k.into(), v.into()));
        let n = world.lanes[lane].dice.u32(..);
        let data: Bytes = match n % 3 {
            0 => Bytes::from_static(b"{\"accountId\":"),
            1 => json!({"accountId": account, "recordType": "nothing", "recordId": n}).to_string().into(),
            _ => Bytes::from_static(&[0xff, 0xfe, 0x00]),
        };
        let message =
            local::bus::Message { data, attributes: attributes.into(), ordering_key: format!("poison:{n}") };
        let now = world.executor.now();
        let mut bus = world.bus.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        bus.publish("events.raw", message, now).expect("a topic of the table");
        drop(bus);
        world.faults.lanes[lane].count("poison message");
        world.note(lane, "a poison message".into());
    }

    /// The trouble stops. Everything must settle, and people decide what is open.
    fn settle(&mut self) {
        self.settled = true;
        self.world.unmarked = 0.0;
        for lane in self.lanes() {
            let account = self.world.accounts[lane].clone();
            let buffer_away_until = if self.is_without_buffer { Timestamp(i64::MAX) } else { Timestamp(0) };
            let rates = Rates { buffer_away_until, ..Rates::default() };
            self.world.set_rates(lane, rates, BusFaults::default());
            let mut faults = NetSuiteFaults::default();
            let before = self.world.netsuite.faults(&account).behaviours;
            faults.behaviours = before.into_iter().filter(|(_, b)| *b != Behaviour::Ignore).collect();
            self.world.netsuite.set_faults(&account, faults).expect("behaviours that were set before");
            self.world.note(lane, "the trouble stops".into());
        }
        // Rounds since anything happened.
        let mut quiet: Vec<usize> = self.lanes().map(|_| 0).collect();
        for round in 0..SETTLE_ROUNDS {
            let is_over = |quiet: usize| quiet > QUIET_ROUNDS && round > NEXT_DAY_ROUND + QUIET_ROUNDS;
            for (lane, quiet) in quiet.iter_mut().enumerate() {
                if is_over(*quiet) {
                    continue;
                }
                let mut ends = self.drain(lane);
                self.world.tick(lane);
                if round % 4 == 0 {
                    self.world.poll(lane);
                    deciders::resolve(&mut self.world, lane, self.settled);
                    deciders::tell_who(&mut self.world, lane, self.settled);
                    // People give up on what fails again and again; it stays an open error.
                    if round < SETTLE_ROUNDS / 4 {
                        deciders::retry(&mut self.world, lane, self.settled);
                    }
                }
                ends &= self.drain(lane);
                if !ends {
                    return;
                }
                *quiet = if self.is_quiet(lane) { *quiet + 1 } else { 0 };
            }
            if quiet.iter().all(|quiet| is_over(*quiet)) {
                return;
            }
            self.world.executor.advance(match round {
                // The poller goes through deletions once more after a day.
                NEXT_DAY_ROUND => 90_000_000,
                _ if round % 20 == 19 => 1_000_000,
                _ => 11_000,
            });
        }
    }

    /// Lets the last messages reach people: who has settled is ticked no more, and a digest waits for its window.
    fn hear(&mut self) {
        for _ in 0..TELLING_ROUNDS {
            self.world.executor.advance(TELLING_MS);
            for lane in self.lanes() {
                self.world.tell(lane);
                self.drain(lane);
            }
        }
    }

    /// Lets an account's tasks and messages run until only time can bring more. False: they never end, and what settles no
    /// more need not run on, nor fill the memory.
    fn drain(&mut self, lane: Lane) -> bool {
        (0..100_000).any(|_| !self.world.step(lane))
    }

    fn is_quiet(&self, lane: Lane) -> bool {
        let world = &self.world;
        let account = &world.accounts[lane];
        let open = |record: &std::sync::Arc<shared::domain::record::Record>| {
            record.conflict.is_some() || Side::BOTH.iter().any(|s| record.sides[*s].due.is_some())
        };
        let bus = world.bus.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        world.executor.tasks(lane) == 0
            && world.suitex.outbox_len(account) == 0
            && bus.next_at(Some(account.as_str())).is_none()
            && self.open_events(account) == 0
            && !world.state.all_records(account).iter().any(open)
    }

    /// Events of an account that are pending or waiting.
    fn open_events(&self, account: &shared::domain::id::AccountId) -> u64 {
        let census = futures::FutureExt::now_or_never(self.world.state.census(account));
        let census = census.and_then(Result::ok).unwrap_or_default();
        census.iter().filter(|(place, _)| matches!(**place, "pending" | "waiting")).map(|(_, n)| n).sum()
    }

    fn judge(self) -> Outcome {
        let mut violations = self.world.faults.watch.violations();
        let mut faults: BTreeMap<String, u64> = BTreeMap::new();
        for lane in self.lanes() {
            violations.extend(checks::check(&self.world, lane, &self.people[lane]));
            let ledger = futures::FutureExt::now_or_never(shared::ledger::Ledger::scan(
                &*self.world.ledger,
                &self.world.accounts[lane],
                0,
                usize::MAX,
            ));
            let taken = ledger.and_then(Result::ok).unwrap_or_default();
            for id in
                self.forged.iter().filter(|id| taken.iter().any(|s| s.entry.event_id.to_string() == **id))
            {
                violations.push(Violation {
                    invariant: "I18",
                    what: format!("forged event {id} is in the ledger"),
                });
            }
            let account = &self.world.accounts[lane];
            for (kind, n) in self.world.faults.lanes[lane].counts() {
                *faults.entry(kind.to_string()).or_default() += n;
            }
            for (kind, n) in self.world.netsuite.injected(account) {
                *faults.entry(format!("netsuite: {kind}")).or_default() += n;
            }
        }
        let bus = self.world.bus.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (kind, n) in bus.counts() {
            *faults.entry(format!("bus: {kind}")).or_default() += n;
        }
        drop(bus);
        violations.sort();
        violations.dedup();
        let edits = self.people.iter().map(|p| p.taken).sum();
        let mut traces: Vec<Vec<String>> = self.world.lanes.iter().map(|l| l.trace.clone()).collect();
        for (lane, trace) in traces.iter_mut().enumerate() {
            trace.push(digest(&self.world, lane));
        }
        let story = self.world.faults.watch.story();
        Outcome { violations, traces, story, faults, edits }
    }
}

/// The account's records at the end, for comparing runs.
fn digest(world: &World, lane: Lane) -> String {
    let records = world.state.all_records(&world.accounts[lane]);
    let lines = records.iter().map(|r| format!("{} {} {} {:?}", r.key, r.version, r.alive, r.canonical));
    lines.collect::<Vec<_>>().join("\n")
}

fn any_instance(world: &mut World, lane: Lane) -> Instance {
    let function = FUNCTIONS[world.lanes[lane].dice.usize(0..FUNCTIONS.len())];
    world.any(lane, function)
}

/// The counter of a crash at a point.
fn crash_name(point: &str) -> &'static str {
    match point {
        "before commit" => "crash before commit",
        "after commit" => "crash after commit",
        "before netsuite call" => "crash before netsuite call",
        "after netsuite call" => "crash after netsuite call",
        "before ledger append" => "crash before ledger append",
        "after ledger append" => "crash after ledger append",
        "before enqueue" => "crash before enqueue",
        "after enqueue" => "crash after enqueue",
        "before publish" => "crash before publish",
        "after publish" => "crash after publish",
        "before tenant write" => "crash before tenant write",
        "after tenant write" => "crash after tenant write",
        _ => "crash elsewhere",
    }
}
