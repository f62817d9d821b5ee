//! A look into the real state and ledger, past the ports: plain reads, for a world of development size.

use async_trait::async_trait;
use local::inside::{Allowance, Inside, Standing};
use serde_json::Value as Json;
use shared::domain::governance::Governance;
use shared::domain::id::{AccountId, RecordType, Side, Timestamp};
use shared::fault::Unavailable;
use shared::state::{AuditRow, PendingRow, Place, Subject};
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, MySqlPool, Row};

use crate::databases;

const STANDING: &str = "select cast(coalesce(sum(alive), 0) as signed), \
    cast(coalesce(sum(conflict_id is not null), 0) as signed), \
    cast(coalesce(sum(netsuite_due_reason <=> 'waiting_for' or suitex_due_reason <=> 'waiting_for'), 0) as signed), \
    cast(coalesce(sum((netsuite_due_at is not null and netsuite_due_reason <> 'waiting_for') \
        or (suitex_due_at is not null and suitex_due_reason <> 'waiting_for')), 0) as signed) \
    from current_state where account_id = ? and alias_of is null";

const EVENTS: &str = "select event_id, record_type, subject, arrived_at, place, due_at, waits_for, place_id \
    from pending_event where account_id = ? and ";

const AUDIT: &str = "select at, actor, action, subject, details from event_audit_log \
    where account_id = ? and subject = ? order by id";

const ALLOWANCE: &str = "select permits, failures, not_before from governance where account_id = ?";

const LEDGER_LEN: &str = "select count(*) from event_store where account_id = ?";

/// What the world sees of its databases.
pub(crate) struct Databases {
    /// The state's.
    pub(crate) state: MySqlPool,
    /// The ledger's.
    pub(crate) ledger: MySqlPool,
    /// They are this world's as long as it is there.
    pub(crate) _turn: databases::Databases,
}

fn away(error: sqlx::Error) -> Unavailable {
    Unavailable::new("state", error.to_string())
}

fn unreadable(what: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(what.to_string().into())
}

#[async_trait]
impl Inside for Databases {
    async fn standing(&self, account: &AccountId) -> Result<Standing, Unavailable> {
        let query = sqlx::query_as::<_, (i64, i64, i64, i64)>(STANDING).bind(account.as_str());
        let (alive, conflicts, waiting, unfinished) = query.fetch_one(&self.state).await.map_err(away)?;
        let count = |n: i64| usize::try_from(n).unwrap_or(0);
        Ok(Standing {
            alive: count(alive),
            conflicts: count(conflicts),
            waiting: count(waiting),
            unfinished: count(unfinished),
        })
    }

    async fn undone(&self, account: &AccountId) -> Result<Vec<PendingRow>, Unavailable> {
        let sql = format!("{EVENTS} place in ('pending', 'waiting', 'error')");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(account.as_str()).fetch_all(&self.state).await;
        events(account, &rows.map_err(away)?)
    }

    async fn events(
        &self,
        account: &AccountId,
        record_type: &RecordType,
        subjects: &[Subject],
    ) -> Result<Vec<PendingRow>, Unavailable> {
        if subjects.is_empty() {
            return Ok(Vec::new());
        }
        let marks = vec!["?"; subjects.len()].join(", ");
        let sql = format!("{EVENTS} record_type = ? and subject in ({marks})");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(account.as_str()).bind(record_type.as_str());
        let query = subjects.iter().fold(query, |query, subject| {
            // The column leaves out the type, which has one of its own.
            let text = subject.to_text(record_type);
            query.bind(text.split_once(':').map_or(String::new(), |(_, subject)| subject.to_string()))
        });
        events(account, &query.fetch_all(&self.state).await.map_err(away)?)
    }

    async fn audit(&self, account: &AccountId, subject: &str) -> Result<Vec<AuditRow>, Unavailable> {
        let query = sqlx::query(AUDIT).bind(account.as_str()).bind(subject);
        let rows = query.fetch_all(&self.state).await.map_err(away)?;
        rows.iter().map(audit_row).collect::<Result<_, _>>().map_err(away)
    }

    async fn allowance(&self, account: &AccountId) -> Result<Allowance, Unavailable> {
        let query = sqlx::query_as::<_, (u32, u32, i64)>(ALLOWANCE).bind(account.as_str());
        Ok(match query.fetch_optional(&self.state).await.map_err(away)? {
            Some((limit, failures, not_before)) => {
                Allowance { limit, failures, not_before: Timestamp(not_before) }
            }
            None => {
                let Governance { bears, failures, not_before, .. } = Governance::default();
                Allowance { limit: bears.limit, failures, not_before }
            }
        })
    }

    async fn ledger_len(&self, account: &AccountId) -> Result<usize, Unavailable> {
        let query = sqlx::query_scalar::<_, i64>(LEDGER_LEN).bind(account.as_str());
        Ok(usize::try_from(query.fetch_one(&self.ledger).await.map_err(away)?).unwrap_or(0))
    }
}

fn audit_row(row: &MySqlRow) -> Result<AuditRow, sqlx::Error> {
    let details: &str = row.try_get("details")?;
    let details: Json = serde_json::from_str(details).map_err(unreadable)?;
    Ok(AuditRow {
        at: Timestamp(row.try_get("at")?),
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        details,
    })
}

fn events(account: &AccountId, rows: &[MySqlRow]) -> Result<Vec<PendingRow>, Unavailable> {
    rows.iter().map(|row| event(account, row)).collect::<Result<_, _>>().map_err(away)
}

fn event(account: &AccountId, row: &MySqlRow) -> Result<PendingRow, sqlx::Error> {
    let (kind, subject): (&str, &str) = (row.try_get("record_type")?, row.try_get("subject")?);
    let text = format!("{kind}:{subject}");
    let (record_type, subject) =
        Subject::parse(&text).ok_or_else(|| unreadable(format!("no subject: {text}")))?;
    Ok(PendingRow {
        account: account.clone(),
        record_type,
        subject,
        event_id: row.try_get("event_id")?,
        arrived_at: Timestamp(row.try_get("arrived_at")?),
        place: place(row)?,
    })
}

fn place(row: &MySqlRow) -> Result<Place, sqlx::Error> {
    let due_at = || row.try_get("due_at").map(Timestamp);
    Ok(match row.try_get::<&str, _>("place")? {
        "pending" => Place::Pending { due_at: due_at()? },
        "waiting" => {
            let on: &str = row.try_get("waits_for")?;
            let (record_type, side, id) =
                awaited(on).ok_or_else(|| unreadable(format!("it waits for {on}")))?;
            Place::Waiting { record_type, side, id, until: due_at()? }
        }
        "applied" => Place::Applied,
        "superseded" => Place::Superseded,
        "conflict" => Place::Conflict(row.try_get("place_id")?),
        "error" => Place::Error(row.try_get("place_id")?),
        other => return Err(unreadable(format!("no place: {other}"))),
    })
}

/// `type:side:id`; the id may be anything.
fn awaited(text: &str) -> Option<(RecordType, Side, String)> {
    let mut parts = text.splitn(3, ':');
    let record_type = RecordType::parse(parts.next()?).ok()?;
    let side = match parts.next()? {
        "netsuite" => Side::NetSuite,
        "suitex" => Side::SuiteX,
        _ => return None,
    };
    Some((record_type, side, parts.next()?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_waits_for_may_have_any_id() {
        let (kind, side, id) = awaited("item:suitex:a:b").unwrap();
        assert_eq!((kind.as_str(), side, id.as_str()), ("item", Side::SuiteX, "a:b"));
        assert!(awaited("item:nowhere:1").is_none() && awaited("item").is_none());
    }
}
