//! An entry as a row, and back.

use chrono::NaiveDateTime;
use shared::domain::event::{Operation, Source};
use shared::domain::id::{AccountId, RecordType, Timestamp};
use shared::ledger::{Entry, Stored};
use sqlx::mysql::MySqlRow;
use sqlx::{Error, Row as _};
use uuid::Uuid;

/// Largest body that is taken. A row must fit into one packet to the server, whose bound (64 MB unless it is
/// told otherwise) is answered with the end of the connection and not with an error about the row.
pub(super) const BODY_MAX_BYTES: usize = 16 * 1024 * 1024;

/// The years that a DATETIME can hold.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// What is said of a source or an operation that a later program has written.
const UNKNOWN: &str = "unknown";

/// An entry that MySQL can be asked to take.
pub(super) struct Row {
    pub(super) entry: Entry,
    pub(super) occurred_at: NaiveDateTime,
}

impl Row {
    /// The row of an entry, or why there can be none.
    pub(super) fn of(entry: Entry) -> Result<Self, String> {
        use chrono::Datelike;
        let bytes = entry.payload.len();
        if bytes > BODY_MAX_BYTES {
            return Err(format!("the event has {bytes} bytes; the ledger takes {BODY_MAX_BYTES}"));
        }
        match chrono::DateTime::from_timestamp_millis(entry.occurred_at.0).map(|time| time.naive_utc()) {
            Some(occurred_at) if YEARS.contains(&occurred_at.year()) => Ok(Self { entry, occurred_at }),
            _ => Err(format!("the event's time, {}, is not within the years 1 to 9999", entry.occurred_at)),
        }
    }

    /// What tells its event from another.
    pub(super) fn key(&self) -> (AccountId, Uuid) {
        (self.entry.account.clone(), self.entry.event_id)
    }
}

/// The entry of a row of `event_store`.
pub(super) fn stored(account: &AccountId, row: &MySqlRow) -> Result<Stored, Error> {
    let record_type: &str = row.try_get("aggregate_type")?;
    let occurred_at: NaiveDateTime = row.try_get("occurred_at")?;
    let body: Vec<u8> = row.try_get("body")?;
    let entry = Entry {
        account: account.clone(),
        event_id: row.try_get("event_id")?,
        record_type: RecordType::parse(record_type).map_err(|e| Error::Decode(e.into()))?,
        record_id: row.try_get("aggregate_id")?,
        source: source(row.try_get("source")?),
        operation: operation(row.try_get("operation")?),
        occurred_at: Timestamp(occurred_at.and_utc().timestamp_millis()),
        payload: body.into(),
    };
    Ok(Stored { seq: row.try_get("id")?, entry })
}

fn source(name: &str) -> &'static str {
    use Source::{NetsuitePoll, NetsuiteUe, Reconcile, Review, Suitex};
    let all = [NetsuiteUe, NetsuitePoll, Suitex, Reconcile, Review].map(Source::as_str);
    all.into_iter().find(|known| *known == name).unwrap_or(UNKNOWN)
}

fn operation(name: &str) -> &'static str {
    let all = [Operation::Create, Operation::Update, Operation::Delete].map(Operation::as_str);
    all.into_iter().find(|known| *known == name).unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn entry() -> Entry {
        Entry {
            account: AccountId::parse("acme").unwrap(),
            event_id: Uuid::from_u128(1),
            record_type: RecordType::parse("customer").unwrap(),
            record_id: "5".into(),
            source: "suitex",
            operation: "update",
            occurred_at: Timestamp(0),
            payload: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn what_no_row_can_hold_is_refused_before_it_is_sent() {
        assert!(Row::of(entry()).is_ok());
        for millis in [-62_135_596_800_001, 253_402_300_800_000, i64::MAX, i64::MIN] {
            let refused =
                Row::of(Entry { occurred_at: Timestamp(millis), ..entry() }).err().expect("a reason");
            assert!(refused.contains("years"), "{refused}");
        }
        let refused = Row::of(Entry { payload: vec![0; BODY_MAX_BYTES + 1].into(), ..entry() });
        assert!(refused.err().expect("a reason").contains("bytes"));
    }

    #[test]
    fn every_word_of_the_domain_is_known() {
        assert_eq!(source("netsuite-ue"), "netsuite-ue");
        assert_eq!(operation("delete"), "delete");
        assert_eq!((source("oracle"), operation("merge")), (UNKNOWN, UNKNOWN));
    }
}
