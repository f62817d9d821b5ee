//! Accepted events, append-only.

use std::collections::BTreeMap;

use futures::future::join_all;
use shared::domain::id::AccountId;
use shared::ledger::Appended::{self, Fresh, Known};
use shared::ledger::{Entry, Ledger, Stored};

use crate::{acme, at, globex, id, kind, rows};

fn each(check: impl AsyncFn(&(dyn Ledger + 'static))) {
    for row in rows::ledgers() {
        row.check(&check);
    }
}

fn entry(account: &AccountId, n: u128) -> Entry {
    Entry {
        account: account.clone(),
        event_id: id(n),
        record_type: kind("customer"),
        record_id: "5".into(),
        source: "suitex",
        operation: "update",
        occurred_at: at(1_767_225_600_000 + n as i64),
        payload: format!("{{\"n\":{n}}}").into(),
    }
}

fn ids(stored: &[Stored]) -> Vec<u128> {
    stored.iter().map(|s| s.entry.event_id.as_u128()).collect()
}

#[test]
fn what_is_appended_comes_back_as_it_was() {
    each(async |ledger| {
        assert_eq!(ledger.append(vec![entry(&acme(), 1)]).await.unwrap(), [Fresh]);
        let stored = ledger.read(&acme(), &[id(1)]).await.unwrap();
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0].entry, entry(&acme(), 1));
    });
}

#[test]
fn a_duplicate_is_not_fresh_and_the_first_one_stays() {
    each(async |ledger| {
        ledger.append(vec![entry(&acme(), 1)]).await.unwrap();
        let other = Entry { payload: "{\"n\":\"other\"}".into(), ..entry(&acme(), 1) };
        let answers =
            ledger.append(vec![entry(&acme(), 2), other.clone(), entry(&acme(), 3), entry(&acme(), 3)]).await;
        assert_eq!(answers.unwrap(), [Fresh, Known, Fresh, Known]);
        let stored = ledger.read(&acme(), &[id(1)]).await.unwrap();
        assert_eq!(stored[0].entry, entry(&acme(), 1));
        assert_eq!(ledger.scan(&acme(), 0, 100).await.unwrap().len(), 3);
    });
}

#[test]
fn appending_nothing_and_reading_nothing_is_nothing() {
    each(async |ledger| {
        assert_eq!(ledger.append(Vec::new()).await.unwrap(), [] as [Appended; 0]);
        assert!(ledger.read(&acme(), &[]).await.unwrap().is_empty());
        assert!(ledger.scan(&acme(), 0, 10).await.unwrap().is_empty());
    });
}

#[test]
fn reading_is_in_ledger_order_whatever_was_asked_first() {
    each(async |ledger| {
        for n in [3, 1, 2] {
            ledger.append(vec![entry(&acme(), n)]).await.unwrap();
        }
        let asked = [id(1), id(2), id(9), id(3), id(1)];
        let stored = ledger.read(&acme(), &asked).await.unwrap();
        assert_eq!(ids(&stored), [3, 1, 2], "each once, what is not there left out");
        assert!(stored.is_sorted_by(|a, b| a.seq < b.seq));
    });
}

#[test]
fn a_scan_of_any_step_sees_each_entry_once_and_in_order() {
    each(async |ledger| {
        for n in 0..23 {
            let owner = if n % 3 == 0 { globex() } else { acme() };
            ledger.append(vec![entry(&owner, n)]).await.unwrap();
        }
        let all = ids(&ledger.scan(&acme(), 0, usize::MAX).await.unwrap());
        assert_eq!(all, (0..23).filter(|n| n % 3 != 0).collect::<Vec<_>>());
        for step in 1..10 {
            let (mut seen, mut after) = (Vec::new(), 0);
            loop {
                let page = ledger.scan(&acme(), after, step).await.unwrap();
                assert!(page.len() <= step);
                let Some(last) = page.last() else { break };
                assert!(last.seq > after);
                after = last.seq;
                seen.extend(ids(&page));
            }
            assert_eq!(seen, all, "in steps of {step}");
        }
    });
}

#[test]
fn one_account_never_sees_anothers_entries() {
    each(async |ledger| {
        // The same id in two accounts is two events.
        let answers = ledger.append(vec![entry(&acme(), 1), entry(&globex(), 1), entry(&globex(), 2)]).await;
        assert_eq!(answers.unwrap(), [Fresh, Fresh, Fresh]);
        let stored = ledger.read(&acme(), &[id(1), id(2)]).await.unwrap();
        assert_eq!((ids(&stored), &stored[0].entry.account), (vec![1], &acme()));
        assert_eq!(ids(&ledger.scan(&globex(), 0, 9).await.unwrap()), [1, 2]);
    });
}

#[test]
fn of_all_who_append_an_event_at_once_it_is_fresh_for_one() {
    each(async |ledger| {
        // Eight takers with overlapping batches.
        let batch = |taker: u128| (taker..taker + 12).map(|n| entry(&acme(), n)).collect::<Vec<_>>();
        let answers = join_all((0..8).map(|taker| ledger.append(batch(taker)))).await;
        let mut times: BTreeMap<u128, u32> = BTreeMap::new();
        for (taker, answers) in (0..8).zip(answers) {
            let answers = answers.unwrap();
            for (n, _) in (taker..taker + 12).zip(answers).filter(|(_, answer)| *answer == Fresh) {
                *times.entry(n).or_default() += 1;
            }
        }
        assert_eq!(times, (0..19).map(|n| (n, 1)).collect());
        assert_eq!(ledger.scan(&acme(), 0, 100).await.unwrap().len(), 19);
    });
}
