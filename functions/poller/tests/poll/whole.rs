//! A type that NetSuite lists by no time.

use crate::{NINE, Poll, Rules, poll, update};

fn timeless() -> Poll {
    let mut poll = poll();
    poll.rules(Rules { whole_every_s: 1_800, ..poll.app.rules });
    poll.netsuite.timeless.lock().unwrap().insert("customer");
    poll
}

#[test]
fn it_is_read_whole_and_only_what_is_news_is_told() {
    let poll = timeless();
    for id in 1..=60 {
        poll.known(id, NINE, "a");
        poll.save(id, "2026-01-01 09:00:00", "a");
    }
    poll.save(7, "2026-01-01 09:30:00", "b");
    // Saved in the second that is known, and not as it is known.
    poll.save(8, "2026-01-01 09:00:00", "c");
    assert_eq!(Poll::told(&poll.tick()), 2);
    assert_eq!(poll.published(0), [update("7", "b"), update("8", "c")]);
    let looks = poll.netsuite.looks();
    assert_eq!(looks, 60);
    poll.known(7, NINE + 1_800, "b");
    poll.known(8, NINE, "c");
    poll.save(9, "2026-01-01 10:05:00", "d");
    for now in ["2026-01-01 10:01:00", "2026-01-01 10:29:00"] {
        assert_eq!(Poll::told(&poll.later(now)), 0);
    }
    assert_eq!(poll.netsuite.looks(), looks, "it rests");
    assert_eq!(Poll::told(&poll.later("2026-01-01 10:31:00")), 1);
    assert_eq!((poll.published(2), poll.netsuite.looks()), (vec![update("9", "d")], looks + 60));
    assert!(poll.errors(false).is_empty());
}

#[test]
fn it_goes_on_where_a_short_tick_left_it_and_others_have_their_share() {
    let poll = timeless();
    (1..=1_200).for_each(|id| poll.save(id, "2026-01-01 09:00:00", "a"));
    poll.put("salesorder", 9, "2026-01-01 09:00:00", "s");
    *poll.netsuite.slow.lock().unwrap() = Some((poll.world.clock.clone(), 3_000));
    poll.tick();
    let mut told = poll.published(0);
    assert!(told.iter().any(|event| event.1 == "9" && event.2 == "s"));
    assert!(told.len() < 1_201, "{} in one tick", told.len());
    let mut minute = 1;
    while told.len() < 1_201 {
        poll.minute(&format!("2026-01-01 10:{minute:02}:00"));
        told = poll.published(0);
        minute += 1;
        assert!(minute < 10, "{} told", told.len());
    }
    assert_eq!(poll.netsuite.looks(), 1_201, "none twice");
}

#[test]
fn it_is_listed_by_time_again_as_soon_as_netsuite_does_so() {
    let poll = timeless();
    poll.save(1, "2026-01-01 09:00:00", "a");
    assert_eq!(Poll::told(&poll.tick()), 1);
    poll.netsuite.timeless.lock().unwrap().clear();
    poll.save(2, "2026-01-01 10:05:00", "b");
    assert_eq!(Poll::told(&poll.later("2026-01-01 10:10:00")), 0, "nobody has asked");
    assert_eq!(
        Poll::told(&poll.later("2026-01-01 10:31:00")),
        1,
        "what was saved since the last reading began"
    );
    poll.save(3, "2026-01-01 10:31:30", "c");
    assert_eq!(Poll::told(&poll.minute("2026-01-01 10:32:00")), 1);
}

#[test]
fn a_type_that_is_not_listed_at_all_is_told_as_before() {
    let poll = timeless();
    poll.netsuite.refused.lock().unwrap().insert("customer");
    assert_eq!(poll.tick().status.as_u16(), 503);
}
