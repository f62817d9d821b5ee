//! Rows that NetSuite shows without a time.

use shared::state::notices::Topic as About;

use crate::{NINE, Poll, Rules, poll, update};

/// Sixty customers that are known just so, but for those that a test changes.
fn customers() -> Poll {
    let mut poll = poll();
    poll.rules(Rules { whole_every_s: 1_800, ..poll.app.rules });
    for id in 1..=60 {
        poll.known(id, NINE, "a");
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll
}

fn hide_times(poll: &Poll, hide: bool) {
    let mut hidden = poll.netsuite.hidden_times.lock().unwrap();
    if hide { _ = hidden.insert("customer") } else { hidden.clear() }
}

#[test]
fn a_role_that_sees_no_times_has_the_type_read_whole_and_a_person_told() {
    let poll = customers();
    hide_times(&poll, true);
    poll.save(7, "2026-01-01 09:30:00", "b");
    assert_eq!(Poll::told(&poll.tick()), 1);
    assert_eq!(poll.published(0), [update("7", "b")]);
    let error = &poll.errors(true)[0];
    assert_eq!((error.class.as_str(), error.code.as_str()), ("not_polled", "NO_TIMES"));
    assert!(error.message.contains("60 of 60 customer") && error.hint.contains("role"), "{error:?}");
    poll.known(7, NINE + 1_800, "b");
    for minute in 1..30 {
        assert_eq!(Poll::told(&poll.minute(&format!("2026-01-01 10:{minute:02}:00"))), 0);
    }
    poll.save(8, "2026-01-01 10:15:00", "c");
    let told = (30..35).map(|m| Poll::told(&poll.minute(&format!("2026-01-01 10:{m}:00")))).sum::<u64>();
    assert_eq!((told, poll.published(1)), (1, vec![update("8", "c")]));
    assert_eq!((poll.errors(false).len(), poll.notices(About::Error).len()), (1, 1), "told once");
}

#[test]
fn when_its_times_are_shown_again_what_was_saved_meanwhile_is_found() {
    let poll = customers();
    poll.tick();
    hide_times(&poll, true);
    poll.later("2026-01-01 10:31:00");
    assert_eq!(poll.errors(true).len(), 1, "it is noticed, though it was listed before");
    poll.save(8, "2026-01-01 10:45:00", "c");
    poll.later("2026-01-01 10:50:00");
    hide_times(&poll, false);
    for minute in 51..60 {
        poll.minute(&format!("2026-01-01 10:{minute}:00"));
    }
    poll.later("2026-01-01 11:02:00");
    poll.minute("2026-01-01 11:03:00");
    let mut told = poll.published(0);
    told.dedup();
    assert_eq!(told, [update("8", "c")], "again until it is taken in, and nothing else");
    assert!(poll.errors(true).is_empty());
    assert_eq!(poll.notices(About::Recovered).len(), 1);
    poll.known(8, NINE + 6_300, "c");
    poll.later("2026-01-01 11:40:00");
    poll.save(9, "2026-01-01 11:40:30", "d");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 11:41:00")), 1, "by the minute again");
}

#[test]
fn a_few_rows_that_never_had_a_time_are_read_at_times() {
    let poll = customers();
    poll.tick();
    for id in [3, 4] {
        poll.save(id, "2026-01-01 09:30:00", "b");
        poll.change(id, |row| row.is_untimed = true);
    }
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:01:00")), 0);
    let looks = poll.netsuite.looks();
    assert_eq!(Poll::told(&poll.later("2026-01-01 10:31:00")), 2);
    assert_eq!(poll.published(0), [update("3", "b"), update("4", "b")]);
    assert_eq!(poll.netsuite.looks(), looks + 2, "and no others");
    assert!(poll.errors(false).is_empty());
}

#[test]
fn many_of_them_are_gone_through_in_several_ticks() {
    let poll = poll();
    (1..=1_300).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    (1..=1_300).for_each(|id| poll.change(id, |row| row.is_untimed = true));
    (2_000..=2_200).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    *poll.netsuite.slow.lock().unwrap() = Some((poll.world.clock.clone(), 2_000));
    let mut minute = 0;
    while poll.published(0).len() < 1_501 {
        poll.minute(&format!("2026-01-01 10:{minute:02}:00"));
        minute += 1;
        assert!(minute < 10, "{} told", poll.published(0).len());
    }
    assert_eq!(poll.netsuite.looks(), 1_501, "none twice");
    assert!(poll.errors(false).is_empty(), "some have a time");
}
