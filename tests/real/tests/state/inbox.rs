//! The inbox among 100,000 open conflicts: each question is answered by reading about as many rows as it shows.

use std::time::Duration;

use shared::domain::id::Timestamp;
use shared::state::desk::{AuditFilter, COUNT_MAX, ConflictFilter, Desk, Filed};
use sqlx::AssertSqlSafe;
use tokio::time::Instant;

use super::{acme, at, config, fresh, id, kind};

const CONFLICTS: i64 = 100_000;

/// A question must be answered within this time, at the median.
const WITHIN: Duration = Duration::from_millis(50);

/// How often each is asked.
const TIMES: usize = 15;

async fn fill(database: &real_tests::Database) {
    let mut connection = database.pool.acquire().await.unwrap();
    let fields = config::surface();
    let (rare, usual) = (&fields.fields[0].name, &fields.fields[1].name);
    let numbers =
        format!("with recursive n as (select 1 as i union all select i + 1 from n where i < {CONFLICTS})");
    for statement in [
        "set session cte_max_recursion_depth = 4294967295".to_string(),
        format!(
            "insert into conflicts (account_id, conflict_id, record_type, record_id, is_open, opened_at, due_at, assignee) \
             {numbers} select 'acme', unhex(left(sha2(i, 256), 32)), if(i % 2, 'customer', 'item'), concat('r', i), true, i, i * 1000, \
             if(i % 1000 = 7, 'ann@a.example', '') from n"
        ),
        format!(
            "insert into conflict_field (account_id, conflict_id, record_type, field, is_open, due_at) \
             {numbers} select 'acme', unhex(left(sha2(i, 256), 32)), if(i % 2, 'customer', 'item'), if(i % 1000 = 7, '{rare}', '{usual}'), \
             true, i * 1000 from n"
        ),
        format!(
            "insert into event_audit_log (account_id, at, actor, action, subject, details) {numbers} \
             select 'acme', i, if(i % 1000 = 7, 'ann@a.example', 'netsuite-writer'), 'written', concat('acme:item:', i), '{{}}' \
             from n"
        ),
        "analyze table conflicts, conflict_field, event_audit_log".to_string(),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await.unwrap();
    }
}

async fn median<T>(what: &str, ask: impl AsyncFn() -> T) -> T {
    let mut took = Vec::new();
    let mut last = ask().await;
    for _ in 0..TIMES {
        let began = Instant::now();
        last = ask().await;
        took.push(began.elapsed());
    }
    took.sort();
    println!("{what}: {:?}", took[TIMES / 2]);
    assert!(took[TIMES / 2] <= WITHIN, "{what} takes {:?}", took[TIMES / 2]);
    last
}

#[tokio::test]
async fn a_hundred_thousand_conflicts_are_no_slower_than_a_page() {
    let (database, state) = fresh().await;
    fill(&database).await;
    let list = async |filter: ConflictFilter, after: Option<(Timestamp, uuid::Uuid)>| {
        state.open_conflicts(&acme(), &filter, after, 51).await.unwrap()
    };
    let all = ConflictFilter::default;
    let first = median("the first page", async || list(all(), None).await).await;
    assert_eq!(first.iter().map(|f| f.due_at.0).take(3).collect::<Vec<_>>(), [1_000, 2_000, 3_000]);
    let deep = Some((at(90_000_000), id(0)));
    let page = median("a page after 90,000", async || list(all(), deep).await).await;
    assert_eq!((page.len(), page[0].due_at), (51, at(90_000_000)));
    let of_type = ConflictFilter { record_type: Some(kind("item")), ..all() };
    let page = median("of a type", async || list(of_type.clone(), deep).await).await;
    assert_eq!((page.len(), page[0].due_at), (51, at(90_000_000)));
    let of_ann = ConflictFilter { assignee: Some("ann@a.example".into()), ..all() };
    assert_eq!(median("of a person", async || list(of_ann.clone(), None).await).await.len(), 51);
    let of_field = ConflictFilter { field: Some((kind("customer"), 0)), ..all() };
    let page = median("of a rare field", async || list(of_field.clone(), None).await).await;
    assert_eq!((page.len(), page.iter().all(|f: &Filed| f.due_at.0 % 1_000_000 == 7_000)), (51, true));
    let counts = median("counts", async || state.conflict_counts(&acme(), at(i64::MAX)).await.unwrap()).await;
    assert_eq!((counts.open, counts.overdue, counts.unassigned), (COUNT_MAX, COUNT_MAX, COUNT_MAX));
    let due = median("due by", async || state.conflicts_by_sla(&acme(), at(5_000), 50).await.unwrap()).await;
    assert_eq!(due.len(), 5);
    let opened =
        median("opened since", async || state.conflicts_opened(&acme(), at(99_001), 10_000).await.unwrap())
            .await;
    assert_eq!(opened, 1_000);
    let audit = async |filter: AuditFilter| state.audit_of(&acme(), &filter, None, 51).await.unwrap();
    let by = AuditFilter { actor: Some("ann@a.example".into()), subject: None };
    assert_eq!(median("audit of a person", async || audit(by.clone()).await).await.len(), 51);
    let on = AuditFilter { actor: None, subject: Some("acme:item:7".into()) };
    assert_eq!(median("audit of a record", async || audit(on.clone()).await).await.len(), 1);
}
