//! What the demo shows at its end, in aligned columns.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use shared::domain::id::{PerSide, Side};

use super::book::{Book, Doing};
use super::latency::{LOOK_EVERY_MS, Latency, percentile};
use super::reckoning::Reckoning;
use super::resolve::Done;
use super::section::Section;
use super::survey::{Parity, Written};

/// Everything that is shown.
pub(super) struct Report<'a> {
    pub(super) title: String,
    pub(super) notes: &'a [String],
    pub(super) book: &'a Book,
    /// Edits that were asked for.
    pub(super) asked: usize,
    /// Records alive at the end, by type.
    pub(super) alive: BTreeMap<String, u64>,
    /// Records that were filled in, by type.
    pub(super) filled: BTreeMap<String, u64>,
    pub(super) reckoning: Reckoning,
    pub(super) written: Written,
    /// The most calls that an account may have under way.
    pub(super) cap: u32,
    pub(super) latency: &'a Latency,
    pub(super) reviewer: Done,
    pub(super) faults: BTreeMap<String, u64>,
    /// Errors ever filed, by class and status.
    pub(super) errors: BTreeMap<String, u64>,
    /// Errors that are still open, in full.
    pub(super) open_errors: Vec<String>,
    pub(super) parity: Parity,
    /// Stages and how long they took, in ms.
    pub(super) times: Vec<(&'static str, i64)>,
}

impl Report<'_> {
    /// Whether every edit is accounted for and every difference explained.
    pub(super) fn is_good(&self) -> bool {
        let accounted: u64 = self.reckoning.accounts.edits.values().sum();
        self.reckoning.unaccounted.is_empty()
            && self.parity.unexplained.is_empty()
            && accounted == self.asked as u64
            && self.book.edits.len() == self.asked
    }

    fn edits_made(&self) -> Section {
        let mut section = Section::new("edits made", &["netsuite", "suitex", "all"]);
        let mut by_doing: BTreeMap<Doing, PerSide<u64>> = BTreeMap::new();
        let (mut all, mut collided) = (PerSide::<u64>::default(), PerSide::<u64>::default());
        for edit in &self.book.edits {
            by_doing.entry(edit.doing).or_default()[edit.side] += 1;
            all[edit.side] += 1;
            collided[edit.side] += u64::from(edit.collides);
        }
        let mut row =
            |name: &str, n: PerSide<u64>| section.row(name, &[n.netsuite, n.suitex, n.netsuite + n.suitex]);
        for (doing, counts) in by_doing {
            row(doing.words(), counts);
        }
        row("all", all);
        row("of which on one field of one record, both sides at once", collided);
        let share = 100.0 * (collided.netsuite + collided.suitex) as f64 / self.asked.max(1) as f64;
        section.text("  in a hundred", &["".into(), "".into(), format!("{share:.1}")]);
        section
    }

    fn fates(&self) -> Section {
        let accounts = &self.reckoning.accounts;
        let mut section = Section::new("each edit accounted for", &["edits", "values"]);
        for (fate, values) in &accounts.values {
            section.row(&fate.words(), &[accounts.edits.get(fate).copied().unwrap_or(0), *values]);
        }
        section.row("all", &[accounts.edits.values().sum(), accounts.values.values().sum()]);
        section
    }

    fn writing(&self) -> Section {
        let mut section =
            Section::new("writes since the edits began", &["edits there", "writes here", "edits per write"]);
        for side in Side::BOTH {
            let edits = self.book.edits.iter().filter(|edit| edit.side == side.other()).count() as u64;
            let writes = self.written.writes[side];
            let ratio = format!("{:.2}", edits as f64 / writes.max(1) as f64);
            section.text(side.as_str(), &[edits.to_string(), writes.to_string(), ratio]);
        }
        section
    }

    fn latencies(&self) -> Section {
        let columns = ["edits", "p50 ms", "p99 ms", "max ms"];
        let mut section = Section::new("from an edit to the other side", &columns);
        for side in Side::BOTH {
            let samples = &self.latency.samples.borrow()[side];
            let of = |percent| percentile(samples, percent).map_or("-".to_string(), |ms| ms.to_string());
            let name = format!("{side} to {}", side.other());
            section.text(&name, &[samples.len().to_string(), of(50), of(99), of(100)]);
        }
        section
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        for note in self.notes {
            writeln!(f, "  {note}")?;
        }
        let mut records = Section::new("records", &["filled in", "alive at the end"]);
        for (kind, alive) in &self.alive {
            records.row(kind, &[self.filled.get(kind).copied().unwrap_or(0), *alive]);
        }
        write!(f, "{records}{}", self.edits_made())?;
        write!(f, "{}", Section::counts("refused at the door, and made otherwise", &self.book.refused))?;
        write!(f, "{}{}", self.fates(), Section::counts("decisions, by rule", &self.reckoning.rules))?;
        write!(f, "{}", self.writing())?;
        let Written { calls, landed_late, most_in_flight, too_many, .. } = self.written;
        let cap = self.cap;
        writeln!(
            f,
            "  {calls} NetSuite calls, at most {most_in_flight} at once in an account (cap {cap}), {too_many} one too \
             many; {landed_late} landed late"
        )?;
        write!(f, "{}", self.latencies())?;
        let never = self.latency.never.get();
        writeln!(
            f,
            "  a sample, by asking the other side every {LOOK_EVERY_MS} ms; {never} more never arrived: overwritten, \
             or lost to a rule"
        )?;
        let Reckoning { opened, resolved, closed, .. } = self.reckoning;
        let Done { decided, outdated, retried } = self.reviewer;
        let mut review = Section::new("people", &[""]);
        review.row("conflicts opened", &[opened]);
        review.row("  decided", &[resolved]);
        review.row("  closed because the sides came to agree", &[closed]);
        review.row("decisions sent in time", &[decided]);
        review.row("decisions sent on an outdated view, and refused", &[outdated]);
        review.row("errors tried again", &[retried]);
        write!(f, "{review}{}", Section::counts("errors", &self.errors))?;
        write!(f, "{}", Section::counts("faults injected", &self.faults))?;
        let mut parity = Section::new("parity", &[""]);
        parity.row("records", &[self.parity.records]);
        parity.row("the same on both sides, and as agreed", &[self.parity.same]);
        for (by, count) in &self.parity.explained {
            parity.row(&format!("differences explained by {by}"), &[*count]);
        }
        parity.row("differences that nothing explains", &[self.parity.unexplained.len() as u64]);
        let mut times = Section::new("seconds", &[""]);
        for (stage, ms) in &self.times {
            times.text(stage, &[format!("{:.1}", *ms as f64 / 1_000.0)]);
        }
        write!(f, "{parity}{times}")?;
        let open = self.open_errors.iter();
        for left in open.chain(&self.reckoning.unaccounted).chain(&self.parity.unexplained) {
            writeln!(f, "\n  {left}")?;
        }
        Ok(())
    }
}
