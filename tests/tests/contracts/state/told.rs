//! What people are told: notices, deliveries, and what is watched.

use shared::domain::id::AccountId;
use shared::state::deliveries::{Attempt, Channel, Delivery, Plan, Recipient, Standing};
use shared::state::notices::{Audience, Notice, Topic};
use shared::state::watch::{ErrorKind, Memory, Watched};
use shared::state::{Commit, ErrorEntry, ErrorStatus, State};
use uuid::Uuid;

use super::errors::error;
use super::{commit, each, woken};
use crate::{acme, at, globex, id};

fn notice(account: &AccountId, n: i64) -> Notice {
    Notice::new(account, Topic::Error, format!("error:{n}"), "", format!("text {n}"), at(n)).to(vec![
        Audience::Owner,
        Audience::Assignee("ann@example.com".into()),
        Audience::Authority(2),
    ])
}

async fn tell(state: &dyn State, notice: Notice) {
    let notices = vec![notice.clone()];
    woken(commit(state, Commit { notices, ..Commit::new(notice.account) }).await);
}

async fn shown(state: &dyn State, account: &AccountId, unread: bool) -> Vec<String> {
    let page = state.notices(account, unread, None, 100).await.unwrap();
    page.items.into_iter().map(|shown| shown.notice.text).collect()
}

fn delivery(account: &AccountId, n: u128, due: i64) -> Delivery {
    Delivery {
        id: id(n),
        account: account.clone(),
        to: Recipient { channel: Channel::Slack, name: "ops".into() },
        topic: Topic::Error,
        notices: 0,
        standing: Standing::Due,
        due_at: at(due),
        attempts: 0,
        created_at: at(due),
        failure: None,
    }
}

/// Plans these notices as one new delivery.
async fn plan(state: &dyn State, delivery: Delivery, notices: &[Notice]) -> bool {
    let ids: Vec<Uuid> = notices.iter().map(|notice| notice.id).collect();
    let items = ids.iter().map(|notice| (delivery.id, *notice)).collect();
    let account = delivery.account.clone();
    state.plan_deliveries(&account, Plan { notices: ids, new: vec![delivery], items }).await.unwrap()
}

#[test]
fn a_notice_is_shown_as_it_was_told_once_to_its_account_alone() {
    each(async |state| {
        tell(state, notice(&acme(), 1)).await;
        tell(state, Notice { text: "said again".into(), ..notice(&acme(), 1) }).await;
        tell(state, notice(&globex(), 2)).await;
        let page = state.notices(&acme(), false, None, 100).await.unwrap();
        assert_eq!(page.items.iter().map(|shown| &shown.notice).collect::<Vec<_>>(), [&notice(&acme(), 1)]);
        assert_eq!(state.unplanned(&globex(), 9).await.unwrap(), [notice(&globex(), 2)]);
    });
}

#[test]
fn notices_come_newest_first_in_pages() {
    each(async |state| {
        for n in 0..23 {
            tell(state, Notice { at: at(n / 5), ..notice(&acme(), n) }).await;
        }
        let all = shown(state, &acme(), false).await;
        assert_eq!(all.len(), 23);
        for limit in [1, 2, 7, 23] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = state.notices(&acme(), true, after.as_deref(), limit).await.unwrap();
                assert!(page.items.len() <= limit);
                seen.extend(page.items.into_iter().map(|shown| shown.notice.text));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "in pages of {limit}");
        }
    });
}

#[test]
fn who_acknowledges_first_stays() {
    each(async |state| {
        tell(state, notice(&acme(), 1)).await;
        tell(state, notice(&acme(), 2)).await;
        assert_eq!(
            (state.unread(&acme(), 100).await.unwrap(), state.unread(&acme(), 1).await.unwrap()),
            (2, 1)
        );
        let first = notice(&acme(), 1).id;
        for (who, when) in [("ann", 50), ("bob", 60)] {
            let shown = state.acknowledge(&acme(), first, who, at(when)).await.unwrap().expect("it is there");
            let acknowledged = shown.acknowledged.expect("it is acknowledged");
            assert_eq!((acknowledged.by.as_str(), acknowledged.at), ("ann", at(50)));
        }
        assert_eq!(shown(state, &acme(), true).await, ["text 2"]);
        assert_eq!(shown(state, &acme(), false).await, ["text 2", "text 1"]);
        assert!(
            state.acknowledge(&globex(), first, "eve", at(70)).await.unwrap().is_none(),
            "another account's"
        );
    });
}

#[test]
fn a_notice_is_planned_once() {
    each(async |state| {
        let [one, two] = [1, 2].map(|n| notice(&acme(), n));
        tell(state, one.clone()).await;
        tell(state, two.clone()).await;
        assert_eq!(
            state.unplanned(&acme(), 1).await.unwrap(),
            std::slice::from_ref(&one),
            "the oldest first"
        );
        assert!(plan(state, delivery(&acme(), 7, 5), std::slice::from_ref(&one)).await);
        assert_eq!(state.unplanned(&acme(), 9).await.unwrap(), std::slice::from_ref(&two));
        assert!(!plan(state, delivery(&acme(), 8, 5), &[one, two.clone()]).await, "one of them is planned");
        assert_eq!(state.unplanned(&acme(), 9).await.unwrap(), [two], "nothing of it was written");
        let due = state.deliveries_due(&acme(), at(5), 9).await.unwrap();
        assert_eq!(due, [Delivery { notices: 1, ..delivery(&acme(), 7, 5) }]);
        assert_eq!(state.deliveries_due(&acme(), at(4), 9).await.unwrap(), []);
        assert_eq!(state.deliveries_due(&globex(), at(5), 9).await.unwrap(), []);
    });
}

#[test]
fn of_each_notice_is_known_by_which_deliveries_it_is_told() {
    each(async |state| {
        let [one, two, three] = [1, 2, 3].map(|n| notice(&acme(), n));
        for notice in [&one, &two, &three] {
            tell(state, notice.clone()).await;
        }
        tell(state, notice(&globex(), 4)).await;
        // A digest of two, one of them by another way besides.
        let both = Plan {
            notices: vec![one.id, two.id],
            new: vec![delivery(&acme(), 7, 5), delivery(&acme(), 8, 6)],
            items: vec![(id(7), one.id), (id(7), two.id), (id(8), two.id)],
        };
        assert!(state.plan_deliveries(&acme(), both).await.unwrap());
        assert!(plan(state, delivery(&globex(), 9, 5), &[notice(&globex(), 4)]).await);
        let of = async |account: &AccountId, notices: &[Uuid]| {
            let mut found = state.deliveries_of(account, notices).await.unwrap();
            found.sort_by_key(|(notice, delivery)| (*notice, delivery.id));
            found
        };
        let digest = Delivery { notices: 2, ..delivery(&acme(), 7, 5) };
        let single = Delivery { notices: 1, ..delivery(&acme(), 8, 6) };
        let mut expected = vec![(one.id, digest.clone()), (two.id, digest.clone()), (two.id, single)];
        expected.sort_by_key(|(notice, delivery)| (*notice, delivery.id));
        assert_eq!(of(&acme(), &[one.id, two.id, three.id, one.id]).await, expected);
        assert_eq!(of(&acme(), &[one.id]).await, [(one.id, digest)]);
        assert_eq!(of(&acme(), &[three.id]).await, [], "nobody has planned it yet");
        assert_eq!(of(&acme(), &[]).await, []);
        assert_eq!(of(&globex(), &[one.id, two.id]).await, [], "another account's");
    });
}

#[test]
fn a_delivery_is_added_to_until_it_is_tried() {
    each(async |state| {
        let notices = [1, 2, 3].map(|n| notice(&acme(), n));
        for notice in &notices {
            tell(state, notice.clone()).await;
        }
        assert!(plan(state, delivery(&acme(), 7, 50), &notices[..1]).await);
        let join = |n: usize| Plan {
            notices: vec![notices[n].id],
            new: vec![],
            items: vec![(id(7), notices[n].id)],
        };
        assert!(state.plan_deliveries(&acme(), join(1)).await.unwrap());
        let claimed =
            state.claim_delivery(&acme(), id(7), id(99), (at(50), at(60)), 1).await.unwrap().unwrap();
        assert_eq!((claimed.delivery.notices, claimed.delivery.attempts), (2, 1));
        assert_eq!(claimed.first, notices[..1], "the first of them");
        assert!(!state.plan_deliveries(&acme(), join(2)).await.unwrap(), "it is being sent");
        let again = Attempt::Again { at: at(80), why: "away".into() };
        assert!(state.end_delivery(&acme(), id(7), id(99), again, at(55)).await.unwrap());
        assert!(!state.plan_deliveries(&acme(), join(2)).await.unwrap(), "it may have been sent");
    });
}

#[test]
fn a_delivery_is_claimed_by_one_at_a_time() {
    each(async |state| {
        let told = notice(&acme(), 1);
        tell(state, told.clone()).await;
        assert!(plan(state, delivery(&acme(), 7, 5), &[told]).await);
        let claim = async |who, now| {
            let times = (at(now), at(now + 10));
            state
                .claim_delivery(&acme(), id(7), id(who), times, 9)
                .await
                .unwrap()
                .map(|c| c.delivery.attempts)
        };
        assert_eq!(claim(1, 4).await, None, "not due");
        assert_eq!(claim(1, 5).await, Some(1));
        assert_eq!(claim(2, 6).await, None, "claimed");
        assert_eq!(state.deliveries_due(&acme(), at(6), 9).await.unwrap(), []);
        assert_eq!(claim(2, 15).await, Some(2), "the claim has run out");
        assert!(
            !state.end_delivery(&acme(), id(7), id(1), Attempt::Sent, at(16)).await.unwrap(),
            "not theirs any more"
        );
        let again = Attempt::Again { at: at(30), why: "away".into() };
        assert!(state.end_delivery(&acme(), id(7), id(2), again, at(16)).await.unwrap());
        assert_eq!((claim(3, 29).await, claim(3, 30).await), (None, Some(3)));
        assert!(state.end_delivery(&acme(), id(7), id(3), Attempt::Sent, at(31)).await.unwrap());
        assert_eq!(claim(4, 90).await, None, "sent");
    });
}

#[test]
fn what_is_in_trouble_can_be_seen_until_it_is_sent() {
    each(async |state| {
        for n in 1..=3 {
            let told = notice(&acme(), n);
            tell(state, told.clone()).await;
            assert!(plan(state, delivery(&acme(), n as u128, n), &[told]).await);
        }
        for (n, end) in [
            (1, Attempt::Again { at: at(50), why: "away".into() }),
            (2, Attempt::GivenUp { why: "no such mailbox".into() }),
            (3, Attempt::Sent),
        ] {
            state
                .claim_delivery(&acme(), id(n), id(9), (at(10), at(20)), 1)
                .await
                .unwrap()
                .expect("it is due");
            assert!(state.end_delivery(&acme(), id(n), id(9), end, at(11)).await.unwrap());
        }
        let listed = async |in_trouble| {
            let page = state.deliveries(&acme(), in_trouble, None, 9).await.unwrap();
            page.items.into_iter().map(|d| (d.id.as_u128(), d.standing, d.failure)).collect::<Vec<_>>()
        };
        let away = (1, Standing::Due, Some("away".to_string()));
        let gone = (2, Standing::GivenUp, Some("no such mailbox".to_string()));
        assert_eq!(listed(true).await, [gone.clone(), away.clone()]);
        assert_eq!(listed(false).await, [(3, Standing::Sent, None), gone, away]);
        let since = state.deliveries_since(&acme(), at(2), 9).await.unwrap();
        let mut since: Vec<u128> = since.into_iter().map(|d| d.id.as_u128()).collect();
        since.sort_unstable();
        assert_eq!(since, [2, 3]);
    });
}

#[test]
fn what_is_remembered_is_written_with_what_it_tells_by_one_at_a_time() {
    each(async |state| {
        assert_eq!(state.watch_memory(&acme()).await.unwrap(), Memory::default());
        let watched = |text: &str, n| Watched { text: text.into(), notices: vec![notice(&acme(), n)] };
        assert!(state.note_watched(&acme(), 0, watched("one", 1)).await.unwrap());
        assert!(!state.note_watched(&acme(), 0, watched("other", 2)).await.unwrap());
        assert!(state.note_watched(&acme(), 1, watched("two", 3)).await.unwrap());
        assert!(!state.note_watched(&acme(), 1, watched("other", 4)).await.unwrap());
        let memory = Memory { revision: 2, text: "two".into() };
        assert_eq!(state.watch_memory(&acme()).await.unwrap(), memory);
        assert_eq!(state.watch_memory(&globex()).await.unwrap(), Memory::default());
        assert_eq!(shown(state, &acme(), false).await, ["text 3", "text 1"]);
    });
}

#[test]
fn open_errors_are_counted_by_kind() {
    each(async |state| {
        let file = async |n: u128, code: &str, status| {
            let entry = ErrorEntry { code: code.into(), status, ..error(&acme(), n) };
            woken(commit(state, Commit { errors: vec![entry], ..Commit::new(acme()) }).await);
        };
        for n in 0..5 {
            file(n, if n % 2 == 0 { "A" } else { "B" }, ErrorStatus::Open).await;
        }
        file(9, "A", ErrorStatus::Closed).await;
        let count = async |since, most| {
            let kinds = state.error_kinds(&acme(), at(since), most).await.unwrap();
            kinds.into_iter().map(|(ErrorKind { code, .. }, n)| (code, n)).collect::<Vec<_>>()
        };
        assert_eq!(count(0, 100).await, [("A".to_string(), 3), ("B".to_string(), 2)]);
        assert_eq!(count(3, 100).await, [("A".to_string(), 1), ("B".to_string(), 1)]);
        assert_eq!(count(0, 1).await, [("A".to_string(), 1)], "the newest");
        assert_eq!(state.error_kinds(&globex(), at(0), 9).await.unwrap(), []);
    });
}

#[test]
fn errors_come_oldest_first_from_any_place() {
    each(async |state| {
        for n in 0..17u128 {
            let entry = ErrorEntry { first_at: at(n as i64 / 4), ..error(&acme(), n) };
            woken(commit(state, Commit { errors: vec![entry], ..Commit::new(acme()) }).await);
        }
        let all = state.errors_by_age(&acme(), ErrorStatus::Open, None, at(99), 100).await.unwrap();
        assert_eq!(all.len(), 17);
        assert!(all.is_sorted_by_key(|error| error.first_at));
        assert_eq!(state.errors_by_age(&acme(), ErrorStatus::Retried, None, at(99), 100).await.unwrap(), []);
        assert_eq!(
            state.errors_by_age(&acme(), ErrorStatus::Open, None, at(0), 100).await.unwrap(),
            all[..4]
        );
        for limit in [1, 3, 4, 17] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page =
                    state.errors_by_age(&acme(), ErrorStatus::Open, after, at(99), limit).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some((last.first_at, last.id));
                seen.extend(page);
            }
            assert_eq!(seen, all, "in pages of {limit}");
        }
    });
}
