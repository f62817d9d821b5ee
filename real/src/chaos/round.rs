//! Whether a round was one: what was to go wrong did, and people could work meanwhile. Pure.

use local::demo::endure::Acknowledged;
use shared::domain::id::Side;

use super::plan::{Kind, Plan};
use super::trouble::Done;

/// Edits in a second, as long as nobody keeps the people waiting.
pub(super) const EDITS_PER_SECOND: f64 = 8.0;

/// Of the edits that there is time for, each side must take one in so many.
const TAKEN_ONE_IN: f64 = 20.0;

/// Edits that a side took.
pub(super) fn taken(side: Side, acknowledged: &[Acknowledged]) -> u64 {
    acknowledged.iter().filter(|edit| edit.side == side).count() as u64
}

/// Processes of functions that the trouble has ended, by how they ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Processes {
    /// By SIGKILL, at their work.
    pub(super) killed: usize,
    /// By themselves, told by SIGTERM at their work.
    pub(super) ended: usize,
}

/// What a round lacks that shows something: trouble that was planned and not made, edits that nobody could make.
pub(super) fn lacks(
    lasts_ms: u64,
    plan: &Plan,
    done: &Done,
    processes: Processes,
    acknowledged: &[Acknowledged],
) -> Vec<String> {
    let mut lacks = Vec::new();
    let planned = plan.count(Kind::KillFunction);
    if processes.killed < planned {
        lacks.push(format!("of {planned} functions {} were killed at their work", processes.killed));
    }
    // While MySQL is away most are not at work.
    if processes.ended == 0 {
        lacks.push("no function was told to end at its work, and did".into());
    }
    for kind in plan.kinds() {
        let (planned, made) = (plan.count(kind), done.0.get(&kind).map_or(0, Vec::len));
        if made != planned {
            lacks.push(format!("{}: planned {planned} times, done {made} times", kind.words()));
        }
    }
    let least = (EDITS_PER_SECOND * lasts_ms as f64 / 1_000.0 / TAKEN_ONE_IN).ceil() as u64;
    for side in Side::BOTH {
        let taken = taken(side, acknowledged);
        if taken < least {
            lacks.push(format!("{side} took {taken} edits, {least} are the least that show something"));
        }
    }
    lacks
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use shared::domain::id::{AccountId, RecordType};

    use super::*;

    const LASTS_MS: u64 = 20_000;

    fn all_done(plan: &Plan) -> Done {
        Done(plan.kinds().into_iter().map(|kind| (kind, vec![1; plan.count(kind)])).collect())
    }

    /// So many edits of each side.
    fn edits(of_netsuite: usize, of_suitex: usize) -> Vec<Acknowledged> {
        let edit = |side| Acknowledged {
            side,
            account: AccountId::parse("acme").unwrap(),
            kind: RecordType::parse("item").unwrap(),
            id: "7".into(),
            revision: None,
            deleted: false,
        };
        let [netsuite, suitex] = [(Side::NetSuite, of_netsuite), (Side::SuiteX, of_suitex)]
            .map(|(side, times)| vec![edit(side); times]);
        [netsuite, suitex].concat()
    }

    #[test]
    fn trouble_that_was_not_made_and_edits_that_nobody_took_are_told() {
        let plan = Plan::new(LASTS_MS, &mut Rng::with_seed(1));
        let done = all_done(&plan);
        let all = Processes { killed: plan.count(Kind::KillFunction), ended: 1 };
        let lacks =
            |done: &Done, processes, edits: &[Acknowledged]| lacks(LASTS_MS, &plan, done, processes, edits);
        let nothing: [String; 0] = [];
        assert_eq!(lacks(&done, all, &edits(8, 8)), nothing);
        assert_eq!(lacks(&done, all, &edits(8, 7)).len(), 1, "too few in SuiteX");
        assert_eq!(lacks(&done, all, &[]).len(), 2, "none at all");
        let one_lived_on = Processes { killed: all.killed - 1, ..all };
        assert_eq!(lacks(&done, one_lived_on, &edits(8, 8)).len(), 1, "one was not killed");
        assert_eq!(lacks(&done, Processes { ended: 0, ..all }, &edits(8, 8)).len(), 1, "none ended in order");
        for kind in plan.kinds() {
            let mut never = done.clone();
            never.0.remove(&kind);
            assert_eq!(lacks(&never, all, &edits(8, 8)).len(), 1, "never: {kind:?}");
        }
    }
}
