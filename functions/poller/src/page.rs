//! The questions of a tick: what time it is for NetSuite, and the rows of a scan, a page at a time.

use serde_json::{Map, Value as Json};
use shared::netsuite::client::ROWS_MAX;
use shared::netsuite::code::{Class, Code};
use shared::writer::CallFault;

use crate::caller::{Caller, Stop};
use crate::cursor::{Cursor, Row, Scan};
use crate::query;
use crate::wall::is_time;

/// In spring NetSuite's clock leaves out an hour, and a time within may be one that its database cannot read. The
/// database's number stands in the message alone, under a code that says nothing.
const NO_SUCH_HOUR: &str = "ORA-01878";

/// No transition leaves out more hours than this.
const HOURS_MAX: usize = 3;

/// Rows of a page, by id.
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    /// Whether none are left.
    pub(crate) is_last: bool,
}

/// What NetSuite's clock showed so many seconds ago, for each of these ages.
pub(crate) async fn times(caller: &Caller<'_>, ages_s: &[i64]) -> Result<Vec<String>, Stop> {
    let rows = caller.query(&query::times(ages_s)).await?;
    let time = |age: &i64| {
        let told = rows.first().and_then(|row| row.get(&format!("ago_{age}"))).and_then(Json::as_str);
        let told = told.unwrap_or_default();
        let odd = || Stop::Odd(format!("it was asked for the time and said {told:?}"));
        is_time(told).then(|| told.to_string()).ok_or_else(odd)
    };
    ages_s.iter().map(time).collect()
}

/// The next page of a scan that has begun. Rows of one id come on one page.
pub(crate) async fn next(
    caller: &Caller<'_>,
    cursor: &mut Cursor,
    question: impl Fn(&Scan) -> String,
) -> Result<Page, Stop> {
    let mut refused = 0;
    let rows = loop {
        let Some(asked) = cursor.under_way().map(&question) else {
            return Ok(Page { rows: Vec::new(), is_last: true });
        };
        match caller.query(&asked).await {
            Err(Stop::Fault(fault)) if fault.why.contains(NO_SUCH_HOUR) && refused < HOURS_MAX => {
                refused += 1;
                cursor.widen();
            }
            rows => break rows?,
        }
    };
    let is_last = rows.len() < ROWS_MAX;
    let mut rows = rows.iter().map(row).collect::<Result<Vec<Row>, Stop>>()?;
    let ends = rows.first().zip(rows.last()).map(|(first, last)| (first.id, last.id));
    if let (false, Some((first, last))) = (is_last, ends)
        && first < last
    {
        // More of this id may stand on the next page.
        rows.retain(|row| row.id < last);
    }
    Ok(Page { rows, is_last })
}

/// Whether NetSuite understood a question and refused it, so that another may be asked in its place.
pub(crate) fn is_refused(fault: &CallFault) -> bool {
    let class = fault.code.as_deref().and_then(Code::parse).map(Code::class);
    class == Some(Class::Shape) && !fault.why.contains(NO_SUCH_HOUR)
}

/// The ids that a query lists, on its first page.
pub(crate) async fn ids(caller: &Caller<'_>, asked: &str) -> Result<Vec<u64>, Stop> {
    let rows = caller.query(asked).await?;
    let odd = |row: &Map<String, Json>| Stop::Odd(format!("a row without id: {}", Json::Object(row.clone())));
    rows.iter().map(|row| id(row).ok_or_else(|| odd(row))).collect()
}

/// A row's id, which may be a number or a text.
fn id(row: &Map<String, Json>) -> Option<u64> {
    match row.get("id") {
        Some(Json::String(text)) => text.parse().ok(),
        other => other.and_then(Json::as_u64),
    }
}

/// What a row of a scan says.
fn row(row: &Map<String, Json>) -> Result<Row, Stop> {
    let said = id(row).zip(row.get("at").and_then(Json::as_str));
    let said = said.map(|(id, at)| Row { id, at: at.to_string() });
    said.ok_or_else(|| Stop::Odd(format!("a row without id or time: {}", Json::Object(row.clone()))))
}
