//! Connections that die, and content that MySQL does not take.

use std::sync::Arc;

use mysql::fault::{Cause, cause, retrying};
use mysql::migrate::Schema;
use mysql::pool::{self, PoolOptions};
use real_tests::Database;
use shared::domain::value::Value;
use shared::state::{PendingRow, Place, State, Subject, Verdict};
use sqlx::{AssertSqlSafe, Executor, Row};

use super::{acme, at, commit_of, fresh, id, key, kind, load, record, rest, side_id};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_connection_that_is_killed_leaves_nothing_half_written() {
    let (database, state) = fresh().await;
    let events = (0..200).map(|n| PendingRow {
        account: acme(),
        record_type: kind("customer"),
        subject: Subject::Side(shared::domain::id::Side::SuiteX, side_id("x5")),
        event_id: id(n),
        arrived_at: at(1),
        place: Place::Pending { due_at: at(1) },
    });
    state.enqueue(events.collect()).await.unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let killer = kill_all(database.name.clone(), Arc::clone(&done));
    let work = async {
        let (mut failed, mut written) = (0, 0);
        for n in 0..200 {
            let known = match state.load(&[key("customer/5")]).await {
                Ok(mut found) => found.remove(0),
                Err(_) => {
                    failed += 1;
                    continue;
                }
            };
            let mut next = known.map_or_else(|| record("customer/5"), |known| (*known).clone());
            next.canonical[0] = Value::Text(n.to_string().into());
            let mut commit = commit_of(&next);
            commit.places = vec![(id(n), Place::Applied)];
            match state.commit(vec![commit]).await {
                Ok(verdicts) => written += usize::from(matches!(verdicts[..], [Verdict::Committed(_)])),
                Err(_) => failed += 1,
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (failed, written)
    };
    let ((), (failed, written)) = futures::join!(killer, work);
    assert!(failed > 0 && written > 0, "{failed} failed, {written} written");
    // Each commit is a row revision, a decision and a moved event: all three or none.
    let stored = eventually_load(&state).await;
    let decisions = state.history(&key("customer/5")).await.unwrap();
    let census = state.census(&acme()).await.unwrap();
    let rows = stored.row_revision;
    assert_eq!((decisions.len() as u64, census.get("applied").copied()), (rows, Some(rows)));
    assert_eq!(census.values().sum::<u64>(), 200);
    assert!(rows as usize >= written, "what was acknowledged is there");
}

async fn eventually_load(state: &dyn State) -> Arc<shared::domain::record::Record> {
    for _ in 0..20 {
        if let Ok(mut found) = state.load(&[key("customer/5")]).await {
            return found.remove(0).expect("the record");
        }
    }
    panic!("the state does not come back");
}

/// Kills every connection to the database again and again until `done`.
async fn kill_all(name: String, done: Arc<std::sync::atomic::AtomicBool>) {
    let mut administrator = real_tests::database::administrator().await;
    while !done.load(std::sync::atomic::Ordering::Relaxed) {
        // MySQL cannot always tell: the list would show the statements too, and stumbles over bytes in them.
        let list = sqlx::query("select id from information_schema.processlist where db = ?").bind(&name);
        for row in list.fetch_all(&mut administrator).await.unwrap_or_default() {
            let id: u64 = row.get(0);
            // It may be gone by itself.
            let _ = administrator.execute(AssertSqlSafe(format!("kill connection {id}"))).await;
        }
        rest(7).await;
    }
}

#[tokio::test]
async fn what_no_column_takes_does_not_take_its_neighbours_along() {
    let (_database, state) = fresh().await;
    let mut bad = commit_of(&record("customer/2"));
    bad.history[0].source = "x".repeat(300);
    let commits = vec![commit_of(&record("customer/1")), bad, commit_of(&record("customer/3"))];
    let verdicts = state.commit(commits).await.unwrap();
    let [Verdict::Committed(_), Verdict::Refused(why), Verdict::Committed(_)] = &verdicts[..] else {
        panic!("{verdicts:?}")
    };
    assert!(why.contains("Data too long"), "{why}");
    for (name, stored) in [("customer/1", true), ("customer/2", false), ("customer/3", true)] {
        assert_eq!(load(&state, &key(name)).await.is_some(), stored, "{name}");
    }
}

#[tokio::test]
async fn any_text_is_stored_and_comes_back() {
    let (_database, state) = fresh().await;
    let texts =
        ["\0", "\u{1f980}\u{10ffff}", "\\\"'`;--\n\r\t\u{1a}", "trailing space ", "e\u{301}", "null", "{}"];
    for text in texts.map(String::from).into_iter().chain(["ä".repeat(2_500_000)]) {
        let mut next =
            load(&state, &key("customer/5")).await.map_or_else(|| record("customer/5"), |r| (*r).clone());
        next.canonical[0] = Value::Text(text.as_str().into());
        next.sides.suitex.shadow[0] = Value::Text(format!("{text}.").into());
        let mut commit = commit_of(&next);
        commit.history[0].actor = Some(text.clone());
        let waits = Place::Waiting {
            record_type: kind("customer"),
            side: shared::domain::id::Side::NetSuite,
            id: text.clone(),
            until: at(5),
        };
        let event = id(u128::from(next.row_revision));
        let subject = Subject::Canonical(next.key.id.clone());
        let (account, record_type) = (acme(), kind("customer"));
        let row =
            PendingRow { account, record_type, subject, event_id: event, arrived_at: at(1), place: waits };
        state.enqueue(vec![row.clone()]).await.unwrap();
        assert!(matches!(state.commit(vec![commit]).await.unwrap()[..], [Verdict::Committed(_)]));
        let stored = load(&state, &next.key).await.expect("the record");
        assert_eq!(stored.canonical, next.canonical);
        assert_eq!(stored.sides.suitex.shadow, next.sides.suitex.shadow);
        let last = state.history(&next.key).await.unwrap().pop().expect("a decision");
        assert_eq!(last.actor, Some(text));
        let open =
            state.pending(&acme(), &kind("customer"), std::slice::from_ref(&row.subject)).await.unwrap();
        assert!(open.contains(&row));
    }
}

/// As after a failover that leaves connections open: the address leads to the new primary, they to the old one.
#[tokio::test]
async fn a_connection_to_a_server_that_became_read_only_is_not_used_again() {
    let database = Database::fresh(Schema::SyncState).await;
    let root = &database.pool;
    let (name, number) = ("sync_test_plain", "select connection_id()");
    let somebody = format!(
        "create table if not exists plain (n int); drop user if exists '{name}'@'%'; \
         create user '{name}'@'%' identified by 'word'; grant insert, select on {}.plain to '{name}'@'%'",
        database.name
    );
    sqlx::raw_sql(AssertSqlSafe(somebody)).execute(root).await.unwrap();
    let url = database.url();
    let (_, at) = url.split_once('@').expect("an account in the address");
    let one = PoolOptions { connections: 1, ..PoolOptions::new(format!("mysql://{name}:word@{at}")) };
    let pool = pool::connect(&one).unwrap();
    let write = || async { sqlx::raw_sql("insert into plain values (1)").execute(&pool).await };
    let connection = async || sqlx::query_scalar::<_, u64>(number).fetch_one(&pool).await.unwrap();

    let before = connection().await;
    retrying(0, write).await.unwrap();
    assert_eq!(connection().await, before, "a connection is used again, or this shows nothing");
    // To all but administrators, which the other tests are.
    sqlx::raw_sql("set global read_only = true").execute(root).await.unwrap();
    let refused = retrying(0, write).await;
    let meanwhile = connection().await;
    sqlx::raw_sql("set global read_only = false").execute(root).await.unwrap();
    assert_eq!(
        refused.map_err(|error| cause(&error)).unwrap_err(),
        Cause::Lost,
        "nobody's content is refused"
    );
    assert_ne!(meanwhile, before);
    retrying(0, write).await.unwrap();

    // Whose server takes writes keeps its connections, whatever another's said.
    let now = connection().await;
    assert_eq!(connection().await, now);
    sqlx::raw_sql(AssertSqlSafe(format!("drop user '{name}'@'%'; drop table plain")))
        .execute(root)
        .await
        .unwrap();
}
