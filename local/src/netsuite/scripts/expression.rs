//! Filter expressions of N/search over the fields of records, as far as the scripts ask: leaves, and lists of them with
//! one word between. They are understood whole before any record is looked at. Pure.

use serde_json::Value as Json;
use shared::domain::surface::FieldIx;
use shared::domain::value::{Kind, Value};

use super::thrown::Thrown;
use crate::netsuite::record::Record;
use crate::netsuite::schema::Schema;

/// What is asked of a record.
#[derive(Debug)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    /// It has none of these ids.
    NoneOf(Vec<String>),
    /// Its text is this, in any case.
    Is(FieldIx, Option<String>),
    /// It holds one of these.
    AnyOf(FieldIx, Vec<String>),
    /// Its number is this.
    EqualTo(FieldIx, Option<i64>),
}

impl Expression {
    /// Reads an expression about records of this type.
    pub(super) fn parse(schema: &Schema, parts: &[Json]) -> Result<Self, Thrown> {
        if let [Json::String(name), Json::String(operator), value] = parts
            && !is_word(name)
        {
            return leaf(schema, name, operator, value);
        }
        let (mut all, mut word) = (Vec::new(), None);
        for (at, part) in parts.iter().enumerate() {
            match part {
                Json::Array(part) if at % 2 == 0 => all.push(Self::parse(schema, part)?),
                Json::String(between) if at % 2 == 1 && is_word(between) => {
                    // Which of two words binds more is not documented: nobody may depend on it.
                    if word
                        .replace(between.to_ascii_lowercase())
                        .is_some_and(|w| !w.eq_ignore_ascii_case(between))
                    {
                        return Err(malformed("two words in one list"));
                    }
                }
                _ => return Err(malformed("a filter is an array, and a word stands between two")),
            }
        }
        Ok(if word.as_deref() == Some("or") { Self::Any(all) } else { Self::All(all) })
    }

    /// Whether a record is as it says.
    pub(super) fn holds(&self, record: &Record) -> bool {
        let held = |field: FieldIx| &record.body.values[field];
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(record)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(record)),
            Self::NoneOf(ids) => !ids.contains(&record.id.to_string()),
            Self::Is(field, wanted) => match held(*field) {
                Value::Text(text) => wanted.as_ref().is_some_and(|wanted| *wanted == text.to_lowercase()),
                _ => false,
            },
            Self::AnyOf(field, ids) => match held(*field) {
                Value::Text(id) => ids.iter().any(|wanted| **wanted == **id),
                _ => false,
            },
            Self::EqualTo(field, wanted) => match held(*field) {
                Value::Integer(n) => *wanted == Some(*n),
                _ => false,
            },
        }
    }
}

fn is_word(text: &str) -> bool {
    text.eq_ignore_ascii_case("and") || text.eq_ignore_ascii_case("or")
}

fn leaf(schema: &Schema, name: &str, operator: &str, value: &Json) -> Result<Expression, Thrown> {
    if (name, operator) == ("internalid", "noneof") {
        return Ok(Expression::NoneOf(list(value)));
    }
    let Some(ix) = schema.find(name) else {
        let message = format!("An nlobjSearchFilter contains invalid, or is not in proper syntax: {name}.");
        return Err(Thrown::new("SSS_INVALID_SRCH_FILTER", message));
    };
    Ok(match (operator, &schema.field(ix).kind) {
        // Text is searched in any case.
        ("is", Kind::Text { .. }) => Expression::Is(ix, value.as_str().map(str::to_lowercase)),
        ("anyof", Kind::Select { .. } | Kind::Reference { .. }) => Expression::AnyOf(ix, list(value)),
        ("equalto", Kind::Integer) => Expression::EqualTo(ix, value.as_i64()),
        _ => return Err(Thrown::not_simulated(format!("{operator} of {name} in a search"))),
    })
}

fn malformed(message: &str) -> Thrown {
    Thrown::new("SSS_INVALID_SRCH_FILTER_EXPR", format!("Malformed search filter expression: {message}."))
}

/// One value or several.
fn list(value: &Json) -> Vec<String> {
    match value {
        Json::Array(values) => values.iter().filter_map(Json::as_str).map(str::to_string).collect(),
        one => one.as_str().map(str::to_string).into_iter().collect(),
    }
}
