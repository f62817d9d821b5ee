//! How long people wait for a page, with many conflicts open.
//!
//! One site; conflicts are stored as merge stores them, by the hundred. Then each page is asked for again and again,
//! one request at a time, as a browser does it: from the request to the last byte, over the function's own
//! connections to MySQL. The floor is one read of one row over such a connection.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use clap::Args;
use http::Request;
use mysql::state::MysqlState;
use serde_json::{Map, Value as Json, json};
use shared::domain::absorb::absorb;
use shared::domain::id::{CanonicalId, RecordKey, RecordType, Revision, Side, SideId, Timestamp, derived_id};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::{Behind, Record, Span};
use shared::domain::surface::{Account, Field, TypeSurface};
use shared::domain::value::Kind;
use shared::runtime::clock::{Clock, SystemClock};
use shared::state::{
    Ambiguity, AmbiguityStatus, AuditRow, Commit, HistoryDecision, HistoryRow, LinkChange, State, Verdict,
};
use shared::travel;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Failure;
use crate::databases::Servers;
use crate::report::{goal, median, percentile};
use crate::stack::{Stack, config_with};

/// Commits of one call.
const COMMITS: u64 = 500;

/// Fields of the record that has more than any other.
const FIELDS: usize = 200;

/// Of one record in so many it is asked which of a side's records it is.
const QUESTIONS_EVERY: u64 = 100;

/// Longest that a page may take in the middle, in ms.
const GOAL_MS: f64 = 50.0;

#[derive(Args)]
pub(crate) struct Options {
    /// Open conflicts.
    #[arg(long, default_value_t = 100_000)]
    conflicts: u64,
    /// Requests for each page.
    #[arg(long, default_value_t = 200)]
    requests: usize,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let servers = Servers::of_environment()?;
    let stack = Stack::make(&servers, ("pages", 6), config_with(1, None, &wide())?).await?;
    let account = stack.config.accounts.values().next().ok_or("one account")?;
    let state = MysqlState::new(stack.databases.pool("state", 8)?, Arc::clone(&stack.config));

    let began = Instant::now();
    let customer = surface(account, "customer")?;
    let mut n = 1;
    while n <= options.conflicts {
        let last = (n + COMMITS - 1).min(options.conflicts);
        store(&state, (n..=last).map(|n| conflict(account, customer, n)).collect()).await?;
        n = last + 1;
    }
    let one = conflict(account, customer, 1)?;
    let many = conflict(account, surface(account, "wide")?, 0)?;
    let (one, wide) = (id_of(&one)?, id_of(&many)?);
    store(&state, vec![Ok(many)]).await?;
    println!(
        "pages: {} open conflicts, filled in {:.0} s; {} requests for each page, one after the other",
        options.conflicts,
        began.elapsed().as_secs_f64(),
        options.requests
    );

    let pool = stack.databases.pool("state", 1)?;
    let mut floor = Vec::new();
    for _ in 0..options.requests {
        let began = Instant::now();
        let _: Option<i64> = sqlx::query_scalar(
            "select 1 from current_state where account_id = ? and record_type = ? and record_id = ?",
        )
        .bind(account.id.as_str())
        .bind("customer")
        .bind("sx-2")
        .fetch_optional(&pool)
        .await?;
        floor.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    println!(
        "  {:<34} {:>7.2} ms in the middle, {:>7.2} ms at 99 %",
        "floor: one row",
        median(&floor),
        percentile(&floor, 99)
    );

    let id = &account.id;
    let pages = [
        ("inbox", "/review/".to_string()),
        ("inbox, conflicts", format!("/review/?account={id}&kind=conflicts")),
        (
            "inbox, conflicts on one field",
            format!("/review/?account={id}&kind=conflicts&field=customer.comments"),
        ),
        ("conflict", format!("/review/conflicts/{one}")),
        ("conflict with 200 fields", format!("/review/conflicts/{wide}")),
        ("conflict, what is new", format!("/review/conflicts/{one}/live?revision=1")),
        ("record", format!("/review/records/{id}/customer/sx-2")),
        ("records", format!("/review/records?account={id}")),
        ("errors", "/review/errors".to_string()),
        ("questions who is who", "/review/ambiguous".to_string()),
        ("inbox, questions", format!("/review/?account={id}&kind=ambiguous")),
        ("notices", "/review/notices?all=1".to_string()),
        ("accounts", "/review/accounts".to_string()),
        ("audit", format!("/review/audit?account={id}")),
    ];
    let mut slowest: f64 = 0.0;
    for (name, path) in &pages {
        let (times, bytes) = asked(&stack, path, options.requests).await?;
        slowest = slowest.max(median(&times));
        println!(
            "  {name:<34} {:>7.2} ms in the middle, {:>7.2} ms at 99 %, {:>6.1} KB packed",
            median(&times),
            percentile(&times, 99),
            bytes as f64 / 1_024.0
        );
    }
    goal(&format!("every page within {GOAL_MS} ms in the middle"), slowest <= GOAL_MS);
    Ok(())
}

/// How long each request took in ms, and how many bytes the last answer had.
async fn asked(stack: &Stack, path: &str, requests: usize) -> Result<(Vec<f64>, usize), Failure> {
    let (mut times, mut bytes) = (Vec::with_capacity(requests), 0);
    for _ in 0..requests {
        let request = Request::get(path).header("accept-encoding", "gzip").body(Body::empty())?;
        let began = Instant::now();
        let answer = stack.fleet.get("review").ask(request).await;
        let status = answer.status();
        bytes = to_bytes(answer.into_body(), usize::MAX).await?.len();
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        if !status.is_success() {
            return Err(format!("{path}: {status}").into());
        }
    }
    Ok((times, bytes))
}

/// A type with many fields on which only a person decides. Every other one is a number: of so many texts MySQL keeps too
/// much within the row.
fn wide() -> String {
    let kind = |n: usize| match n % 2 {
        0 => "type = \"text\", max = 70",
        _ => "type = \"decimal\", scale = 2",
    };
    let fields: String = (0..FIELDS)
        .map(|n| format!("field_{n:03} = {{ {}, policy = \"manual\", risk = \"low\" }}\n", kind(n)))
        .collect();
    format!(
        "[type.wide]\nnetsuite = \"customrecord_wide\"\nsuitex = \"wides\"\n\
        delete = {{ netsuite = \"ask\", suitex = \"propagate\" }}\n[type.wide.fields]\n{fields}"
    )
}

fn surface<'a>(account: &'a Account, kind: &str) -> Result<&'a TypeSurface, Failure> {
    Ok(account.types.get(&RecordType::parse(kind)?).ok_or("a type of the configuration")?)
}

fn id_of(commit: &Commit) -> Result<Uuid, Failure> {
    let conflict = commit.record.as_ref().and_then(|record| record.conflict.as_ref());
    Ok(conflict.ok_or("both sides have changed it")?.id)
}

/// A record whose fields both sides changed, each to something else.
fn conflict(account: &Account, surface: &TypeSurface, n: u64) -> Result<Commit, Failure> {
    let suitex = SideId::parse(&(n + 1).to_string())?;
    let netsuite = SideId::parse(&(10_000_000 + n).to_string())?;
    let id = CanonicalId::born(Side::SuiteX, &suitex);
    let mut record =
        Record::new(RecordKey::new(account.id.clone(), surface.record_type.clone(), id), surface);
    let now = SystemClock.now().0;
    // One after the other, over the last days: as many are past their time as not.
    let at = Timestamp(now - 172_800_000 + i64::try_from(n % 172_800).unwrap_or(0) * 1_000);
    for (side, id, revision) in [(Side::SuiteX, &suitex, 1), (Side::NetSuite, &netsuite, 1)] {
        tell(&mut record, surface, (side, id), revision, at, true, &values(surface, n, "as it was"))?;
    }
    for (side, id, word) in
        [(Side::SuiteX, &suitex, "as SuiteX says"), (Side::NetSuite, &netsuite, "as NetSuite says")]
    {
        tell(&mut record, surface, (side, id), 2, at, false, &changed(surface, n, word))?;
    }
    let decision = |field: &str| HistoryDecision {
        field: field.into(),
        rule: "conflict_opened".into(),
        base: json!("as it was"),
        ours: json!("as NetSuite says"),
        from: json!("as SuiteX says"),
        to: json!("as SuiteX says"),
    };
    let clashes = record.conflict.iter().flat_map(|conflict| &conflict.clashes);
    let row = HistoryRow {
        version: record.version,
        at,
        source: "netsuite-ue".into(),
        actor: Some("nina".into()),
        events: vec![derived_id("bench", &[&n.to_string()])],
        decisions: clashes.map(|clash| decision(&surface.fields[clash.field].name)).collect(),
    };
    // Of some of them it is asked, too, which of a side's records they are.
    let asked = n.is_multiple_of(QUESTIONS_EVERY).then(|| Ambiguity {
        revision: 1,
        status: AmbiguityStatus::Open,
        ..Ambiguity::new(record.key.clone(), Side::NetSuite, at)
    });
    Ok(Commit {
        audit: Side::BOTH.map(|side| written(&record, side, now)).into(),
        record: Some(record),
        links: vec![LinkChange::Set(Side::NetSuite, netsuite), LinkChange::Set(Side::SuiteX, suitex)],
        history: vec![row],
        ambiguities: asked.into_iter().collect(),
        ..Commit::new(account.id.clone())
    })
}

/// What the writer to a side notes of a write: from these the pages tell how long changes take.
fn written(record: &Record, side: Side, now: i64) -> AuditRow {
    let mut details = json!({ "operation": Uuid::nil(), "target": side, "details": null });
    travel::note(&mut details, Behind { changed: Timestamp(now - 2_500), decided: Timestamp(now - 1_000) });
    AuditRow {
        at: Timestamp(now),
        actor: travel::writer_to(side),
        action: "applied".into(),
        subject: record.key.to_string(),
        details,
    }
}

fn values(surface: &TypeSurface, n: u64, word: &str) -> Map<String, Json> {
    let mut values = changed(surface, n, word);
    if surface.field("company_name").is_some() {
        values.insert("company_name".into(), json!(format!("Company {n} of many, Limited")));
    }
    values
}

/// What the sides disagree on.
fn changed(surface: &TypeSurface, n: u64, word: &str) -> Map<String, Json> {
    if surface.field("comments").is_some() {
        return Map::from_iter([("comments".to_string(), json!(format!("Deliver {word}, {n} times.")))]);
    }
    let value = |field: &Field| match field.kind {
        Kind::Decimal { .. } => json!(format!("{}.50", word.len())),
        _ => json!(format!("{}, {word}", field.name)),
    };
    surface.fields.iter().map(|field| (field.name.to_string(), value(field))).collect()
}

fn tell(
    record: &mut Record,
    surface: &TypeSurface,
    (side, id): (Side, &SideId),
    revision: i64,
    at: Timestamp,
    full: bool,
    values: &Map<String, Json>,
) -> Result<(), Failure> {
    let value = |(name, json): (&String, &Json)| {
        let field = surface.field(name).ok_or_else(|| format!("no field {name}"))?;
        let value =
            surface.fields[field].kind.parse(Side::SuiteX, json).map_err(|wrong| wrong.to_string())?;
        Ok((field, value))
    };
    let news = News {
        side,
        id: id.clone(),
        fact: Fact::Holds { values: values.iter().map(value).collect::<Result<_, String>>()?, full },
        revision: Some(Revision(revision)),
        span: Span::at(at),
        standing: Standing::Heard,
        operation: None,
        cause: derived_id("bench", &[id.as_str(), &revision.to_string()]),
    };
    absorb(record, &news, surface);
    Ok(())
}

async fn store(state: &MysqlState, commits: Vec<Result<Commit, Failure>>) -> Result<(), Failure> {
    let commits = commits.into_iter().collect::<Result<Vec<_>, _>>()?;
    for verdict in state.commit(commits).await? {
        if !matches!(verdict, Verdict::Committed(_)) {
            return Err(format!("a conflict could not be stored: {verdict:?}").into());
        }
    }
    Ok(())
}
