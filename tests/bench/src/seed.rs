//! Records that both sides hold alike, and the state that knows it.

use std::sync::Arc;

use mysql::state::MysqlState;
use serde_json::{Map, Value as Json, json};
use shared::domain::absorb::absorb;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Revision, Side, SideId, Timestamp};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::{Record, Span};
use shared::domain::surface::TypeSurface;
use shared::runtime::clock::{Clock, SystemClock};
use shared::state::{Commit, LinkChange, State, Verdict};
use sqlx::{AssertSqlSafe, MySqlPool, QueryBuilder};
use uuid::Uuid;

use crate::Failure;
use crate::stack::Stack;

/// Rows of one statement, and commits of one call.
const ROWS: usize = 500;

/// A record, by its ids.
#[derive(Debug, Clone)]
pub(crate) struct Seeded {
    pub(crate) account: AccountId,
    pub(crate) netsuite: String,
    pub(crate) suitex: u64,
}

/// The type that is measured.
pub(crate) fn customer() -> RecordType {
    RecordType::parse("customer").expect("a name")
}

/// What a record's phone is at first.
pub(crate) fn phone(suitex: u64) -> String {
    format!("+31 20 {suitex:07}")
}

/// What somebody makes of it.
pub(crate) fn new_phone(suitex: u64) -> String {
    format!("+49 30 {suitex:07}")
}

/// Fills each account of a site with records of these SuiteX ids. Those that `ahead` names have been edited in
/// SuiteX already: the edit is there, and nobody has told of it. Nobody notices edits before [`begin`].
pub(crate) async fn fill(
    stack: &Stack,
    ids: &[u64],
    ahead: impl Fn(u64) -> bool,
) -> Result<Vec<Seeded>, Failure> {
    let kind = customer();
    let mut seeded = Vec::new();
    let state = MysqlState::new(stack.databases.pool("state", 4)?, Arc::clone(&stack.config));
    for account in stack.config.accounts.values() {
        let surface = &account.types[&kind];
        let pool = stack.databases.pool(account.id.as_str(), 2)?;
        let rows: Vec<(u64, Map<String, Json>)> = ids.iter().map(|id| (*id, row(*id))).collect();
        for rows in rows.chunks(ROWS) {
            insert(&pool, rows, &ahead).await?;
            let mut commits = Vec::with_capacity(rows.len());
            for (id, row) in rows {
                let values = named(row, surface);
                let netsuite = stack.netsuite.ui_create(&account.id, &kind, &values, false, "ann");
                let netsuite = netsuite.map_err(|refusal| refusal.message)?;
                let snapshot =
                    stack.netsuite.snapshot(&account.id, &kind, &netsuite).ok_or("it was created")?;
                let revisions = (Revision(snapshot.last_modified_secs), Revision(i64::from(!ahead(*id))));
                let ids = (SideId::parse(&netsuite)?, SideId::parse(&id.to_string())?);
                commits.push(commit(&account.id, surface, row, ids, revisions)?);
                seeded.push(Seeded { account: account.id.clone(), netsuite, suitex: *id });
            }
            for verdict in state.commit(commits).await? {
                if !matches!(verdict, Verdict::Committed(_)) {
                    return Err("a record could not be stored".into());
                }
            }
        }
    }
    Ok(seeded)
}

/// Ends the filling: from now on edits are noticed.
pub(crate) async fn begin(stack: &mut Stack) -> Result<(), Failure> {
    stack.databases.watch(&stack.config).await?;
    // NetSuite's clock has whole seconds: what is edited from now on is newer.
    SystemClock.sleep_until(SystemClock.now().plus(1_100)).await;
    stack.start();
    Ok(())
}

/// A customer as SuiteX holds it, by column.
fn row(id: u64) -> Map<String, Json> {
    let row = json!({
        "company_name": format!("Company {id} of many, Limited"), "email": format!("post@company{id}.example"),
        "phone": phone(id), "comments": null, "credit_limit": "2500.00", "tags": null, "inactive": false,
        "parent_id": null, "street": format!("{id} Long Street"), "city": "Amsterdam", "region": null,
        "postal_code": "1012 AB", "country": "NL",
    });
    row.as_object().cloned().unwrap_or_default()
}

/// The same by NetSuite's names.
fn named(row: &Map<String, Json>, surface: &TypeSurface) -> Map<String, Json> {
    let of = |(column, value): (&String, &Json)| {
        let field = surface.fields.iter().find(|field| field.suitex == *column)?;
        (!value.is_null()).then(|| (field.netsuite.clone(), value.clone()))
    };
    row.iter().filter_map(of).collect()
}

/// What is known of a record that both sides hold alike.
pub(crate) fn commit(
    account: &AccountId,
    surface: &TypeSurface,
    row: &Map<String, Json>,
    (netsuite, suitex): (SideId, SideId),
    (modified, revision): (Revision, Revision),
) -> Result<Commit, Failure> {
    let key = RecordKey::new(account.clone(), customer(), CanonicalId::born(Side::SuiteX, &suitex));
    let mut record = Record::new(key, surface);
    for (side, id, revision) in [(Side::SuiteX, &suitex, revision), (Side::NetSuite, &netsuite, modified)] {
        let value = |field: &shared::domain::surface::Field| {
            let json = row.get(&field.suitex).unwrap_or(&Json::Null);
            field.kind.parse(Side::SuiteX, json).map_err(|wrong| format!("{}: {wrong}", field.suitex))
        };
        let values = surface.fields.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        let news = News {
            side,
            id: id.clone(),
            fact: Fact::Holds { values: values.into_iter().enumerate().collect(), full: true },
            revision: Some(revision),
            span: Span::at(Timestamp(SystemClock.now().0 - 60_000)),
            standing: Standing::Heard,
            operation: None,
            cause: Uuid::nil(),
        };
        absorb(&mut record, &news, surface);
    }
    let links = vec![LinkChange::Set(Side::NetSuite, netsuite), LinkChange::Set(Side::SuiteX, suitex)];
    Ok(Commit { record: Some(record), links, ..Commit::new(account.clone()) })
}

async fn insert(
    pool: &MySqlPool,
    rows: &[(u64, Map<String, Json>)],
    ahead: &impl Fn(u64) -> bool,
) -> Result<(), Failure> {
    let columns: Vec<&String> = rows[0].1.keys().collect();
    let names = columns.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let mut insert = QueryBuilder::new(format!("insert into customers (id, {names}) "));
    insert.push_values(rows, |mut values, (id, row)| {
        values.push_bind(*id);
        for column in &columns {
            match &row[*column] {
                Json::Bool(flag) => values.push_bind(*flag),
                Json::String(_) if *column == "phone" && ahead(*id) => values.push_bind(new_phone(*id)),
                Json::String(text) => values.push_bind(text.clone()),
                _ => values.push("null"),
            };
        }
    });
    insert.build().execute(pool).await?;
    Ok(())
}

/// How many records both sides hold with the new phone, of each account.
pub(crate) async fn changed(stack: &Stack) -> Result<u64, Failure> {
    let mut changed = 0;
    for account in stack.config.accounts.keys() {
        let pool = stack.databases.pool(account.as_str(), 1)?;
        let rows: Vec<(u64, String)> =
            sqlx::query_as(AssertSqlSafe("select id, phone from customers")).fetch_all(&pool).await?;
        let all = stack.netsuite.all(account, &customer());
        // Both were filled in the same order.
        let same = rows.iter().zip(&all).filter(|((id, phone), snapshot)| {
            snapshot.values["phone"] == phone.as_str() && *phone == new_phone(*id)
        });
        changed += same.count() as u64;
    }
    Ok(changed)
}
