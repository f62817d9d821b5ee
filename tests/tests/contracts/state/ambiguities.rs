//! Who could be whom.

use serde_json::json;
use shared::domain::event::IdentityChoice;
use shared::domain::id::{AccountId, Revision, Side};
use shared::state::{Ambiguity, AmbiguityAnswer, AmbiguityStatus, Candidate, Commit, State, Verdict};

use super::{commit, commit_of, each, fresh, load, put, woken};
use crate::{acme, at, globex, id, side_id};

fn candidate(name: &str) -> Candidate {
    Candidate {
        id: side_id(name),
        revision: Revision(7),
        values: json!({"email": "a@b.c", "lines": [{"quantity": 1}]}).as_object().unwrap().clone(),
        matched: vec![vec!["email".into()]],
        taken_by: None,
    }
}

fn question(account: &AccountId, name: &str, status: AmbiguityStatus) -> Ambiguity {
    let key = fresh(account, name).key;
    let candidates = vec![candidate("1"), candidate("2")];
    Ambiguity { revision: 1, status, candidates, ..Ambiguity::new(key, Side::NetSuite, at(3)) }
}

async fn store(state: &dyn State, ambiguity: Ambiguity) -> Verdict {
    let known = load(state, &ambiguity.record).await;
    let name = format!("{}/{}", ambiguity.record.record_type, ambiguity.record.id);
    let record = known.unwrap_or_else(|| fresh(&ambiguity.record.account, &name));
    commit(state, Commit { ambiguities: vec![ambiguity], ..commit_of(&record) }).await
}

#[test]
fn what_is_asked_about_a_record_is_found_by_it_and_by_its_id() {
    each(async |state| {
        let asked = question(&acme(), "customer/5", AmbiguityStatus::Open);
        woken(store(state, asked.clone()).await);
        let keys = [fresh(&acme(), "customer/6").key, asked.record.clone(), asked.record.clone()];
        let found = state.ambiguities(&keys).await.unwrap();
        assert_eq!(found, [None, Some(asked.clone()), Some(asked.clone())], "in the order of the keys");
        assert_eq!(state.ambiguity(asked.id()).await.unwrap(), Some(asked));
        assert_eq!(state.ambiguity(id(7)).await.unwrap(), None);
        assert_eq!(state.ambiguities(&[]).await.unwrap(), []);
    });
}

#[test]
fn the_last_word_about_a_record_counts() {
    each(async |state| {
        let mut asked = question(&acme(), "customer/5", AmbiguityStatus::Open);
        woken(store(state, asked.clone()).await);
        let choice = IdentityChoice::Link(side_id("2"));
        asked.answered(AmbiguityAnswer { choice, actor: "rita".into(), at: at(9) });
        woken(store(state, asked.clone()).await);
        assert_eq!(state.ambiguity(asked.id()).await.unwrap(), Some(asked));
        assert_eq!(state.open_ambiguities(&acme(), None, 10).await.unwrap(), []);
    });
}

#[test]
fn what_is_decided_on_an_older_row_is_not_asked() {
    each(async |state| {
        let old = fresh(&acme(), "customer/5");
        put(state, old.clone()).await;
        let asked = question(&acme(), "customer/5", AmbiguityStatus::Open);
        let stale = Commit { ambiguities: vec![asked.clone()], ..commit_of(&old) };
        assert_eq!(commit(state, stale).await, Verdict::Stale);
        assert_eq!(state.ambiguity(asked.id()).await.unwrap(), None);
    });
}

#[test]
fn pages_of_any_size_show_each_open_question_once_the_oldest_first() {
    each(async |state| {
        // The later a record's name, the longer it has waited; two since the same moment.
        for (n, since) in [9, 8, 7, 6, 5, 4, 3, 2, 4].into_iter().enumerate() {
            let (owner, status) = match n % 3 {
                0 => (globex(), AmbiguityStatus::Open),
                1 => (acme(), AmbiguityStatus::Closed),
                _ => (acme(), AmbiguityStatus::Open),
            };
            let asked = question(&owner, &format!("customer/{n}"), status);
            woken(store(state, Ambiguity { opened_at: at(since), ..asked }).await);
        }
        let of = async |account: &AccountId, limit| {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = state.open_ambiguities(account, after, limit).await.unwrap();
                assert!(page.len() <= limit);
                seen.extend(page.iter().map(|asked| asked.record.to_string()));
                after = page.last().map(Ambiguity::place);
                if page.len() < limit {
                    return seen;
                }
            }
        };
        let name = |n: u8| question(&acme(), &format!("customer/{n}"), AmbiguityStatus::Open);
        let mut same = [name(5), name(8)];
        same.sort_by_key(Ambiguity::id);
        let [first, second] = same.map(|asked| asked.record.to_string());
        for limit in 1..8 {
            assert_eq!(of(&acme(), limit).await, [&first, &second, "acme:customer:2"]);
            assert_eq!(
                of(&globex(), limit).await,
                ["globex:customer:6", "globex:customer:3", "globex:customer:0"]
            );
        }
    });
}

#[test]
fn a_question_that_is_asked_anew_waits_anew() {
    each(async |state| {
        for (n, since) in [(1, 5), (2, 6), (1, 7)] {
            let asked = question(&acme(), &format!("customer/{n}"), AmbiguityStatus::Open);
            woken(store(state, Ambiguity { opened_at: at(since), ..asked }).await);
        }
        let open = state.open_ambiguities(&acme(), None, 9).await.unwrap();
        let names: Vec<&str> = open.iter().map(|asked| asked.record.id.as_str()).collect();
        assert_eq!(names, ["2", "1"]);
    });
}
