//! What needs a person.

use shared::domain::id::AccountId;
use shared::state::brake::{BrakeDecision, BrakeWord, CLASS};
use shared::state::{Commit, ErrorEntry, ErrorStatus, State};

use super::{commit, each, woken};
use crate::{account, acme, at, globex, id, key};

pub(crate) fn error(account: &AccountId, n: u128) -> ErrorEntry {
    ErrorEntry {
        id: id(n),
        account: account.clone(),
        record: Some(key(account, "customer/5")),
        class: "validation".into(),
        code: "INVALID".into(),
        message: "no".into(),
        hint: "yes".into(),
        field: Some("email".into()),
        events: vec![id(1_000 + n)],
        payload: Some("{}".into()),
        attempts: 1,
        first_at: at(n as i64),
        last_at: at(n as i64),
        status: ErrorStatus::Open,
        causes: vec!["it was being saved".into()],
        note: None,
        edits: vec![id(2_000 + n)],
        brake: Some(shared::state::brake::BrakeWord::Discard),
        tried_at: Some(at(3_000 + n as i64)),
        to_send: true,
    }
}

async fn file(state: &dyn State, error: ErrorEntry) {
    let errors = vec![error.clone()];
    woken(commit(state, Commit { errors, ..Commit::new(error.account) }).await);
}

async fn listed(state: &dyn State, account: Option<&AccountId>, open_only: bool) -> Vec<u128> {
    let page = state.errors(account, open_only, None, 100).await.unwrap();
    assert_eq!(page.next, None);
    page.items.iter().map(|e| e.id.as_u128()).collect()
}

#[test]
fn what_is_filed_is_found() {
    each(async |state| {
        file(state, error(&acme(), 7)).await;
        assert_eq!(state.error(id(7)).await.unwrap(), Some(error(&acme(), 7)));
        assert_eq!(state.error(id(8)).await.unwrap(), None);
    });
}

#[test]
fn the_same_error_again_is_counted_up() {
    each(async |state| {
        file(state, error(&acme(), 7)).await;
        let again = ErrorEntry {
            message: "still no".into(),
            events: vec![id(1_007), id(2_000)],
            payload: None,
            attempts: 2,
            first_at: at(50),
            last_at: at(50),
            ..error(&acme(), 7)
        };
        file(state, again).await;
        let known = state.error(id(7)).await.unwrap().expect("the error");
        assert_eq!((known.attempts, known.first_at, known.last_at), (3, at(7), at(50)));
        assert_eq!(known.events, [id(1_007), id(2_000)], "joined, each once");
        assert_eq!((known.message.as_str(), known.payload.as_deref()), ("still no", Some("{}")));
        assert_eq!(listed(state, None, false).await, [7]);
    });
}

#[test]
fn an_error_that_comes_back_after_a_retry_is_open_again() {
    each(async |state| {
        file(state, error(&acme(), 7)).await;
        file(state, ErrorEntry { status: ErrorStatus::Retried, ..error(&acme(), 7) }).await;
        assert_eq!((listed(state, None, true).await, listed(state, None, false).await), (vec![], vec![7]));
        file(state, error(&acme(), 7)).await;
        assert_eq!(listed(state, None, true).await, [7]);
    });
}

#[test]
fn what_was_closed_and_is_met_again_is_new() {
    each(async |state| {
        let again = |status, n| ErrorEntry { status, first_at: at(n), last_at: at(n), ..error(&acme(), 7) };
        let known = async || {
            let error = state.error(id(7)).await.unwrap().expect("the error");
            (error.status, error.first_at, error.last_at, error.attempts)
        };
        file(state, again(ErrorStatus::Open, 10)).await;
        file(state, again(ErrorStatus::Retried, 20)).await;
        file(state, again(ErrorStatus::Open, 30)).await;
        assert_eq!(known().await, (ErrorStatus::Open, at(10), at(30), 1), "a retry ends nothing");
        file(state, again(ErrorStatus::Closed, 40)).await;
        assert_eq!(known().await.1, at(10), "since when it was an error stays known");
        file(state, again(ErrorStatus::Open, 50)).await;
        assert_eq!(known().await, (ErrorStatus::Open, at(50), at(50), 1));
        let old = state.errors_by_age(&acme(), ErrorStatus::Open, None, at(49), 9).await.unwrap();
        assert_eq!(old, [], "nobody has waited for it so long");
        file(state, again(ErrorStatus::Open, 60)).await;
        assert_eq!(known().await, (ErrorStatus::Open, at(50), at(60), 2));
    });
}

#[test]
fn what_was_decided_about_a_brake_stands_until_it_is_over() {
    each(async |state| {
        let met = |status| ErrorEntry { class: CLASS.into(), status, brake: None, ..error(&acme(), 7) };
        let known = async || state.error(id(7)).await.unwrap().expect("the error");
        file(state, met(ErrorStatus::Open)).await;
        assert!(known().await.is_undecided());
        let decision = BrakeDecision { word: BrakeWord::Pass, note: "ann: meant".into(), at: at(9) };
        file(state, known().await.decided(&decision).expect("nobody has decided")).await;
        // Who met it had looked before that.
        file(state, met(ErrorStatus::Open)).await;
        let stands = known().await;
        assert_eq!((stands.status, stands.brake), (ErrorStatus::Retried, Some(BrakeWord::Pass)));
        assert_eq!(stands.note.as_deref(), Some("ann: meant"));
        file(state, met(ErrorStatus::Closed)).await;
        assert_eq!(known().await.status, ErrorStatus::Closed);
        file(state, met(ErrorStatus::Open)).await;
        assert!(known().await.is_undecided(), "it is another mass");
    });
}

#[test]
fn the_newest_come_first_of_one_account_or_of_all() {
    each(async |state| {
        for (owner, n) in [(acme(), 3), (globex(), 9), (acme(), 5), (account("unknown"), 1)] {
            file(state, error(&owner, n)).await;
        }
        file(state, ErrorEntry { status: ErrorStatus::Closed, ..error(&acme(), 4) }).await;
        assert_eq!(listed(state, None, false).await, [9, 5, 4, 3, 1]);
        assert_eq!(listed(state, None, true).await, [9, 5, 3, 1]);
        assert_eq!(listed(state, Some(&acme()), false).await, [5, 4, 3]);
        assert_eq!(listed(state, Some(&account("nobody")), false).await, []);
    });
}

#[test]
fn pages_of_any_size_show_each_error_once() {
    each(async |state| {
        for n in 0..23 {
            let owner = if n % 3 == 0 { globex() } else { acme() };
            // Many in one moment.
            file(state, ErrorEntry { first_at: at(n as i64 / 5), ..error(&owner, n) }).await;
        }
        let all = listed(state, None, false).await;
        assert_eq!(all.len(), 23);
        for limit in 1..25 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = state.errors(None, false, after.as_deref(), limit).await.unwrap();
                assert!(page.items.len() <= limit);
                seen.extend(page.items.iter().map(|e| e.id.as_u128()));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "in pages of {limit}");
        }
    });
}
