//! Late saves, and what wall clocks do.

use crate::{Poll, deletion, poll, update};

#[test]
fn a_save_that_is_shown_late_is_found() {
    let poll = poll();
    poll.save(7, "2026-01-01 10:00:30", "a");
    poll.change(7, |row| row.is_hidden = true);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:02:00")), 0);
    poll.change(7, |row| row.is_hidden = false);
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:03:00")), 1);
}

#[test]
fn a_late_save_of_the_same_second_is_found_too() {
    let poll = poll();
    poll.save(7, "2026-01-01 10:00:30", "first");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 1);
    poll.save(7, "2026-01-01 10:00:30", "second");
    poll.minute("2026-01-01 10:02:00");
    poll.minute("2026-01-01 10:03:00");
    assert_eq!(poll.published(1), [update("7", "second")]);
}

#[test]
fn the_hour_that_comes_twice() {
    let poll = poll();
    poll.clock("2026-11-01 01:59:00");
    poll.tick();
    poll.save(1, "2026-11-01 01:59:30", "before");
    poll.save(2, "2026-11-01 01:00:10", "after");
    poll.minute("2026-11-01 01:00:20");
    assert_eq!(poll.published(0).len(), 2, "one bears a time that is still to come");
    poll.save(3, "2026-11-01 01:00:50", "again");
    poll.minute("2026-11-01 01:01:20");
    assert!(poll.published(2).contains(&update("3", "again")));
}

#[test]
fn a_whole_page_of_the_hour_before_it_comes_again() {
    let poll = poll();
    poll.clock("2026-11-01 01:00:00");
    poll.tick();
    (1..=2_500).for_each(|id| poll.save(id, "2026-11-01 01:59:00", "first"));
    (3_001..=3_010).for_each(|id| poll.save(id, "2026-11-01 01:00:10", "second"));
    poll.world.clock.pass(3_560_000);
    poll.minute("2026-11-01 01:00:20");
    let mut told: Vec<u64> = poll.published(0).iter().map(|(_, id, _)| id.parse().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, Vec::from_iter((1..=2_500).chain(3_001..=3_010)));
}

#[test]
fn the_hour_that_never_was_is_not_asked_for() {
    let poll = poll();
    poll.known(5, 1, "a");
    poll.save(5, "2026-03-01 10:00:00", "a");
    poll.clock("2026-03-08 01:59:30");
    poll.tick();
    *poll.netsuite.gap.lock().unwrap() = Some(["2026-03-08 02:00:00", "2026-03-08 03:00:00"]);
    let before = poll.published(0).len();
    // More than a page of it, and deletions with it: the moved window is the one that is gone on with.
    (1_001..=2_500).for_each(|id| poll.save(id, "2026-03-08 03:00:10", "spring"));
    poll.delete(5, "2026-03-08 03:00:20");
    for minute in 1..=9 {
        let answer = poll.minute(&format!("2026-03-08 03:0{minute}:00"));
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    }
    // Windows are wider now, and begin in the hour that never was.
    for now in ["2026-03-08 03:40:00", "2026-03-08 03:41:00"] {
        assert_eq!(poll.later(now).status.as_u16(), 200, "{now}");
    }
    let told = poll.published(before);
    assert!(told.contains(&deletion("5")));
    assert_eq!(
        told.iter().filter(|(operation, ..)| operation == "update").count() / 1_500,
        2,
        "young and settled"
    );
}
