//! Field values in canonical form, and the kinds that give them one.
//!
//! Equality of values is equality of canonical forms: 12.50 is 12.5, `"T"` is true, a set has no order. The
//! module knows nothing of records or policies.
//!
//! *Wire form* is JSON: text, select and reference are strings; integers are numbers; decimals are strings
//! of the field's scale (numbers are accepted); booleans are `true`/`false` (`"T"`, `"F"` are accepted);
//! dates are `YYYY-MM-DD`; datetimes RFC 3339 in UTC; multiselects sorted arrays; lines arrays of objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value as Json};

use super::id::{RecordType, Side, Timestamp};

/// A field's value, canonical.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// Nothing there. Empty text is this too.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A decimal at its field's scale.
    Decimal(Decimal),
    /// Text, the id of a select option, or the id of a referred record.
    Text(Arc<str>),
    /// A calendar day.
    Date(chrono::NaiveDate),
    /// A moment.
    DateTime(Timestamp),
    /// A set of select options.
    Set(Arc<BTreeSet<Arc<str>>>),
    /// Lines of a sublist.
    Lines(Arc<Lines>),
}

/// Line key → values in the order of the columns.
pub type Lines = BTreeMap<Arc<str>, Vec<Value>>;

/// What a field holds, and so its canonical form.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text; `max` in characters. Longer text is refused, never cut.
    Text {
        /// Longest value, in characters.
        max: Option<usize>,
    },
    /// Whole number.
    Integer,
    /// Fixed-point number.
    Decimal {
        /// Digits after the point.
        scale: u32,
    },
    /// Yes or no.
    Boolean,
    /// Calendar day.
    Date,
    /// Moment, to the millisecond.
    DateTime,
    /// One of the options, by id.
    Select {
        /// Known options; empty: any.
        options: BTreeSet<Arc<str>>,
    },
    /// Some of the options, by id.
    MultiSelect,
    /// Another synced record.
    Reference {
        /// Its type.
        to: RecordType,
    },
    /// A sublist.
    Lines(LineSpec),
}

/// How a sublist's lines are keyed and what they hold.
#[derive(Debug, Clone, PartialEq)]
pub struct LineSpec {
    /// SuiteX column of the line key. `None`: the list has no key and is one atomic value.
    pub key: Option<LineKey>,
    /// Columns.
    pub columns: Vec<Column>,
}

/// Where each side keeps a line's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineKey {
    /// SuiteX column; its value is the canonical key.
    pub suitex: String,
    /// NetSuite's own unique line key.
    pub netsuite: String,
    /// NetSuite column in which we keep the canonical key of lines born in SuiteX.
    pub netsuite_external: String,
}

/// One column of a sublist.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Canonical name.
    pub name: Arc<str>,
    /// NetSuite's name.
    pub netsuite: String,
    /// SuiteX's name.
    pub suitex: String,
    /// What it holds; never lines.
    pub kind: Kind,
}

impl Column {
    fn name_on(&self, side: Side) -> &str {
        match side {
            Side::NetSuite => &self.netsuite,
            Side::SuiteX => &self.suitex,
        }
    }
}

/// A value that its kind refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct BadValue {
    /// What the kind takes.
    pub expected: String,
    /// The start of what came.
    pub found: String,
}

fn bad<T>(expected: impl Into<String>, found: &Json) -> Result<T, BadValue> {
    let mut text = found.to_string();
    if text.chars().count() > 60 {
        text = text.chars().take(60).chain(['…']).collect();
    }
    Err(BadValue { expected: expected.into(), found: text })
}

impl Kind {
    /// Reads a value as `side` writes it.
    pub fn parse(&self, side: Side, json: &Json) -> Result<Value, BadValue> {
        if matches!(json, Json::Null) || matches!(json, Json::String(s) if s.is_empty()) {
            return Ok(Value::Null);
        }
        match self {
            Kind::Text { max } => parse_text(json, *max),
            Kind::Integer => parse_integer(json),
            Kind::Decimal { scale } => parse_decimal(json, *scale),
            Kind::Boolean => parse_boolean(json),
            Kind::Date => parse_date(json),
            Kind::DateTime => match json.as_str().and_then(Timestamp::parse) {
                Some(at) => Ok(Value::DateTime(at)),
                None => bad("an RFC 3339 time", json),
            },
            Kind::Select { options } => match parse_id(json) {
                Some(id) if options.is_empty() || options.contains(&id) => Ok(Value::Text(id)),
                Some(_) => bad(format!("one of {options:?}"), json),
                None => bad("an option's id", json),
            },
            Kind::MultiSelect => parse_set(json),
            Kind::Reference { to } => match parse_id(json) {
                Some(id) => Ok(Value::Text(id)),
                None => bad(format!("the id of a {to}"), json),
            },
            Kind::Lines(spec) => spec.parse(side, json),
        }
    }

    /// Writes a value as `side` reads it.
    pub fn render(&self, side: Side, value: &Value) -> Json {
        match (self, value) {
            (_, Value::Null) => Json::Null,
            (_, Value::Bool(b)) => Json::Bool(*b),
            (_, Value::Integer(n)) => Json::from(*n),
            (_, Value::Decimal(d)) => Json::String(d.to_string()),
            (_, Value::Text(t)) => Json::String(t.to_string()),
            (_, Value::Date(d)) => Json::String(d.format("%Y-%m-%d").to_string()),
            (_, Value::DateTime(t)) => Json::String(t.to_string()),
            (_, Value::Set(s)) => Json::Array(s.iter().map(|v| Json::String(v.to_string())).collect()),
            (Kind::Lines(spec), Value::Lines(lines)) => spec.render(side, lines),
            // A configuration that changes a field's kind can leave lines under a scalar: show them by key.
            (_, Value::Lines(lines)) => {
                Json::Array(lines.keys().map(|k| Json::String(k.to_string())).collect())
            }
        }
    }

    /// As in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Text { .. } => "text",
            Kind::Integer => "integer",
            Kind::Decimal { .. } => "decimal",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::DateTime => "datetime",
            Kind::Select { .. } => "select",
            Kind::MultiSelect => "multiselect",
            Kind::Reference { .. } => "reference",
            Kind::Lines(_) => "lines",
        }
    }

    /// Exchanges every reference in `value` for what `exchange` makes of it. The first reference that has no
    /// counterpart is the error.
    pub fn translate(
        &self,
        value: &Value,
        exchange: &mut dyn FnMut(&RecordType, &str) -> Option<Arc<str>>,
    ) -> Result<Value, Unresolved> {
        match (self, value) {
            (Kind::Reference { to }, Value::Text(id)) => match exchange(to, id) {
                Some(id) => Ok(Value::Text(id)),
                None => Err(Unresolved { record_type: to.clone(), id: id.clone() }),
            },
            (Kind::Lines(spec), Value::Lines(lines))
                if spec.columns.iter().any(|c| matches!(c.kind, Kind::Reference { .. })) =>
            {
                let mut out = Lines::new();
                for (key, row) in lines.iter() {
                    let row = spec
                        .columns
                        .iter()
                        .zip(row)
                        .map(|(column, value)| column.kind.translate(value, exchange))
                        .collect::<Result<_, _>>()?;
                    out.insert(key.clone(), row);
                }
                Ok(Value::Lines(Arc::new(out)))
            }
            _ => Ok(value.clone()),
        }
    }

    /// Whether values of this kind can refer to records.
    pub fn may_refer(&self) -> bool {
        match self {
            Kind::Reference { .. } => true,
            Kind::Lines(spec) => spec.columns.iter().any(|column| column.kind.may_refer()),
            _ => false,
        }
    }

    /// Calls `found` with every record that `value` refers to.
    pub fn references(&self, value: &Value, found: &mut dyn FnMut(&RecordType, &Arc<str>)) {
        match (self, value) {
            (Kind::Reference { to }, Value::Text(id)) => found(to, id),
            (Kind::Lines(spec), Value::Lines(lines)) => {
                for row in lines.values() {
                    for (column, value) in spec.columns.iter().zip(row) {
                        column.kind.references(value, found);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A reference to a record that has no counterpart yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Type of the referred record.
    pub record_type: RecordType,
    /// Its id, as the value has it.
    pub id: Arc<str>,
}

fn parse_text(json: &Json, max: Option<usize>) -> Result<Value, BadValue> {
    let text: Arc<str> = match json {
        Json::String(s) => Arc::from(s.as_str()),
        Json::Number(n) => Arc::from(n.to_string()),
        Json::Bool(b) => Arc::from(if *b { "T" } else { "F" }),
        _ => return bad("text", json),
    };
    match max {
        // MySQL would take it and NetSuite would not; nobody means it.
        _ if text.contains('\0') => bad("text without a NUL", json),
        Some(max) if text.chars().count() > max => bad(format!("text of at most {max} characters"), json),
        _ => Ok(Value::Text(text)),
    }
}

fn parse_integer(json: &Json) -> Result<Value, BadValue> {
    let number = match json {
        Json::Number(n) => n.as_i64().or_else(|| whole(&n.to_string())),
        Json::String(s) => whole(s.trim()),
        _ => None,
    };
    number.map_or_else(|| bad("a whole number between -2^63 and 2^63-1", json), |n| Ok(Value::Integer(n)))
}

/// `"12"`, `"12.0"` and `"1.2e1"` are whole; `"12.5"` is not.
fn whole(text: &str) -> Option<i64> {
    let decimal = decimal(text)?;
    decimal.fract().is_zero().then(|| decimal.to_i64()).flatten()
}

fn decimal(text: &str) -> Option<Decimal> {
    text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text)).ok()
}

fn parse_decimal(json: &Json, scale: u32) -> Result<Value, BadValue> {
    let parsed = match json {
        Json::Number(n) => decimal(&n.to_string()),
        Json::String(s) => decimal(s.trim()),
        _ => None,
    };
    let Some(parsed) = parsed else { return bad("a decimal number", json) };
    let mut value =
        parsed.round_dp_with_strategy(scale, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    value.rescale(scale);
    if value.scale() != scale {
        return bad(format!("a decimal number that fits {scale} digits after the point"), json);
    }
    // -0.00 and 0.00 are one number and must be one text.
    if value.is_zero() {
        value.set_sign_positive(true);
    }
    Ok(Value::Decimal(value))
}

fn parse_boolean(json: &Json) -> Result<Value, BadValue> {
    match json {
        Json::Bool(b) => Ok(Value::Bool(*b)),
        Json::String(s) if matches!(s.as_str(), "T" | "true") => Ok(Value::Bool(true)),
        Json::String(s) if matches!(s.as_str(), "F" | "false") => Ok(Value::Bool(false)),
        Json::Number(n) if n.as_i64() == Some(1) => Ok(Value::Bool(true)),
        Json::Number(n) if n.as_i64() == Some(0) => Ok(Value::Bool(false)),
        _ => bad("true or false", json),
    }
}

fn parse_date(json: &Json) -> Result<Value, BadValue> {
    let day = json.as_str().and_then(|s| chrono::NaiveDate::parse_from_str(s, "%Y-%m-%d").ok());
    day.map_or_else(|| bad("a day that exists, as YYYY-MM-DD", json), |d| Ok(Value::Date(d)))
}

/// An id: text, a whole number, or NetSuite's `{"id": …}`.
fn parse_id(json: &Json) -> Option<Arc<str>> {
    match json {
        Json::String(s) => Some(s.as_str().into()),
        Json::Number(n) if n.is_i64() || n.is_u64() => Some(n.to_string().into()),
        Json::Object(o) => o.get("id").filter(|id| !id.is_object()).and_then(parse_id),
        _ => None,
    }
}

fn parse_set(json: &Json) -> Result<Value, BadValue> {
    let Json::Array(items) = json else { return bad("an array of option ids", json) };
    let Some(set) = items.iter().map(parse_id).collect::<Option<BTreeSet<_>>>() else {
        return bad("an array of option ids", json);
    };
    Ok(if set.is_empty() { Value::Null } else { Value::Set(Arc::new(set)) })
}

impl LineSpec {
    fn parse(&self, side: Side, json: &Json) -> Result<Value, BadValue> {
        let Json::Array(items) = json else { return bad("an array of lines", json) };
        let mut lines = Lines::new();
        for (index, item) in items.iter().enumerate() {
            let Json::Object(object) = item else { return bad(format!("an object as line {index}"), item) };
            let key = self.key_of(side, index, object)?;
            let row = self
                .columns
                .iter()
                .map(|c| c.kind.parse(side, object.get(c.name_on(side)).unwrap_or(&Json::Null)))
                .collect::<Result<Vec<_>, _>>()?;
            if lines.insert(key.clone(), row).is_some() {
                return bad(format!("each line once, but line key {key} comes twice"), item);
            }
        }
        Ok(if lines.is_empty() { Value::Null } else { Value::Lines(Arc::new(lines)) })
    }

    fn key_of(&self, side: Side, index: usize, line: &Map<String, Json>) -> Result<Arc<str>, BadValue> {
        let Some(key) = &self.key else { return Ok(format!("{index:06}").into()) };
        let at = |name: &str| line.get(name).filter(|v| !v.is_null() && *v != "").and_then(parse_id);
        let (found, name) = match side {
            Side::SuiteX => (at(&key.suitex), &key.suitex),
            Side::NetSuite => (at(&key.netsuite_external).or_else(|| at(&key.netsuite)), &key.netsuite),
        };
        found.map_or_else(|| bad(format!("a line key in {name:?}"), &Json::Object(line.clone())), Ok)
    }

    fn render(&self, side: Side, lines: &Lines) -> Json {
        let render = |(key, row): (&Arc<str>, &Vec<Value>)| {
            let mut line = Map::new();
            match (side, &self.key) {
                (Side::SuiteX, Some(names)) => {
                    line.insert(names.suitex.clone(), Json::String(key.to_string()));
                }
                (Side::NetSuite, Some(names)) => {
                    // Both: a line born in NetSuite is found by its own key, one born in SuiteX by ours.
                    let own = key.bytes().all(|b| b.is_ascii_digit());
                    let name = if own { &names.netsuite } else { &names.netsuite_external };
                    line.insert(name.clone(), Json::String(key.to_string()));
                }
                (_, None) => {}
            }
            for (column, value) in self.columns.iter().zip(row) {
                line.insert(column.name_on(side).to_string(), column.kind.render(side, value));
            }
            Json::Object(line)
        };
        Json::Array(lines.iter().map(render).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(kind: &Kind, inputs: &[Json], canonical: Json) {
        let first = kind.parse(Side::NetSuite, &inputs[0]).unwrap();
        for input in inputs {
            let value = kind.parse(Side::NetSuite, input).unwrap();
            assert_eq!(value, first, "{input}");
            assert_eq!(kind.render(Side::SuiteX, &value), canonical, "{input}");
        }
    }

    #[test]
    fn one_value_has_one_form() {
        check(&Kind::Text { max: None }, &[json!(""), json!(null)], json!(null));
        check(
            &Kind::Decimal { scale: 2 },
            &[json!(12.5), json!("12.50"), json!("12.5"), json!("1.25e1")],
            json!("12.50"),
        );
        check(
            &Kind::Decimal { scale: 2 },
            &[json!("-0"), json!(0), json!("0.004"), json!("-0.001")],
            json!("0.00"),
        );
        check(&Kind::Integer, &[json!(7), json!("7"), json!("7.0"), json!(7.0)], json!(7));
        check(&Kind::Boolean, &[json!("T"), json!(true), json!("true"), json!(1)], json!(true));
        check(&Kind::Date, &[json!("2026-02-28")], json!("2026-02-28"));
        check(
            &Kind::DateTime,
            &[json!("2026-02-28T01:00:00Z"), json!("2026-02-28T02:00:00.000+01:00")],
            json!("2026-02-28T01:00:00.000Z"),
        );
        check(
            &Kind::Select { options: BTreeSet::new() },
            &[json!("3"), json!(3), json!({"id": "3", "refName": "x"})],
            json!("3"),
        );
        check(&Kind::MultiSelect, &[json!(["b", "a", "b"]), json!(["a", "b"])], json!(["a", "b"]));
        check(&Kind::MultiSelect, &[json!([]), json!(null)], json!(null));
    }

    #[test]
    fn what_a_kind_cannot_hold_is_refused_with_a_reason() {
        let select = Kind::Select { options: ["a".into()].into() };
        for (kind, input, expected) in [
            (&Kind::Date, json!("2026-02-30"), "a day that exists"),
            (&Kind::Date, json!(20260230), "a day that exists"),
            (&Kind::Integer, json!(1.5), "a whole number"),
            (&Kind::Integer, json!(1e30), "a whole number"),
            (&Kind::Decimal { scale: 2 }, json!("1e400"), "a decimal number"),
            (&Kind::Decimal { scale: 2 }, json!("79228162514264337593543950335"), "fits 2 digits"),
            (&Kind::Boolean, json!("maybe"), "true or false"),
            (&Kind::Text { max: Some(3) }, json!("abcd"), "at most 3 characters"),
            (&Kind::Text { max: None }, json!({"a": 1}), "text"),
            (&Kind::Text { max: None }, json!("a\0b"), "text without a NUL"),
            (&select, json!("b"), "one of"),
            (&Kind::MultiSelect, json!("a,b"), "an array"),
        ] {
            let error = kind.parse(Side::SuiteX, &input).unwrap_err();
            assert!(error.to_string().contains(expected), "{input}: {error}");
        }
    }

    fn lines() -> Kind {
        Kind::Lines(LineSpec {
            key: Some(LineKey {
                suitex: "line_key".into(),
                netsuite: "lineuniquekey".into(),
                netsuite_external: "custcol_sx_line".into(),
            }),
            columns: vec![Column {
                name: "item".into(),
                netsuite: "item".into(),
                suitex: "item_id".into(),
                kind: Kind::Reference { to: RecordType::parse("item").unwrap() },
            }],
        })
    }

    #[test]
    fn a_line_keeps_its_key_on_both_sides() {
        let born_here = json!([{"line_key": "sx-1", "item_id": "9"}]);
        let born_there = json!([{"lineuniquekey": 44, "item": 9}]);
        let kind = lines();
        let value = kind.parse(Side::SuiteX, &born_here).unwrap();
        assert_eq!(kind.render(Side::NetSuite, &value), json!([{"custcol_sx_line": "sx-1", "item": "9"}]));
        let returned = json!([{"custcol_sx_line": "sx-1", "lineuniquekey": "45", "item": "9"}]);
        assert_eq!(kind.parse(Side::NetSuite, &returned).unwrap(), value);
        let value = kind.parse(Side::NetSuite, &born_there).unwrap();
        assert_eq!(kind.render(Side::SuiteX, &value), json!([{"line_key": "44", "item_id": "9"}]));
    }

    #[test]
    fn two_lines_under_one_key_are_refused() {
        let twice = json!([{"line_key": "a"}, {"line_key": "a"}]);
        assert!(lines().parse(Side::SuiteX, &twice).unwrap_err().to_string().contains("comes twice"));
    }

    #[test]
    fn a_reference_without_counterpart_is_named() {
        let kind = lines();
        let value = kind.parse(Side::SuiteX, &json!([{"line_key": "a", "item_id": "9"}])).unwrap();
        let missing = kind.translate(&value, &mut |_, _| None).unwrap_err();
        assert_eq!((missing.record_type.as_str(), &*missing.id), ("item", "9"));
        let translated = kind.translate(&value, &mut |_, id| Some(format!("sx-{id}").into())).unwrap();
        assert_eq!(kind.render(Side::SuiteX, &translated), json!([{"line_key": "a", "item_id": "sx-9"}]));
    }
}
