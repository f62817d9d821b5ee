//! N/query: SuiteQL as scripts ask it, over the same tables as everybody else's.

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use suiteql::Refusal;

use super::price::CALL;
use super::run::Run;
use super::thrown::Thrown;

/// Rows of one answer at most.
const ROWS_MAX: usize = 5_000;

#[derive(Deserialize)]
pub(super) struct Query {
    query: String,
    params: Vec<Json>,
}

/// The rows of a query, as `asMappedResults` gives them.
pub(super) fn run(run: &Run, query: &Query) -> Result<Json, Thrown> {
    run.spend(CALL)?;
    let asked = bound(&query.query, &query.params)?;
    let answer = run.account.enter().query(&asked, ROWS_MAX, 0).map_err(thrown)?;
    let row = |cells: Vec<Option<String>>| {
        let cells = cells.into_iter().map(|cell| cell.map_or(Json::Null, Json::String));
        Json::Object(answer.columns.iter().cloned().zip(cells).collect::<Map<String, Json>>())
    };
    Ok(answer.rows.into_iter().map(row).collect())
}

fn thrown(refusal: Refusal) -> Thrown {
    Thrown::new("SSS_SEARCH_ERROR_OCCURRED", refusal.to_string())
}

/// The query with its parameters in the places of the question marks that stand outside of texts.
fn bound(query: &str, params: &[Json]) -> Result<String, Thrown> {
    let mut params = params.iter();
    let (mut asked, mut is_text) = (String::new(), false);
    for c in query.chars() {
        is_text ^= c == '\'';
        match (c, is_text) {
            ('?', false) => asked += &literal(params.next())?,
            _ => asked.push(c),
        }
    }
    match params.next() {
        None => Ok(asked),
        Some(left) => Err(Thrown::new("SSS_INVALID_SQL_PARAM", format!("No place for the parameter {left}"))),
    }
}

fn literal(param: Option<&Json>) -> Result<String, Thrown> {
    match param {
        Some(Json::String(text)) => Ok(format!("'{}'", text.replace('\'', "''"))),
        Some(Json::Number(number)) => Ok(number.to_string()),
        Some(Json::Bool(is)) => Ok(if *is { "'T'" } else { "'F'" }.into()),
        Some(other) => Err(Thrown::new("SSS_INVALID_SQL_PARAM", format!("{other} is no parameter"))),
        None => Err(Thrown::new("SSS_INVALID_SQL_PARAM", "A parameter is missing".to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_stand_where_the_question_marks_were() {
        let bound = |query, params: Json| bound(query, params.as_array().unwrap()).ok();
        assert_eq!(
            bound("SELECT '?' FROM t WHERE a = ? AND b = ?", json!(["O'Neill", 7])).unwrap(),
            "SELECT '?' FROM t WHERE a = 'O''Neill' AND b = 7"
        );
        assert_eq!((bound("a = ?", json!([])), bound("a", json!([1]))), (None, None));
    }
}
