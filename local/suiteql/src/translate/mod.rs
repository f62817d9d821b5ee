//! From SuiteQL to SQLite's SQL, with the kind of every expression known on the way.
//!
//! SQLite compares whatever it is given; Oracle converts first and refuses what it cannot. So every conversion
//! is written out here, and what is left to SQLite compares like with like. Nothing is passed on unread:
//! syntax that is not taken up below is refused.

mod call;
mod condition;
mod from;
mod operator;
mod query;
mod rownum;
mod scope;
mod select;
mod term;

use sqlparser::ast;
use sqlparser::dialect::OracleDialect;
use sqlparser::parser::Parser;

use crate::calendar::Calendar;
use crate::catalog::{Catalog, Kind};
use crate::database::Ask;
use crate::refusal::Refusal;
use crate::role::Role;

/// Longest query, in bytes.
const LONGEST: usize = 256 * 1024;

/// A query as SQLite runs it.
pub(crate) struct Statement {
    /// The rows, in no order.
    pub(crate) plain: String,
    /// The rows, in their order; where the query leaves the order open, the dice decide.
    pub(crate) ordered: String,
    /// Name and kind of each column. No two names are the same.
    pub(crate) columns: Vec<(String, Kind)>,
}

/// What a translation needs to know.
struct Translator<'a> {
    catalog: &'a Catalog,
    calendar: &'a Calendar,
    role: &'a Role,
    /// Now, as the engine holds it.
    now: i64,
}

/// Reads and translates a query.
pub(crate) fn translate(catalog: &Catalog, calendar: &Calendar, ask: &Ask<'_>) -> Result<Statement, Refusal> {
    let syntax = |reason: String| Refusal::Syntax { query: ask.text.to_string(), reason };
    if ask.text.len() > LONGEST {
        return Err(Refusal::unsupported("the query is too long"));
    }
    let parsed = Parser::parse_sql(&OracleDialect {}, ask.text);
    let mut statements = parsed.map_err(|error| syntax(error.to_string()))?;
    let query = match (statements.pop(), statements.is_empty()) {
        (Some(ast::Statement::Query(query)), true) => query,
        (None, _) => return Err(syntax("the query is empty".into())),
        (Some(_), true) => return Err(Refusal::unsupported("only SELECT is allowed")),
        (Some(_), false) => return Err(Refusal::unsupported("only one statement is allowed")),
    };
    let now = calendar.hold(ask.now);
    let translator = Translator { catalog, calendar, role: ask.role, now };
    let rows = translator.query(&query, None)?;
    let mut columns: Vec<(String, Kind)> = Vec::new();
    for output in &rows.columns {
        columns.push((free_name(&output.name, &columns), output.kind));
    }
    Ok(Statement { plain: rows.plain(), ordered: rows.ordered(), columns })
}

/// A name that no column has yet: the second `id` is `id_0`.
fn free_name(name: &str, taken: &[(String, Kind)]) -> String {
    let is_free = |name: &str| !taken.iter().any(|(other, _)| other == name);
    match is_free(name) {
        true => name.to_string(),
        false => {
            let numbered = (0..).map(|n| format!("{name}_{n}"));
            numbered.into_iter().find(|name| is_free(name)).unwrap_or_default()
        }
    }
}
