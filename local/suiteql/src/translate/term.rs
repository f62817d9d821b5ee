//! An expression in SQLite's SQL, and what is known of it.

use rusqlite::types::Value;

use super::Translator;
use crate::catalog::Kind;
use crate::functions::{Function, find};
use crate::refusal::Refusal;

/// An expression.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// Its SQL, which can stand anywhere without parentheses.
    pub(super) sql: String,
    /// What it gives.
    pub(super) kind: Kind,
    /// Its value, where the text alone decides it.
    pub(super) constant: Option<Value>,
    /// Whether there is a function over many rows in it.
    pub(super) is_aggregate: bool,
    /// A column in it that stands outside of such functions.
    pub(super) loose: Option<String>,
    /// Whether it is never null.
    pub(super) is_full: bool,
}

impl Term {
    pub(super) fn new(sql: String, kind: Kind) -> Self {
        Self { sql, kind, constant: None, is_aggregate: false, loose: None, is_full: false }
    }

    pub(super) fn null() -> Self {
        Self::constant(Value::Null, Kind::Nothing)
    }

    pub(super) fn constant(value: Value, kind: Kind) -> Self {
        let sql = match &value {
            Value::Null => "NULL".to_string(),
            Value::Integer(whole) if *whole < 0 => format!("({whole})"),
            Value::Integer(whole) => whole.to_string(),
            Value::Real(double) => format!("({double:?})"),
            Value::Text(text) => literal(text),
            Value::Blob(_) => "NULL".to_string(),
        };
        Self { constant: Some(value), ..Self::new(sql, kind) }
    }

    /// A term made of others.
    pub(super) fn of<'t>(sql: String, kind: Kind, parts: impl IntoIterator<Item = &'t Term>) -> Self {
        let mut term = Self::new(sql, kind);
        for part in parts {
            term.is_aggregate |= part.is_aggregate;
            term.loose = term.loose.or_else(|| part.loose.clone());
        }
        term
    }

    /// A condition, or the refusal of what is none.
    pub(super) fn truth(self) -> Result<Self, Refusal> {
        match self.kind {
            Kind::Truth => Ok(self),
            Kind::Number | Kind::Text | Kind::Date | Kind::Nothing => {
                Err(Refusal::oracle(920, "invalid relational operator"))
            }
        }
    }

    /// A value, or the refusal of a condition.
    pub(super) fn value(self) -> Result<Self, Refusal> {
        match self.kind {
            Kind::Truth => Err(Refusal::unsupported("a condition cannot be selected")),
            Kind::Number | Kind::Text | Kind::Date | Kind::Nothing => Ok(self),
        }
    }
}

/// Text in SQLite's SQL, which cannot hold the character 0.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('\0', ""))
}

impl Translator<'_> {
    /// A call of a function with terms of the right kinds. One with constants only is made at once.
    pub(super) fn call(&self, function: &Function, args: Vec<Term>) -> Result<Term, Refusal> {
        let most = function.takes.len();
        if args.len() < function.least {
            return Err(Refusal::oracle(938, "not enough arguments for function"));
        }
        if args.len() > most {
            return Err(Refusal::oracle(939, "too many arguments for function"));
        }
        let args = args.into_iter().zip(function.takes);
        let args = args.map(|(arg, kind)| self.convert(arg, *kind)).collect::<Result<Vec<_>, _>>()?;
        let constants: Option<Vec<Value>> = args.iter().map(|arg| arg.constant.clone()).collect();
        if let (Some(constants), false) = (constants, function.gives == Kind::Truth) {
            let value = function.call(self.calendar, &constants).map_err(Refusal::Database)?;
            return Ok(Term::constant(value, function.gives));
        }
        let sql: Vec<&str> = args.iter().map(|arg| arg.sql.as_str()).collect();
        Ok(Term::of(format!("{}({})", function.internal(), sql.join(", ")), function.gives, &args))
    }

    /// A call of one of our own operators.
    pub(super) fn operator(&self, name: &str, args: Vec<Term>) -> Result<Term, Refusal> {
        let function = find(name).ok_or_else(|| Refusal::Unexpected(format!("no operator {name}")))?;
        self.call(function, args)
    }

    /// A term as one of another kind, converted where Oracle converts unasked. Text never becomes a date so:
    /// SuiteQL has no date literals.
    pub(super) fn convert(&self, term: Term, kind: Kind) -> Result<Term, Refusal> {
        match (term.kind, kind) {
            (from, to) if from == to => Ok(term),
            (Kind::Nothing, _) => Ok(Term { kind, ..term }),
            (Kind::Number, Kind::Text) => self.operator("#number_text", vec![term]),
            (Kind::Date, Kind::Text) => self.operator("#date_text", vec![term]),
            (Kind::Text, Kind::Number) => self.operator("to_number", vec![term]),
            (Kind::Text, Kind::Date) => {
                Err(Refusal::unsupported("date literals are not supported: use TO_DATE or TO_TIMESTAMP"))
            }
            (from, to) => Err(inconsistent(from, to)),
        }
    }

    /// Terms as terms of one kind. `lenient`: the first decides and the others are converted, as `NVL` and
    /// `DECODE` do; else they must agree, as for `CASE` and `UNION`.
    pub(super) fn agree(&self, terms: Vec<Term>, lenient: bool) -> Result<(Kind, Vec<Term>), Refusal> {
        let kinds: Vec<Kind> = terms.iter().map(|term| term.kind).filter(|k| *k != Kind::Nothing).collect();
        let kind = kinds.first().copied().unwrap_or(Kind::Nothing);
        if let (false, Some(other)) = (lenient, kinds.iter().find(|other| **other != kind)) {
            return Err(inconsistent(*other, kind));
        }
        let terms = terms.into_iter().map(|term| self.convert(term, kind)).collect::<Result<_, _>>()?;
        Ok((kind, terms))
    }
}

fn inconsistent(from: Kind, to: Kind) -> Refusal {
    let name = |kind| match kind {
        Kind::Number => "NUMBER",
        Kind::Text => "CHAR",
        Kind::Date => "DATE",
        Kind::Truth | Kind::Nothing => "-",
    };
    Refusal::oracle(932, &format!("inconsistent datatypes: expected {} got {}", name(to), name(from)))
}
