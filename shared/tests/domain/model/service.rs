//! The service's part: it commits steps of the core, looks, and calls.

use shared::breakage::{self, Breakage};
use shared::domain::id::{Revision, Side, Timestamp};
use shared::domain::news::Fact;
use shared::domain::plan::{Plan, intend, plan};
use shared::domain::record::{Presence, Record, Verb};
use shared::domain::report::{Report, Rule};
use shared::domain::settle::{Reply, settle, unsettle};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::Value;

use super::Run;
use super::checks::{faithful, shown};
use super::words::say;
use crate::world::{Call, Hole};

/// NetSuite's script limit: later than that, no call lands.
const LANDS_WITHIN_MS: i64 = 300_000;

impl Run {
    /// Commits one step of the core, and looks whether its report tells everything.
    pub(super) fn commit(&mut self, step: impl FnOnce(&mut Record, &TypeSurface) -> Report) -> Report {
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

    pub(super) fn problem(&mut self, problem: impl Into<String>) {
        let problem = problem.into();
        say!(self, "!! {problem}");
        self.problems.insert(problem);
    }

    /// Authoritative: committed only if nothing else was committed since it began.
    fn read(&mut self, side: Side) -> bool {
        let before = self.record.clone();
        let state = &before.sides[side];
        if self.setup.hole == Some(Hole::NoReadBack) && state.intent.is_some() {
            let now = self.now;
            self.commit(|record, surface| settle(record, side, Reply::NotDone, now, surface));
            return true;
        }
        let reply = self.systems[side].look(state.id.as_ref(), &state.calls_in_doubt(), self.setup.hole);
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

    pub(super) fn push(&mut self, side: Side) {
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
    pub(super) fn lands_until(&self, call: &Call) -> Timestamp {
        let limit = call.intent.started.plus(LANDS_WITHIN_MS);
        if self.tardy { limit } else { limit.min(call.intent.deadline.plus(-1)) }
    }

    /// What the target does with a call. Our own write fires the User Event.
    pub(super) fn land(&mut self, side: Side, call: &Call) -> Reply {
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

    pub(super) fn meanwhile(&mut self) {
        if self.depth < 3 && self.chance(0.2) {
            self.depth += 1;
            for _ in 0..self.rng.usize(1..=3) {
                self.step();
            }
            self.depth -= 1;
        }
    }
}
