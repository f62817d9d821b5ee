//! Conditions: comparisons, `IN`, `BETWEEN`, `LIKE`, `EXISTS`, null.

use sqlparser::ast::{Expr, Query, Value as Literal};

use super::Translator;
use super::scope::Scope;
use super::term::Term;
use crate::catalog::Kind;
use crate::refusal::Refusal;

/// Most values in one `IN`.
const MOST_IN: usize = 1_000;

impl Translator<'_> {
    /// Translates a condition that is no comparison.
    pub(super) fn condition(&self, expression: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        match expression {
            Expr::IsNull(expr) => {
                let term = self.value(expr, scope)?;
                Ok(Term::of(format!("({} IS NULL)", term.sql), Kind::Truth, [&term]))
            }
            Expr::IsNotNull(expr) => {
                let term = self.value(expr, scope)?;
                Ok(Term::of(format!("({} IS NOT NULL)", term.sql), Kind::Truth, [&term]))
            }
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated, scope),
            Expr::InSubquery { expr, subquery, negated } => self.in_query(expr, subquery, *negated, scope),
            Expr::Between { expr, negated, low, high } => {
                let term = self.value(expr, scope)?;
                let low = self.compare(term.clone(), ">=", self.value(low, scope)?)?;
                let high = self.compare(term, "<=", self.value(high, scope)?)?;
                Ok(negate(
                    Term::of(format!("({} AND {})", low.sql, high.sql), Kind::Truth, [&low, &high]),
                    *negated,
                ))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let mut args = vec![self.value(expr, scope)?, self.value(pattern, scope)?];
                match escape_char.as_deref() {
                    None => {}
                    Some(escape) => match one_character(escape) {
                        true => args.push(self.value(escape, scope)?),
                        false => {
                            return Err(Refusal::oracle(
                                1425,
                                "escape character must be character string of length 1",
                            ));
                        }
                    },
                }
                Ok(negate(self.operator("#like", args)?, *negated))
            }
            Expr::Exists { subquery, negated } => {
                let rows = self.query(subquery, Some(scope))?;
                Ok(negate(Term::new(format!("EXISTS ({})", rows.plain()), Kind::Truth), *negated))
            }
            other => Err(Refusal::unsupported(format!("{other} is not supported"))),
        }
    }

    /// Compares two values. A number beside a text makes the text a number, as in Oracle.
    pub(super) fn compare(&self, left: Term, operator: &str, right: Term) -> Result<Term, Refusal> {
        let kind = match (left.kind, right.kind) {
            (Kind::Nothing, kind) | (kind, Kind::Nothing) => kind,
            (one, other) if one == other => one,
            (Kind::Date, _) | (_, Kind::Date) => Kind::Date,
            _ => Kind::Number,
        };
        let (left, right) = (self.convert(left, kind)?, self.convert(right, kind)?);
        Ok(Term::of(format!("({} {operator} {})", left.sql, right.sql), Kind::Truth, [&left, &right]))
    }

    fn in_list(
        &self,
        tested: &Expr,
        list: &[Expr],
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        if list.len() > MOST_IN {
            return Err(Refusal::oracle(1795, "maximum number of expressions in a list is 1000"));
        }
        if let Some(parts) = tuple(tested) {
            let rows = list.iter().map(|row| self.tuples_equal(parts, row, scope));
            return any_of(rows.collect::<Result<_, _>>()?).map(|term| negate(term, negated));
        }
        let tested = self.value(tested, scope)?;
        let list = list.iter().map(|one| self.value(one, scope)).collect::<Result<Vec<_>, _>>()?;
        let alike = list.iter().all(|one| one.kind == tested.kind || one.kind == Kind::Nothing);
        if !alike {
            let tests = list.into_iter().map(|one| self.compare(tested.clone(), "=", one));
            return any_of(tests.collect::<Result<_, _>>()?).map(|term| negate(term, negated));
        }
        let values: Vec<&str> = list.iter().map(|one| one.sql.as_str()).collect();
        let sql = format!("({} IN ({}))", tested.sql, values.join(", "));
        Ok(negate(Term::of(sql, Kind::Truth, [&tested].into_iter().chain(&list)), negated))
    }

    fn tuples_equal(&self, parts: &[Expr], row: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let row = tuple(row).filter(|row| row.len() == parts.len());
        let row = row.ok_or_else(|| Refusal::oracle(920, "invalid relational operator"))?;
        let mut terms = Vec::new();
        for (part, value) in parts.iter().zip(row) {
            terms.push(self.compare(self.value(part, scope)?, "=", self.value(value, scope)?)?);
        }
        joined(terms, "AND")
    }

    fn in_query(
        &self,
        tested: &Expr,
        query: &Query,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        if let Some(parts) = tuple(tested) {
            let parts = parts.iter().map(|part| self.value(part, scope)).collect::<Result<Vec<_>, _>>()?;
            let rows = self.query(query, Some(scope))?;
            let alike = rows.columns.len() == parts.len()
                && rows.columns.iter().zip(&parts).all(|(column, part)| column.kind == part.kind);
            if !alike {
                return Err(Refusal::oracle(913, "too many values"));
            }
            let sql: Vec<&str> = parts.iter().map(|part| part.sql.as_str()).collect();
            let sql = format!("(({}) IN ({}))", sql.join(", "), rows.plain());
            return Ok(negate(Term::of(sql, Kind::Truth, &parts), negated));
        }
        let tested = self.value(tested, scope)?;
        let (rows, kind) = self.one_column(query, scope)?;
        let found = Term::new("c0".into(), kind);
        let (tested, found) = match (tested.kind, kind) {
            (one, other) if one == other => (tested, found),
            (Kind::Date, _) | (_, Kind::Date) => {
                (self.convert(tested, Kind::Date)?, self.convert(found, Kind::Date)?)
            }
            _ => (self.convert(tested, Kind::Number)?, self.convert(found, Kind::Number)?),
        };
        let sql = format!("({} IN (SELECT {} FROM ({})))", tested.sql, found.sql, rows.plain());
        Ok(negate(Term::of(sql, Kind::Truth, [&tested]), negated))
    }
}

fn tuple(expression: &Expr) -> Option<&[Expr]> {
    match expression {
        Expr::Tuple(parts) => Some(parts),
        _ => None,
    }
}

fn negate(term: Term, negated: bool) -> Term {
    match negated {
        true => Term { sql: format!("(NOT {})", term.sql), ..term },
        false => term,
    }
}

fn any_of(terms: Vec<Term>) -> Result<Term, Refusal> {
    joined(terms, "OR")
}

fn joined(terms: Vec<Term>, word: &str) -> Result<Term, Refusal> {
    if terms.is_empty() {
        return Err(Refusal::oracle(936, "missing expression"));
    }
    let sql: Vec<&str> = terms.iter().map(|term| term.sql.as_str()).collect();
    Ok(Term::of(format!("({})", sql.join(&format!(" {word} "))), Kind::Truth, &terms))
}

fn one_character(escape: &Expr) -> bool {
    match escape {
        Expr::Value(value) => match &value.value {
            Literal::SingleQuotedString(text) => text.chars().count() == 1,
            _ => false,
        },
        _ => false,
    }
}
