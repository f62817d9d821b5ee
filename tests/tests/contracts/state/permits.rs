//! Permits for calls to NetSuite: one account's, over all instances.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use shared::domain::governance::{Call, CallEnd, Governance, NotNow, Purpose, Why, cap};
use shared::domain::id::AccountId;
use shared::domain::surface::Limits;
use shared::state::State;
use uuid::Uuid;

use super::each;
use crate::{acme, at, globex, id};

fn limits(concurrency: u32) -> Limits {
    Limits { concurrency, daily_requests: 1_000_000, ..Limits::default() }
}

async fn begin(
    state: &dyn State,
    account: &AccountId,
    call: Uuid,
    now: i64,
    limits: &Limits,
) -> Result<(), NotNow> {
    // Writes leave a permit to looks: every other call is one.
    let purpose = if call.as_u128().is_multiple_of(2) { Purpose::Look } else { Purpose::Write(9) };
    let call = Call { id: call, purpose, now: at(now), until: at(now + 310_000), writes: 1 };
    state.begin_call(account, &call, limits).await.unwrap()
}

#[test]
fn never_more_calls_than_the_cap_whatever_the_order() {
    each(async |state| {
        let limits = limits(9);
        let mut dice = fastrand::Rng::with_seed(3);
        let (mut now, mut next, mut most) = (0, 0, 0);
        // Call → until when it may occupy a slot.
        let mut running: BTreeMap<Uuid, i64> = BTreeMap::new();
        for _ in 0..4_000 {
            now += dice.i64(0..700);
            running.retain(|_, until| *until > now);
            if dice.u32(0..100) < 60 {
                next += 1;
                if begin(state, &acme(), id(next), now, &limits).await.is_ok() {
                    running.insert(id(next), now + 310_000);
                }
            } else if !running.is_empty() {
                let call = *running.keys().nth(dice.usize(0..running.len())).expect("a running call");
                let end = match dice.u32(0..100) {
                    0..93 => CallEnd::Answered,
                    93 => CallEnd::Overload,
                    94 => CallEnd::Auth,
                    95 => CallEnd::NotMade,
                    _ => CallEnd::Unknown,
                };
                state.end_call(&acme(), call, end, at(now), &limits).await.unwrap();
                // Nobody knows how long a call runs that nobody hears of any more.
                if end != CallEnd::Unknown {
                    running.remove(&call);
                }
            }
            most = most.max(running.len());
            assert!(running.len() <= cap(&limits) as usize, "{} calls at {now}", running.len());
        }
        assert_eq!(most, cap(&limits) as usize, "the cap is also reached");
    });
}

#[test]
fn who_asks_at_the_same_moment_gets_no_more_either() {
    each(async |state| {
        let limits = limits(2);
        let account = acme();
        let asks = (0..16).map(|n| begin(state, &account, id(n), 5, &limits));
        let answers = join_all(asks).await;
        assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), cap(&limits) as usize);
        let refused = answers.into_iter().find_map(Result::err).expect("a refusal");
        assert_eq!(refused.why, Why::Saturated);
        assert!(refused.at > at(5), "and is told when to ask again");
    });
}

#[test]
fn a_permit_given_back_is_free_and_giving_it_back_twice_frees_no_other() {
    each(async |state| {
        let limits = limits(2);
        begin(state, &acme(), id(1), 0, &limits).await.unwrap();
        begin(state, &acme(), id(2), 0, &limits).await.unwrap_err();
        for _ in 0..2 {
            state.end_call(&acme(), id(1), CallEnd::Answered, at(1), &limits).await.unwrap();
        }
        begin(state, &acme(), id(3), 2, &limits).await.unwrap();
        state.end_call(&acme(), id(1), CallEnd::Answered, at(3), &limits).await.unwrap();
        begin(state, &acme(), id(4), 4, &limits).await.unwrap_err();
    });
}

#[test]
fn of_calls_asked_for_together_the_first_get_what_there_is() {
    each(async |state| {
        let limits = limits(9);
        let asked = |ids: std::ops::Range<u128>, now: i64| {
            let look = |call| {
                let (now, until) = (at(now), at(now + 310_000));
                Call { id: id(call), purpose: Purpose::Look, now, until, writes: 0 }
            };
            ids.map(look).collect::<Vec<_>>()
        };
        // An account that has not been called yet bears two, as far as we know.
        let begun = state.begin_calls(&acme(), &asked(0..1, 0), &limits).await.unwrap();
        assert_eq!((begun.granted, begun.not_now), (1, None));
        let begun = state.begin_calls(&acme(), &asked(1..6, 1), &limits).await.unwrap();
        assert_eq!((begun.granted, begun.not_now.map(|not_now| not_now.why)), (1, Some(Why::Saturated)));
        let open = state.governance_of(&acme()).await.unwrap().open;
        let open: BTreeSet<Uuid> = open.iter().map(|call| call.id).collect();
        assert_eq!(open, BTreeSet::from([id(0), id(1)]), "the first of those that asked");
        let begun = state.begin_calls(&acme(), &asked(6..8, 2), &limits).await.unwrap();
        assert!(begun.granted == 0 && begun.not_now.is_some());
    });
}

#[test]
fn one_accounts_calls_are_not_anothers() {
    each(async |state| {
        let limits = limits(2);
        begin(state, &acme(), id(1), 0, &limits).await.unwrap();
        begin(state, &globex(), id(2), 0, &limits).await.unwrap();
        for n in 3..6 {
            state.end_call(&globex(), id(n), CallEnd::Auth, at(1), &limits).await.unwrap();
        }
        state.end_call(&acme(), id(1), CallEnd::Answered, at(1), &limits).await.unwrap();
        begin(state, &acme(), id(6), 2, &limits).await.unwrap();
    });
}

/// Whatever happens, the state holds what the arithmetic makes of it.
#[test]
fn nothing_of_what_was_learned_is_forgotten() {
    each(async |state| {
        let limits = limits(12);
        let mut expected = Governance::default();
        assert_eq!(state.governance_of(&acme()).await.unwrap(), expected, "before the first call");
        let mut dice = fastrand::Rng::with_seed(11);
        let (mut now, mut next, mut turns) = (1_000_000, 0, 0);
        let mut running: Vec<Uuid> = Vec::new();
        for _ in 0..1_500 {
            now += dice.i64(0..900);
            if dice.bool() || running.is_empty() {
                next += 1;
                let purpose =
                    [Purpose::Write(9), Purpose::Look, Purpose::Poll, Purpose::Ask][dice.usize(0..4)];
                let call = Call {
                    id: id(next),
                    purpose,
                    now: at(now),
                    until: at(now + 60_000),
                    writes: dice.u32(0..11),
                };
                let begun = state.begin_call(&acme(), &call, &limits).await.unwrap();
                assert_eq!(begun, expected.begin(&call, &limits));
                running.extend(begun.is_ok().then_some(call.id));
            } else {
                let call = running.swap_remove(dice.usize(0..running.len()));
                // Whole stretches of bad days, so that sign-ins are refused in a row.
                let end = match (now / 60_000 % 3, dice.u32(0..20)) {
                    (0, 0..18) => CallEnd::Auth,
                    (_, 0..15) => CallEnd::Answered,
                    (_, 15..18) => CallEnd::Overload,
                    (_, 18) => CallEnd::Unknown,
                    (_, _) => CallEnd::NotMade,
                };
                state.end_call(&acme(), call, end, at(now), &limits).await.unwrap();
                turns += usize::from(expected.end(call, end, at(now), &limits).is_some());
            }
            let mut held = state.governance_of(&acme()).await.unwrap();
            held.open.sort_by_key(|call| call.id);
            expected.open.sort_by_key(|call| call.id);
            assert_eq!(held, expected);
        }
        assert!(turns >= 4 && expected.overloads > 0, "{turns} turns, {expected:?}");
    });
}
