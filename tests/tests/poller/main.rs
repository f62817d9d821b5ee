//! The poller against the simulator's SuiteQL, through both transitions of every zone that has any: 100,000 random
//! changes, none missed, none told twice.
//!
//! *Missed*: when all is quiet and the last hours lie behind, what is known of a record is not what NetSuite holds.
//! *Told twice*: one state of a record under two event ids, an event published again although it was taken in, or
//! anything published when nothing has changed. That a change may be found up to an hour late while NetSuite takes one
//! hour for the other does not count: there is no way to ask for it.

#[path = "../../../functions/memory_ports.rs"]
mod memory_ports;

mod account;
mod brake;
mod hidden;
mod plain;
mod taken_in;
mod zones;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use account::{Case, Tally, play};
use suiteql::{Gap, Overlap, Reckoning};

/// So many changes are made in all.
const CHANGES: u64 = 100_000;

/// Each case makes the same share of these. Who compares by the wall reads no text in another way for a gap or an
/// overlap: there the four take turns.
fn cases() -> Vec<Case> {
    let (mut cases, mut turn) = (Vec::new(), 0);
    for (nth, transition) in zones::transitions().into_iter().enumerate() {
        for reckoning in [Reckoning::Instant, Reckoning::Wall] {
            for overlap in [Overlap::Earlier, Overlap::Later] {
                for gap in [Gap::Refuse, Gap::Forward] {
                    turn += 1;
                    if reckoning == Reckoning::Wall && turn % 4 != nth % 4 {
                        continue;
                    }
                    let seed = cases.len() as u64;
                    cases.push(Case { transition, reckoning, overlap, gap, seed });
                }
            }
        }
    }
    cases
}

#[test]
fn no_change_is_missed_and_none_is_told_twice() {
    let cases = cases();
    let each = usize::try_from(CHANGES).unwrap().div_ceil(cases.len());
    let (next, sum, wrong) = (AtomicUsize::new(0), Mutex::new(Tally::default()), Mutex::new(Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (tally, found) = play(case, each);
                    sum.lock().unwrap_or_else(PoisonError::into_inner).add(&tally);
                    let found = found.into_iter().map(|what| format!("{case:?}: {what}"));
                    wrong.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
                }
            });
        }
    });
    let (sum, wrong) = (sum.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!("{} cases: {sum:?}", cases.len());
    let some = wrong[..wrong.len().min(12)].join("\n");
    assert!(wrong.is_empty(), "{} of {} changes went wrong:\n{some}", wrong.len(), sum.changes);
    assert!(sum.changes >= CHANGES, "{sum:?}");
    // Everything that this is about has happened, and often.
    for (what, count, least) in [
        ("polls", sum.ticks, 25_000),
        ("events of the poller", sum.published, CHANGES / 3),
        ("User Events", sum.user_events, CHANGES / 10),
        ("deletions", sum.deletions, CHANGES / 50),
        ("late commits", sum.late, CHANGES / 20),
        ("times that NetSuite could not read", sum.gaps, 20),
    ] {
        assert!(count >= least, "{count} {what}: {sum:?}");
    }
}
