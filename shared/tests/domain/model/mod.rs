//! The adversarial model of `convergence_model.py`, driving the real core, and its extension to everything
//! that the Python leaves out: creates, deletes, target forms, ignored fields, groups, sets, lines.
//!
//! One record, two systems ([`super::world`]), one seed. Deltas are lost, late, repeated, reordered; polls
//! are late; NetSuite's clock ticks in seconds; calls crash before or after, lose their reply, or land up to
//! five minutes late; the world moves during every read; people resolve conflicts that have moved on.
//!
//! Not counted as failure: with repeated values, whose edit a value is cannot be told, so only divergence
//! counts; the edits of a side that deletes the record; a field that a `not_persisted` lock names.

mod checks;
mod mutations;
mod news;
mod people;
mod schedule;
mod service;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use shared::domain::id::{PerSide, Side, SideId, Timestamp};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::Record;
use shared::domain::surface::{DeleteRule, FieldIx, Policy, TypeSurface};
use shared::domain::value::{Kind, Value};

use self::words::say;
use super::fixture::{fields, int, key, surface};
use super::world::{Call, Hole, Quirk, System};

pub(crate) use self::checks::faithful;

/// What a seed plays.
#[derive(Debug, Clone, Copy)]
struct Setup {
    steps: usize,
    /// Integers are drawn from so few that edits go A → B → A.
    values: Option<i64>,
    extended: bool,
    hole: Option<Hole>,
}

const FAITHFUL: Setup = Setup { steps: 80, values: None, extended: false, hole: None };
const EXTENDED: Setup = Setup { extended: true, ..FAITHFUL };

fn plain_surface() -> TypeSurface {
    static SURFACE: OnceLock<TypeSurface> = OnceLock::new();
    let text = "a = { type = \"integer\" }\nb = { type = \"integer\" }\nc = { type = \"integer\" }";
    SURFACE.get_or_init(|| fields(text)).clone()
}

fn extended_surface() -> TypeSurface {
    static SURFACE: OnceLock<TypeSurface> = OnceLock::new();
    let text = r#"
        inactive = "inactive"
        [type.thing.fields]
        a = { type = "integer" }
        b = { type = "integer" }
        g1 = { type = "integer", group = "pair" }
        g2 = { type = "integer", group = "pair" }
        inactive = { type = "boolean" }
        name = { type = "text" }
        tags = { type = "multiselect", policy = "union" }
        [type.thing.fields.lines]
        type = "lines"
        key = { suitex = "k", netsuite = "k", netsuite_external = "e" }
        columns = { quantity = { type = "integer" }, rate = { type = "integer" } }
    "#;
    SURFACE.get_or_init(|| surface(text)).clone()
}

/// What people did to one list, cell by cell.
#[derive(Default)]
struct LineEdits {
    added: BTreeSet<Arc<str>>,
    removed: BTreeSet<Arc<str>>,
    /// Line and column → the last value that each side gave it.
    cells: BTreeMap<(Arc<str>, usize), PerSide<Option<Value>>>,
}

/// The last word that people had about a field in a conflict.
struct Resolved {
    field: FieldIx,
    value: Value,
    /// How many edits of each side had been made when the conflict was looked at.
    knew: PerSide<usize>,
}

#[derive(Default)]
struct Tally {
    edits: usize,
    resolutions: usize,
    conflicts: usize,
    sync_writes: usize,
    existence: usize,
}

/// One run of one seed.
struct Run {
    setup: Setup,
    rng: fastrand::Rng,
    surface: TypeSurface,
    systems: PerSide<System>,
    record: Record,
    bus: PerSide<Vec<News>>,
    late: Vec<(Timestamp, Call)>,
    retired: Vec<SideId>,
    now: Timestamp,
    timeout_ms: i64,
    faults: bool,
    depth: u32,
    next_value: i64,
    next_cause: u128,
    deletes: bool,
    /// Calls land after their deadline, too. The core looks for the mark of the open intent alone, so it takes
    /// what lands after that for an edit, unless it is the very value that was sent (see `tables`): a target
    /// form, or a set with an edit on top. Where those matter, calls are not tardy.
    tardy: bool,
    /// Every value that people left on a side, per field.
    edits: PerSide<Vec<Vec<Value>>>,
    /// The pair of the group's values that people left on a side last, and that they chose.
    pairs: PerSide<Option<Vec<Value>>>,
    chosen_pair: Option<Vec<Value>>,
    tags: (BTreeSet<Arc<str>>, BTreeSet<Arc<str>>),
    lines: LineEdits,
    resolved: Vec<Resolved>,
    /// Deleted by people there, and absorbed.
    deleted: PerSide<bool>,
    known_deleted: PerSide<bool>,
    /// The other side did not have the record when one side deleted it.
    alone: bool,
    asked: bool,
    tally: Tally,
    problems: BTreeSet<String>,
    trace: Option<String>,
}

impl Run {
    fn new(seed: u64, setup: Setup, trace: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut surface = if setup.extended { extended_surface() } else { plain_surface() };
        let policies = [Policy::NetsuiteWins, Policy::SuitexWins, Policy::LatestWins, Policy::Manual];
        for unit in surface.units.clone() {
            let policy = policies[rng.usize(..policies.len())];
            for field in unit {
                if surface.fields[field].policy != Policy::Union {
                    surface.fields[field].policy = policy;
                }
            }
        }
        let number = surface.fields.len();
        let mut systems = PerSide {
            netsuite: System::new(Side::NetSuite, number),
            suitex: System::new(Side::SuiteX, number),
        };
        let (mut deletes, mut tardy) = (false, true);
        if setup.extended {
            let rules = [DeleteRule::Propagate, DeleteRule::Inactivate, DeleteRule::Detach, DeleteRule::Ask];
            surface.delete = PerSide { netsuite: rules[rng.usize(..4)], suitex: rules[rng.usize(..4)] };
            (deletes, tardy) = (rng.bool(), rng.bool());
            let quirks = [Quirk::Exact, Quirk::Exact, Quirk::Trims, Quirk::Uppers, Quirk::Lowers];
            let name = surface.field("name").expect("configured");
            for side in Side::BOTH {
                systems[side].quirks[name] = quirks[rng.usize(..quirks.len())];
            }
            if rng.f64() < 0.3 {
                systems.netsuite.quirks[surface.field("b").expect("configured")] = Quirk::Ignores;
            }
        }
        let forms = |s: Side| systems[s].quirks.iter().any(|q| !matches!(q, Quirk::Exact | Quirk::Ignores));
        tardy &= !Side::BOTH.into_iter().any(forms);
        systems.netsuite.skew = rng.i64(-2_000..=2_000);
        let timeout_ms = [15_000, 120_000][rng.usize(..2)];
        let mut run = Self {
            setup,
            rng,
            record: Record::new(key(), &surface),
            systems,
            bus: PerSide::default(),
            late: Vec::new(),
            retired: Vec::new(),
            now: Timestamp(1_000_000_000),
            timeout_ms,
            faults: true,
            depth: 0,
            next_value: 0,
            next_cause: 0,
            deletes,
            tardy,
            edits: PerSide { netsuite: vec![Vec::new(); number], suitex: vec![Vec::new(); number] },
            pairs: PerSide::default(),
            chosen_pair: None,
            tags: Default::default(),
            lines: LineEdits::default(),
            resolved: Vec::new(),
            deleted: PerSide::default(),
            known_deleted: PerSide::default(),
            alone: false,
            asked: false,
            tally: Tally::default(),
            problems: BTreeSet::new(),
            trace: trace.then(String::new),
            surface,
        };
        run.begin();
        run
    }

    /// The plain model begins in sync. The extended one also with a record that only one side has, or both,
    /// unsynced.
    fn begin(&mut self) {
        let policies = self.surface.fields.iter().map(|f| format!("{} {}", f.name, f.policy.as_str()));
        say!(self, "policies: {}", policies.collect::<Vec<_>>().join(", "));
        if self.setup.extended {
            say!(
                self,
                "deletes: {:?}; netsuite: {:?}; suitex: {:?}",
                self.surface.delete,
                self.systems.netsuite.quirks,
                self.systems.suitex.quirks
            );
        }
        let start = if self.setup.extended { self.rng.usize(..4) } else { 0 };
        let same: Vec<Value> = self
            .surface
            .fields
            .iter()
            .map(|f| if f.kind == Kind::Integer { int(0) } else { Value::Null })
            .collect();
        for side in Side::BOTH {
            let there = start == 0 || start == 3 || (start == 1) == (side == Side::NetSuite);
            if !there {
                continue;
            }
            let values = if start == 0 { same.clone() } else { self.fresh_values(side) };
            let revision = self.systems[side].create(self.now, &values);
            let values = self.systems[side].row.as_ref().expect("just made").values.clone();
            say!(self, "{side} has {} (rev {})", self.show_all(&values), revision.0);
            if start != 0 {
                for (field, value) in values.iter().enumerate() {
                    self.edits[side][field].push(value.clone());
                }
                self.note_pair(side);
                self.tally.edits += values.len();
            } else {
                self.note_pair(side);
            }
            let values = values.into_iter().enumerate().collect();
            let mut news = self.news(side, Fact::Holds { values, full: start == 0 }, revision);
            if start == 0 {
                news.standing = Standing::Answered;
                self.hear(news);
            } else {
                self.bus[side].push(news);
            }
        }
    }
}

// ---- the tests ---------------------------------------------------------------------------------------------

/// The first seed that violates something, with what it violates.
fn first_violation(seeds: std::ops::Range<u64>, setup: Setup) -> Option<(u64, BTreeSet<String>)> {
    seeds.map(|seed| (seed, Run::new(seed, setup, false).play().problems)).find(|(_, p)| !p.is_empty())
}

fn holds(seeds: std::ops::Range<u64>, setup: Setup) {
    if let Some((seed, problems)) = first_violation(seeds, setup) {
        let trace = Run::new(seed, setup, true).play().trace.unwrap_or_default();
        panic!("{trace}\nseed {seed} of {setup:?}: {problems:#?}");
    }
}

#[test]
fn every_schedule_converges_and_loses_no_edit() {
    holds(0..5_000, FAITHFUL);
}

#[test]
fn long_schedules_converge_and_lose_no_edit() {
    holds(1_000_000..1_001_000, Setup { steps: 200, ..FAITHFUL });
}

#[test]
fn repeated_values_converge() {
    holds(0..5_000, Setup { values: Some(4), ..FAITHFUL });
}

#[test]
fn creates_deletes_forms_groups_sets_and_lines_converge() {
    holds(0..5_000, EXTENDED);
}

#[test]
fn long_schedules_of_everything_converge() {
    holds(1_000_000..1_001_000, Setup { steps: 200, ..EXTENDED });
}
