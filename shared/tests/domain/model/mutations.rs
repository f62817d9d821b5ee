//! Each mechanism switched off in its turn, to see that the model notices.

use shared::breakage::{self, Breakage};

use super::{EXTENDED, FAITHFUL, Setup, first_violation};
use crate::world::Hole;

/// Each mechanism that the design rests on is needed: without it, some schedule goes wrong.
#[test]
fn without_any_one_mechanism_some_schedule_goes_wrong() {
    let in_the_core = [
        (Breakage::EqualSecondApplied, EXTENDED),
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
        let found = first_violation(0..50_000, setup);
        breakage::set(None);
        let (seed, problems) = found.unwrap_or_else(|| panic!("{broken:?} is never noticed"));
        println!("{broken:?}: seed {seed}: {problems:?}");
    }
    for (hole, setup) in in_the_world {
        let found = first_violation(0..50_000, Setup { hole: Some(hole), ..setup });
        let (seed, problems) = found.unwrap_or_else(|| panic!("{hole:?} is never noticed"));
        println!("{hole:?}: seed {seed}: {problems:?}");
    }
}
