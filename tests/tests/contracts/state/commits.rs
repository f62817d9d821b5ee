//! One decision is one transaction, made only on the row it was decided on.

use futures::future::join_all;
use serde_json::json;
use shared::domain::id::{Side, Version};
use shared::domain::value::Value;
use shared::state::{Commit, HistoryDecision, HistoryRow, LinkChange, Place, Verdict};

use super::{at_version, commit, commit_of, each, fresh, load, pending, put, suitex, woken};
use crate::{acme, at, globex, id, key, kind, side_id};

fn row(version: u64) -> HistoryRow {
    HistoryRow {
        version: Version(version),
        at: at(version as i64),
        source: "suitex".into(),
        actor: Some("sam".into()),
        events: vec![id(u128::from(version))],
        decisions: vec![HistoryDecision {
            field: "email".into(),
            rule: "clean".into(),
            base: json!(null),
            ours: json!("a"),
            from: json!(null),
            to: json!("a"),
        }],
    }
}

#[test]
fn what_was_committed_is_there_under_the_next_row_revision() {
    each(async |state| {
        let mut record = at_version(fresh(&acme(), "customer/5"), 1);
        record.canonical[0] = Value::Text("Ümlaut & Co".into());
        assert_eq!(commit(state, commit_of(&record)).await, Verdict::Committed(Vec::new()));
        let stored = load(state, &record.key).await.expect("the record");
        assert_eq!(stored.row_revision, 1);
        assert_eq!(stored, shared::domain::record::Record { row_revision: 1, ..record });
    });
}

#[test]
fn a_commit_decided_on_an_older_row_is_stale() {
    each(async |state| {
        let first = fresh(&acme(), "customer/5");
        let second = put(state, first.clone()).await;
        assert_eq!(commit(state, commit_of(&first)).await, Verdict::Stale, "somebody has created it");
        let third = put(state, second.clone()).await;
        assert_eq!(commit(state, commit_of(&second)).await, Verdict::Stale);
        let mut ahead = third.clone();
        ahead.row_revision += 1;
        assert_eq!(commit(state, commit_of(&ahead)).await, Verdict::Stale, "decided on a row that never was");
        woken(commit(state, commit_of(&third)).await);
    });
}

#[test]
fn a_stale_commit_writes_nothing_at_all() {
    each(async |state| {
        state.enqueue(vec![pending(&acme(), 1, &suitex("x5"), 10)]).await.unwrap();
        let stale = fresh(&acme(), "customer/5");
        let now = put(state, stale.clone()).await;
        let everything = Commit {
            record: Some(at_version(stale.clone(), 9)),
            links: vec![LinkChange::Set(Side::SuiteX, side_id("x5"))],
            history: vec![row(9)],
            places: vec![(id(1), Place::Applied)],
            errors: vec![super::errors::error(&acme(), 7)],
            ..Commit::new(acme())
        };
        assert_eq!(commit(state, everything).await, Verdict::Stale);
        assert_eq!(load(state, &stale.key).await, Some(now));
        assert_eq!(state.history(&stale.key).await.unwrap(), []);
        let asked = [(kind("customer"), Side::SuiteX, side_id("x5"))];
        assert_eq!(state.links(&acme(), &asked).await.unwrap(), [None]);
        assert_eq!(state.pending(&acme(), &kind("customer"), &[suitex("x5")]).await.unwrap().len(), 1);
        assert_eq!(state.error(id(7)).await.unwrap(), None);
    });
}

#[test]
fn each_commit_of_a_batch_stands_by_itself() {
    each(async |state| {
        let old = fresh(&acme(), "customer/1");
        put(state, old.clone()).await;
        let (two, three) = (fresh(&acme(), "customer/2"), fresh(&globex(), "customer/3"));
        let batch = vec![commit_of(&two), commit_of(&old), commit_of(&three), commit_of(&two)];
        let verdicts = state.commit(batch).await.unwrap();
        assert!(matches!(
            verdicts[..],
            [Verdict::Committed(_), Verdict::Stale, Verdict::Committed(_), Verdict::Stale]
        ));
        assert_eq!(load(state, &three.key).await.map(|r| r.row_revision), Some(1));
        assert!(state.commit(Vec::new()).await.unwrap().is_empty());
    });
}

#[test]
fn of_all_who_decided_on_one_row_one_is_written() {
    each(async |state| {
        let mut row = put(state, fresh(&acme(), "customer/5")).await;
        for _ in 0..10 {
            let tries = (0..8).map(|n| commit(state, commit_of(&at_version(row.clone(), n))));
            let verdicts = join_all(tries).await;
            assert_eq!(
                verdicts.iter().filter(|v| matches!(v, Verdict::Committed(_))).count(),
                1,
                "{verdicts:?}"
            );
            let next = load(state, &row.key).await.expect("the record");
            assert_eq!(next.row_revision, row.row_revision + 1);
            row = next;
        }
    });
}

#[test]
fn loading_answers_in_the_order_of_the_keys_and_within_the_account() {
    each(async |state| {
        for name in ["customer/1", "customer/2"] {
            put(state, fresh(&acme(), name)).await;
        }
        let asked = [
            key(&acme(), "customer/2"),
            key(&globex(), "customer/1"),
            key(&acme(), "item/1"),
            key(&acme(), "customer/1"),
            key(&acme(), "customer/2"),
        ];
        let found = state.load(&asked).await.unwrap();
        let found: Vec<Option<String>> =
            found.iter().map(|r| r.as_ref().map(|r| r.key.to_string())).collect();
        let some = |text: &str| Some(text.to_string());
        let two = some("acme:customer:2");
        assert_eq!(found, [two.clone(), None, None, some("acme:customer:1"), two]);
        assert!(state.load(&[]).await.unwrap().is_empty());
    });
}

#[test]
fn history_only_grows_and_is_told_oldest_first() {
    each(async |state| {
        let mut record = fresh(&acme(), "customer/5");
        for rows in [vec![row(1), row(2)], Vec::new(), vec![row(3)]] {
            let history = rows;
            woken(commit(state, Commit { history, ..commit_of(&record) }).await);
            record = load(state, &record.key).await.expect("the record");
        }
        assert_eq!(state.history(&record.key).await.unwrap(), [row(1), row(2), row(3)]);
        assert_eq!(state.history(&key(&globex(), "customer/5")).await.unwrap(), []);
    });
}

#[test]
fn a_commit_without_a_record_changes_what_it_names() {
    each(async |state| {
        state.enqueue(vec![pending(&acme(), 1, &suitex("x5"), 10)]).await.unwrap();
        let bare = Commit {
            places: vec![(id(1), Place::Superseded), (id(99), Place::Applied)],
            errors: vec![super::errors::error(&acme(), 7)],
            ..Commit::new(acme())
        };
        woken(commit(state, bare).await);
        assert_eq!(state.census(&acme()).await.unwrap().values().sum::<u64>(), 1, "nobody enqueued event 99");
        assert_eq!(state.error(id(7)).await.unwrap().map(|e| e.id), Some(id(7)));
    });
}

#[test]
fn a_scan_stands_where_it_was_last_put() {
    each(async |state| {
        let at = async |account, name: &str| state.poll_cursor(&account, name).await.unwrap();
        assert_eq!(at(acme(), "customer").await, None);
        for cursor in ["{\"reached\":\"2026-11-01 01:59:00\"}", "{\"reached\":\"2026-11-01 01:00:30\"}"] {
            state.set_poll_cursor(&acme(), "customer", cursor).await.unwrap();
            assert_eq!(at(acme(), "customer").await.as_deref(), Some(cursor));
        }
        assert_eq!((at(acme(), "item").await, at(globex(), "customer").await), (None, None));
    });
}

#[test]
fn a_reader_never_goes_back() {
    each(async |state| {
        let read = async |account, name: &str| state.watermark(&account, name).await.unwrap();
        assert_eq!(read(acme(), "ledger").await, 0);
        for (to, expected) in [(5, 5), (3, 5), (5, 5), (9, 9)] {
            state.set_watermark(&acme(), "ledger", to).await.unwrap();
            assert_eq!(read(acme(), "ledger").await, expected);
        }
        assert_eq!((read(acme(), "poll").await, read(globex(), "ledger").await), (0, 0));
    });
}
