//! A value as it is stored: JSON that tells its own type.
//!
//! Text, integers, booleans and sets of ids are themselves. A decimal is `{"decimal":"12.50"}`, a day
//! `{"day":"2026-02-28"}`, a moment `{"ms":1772236800000}`; lines are `{"lines":{key:{column:value}}}`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use shared::domain::id::Timestamp;
use shared::domain::value::{Kind, Lines, Value};

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Stored<'a> {
    Null(()),
    Bool(bool),
    Integer(i64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Set(Vec<Cow<'a, str>>),
    Tagged(Tagged<'a>),
}

/// What JSON has no form of its own for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tagged<'a> {
    Decimal(Cow<'a, str>),
    Day(Cow<'a, str>),
    Ms(i64),
    /// Columns by name, so that the configuration may gain and lose some.
    #[serde(borrow)]
    Lines(BTreeMap<Cow<'a, str>, BTreeMap<Cow<'a, str>, Stored<'a>>>),
    /// Lines of which nobody knows the columns' names: their field is configured as something else now.
    Rows(BTreeMap<Cow<'a, str>, Vec<Stored<'a>>>),
}

impl<'a> Stored<'a> {
    /// A field's value, to be stored.
    pub(super) fn of(value: &'a Value, kind: &'a Kind) -> Self {
        match value {
            Value::Null => Stored::Null(()),
            Value::Bool(yes) => Stored::Bool(*yes),
            Value::Integer(number) => Stored::Integer(*number),
            Value::Text(text) => Stored::Text(Cow::Borrowed(text)),
            Value::Set(set) => Stored::Set(set.iter().map(|id| Cow::Borrowed(&**id)).collect()),
            Value::Decimal(number) => Stored::Tagged(Tagged::Decimal(number.to_string().into())),
            Value::Date(day) => Stored::Tagged(Tagged::Day(day.to_string().into())),
            Value::DateTime(at) => Stored::Tagged(Tagged::Ms(at.0)),
            Value::Lines(lines) => Stored::Tagged(of_lines(lines, kind)),
        }
    }

    /// The value, with a line's columns in the order that `kind` gives them.
    pub(super) fn into_value(self, kind: &Kind) -> Result<Value, String> {
        Ok(match self {
            Stored::Null(()) => Value::Null,
            Stored::Bool(yes) => Value::Bool(yes),
            Stored::Integer(number) => Value::Integer(number),
            Stored::Text(text) => Value::Text(text.into()),
            Stored::Set(set) => Value::Set(Arc::new(set.into_iter().map(Arc::from).collect::<BTreeSet<_>>())),
            Stored::Tagged(Tagged::Decimal(text)) => match text.parse() {
                Ok(number) => Value::Decimal(number),
                Err(_) => return Err(format!("{text:?} is no decimal number")),
            },
            Stored::Tagged(Tagged::Day(text)) => match text.parse::<NaiveDate>() {
                Ok(day) => Value::Date(day),
                Err(_) => return Err(format!("{text:?} is no day")),
            },
            Stored::Tagged(Tagged::Ms(at)) => Value::DateTime(Timestamp(at)),
            Stored::Tagged(Tagged::Lines(lines)) => {
                let lines = lines.into_iter().map(|(key, row)| Ok((key.into(), into_row(row, kind)?)));
                Value::Lines(Arc::new(lines.collect::<Result<Lines, String>>()?))
            }
            Stored::Tagged(Tagged::Rows(rows)) => {
                let rows = rows.into_iter().map(|(key, row)| {
                    let row =
                        row.into_iter().map(|value| value.into_value(kind)).collect::<Result<_, _>>()?;
                    Ok((key.into(), row))
                });
                Value::Lines(Arc::new(rows.collect::<Result<Lines, String>>()?))
            }
        })
    }
}

fn of_lines<'a>(lines: &'a Lines, kind: &'a Kind) -> Tagged<'a> {
    let named = match kind {
        Kind::Lines(spec) if lines.values().all(|row| row.len() == spec.columns.len()) => spec,
        _ => {
            let row = |row: &'a Vec<Value>| row.iter().map(|value| Stored::of(value, kind)).collect();
            return Tagged::Rows(
                lines.iter().map(|(key, values)| (Cow::Borrowed(&**key), row(values))).collect(),
            );
        }
    };
    let row = |row: &'a Vec<Value>| {
        let told = named.columns.iter().zip(row).filter(|(_, value)| **value != Value::Null);
        told.map(|(column, value)| (Cow::Borrowed(&*column.name), Stored::of(value, &column.kind))).collect()
    };
    Tagged::Lines(lines.iter().map(|(key, values)| (Cow::Borrowed(&**key), row(values))).collect())
}

fn into_row(mut row: BTreeMap<Cow<'_, str>, Stored<'_>>, kind: &Kind) -> Result<Vec<Value>, String> {
    match kind {
        Kind::Lines(spec) => spec
            .columns
            .iter()
            .map(|column| row.remove(&*column.name).map_or(Ok(Value::Null), |v| v.into_value(&column.kind)))
            .collect(),
        _ => row.into_values().map(|value| value.into_value(kind)).collect(),
    }
}
