//! Where events are: each in exactly one place, from the moment it is taken.

use shared::domain::id::{AccountId, Side};
use shared::state::{Commit, Freed, Place, State, Subject};

use super::{commit, commit_of, conflict, each, fresh, load, pending, suitex, woken};
use crate::{acme, at, canonical, globex, id, kind, side_id};

async fn move_to(state: &dyn State, event: u128, place: Place) {
    woken(commit(state, Commit { places: vec![(id(event), place)], ..Commit::new(acme()) }).await);
}

async fn open(state: &dyn State, subjects: &[Subject]) -> Vec<u128> {
    let rows = state.pending(&acme(), &kind("customer"), subjects).await.unwrap();
    let mut events: Vec<u128> = rows.iter().map(|r| r.event_id.as_u128()).collect();
    events.sort_unstable();
    events
}

/// The account's events by place, those of no place left out.
async fn census(state: &dyn State, account: &AccountId) -> Vec<(&'static str, u64)> {
    state.census(account).await.unwrap().into_iter().filter(|(_, n)| *n > 0).collect()
}

fn waiting(until: i64) -> Place {
    Place::Waiting { record_type: kind("customer"), side: Side::SuiteX, id: "x9".into(), until: at(until) }
}

#[test]
fn an_event_is_open_until_it_has_found_its_place() {
    each(async |state| {
        state.enqueue(vec![pending(&acme(), 1, &suitex("x5"), 10)]).await.unwrap();
        for (place, is_open) in [
            (Place::Pending { due_at: at(50) }, true),
            (waiting(90), true),
            (Place::Conflict(id(77)), false),
            (Place::Error(id(78)), false),
            (Place::Pending { due_at: at(60) }, true),
            (Place::Superseded, false),
            (Place::Applied, false),
        ] {
            move_to(state, 1, place.clone()).await;
            assert_eq!(open(state, &[suitex("x5")]).await.len(), usize::from(is_open), "{place:?}");
            assert_eq!(census(state, &acme()).await, [(place.name(), 1)], "in one place only");
        }
    });
}

#[test]
fn events_are_moved_together_from_wherever_they_are() {
    each(async |state| {
        let events = [1, 2, 3, 4, 5].map(|n| pending(&acme(), n, &suitex("x5"), 10));
        state.enqueue(events.to_vec()).await.unwrap();
        move_to(state, 2, waiting(90)).await;
        move_to(state, 3, Place::Conflict(id(72))).await;
        move_to(state, 4, Place::Applied).await;
        // Nobody enqueued event 6.
        let places = (1..=6).map(|event| (id(event), Place::Applied)).collect();
        woken(commit(state, Commit { places, ..Commit::new(acme()) }).await);
        assert_eq!(census(state, &acme()).await, [("applied", 5)]);
        let places =
            vec![(id(1), Place::Pending { due_at: at(7) }), (id(2), Place::Pending { due_at: at(7) })];
        woken(commit(state, Commit { places, ..Commit::new(acme()) }).await);
        assert_eq!(census(state, &acme()).await, [("applied", 3), ("pending", 2)]);
        assert_eq!(open(state, &[suitex("x5")]).await, [1, 2]);
    });
}

#[test]
fn an_error_lets_go_what_is_in_it_still() {
    each(async |state| {
        let events = [1, 2, 3, 4, 5].map(|n| pending(&acme(), n, &suitex("x5"), 10));
        state.enqueue(events.to_vec()).await.unwrap();
        for n in 1..=5 {
            move_to(state, n, Place::Error(id(70))).await;
        }
        // Of the others somebody has taken further what they say.
        move_to(state, 2, Place::Error(id(71))).await;
        move_to(state, 3, Place::Conflict(id(72))).await;
        move_to(state, 4, Place::Pending { due_at: at(9) }).await;
        move_to(state, 5, Place::Applied).await;
        let freed = Freed { error: id(70), events: (1..=6).map(id).collect(), to: Place::Superseded };
        woken(commit(state, Commit { freed: vec![freed.clone()], ..Commit::new(acme()) }).await);
        let stand = [("applied", 1), ("conflict", 1), ("error", 1), ("pending", 1), ("superseded", 1)];
        assert_eq!(census(state, &acme()).await, stand);
        assert_eq!(open(state, &[suitex("x5")]).await, [4]);
        // Decided together, each stands on what those before it have left.
        let places = vec![(id(4), Place::Error(id(70)))];
        let commits = vec![
            Commit { places, ..Commit::new(acme()) },
            Commit { freed: vec![freed.clone()], ..Commit::new(acme()) },
            Commit { places: vec![(id(1), Place::Error(id(70)))], ..Commit::new(acme()) },
        ];
        state.commit(commits).await.unwrap();
        assert_eq!(
            census(state, &acme()).await,
            [("applied", 1), ("conflict", 1), ("error", 2), ("superseded", 1)]
        );
        // Another account's error of this id has none of ours.
        state.commit(vec![Commit { freed: vec![freed], ..Commit::new(globex()) }]).await.unwrap();
        assert_eq!(census(state, &acme()).await[2], ("error", 2));
    });
}

#[test]
fn an_event_is_put_on_the_list_once() {
    each(async |state| {
        let row = pending(&acme(), 1, &suitex("x5"), 10);
        state.enqueue(vec![row.clone(), row.clone()]).await.unwrap();
        move_to(state, 1, Place::Applied).await;
        // Delivered again after it is done: the row is still there as a marker.
        state.enqueue(vec![row.clone()]).await.unwrap();
        assert_eq!(open(state, &[suitex("x5")]).await, []);
        assert_eq!(census(state, &acme()).await, [("applied", 1)]);
        assert_eq!(state.unlisted(&acme(), &[id(1), id(2)]).await.unwrap(), [id(2)]);
        assert_eq!(state.unlisted(&globex(), &[id(1)]).await.unwrap(), [id(1)]);
    });
}

#[test]
fn an_event_keeps_what_it_was_enqueued_with() {
    each(async |state| {
        let by_us = Subject::Canonical(canonical("5"));
        let row = pending(&acme(), 1, &by_us, 10);
        state.enqueue(vec![row.clone()]).await.unwrap();
        assert_eq!(
            state.pending(&acme(), &kind("customer"), std::slice::from_ref(&by_us)).await.unwrap(),
            [row]
        );
        // The same letters as a side's id are another subject.
        assert_eq!(open(state, &[suitex("5"), Subject::Side(Side::NetSuite, side_id("5"))]).await, []);
        assert!(state.pending(&acme(), &kind("item"), &[by_us]).await.unwrap().is_empty());
    });
}

#[test]
fn all_open_events_of_several_subjects_are_told() {
    each(async |state| {
        let rows = [(1, "x5"), (2, "x6"), (3, "x5"), (4, "x7")];
        state.enqueue(rows.map(|(n, s)| pending(&acme(), n, &suitex(s), 10)).to_vec()).await.unwrap();
        move_to(state, 3, waiting(90)).await;
        assert_eq!(open(state, &[suitex("x5"), suitex("x6"), suitex("x8")]).await, [1, 2, 3]);
        assert_eq!(open(state, &[]).await, []);
    });
}

#[test]
fn subjects_are_due_once_each_the_longest_due_first() {
    each(async |state| {
        let rows = [(1, "b", 20), (2, "a", 30), (3, "c", 10), (4, "b", 5), (5, "d", 99)];
        state.enqueue(rows.map(|(n, s, due)| pending(&acme(), n, &suitex(s), due)).to_vec()).await.unwrap();
        let due = async |now, limit| {
            let due = state.pending_due(&acme(), at(now), limit).await.unwrap();
            due.into_iter().map(|(_, subject)| subject).collect::<Vec<_>>()
        };
        assert!(due(4, 9).await.is_empty());
        assert_eq!(due(30, 9).await, [suitex("b"), suitex("c"), suitex("a")]);
        assert_eq!(due(30, 2).await, [suitex("b"), suitex("c")]);
        assert!(state.pending_due(&globex(), at(99), 9).await.unwrap().is_empty());
    });
}

#[test]
fn who_has_waited_too_long_is_due_again() {
    each(async |state| {
        state.enqueue(vec![pending(&acme(), 1, &suitex("x5"), 10)]).await.unwrap();
        move_to(state, 1, waiting(500)).await;
        assert!(state.pending_due(&acme(), at(499), 9).await.unwrap().is_empty());
        assert_eq!(state.pending_due(&acme(), at(500), 9).await.unwrap(), [(kind("customer"), suitex("x5"))]);
    });
}

#[test]
fn what_waited_in_a_conflict_is_applied_when_the_conflict_is_over() {
    each(async |state| {
        let rows = (1..=3).map(|n| pending(&acme(), n, &suitex("x5"), 10)).collect();
        state.enqueue(rows).await.unwrap();
        let mut record = fresh(&acme(), "customer/5");
        record.conflict = Some(conflict(id(77)));
        let places = vec![(id(1), Place::Conflict(id(77))), (id(2), Place::Conflict(id(77)))];
        woken(commit(state, Commit { places, ..commit_of(&record) }).await);
        assert_eq!(census(state, &acme()).await, [("conflict", 2), ("pending", 1)]);
        // A rebase is the same conflict.
        let mut record = load(state, &record.key).await.expect("the record");
        record.conflict.as_mut().expect("its conflict").revision += 1;
        woken(commit(state, commit_of(&record)).await);
        assert_eq!(census(state, &acme()).await, [("conflict", 2), ("pending", 1)]);
        let mut record = load(state, &record.key).await.expect("the record");
        record.conflict = None;
        woken(commit(state, commit_of(&record)).await);
        assert_eq!(census(state, &acme()).await, [("applied", 2), ("pending", 1)]);
    });
}

#[test]
fn the_census_always_adds_up() {
    each(async |state| {
        let rows = (0..40).map(|n| pending(&acme(), n, &suitex(&format!("x{}", n % 7)), 10)).collect();
        state.enqueue(rows).await.unwrap();
        state.enqueue(vec![pending(&globex(), 1, &suitex("x5"), 10)]).await.unwrap();
        let mut dice = fastrand::Rng::with_seed(7);
        for _ in 0..400 {
            let place = match dice.u32(0..6) {
                0 => Place::Pending { due_at: at(dice.i64(0..100)) },
                1 => waiting(dice.i64(0..100)),
                2 => Place::Applied,
                3 => Place::Superseded,
                4 => Place::Conflict(id(dice.u128(70..73))),
                _ => Place::Error(id(9)),
            };
            move_to(state, dice.u128(0..44), place).await;
            let total: u64 = state.census(&acme()).await.unwrap().values().sum();
            assert_eq!(total, 40);
        }
        let subjects: Vec<Subject> = (0..7).map(|n| suitex(&format!("x{n}"))).collect();
        let counted = census(state, &acme()).await;
        let open_now =
            counted.iter().filter(|(p, _)| matches!(*p, "pending" | "waiting")).map(|(_, n)| n).sum::<u64>();
        assert_eq!(open(state, &subjects).await.len() as u64, open_now);
        assert_eq!(census(state, &globex()).await, [("pending", 1)]);
    });
}

#[test]
fn the_same_id_in_two_accounts_is_two_events() {
    each(async |state| {
        state
            .enqueue(vec![pending(&acme(), 1, &suitex("x5"), 10), pending(&globex(), 1, &suitex("x5"), 10)])
            .await
            .unwrap();
        move_to(state, 1, Place::Applied).await;
        assert_eq!(census(state, &acme()).await, [("applied", 1)]);
        assert_eq!(census(state, &globex()).await, [("pending", 1)]);
    });
}
