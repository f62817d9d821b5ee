//! Expressions, one kind after the other: names, literals, arithmetic, `CASE`, subqueries.

use rusqlite::types::Value;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, Ident, Query,
    TrimWhereField, UnaryOperator, Value as Literal,
};

use super::scope::Scope;
use super::term::Term;
use super::{DEEPEST, Translator};
use crate::catalog::Kind;
use crate::number;
use crate::refusal::Refusal;

impl Translator<'_> {
    /// Translates an expression or a condition.
    pub(super) fn term(&self, expression: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        if self.depth.get() >= DEEPEST {
            return Err(Refusal::unsupported("the expression is too deep"));
        }
        self.depth.set(self.depth.get() + 1);
        let term = self.any(expression, scope).map(|term| scope.settle(term));
        self.depth.set(self.depth.get() - 1);
        term
    }

    /// Translates an expression.
    pub(super) fn value(&self, expression: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        self.term(expression, scope)?.value()
    }

    fn any(&self, expression: &Expr, scope: &Scope<'_>) -> Result<Term, Refusal> {
        match expression {
            Expr::Nested(inner) => self.term(inner, scope),
            Expr::Identifier(name) => self.name(name, scope),
            Expr::CompoundIdentifier(parts) => match &**parts {
                [qualifier, name] => scope.column(Some(qualifier), name),
                _ => Err(Refusal::unsupported("a name of more than two parts")),
            },
            Expr::Value(value) => literal(&value.value),
            Expr::TypedString(_) => {
                Err(Refusal::unsupported("date literals are not supported: use TO_DATE or TO_TIMESTAMP"))
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                let term = self.term(expr, scope)?.truth()?;
                Ok(Term::of(format!("(NOT {})", term.sql), Kind::Truth, [&term]))
            }
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                self.operator("#negate", vec![self.value(expr, scope)?])
            }
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => {
                self.convert(self.value(expr, scope)?, Kind::Number)
            }
            Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => {
                self.chain(expression, op, scope)
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, scope),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), scope)
            }
            Expr::Cast { kind: CastKind::Cast, expr, data_type, format: None } => {
                self.cast(self.value(expr, scope)?, data_type)
            }
            Expr::Extract { field, expr, .. } => {
                let date = self.convert(self.value(expr, scope)?, Kind::Date)?;
                self.operator("#part", vec![date, text(part_mask(field)?)])
            }
            Expr::Ceil { expr, field } => self.plain_rounding("ceil", expr, field, scope),
            Expr::Floor { expr, field } => self.plain_rounding("floor", expr, field, scope),
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut args = vec![self.value(expr, scope)?, self.value(from, scope)?];
                if let Some(length) = substring_for {
                    args.push(self.value(length, scope)?);
                }
                self.operator("substr", args)
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "#trim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let mut args = vec![self.value(expr, scope)?];
                if let Some(what) = trim_what {
                    args.push(self.value(what, scope)?);
                }
                self.operator(name, args)
            }
            Expr::Function(function) => self.function(function, scope),
            Expr::Subquery(query) => self.scalar(query, scope),
            Expr::Exists { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::Like { .. } => self.condition(expression, scope),
            other => Err(Refusal::unsupported(format!("{other} is not supported"))),
        }
    }

    fn name(&self, name: &Ident, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let found = scope.column(None, name);
        match (found, name.value.to_lowercase().as_str()) {
            (Ok(term), _) => Ok(term),
            (Err(_), "sysdate" | "systimestamp") => Ok(Term::constant(Value::Integer(self.now), Kind::Date)),
            (Err(_), "rownum") if scope.is_numbered() => Ok(scope.row_number()),
            (Err(_), "rownum") => Err(Refusal::unsupported("ROWNUM in this condition")),
            (Err(refusal), _) => Err(refusal),
        }
    }

    /// Conditions under one AND or OR. However many there are, the SQL does not become deep.
    fn chain(&self, whole: &Expr, operator: &BinaryOperator, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let mut parts = Vec::new();
        let mut rest = whole;
        while let Expr::BinaryOp { left, op, right } = rest
            && op == operator
        {
            parts.push(&**right);
            rest = left;
        }
        parts.push(rest);
        let terms = parts.into_iter().rev().map(|part| self.term(part, scope)?.truth());
        let terms = terms.collect::<Result<Vec<_>, _>>()?;
        Ok(Term::of(balanced(&terms, &operator.to_string()), Kind::Truth, &terms))
    }

    fn binary(
        &self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let sides = || Ok::<_, Refusal>((self.value(left, scope)?, self.value(right, scope)?));
        match operator {
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => {
                let (left, right) = sides()?;
                self.compare(left, &operator.to_string(), right)
            }
            BinaryOperator::StringConcat => {
                let (left, right) = sides()?;
                self.operator("#join", vec![left, right])
            }
            BinaryOperator::Plus => {
                let (left, right) = sides()?;
                match (left.kind, right.kind) {
                    (Kind::Date, Kind::Date) => Err(Refusal::oracle(975, "date + date not allowed")),
                    (Kind::Date, _) => self.operator("#later", vec![left, right]),
                    (_, Kind::Date) => self.operator("#later", vec![right, left]),
                    _ => self.operator("#add", vec![left, right]),
                }
            }
            BinaryOperator::Minus => {
                let (left, right) = sides()?;
                match (left.kind, right.kind) {
                    (Kind::Date, Kind::Date) => self.operator("#days", vec![left, right]),
                    (Kind::Date, _) => {
                        let back = self.operator("#negate", vec![right])?;
                        self.operator("#later", vec![left, back])
                    }
                    _ => self.operator("#subtract", vec![left, right]),
                }
            }
            BinaryOperator::Multiply => sides().and_then(|(l, r)| self.operator("#multiply", vec![l, r])),
            BinaryOperator::Divide => sides().and_then(|(l, r)| self.operator("#divide", vec![l, r])),
            other => Err(Refusal::unsupported(format!("the operator {other}"))),
        }
    }

    fn case(
        &self,
        operand: Option<&Expr>,
        branches: &[CaseWhen],
        otherwise: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        let operand = operand.map(|operand| self.value(operand, scope)).transpose()?;
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for branch in branches {
            conditions.push(match &operand {
                None => self.term(&branch.condition, scope)?.truth()?,
                Some(operand) => self.compare(operand.clone(), "=", self.value(&branch.condition, scope)?)?,
            });
            results.push(self.value(&branch.result, scope)?);
        }
        results.push(otherwise.map_or_else(|| Ok(Term::null()), |otherwise| self.value(otherwise, scope))?);
        let (kind, results) = self.agree(results, false)?;
        Ok(chosen(kind, &conditions, &results))
    }

    fn cast(&self, term: Term, to: &DataType) -> Result<Term, Refusal> {
        let name = to.to_string().to_lowercase();
        let bare = name.split('(').next().unwrap_or_default().trim();
        match bare {
            "varchar" | "varchar2" | "char" | "nvarchar" | "nvarchar2" => {
                let text = self.convert(term, Kind::Text)?;
                let length =
                    name.split(|c: char| !c.is_ascii_digit()).find_map(|part| part.parse::<i64>().ok());
                match length {
                    // The digit in the name of the type is not its length.
                    Some(length) if name.contains('(') && length > 2 => {
                        let (from, length) = (number(1), number(length));
                        self.operator("substr", vec![text, from, length])
                    }
                    _ => Ok(text),
                }
            }
            "number" | "numeric" | "decimal" | "float" => self.convert(term, Kind::Number),
            "integer" | "int" => self.operator("#round", vec![term]),
            "date" | "timestamp" => self.convert(term, Kind::Date),
            _ => Err(Refusal::unsupported(format!("CAST to {to}"))),
        }
    }

    fn plain_rounding(
        &self,
        name: &str,
        expression: &Expr,
        field: &CeilFloorKind,
        scope: &Scope<'_>,
    ) -> Result<Term, Refusal> {
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {
                self.operator(name, vec![self.value(expression, scope)?])
            }
            CeilFloorKind::DateTimeField(_) | CeilFloorKind::Scale(_) => {
                Err(Refusal::unsupported(format!("{name} TO")))
            }
        }
    }

    /// A subquery in the place of a value: none gives null, more than one is refused when it runs.
    fn scalar(&self, query: &Query, scope: &Scope<'_>) -> Result<Term, Refusal> {
        let (rows, kind) = self.one_column(query, scope)?;
        Ok(Term::new(format!("(SELECT f_single(c0) FROM ({}))", rows.plain()), kind))
    }
}

/// Conditions joined so that none lies deeper than it must.
fn balanced(terms: &[Term], word: &str) -> String {
    match terms {
        [only] => only.sql.clone(),
        terms => {
            let (left, right) = terms.split_at(terms.len() / 2);
            format!("({} {word} {})", balanced(left, word), balanced(right, word))
        }
    }
}

/// The first result whose condition holds; the last result has none.
pub(super) fn chosen(kind: Kind, conditions: &[Term], results: &[Term]) -> Term {
    let mut sql = String::from("CASE");
    for (condition, result) in conditions.iter().zip(results) {
        sql += &format!(" WHEN {} THEN {}", condition.sql, result.sql);
    }
    if let Some(last) = results.get(conditions.len()) {
        sql += &format!(" ELSE {}", last.sql);
    }
    Term::of(format!("({sql} END)"), kind, conditions.iter().chain(results))
}

/// A text that we put in ourselves.
pub(super) fn text(text: &str) -> Term {
    Term::constant(Value::Text(text.to_string()), Kind::Text)
}

/// A number that we put in ourselves.
pub(super) fn number(number: i64) -> Term {
    Term::constant(Value::Integer(number), Kind::Number)
}

fn literal(literal: &Literal) -> Result<Term, Refusal> {
    match literal {
        Literal::Number(digits, _) => {
            let value = number::parse(digits).map_err(Refusal::Database)?;
            Ok(Term { is_full: true, ..Term::constant(number::held(value), Kind::Number) })
        }
        Literal::SingleQuotedString(text) if text.is_empty() => Ok(Term::constant(Value::Null, Kind::Text)),
        Literal::SingleQuotedString(text) => Ok(self::text(text)),
        Literal::Null => Ok(Term::null()),
        Literal::Placeholder(_) => Err(Refusal::unsupported("parameters are not supported over REST")),
        other => Err(Refusal::unsupported(format!("the literal {other}"))),
    }
}

/// The mask that shows the part of a date that `EXTRACT` asks for.
fn part_mask(field: &DateTimeField) -> Result<&'static str, Refusal> {
    match field {
        DateTimeField::Year => Ok("YYYY"),
        DateTimeField::Month => Ok("MM"),
        DateTimeField::Day => Ok("DD"),
        DateTimeField::Hour => Ok("HH24"),
        DateTimeField::Minute => Ok("MI"),
        DateTimeField::Second => Ok("SS"),
        other => Err(Refusal::unsupported(format!("EXTRACT({other})"))),
    }
}
