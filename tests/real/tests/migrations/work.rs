//! Each function does its own work under its own role.

use mysql::ledger::MysqlLedger;
use mysql::migrate::{Schema, check};
use mysql::pool::{self, PoolOptions};
use mysql::roles;
use mysql::state::MysqlState;
use real_tests::Database;
use serde_json::json;
use shared::domain::governance::{Call, CallEnd, Purpose};
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Side, SideId, Timestamp, Version};
use shared::domain::record::Record;
use shared::domain::surface::Limits;
use shared::ledger::Appended::Fresh;
use shared::ledger::{Entry, Ledger};
use shared::state::controls::{Controls, Hold, Holder};
use shared::state::deliveries::{Attempt, Channel, Deliveries, Delivery, Plan, Recipient, Standing};
use shared::state::desk::{AuditFilter, Desk};
use shared::state::notices::Topic;
use shared::state::watch::{Watch, Watched};
use shared::state::{
    AuditRow, Commit, ErrorEntry, ErrorStatus, HistoryRow, LinkChange, Notice, PendingRow, Place, State,
    Subject, Verdict,
};
use sqlx::MySqlPool;
use uuid::Uuid;

use crate::config::{config, surface};
use crate::root::Root;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn acme() -> AccountId {
    AccountId::parse("acme").unwrap()
}

fn customer() -> RecordType {
    RecordType::parse("customer").unwrap()
}

async fn under(root: &mut Root, role: &str, schema: Schema) -> MySqlPool {
    let pool = pool::connect(&PoolOptions::new(root.account(role).await)).unwrap();
    check(&pool, schema).await.unwrap_or_else(|error| panic!("{role} at its start: {error}"));
    pool
}

fn entry(n: u128) -> Entry {
    Entry {
        account: acme(),
        event_id: Uuid::from_u128(n),
        record_type: customer(),
        record_id: "5".into(),
        source: "suitex",
        operation: "update",
        occurred_at: NOW,
        payload: "{}".into(),
    }
}

#[tokio::test]
async fn the_ledger_under_each_role() {
    let database = Database::fresh(Schema::EventStore).await;
    let mut root = Root::of(&database, "w-ledger-").await;
    roles::apply(&database.pool, Schema::EventStore, "w-ledger-").await.unwrap();
    for (n, role) in ["merge", "ns-writer", "sx-writer", "dlq"].into_iter().enumerate() {
        let (ledger, worker) = MysqlLedger::new(under(&mut root, role, Schema::EventStore).await);
        real_tests::run(worker);
        assert_eq!(ledger.append(vec![entry(n as u128)]).await.unwrap(), [Fresh], "{role}");
        assert_eq!(ledger.scan(&acme(), 0, 9).await.unwrap().len(), n + 1, "{role}");
    }
    for role in ["review", "reconcile"] {
        let (ledger, worker) = MysqlLedger::new(under(&mut root, role, Schema::EventStore).await);
        real_tests::run(worker);
        assert_eq!(ledger.read(&acme(), &[Uuid::from_u128(0)]).await.unwrap().len(), 1, "{role}");
        let refused = ledger.append(vec![entry(99)]).await.unwrap_err();
        assert!(refused.why.contains("INSERT command denied"), "{role}: {refused}");
    }
    root.remove().await;
}

/// A record as far as it is stored, a new one at first.
async fn record(state: &MysqlState) -> Record {
    let key = RecordKey::new(acme(), customer(), CanonicalId::parse("5").unwrap());
    let stored = state.load(std::slice::from_ref(&key)).await.unwrap().pop().flatten();
    let mut record = stored.map_or_else(|| Record::new(key, &surface()), |record| Record::clone(&record));
    record.alive = true;
    record.version = Version(record.version.0 + 1);
    record
}

fn error(n: u128) -> ErrorEntry {
    ErrorEntry {
        id: Uuid::from_u128(n),
        account: acme(),
        record: None,
        class: "validation".into(),
        code: "X".into(),
        message: "it is wrong".into(),
        hint: "mend it".into(),
        field: None,
        events: Vec::new(),
        payload: None,
        attempts: 1,
        first_at: NOW,
        last_at: NOW,
        status: ErrorStatus::Open,
        causes: vec![],
        note: None,
        edits: vec![],
        brake: None,
        tried_at: None,
        to_send: false,
    }
}

/// A decision with everything in it that the function may write.
async fn decide(state: &MysqlState, role: &str, n: u128) {
    let event_id = Uuid::from_u128(n);
    let side_id = SideId::parse("x5").unwrap();
    let pending = PendingRow {
        account: acme(),
        record_type: customer(),
        subject: Subject::Side(Side::SuiteX, side_id.clone()),
        event_id,
        arrived_at: NOW,
        place: Place::Pending { due_at: NOW },
    };
    state.enqueue(vec![pending]).await.unwrap_or_else(|error| panic!("{role}: {error}"));
    let record = record(state).await;
    let history = HistoryRow {
        version: record.version,
        at: NOW,
        source: "suitex".into(),
        actor: None,
        events: vec![event_id],
        decisions: Vec::new(),
    };
    let audit = AuditRow {
        at: NOW,
        actor: "sam".into(),
        action: "x".into(),
        subject: "y".into(),
        details: json!({}),
    };
    let notice = Notice::new(&acme(), Topic::Error, "error:1", &n.to_string(), "look", NOW);
    let notices = if role == "review" { Vec::new() } else { vec![notice] };
    let commit = Commit {
        record: Some(record),
        links: vec![LinkChange::Set(Side::SuiteX, side_id)],
        history: vec![history],
        places: vec![(event_id, Place::Applied)],
        errors: vec![error(n), error(0)],
        audit: vec![audit],
        notices,
        ..Commit::new(acme())
    };
    let verdict = state.commit(vec![commit]).await.unwrap_or_else(|error| panic!("{role}: {error}"));
    assert!(matches!(verdict[..], [Verdict::Committed(_)]), "{role}: {verdict:?}");
}

/// A call under a permit, from its beginning to its end.
async fn call(state: &MysqlState) -> Result<(), shared::fault::Unavailable> {
    let call =
        Call { id: Uuid::from_u128(7), purpose: Purpose::Write(0), now: NOW, until: NOW.plus(9), writes: 1 };
    state.begin_call(&acme(), &call, &Limits::default()).await?.expect("a permit");
    state.end_call(&acme(), call.id, CallEnd::Answered, NOW, &Limits::default()).await
}

/// Closes an error, as the poller does: with its notice, and a row of the audit, which it cannot read.
async fn close(state: &MysqlState) {
    let closed = ErrorEntry { status: ErrorStatus::Closed, ..error(77) };
    let audit = AuditRow {
        at: NOW,
        actor: "poller".into(),
        action: "closed".into(),
        subject: format!("error:{}", closed.id),
        details: json!({ "why": "it is shown again" }),
    };
    let commit = Commit {
        notices: vec![Notice::error_over(&closed, NOW)],
        errors: vec![closed],
        audit: vec![audit],
        ..Commit::new(acme())
    };
    let verdict = state.commit(vec![commit]).await.unwrap();
    assert!(matches!(verdict[..], [Verdict::Committed(_)]), "{verdict:?}");
    let refused = state.audit_of(&acme(), &AuditFilter::default(), None, 9).await.unwrap_err();
    assert!(refused.why.contains("denied"), "{refused}");
}

/// Holds an account's writes, and looks at what was done.
async fn stop(state: &MysqlState) {
    let hold = Hold { since: NOW, actor: "ada".into(), reason: "month's end".into() };
    let audit = AuditRow {
        at: NOW,
        actor: "ada".into(),
        action: "suspended".into(),
        subject: "account:suitex".into(),
        details: json!({}),
    };
    assert!(state.set_hold(&acme(), (Side::SuiteX, Holder::People), None, Some(hold), audit).await.unwrap());
    let filter = AuditFilter { actor: Some("ada".into()), subject: None };
    assert_eq!(state.audit_of(&acme(), &filter, None, 9).await.unwrap().len(), 1);
}

/// What notify's tick does: remembers what it has seen, decides who is told, tells them, and stops an account's writes.
async fn tell(state: &MysqlState) {
    let memory = state.watch_memory(&acme()).await.unwrap();
    let notice = Notice::new(&acme(), Topic::Backlog, "account:acme", "1", "much to do", NOW);
    let watched = Watched { text: "{}".into(), notices: vec![notice] };
    assert!(state.note_watched(&acme(), memory.revision, watched).await.unwrap());
    assert_eq!(state.behind(&acme(), Side::SuiteX, NOW, 9).await.unwrap(), []);

    let notices = state.unplanned(&acme(), 9).await.unwrap();
    let id = Uuid::from_u128(70);
    let delivery = Delivery {
        id,
        account: acme(),
        to: Recipient { channel: Channel::Email, name: "ops@example.com".into() },
        topic: Topic::Backlog,
        notices: 1,
        standing: Standing::Due,
        due_at: NOW,
        attempts: 0,
        created_at: NOW,
        failure: None,
    };
    let first = notices[0].id;
    let plan = Plan { notices: vec![first], new: vec![delivery], items: vec![(id, first)] };
    assert!(state.plan_deliveries(&acme(), plan).await.unwrap());
    assert_eq!(state.deliveries_due(&acme(), NOW, 9).await.unwrap().len(), 1);
    let claim = Uuid::from_u128(71);
    let claimed = state.claim_delivery(&acme(), id, claim, (NOW, NOW.plus(9)), 9).await.unwrap();
    assert_eq!(claimed.expect("nobody else's").first.len(), 1);
    assert!(state.end_delivery(&acme(), id, claim, Attempt::Sent, NOW).await.unwrap());

    let hold = Hold { since: NOW, actor: "notify".into(), reason: "nobody decides".into() };
    let audit = AuditRow {
        at: NOW,
        actor: "notify".into(),
        action: "suspended".into(),
        subject: "account:netsuite".into(),
        details: json!({}),
    };
    assert!(state.set_hold(&acme(), (Side::NetSuite, Holder::Watch), None, Some(hold), audit).await.unwrap());
    state.governance_of(&acme()).await.unwrap();
    let refused = call(state).await.unwrap_err();
    assert!(refused.why.contains("denied"), "{refused}");
}

#[tokio::test]
async fn the_state_under_each_role() {
    let database = Database::fresh(Schema::SyncState).await;
    let mut root = Root::of(&database, "w-state-").await;
    roles::apply(&database.pool, Schema::SyncState, "w-state-").await.unwrap();
    for (n, role) in ["merge", "ns-writer", "sx-writer", "dlq", "review", "notify"].into_iter().enumerate() {
        let state = MysqlState::new(under(&mut root, role, Schema::SyncState).await, config());
        decide(&state, role, n as u128 + 1).await;
        match role {
            "merge" => state.set_watermark(&acme(), "ledger", 7).await.unwrap(),
            "ns-writer" => {
                call(&state).await.unwrap();
                assert!(!state.holds(&acme()).await.unwrap().suitex.is_held());
            }
            "review" => {
                assert_eq!(state.census(&acme()).await.unwrap().values().sum::<u64>(), n as u64 + 1);
                stop(&state).await;
                call(&state).await.unwrap();
            }
            "notify" => tell(&state).await,
            _ => {
                let refused = call(&state).await.unwrap_err();
                assert!(refused.why.contains("denied"), "{role}: {refused}");
            }
        }
    }
    for role in ["poller", "reconcile"] {
        let state = MysqlState::new(under(&mut root, role, Schema::SyncState).await, config());
        call(&state).await.unwrap_or_else(|error| panic!("{role}: {error}"));
        let noted = match role {
            "poller" => {
                close(&state).await;
                state.set_poll_cursor(&acme(), "customer", "{}").await
            }
            _ => state.set_watermark(&acme(), role, 7).await,
        };
        noted.unwrap_or_else(|error| panic!("{role}: {error}"));
        assert!(record(&state).await.row_revision > 0, "{role}");
    }
    root.remove().await;
}
