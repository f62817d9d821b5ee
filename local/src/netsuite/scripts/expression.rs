//! Filter expressions of N/search over the fields of records, as far as the scripts ask: leaves, and lists of them with
//! one word between. Pure.

use serde_json::Value as Json;
use shared::domain::value::{Kind, Value};

use super::thrown::Thrown;
use crate::netsuite::record::Record;
use crate::netsuite::schema::Schema;

/// Whether a record is as the expression says.
pub(super) fn holds(schema: &Schema, record: &Record, parts: &[Json]) -> Result<bool, Thrown> {
    if let [Json::String(name), Json::String(operator), value] = parts
        && !is_word(name)
    {
        return leaf(schema, record, name, operator, value);
    }
    let (mut all, mut any, mut word) = (true, false, None);
    for (at, part) in parts.iter().enumerate() {
        match part {
            Json::Array(part) if at % 2 == 0 => {
                let holds = holds(schema, record, part)?;
                (all, any) = (all && holds, any || holds);
            }
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
    Ok(if word.as_deref() == Some("or") { any } else { all })
}

fn is_word(text: &str) -> bool {
    text.eq_ignore_ascii_case("and") || text.eq_ignore_ascii_case("or")
}

fn leaf(schema: &Schema, record: &Record, name: &str, operator: &str, value: &Json) -> Result<bool, Thrown> {
    if (name, operator) == ("internalid", "noneof") {
        let id = record.id.to_string();
        return Ok(!list(value).contains(&id.as_str()));
    }
    let Some(ix) = schema.find(name) else {
        let message = format!("An nlobjSearchFilter contains invalid, or is not in proper syntax: {name}.");
        return Err(Thrown::new("SSS_INVALID_SRCH_FILTER", message));
    };
    let held = &record.body.values[ix];
    Ok(match (operator, &schema.field(ix).kind, held) {
        // Text is searched in any case.
        ("is", Kind::Text { .. }, Value::Text(text)) => {
            value.as_str().is_some_and(|wanted| wanted.to_lowercase() == text.to_lowercase())
        }
        ("anyof", Kind::Select { .. } | Kind::Reference { .. }, Value::Text(id)) => {
            list(value).contains(&&**id)
        }
        ("equalto", Kind::Integer, Value::Integer(n)) => value.as_i64() == Some(*n),
        ("is", Kind::Text { .. }, _)
        | ("anyof", Kind::Select { .. } | Kind::Reference { .. }, _)
        | ("equalto", Kind::Integer, _) => false,
        _ => return Err(Thrown::not_simulated(format!("{operator} of {name} in a search"))),
    })
}

fn malformed(message: &str) -> Thrown {
    Thrown::new("SSS_INVALID_SRCH_FILTER_EXPR", format!("Malformed search filter expression: {message}."))
}

/// One value or several.
fn list(value: &Json) -> Vec<&str> {
    match value {
        Json::Array(values) => values.iter().filter_map(Json::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}
