//! Values, surfaces, records and news, said in few words.

use std::sync::Arc;

use shared::domain::absorb::absorb;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, Revision, Side, SideId, Timestamp};
use shared::domain::news::{Fact, News, Standing};
use shared::domain::record::{Record, Span};
use shared::domain::surface::{FieldIx, SyncConfig, TypeSurface};
use shared::domain::value::Value;
use uuid::Uuid;

/// The surface of type `thing`: what follows `[type.thing]`.
pub(crate) fn surface(text: &str) -> TypeSurface {
    let text = format!("[account.acme]\n[type.thing]\n{text}");
    let config = SyncConfig::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let (account, thing) = (AccountId::parse("acme").unwrap(), RecordType::parse("thing").unwrap());
    config.surface(&account, &thing).unwrap().as_ref().clone()
}

/// The surface of type `thing` with these fields alone.
pub(crate) fn fields(text: &str) -> TypeSurface {
    surface(&format!("[type.thing.fields]\n{text}"))
}

pub(crate) fn key() -> RecordKey {
    let (account, thing) = (AccountId::parse("acme").unwrap(), RecordType::parse("thing").unwrap());
    RecordKey::new(account, thing, CanonicalId::parse("1").unwrap())
}

pub(crate) fn side_id(side: Side) -> SideId {
    SideId::parse(match side {
        Side::NetSuite => "n1",
        Side::SuiteX => "x1",
    })
    .unwrap()
}

pub(crate) fn int(n: i64) -> Value {
    Value::Integer(n)
}

pub(crate) fn text(s: &str) -> Value {
    if s.is_empty() { Value::Null } else { Value::Text(s.into()) }
}

pub(crate) fn set(items: &[&str]) -> Value {
    if items.is_empty() {
        return Value::Null;
    }
    Value::Set(Arc::new(items.iter().map(|i| Arc::from(*i)).collect()))
}

/// Lines of integers: key and columns.
pub(crate) fn lines(rows: &[(&str, &[i64])]) -> Value {
    if rows.is_empty() {
        return Value::Null;
    }
    let row = |(key, cells): &(&str, &[i64])| (Arc::from(*key), cells.iter().map(|n| int(*n)).collect());
    Value::Lines(Arc::new(rows.iter().map(row).collect()))
}

/// A value, short enough for a table's row.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::Bool(b) => b.to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Text(t) => format!("{t:?}"),
        Value::Set(items) => format!("{{{}}}", items.iter().map(|i| &**i).collect::<Vec<_>>().join(" ")),
        Value::Lines(rows) => {
            let row = |(key, cells): (&Arc<str>, &Vec<Value>)| {
                format!("{key}:{}", cells.iter().map(show).collect::<Vec<_>>().join(","))
            };
            format!("[{}]", rows.iter().map(row).collect::<Vec<_>>().join(" "))
        }
        other => format!("{other:?}"),
    }
}

/// Values by canonical name.
pub(crate) fn named(surface: &TypeSurface, values: &[(&str, Value)]) -> Vec<(FieldIx, Value)> {
    let ix = |name: &str| surface.field(name).unwrap_or_else(|| panic!("no field {name}"));
    values.iter().map(|(name, value)| (ix(name), value.clone())).collect()
}

/// News that a delta brings.
pub(crate) fn delta(side: Side, revision: i64, values: Vec<(FieldIx, Value)>) -> News {
    News {
        side,
        id: side_id(side),
        fact: Fact::Holds { values, full: false },
        revision: Some(Revision(revision)),
        span: Span::at(Timestamp(revision * 1000)),
        standing: Standing::Heard,
        operation: None,
        cause: Uuid::from_u128(1000 + revision as u128),
    }
}

/// News that a poll brings.
pub(crate) fn full(side: Side, revision: i64, values: Vec<(FieldIx, Value)>) -> News {
    News { fact: Fact::Holds { values, full: true }, ..delta(side, revision, Vec::new()) }
}

/// News of a deletion.
pub(crate) fn deleted(side: Side, revision: i64) -> News {
    News { fact: Fact::Deleted, ..delta(side, revision, Vec::new()) }
}

/// A record that both sides hold with the same values, last seen at revision 10.
pub(crate) fn synced(surface: &TypeSurface, values: &[(&str, Value)]) -> Record {
    let mut record = Record::new(key(), surface);
    let mut all: Vec<(FieldIx, Value)> = (0..surface.fields.len()).map(|f| (f, Value::Null)).collect();
    for (field, value) in named(surface, values) {
        all[field].1 = value;
    }
    for side in Side::BOTH {
        absorb(&mut record, &full(side, 10, all.clone()), surface);
        record.row_revision += 1;
        // Set without regard to directions and policies.
        record.sides[side].shadow = all.iter().map(|(_, v)| v.clone()).collect();
    }
    record.canonical = record.sides.netsuite.shadow.clone();
    record
}
