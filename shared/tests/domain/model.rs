//! The adversarial model of `convergence_model.py`, driving the real core, and its extension to everything
//! that the Python leaves out: creates, deletes, target forms, ignored fields, groups, sets, lines.
//!
//! One record, two systems ([`super::world`]), one seed. Deltas are lost, late, repeated, reordered; polls
//! are late; NetSuite's clock ticks in seconds; calls crash before or after, lose their reply, or land up to
//! five minutes late; the world moves during every read; people resolve conflicts that have moved on.
//!
//! Not counted as failure: with repeated values, whose edit a value is cannot be told, so only divergence
//! counts; the edits of a side that deletes the record; a field that a `not_persisted` lock names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use shared::breakage::{self, Breakage};
use shared::domain::absorb::{absorb, absorb_resolution};
use shared::domain::conflict::{Choice, Resolution};
use shared::domain::id::{PerSide, Revision, Side, SideId, Timestamp};
use shared::domain::news::{Fact, News};
use shared::domain::plan::{CALL_LANDS_WITHIN_MS, Plan, intend, plan};
use shared::domain::record::{Presence, Record, Span, Verb};
use shared::domain::report::{Report, Rule};
use shared::domain::settle::{Reply, settle, unsettle};
use shared::domain::surface::{DeleteRule, FieldIx, Policy, TypeSurface};
use shared::domain::value::{Kind, Lines, Value};
use uuid::Uuid;

use super::fixture::{fields, int, key, show, surface};
use super::world::{Call, Hole, Quirk, System};

/// NetSuite's script limit: later than that, no call lands.
const LANDS_WITHIN_MS: i64 = 300_000;

const NOTHING: &str = "nothing new";

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

macro_rules! say {
    ($run:expr, $($arg:tt)*) => {
        if $run.trace.is_some() {
            let line = format!($($arg)*);
            $run.note(&line);
        }
    };
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
                news.authoritative = true;
                self.hear(news);
            } else {
                self.bus[side].push(news);
            }
        }
    }

    // ---- people --------------------------------------------------------------------------------------

    fn fresh_int(&mut self) -> Value {
        self.next_value += 1;
        int(self.setup.values.map_or(self.next_value, |few| self.rng.i64(0..few)))
    }

    fn fresh_key(&mut self) -> Arc<str> {
        self.next_value += 1;
        format!("k{}", self.next_value).into()
    }

    /// A new value of one field, made from what the side holds.
    fn fresh(&mut self, side: Side, field: FieldIx, held: &Value) -> Value {
        match &self.surface.fields[field].kind {
            Kind::Integer => self.fresh_int(),
            Kind::Text { .. } => {
                self.next_value += 1;
                let text = format!("v{} Ab", self.next_value);
                let text = [text.clone(), format!(" {text}"), text.to_lowercase(), text.to_uppercase()]
                    [self.rng.usize(..4)]
                .clone();
                Value::Text(text.into())
            }
            Kind::MultiSelect => self.fresh_tags(held),
            Kind::Lines(_) => self.fresh_lines(side, held),
            _ => held.clone(),
        }
    }

    fn fresh_tags(&mut self, held: &Value) -> Value {
        let mut tags = match held {
            Value::Set(tags) => tags.as_ref().clone(),
            _ => BTreeSet::new(),
        };
        let one = tags.iter().nth(self.rng.usize(..tags.len().max(1))).cloned();
        // Something new each time: a set that returns to what it was cannot be told from our own write.
        if let Some(one) = one.filter(|_| self.rng.bool()) {
            tags.remove(&one);
            self.tags.1.insert(one);
        }
        let one = self.fresh_key();
        tags.insert(one.clone());
        self.tags.0.insert(one);
        if tags.is_empty() { Value::Null } else { Value::Set(Arc::new(tags)) }
    }

    fn fresh_lines(&mut self, side: Side, held: &Value) -> Value {
        let mut lines = match held {
            Value::Lines(lines) => lines.as_ref().clone(),
            _ => Lines::new(),
        };
        let one = lines.keys().nth(self.rng.usize(..lines.len().max(1))).cloned();
        match one {
            Some(one) if self.rng.f64() < 0.7 => {
                let (column, value) = (self.rng.usize(..2), self.fresh_int());
                lines.get_mut(&one).expect("it is there")[column] = value.clone();
                self.lines.cells.entry((one, column)).or_default()[side] = Some(value);
            }
            one => {
                if let Some(one) = one.filter(|_| self.rng.bool()) {
                    lines.remove(&one);
                    self.lines.removed.insert(one);
                }
                let (one, row) = (self.fresh_key(), vec![self.fresh_int(), self.fresh_int()]);
                for (column, value) in row.iter().enumerate() {
                    self.lines.cells.entry((one.clone(), column)).or_default()[side] = Some(value.clone());
                }
                lines.insert(one.clone(), row);
                self.lines.added.insert(one);
            }
        }
        if lines.is_empty() { Value::Null } else { Value::Lines(Arc::new(lines)) }
    }

    fn fresh_values(&mut self, side: Side) -> Vec<Value> {
        (0..self.surface.fields.len()).map(|f| self.fresh(side, f, &Value::Null)).collect()
    }

    fn note_pair(&mut self, side: Side) {
        if let Some(unit) = self.surface.units.iter().find(|u| u.len() > 1) {
            let row = self.systems[side].row.as_ref().expect("only what is there is noted");
            self.pairs[side] = Some(unit.iter().map(|&f| row.values[f].clone()).collect());
        }
    }

    fn user_edit(&mut self, side: Side) {
        let Some(row) = self.systems[side].row.clone() else { return };
        let editable: Vec<FieldIx> = (0..self.surface.fields.len())
            .filter(|&f| self.surface.fields[f].kind != Kind::Boolean)
            .collect();
        let first = editable[self.rng.usize(..editable.len())];
        let mut chosen = BTreeSet::from([first]);
        if self.rng.bool() {
            chosen.insert(editable[self.rng.usize(..editable.len())]);
        }
        let changes = chosen.into_iter().map(|f| (f, self.fresh(side, f, &row.values[f]))).collect();
        let (kept, revision) = self.systems[side].edit(self.now, changes);
        for (field, value) in &kept {
            self.edits[side][*field].push(value.clone());
            self.tally.edits += 1;
        }
        self.note_pair(side);
        // The outbox never loses; a User Event may.
        let heard = side == Side::SuiteX || !self.chance(0.3);
        say!(
            self,
            "{side} user edits {} (rev {}){}",
            self.show_some(&kept),
            revision.0,
            if heard { "" } else { ", and nobody tells" }
        );
        if heard {
            let news = self.news(side, Fact::Holds { values: kept, full: false }, revision);
            self.bus[side].push(news);
        }
    }

    fn user_delete(&mut self, side: Side) {
        if self.systems[side].row.is_none() {
            return;
        }
        let (id, revision) = self.systems[side].delete(self.now);
        self.deleted[side] = true;
        self.tally.existence += 1;
        say!(self, "{side} user deletes {id} (rev {})", revision.0);
        if side == Side::SuiteX || !self.chance(0.3) {
            let news = News { id, ..self.news(side, Fact::Deleted, revision) };
            self.bus[side].push(news);
        }
    }

    /// Looks at the open conflict, thinks, and decides.
    fn resolve(&mut self) {
        let Some(conflict) = self.record.conflict.clone() else { return };
        let knew = |field: FieldIx| PerSide {
            netsuite: self.edits.netsuite[field].len(),
            suitex: self.edits.suitex[field].len(),
        };
        let looked: Vec<_> = conflict.clashes.iter().map(|c| (c.field, knew(c.field))).collect();
        self.meanwhile();
        let of_group = [Side::NetSuite, Side::SuiteX][self.rng.usize(..2)];
        let mut choices = Vec::new();
        for clash in &conflict.clashes {
            let grouped = self.surface.units[self.surface.fields[clash.field].unit].len() > 1;
            let choice = match self.rng.usize(..10) {
                _ if grouped => Choice::Side(of_group),
                0..4 => Choice::Side(Side::NetSuite),
                4..8 => Choice::Side(Side::SuiteX),
                8 => Choice::Suggested,
                _ if self.surface.fields[clash.field].kind == Kind::Integer => {
                    Choice::Edited(self.fresh_int())
                }
                _ => Choice::Suggested,
            };
            choices.push((clash.field, choice));
        }
        let keep = conflict.deleted_by.map(|_| self.rng.bool());
        let resolution =
            Resolution { conflict: conflict.id, revision: conflict.revision, fields: choices, keep };
        let at = self.now;
        let report = self.commit(|record, _| absorb_resolution(record, &resolution, at));
        if report.outdated_resolution {
            say!(self, "a resolution comes too late");
            return;
        }
        say!(self, "resolved: {}", self.show_report(&report));
        self.tally.resolutions += 1.max(conflict.clashes.len());
        for (field, knew) in looked {
            let decided = report.decisions.iter().find(|d| d.field == Some(field));
            let Some(value) = decided.map(|d| d.result.clone()) else { continue };
            self.resolved.push(Resolved { field, value, knew });
        }
        if let Some(unit) = self.surface.units.iter().find(|u| u.len() > 1) {
            self.chosen_pair = Some(unit.iter().map(|&f| self.record.canonical[f].clone()).collect());
        }
        if keep.is_some() {
            self.tally.existence += 1;
            self.known_deleted = PerSide::default();
        }
    }

    // ---- what is heard -------------------------------------------------------------------------------

    fn news(&mut self, side: Side, fact: Fact, revision: Revision) -> News {
        self.next_cause += 1;
        let span = match side {
            Side::NetSuite => {
                Span { from: Timestamp(revision.0 * 1000), to: Timestamp(revision.0 * 1000 + 999) }
            }
            Side::SuiteX => Span::at(self.now),
        };
        let id = match &self.systems[side].row {
            Some(row) => row.id.clone(),
            None => SideId::parse("none").expect("a name"),
        };
        News {
            side,
            id,
            fact,
            revision: Some(revision),
            span,
            authoritative: false,
            operation: None,
            cause: Uuid::from_u128(self.next_cause),
        }
    }

    /// Always a full read, or the deletion; it may be delivered late.
    fn poll(&mut self) {
        let system = &self.systems.netsuite;
        let (revision, gone) = (Revision(system.revision), system.deleted.last().cloned());
        if let Some(row) = &system.row {
            let values = row.values.iter().cloned().enumerate().collect();
            let since = self.record.sides.netsuite.seen.map_or(0, |r| r.0 * 1000);
            let mut news = self.news(Side::NetSuite, Fact::Holds { values, full: true }, revision);
            news.span.from = Timestamp(since).min(news.span.to);
            self.bus.netsuite.push(news);
        }
        if let Some((id, revision)) = gone {
            let news = News { id, ..self.news(Side::NetSuite, Fact::Deleted, revision) };
            self.bus.netsuite.push(news);
        }
    }

    fn deliver(&mut self, side: Side) {
        let waiting = self.bus[side].len();
        if waiting == 0 {
            return;
        }
        let one = if self.faults { self.rng.usize(..waiting.min(3)) } else { 0 };
        // Else it will come again.
        let last = !self.chance(0.15);
        let news = if last { self.bus[side].remove(one) } else { self.bus[side][one].clone() };
        self.hear(news);
    }

    fn hear(&mut self, news: News) {
        let known = &self.record.sides[news.side].id;
        let strange = known.as_ref().is_some_and(|id| *id != news.id);
        if self.retired.contains(&news.id) || strange {
            return; // identity's work: news about a retired id, or about another record
        }
        if news.fact == Fact::Deleted && known.is_none() {
            self.retired.push(news.id); // nobody knew it, and nobody shall
            return;
        }
        let report = self.commit(|record, surface| absorb(record, &news, surface));
        let told = self.show_report(&report);
        if self.faults || told != NOTHING {
            say!(self, "heard {} {} → {told}", news.side, self.show_news(&news));
        }
    }

    // ---- the service ---------------------------------------------------------------------------------

    /// Commits one step of the core, and looks whether its report tells everything.
    fn commit(&mut self, step: impl FnOnce(&mut Record, &TypeSurface) -> Report) -> Report {
        let before = self.record.clone();
        let report = step(&mut self.record, &self.surface);
        self.record.row_revision += 1;
        if report.retired.is_some() {
            self.retired.extend(report.retired.clone());
        }
        for side in Side::BOTH {
            let gone = self.record.sides[side].presence == Presence::Gone;
            if gone && before.sides[side].presence != Presence::Gone && self.deleted[side] {
                self.known_deleted[side] = true;
                self.alone |= before.sides[side.other()].presence != Presence::There;
            }
        }
        self.asked |= self.record.conflict.as_ref().is_some_and(|c| c.deleted_by.is_some());
        let counts = |rule: Rule| {
            matches!(rule, Rule::Opened | Rule::Policy(_) | Rule::Combined | Rule::TargetForm | Rule::Closed)
        };
        self.tally.conflicts += report.decisions.iter().filter(|d| counts(d.rule)).count();
        if let Err(problem) = faithful(&before, &self.record, &report).and_then(|()| shown(&self.record)) {
            self.problem(problem);
        }
        report
    }

    fn problem(&mut self, problem: impl Into<String>) {
        let problem = problem.into();
        say!(self, "!! {problem}");
        self.problems.insert(problem);
    }

    /// Authoritative: committed only if nothing else was committed since it began.
    fn read(&mut self, side: Side) -> bool {
        let before = self.record.clone();
        let state = &before.sides[side];
        let operation = state.intent.as_ref().map(|i| i.operation);
        if self.setup.hole == Some(Hole::NoReadBack) && operation.is_some() {
            let now = self.now;
            self.commit(|record, surface| settle(record, side, Reply::NotDone, now, surface));
            return true;
        }
        let reply = self.systems[side].look(state.id.as_ref(), operation, self.setup.hole);
        say!(self, "looks at {side}: {}", self.show_reply(&reply));
        self.meanwhile();
        self.conclude(side, before, reply, "look")
    }

    /// Commits what a call or a look, begun at `before`, brought back.
    fn conclude(&mut self, side: Side, before: Record, reply: Reply, what: &str) -> bool {
        let (now, moved) = (self.now, self.record.row_revision != before.row_revision);
        if moved && breakage::on(Breakage::VersionNotCompared) {
            // A commit that compares nothing puts the old row back.
            let row_revision = self.record.row_revision;
            self.record = Record { row_revision, ..before };
        } else if moved && self.setup.hole != Some(Hole::NoAuthoritativeRead) {
            let intent = before.sides[side].intent.as_ref().map(|i| i.operation);
            let open = self.record.sides[side].intent.as_ref().map(|i| i.operation);
            say!(self, "the {what} is of no use: others committed meanwhile");
            if what == "reply" && open == intent {
                unsettle(&mut self.record, side, now);
                self.record.row_revision += 1;
            }
            return false;
        }
        let newest = self.record.sides[side].newest();
        self.known_deleted[side] |=
            matches!(reply, Reply::Gone(revision) if revision > newest) && self.deleted[side];
        let report = self.commit(|record, surface| settle(record, side, reply, now, surface));
        say!(self, "{what} settles {side} → {}", self.show_report(&report));
        true
    }

    fn push(&mut self, side: Side) {
        for _ in 0..4 {
            match plan(&self.record, side, &self.surface, self.now, &|_, _| true) {
                Plan::Nothing | Plan::Locked | Plan::Wait { .. } | Plan::WaitFor(_) => return,
                Plan::Read => {
                    if !self.read(side) {
                        return;
                    }
                }
                Plan::Write(write) => {
                    let verb = write.verb;
                    if verb == Verb::Create && self.known_deleted[side] {
                        self.problem("a deleted record is created again");
                    }
                    let intent = intend(&mut self.record, side, write, self.now, self.timeout_ms);
                    self.record.row_revision += 1; // the intent is committed before the call
                    let state = &self.record.sides[side];
                    let call = Call { intent, id: state.id.clone(), revision: state.newest() };
                    say!(
                        self,
                        "calls {side}: {verb:?} {} where {}",
                        self.show_some(&call.intent.wanted),
                        self.show_some(&call.intent.expected)
                    );
                    let before = self.record.clone();
                    if self.chance(0.1) {
                        say!(self, "crash before the call");
                        return;
                    }
                    if side == Side::NetSuite && self.chance(0.12) {
                        say!(self, "the call hangs");
                        let lands = self.lands_until(&call);
                        self.late.push((lands, call));
                        return;
                    }
                    self.meanwhile();
                    if self.now > self.lands_until(&call) {
                        return;
                    }
                    let refused = self.chance(0.05);
                    let reply = if refused { Reply::NotDone } else { self.land(side, &call) };
                    let applied = matches!(reply, Reply::Applied(_));
                    if self.chance(0.1) {
                        say!(self, "crash after the call, or its reply is lost");
                        return;
                    }
                    self.meanwhile();
                    if !self.conclude(side, before, reply, "reply") || applied {
                        return;
                    }
                }
            }
        }
    }

    /// When a call can land at the latest.
    fn lands_until(&self, call: &Call) -> Timestamp {
        let limit = call.intent.started.plus(LANDS_WITHIN_MS);
        if self.tardy { limit } else { limit.min(call.intent.deadline.plus(-1)) }
    }

    /// What the target does with a call. Our own write fires the User Event.
    fn land(&mut self, side: Side, call: &Call) -> Reply {
        let row = self.systems[side].row.clone();
        let (reply, wrote) = self.systems[side].land(call, self.now, self.setup.hole);
        say!(self, "{side} answers: {}", self.show_reply(&reply));
        if !wrote {
            return reply;
        }
        self.tally.sync_writes += 1;
        let deleted = row.filter(|_| call.intent.verb == Verb::Delete);
        let unseen = |values: &[Value]| call.intent.expected.iter().any(|(f, v)| values[*f] != *v);
        if deleted.as_ref().is_some_and(|row| unseen(&row.values)) {
            self.problem("an edit that nobody has seen is deleted with its record");
        }
        if side == Side::NetSuite && self.rng.f64() < 0.8 {
            let ours = |f: &FieldIx| call.intent.wanted.iter().any(|(w, _)| w == f);
            let fact = match &reply {
                Reply::Applied(Some(seen)) => {
                    let values = seen.values.iter().filter(|(f, _)| ours(f)).cloned().collect();
                    Fact::Holds { values, full: false }
                }
                _ => Fact::Deleted,
            };
            let revision = Revision(self.systems[side].revision);
            let mut news = self.news(side, fact, revision);
            news.id = deleted.map_or(news.id, |row| row.id);
            if self.setup.extended || self.rng.bool() {
                news.operation = Some(call.intent.operation);
            }
            self.bus[side].push(news);
        }
        reply
    }

    fn meanwhile(&mut self) {
        if self.depth < 3 && self.chance(0.2) {
            self.depth += 1;
            for _ in 0..self.rng.usize(1..=3) {
                self.step();
            }
            self.depth -= 1;
        }
    }

    // ---- the schedule --------------------------------------------------------------------------------

    fn chance(&mut self, p: f64) -> bool {
        self.faults && self.rng.f64() < p
    }

    fn step(&mut self) {
        let ms = match self.rng.usize(..20) {
            0..9 => self.rng.i64(0..300),
            9..18 => self.rng.i64(1_000..15_000),
            _ => self.rng.i64(15_000..60_000),
        };
        self.now = self.now.plus(ms);
        self.land_late();
        let x = self.rng.f64();
        if self.deletes && self.rng.f64() < 0.02 {
            let side = Side::BOTH[self.rng.usize(..2)];
            self.user_delete(side);
        } else if x < 0.18 {
            self.user_edit(Side::NetSuite);
            if self.rng.f64() < 0.3 {
                self.user_edit(Side::NetSuite); // within the same second
            }
        } else if x < 0.36 {
            self.user_edit(Side::SuiteX);
        } else if x < 0.45 {
            self.poll();
        } else if x < 0.62 {
            self.deliver(Side::NetSuite);
        } else if x < 0.79 {
            self.deliver(Side::SuiteX);
        } else if x < 0.83 {
            self.resolve();
        } else {
            let side = Side::BOTH[self.rng.usize(..2)];
            self.push(side);
        }
    }

    fn land_late(&mut self) {
        let mut waiting = std::mem::take(&mut self.late);
        let (rng, now, faults) = (&mut self.rng, self.now, self.faults);
        let landing: Vec<_> = waiting
            .extract_if(.., |(last, _)| !faults || *last <= now || rng.f64() < 0.1)
            .map(|(_, call)| call)
            .collect();
        self.late = waiting;
        for call in landing {
            if self.now <= self.lands_until(&call) {
                say!(self, "a call that hung lands");
                self.land(Side::NetSuite, &call);
            }
        }
    }

    fn play(mut self) -> Self {
        for _ in 0..self.setup.steps {
            self.step();
        }
        say!(self, "-- faults stop");
        self.faults = false;
        for _ in 0..30 {
            self.now = self.now.plus(CALL_LANDS_WITHIN_MS / 15);
            self.land_late();
            while !self.bus.netsuite.is_empty() || !self.bus.suitex.is_empty() {
                self.deliver(Side::NetSuite);
                self.deliver(Side::SuiteX);
            }
            self.resolve();
            self.push(Side::NetSuite);
            self.push(Side::SuiteX);
            self.poll();
        }
        self.check();
        self
    }

    // ---- what must hold when all is quiet --------------------------------------------------------------

    fn check(&mut self) {
        say!(self, "-- canonical {} (alive: {})", self.show_all(&self.record.canonical), self.record.alive);
        for side in Side::BOTH {
            let row = self.systems[side].row.as_ref();
            let held = row.map_or("nothing".into(), |row| self.show_all(&row.values));
            say!(self, "-- {side} {held}");
        }
        self.check_convergence();
        if self.setup.values.is_none() {
            self.check_edits();
        }
        let t = &self.tally;
        let bound = t.edits + t.resolutions + t.conflicts + 2 * t.existence + 5;
        if t.sync_writes > bound {
            self.problem(format!(
                "an echo loop: {} writes, at most {bound} expected",
                self.tally.sync_writes
            ));
        }
    }

    fn check_convergence(&mut self) {
        if self.record.conflict.is_some() {
            self.problem("a conflict is left");
        }
        for side in Side::BOTH {
            let state = self.record.sides[side].clone();
            if state.intent.is_some() || state.wants_read {
                self.problem(format!("{side} is left unsettled"));
            }
            if state.detached {
                continue;
            }
            let Some(row) = self.systems[side].row.clone() else {
                if self.record.alive {
                    self.problem(format!("{side} lacks a live record"));
                }
                continue;
            };
            if !self.record.alive {
                self.problem(format!("{side} holds a dead record"));
                continue;
            }
            for (field, held) in row.values.iter().enumerate() {
                let name = self.surface.fields[field].name.clone();
                let ignores = self.systems[side].quirks[field] == Quirk::Ignores;
                let other_ignores = self.systems[side.other()].quirks[field] == Quirk::Ignores;
                let locked = self.record.locks.iter().any(|l| l.field == Some(field));
                if locked && !ignores && !other_ignores {
                    self.problem(format!("{name} is locked for no reason"));
                }
                if locked {
                    continue;
                }
                if state.shadow[field] != *held {
                    self.problem(format!("{side}'s {name} is not known"));
                }
                let canonical = &self.record.canonical[field];
                let quirky = Side::BOTH.iter().any(|s| self.systems[*s].quirks[field] != Quirk::Exact);
                let same = if quirky { plainly(held) == plainly(canonical) } else { held == canonical };
                if !same {
                    self.problem(format!("{side}'s {name} diverged"));
                }
            }
        }
    }

    fn check_edits(&mut self) {
        if self.deleted.netsuite || self.deleted.suitex {
            return self.check_deletion();
        }
        for field in 0..self.surface.fields.len() {
            let last = |side: Side| self.edits[side][field].last();
            let made = Side::BOTH.map(last);
            if made.iter().all(Option::is_none) || self.record.is_field_locked(field) {
                continue;
            }
            let result = &self.record.canonical[field];
            let kept = made.iter().flatten().any(|v| plainly(v) == plainly(result));
            let count = |side: Side| self.edits[side][field].len();
            let of_field = self.resolved.iter().filter(|r| r.field == field);
            let judged = of_field.clone().any(|r| {
                plainly(&r.value) == plainly(result) && Side::BOTH.iter().all(|s| r.knew[*s] == count(*s))
            });
            if self.surface.units[self.surface.fields[field].unit].len() > 1 {
                continue; // see below
            }
            let name = self.surface.fields[field].name.clone();
            let lost = match &self.surface.fields[field].kind {
                Kind::MultiSelect => self.lost_tags(result),
                Kind::Lines(_) if of_field.count() > 0 => None,
                Kind::Lines(_) => self.lost_cells(result),
                _ => (!kept && !judged).then(|| "edit lost".to_string()),
            };
            if let Some(lost) = lost {
                self.problem(format!("{lost} in {name}"));
            }
        }
        if let Some(unit) = self.surface.units.iter().find(|u| u.len() > 1) {
            let pair: Vec<Value> = unit.iter().map(|&f| self.record.canonical[f].clone()).collect();
            let pairs = [&self.pairs.netsuite, &self.pairs.suitex, &self.chosen_pair];
            if !pairs.contains(&&Some(pair)) {
                self.problem("a group mixes the two sides");
            }
        }
    }

    fn lost_tags(&self, result: &Value) -> Option<String> {
        let none = BTreeSet::new();
        let held = if let Value::Set(held) = result { held } else { &none };
        let expected: BTreeSet<_> = self.tags.0.difference(&self.tags.1).cloned().collect();
        let lost = if self.tardy { !held.is_superset(&expected) } else { *held != expected };
        lost.then(|| format!("tags are {held:?} instead of {expected:?}"))
    }

    fn lost_cells(&self, result: &Value) -> Option<String> {
        let none = Lines::new();
        let held = if let Value::Lines(held) = result { held } else { &none };
        let lost = self.lines.added.difference(&self.lines.removed).find(|key| !held.contains_key(*key));
        if let Some(key) = lost {
            return Some(format!("line {key} lost"));
        }
        let cells = held.iter().flat_map(|(key, row)| row.iter().enumerate().map(move |(c, v)| (key, c, v)));
        // What a side did to a line before it removed it is its own affair.
        for (key, column, value) in cells.filter(|(key, ..)| !self.lines.removed.contains(*key)) {
            let last = self.lines.cells.get(&(key.clone(), column))?;
            if last.netsuite.as_ref() != Some(value) && last.suitex.as_ref() != Some(value) {
                return Some(format!("edit of line {key} column {column} lost"));
            }
        }
        None
    }

    fn check_deletion(&mut self) {
        if self.asked || self.alone {
            return; // a person decided, or there was nothing to decide
        }
        for side in Side::BOTH {
            let (state, both) = (&self.record.sides[side], self.deleted[side.other()]);
            if !self.deleted[side] || !self.known_deleted[side] || both {
                continue;
            }
            let honoured = match self.surface.delete[side] {
                DeleteRule::Propagate => !self.record.alive,
                DeleteRule::Inactivate => {
                    let inactive = self.surface.inactive.map(|f| &self.record.canonical[f]);
                    state.detached && self.record.alive && inactive == Some(&Value::Bool(true))
                }
                DeleteRule::Detach => state.detached && self.record.alive,
                DeleteRule::Ask => false,
            };
            if !honoured {
                self.problem(format!("the deletion on {side} was not honoured"));
            }
        }
    }

    // ---- words ---------------------------------------------------------------------------------------

    fn note(&mut self, line: &str) {
        let (now, indent) = (self.now.0 as f64 / 1000.0, "  ".repeat(self.depth as usize));
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{now:>9.3}s {indent}{line}").expect("a string takes all");
        }
    }

    fn show_some(&self, values: &[(FieldIx, Value)]) -> String {
        let one = |(f, v): &(FieldIx, Value)| format!("{}={}", self.surface.fields[*f].name, show(v));
        values.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn show_all(&self, values: &[Value]) -> String {
        self.show_some(&values.iter().cloned().enumerate().collect::<Vec<_>>())
    }

    fn show_news(&self, news: &News) -> String {
        let rev = news.revision.map_or(0, |r| r.0);
        match &news.fact {
            Fact::Holds { values, full } => {
                format!("{} (rev {rev}{})", self.show_some(values), if *full { ", full" } else { "" })
            }
            Fact::Deleted => format!("deleted (rev {rev})"),
        }
    }

    fn show_reply(&self, reply: &Reply) -> String {
        let values = |v: &[(FieldIx, Value)]| self.show_some(v);
        match reply {
            Reply::Applied(Some(seen)) => format!("now {} (rev {})", values(&seen.values), seen.revision.0),
            Reply::Looked { seen, held } => {
                let held = held.as_ref().map_or("".into(), |h| format!(", our call saved {}", values(h)));
                format!("it is {} (rev {}){held}", values(&seen.values), seen.revision.0)
            }
            other => format!("{other:?}"),
        }
    }

    fn show_report(&self, report: &Report) -> String {
        let mut words: Vec<String> = report
            .decisions
            .iter()
            .map(|d| {
                let (name, rule) = (d.field_name(&self.surface), d.rule.name());
                format!(
                    "{name} {rule} {}|{}|{}→{}",
                    show(&d.base),
                    show(&d.ours),
                    show(&d.theirs),
                    show(&d.result)
                )
            })
            .collect();
        for (count, word) in [(report.stale, "stale"), (report.own, "own"), (report.unordered, "unordered")] {
            if count > 0 {
                words.push(format!("{count} {word}"));
            }
        }
        if words.is_empty() { NOTHING.into() } else { words.join("; ") }
    }
}

/// A text without what target forms change; anything else as it is.
fn plainly(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(text.trim().to_lowercase().into()),
        other => other.clone(),
    }
}

/// A report tells exactly what a step changed: the laws that hold for every step, whatever it is.
pub(crate) fn faithful(before: &Record, after: &Record, report: &Report) -> Result<(), String> {
    let expected = before.version.0 + u64::from(report.changed);
    if after.version.0 != expected {
        return Err(format!(
            "version {} after {}, changed: {}",
            after.version, before.version, report.changed
        ));
    }
    for field in 0..after.canonical.len() {
        let (from, to) = (&before.canonical[field], &after.canonical[field]);
        let of_field = report.decisions.iter().filter(|d| d.field == Some(field));
        let mut decisions = of_field.filter(|d| d.rule != Rule::NotPersisted);
        let first = decisions.next();
        let last = decisions.next_back().or(first);
        if from != to && (first.is_none_or(|d| d.theirs != *from) || !report.changed) {
            return Err(format!(
                "field {field} went from {} to {} and no report says so",
                show(from),
                show(to)
            ));
        }
        if last.is_some_and(|d| d.result != *to) {
            return Err(format!("field {field} is {} and the report says otherwise", show(to)));
        }
    }
    let mut existence = report.decisions.iter().filter(|d| d.field.is_none());
    let (first, alive) = (existence.next(), |v: &Value| *v == Value::Bool(true));
    let last = existence.next_back().or(first);
    let told = first.map(|d| alive(&d.theirs)).zip(last.map(|d| alive(&d.result)));
    if told.unwrap_or((before.alive, before.alive)) != (before.alive, after.alive) {
        return Err(format!("alive went {} → {} and the report says {told:?}", before.alive, after.alive));
    }
    Ok(())
}

/// A conflict shows what each side holds, or what was agreed and is still to be written there.
fn shown(record: &Record) -> Result<(), String> {
    let about_fields = record.conflict.iter().filter(|c| c.deleted_by.is_none());
    for clash in about_fields.flat_map(|c| &c.clashes) {
        for side in Side::BOTH {
            let (state, value) = (&record.sides[side], &clash.values[side]);
            let true_value = *value == state.shadow[clash.field] || *value == record.canonical[clash.field];
            if state.presence == Presence::There && !true_value {
                let (value, held) = (show(value), show(&state.shadow[clash.field]));
                return Err(format!("the conflict shows {side} {value} where it holds {held}"));
            }
        }
    }
    Ok(())
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

/// Each mechanism that the design rests on is needed: without it, some schedule goes wrong.
#[test]
fn without_any_one_mechanism_some_schedule_goes_wrong() {
    let in_the_core = [
        (Breakage::EqualSecondApplied, FAITHFUL),
        (Breakage::SentNotRecognised, FAITHFUL),
        (Breakage::LockNotChecked, FAITHFUL),
        (Breakage::VersionNotCompared, FAITHFUL),
    ];
    let in_the_world = [
        (Hole::NoCompare, FAITHFUL),
        (Hole::NoAuthoritativeRead, FAITHFUL),
        (Hole::NoReadBack, FAITHFUL),
        (Hole::NoMark, EXTENDED),
        (Hole::DeleteComparesRevisionAlone, EXTENDED),
    ];
    for (broken, setup) in in_the_core {
        breakage::set(Some(broken));
        let found = first_violation(0..5_000, setup);
        breakage::set(None);
        let (seed, problems) = found.unwrap_or_else(|| panic!("{broken:?} is never noticed"));
        println!("{broken:?}: seed {seed}: {problems:?}");
    }
    for (hole, setup) in in_the_world {
        let found = first_violation(0..5_000, Setup { hole: Some(hole), ..setup });
        let (seed, problems) = found.unwrap_or_else(|| panic!("{hole:?} is never noticed"));
        println!("{hole:?}: seed {seed}: {problems:?}");
    }
}
