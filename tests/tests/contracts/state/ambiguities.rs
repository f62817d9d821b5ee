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
        assert_eq!(state.open_ambiguities(None, None, 10).await.unwrap().items, []);
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
fn pages_of_any_size_show_each_open_question_once() {
    each(async |state| {
        for n in 0..9 {
            let (owner, status) = match n % 3 {
                0 => (globex(), AmbiguityStatus::Open),
                1 => (acme(), AmbiguityStatus::Closed),
                _ => (acme(), AmbiguityStatus::Open),
            };
            woken(store(state, question(&owner, &format!("customer/{n}"), status)).await);
        }
        let of = async |account: Option<&AccountId>, limit| {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = state.open_ambiguities(account, after.as_deref(), limit).await.unwrap();
                assert!(page.items.len() <= limit);
                seen.extend(page.items.iter().map(|asked| asked.record.to_string()));
                after = page.next;
                if after.is_none() {
                    return seen;
                }
            }
        };
        let acmes = ["acme:customer:2", "acme:customer:5", "acme:customer:8"];
        for limit in 1..8 {
            assert_eq!(of(Some(&acme()), limit).await, acmes);
            let all = of(None, limit).await;
            assert_eq!((all.len(), &all[..3]), (6, &acmes.map(String::from)[..]));
        }
    });
}
