//! N/query: the one question that the scripts put in SuiteQL. This is where a SuiteQL engine comes in; until then
//! every other question is refused.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::price::CALL;
use super::run::Run;
use super::thrown::Thrown;
use crate::netsuite::record::internal_id;

/// What `lib/deletions.js` asks.
const DELETIONS: &str = "SELECT type, scriptid, ROUND((SYSDATE - CAST(deleteddate AS DATE)) * 86400) AS age \
                         FROM deletedrecord WHERE recordid = ?";

#[derive(Deserialize)]
pub(super) struct Query {
    query: String,
    params: Vec<Json>,
}

/// The rows of a query, as `asMappedResults` gives them.
pub(super) fn run(run: &Run, query: &Query) -> Result<Json, Thrown> {
    run.spend(CALL)?;
    match (&*query.query, &query.params[..]) {
        (DELETIONS, [Json::String(id)]) => Ok(deletions(run, id)),
        _ => Err(Thrown::not_simulated(format!("this SuiteQL: {}", query.query))),
    }
}

fn deletions(run: &Run, id: &str) -> Json {
    let state = run.account.enter();
    let Some(id) = internal_id(id) else { return json!([]) };
    let found =
        |name: String, at: i64| json!({ "type": name, "scriptid": null, "age": run.now().seconds() - at });
    let rows = state.store.deletions_of(id).map(|(record_type, at)| found(label(record_type), at));
    rows.collect()
}

/// The type as people see it, which is how the table names it: `salesorder` is `Sales Order`.
fn label(record_type: &str) -> String {
    let words = record_type.replace("order", " Order").replace("item", " Item");
    let mut letters = words.trim().chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
