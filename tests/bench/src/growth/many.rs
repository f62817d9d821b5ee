//! Records by the million: copies of one that was made as all are, and a past for each, written by MySQL itself.

use shared::domain::id::AccountId;
use sqlx::mysql::MySqlConnection;
use sqlx::{Connection, Executor};

use crate::Failure;
use crate::databases::run;
use crate::seed::Seeded;
use crate::stack::Stack;

/// Rows of one statement.
const ROWS: u64 = 20_000;

/// Ids in NetSuite of records that are not there begin here.
const NETSUITE: u64 = 50_000_000;

/// An event as it may have been, of record `n`.
const EVENT: &str = "json_object('eventId', uuid(), 'accountId', '{account}', 'recordType', 'customer', 'recordId', \
    cast({id} as char), 'source', 'suitex', 'operation', 'update', 'timestamp', '2026-01-01T00:00:00Z', 'revision', 1, \
    'payload', json_object('changes', json_object('phone', '+49 30 1234567')), 'authContext', json_object('actor', 'sam'))";

/// Copies the first record until there are `all`, one for each id that is no multiple of `apart`; gives each an
/// event, and the first one as many as `past`.
pub(super) async fn fill(
    stack: &Stack,
    records: &[Seeded],
    all: u64,
    apart: u64,
    past: u64,
) -> Result<(), Failure> {
    let first = records.first().ok_or("a site has a record")?;
    let account = &first.account;
    let mut state = connection(stack, "state").await?;
    let mut events = connection(stack, "events").await?;
    let mut suitex = connection(stack, account.as_str()).await?;
    let mut from = 1;
    while from <= all {
        let numbers = numbers(from, (from + ROWS - 1).min(all));
        let others = format!("from ({numbers}) as numbers where n mod {apart} <> 0");
        copies(&mut state, first, &others).await?;
        customers(&mut suitex, first, &others).await?;
        from += ROWS;
    }
    // A past for all: an event of each.
    let count = all.max(records.iter().map(|record| record.suitex).max().unwrap_or(0));
    let mut from = 1;
    while from <= count {
        let of_all = format!("from ({}) as numbers", numbers(from, (from + ROWS - 1).min(count)));
        happened(&mut events, &mut state, account, ("n", "1"), &of_all).await?;
        from += ROWS;
    }
    let mut from = 2;
    while from <= past {
        let of_one = format!("from ({}) as numbers", numbers(from, (from + ROWS - 1).min(past)));
        happened(&mut events, &mut state, account, (&first.suitex.to_string(), "n"), &of_one).await?;
        from += ROWS;
    }
    // A bulk insert draws more places than it fills, and a gap has the second line look again for a minute.
    run(&mut events, "alter table event_store auto_increment = 1").await?;
    // The first record has been decided about as often.
    let aged = format!(
        "update current_state set row_revision = greatest(row_revision, {past}), version = greatest(version, {past}) where record_id = 'sx-{}'",
        first.suitex
    );
    run(&mut state, aged).await?;
    let last: Option<u64> =
        sqlx::query_scalar("select max(id) from event_store").fetch_one(&mut events).await?;
    let known = format!(
        "insert into sync_watermark (account_id, name, reached) values ('{account}', 'ledger', {})",
        last.unwrap_or(0)
    );
    run(&mut state, known).await?;
    for (connection, tables) in [
        (&mut state, "current_state, record_link, pending_event, state_history"),
        (&mut events, "event_store"),
        (&mut suitex, "customers"),
    ] {
        connection.fetch_all(sqlx::AssertSqlSafe(format!("analyze table {tables}"))).await?;
    }
    Ok(())
}

/// A connection that writes no binary log: what it writes is no part of what is measured.
async fn connection(stack: &Stack, name: &str) -> Result<MySqlConnection, Failure> {
    let mut connection = MySqlConnection::connect(&stack.databases.address(name)).await?;
    run(&mut connection, "set session sql_log_bin = 0, cte_max_recursion_depth = 4294967295").await?;
    Ok(connection)
}

fn numbers(from: u64, to: u64) -> String {
    format!(
        "with recursive number (n) as (select {from} union all select n + 1 from number where n < {to}) \
        select n from number"
    )
}

async fn copies(state: &mut MySqlConnection, first: &Seeded, others: &str) -> Result<(), Failure> {
    let Seeded { account, netsuite, suitex } = first;
    let columns: Vec<String> = sqlx::query_scalar(
        "select cast(column_name as char) from information_schema.columns where table_schema = database() \
        and table_name = 'current_state' order by ordinal_position",
    )
    .fetch_all(&mut *state)
    .await?;
    let value = |column: &String| match column.as_str() {
        "record_id" => "concat('sx-', n)".to_string(),
        "netsuite_id" => format!("cast({NETSUITE} + n as char)"),
        "suitex_id" => "cast(n as char)".to_string(),
        "netsuite_side" => {
            format!(
                "replace(netsuite_side, '\"id\":\"{netsuite}\"', concat('\"id\":\"', {NETSUITE} + n, '\"'))"
            )
        }
        "suitex_side" => format!("replace(suitex_side, '\"id\":\"{suitex}\"', concat('\"id\":\"', n, '\"'))"),
        other => other.to_string(),
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let (numbers, condition) = others.rsplit_once(" where ").ok_or("a condition")?;
    let rows = format!(
        "insert into current_state ({}) select {} {numbers}, current_state as first \
        where {condition} and first.account_id = '{account}' and first.record_type = 'customer' \
        and first.record_id = 'sx-{suitex}'",
        columns.join(", "),
        values.join(", ")
    );
    run(state, rows).await?;
    for (side, id) in
        [("netsuite", format!("cast({NETSUITE} + n as char)")), ("suitex", "cast(n as char)".into())]
    {
        let links = format!(
            "insert into record_link (account_id, record_type, side, side_id, record_id, retired) \
            select '{account}', 'customer', '{side}', {id}, concat('sx-', n), false {others}"
        );
        run(state, links).await?;
    }
    Ok(())
}

async fn customers(suitex: &mut MySqlConnection, first: &Seeded, others: &str) -> Result<(), Failure> {
    let (numbers, condition) = others.rsplit_once(" where ").ok_or("a condition")?;
    let columns = "company_name, email, phone, comments, credit_limit, tags, inactive, parent_id, street, city, \
        region, postal_code, country";
    let rows = format!(
        "insert into customers (id, {columns}) select n, {columns} {numbers}, customers as first \
        where {condition} and first.id = {}",
        first.suitex
    );
    run(suitex, rows).await
}

/// Events of records `id`, the `nth` of each: in the ledger, done on the pending list, and decided.
async fn happened(
    events: &mut MySqlConnection,
    state: &mut MySqlConnection,
    account: &AccountId,
    (id, nth): (&str, &str),
    numbers: &str,
) -> Result<(), Failure> {
    let event_id = format!("unhex(left(sha2(concat('{account}/', {id}, '/', {nth}), 256), 32))");
    let body = EVENT.replace("{account}", account.as_str()).replace("{id}", id);
    let ledger = format!(
        "insert into event_store (account_id, event_id, aggregate_type, aggregate_id, source, operation, \
        occurred_at, body, created_at) select '{account}', {event_id}, 'customer', cast({id} as char), 'suitex', \
        'update', now(6), cast({body} as char), now(6) - interval 1 day {numbers}"
    );
    run(events, ledger).await?;
    let pending = format!(
        "insert into pending_event (account_id, event_id, record_type, subject, arrived_at, place) \
        select '{account}', {event_id}, 'customer', concat('suitex:', {id}), 1, 'applied' {numbers}"
    );
    run(state, pending).await?;
    let history = format!(
        "insert into state_history (account_id, record_type, record_id, row_revision, position, version, at, source, \
        events, decisions) select '{account}', 'customer', concat('sx-', {id}), {nth}, 0, {nth}, 1, 'suitex', \
        json_array(bin_to_uuid({event_id})), \
        '[{{\"field\":\"phone\",\"rule\":\"clean\",\"base\":null,\"ours\":\"1\",\"from\":null,\"to\":\"1\"}}]' {numbers}"
    );
    run(state, history).await
}
