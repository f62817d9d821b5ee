//! What the account's governance allows, step by step.

use super::bears::WINDOW_MS;
use super::*;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn bearing(limit: u32) -> Governance {
    let bears = Bears { limit, ..Bears::default() };
    // The last permit is kept for looks.
    Governance { bears, lent_from: Timestamp(1_000_000), ..Governance::default() }
}

fn limits(concurrency: u32) -> Limits {
    Limits { concurrency, ..Limits::default() }
}

fn begin(
    g: &mut Governance,
    id: Uuid,
    priority: u8,
    now: Timestamp,
    until: Timestamp,
    limits: &Limits,
) -> Result<(), NotNow> {
    g.begin(&Call { id, purpose: Purpose::Write(priority), now, until, writes: 10 }, limits)
}

#[test]
fn backoff_follows_the_schedule_and_stays_at_its_end() {
    let waits: Vec<i64> = (1..8).map(|n| backoff_ms(n, 0.5)).collect();
    assert_eq!(waits, [5_000, 15_000, 30_000, 60_000, 300_000, 300_000, 300_000]);
    assert_eq!((backoff_ms(1, 0.0), backoff_ms(1, 1.0)), (3_750, 6_250));
}

#[test]
fn never_more_than_half_of_the_accounts_limit_and_at_least_one() {
    for (concurrency, expected) in [(0, 1), (1, 1), (5, 2), (10, 5), (25, 12)] {
        assert_eq!(cap(&limits(concurrency)), expected);
    }
}

#[test]
fn a_timed_out_call_holds_its_permit_until_it_can_no_longer_run() {
    let (mut g, limits) = (bearing(1), limits(10));
    begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
    g.end(id(1), CallEnd::Unknown, Timestamp(1_000), &limits);
    assert_eq!(
        g.open,
        [OpenCall {
            id: id(1),
            until: Timestamp(310_000),
            silent_from: Timestamp(1_000),
            begun: Timestamp(0),
            writes: 10
        }]
    );
    begin(&mut g, id(2), 9, Timestamp(310_000), Timestamp(620_000), &limits).unwrap();
    assert_eq!(g.open.len(), 1, "by then it is over");
}

#[test]
fn calls_that_nobody_waits_for_count_against_the_cap_and_leave_one_permit_for_looks() {
    let (mut g, limits) = (bearing(1), limits(6));
    assert_eq!(cap(&limits), 3);
    for n in 1..=2 {
        let now = Timestamp(n as i64);
        begin(&mut g, id(n), 9, now, now.plus(310_000), &limits).unwrap();
        g.end(id(n), CallEnd::Unknown, now, &limits);
    }
    let now = Timestamp(20_000);
    let refused = begin(&mut g, id(3), 9, now, now.plus(310_000), &limits).unwrap_err();
    assert_eq!(refused.why, Why::Saturated);
    let look = |n| Call { id: id(n), purpose: Purpose::Look, now, until: now.plus(310_000), writes: 0 };
    g.begin(&look(4), &limits).unwrap();
    assert_eq!(g.begin(&look(5), &limits).unwrap_err().why, Why::Saturated);
}

#[test]
fn the_last_permit_is_for_a_look_at_what_silent_calls_have_done() {
    for (concurrency, writes, looks) in [(2, 1, 1), (4, 2, 2), (6, 2, 3), (10, 4, 5)] {
        let (g, limits) = (bearing(9), limits(concurrency));
        let permits = |purpose| g.permits(purpose, Timestamp(0), &limits);
        assert_eq!((permits(Purpose::Write(9)), permits(Purpose::Look)), (writes, looks), "{concurrency}");
    }
    let (mut g, limits) = (bearing(9), limits(6));
    begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
    assert_eq!(g.permits(Purpose::Look, Timestamp(1), &limits), 2, "another call is under way");
    assert_eq!(g.permits(Purpose::Look, Timestamp(200_000), &limits), 3, "nobody waits for it");
}

#[test]
fn a_call_that_says_nothing_for_long_counts_against_the_cap_alone() {
    let limits = limits(6);
    let mut g = bearing(1);
    begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
    let dead = Timestamp(SILENT_AFTER_MS);
    assert_eq!(g.permits(Purpose::Write(9), Timestamp(dead.0 - 1), &limits), 1);
    assert_eq!(g.permits(Purpose::Write(9), dead, &limits), 2);
}

#[test]
fn a_call_that_is_found_done_gives_its_permit_back_and_proves_nothing_else() {
    let (mut g, limits) = (Governance { failures: 2, ..Governance::default() }, limits(2));
    begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
    g.end(id(1), CallEnd::Over, Timestamp(30_000), &limits);
    assert_eq!((g.open.len(), g.failures), (0, 2));
}

#[test]
fn a_call_that_answered_nonsense_gives_its_permit_back() {
    let (mut g, limits) = (bearing(1), limits(2));
    begin(&mut g, id(1), 9, Timestamp(0), Timestamp(310_000), &limits).unwrap();
    g.end(id(1), CallEnd::Unclear, Timestamp(1_000), &limits);
    assert_eq!((g.open.len(), g.failures), (0, 1));
}

#[test]
fn grows_only_when_saturated() {
    let (mut g, limits) = (Governance::default(), limits(20));
    let mut now = 0;
    let mut call = |g: &mut Governance, n: u128, all: u32, end: CallEnd| {
        now += WINDOW_MS;
        for i in 0..u128::from(all) {
            begin(g, id(n * 100 + i), 9, Timestamp(now), Timestamp(now + 1), &limits).unwrap();
        }
        for i in 0..u128::from(all) {
            g.end(id(n * 100 + i), end, Timestamp(now), &limits);
        }
    };
    call(&mut g, 1, 1, CallEnd::Answered);
    assert_eq!(g.bears.limit, 2, "not saturated");
    call(&mut g, 2, 2, CallEnd::Answered);
    assert_eq!(g.bears.limit, 3, "saturated");
    call(&mut g, 3, 3, CallEnd::Answered);
    assert_eq!(g.bears.limit, 4);
}

#[test]
fn a_refusal_pauses_only_where_there_is_no_room_at_all() {
    let (mut g, limits) = (bearing(3), limits(10));
    let begin = |g: &mut Governance, n: u128, at: i64| {
        begin(g, id(n), 9, Timestamp(at), Timestamp(at + 310_000), &limits)
    };
    begin(&mut g, 1, 1).unwrap();
    begin(&mut g, 2, 1).unwrap();
    g.end(id(2), CallEnd::Overload, Timestamp(2), &limits);
    assert_eq!((g.bears.limit, g.not_before), (1, Timestamp(0)), "the other goes on");
    g.end(id(1), CallEnd::Answered, Timestamp(3), &limits);
    let mut pauses = Vec::new();
    let mut now = Timestamp(10);
    for n in 3..9 {
        begin(&mut g, n, now.0).unwrap();
        let refused = now.plus(1);
        g.end(id(n), CallEnd::Overload, refused, &limits);
        pauses.push((g.not_before.0 - refused.0) / 750);
        now = g.not_before;
    }
    // Small ids roll no higher than the bottom of the dice.
    assert_eq!(pauses, [1, 2, 4, 8, 12, 12]);
    begin(&mut g, 9, now.0).unwrap();
    g.end(id(9), CallEnd::Answered, now.plus(800), &limits);
    assert!(!g.is_queued() && begin(&mut g, 10, now.0 + 800).is_ok(), "there is room again");
}

#[test]
fn refusals_of_calls_that_were_under_way_together_are_one() {
    let (mut g, limits) =
        (Governance { bears: Bears { limit: 6, proven: 6, ..Bears::default() }, ..bearing(6) }, limits(20));
    for n in 1..=6 {
        begin(&mut g, id(n), 9, Timestamp(5), Timestamp(310_000), &limits).unwrap();
    }
    for n in 3..=6 {
        g.end(id(n), CallEnd::Overload, Timestamp(6), &limits);
    }
    assert_eq!((g.bears.limit, g.failures, g.overloads), (3, 1, 4));
    assert!(!g.is_queued());
}

#[test]
fn a_backlog_that_lasts_may_use_the_permit_that_is_kept_for_looks_while_every_call_is_heard_of() {
    let limits = limits(10);
    let mut g = Governance { bears: Bears { limit: 5, ..Bears::default() }, ..Governance::default() };
    let write = Purpose::Write(9);
    let mut n = 0;
    let mut seconds = |g: &mut Governance, from: i64, to: i64, calls: u128| {
        for s in from..to {
            let now = Timestamp(s * 1_000);
            for _ in 0..calls {
                n += 1;
                begin(g, id(n), 9, now, now.plus(310_000), &limits).unwrap();
            }
            for done in n + 1 - calls..=n {
                g.end(id(done), CallEnd::Answered, now.plus(900), &limits);
            }
        }
    };
    seconds(&mut g, 100, 106, 4);
    assert_eq!(g.permits(write, Timestamp(106_000), &limits), 4, "it may be a handful");
    seconds(&mut g, 106, 110, 4);
    assert_eq!(g.permits(write, Timestamp(110_000), &limits), 5, "it lasts");
    seconds(&mut g, 110, 114, 1);
    assert_eq!(g.permits(write, Timestamp(114_000), &limits), 4, "it is over");
    seconds(&mut g, 114, 124, 4);
    assert_eq!(g.permits(write, g.lent_from, &limits), 5, "it lasts again");
    begin(&mut g, id(1_000), 9, Timestamp(124_000), Timestamp(440_000), &limits).unwrap();
    g.end(id(1_000), CallEnd::Unknown, Timestamp(131_000), &limits);
    assert_eq!(g.permits(write, Timestamp(131_000), &limits), 4, "nobody heard of one");
    g.end(id(1_000), CallEnd::Over, Timestamp(132_000), &limits);
    seconds(&mut g, 132, 140, 4);
    assert_eq!(g.permits(write, Timestamp(140_000), &limits), 4, "it may happen again");
    let later = Timestamp(131_000 + KEPT_AFTER_SILENCE_MS);
    assert_eq!(g.permits(write, later, &limits), 5);
}

#[test]
fn three_failures_leave_one_probe_until_one_succeeds() {
    let (mut g, limits) = (bearing(5), limits(10));
    for n in 1..=3 {
        let now = g.not_before;
        begin(&mut g, id(n), 9, now, Timestamp(n as i64), &limits).unwrap();
        g.end(id(n), CallEnd::Unclear, Timestamp(10), &limits);
    }
    assert!(g.is_queued() && g.not_before > Timestamp(10));
    assert_eq!(
        begin(&mut g, id(9), 9, Timestamp(11), Timestamp(99), &limits).unwrap_err().why,
        Why::BackingOff
    );
    let later = g.not_before;
    begin(&mut g, id(10), 9, later, later.plus(100), &limits).unwrap();
    assert_eq!(begin(&mut g, id(11), 9, later, later.plus(100), &limits).unwrap_err().why, Why::Saturated);
    g.end(id(10), CallEnd::Answered, later, &limits);
    assert!(!g.is_queued() && g.permits(Purpose::Look, later, &limits) == 5);
}

#[test]
fn low_priorities_pause_at_the_threshold_and_all_at_the_budget() {
    let limits =
        Limits { daily_requests: 4, governance_threshold: 0.5, concurrency: 100, ..Limits::default() };
    let mut g = bearing(50);
    for n in 0..2 {
        begin(&mut g, id(n), 1, Timestamp(5), Timestamp(9), &limits).unwrap();
    }
    let refused = begin(&mut g, id(9), 1, Timestamp(5), Timestamp(9), &limits).unwrap_err();
    assert_eq!((refused.why, refused.at), (Why::Budget, Timestamp(DAY_MS)));
    begin(&mut g, id(3), 9, Timestamp(5), Timestamp(9), &limits).unwrap();
    begin(&mut g, id(4), 9, Timestamp(5), Timestamp(9), &limits).unwrap();
    assert_eq!(begin(&mut g, id(5), 9, Timestamp(5), Timestamp(9), &limits).unwrap_err().why, Why::Budget);
    begin(&mut g, id(6), 1, Timestamp(DAY_MS), Timestamp(DAY_MS + 9), &limits).unwrap();
}

/// Asks for a permit that nothing waits for.
fn ask(g: &mut Governance, n: u128, now: Timestamp, limits: &Limits) -> Result<(), Why> {
    let call = Call { id: id(n), purpose: Purpose::Ask, now, until: now.plus(310_000), writes: 0 };
    g.begin(&call, limits).map_err(|not_now| not_now.why)
}

#[test]
fn what_nothing_waits_for_leaves_a_permit_to_all_others() {
    for (concurrency, asked) in [(2, 0), (4, 1), (10, 4)] {
        let (mut g, limits) = (bearing(5), limits(concurrency));
        let begun = (0..10).filter(|n| ask(&mut g, *n, Timestamp(5), &limits).is_ok()).count();
        assert_eq!(begun, asked, "of a limit of {concurrency}");
        assert!(!g.bears.saturated, "nobody needs more");
        let poll =
            Call { id: id(99), purpose: Purpose::Poll, now: Timestamp(6), until: Timestamp(9), writes: 0 };
        assert!(g.begin(&poll, &limits).is_ok(), "of a limit of {concurrency}");
    }
}

#[test]
fn what_nothing_waits_for_is_no_probe_and_pauses_at_the_threshold() {
    let limits = Limits { daily_requests: 8, ..limits(10) };
    let mut g = bearing(5);
    for n in 1..=3 {
        let now = g.not_before;
        begin(&mut g, id(n), 9, now, now.plus(100), &limits).unwrap();
        g.end(id(n), CallEnd::Unclear, now.plus(10), &limits);
    }
    let later = g.not_before;
    assert_eq!(ask(&mut g, 4, later, &limits), Err(Why::BackingOff));
    begin(&mut g, id(5), 9, later, later.plus(100), &limits).unwrap();
    g.end(id(5), CallEnd::Answered, later, &limits);
    assert_eq!(ask(&mut g, 6, later, &limits), Err(Why::Budget), "half of the day's requests are sent");
}

/// A call that is begun when it may be, and ends so after a second.
fn call(g: &mut Governance, n: u128, end: CallEnd) -> Option<Turn> {
    let (now, limits) = (g.not_before.max(Timestamp(n as i64 * 10_000)), limits(10));
    begin(g, id(n), 9, now, now.plus(310_000), &limits).unwrap();
    g.end(id(n), end, now.plus(1_000), &limits)
}

#[test]
fn three_refused_sign_ins_in_a_row_suspend_once_and_an_answer_resumes_slowly() {
    let mut g = bearing(5);
    let twice = [call(&mut g, 1, CallEnd::Auth), call(&mut g, 2, CallEnd::Auth)];
    assert_eq!((twice, g.suspended), ([None; 2], None), "NetSuite's own trouble may look like that");
    assert_eq!((call(&mut g, 3, CallEnd::Answered), g.refused_sign_ins), (None, 0));
    assert_eq!([call(&mut g, 4, CallEnd::Auth), call(&mut g, 5, CallEnd::Auth)], [None; 2]);
    let suspended = call(&mut g, 6, CallEnd::Auth);
    let since = g.suspended.expect("suspended");
    assert_eq!(suspended, Some(Turn::Suspended(since)));
    for n in 7..12 {
        assert_eq!(call(&mut g, n, CallEnd::Auth), None, "it is suspended already");
    }
    assert_eq!(g.permits(Purpose::Write(9), g.not_before, &limits(10)), 1, "one probe at a time");
    assert_eq!(call(&mut g, 12, CallEnd::Answered), Some(Turn::Resumed(since)));
    assert!(!g.is_queued() && g.suspended.is_none() && g.not_before == Timestamp(0));
    assert_eq!(g.bears.limit, Bears::default().limit, "slowly");
    assert_eq!(call(&mut g, 13, CallEnd::Answered), None);
}

#[test]
fn what_was_signed_in_before_does_not_resume() {
    let (mut g, limits) = (bearing(5), limits(10));
    begin(&mut g, id(99), 9, Timestamp(1), Timestamp(310_000), &limits).unwrap();
    for n in 1..=3 {
        call(&mut g, n, CallEnd::Auth);
    }
    let (since, not_before) = (g.suspended, g.not_before);
    assert_eq!(g.end(id(99), CallEnd::Answered, Timestamp(40_000), &limits), None);
    assert_eq!((g.suspended, g.not_before), (since, not_before));
    assert!(since.is_some() && g.is_queued());
}

#[test]
fn a_poll_that_waits_is_given_the_next_permit() {
    for concurrency in [2, 4, 10] {
        let limits = limits(concurrency);
        let cap = cap(&limits);
        let mut g = bearing(cap);
        // Lent: writers may have all of them.
        g.lent_from = Timestamp(0);
        let until = Timestamp(300_000);
        let poll = |now| Call { id: id(99), purpose: Purpose::Poll, now, until, writes: 0 };
        for n in 0..u128::from(cap) {
            begin(&mut g, id(n), 9, Timestamp(0), until, &limits).unwrap();
        }
        assert_eq!(g.begin(&poll(Timestamp(100)), &limits).map_err(|not| not.why), Err(Why::Saturated));
        g.end(id(0), CallEnd::Answered, Timestamp(200), &limits);
        let taken = begin(&mut g, id(50), 9, Timestamp(200), until, &limits);
        assert_eq!(taken.map_err(|not| not.why), Err(Why::Saturated), "it is the poll's, of {cap}");
        g.begin(&poll(Timestamp(1_100)), &limits).unwrap();
        g.end(id(99), CallEnd::Answered, Timestamp(1_200), &limits);
        begin(&mut g, id(50), 9, Timestamp(1_200), until, &limits).unwrap();
        // A poll that never comes back keeps writers waiting for two seconds.
        g.begin(&poll(Timestamp(1_300)), &limits).unwrap_err();
        g.end(id(50), CallEnd::Answered, Timestamp(1_400), &limits);
        begin(&mut g, id(51), 9, Timestamp(3_299), until, &limits).unwrap_err();
        begin(&mut g, id(51), 9, Timestamp(3_300), until, &limits).unwrap();
    }
}
