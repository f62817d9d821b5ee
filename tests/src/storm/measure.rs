//! What a run is worth beside what an oracle would have done. Arithmetic only.

use shared::writer::BATCH_MAX;

use super::{LATENCY_MS, LATENCY_PER_WRITE_MS};

/// Our share of the account's limit.
const SHARE: f64 = 0.5;

/// A writer has settled when it reaches so much of what the oracle reaches,
const SETTLED: f64 = 0.9;

/// and is turned away with no more of its calls, over so many seconds and on the whole until the next step.
const SETTLED_REFUSED: f64 = 0.05;
const SETTLED_OVER_S: usize = 20;

/// A stage of the storm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// How long it lasts, ms.
    pub for_ms: i64,
    /// The account's limit.
    pub limit: u32,
    /// Calls of other integrations that occupy it.
    pub foreign: u32,
}

impl Stage {
    /// The most calls that we should have under way, for who knows everything.
    pub fn cap(&self) -> u32 {
        ((f64::from(self.limit) * SHARE) as u32).min(self.limit.saturating_sub(self.foreign))
    }

    /// What the oracle writes, a second: each slot is taken again at once, by a call of ten.
    pub fn oracle(&self) -> f64 {
        let batch = BATCH_MAX as f64;
        let takes_ms = LATENCY_MS as f64 + batch * LATENCY_PER_WRITE_MS as f64;
        f64::from(self.cap()) * batch * 1_000.0 / takes_ms
    }

    fn seconds(&self) -> usize {
        (self.for_ms / 1_000) as usize
    }
}

/// What happened within a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Second {
    /// Records written.
    pub written: u64,
    /// Calls that arrived.
    pub calls: u64,
    /// Of them, turned away for want of a slot.
    pub refused: u64,
}

/// What a run is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Written, of what the oracle writes.
    pub goodput: f64,
    /// The same for each stage.
    pub by_stage: Vec<f64>,
    /// Calls turned away, of all calls.
    pub refused: f64,
    /// Per step, after how many seconds it had settled; `None` when it had not before the next.
    pub settled_s: Vec<Option<usize>>,
}

/// The figures of a run through these stages, told second by second.
pub fn figures(stages: &[Stage], seconds: &[Second]) -> Figures {
    let (mut rest, mut by_stage, mut settled_s) = (seconds, Vec::new(), Vec::new());
    for stage in stages {
        let (of_stage, after) = rest.split_at(stage.seconds().min(rest.len()));
        rest = after;
        by_stage.push(share_of_oracle(of_stage, stage));
        let last = of_stage.len().saturating_sub(SETTLED_OVER_S);
        settled_s.push((0..=last).find(|s| is_settled(&of_stage[*s..], stage)));
    }
    let written: u64 = seconds.iter().map(|s| s.written).sum();
    let oracle: f64 = stages.iter().map(|s| s.oracle() * s.seconds() as f64).sum();
    Figures { goodput: written as f64 / oracle, by_stage, refused: refused(seconds), settled_s }
}

fn is_settled(rest: &[Second], stage: &Stage) -> bool {
    let next = &rest[..SETTLED_OVER_S.min(rest.len())];
    [next, rest].iter().all(|s| share_of_oracle(s, stage) >= SETTLED && refused(s) <= SETTLED_REFUSED)
}

fn share_of_oracle(seconds: &[Second], stage: &Stage) -> f64 {
    let written: u64 = seconds.iter().map(|s| s.written).sum();
    written as f64 / (stage.oracle() * seconds.len() as f64)
}

fn refused(seconds: &[Second]) -> f64 {
    let (calls, refused) = seconds.iter().fold((0, 0), |(c, r), s| (c + s.calls, r + s.refused));
    refused as f64 / calls.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(seconds: i64, limit: u32, foreign: u32) -> Stage {
        Stage { for_ms: seconds * 1_000, limit, foreign }
    }

    #[test]
    fn the_oracle_takes_half_of_the_limit_and_no_more_than_is_left() {
        let caps = [(15, 4), (5, 3), (15, 10), (5, 1), (4, 4)].map(|(l, f)| stage(1, l, f).cap());
        assert_eq!(caps, [7, 2, 5, 2, 0]);
        assert_eq!(stage(1, 5, 3).oracle(), 25.0, "two calls of ten writes, each 800 ms");
    }

    #[test]
    fn a_run_is_settled_from_where_it_holds_what_it_has_reached() {
        let stages = [stage(60, 5, 3), stage(60, 5, 3)];
        let good = Second { written: 25, calls: 3, refused: 0 };
        let mut seconds = vec![good; 120];
        // Nothing for ten seconds; in the second stage good at first, and then not to the end.
        seconds[..10].fill(Second::default());
        seconds[90..].fill(Second { written: 10, calls: 3, refused: 0 });
        let figures = figures(&stages, &seconds);
        assert_eq!(figures.settled_s, [Some(8), None], "two of twenty seconds may be empty");
        assert_eq!(figures.by_stage, [50.0 / 60.0, (30.0 + 12.0) / 60.0]);
        assert_eq!(figures.goodput, 92.0 / 120.0);
    }

    #[test]
    fn who_knocks_all_the_time_has_not_settled() {
        let seconds = vec![Second { written: 25, calls: 20, refused: 17 }; 60];
        let figures = figures(&[stage(60, 5, 3)], &seconds);
        assert_eq!((figures.goodput, figures.refused, &*figures.settled_s), (1.0, 0.85, &[None][..]));
    }
}
