//! A run in words, for the trace of a seed that fails.

use std::fmt::Write as _;

use shared::domain::news::{Fact, News};
use shared::domain::report::Report;
use shared::domain::settle::Reply;
use shared::domain::surface::FieldIx;
use shared::domain::value::Value;

use super::Run;
use crate::fixture::show;

pub(super) const NOTHING: &str = "nothing new";

macro_rules! say {
    ($run:expr, $($arg:tt)*) => {
        if $run.trace.is_some() {
            let line = format!($($arg)*);
            $run.note(&line);
        }
    };
}

pub(super) use say;

impl Run {
    pub(super) fn note(&mut self, line: &str) {
        let (now, indent) = (self.now.0 as f64 / 1000.0, "  ".repeat(self.depth as usize));
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{now:>9.3}s {indent}{line}").expect("a string takes all");
        }
    }

    pub(super) fn show_some(&self, values: &[(FieldIx, Value)]) -> String {
        let one = |(f, v): &(FieldIx, Value)| format!("{}={}", self.surface.fields[*f].name, show(v));
        values.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn show_all(&self, values: &[Value]) -> String {
        self.show_some(&values.iter().cloned().enumerate().collect::<Vec<_>>())
    }

    pub(super) fn show_news(&self, news: &News) -> String {
        let rev = news.revision.map_or(0, |r| r.0);
        match &news.fact {
            Fact::Holds { values, full } => {
                format!("{} (rev {rev}{})", self.show_some(values), if *full { ", full" } else { "" })
            }
            Fact::Deleted => format!("deleted (rev {rev})"),
        }
    }

    pub(super) fn show_reply(&self, reply: &Reply) -> String {
        let values = |v: &[(FieldIx, Value)]| self.show_some(v);
        match reply {
            Reply::Applied(Some(seen)) => format!("now {} (rev {})", values(&seen.values), seen.revision.0),
            Reply::Mismatch(seen) => {
                format!("not written, it is {} (rev {})", values(&seen.values), seen.revision.0)
            }
            Reply::Looked { seen, held } => {
                let held = held.iter().map(|(call, held)| format!(", our {call} saved {}", values(held)));
                let held: String = held.collect();
                format!("it is {} (rev {}){held}", values(&seen.values), seen.revision.0)
            }
            other => format!("{other:?}"),
        }
    }

    pub(super) fn show_report(&self, report: &Report) -> String {
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
