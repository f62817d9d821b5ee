//! Lists of records, page by page: each record once, whatever its name.

use std::sync::Arc;

use shared::domain::id::{AccountId, RecordType};
use shared::domain::record::Record;
use shared::state::{Page, State};

use super::{conflict, each, fresh, put};
use crate::{account, acme, id, kind};

/// Names of which one begins another: in `:` against `-` an order by parts is not the order of the whole.
const ACCOUNTS: [&str; 3] = ["acme", "acme-2", "acme.x"];
const NAMES: [&str; 8] =
    ["item/1", "item/1-2", "item/10", "item/2", "item-2/1", "item-2/1.5", "item.x/1", "item0/1"];

fn keys(items: &[Arc<Record>]) -> Vec<String> {
    items.iter().map(|r| r.key.to_string()).collect()
}

/// Turns the pages of a list until the last, and checks that any size shows the same.
async fn all_pages(
    list: impl AsyncFn(Option<&str>, usize) -> Page<Arc<Record>>,
    expected: usize,
) -> Vec<String> {
    let whole = list(None, 1_000).await;
    assert_eq!((whole.items.len(), &whole.next), (expected, &None));
    let whole = keys(&whole.items);
    for limit in 1..=expected + 1 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = list(after.as_deref(), limit).await;
            assert!(page.items.len() == limit || page.next.is_none(), "only the last page may be short");
            seen.extend(keys(&page.items));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, whole, "in pages of {limit}");
    }
    whole
}

async fn records(
    state: &dyn State,
    account: &AccountId,
    of: Option<&RecordType>,
    expected: usize,
) -> Vec<String> {
    all_pages(async |after, limit| state.records(account, of, after, limit).await.unwrap(), expected).await
}

#[test]
fn an_accounts_records_are_shown_once_each() {
    each(async |state| {
        for name in ACCOUNTS.iter().flat_map(|a| NAMES.map(|n| (account(a), n))) {
            put(state, fresh(&name.0, name.1)).await;
        }
        for name in ACCOUNTS {
            let all = records(state, &account(name), None, NAMES.len()).await;
            assert!(all.iter().all(|k| k.starts_with(&format!("{name}:"))), "{all:?}");
        }
        assert_eq!(records(state, &acme(), Some(&kind("item")), 4).await.len(), 4);
        assert_eq!(records(state, &acme(), Some(&kind("item-2")), 2).await.len(), 2);
        assert_eq!(records(state, &acme(), Some(&kind("nothing")), 0).await, [] as [String; 0]);
        assert_eq!(records(state, &account("nobody"), None, 0).await, [] as [String; 0]);
    });
}

#[test]
fn a_record_that_comes_between_two_pages_moves_none() {
    each(async |state| {
        for name in ["item/1", "item/3", "item/5"] {
            put(state, fresh(&acme(), name)).await;
        }
        let first = state.records(&acme(), None, None, 2).await.unwrap();
        assert_eq!(keys(&first.items), ["acme:item:1", "acme:item:3"]);
        put(state, fresh(&acme(), "item/2")).await;
        let second = state.records(&acme(), None, first.next.as_deref(), 2).await.unwrap();
        assert_eq!(keys(&second.items), ["acme:item:5"]);
    });
}

#[test]
fn open_conflicts_are_shown_of_one_account_or_of_all() {
    each(async |state| {
        let mut n = 0;
        for (owner, name) in ACCOUNTS.iter().flat_map(|a| NAMES.map(|n| (account(a), n))) {
            n += 1;
            let mut record = fresh(&owner, name);
            record.conflict = (n % 2 == 0).then(|| conflict(id(n)));
            put(state, record).await;
        }
        let list = async |of: Option<AccountId>, expected| {
            all_pages(
                async |after, limit| state.conflicts(of.as_ref(), after, limit).await.unwrap(),
                expected,
            )
            .await
        };
        assert_eq!(list(None, 12).await.len(), 12);
        assert_eq!(list(Some(acme()), 4).await.len(), 4);
        assert_eq!(list(Some(account("nobody")), 0).await.len(), 0);
    });
}

#[test]
fn a_closed_conflict_is_not_shown_and_its_record_still_found() {
    each(async |state| {
        let mut record = fresh(&acme(), "item/1");
        record.conflict = Some(conflict(id(77)));
        let mut record = put(state, record).await;
        let open = state.conflict(id(77)).await.unwrap().expect("the record");
        assert_eq!(open.conflict.as_ref().map(|c| c.id), Some(id(77)));
        record.conflict = None;
        let mut record = put(state, record).await;
        assert!(state.conflicts(None, None, 10).await.unwrap().items.is_empty());
        let closed = state.conflict(id(77)).await.unwrap().expect("the record that had it");
        assert!(closed.key == record.key && closed.conflict.is_none());
        // The next conflict of the record is another one.
        record.conflict = Some(conflict(id(78)));
        put(state, record).await;
        assert_eq!(state.conflicts(None, None, 10).await.unwrap().items.len(), 1);
        for (conflict, known) in [(77, true), (78, true), (79, false)] {
            assert_eq!(state.conflict(id(conflict)).await.unwrap().is_some(), known, "{conflict}");
        }
    });
}
