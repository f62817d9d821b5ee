//! A short storm: `scripts/bench storm` runs the long one, and says what is reached.

use simulation::storm::{
    Demand, Figures, Product, Timetable, config, figures, flood, neighbour, storm, timetable,
};

const STAGE_MS: i64 = 60_000;
const DEMAND: Demand = Demand { records: 3_000, edits_a_second: 100 };

fn settled(figures: &Figures) -> bool {
    figures.settled_s.iter().all(|s| s.is_some_and(|s| s <= 30))
}

#[test]
fn an_account_under_storm_gives_nearly_all_it_can_and_is_not_knocked_at_in_vain() {
    let stages = storm(STAGE_MS);
    let ours = figures(&stages, &Product::new(config(15)).storm(&stages, DEMAND));
    assert!(ours.goodput >= 0.9 && ours.refused <= 0.01 && settled(&ours), "{ours:?}");
    // What it is worth shows beside those that don't learn.
    let schedule = figures(&stages, &timetable(Timetable::Schedule, &stages));
    assert!(schedule.goodput < ours.goodput && !settled(&schedule), "{schedule:?}");
    let knocking = figures(&stages, &timetable(Timetable::EverySecond, &stages));
    assert!(knocking.refused > 0.1 && !settled(&knocking), "{knocking:?}");
}

#[test]
fn an_account_does_not_notice_the_storm_beside_it() {
    let times = neighbour(&storm(20_000), Demand { records: 500, edits_a_second: 100 });
    let p99 = |times: &[i64]| {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        sorted[(sorted.len() * 99).div_ceil(100) - 1]
    };
    assert!(times.beside_storm.len() >= 150, "{}", times.beside_storm.len());
    let (calm, stormy) = (p99(&times.beside_calm), p99(&times.beside_storm));
    assert!(
        stormy as f64 <= calm as f64 * 1.1,
        "{calm} ms beside a calm neighbour, {stormy} ms beside a storm"
    );
}

#[test]
fn a_flood_is_worked_off_in_order_at_what_the_cap_allows_and_when_it_is_done_is_told() {
    let flood = flood(3_000, 20);
    // The slow start weighs more than in the long one.
    assert!(flood.of_ceiling >= 0.88 && flood.refused == 0 && flood.in_flight == flood.cap, "{flood:?}");
    assert!(flood.out_of_order <= 0.01 && flood.due <= flood.due_most, "{flood:?}");
    assert!(!flood.drains_s.is_empty(), "{flood:?}");
    for (told, was) in &flood.drains_s {
        assert!((told / was - 1.0).abs() <= 0.1, "{told} s were told, {was} s it was: {flood:?}");
    }
}
