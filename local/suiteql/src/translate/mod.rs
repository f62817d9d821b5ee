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

use std::cell::Cell;

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
/// Most operators in a query. Each can be a level of the tree that others walk by recursion.
const MOST_OPERATORS: usize = 2_000;
/// Deepest expression.
const DEEPEST: usize = 100;

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
    /// Whether the query speaks of `ROWNUM` anywhere.
    has_row_numbers: bool,
    /// How deep the expression at hand lies.
    depth: Cell<usize>,
}

/// Reads and translates a query.
pub(crate) fn translate(catalog: &Catalog, calendar: &Calendar, ask: &Ask<'_>) -> Result<Statement, Refusal> {
    let syntax = |reason: String| Refusal::Syntax { query: ask.text.to_string(), reason };
    if ask.text.len() > LONGEST || operators(ask.text) > MOST_OPERATORS {
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
    let has_row_numbers = ask.text.to_lowercase().contains("rownum");
    let depth = Cell::new(0);
    let translator = Translator { catalog, calendar, role: ask.role, now, has_row_numbers, depth };
    let rows = translator.query(&query, None)?;
    let mut columns: Vec<(String, Kind)> = Vec::new();
    for output in &rows.columns {
        columns.push((free_name(&output.name, &columns), output.kind));
    }
    Ok(Statement { plain: rows.plain(), ordered: rows.ordered(), columns })
}

/// How many operators a text can have at most, outside of its literals.
fn operators(text: &str) -> usize {
    let is_word = |word: &&str| ["and", "or", "not"].iter().any(|one| word.eq_ignore_ascii_case(one));
    let count = |part: &str| {
        let signs = part.bytes().filter(|byte| b"+-*/|".contains(byte)).count();
        signs + part.split(|c: char| !c.is_alphanumeric()).filter(is_word).count()
    };
    text.split('\'').step_by(2).map(count).sum()
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
