//! One stored record: its values in canonical form, and the keys of its lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};
use shared::domain::id::Side;
use shared::domain::surface::FieldIx;
use shared::domain::value::{Kind, LineSpec, Lines, Value};

use super::schema::Schema;

/// A record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Internal id.
    pub(super) id: u64,
    /// External id.
    pub(super) external_id: Option<Arc<str>>,
    /// Second of the last save.
    pub(super) last_modified: i64,
    /// How often it was saved: what tells two saves of one second apart.
    pub(super) saves: u64,
    /// The operation of the last write by our scripts, which they set in the same save.
    pub(super) mark: Option<Arc<str>>,
    /// What it holds.
    pub(super) body: Body,
}

/// What a record holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Body {
    /// Values, by position of their field.
    pub(super) values: Vec<Value>,
    /// NetSuite's own unique key of each line, by sublist and canonical line key. Where the two keys are the
    /// same text, the line was born in NetSuite and has no external key.
    pub(super) line_ids: BTreeMap<(FieldIx, Arc<str>), u64>,
}

impl Body {
    /// A body that holds nothing.
    pub(super) fn empty(schema: &Schema) -> Self {
        Self { values: vec![Value::Null; schema.fields().len()], line_ids: BTreeMap::new() }
    }

    /// Sets a sublist and the unique keys of its lines.
    pub(super) fn set_lines(&mut self, ix: FieldIx, value: Value, ids: BTreeMap<Arc<str>, u64>) {
        self.line_ids.retain(|(of, _), _| *of != ix);
        self.line_ids.extend(ids.into_iter().map(|(key, id)| ((ix, key), id)));
        self.values[ix] = value;
    }

    /// The unique keys of a sublist's lines, by canonical key.
    pub(super) fn lines_of(&self, ix: FieldIx) -> impl Iterator<Item = (&Arc<str>, u64)> {
        let all = (ix, Arc::from(""))..;
        self.line_ids.range(all).take_while(move |((of, _), _)| *of == ix).map(|((_, key), id)| (key, *id))
    }

    /// The fields in which it differs from `other`.
    pub(super) fn differences(&self, other: &Body) -> Vec<FieldIx> {
        (0..self.values.len()).filter(|&ix| self.values[ix] != other.values[ix]).collect()
    }

    /// A field's value as NetSuite writes it.
    pub(super) fn render(&self, schema: &Schema, ix: FieldIx) -> Json {
        match (&schema.field(ix).kind, &self.values[ix]) {
            (Kind::Lines(spec), Value::Lines(lines)) => self.render_lines(spec, ix, lines),
            (kind, value) => kind.render(Side::NetSuite, value),
        }
    }

    /// The values of the named fields. Names that the type does not have are left out, as a script that asks
    /// for them gets `undefined`.
    pub(super) fn render_named(&self, schema: &Schema, names: &[String]) -> Map<String, Json> {
        let known = names.iter().filter_map(|name| Some((name, schema.find(name)?)));
        known.map(|(name, ix)| (name.clone(), self.render(schema, ix))).collect()
    }

    /// The values of these fields, by NetSuite's names.
    pub(super) fn render_fields(
        &self,
        schema: &Schema,
        fields: impl IntoIterator<Item = FieldIx>,
    ) -> Map<String, Json> {
        fields.into_iter().map(|ix| (schema.field(ix).netsuite.clone(), self.render(schema, ix))).collect()
    }

    /// The positions of the fields that hold something.
    pub(super) fn filled(&self) -> impl Iterator<Item = FieldIx> {
        self.values.iter().enumerate().filter(|(_, value)| **value != Value::Null).map(|(ix, _)| ix)
    }

    fn render_lines(&self, spec: &LineSpec, ix: FieldIx, lines: &Lines) -> Json {
        let render = |(key, row): (&Arc<str>, &Vec<Value>)| {
            let mut line = Map::new();
            if let (Some(names), Some(id)) = (&spec.key, self.line_ids.get(&(ix, key.clone()))) {
                let id = id.to_string();
                if id != **key {
                    line.insert(names.netsuite_external.clone(), Json::from(&**key));
                }
                line.insert(names.netsuite.clone(), Json::String(id));
            }
            for (column, value) in spec.columns.iter().zip(row) {
                line.insert(column.netsuite.clone(), column.kind.render(Side::NetSuite, value));
            }
            Json::Object(line)
        };
        Json::Array(lines.iter().map(render).collect())
    }
}

/// A record as it is seen from outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// Internal id.
    pub id: String,
    /// External id.
    pub external_id: Option<String>,
    /// Second of the last save.
    pub last_modified_secs: i64,
    /// NetSuite field → value in wire form; every field of the type, null where there is nothing.
    pub values: Map<String, Json>,
}

impl Record {
    /// The record as it is seen from outside.
    pub(super) fn snapshot(&self, schema: &Schema) -> Snapshot {
        Snapshot {
            id: self.id.to_string(),
            external_id: self.external_id.as_deref().map(str::to_string),
            last_modified_secs: self.last_modified,
            values: self.body.render_fields(schema, 0..schema.fields().len()),
        }
    }
}

/// Reads an internal id. NetSuite writes them in one way only, so `007` is the id of nothing.
pub(super) fn internal_id(text: &str) -> Option<u64> {
    let plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// RFC 3339 in UTC, whole seconds: NetSuite's resolution.
pub(super) fn rfc3339(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
