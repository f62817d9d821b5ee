//! A reader who goes on after the last entry misses none, however slow an append was.

use std::time::Duration;

use mysql::ledger::MysqlLedger;
use shared::ledger::Ledger;
use sqlx::Executor;

use crate::{account, entry, ledger, on};

async fn seen(ledger: &MysqlLedger, after: u64) -> Vec<u128> {
    let stored = ledger.scan(&account("acme"), after, 100).await.unwrap();
    stored.iter().map(|s| s.entry.event_id.as_u128()).collect()
}

const SLOW: &str = "insert into event_store (account_id, event_id, aggregate_type, aggregate_id, source, operation, \
    occurred_at, body, created_at) \
    values ('acme', unhex(lpad('63', 32, '0')), 'customer', '5', 'suitex', 'update', now(6), '{}', sysdate(6))";

#[tokio::test]
async fn an_entry_that_is_drawn_early_and_committed_late_is_not_passed_by() {
    let (database, ledger) = ledger().await;
    ledger.append(vec![entry("acme", 1)]).await.unwrap();
    let mut slow = database.pool.begin().await.unwrap();
    slow.execute(SLOW).await.unwrap();
    ledger.append(vec![entry("acme", 2), entry("globex", 3)]).await.unwrap();
    assert_eq!(seen(&ledger, 0).await, [1], "2 is there, but something may still come before it");
    slow.commit().await.unwrap();
    assert_eq!(seen(&ledger, 0).await, [1, 0x63, 2]);
}

#[tokio::test]
async fn a_gap_that_nobody_fills_is_believed_after_a_while() {
    let (database, ledger) = ledger().await;
    ledger.append(vec![entry("acme", 1)]).await.unwrap();
    let mut slow = database.pool.begin().await.unwrap();
    slow.execute(SLOW).await.unwrap();
    slow.rollback().await.unwrap();
    ledger.append(vec![entry("acme", 2)]).await.unwrap();
    assert_eq!(seen(&ledger, 0).await, [1], "nothing tells it from one that is under way");
    // A later entry that was drawn more than a minute ago.
    let old = SLOW.replace("'63'", "'64'").replace("sysdate(6)", "sysdate(6) - interval 61 second");
    database.pool.execute(sqlx::AssertSqlSafe(old)).await.unwrap();
    ledger.append(vec![entry("acme", 3)]).await.unwrap();
    assert_eq!(seen(&ledger, 0).await, [1, 2, 0x64, 3]);
    assert_eq!(seen(&on(database.another_pool()), 0).await, [1, 2, 0x64, 3], "for another instance too");
}

#[tokio::test]
async fn who_reads_along_while_others_append_sees_every_entry_once() {
    let (database, one) = ledger().await;
    let (two, reader) = (on(database.another_pool()), on(database.another_pool()));
    let append = async |ledger: &MysqlLedger, from: u128| {
        for n in 0..40 {
            let batch = (0..5).map(|m| entry("acme", from + n * 5 + m)).collect();
            ledger.append(batch).await.unwrap();
        }
    };
    let read = async {
        let (mut all, mut after) = (Vec::new(), 0);
        while all.len() < 400 {
            let page = reader.scan(&account("acme"), after, 7).await.unwrap();
            after = page.last().map_or(after, |s| s.seq);
            all.extend(page.iter().map(|s| s.entry.event_id.as_u128()));
        }
        all
    };
    let all = async { tokio::join!(append(&one, 1_000), append(&two, 2_000), read) };
    let all = tokio::time::timeout(Duration::from_secs(30), all).await;
    let (_, _, mut all) = all.expect("the reader has passed one by, and waits for it");
    all.sort();
    assert_eq!(all, (1_000..1_200).chain(2_000..2_200).collect::<Vec<_>>());
}
