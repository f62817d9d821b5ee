//! The table `state_history`: what was decided about records, and why.

use serde::Deserialize;
use serde_json::Value as Json;
use shared::domain::id::{RecordKey, Timestamp, Version};
use shared::state::desk::HistoryLine;
use shared::state::{HistoryDecision, HistoryRow};
use sqlx::Row;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::codec::{from_json, json};
use super::sql::{Bound, pieces_within, statements, tuples, width};

const COLUMNS: &str = "account_id, record_type, record_id, row_revision, position, version, at, source, actor, \
    events, decisions";

statements! {
    INSERT = |n| format!("insert into state_history ({COLUMNS}) values {}", tuples(n, width(COLUMNS)));
    OF_RECORD = |_| "select version, at, source, actor, events, decisions from state_history \
        where account_id = ? and record_type = ? and record_id = coalesce((select alias_of from current_state \
        where account_id = ? and record_type = ? and record_id = ?), ?) order by row_revision, position".into();
    BACK = |_| "select row_revision, position, version, at, source, actor, events, decisions from state_history \
        where account_id = ? and record_type = ? and record_id = coalesce((select alias_of from current_state \
        where account_id = ? and record_type = ? and record_id = ?), ?) and row_revision <= ? \
        and (row_revision < ? or position < ?) order by row_revision desc, position desc limit ?".into();
}

/// Decisions to store, with the record's row that they made.
pub(super) struct Decided<'a> {
    key: &'a RecordKey,
    row_revision: u64,
    position: u32,
    row: &'a HistoryRow,
    /// The row's decisions as they are stored: the part that may be large.
    decisions: String,
}

impl<'a> Decided<'a> {
    /// The decisions of `row`, of several at its `position`, which made `row_revision` of the record.
    pub(super) fn new(key: &'a RecordKey, row_revision: u64, position: u32, row: &'a HistoryRow) -> Self {
        // `HistoryDecision` writes itself under the names that `DecisionDoc` reads.
        Self { key, row_revision, position, row, decisions: json(&row.decisions) }
    }
}

/// [`HistoryDecision`] as it is stored.
#[derive(Deserialize)]
struct DecisionDoc {
    field: String,
    rule: String,
    base: Json,
    ours: Json,
    from: Json,
    to: Json,
}

/// Adds decisions.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    rows: &[Decided<'_>],
) -> Result<(), sqlx::Error> {
    for piece in pieces_within(rows, |row| row.decisions.len()) {
        piece.iter().fold(INSERT.of(piece.len()), bind).execute(&mut *connection).await?;
    }
    Ok(())
}

/// A record's decisions, oldest first; for a former id, its record's.
pub(super) async fn of_record(
    connection: &mut MySqlConnection,
    key: &RecordKey,
) -> Result<Vec<HistoryRow>, sqlx::Error> {
    let (account, kind, id) = (key.account.as_str(), key.record_type.as_str(), key.id.as_str());
    let query = OF_RECORD.query().bind(account).bind(kind).bind(account).bind(kind).bind(id).bind(id);
    query.fetch_all(connection).await?.iter().map(row_of).collect()
}

/// At most `limit` of a record's decisions, the newest first, before that place; for a former id, its record's.
pub(super) async fn back(
    connection: &mut MySqlConnection,
    key: &RecordKey,
    before: Option<(u64, u32)>,
    limit: u64,
) -> Result<Vec<HistoryLine>, sqlx::Error> {
    let (account, kind, id) = (key.account.as_str(), key.record_type.as_str(), key.id.as_str());
    let query = BACK.query().bind(account).bind(kind).bind(account).bind(kind).bind(id).bind(id);
    let (row, position) = before.unwrap_or((u64::MAX, u32::MAX));
    let rows = query.bind(row).bind(row).bind(position).bind(limit).fetch_all(connection).await?;
    let line = |row: &MySqlRow| {
        let at = (row.try_get("row_revision")?, row.try_get("position")?);
        Ok(HistoryLine { at, row: row_of(row)? })
    };
    rows.iter().map(line).collect()
}

fn bind(query: Bound, decided: &Decided<'_>) -> Bound {
    let Decided { key, row, .. } = decided;
    let query = query.bind(key.account.as_str()).bind(key.record_type.as_str()).bind(key.id.as_str());
    let query = query.bind(decided.row_revision).bind(decided.position).bind(row.version.0).bind(row.at.0);
    let query = query.bind(row.source.as_str()).bind(row.actor.as_deref());
    query.bind(json(&row.events)).bind(decided.decisions.as_str())
}

fn row_of(row: &MySqlRow) -> Result<HistoryRow, sqlx::Error> {
    let decisions: Vec<DecisionDoc> = from_json("decisions", row.try_get("decisions")?)?;
    let decision = |DecisionDoc { field, rule, base, ours, from, to }| HistoryDecision {
        field,
        rule,
        base,
        ours,
        from,
        to,
    };
    Ok(HistoryRow {
        version: Version(row.try_get("version")?),
        at: Timestamp(row.try_get("at")?),
        source: row.try_get("source")?,
        actor: row.try_get("actor")?,
        events: from_json("events", row.try_get("events")?)?,
        decisions: decisions.into_iter().map(decision).collect(),
    })
}
