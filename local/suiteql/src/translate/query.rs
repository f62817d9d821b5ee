//! Whole queries: one `SELECT` or several under `UNION`, `INTERSECT` and `MINUS`, and their order.

use sqlparser::ast::{
    OrderByExpr, OrderByKind, OrderBySort, Query, SetExpr, SetOperator, SetQuantifier, Value as Literal,
};

use super::Translator;
use super::scope::{ORDER, Scope};
use super::term::Term;
use crate::catalog::Kind;
use crate::database::quoted;
use crate::refusal::Refusal;

/// One column of a query.
#[derive(Debug, Clone)]
pub(super) struct Output {
    /// Its name, in lower case.
    pub(super) name: String,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether it is never null.
    pub(super) is_full: bool,
}

/// A translated query. Its columns are called `c0`, `c1` and so on, whatever their names.
pub(super) struct Rows {
    /// The SQL of each column.
    pub(super) items: Vec<String>,
    /// `DISTINCT`, or nothing.
    pub(super) is_distinct: bool,
    /// From ` FROM` on.
    pub(super) tail: String,
    /// The columns.
    pub(super) columns: Vec<Output>,
    /// What it is sorted by.
    pub(super) order: Vec<String>,
    /// Whether no two rows are alike in what it is sorted by.
    pub(super) is_settled: bool,
}

impl Rows {
    fn head(&self) -> String {
        let items: Vec<String> =
            self.items.iter().enumerate().map(|(ix, item)| format!("{item} AS c{ix}")).collect();
        format!("SELECT {}{}", if self.is_distinct { "DISTINCT " } else { "" }, items.join(", "))
    }

    /// The rows, in no order.
    pub(super) fn plain(&self) -> String {
        format!("{}{}", self.head(), self.tail)
    }

    /// The rows in their order; the dice decide what the query leaves open.
    pub(super) fn ordered(&self) -> String {
        format!("{} ORDER BY {}", self.plain(), self.whole_order())
    }

    /// The order, with the dice for what it leaves open.
    fn whole_order(&self) -> String {
        let dice = (!self.is_settled).then_some("f_dice()");
        let keys: Vec<&str> = self.order.iter().map(String::as_str).chain(dice).collect();
        keys.join(", ")
    }

    /// The rows with their place in the order as one more column.
    pub(super) fn numbered(&self) -> String {
        let order = self.whole_order();
        format!("{}, ROW_NUMBER() OVER (ORDER BY {order}) AS {}{}", self.head(), quoted(ORDER), self.tail)
    }

    /// The same rows as something that others can be selected from.
    fn enclosed(self) -> Self {
        Self {
            items: (0..self.columns.len()).map(|ix| format!("c{ix}")).collect(),
            is_distinct: false,
            tail: format!(" FROM ({})", self.plain()),
            ..self
        }
    }
}

impl Translator<'_> {
    /// Translates a query that stands within `parent`.
    pub(super) fn query(&self, query: &Query, parent: Option<&Scope<'_>>) -> Result<Rows, Refusal> {
        let extras = [
            (query.with.is_some(), "WITH"),
            (query.limit_clause.is_some(), "LIMIT and OFFSET"),
            (query.fetch.is_some(), "FETCH"),
            (!query.locks.is_empty(), "FOR UPDATE"),
            (query.for_clause.is_some(), "FOR"),
            (query.settings.is_some(), "SETTINGS"),
            (query.format_clause.is_some(), "FORMAT"),
            (!query.pipe_operators.is_empty(), "|>"),
        ];
        refuse_first(&extras)?;
        let order = match &query.order_by {
            None => &[][..],
            Some(order) => match (&order.kind, &order.interpolate) {
                (OrderByKind::Expressions(keys), None) => keys,
                _ => return Err(Refusal::unsupported("ORDER BY ALL")),
            },
        };
        match &*query.body {
            SetExpr::Select(select) => self.select(select, order, parent),
            body => {
                let rows = self.body(body, parent)?;
                self.sort_outputs(rows, order)
            }
        }
    }

    fn body(&self, body: &SetExpr, parent: Option<&Scope<'_>>) -> Result<Rows, Refusal> {
        match body {
            SetExpr::Select(select) => self.select(select, &[], parent),
            SetExpr::Query(query) => self.query(query, parent),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let all = match set_quantifier {
                    SetQuantifier::None | SetQuantifier::Distinct => false,
                    SetQuantifier::All => true,
                    _ => return Err(Refusal::unsupported("BY NAME")),
                };
                let operator = match (op, all) {
                    (SetOperator::Union, false) => "UNION",
                    (SetOperator::Union, true) => "UNION ALL",
                    (SetOperator::Intersect, false) => "INTERSECT",
                    (SetOperator::Minus, false) => "EXCEPT",
                    _ => return Err(Refusal::unsupported(format!("{op} {set_quantifier}"))),
                };
                self.combine(self.body(left, parent)?, operator, self.body(right, parent)?)
            }
            _ => Err(Refusal::unsupported("only SELECT is allowed")),
        }
    }

    fn combine(&self, left: Rows, operator: &str, right: Rows) -> Result<Rows, Refusal> {
        if left.columns.len() != right.columns.len() {
            return Err(Refusal::oracle(1789, "query block has incorrect number of result columns"));
        }
        let mut columns = Vec::new();
        for (one, other) in left.columns.iter().zip(&right.columns) {
            let kind = match (one.kind, other.kind) {
                (Kind::Nothing, kind) | (kind, Kind::Nothing) => kind,
                (one, other) if one == other => one,
                _ => {
                    let words = "expression must have same datatype as corresponding expression";
                    return Err(Refusal::oracle(1790, words));
                }
            };
            columns.push(Output { name: one.name.clone(), kind, is_full: one.is_full && other.is_full });
        }
        // Each side is enclosed, so that operators bind as they are written.
        let (left, right) = (left.enclosed().plain(), right.enclosed().plain());
        let items = (0..columns.len()).map(|ix| format!("c{ix}")).collect();
        let tail = format!(" FROM ({left} {operator} {right})");
        Ok(Rows { items, is_distinct: false, tail, columns, order: Vec::new(), is_settled: false })
    }

    /// Sorts rows by their own columns: all that is left after `DISTINCT` and `UNION`.
    pub(super) fn sort_outputs(&self, rows: Rows, order: &[OrderByExpr]) -> Result<Rows, Refusal> {
        let mut rows = rows.enclosed();
        rows.order.clear();
        for key in order {
            let ix = output_of(key, &rows.columns)?
                .ok_or_else(|| Refusal::oracle(1791, "not a SELECTed expression"))?;
            let (kind, is_full) = (rows.columns[ix].kind, rows.columns[ix].is_full);
            rows.order.push(sorted(key, &Term { is_full, ..Term::new(format!("c{ix}"), kind) })?);
        }
        Ok(rows)
    }

    /// The rows of a subquery that gives one column.
    pub(super) fn one_column(&self, query: &Query, scope: &Scope<'_>) -> Result<(Rows, Kind), Refusal> {
        let rows = self.query(query, Some(scope))?;
        match &*rows.columns {
            [only] => {
                let kind = only.kind;
                Ok((rows, kind))
            }
            [] => Err(Refusal::oracle(936, "missing expression")),
            _ => Err(Refusal::oracle(913, "too many values")),
        }
    }
}

/// The column that a sort key names, by place or by name.
pub(super) fn output_of(key: &OrderByExpr, columns: &[Output]) -> Result<Option<usize>, Refusal> {
    use sqlparser::ast::Expr;
    match &key.expr {
        Expr::Value(value) => match &value.value {
            Literal::Number(place, _) => {
                let place: Option<usize> = place.parse().ok();
                let ix = place.and_then(|place| place.checked_sub(1)).filter(|ix| *ix < columns.len());
                let bad =
                    || Refusal::oracle(1785, "ORDER BY item must be the number of a SELECT-list expression");
                ix.map(Some).ok_or_else(bad)
            }
            _ => Ok(None),
        },
        Expr::Identifier(name) => {
            let wanted = name.value.to_lowercase();
            Ok(columns.iter().position(|column| column.name == wanted))
        }
        _ => Ok(None),
    }
}

/// A sort key in SQL. Oracle puts nulls last, going up, and first, going down.
pub(super) fn sorted(key: &OrderByExpr, term: &Term) -> Result<String, Refusal> {
    let falls = match &key.options.sort {
        None => false,
        Some(OrderBySort::Asc) => false,
        Some(OrderBySort::Desc) => true,
        Some(OrderBySort::Using(_)) => return Err(Refusal::unsupported("ORDER BY USING")),
    };
    if key.with_fill.is_some() {
        return Err(Refusal::unsupported("WITH FILL"));
    }
    let direction = if falls { "DESC" } else { "ASC" };
    // Where there are no nulls their place is left out: SQLite then sorts by an index.
    Ok(match term.is_full {
        true => format!("{} {direction}", term.sql),
        false => {
            let first = key.options.nulls_first.unwrap_or(falls);
            format!("{} {direction} NULLS {}", term.sql, if first { "FIRST" } else { "LAST" })
        }
    })
}

/// Refuses the first thing that is there.
pub(super) fn refuse_first(extras: &[(bool, &str)]) -> Result<(), Refusal> {
    match extras.iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => Err(Refusal::unsupported(format!("{what} is not supported"))),
        None => Ok(()),
    }
}
