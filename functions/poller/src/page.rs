//! The questions of a tick: what time it is for NetSuite, and the rows of a scan, a page at a time.

use serde_json::{Map, Value as Json};
use shared::netsuite::client::ROWS_MAX;
use shared::netsuite::code::{Class, Code};
use shared::writer::CallFault;

use crate::caller::{Caller, Stop};
use crate::cursor::{Cursor, Row, Scan};
use crate::wall::is_time;
use crate::{filed, query, told};

/// In spring NetSuite's clock leaves out an hour, and a time within may be one that its database cannot read. The
/// database's number stands in the message alone, under a code that says nothing.
const NO_SUCH_HOUR: &str = "ORA-01878";

/// No transition leaves out more hours than this.
const HOURS_MAX: usize = 3;

/// So many rows of one page that cannot be read are told one by one.
const ODD_MAX: usize = 20;

/// Rows of a page, by id.
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    /// Whether none are left.
    pub(crate) is_last: bool,
}

/// Ids of a page.
pub(crate) struct Ids {
    pub(crate) ids: Vec<u64>,
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

/// The next page of a scan of a table that has begun. Rows of one id come on one page.
pub(crate) async fn next(
    caller: &Caller<'_>,
    table: &str,
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
    let upto = cursor.under_way().map(|scan| scan.upto.clone()).unwrap_or_default();
    let mut rows =
        readable(caller, table, &rows, |row| Some(Row { id: id(row)?, at: at(row, &upto) })).await?;
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

/// The ids that a query of a table lists, on its first page.
pub(crate) async fn ids(caller: &Caller<'_>, table: &str, asked: &str) -> Result<Ids, Stop> {
    let rows = caller.query(asked).await?;
    Ok(Ids { is_last: rows.len() < ROWS_MAX, ids: readable(caller, table, &rows, id).await? })
}

/// The rows that can be read. One that cannot is told to a person, and holds no other up.
async fn readable<T>(
    caller: &Caller<'_>,
    table: &str,
    rows: &[Map<String, Json>],
    read: impl Fn(&Map<String, Json>) -> Option<T>,
) -> Result<Vec<T>, Stop> {
    let (mut good, mut odd) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match read(row) {
            Some(read) => good.push(read),
            None => odd.push(Json::Object(row.clone()).to_string()),
        }
    }
    if let (true, Some(row)) = (good.is_empty() && rows.len() >= ROWS_MAX, odd.first()) {
        // Nobody could say where the next page begins.
        return Err(Stop::Odd(format!("a whole page of {table} without an id: {row}")));
    }
    odd.dedup();
    let (account, now) = (caller.account, caller.app.ports.clock.now());
    let errors = odd.iter().take(ODD_MAX).map(|row| filed::odd_row(account, table, row, now)).collect();
    told::file(caller, errors).await?;
    Ok(good)
}

/// A row's id, which may be a number or a text.
fn id(row: &Map<String, Json>) -> Option<u64> {
    match row.get("id") {
        Some(Json::String(text)) => text.parse().ok(),
        other => other.and_then(Json::as_u64),
    }
}

/// A row's time; one that it does not tell is as late as it can be.
fn at(row: &Map<String, Json>, upto: &str) -> String {
    row.get("at").and_then(Json::as_str).filter(|at| is_time(at)).unwrap_or(upto).to_string()
}
