//! How MySQL runs the statements: by an index, each of them.

use std::collections::BTreeMap;

use shared::domain::conflict::{Clash, Conflict};
use shared::domain::governance::{Call, Purpose};
use shared::domain::id::{AccountId, CanonicalId, PerSide, RecordKey, RecordType, Side};
use shared::domain::record::{Due, DueReason, Record, Span};
use shared::domain::surface::{Limits, Policy, Risk};
use shared::domain::value::Value;
use shared::state::controls::{Hold, Holder};
use shared::state::deliveries::{Channel, Delivery, Plan, Recipient, Standing};
use shared::state::notices::Topic;
use shared::state::watch::Watched;
use shared::state::{
    Ambiguity, AmbiguityStatus, AuditRow, Commit, ErrorEntry, ErrorStatus, LinkChange, Notice, PendingRow,
    Place, State, Subject,
};
use sqlx::{AssertSqlSafe, Row};

use super::{at, config, fresh, id, kind, side_id};

/// Enough that reading all of it is never the cheapest way.
const RECORDS: u32 = 600;

fn name(n: u32) -> String {
    format!("r{n:05}")
}

/// Three accounts' records, with something in every table.
async fn fill(state: &dyn State) {
    for account in ["acme", "acme-2", "globex"] {
        let account = AccountId::parse(account).unwrap();
        for from in (0..RECORDS).step_by(50) {
            let events = (from..from + 50).map(|n| event(&account, n)).collect();
            state.enqueue(events).await.unwrap();
            // Who waits and who wakes don't go together.
            for first in [from, from + 1] {
                let commits = (first..from + 50).step_by(2).map(|n| filled(&account, n)).collect();
                state.commit(commits).await.unwrap();
            }
        }
        for n in 0..20 {
            let (call, limits) = (id(n), Limits { concurrency: 1_000, ..Limits::default() });
            let call =
                Call { id: call, purpose: Purpose::Write(9), now: at(0), until: at(1_000_000), writes: 1 };
            let _ = state.begin_call(&account, &call, &limits).await.unwrap();
        }
        for name in 0..50 {
            state.set_watermark(&account, &format!("reader{name}"), 1).await.unwrap();
            state.set_poll_cursor(&account, &format!("scan{name}"), "{}").await.unwrap();
        }
        tell(state, &account).await;
        for side in Side::BOTH {
            let hold = Hold { since: at(1), actor: "ada".into(), reason: "x".into() };
            let row = audit("suspended", &format!("account:{side}"));
            assert!(state.set_hold(&account, (side, Holder::People), None, Some(hold), row).await.unwrap());
        }
    }
}

/// Notices on their way: half of them to nobody yet.
async fn tell(state: &dyn State, account: &AccountId) {
    let notice = |n: u32| Notice::new(account, Topic::Error, format!("error:{n}"), "", "text", at(n.into()));
    for from in (0..RECORDS).step_by(50) {
        let notices: Vec<Notice> = (from..from + 50).map(notice).collect();
        let (planned, _) = notices.split_at(25);
        let plan = Plan {
            notices: planned.iter().map(|notice| notice.id).collect(),
            new: planned.iter().map(|notice| delivery(account, notice)).collect(),
            items: planned.iter().map(|notice| (notice.id, notice.id)).collect(),
        };
        state
            .commit(vec![Commit { notices: notices.clone(), ..Commit::new(account.clone()) }])
            .await
            .unwrap();
        assert!(state.plan_deliveries(account, plan).await.unwrap());
    }
    let watched = Watched { text: "{}".into(), notices: vec![] };
    assert!(state.note_watched(account, 0, watched).await.unwrap());
}

fn delivery(account: &AccountId, notice: &Notice) -> Delivery {
    Delivery {
        id: notice.id,
        account: account.clone(),
        to: Recipient { channel: Channel::Email, name: "ann@example.com".into() },
        topic: notice.topic,
        notices: 0,
        standing: Standing::Due,
        due_at: notice.at,
        attempts: 0,
        created_at: notice.at,
        failure: None,
    }
}

fn audit(action: &str, subject: &str) -> AuditRow {
    let details = serde_json::json!({});
    AuditRow {
        at: at(1),
        actor: format!("{subject}@a"),
        action: action.into(),
        subject: subject.into(),
        details,
    }
}

fn event(account: &AccountId, n: u32) -> PendingRow {
    PendingRow {
        account: account.clone(),
        record_type: kind("customer"),
        subject: Subject::Side(Side::SuiteX, side_id(&name(n / 3))),
        event_id: id(n.into()),
        arrived_at: at(n.into()),
        place: Place::Pending { due_at: at(n.into()) },
    }
}

fn filled(account: &AccountId, n: u32) -> Commit {
    let wakes = n.is_multiple_of(2);
    let kind = kind(if wakes { "customer" } else { "salesorder" });
    let key = RecordKey::new(account.clone(), kind, CanonicalId::parse(&name(n)).unwrap());
    let mut record = Record::new(key.clone(), &config::surface());
    record.canonical[0] = Value::Text(name(n).into());
    let waits = DueReason::WaitingFor {
        record_type: RecordType::parse("customer").unwrap(),
        id: name(n + 1).into(),
        since: at(1),
    };
    record.sides.netsuite.due = (!wakes).then(|| Due { at: at(n.into()), reason: waits, attempts: 0 });
    record.sides.suitex.due =
        n.is_multiple_of(5).then(|| Due { at: at(n.into()), reason: DueReason::Dirty, attempts: 0 });
    let clash = Clash {
        field: 0,
        base: Value::Null,
        values: Default::default(),
        edited: PerSide { netsuite: Span::at(at(1)), suitex: Span::at(at(1)) },
        made_apart: false,
        suggested: Value::Null,
        policy: Policy::Manual,
        risk: Risk::Low,
    };
    let conflict = Conflict {
        id: id(n.into()),
        revision: 1,
        opened_at: at(1),
        due_at: at(1).plus(86_400_000),
        clashes: vec![clash],
        deleted_by: Some(Side::SuiteX),
    };
    record.conflict = wakes.then_some(conflict);
    let history = super::commit_of(&record).history;
    let place = match n % 4 {
        0 => Place::Applied,
        1 => Place::Conflict(id(n.into())),
        2 => Place::Error(id(n.into())),
        _ => Place::Waiting {
            record_type: RecordType::parse("customer").unwrap(),
            side: Side::SuiteX,
            id: name(n),
            until: at(n.into()),
        },
    };
    let error = ErrorEntry {
        id: id(n.into()),
        account: account.clone(),
        record: Some(key.clone()),
        class: "validation".into(),
        code: "c".into(),
        message: "m".into(),
        hint: "h".into(),
        field: None,
        events: vec![],
        payload: None,
        attempts: 1,
        first_at: at(n.into()),
        last_at: at(n.into()),
        status: if n.is_multiple_of(7) { ErrorStatus::Open } else { ErrorStatus::Closed },
        causes: vec![],
        note: None,
        edits: vec![],
        brake: None,
        tried_at: None,
        to_send: false,
    };
    let status = if n.is_multiple_of(7) { AmbiguityStatus::Open } else { AmbiguityStatus::Closed };
    let asked = Ambiguity { status, ..Ambiguity::new(key, Side::NetSuite, at(1)) };
    Commit {
        ambiguities: vec![asked],
        links: wakes.then(|| LinkChange::Set(Side::SuiteX, side_id(&name(n + 10_000)))).into_iter().collect(),
        record: Some(record),
        history,
        places: vec![(id(n.into()), place)],
        errors: vec![error],
        audit: vec![audit("x", &name(n / 2))],
        ..Commit::new(account.clone())
    }
}

/// A value as it may come for a column: one that is there.
fn sample(column: &str, nth: usize) -> Option<String> {
    // Perhaps with its table's alias.
    let column = column.rsplit('.').next().unwrap_or_default();
    let n = 300 + nth as u32 * 6;
    let text = |text: &str| Some(format!("'{text}'"));
    match column {
        "account_id" => text("acme-2"),
        "record_type" => text("customer"),
        "record_id" | "alias_of" => text(&name(n)),
        "side" => text("suitex"),
        "holder" => text("people"),
        "side_id" => text(&name(n + 10_000)),
        "subject" => text(&format!("suitex:{}", name(n / 3))),
        "netsuite_waits_for" | "suitex_waits_for" => text(&format!("customer:{}", name(n))),
        "waits_for" => text(&format!("customer:suitex:{}", name(n))),
        "place" => text("applied"),
        "name" => text("reader7"),
        "event_id" | "conflict_id" | "error_id" | "place_id" | "call_id" | "ambiguity_id" => {
            Some(format!("x'{}'", id(n.into()).simple()))
        }
        "delivery_id" | "notification_id" | "claim" => Some(format!("x'{}'", id(n.into()).simple())),
        "at" | "created_at" | "tried_at" | "claimed_until" | "revision" | "acknowledged_at" => {
            Some("400".into())
        }
        "standing" => text("due"),
        "brake" => text("pass"),
        "status" => text("open"),
        "in_trouble" => Some("true".into()),
        "failure" | "acknowledged_by" | "memory" | "note" => text("x"),
        "netsuite_due_at" | "suitex_due_at" | "due_at" | "first_at" | "last_at" => Some("400".into()),
        "opened_at" | "id" | "row_revision" | "position" | "since" => Some("400".into()),
        "locks_record" | "deleted" | "is_held" => Some("true".into()),
        "assignee" | "actor" | "reason" | "field" => text("x"),
        "limit" => Some("10".into()),
        _ => None,
    }
}

/// The statement with values in place of its marks: each mark stands behind a column and an operator, or in a list
/// behind a group of columns, or behind `limit`.
fn with_values(text: &str) -> String {
    let (mut out, mut list, mut nth) = (String::new(), Vec::<String>::new(), 0);
    for (at, part) in text.split('?').enumerate() {
        if at > 0 {
            let before = out.trim_end();
            let word = |text: &str| {
                let end = text.trim_end_matches([' ', '=', '<', '>']);
                end.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_string()
            };
            let column = if before.ends_with(['=', '<', '>']) || before.ends_with("limit") {
                word(before)
            } else if !before.ends_with(['(', ',']) || list.is_empty() {
                // `coalesce((…), ?)`
                "record_id".to_string()
            } else {
                nth += 1;
                list[(nth - 1) % list.len()].clone()
            };
            let nth = nth.saturating_sub(1) / list.len().max(1);
            let value = sample(&column, nth).unwrap_or_else(|| panic!("no value for {column:?} in {text}"));
            out.push_str(&value);
        }
        out.push_str(part);
        if let Some((columns, _)) = part.rsplit_once(" in (") {
            let columns = columns.rsplit(['(', ' ']).next().map(str::to_string);
            let group =
                part.rsplit_once(") in (").map(|(group, _)| group.rsplit('(').next().unwrap_or_default());
            let names = group.map(str::to_string).or(columns).unwrap_or_default();
            (list, nth) = (names.split(',').map(|c| c.trim().to_string()).collect(), 0);
        }
    }
    out
}

/// What is read of the rows of `VALUES` and of tables made for the statement is no scan.
fn is_table(name: &str) -> bool {
    !name.starts_with('<')
}

#[tokio::test]
async fn every_statement_goes_by_an_index() {
    let (database, state) = fresh().await;
    fill(&state).await;
    let tables = "select cast(table_name as char) from information_schema.tables \
        where table_schema = database() and table_type = 'BASE TABLE'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&database.pool).await.unwrap();
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("analyze table {table}"))).fetch_all(&database.pool).await.unwrap();
    }
    let mut looked_at: BTreeMap<String, usize> = BTreeMap::new();
    let mut scans = Vec::new();
    // One that does scan, to see that it would be seen.
    let bad = ("bad".to_string(), "select record_id from current_state where version = 7".to_string());
    for (statement, text) in mysql::state::statements().into_iter().chain([bad]) {
        if text.starts_with("insert") {
            continue;
        }
        let explain = AssertSqlSafe(format!("explain format = traditional {}", with_values(&text)));
        let rows = sqlx::query(explain).fetch_all(&database.pool).await;
        let rows = rows.unwrap_or_else(|error| panic!("{statement}: {error}: {}", with_values(&text)));
        for row in rows {
            let table: Option<String> = row.get("table");
            let access: Option<String> = row.get("type");
            let examined: Option<i64> = row.try_get::<Option<u64>, _>("rows").unwrap().map(|n| n as i64);
            let (table, access) = (table.unwrap_or_default(), access.unwrap_or_default());
            println!("{statement}: {table} {access} {:?} {examined:?}", row.get::<Option<String>, _>("key"));
            *looked_at.entry(access.clone()).or_default() += 1;
            if is_table(&table) && matches!(access.as_str(), "ALL" | "index" | "index_merge") {
                scans.push(format!("{statement} reads all of {table}"));
            }
        }
    }
    println!("{looked_at:?}");
    assert!(looked_at.values().sum::<usize>() > 20, "the statements were looked at: {looked_at:?}");
    assert_eq!(scans, ["bad reads all of current_state"]);
}
