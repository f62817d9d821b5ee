//! Appending: exactly these bytes, each by itself, nothing lost and nothing twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use mysql::ledger::MysqlLedger;
use mysql::pool::{self, PoolOptions};
use shared::domain::id::Timestamp;
use shared::ledger::Appended::{Fresh, Known, Refused};
use shared::ledger::{Entry, Ledger};
use sqlx::{Executor, Row};

use crate::{account, entry, id, ledger, on};

#[tokio::test]
async fn any_bytes_come_back_as_they_were() {
    let (_database, ledger) = ledger().await;
    let bodies: [&[u8]; 7] = [
        b"{\"b\":1.10,\"a\":1e2,  \"n\":12345678901234567890}",
        "{\"t\":\"\u{10348} \u{fffd} \\u0000\"}".as_bytes(),
        b"{\"half\":\"\\ud800\"}",
        b"nul \0 and \xff\xfe no text",
        b"",
        b"'; drop table event_store; --",
        &[b'x'; 5 * 1024 * 1024],
    ];
    let of = |(n, body): (usize, &&[u8])| Entry {
        payload: Bytes::copy_from_slice(body),
        ..entry("acme", n as u128)
    };
    let entries: Vec<Entry> = bodies.iter().enumerate().map(of).collect();
    assert_eq!(ledger.append(entries.clone()).await.unwrap(), vec![Fresh; 7]);
    let ids: Vec<_> = (0..7).map(id).collect();
    let stored = ledger.read(&account("acme"), &ids).await.unwrap();
    assert_eq!(stored.into_iter().map(|s| s.entry).collect::<Vec<_>>(), entries);
}

#[tokio::test]
async fn people_query_the_payload_as_json_whatever_else_lies_there() {
    let (database, ledger) = ledger().await;
    let text =
        |n, body: &'static str| Entry { payload: Bytes::from_static(body.as_bytes()), ..entry("acme", n) };
    ledger
        .append(vec![text(1, "{\"source\":\"suitex\"}"), text(2, "{\"half\":\"\\ud800\"}"), text(3, "none")])
        .await
        .unwrap();
    let asked = "select payload->>'$.source' from event_store where account_id = 'acme' order by id";
    let found: Vec<Option<String>> = sqlx::query_scalar(asked).fetch_all(&database.pool).await.unwrap();
    assert_eq!(found, [Some("suitex".to_string()), None, None]);
}

#[tokio::test]
async fn a_bad_row_is_told_to_its_caller_and_its_neighbours_are_durable() {
    let (_database, ledger) = ledger().await;
    let long = Entry { record_id: "x".repeat(201), ..entry("acme", 2) };
    let foreign = Entry { record_id: "\u{e4}".into(), ..entry("acme", 4) };
    let timeless = Entry { occurred_at: Timestamp(i64::MAX), ..entry("acme", 6) };
    let huge = Entry { payload: vec![b' '; 17 * 1024 * 1024].into(), ..entry("acme", 8) };
    let mut batches: Vec<Vec<Entry>> = (1..=9).step_by(2).map(|n| vec![entry("acme", n)]).collect();
    batches.extend([
        vec![long, entry("acme", 11)],
        vec![foreign],
        vec![timeless],
        vec![huge, entry("acme", 13)],
    ]);
    let answers = join_all(batches.into_iter().map(|batch| ledger.append(batch))).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.unwrap()).collect();
    assert!(answers[..5].iter().all(|answer| *answer == [Fresh]), "{answers:?}");
    let refused = |answer: &shared::ledger::Appended, word: &str| {
        assert!(matches!(answer, Refused(reason) if reason.contains(word)), "{answer:?}");
    };
    refused(&answers[5][0], "aggregate_id");
    refused(&answers[6][0], "ascii");
    refused(&answers[7][0], "time");
    refused(&answers[8][0], "bytes");
    assert_eq!((&answers[5][1], &answers[8][1]), (&Fresh, &Fresh));
    let ids: Vec<_> = (1..=13).map(id).collect();
    assert_eq!(ledger.read(&account("acme"), &ids).await.unwrap().len(), 7);
}

#[tokio::test]
async fn what_two_instances_append_at_once_is_fresh_for_one_of_them() {
    let (database, one) = ledger().await;
    let two = on(database.another_pool());
    for round in 0..20 {
        let batch = || (0..40).map(|n| entry("acme", round * 40 + n)).collect::<Vec<_>>();
        let mut backwards = batch();
        backwards.reverse();
        let (first, second) = tokio::join!(one.append(batch()), two.append(backwards));
        let (first, second) = (first.unwrap(), second.unwrap());
        for (a, b) in first.iter().zip(second.iter().rev()) {
            assert!(matches!((a, b), (Fresh, Known) | (Known, Fresh)), "{a:?} {b:?}");
        }
    }
}

#[tokio::test]
async fn what_was_there_is_asked_for_at_the_start_and_after_it_was_met() {
    let (database, ledger) = ledger().await;
    let gaps = async || {
        let asked =
            sqlx::query_scalar::<_, i64>("select cast(max(id) - count(*) as signed) from event_store");
        asked.fetch_one(&database.pool).await.unwrap()
    };
    let again = async |n: u128| {
        let told = ledger.append(vec![entry("acme", n), entry("acme", n + 1)]).await.unwrap();
        assert_eq!(told, [Known, Fresh], "it was met, and its neighbour written");
    };
    ledger.append(vec![entry("acme", 0)]).await.unwrap();
    again(0).await;
    assert_eq!(gaps().await, 0, "what was there was asked for, and drew no place");
    for n in 2..200 {
        assert_eq!(ledger.append(vec![entry("acme", n)]).await.unwrap(), [Fresh]);
    }
    again(199).await;
    assert_eq!(gaps().await, 2, "nobody had asked for a while");
    for n in 200..210 {
        again(n).await;
    }
    assert_eq!(gaps().await, 2, "from then on it was asked for again");
}

#[tokio::test]
async fn many_callers_share_few_statements() {
    let (database, _) = ledger().await;
    // With a single connection, what it counts is what this ledger has done.
    let one = PoolOptions { connections: 1, ..PoolOptions::new(database.url()) };
    let pool = pool::connect(&one).unwrap();
    let ledger = on(pool.clone());
    let inserts = async || {
        let told = sqlx::raw_sql("show session status like 'Com_insert'").fetch_one(&pool).await.unwrap();
        told.get::<&str, _>("Value").parse::<u32>().unwrap()
    };
    let before = inserts().await;
    let answers = join_all((0..1_000).map(|n| ledger.append(vec![entry("acme", n)]))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap() == [Fresh]));
    let statements = inserts().await - before;
    assert!((1..=10).contains(&statements), "{statements} statements for 1,000 callers");
}

#[tokio::test]
async fn a_caller_who_leaves_takes_nobody_along() {
    let (_database, ledger) = ledger().await;
    let ledger = Arc::new(ledger);
    let staying = join_all((0..50).map(|n| ledger.append(vec![entry("acme", n)])));
    let leaving = join_all((50..100).map(|n| {
        let ledger = Arc::clone(&ledger);
        async move {
            let append = ledger.append(vec![entry("acme", n)]);
            tokio::time::timeout(Duration::from_micros(n as u64 * 20), append).await
        }
    }));
    let (staying, _) = tokio::join!(staying, leaving);
    assert!(staying.into_iter().all(|answer| answer.unwrap() == [Fresh]));
}

#[tokio::test]
async fn what_waits_when_the_ledger_is_let_go_is_still_written() {
    let (database, _) = ledger().await;
    let (ledger, worker) = MysqlLedger::new(database.pool.clone());
    let ledger = Arc::new(ledger);
    let waiting: Vec<_> = (0..30)
        .map(|n| {
            let ledger = Arc::clone(&ledger);
            async move { ledger.append(vec![entry("acme", n)]).await }
        })
        .collect();
    drop(ledger);
    // The worker ends by itself, after the last of them.
    let (answers, ()) = tokio::join!(join_all(waiting), worker);
    assert!(answers.into_iter().all(|answer| answer.unwrap() == [Fresh]));
}

#[tokio::test]
async fn an_append_whose_connection_is_cut_goes_on_by_another() {
    let (database, ledger) = ledger().await;
    ledger.append(vec![entry("acme", 1)]).await.unwrap();
    let mut root = real_tests::database::administrator().await;
    let asked = "select id from information_schema.processlist where db = ?";
    let connections: Vec<u64> =
        sqlx::query_scalar(asked).bind(&database.name).fetch_all(&mut root).await.unwrap();
    for connection in connections {
        root.execute(sqlx::AssertSqlSafe(format!("kill connection {connection}"))).await.unwrap();
    }
    // Nothing is known of an append whose connection dies, so it is made again.
    assert_eq!(ledger.append(vec![entry("acme", 2)]).await.unwrap(), [Fresh]);
    assert_eq!(ledger.read(&account("acme"), &[id(1), id(2)]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_is_ever_changed_or_removed() {
    let (database, ledger) = ledger().await;
    ledger.append(vec![entry("acme", 1)]).await.unwrap();
    for statement in ["update event_store set source = 'x'", "delete from event_store"] {
        let refused = database.pool.execute(statement).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
