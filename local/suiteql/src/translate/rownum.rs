//! `ROWNUM`: Oracle numbers rows as they pass the `WHERE`, before they are grouped or sorted. Rows of an
//! ordered subquery are numbered in that order, others as the dice fall.

use sqlparser::ast::{BinaryOperator, Expr, Select, Value as Literal};

use super::Translator;
use super::scope::{NUMBERED, ORDER, Scope};
use crate::database::quoted;
use crate::refusal::Refusal;

/// The parts of a `WHERE`, joined by AND, that are not about `ROWNUM`.
pub(super) fn row_conditions(selection: Option<&Expr>) -> Vec<&Expr> {
    conjuncts(selection).into_iter().filter(|part| limit_of(part).is_none()).collect()
}

impl Translator<'_> {
    /// The rows of `tail`, numbered, as something to select from.
    pub(super) fn numbered_rows(
        &self,
        select: &Select,
        scope: &Scope<'_>,
        tail: &str,
    ) -> Result<String, Refusal> {
        let mut most: Option<u64> = None;
        for part in conjuncts(select.selection.as_ref()) {
            if let Some(limit) = limit_of(part) {
                let limit = limit?;
                most = match (most, limit) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
            }
        }
        let order = match &*scope.sources {
            [only] if only.is_ordered => format!("{}.{}", quoted(&only.alias), quoted(ORDER)),
            _ => "f_dice()".to_string(),
        };
        let mut columns: Vec<String> =
            scope.passed().iter().map(|sql| format!("{sql} AS {}", quoted(sql))).collect();
        columns.push(format!("ROW_NUMBER() OVER (ORDER BY {order}) AS {}", quoted("rownum")));
        let limit = most.map(|most| format!(" LIMIT {most}")).unwrap_or_default();
        let columns = columns.join(", ");
        Ok(format!(
            " FROM (SELECT {columns}{tail} ORDER BY {}{limit}) AS {}",
            quoted("rownum"),
            quoted(NUMBERED)
        ))
    }
}

fn conjuncts(selection: Option<&Expr>) -> Vec<&Expr> {
    let mut parts = Vec::new();
    let mut open: Vec<&Expr> = selection.into_iter().collect();
    while let Some(part) = open.pop() {
        match part {
            Expr::Nested(inner) => open.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => open.extend([&**right, &**left]),
            part => parts.push(part),
        }
    }
    parts
}

fn is_row_number(expression: &Expr) -> bool {
    matches!(expression, Expr::Identifier(name) if name.value.eq_ignore_ascii_case("rownum"))
}

/// How many rows a condition on `ROWNUM` lets through: the longest run from 1 on for which it holds, since a
/// row that fails leaves its number to the next. The inner `None`: all.
fn limit_of(condition: &Expr) -> Option<Result<Option<u64>, Refusal>> {
    let (operator, number) = match condition {
        Expr::BinaryOp { left, op, right } if is_row_number(left) => (op.clone(), right),
        Expr::BinaryOp { left, op, right } if is_row_number(right) => (turned(op), left),
        Expr::Between { expr, negated: false, low, high } if is_row_number(expr) => {
            return Some(whole(low).and_then(|low| Ok(Some(if low > 1 { 0 } else { whole(high)? }))));
        }
        _ => return None,
    };
    Some(whole(number).and_then(|number| {
        Ok(match operator {
            BinaryOperator::LtEq => Some(number),
            BinaryOperator::Lt => Some(number.saturating_sub(1)),
            BinaryOperator::Eq => Some(u64::from(number == 1)),
            BinaryOperator::NotEq => (number > 0).then(|| number - 1),
            BinaryOperator::Gt => (number > 0).then_some(0),
            BinaryOperator::GtEq => (number > 1).then_some(0),
            _ => return Err(Refusal::unsupported("ROWNUM in this condition")),
        })
    }))
}

fn turned(operator: &BinaryOperator) -> BinaryOperator {
    match operator {
        BinaryOperator::Lt => BinaryOperator::Gt,
        BinaryOperator::LtEq => BinaryOperator::GtEq,
        BinaryOperator::Gt => BinaryOperator::Lt,
        BinaryOperator::GtEq => BinaryOperator::LtEq,
        other => other.clone(),
    }
}

fn whole(expression: &Expr) -> Result<u64, Refusal> {
    let number = match expression {
        Expr::Value(value) => match &value.value {
            Literal::Number(number, _) => number.parse().ok(),
            _ => None,
        },
        _ => None,
    };
    number.ok_or_else(|| Refusal::unsupported("ROWNUM beside anything but a whole number"))
}
