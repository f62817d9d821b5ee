//! What a round says, before and after.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use local::demo::endure::Endured;
use local::demo::section::Section;
use shared::domain::id::Side;

use super::ChaosOptions;
use super::evidence::Evidence;
use super::plan::{Kind, Plan};
use super::round::{Processes, taken};
use super::trouble::Done;
use super::verdict::{Verdict, reasons_to_write};
use super::witness::Accepted;
use crate::children::Place;

/// So many findings of a sort are shown in full.
const SHOWN: usize = 20;

/// What is about to happen.
pub(crate) fn announce(plan: &Plan, options: &ChaosOptions) -> String {
    let mut section = Section::new("planned", &["times"]);
    for kind in plan.kinds() {
        let name = match kind {
            Kind::MysqlAway => format!("{}, for {:.0} s", kind.words(), plan.away_ms as f64 / 1_000.0),
            _ => kind.words().to_string(),
        };
        section.row(&name, &[plan.count(kind) as u64]);
    }
    format!("crash test: {} minutes of trouble under load, seed {}\n{section}", options.minutes, options.seed)
}

/// Everything that is known in the end.
pub(crate) struct Report<'a> {
    pub(crate) done: Done,
    pub(crate) endured: Endured,
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) evidence: Evidence,
    pub(crate) verdict: Verdict,
    /// What keeps the round from showing anything.
    pub(crate) lacks: Vec<String>,
    /// Processes that the trouble has ended.
    pub(crate) processes: Processes,
    pub(crate) places: &'a [Arc<Place>],
}

impl Report<'_> {
    /// Whether nothing is wrong, and the round shows something.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict.is_good() && self.late() == 0 && self.lacks.is_empty()
    }

    /// Processes that were told to end and did not end well, or not in time.
    fn late(&self) -> u32 {
        self.places.iter().map(|place| place.late()).sum()
    }

    fn troubles(&self) -> Section {
        let mut section = Section::new("trouble made", &["times", "until it was over: p50 s", "max s"]);
        for (kind, took) in &self.done.0 {
            let mut sorted = took.clone();
            sorted.sort_unstable();
            let seconds = |ms: i64| format!("{:.1}", ms as f64 / 1_000.0);
            let shown = [sorted[sorted.len() / 2], sorted[sorted.len() - 1]].map(seconds);
            let [half, max] = match kind {
                Kind::KillFunction | Kind::EndFunction | Kind::CutMysql | Kind::CutRedis | Kind::FlushAll => {
                    ["-".to_string(), "-".to_string()]
                }
                _ => shown,
            };
            section.text(kind.words(), &[took.len().to_string(), half, max]);
        }
        for (name, count) in [
            ("functions killed at their work", self.processes.killed),
            ("functions that ended in order", self.processes.ended),
        ] {
            section.text(name, &[count.to_string(), String::new(), String::new()]);
        }
        section
    }

    fn log(&self) -> Section {
        let Endured { acknowledged, found, never_came, records, conflicts, compared, .. } = &self.endured;
        let mut section = Section::new("the checker's log", &[""]);
        section.row("edits acknowledged by SuiteX", &[taken(Side::SuiteX, acknowledged)]);
        section.row("edits acknowledged by NetSuite", &[taken(Side::NetSuite, acknowledged)]);
        let Evidence { writes, history, .. } = &self.evidence;
        for side in Side::BOTH {
            let made = writes.iter().filter(|writes| writes.side == side).map(|writes| writes.times).sum();
            let reasons = history.iter().map(|decided| reasons_to_write(side, decided)).sum();
            section.row(&format!("writes to {side} that changed something"), &[made]);
            section.row("  reasons that there were for them", &[reasons]);
        }
        section.row("edits over which SuiteX failed, and which it had taken", &[*found]);
        section.row("edits over which SuiteX failed, and which never came", &[*never_came]);
        for by in ["ingest", "review"] {
            let count = self.accepted.iter().filter(|accepted| accepted.by == by).count() as u64;
            section.row(&format!("events acknowledged by {by}"), &[count]);
        }
        section.row("conflicts that people decided, or that closed", &[conflicts.0]);
        section.row("records made", &[records.len() as u64]);
        section.row("ledger rows", &[self.evidence.ledger.len() as u64]);
        for (place, count) in &self.evidence.census {
            section.row(&format!("  {place}"), &[count.unsigned_abs()]);
        }
        section.row("records compared, and those that are the same", &[compared.0, compared.1]);
        section
    }

    fn judgement(&self) -> Section {
        let Verdict { lost, doubled, different, locked } = &self.verdict;
        let mut section = Section::new("found", &[""]);
        section.row("lost", &[lost.len() as u64]);
        section.row("doubled", &[doubled.len() as u64]);
        section.row("differences that nothing explains", &[different.len() as u64]);
        section.row("locked, or in error, without a reason", &[locked.len() as u64]);
        section.row("what the round lacks to show anything", &[self.lacks.len() as u64]);
        section.row("functions that did not end well, or in time, after SIGTERM", &[u64::from(self.late())]);
        section
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut fates = Section::new("each acknowledged edit accounted for", &["edits"]);
        for (fate, count) in &self.endured.fates {
            fates.row(fate, &[*count]);
        }
        let mut recovery = Section::new("seconds", &[""]);
        let seconds = |ms: i64| format!("{:.1}", ms as f64 / 1_000.0);
        for (stage, ms) in &self.endured.times {
            recovery.text(stage, &[seconds(*ms)]);
        }
        recovery
            .text("from the end of the trouble until nothing was left", &[seconds(self.endured.settled_ms)]);
        for side in Side::BOTH {
            let [half, _, _] = self.endured.latency[side];
            let shown = half.map_or("-".to_string(), seconds);
            recovery.text(&format!("an edit from {side} to {}, p50", side.other()), &[shown]);
        }
        let deaths: u32 = self.places.iter().map(|place| place.deaths()).sum();
        recovery.text("starts of a function that failed, MySQL being away", &[deaths.to_string()]);
        write!(f, "{}{}{fates}", self.troubles(), self.log())?;
        write!(f, "{}", Section::counts("refused at the door, and made otherwise", &self.endured.refused))?;
        write!(f, "{}", Section::counts("differences explained", &self.endured.explained))?;
        write!(f, "{recovery}{}", self.judgement())?;
        let Verdict { lost, doubled, different, locked } = &self.verdict;
        let lacks = &self.lacks;
        for (sort, found) in [
            ("lost", lost),
            ("doubled", doubled),
            ("different", different),
            ("locked", locked),
            ("lacking", lacks),
        ] {
            for one in found.iter().take(SHOWN) {
                writeln!(f, "\n  {sort}: {one}")?;
            }
            if found.len() > SHOWN {
                writeln!(f, "\n  {sort}: and {} more", found.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}
