//! How long changes take from their source to the other side: noted with each write in the audit, read from there.
//!
//! Nothing is stored for it but two times in a row that is written anyway. What somebody else has committed to while it
//! was being written is noted with the record's next write. Pure.

use serde_json::{Map, Value as Json};

use crate::domain::id::{Side, Timestamp};
use crate::domain::record::Behind;
use crate::state::AuditRow;

/// A change that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Travel {
    /// From its source until it was taken in, ms: told, gathered with others, decided.
    pub decided_ms: i64,
    /// From its source until the other side had it, ms.
    pub arrived_ms: i64,
}

/// How long most changes took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Half of them took no longer, ms,
    pub p50_ms: i64,
    /// nor 95 of 100,
    pub p95_ms: i64,
    /// nor 99 of 100.
    pub p99_ms: i64,
}

/// Who writes to a side, in the audit.
pub fn writer_to(side: Side) -> String {
    format!("{side}-writer")
}

/// The path of what is written to a side, as metrics name it.
pub fn path_to(side: Side) -> &'static str {
    match side {
        Side::NetSuite => "suitex_to_netsuite",
        Side::SuiteX => "netsuite_to_suitex",
    }
}

/// Notes in the details of a write what has arrived with it.
pub fn note(details: &mut Json, arrived: Behind) {
    if let Some(details) = details.as_object_mut() {
        let times = [("changedAt", arrived.changed), ("decidedAt", arrived.decided)];
        details.extend(times.map(|(name, at)| (name.to_string(), Json::from(at.to_string()))));
    }
}

/// What has arrived with a write; `None`: nothing that was waiting, or it is unknown since when.
pub fn of(row: &AuditRow) -> Option<Travel> {
    let details = row.details.as_object()?;
    let time = |details: &Map<String, Json>, name: &str| Timestamp::parse(details.get(name)?.as_str()?);
    let (changed, decided) = (time(details, "changedAt")?, time(details, "decidedAt")?);
    let since = |at: Timestamp| (at.0 - changed.0).max(0);
    Some(Travel { decided_ms: since(decided), arrived_ms: since(row.at) })
}

/// How long most of them took; `None`: there is none.
pub fn spread(mut times_ms: Vec<i64>) -> Option<Spread> {
    times_ms.sort_unstable();
    let last = times_ms.len().checked_sub(1)?;
    // The nearest rank: a time that one of them really took.
    let at = |percent: usize| times_ms[(times_ms.len() * percent).div_ceil(100).saturating_sub(1).min(last)];
    Some(Spread { p50_ms: at(50), p95_ms: at(95), p99_ms: at(99) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(at: i64, details: Json) -> AuditRow {
        let (actor, action) = (writer_to(Side::NetSuite), "applied".to_string());
        AuditRow { at: Timestamp(at), actor, action, subject: "acme:item:1".into(), details }
    }

    #[test]
    fn what_is_noted_is_read_again() {
        let mut details = json!({ "operation": "x" });
        note(&mut details, Behind { changed: Timestamp(1_000), decided: Timestamp(2_100) });
        assert_eq!(of(&row(2_600, details.clone())), Some(Travel { decided_ms: 1_100, arrived_ms: 1_600 }));
        assert_eq!(details["operation"], "x", "beside what was there");
        // A source's clock may be ahead of ours.
        assert_eq!(of(&row(900, details)), Some(Travel { decided_ms: 1_100, arrived_ms: 0 }));
    }

    #[test]
    fn a_row_without_times_tells_nothing() {
        for details in [json!({}), json!(null), json!({ "changedAt": "yesterday", "decidedAt": "now" })] {
            assert_eq!(of(&row(1, details.clone())), None, "{details}");
        }
    }

    #[test]
    fn a_share_of_the_times_is_a_time_that_one_of_them_took() {
        let of = |times: Vec<i64>| spread(times).map(|s| (s.p50_ms, s.p95_ms, s.p99_ms));
        assert_eq!(of(vec![]), None);
        assert_eq!(of(vec![7]), Some((7, 7, 7)));
        assert_eq!(of(vec![30, 10]), Some((10, 30, 30)));
        assert_eq!(of((1..=100).rev().collect()), Some((50, 95, 99)));
        assert_eq!(of((1..=1_000).collect()), Some((500, 950, 990)));
    }
}
