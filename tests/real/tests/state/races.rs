//! Many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use mysql::state::MysqlState;
use shared::domain::governance::{Call, CallEnd, Purpose, cap};
use shared::domain::id::{RecordKey, Side};
use shared::domain::surface::Limits;
use shared::domain::value::Value;
use shared::state::brake::{self, BrakeDecision, BrakeWord};
use shared::state::controls::{Controls, Hold, Holder};
use shared::state::desk::{AuditFilter, Desk};
use shared::state::{AuditRow, Commit, ErrorEntry, LinkChange, PendingRow, Place, State, Subject, Verdict};
use sqlx::{Connection, Executor, Row};

use super::{acme, at, canonical, commit_of, config, fresh, id, key, kind, load, put, record, rest, side_id};

/// Two instances on one database.
async fn two() -> (real_tests::Database, [Arc<MysqlState>; 2]) {
    let (database, one) = fresh().await;
    let other = MysqlState::new(database.another_pool(), config::config());
    (database, [Arc::new(one), Arc::new(other)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_decided_on_one_row_one_is_written() {
    let (_database, states) = two().await;
    for round in 0..50 {
        let before = load(&*states[0], &key("customer/5")).await;
        let before = before.map_or_else(|| record("customer/5"), |known| (*known).clone());
        let tries = (0..4).map(|n| {
            let (state, mut mine) = (Arc::clone(&states[n % 2]), before.clone());
            mine.canonical[0] = Value::Text(format!("{round}.{n}").into());
            // Without history, whose key would refuse the second all the same.
            let commit = Commit { record: Some(mine), ..Commit::new(acme()) };
            async move { (n, state.commit(vec![commit]).await.expect("the state is there").remove(0)) }
        });
        let verdicts = join_all(tries.map(spawned)).await;
        let written: Vec<usize> =
            verdicts.iter().filter(|(_, v)| matches!(v, Verdict::Committed(_))).map(|(n, _)| *n).collect();
        assert_eq!(written.len(), 1, "{verdicts:?}");
        let now = load(&*states[1], &key("customer/5")).await.expect("the record");
        assert_eq!(now.row_revision, before.row_revision + 1);
        assert_eq!(now.canonical[0], Value::Text(format!("{round}.{}", written[0]).into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_records_that_claim_one_id_one_gets_it() {
    let (_database, states) = two().await;
    for round in 0..30 {
        let claims = (0..4).map(|n| {
            let state = Arc::clone(&states[n % 2]);
            let claim = Commit {
                links: vec![LinkChange::Set(Side::SuiteX, side_id(&format!("x{round}")))],
                ..commit_of(&record(&format!("customer/{round}-{n}")))
            };
            async move { (n, state.commit(vec![claim]).await.expect("the state is there").remove(0)) }
        });
        let verdicts = join_all(claims.map(spawned)).await;
        let owners: Vec<usize> =
            verdicts.iter().filter(|(_, v)| matches!(v, Verdict::Committed(_))).map(|(n, _)| *n).collect();
        assert_eq!(owners.len(), 1, "{verdicts:?}");
        let owner = canonical(&format!("{round}-{}", owners[0]));
        for (n, verdict) in verdicts {
            let stored = load(&*states[0], &key(&format!("customer/{round}-{n}"))).await;
            assert_eq!(stored.is_some(), n == owners[0]);
            assert!(n == owners[0] || verdict == Verdict::LinkTaken(owner.clone()), "{verdict:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_commit_at_once_are_each_told_their_own_verdicts() {
    let (_database, [state, other]) = two().await;
    let name = |n: usize| format!("customer/{n}");
    let callers = (0..300).map(|n| {
        let (state, mut commits) = (Arc::clone(&state), vec![commit_of(&record(&name(n)))]);
        match n % 10 {
            3 => commits[0].history[0].source = "x".repeat(300),
            5 => commits[0].record.as_mut().expect("it has one").row_revision = 7,
            // Of two of one caller the second finds what the first has left.
            7 => commits.push(commit_of(&record(&name(n)))),
            _ => {}
        }
        async move { (n, state.commit(commits).await.expect("the state is there")) }
    });
    for (n, verdicts) in join_all(callers.map(spawned)).await {
        let is_right = match (n % 10, &verdicts[..]) {
            (3, [Verdict::Refused(why)]) => why.contains("Data too long"),
            (5, [Verdict::Stale]) => true,
            (7, [Verdict::Committed(_), Verdict::Stale]) => true,
            (3 | 5 | 7, _) => false,
            (_, [Verdict::Committed(_)]) => true,
            _ => false,
        };
        assert!(is_right, "caller {n}: {verdicts:?}");
        let is_stored = load(&*other, &key(&name(n))).await.is_some();
        assert_eq!(is_stored, !matches!(n % 10, 3 | 5), "caller {n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_permit_is_one_connections_alone_of_eight() {
    let (database, _) = fresh().await;
    let limits = Limits { concurrency: 2, daily_requests: 1_000_000, ..Limits::default() };
    assert_eq!(cap(&limits), 1);
    let states: Vec<Arc<MysqlState>> =
        (0..8).map(|_| Arc::new(MysqlState::new(database.another_pool(), config::config()))).collect();
    let running = Arc::new(AtomicUsize::new(0));
    let work = states.into_iter().enumerate().map(|(who, state)| {
        let running = Arc::clone(&running);
        spawned(async move {
            let mut given = 0;
            for n in 0..100_u128 {
                let (call, now) = (id(who as u128 * 1_000 + n), at(n as i64));
                let ask =
                    Call { id: call, purpose: Purpose::Write(9), now, until: now.plus(310_000), writes: 1 };
                if state.begin_call(&acme(), &ask, &limits).await.unwrap().is_err() {
                    continue;
                }
                given += 1;
                assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "a second call at once");
                // As long as it takes others to ask, so that one who got a second permit meets us here.
                rest(4).await;
                running.fetch_sub(1, Ordering::SeqCst);
                state.end_call(&acme(), call, CallEnd::Answered, now, &limits).await.unwrap();
            }
            given
        })
    });
    let given: u32 = join_all(work).await.into_iter().sum();
    assert!((1..800).contains(&given), "{given} of 800: some had to be kept away");
    let left = sqlx::query_scalar::<_, i64>("select count(*) from open_call");
    assert_eq!(left.fetch_one(&database.pool).await.unwrap(), 0, "every permit was given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_whose_credentials_are_refused_one_suspends_and_tells_it() {
    let (database, _) = fresh().await;
    let limits = Limits { concurrency: 2, daily_requests: 1_000_000, ..Limits::default() };
    let states: Vec<Arc<MysqlState>> =
        (0..8).map(|_| Arc::new(MysqlState::new(database.another_pool(), config::config()))).collect();
    let refused = states.iter().enumerate().map(|(who, state)| {
        let (state, call) = (Arc::clone(state), id(who as u128));
        spawned(async move {
            state.end_call(&acme(), call, CallEnd::Auth, at(who as i64), &limits).await.unwrap();
        })
    });
    join_all(refused).await;
    let told = || {
        sqlx::query_scalar::<_, String>(
            "select message from notification where topic in ('auth', 'recovered') order by at",
        )
    };
    let suspended = told().fetch_all(&database.pool).await.unwrap();
    assert!(suspended.len() == 1 && suspended[0].contains("refuses our credentials"), "{suspended:?}");
    for state in states {
        state.end_call(&acme(), id(100), CallEnd::Answered, at(1_000), &limits).await.unwrap();
    }
    let told = told().fetch_all(&database.pool).await.unwrap();
    assert!(told.len() == 2 && told[1].contains("takes our credentials again"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_loses_a_deadlock_begins_again() {
    let (database, _) = fresh().await;
    let state = MysqlState::new(database.another_pool(), config::config());
    let one = put(&state, record("customer/1")).await;
    let two = put(&state, record("customer/2")).await;
    let before = deadlocks(&database).await;
    let mut other = database.pool.acquire().await.unwrap();
    let mut other = other.begin().await.unwrap();
    // Much to undo: the other one is not the one that MySQL rolls back.
    for n in 0..200 {
        let row = sqlx::query("insert into sync_watermark (account_id, name, reached) values ('x', ?, 1)");
        row.bind(n).execute(&mut *other).await.unwrap();
    }
    other
        .execute(
            "select 1 from current_state where record_id = '2' and record_type = 'customer' \
        and account_id = 'acme' for update",
        )
        .await
        .unwrap();
    let state = Arc::new(state);
    let both = vec![commit_of(&one), commit_of(&two)];
    let commit = spawned({
        let state = Arc::clone(&state);
        async move { state.commit(both).await }
    });
    let collide = async {
        // Ours has the first row and waits for the second.
        let waiting = async {
            while !waits(&database).await {
                // MySQL shows anew only what nobody has looked at for 100 ms.
                rest(150).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("ours waits");
        let first = "select 1 from current_state where record_id = '1' and record_type = 'customer' \
            and account_id = 'acme' for update";
        other.execute(first).await.unwrap();
        other.rollback().await.unwrap();
    };
    let (verdicts, ()) = futures::join!(commit, collide);
    let verdicts = verdicts.unwrap();
    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Committed(_))), "{verdicts:?}");
    assert!(deadlocks(&database).await > before, "there was a deadlock");
    for key in [&one.key, &two.key] {
        assert_eq!(load(&*state, key).await.expect("the record").row_revision, 2);
        assert_eq!(state.history(key).await.unwrap().len(), 2);
    }
}

async fn deadlocks(database: &real_tests::Database) -> i64 {
    let count =
        "select cast(count as signed) from information_schema.innodb_metrics where name = 'lock_deadlocks'";
    sqlx::query_scalar(count).fetch_one(&database.pool).await.unwrap()
}

/// Whether somebody in this database waits for a lock. MySQL cannot always tell: it would show the statements
/// too, and stumbles over bytes in those of others.
async fn waits(database: &real_tests::Database) -> bool {
    let count = "select count(*) from information_schema.innodb_trx as waiting \
        join information_schema.processlist as who on who.id = waiting.trx_mysql_thread_id \
        where waiting.trx_state = 'LOCK WAIT' and who.db = database()";
    sqlx::query_scalar::<_, i64>(count).fetch_one(&database.pool).await.unwrap_or(0) > 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_in_any_order_all_come_through() {
    let (database, states) = two().await;
    let work = (0..6_usize).map(|who| {
        let state = Arc::clone(&states[who % 2]);
        spawned(async move {
            let mut dice = fastrand::Rng::with_seed(who as u64);
            let mut written = 0;
            for _ in 0..30 {
                let mut names: Vec<RecordKey> = (0..6).map(|n| key(&format!("customer/{n}"))).collect();
                dice.shuffle(&mut names);
                let known = state.load(&names).await.unwrap();
                let commits = names.iter().zip(known).map(|(name, known)| {
                    let fresh = || record(&format!("customer/{}", name.id));
                    commit_of(&known.map_or_else(fresh, |known| (*known).clone()))
                });
                let events = (0..4).map(|n| event(u128::from(dice.u8(0..40)) + n)).collect();
                state.enqueue(events).await.unwrap();
                let mut commits: Vec<Commit> = commits.collect();
                commits[0].places = (0..5).map(|_| (id(u128::from(dice.u8(..40))), Place::Applied)).collect();
                let verdicts = state.commit(commits).await.unwrap();
                written += verdicts.iter().filter(|v| matches!(v, Verdict::Committed(_))).count();
            }
            written
        })
    });
    let written: usize = join_all(work).await.into_iter().sum();
    let rows = sqlx::query("select cast(sum(row_revision) as signed) from current_state");
    let rows: i64 = rows.fetch_one(&database.pool).await.unwrap().get(0);
    assert_eq!(rows as usize, written, "each row revision was one commit's");
    let counted: u64 = states[0].census(&acme()).await.unwrap().values().sum();
    let events: i64 =
        sqlx::query_scalar("select count(*) from pending_event").fetch_one(&database.pool).await.unwrap();
    assert_eq!(counted, events as u64);
}

fn event(n: u128) -> PendingRow {
    PendingRow {
        account: acme(),
        record_type: kind("customer"),
        subject: Subject::Side(Side::SuiteX, side_id("x5")),
        event_id: id(n),
        arrived_at: at(1),
        place: Place::Pending { due_at: at(1) },
    }
}

/// A task of its own, so that the work is truly done at the same time.
#[expect(clippy::disallowed_methods, reason = "a test has no App whose Tasks it could use")]
async fn spawned<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    tokio::spawn(work).await.expect("a task that ends well")
}

/// Eight admins decide about one brake, and hold or let go one side's writes, at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_who_decide_at_once_one_has_decided() {
    let (database, state) = fresh().await;
    let open = ErrorEntry::open(&acme(), id(1), brake::CLASS, "MASS_DELETE", "so many", "ask", at(1));
    let commit = Commit { errors: vec![open], ..Commit::new(acme()) };
    state.commit(vec![commit]).await.unwrap();
    let audit = |who: usize, action: &str| AuditRow {
        at: at(5),
        actor: format!("admin {who}"),
        action: action.into(),
        subject: "x".into(),
        details: serde_json::json!({}),
    };
    let states: Vec<Arc<MysqlState>> =
        (0..8).map(|_| Arc::new(MysqlState::new(database.another_pool(), config::config()))).collect();
    let all = states.iter().enumerate().map(|(who, state)| {
        let (state, rows) = (Arc::clone(state), [audit(who, "brake"), audit(who, "suspended")]);
        spawned(async move {
            let [braked, held] = rows;
            let word = if who % 2 == 0 { BrakeWord::Pass } else { BrakeWord::Discard };
            let decision = BrakeDecision { word, note: braked.actor.clone(), at: at(5) };
            let decided = state.decide_brake(&acme(), id(1), &decision, braked).await.unwrap();
            let hold = Hold { since: at(5), actor: held.actor.clone(), reason: "x".into() };
            let of = (Side::NetSuite, Holder::People);
            let has_held = state.set_hold(&acme(), of, None, Some(hold), held).await.unwrap();
            (decided.map(|error| error.note.unwrap()), has_held.then(|| format!("admin {who}")))
        })
    });
    let answers = join_all(all).await;
    let said: Vec<&String> = answers.iter().filter_map(|(decided, _)| decided.as_ref()).collect();
    let held: Vec<&String> = answers.iter().filter_map(|(_, held)| held.as_ref()).collect();
    assert_eq!((said.len(), held.len()), (1, 1), "{answers:?}");
    let stored = state.error(id(1)).await.unwrap().unwrap();
    assert_eq!(stored.note.as_ref(), Some(said[0]), "the word of who heard yes");
    let stands = state.holds(&acme()).await.unwrap().netsuite.people.unwrap();
    assert_eq!(&stands.actor, held[0]);
    let rows = state.audit_of(&acme(), &AuditFilter::default(), None, 99).await.unwrap();
    assert_eq!(rows.len(), 2);
}
