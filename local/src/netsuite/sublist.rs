//! Lines written to a sublist, and the key under which each is stored.
//!
//! Every line has a unique key that NetSuite allots, and may have an external one that we put into a custom
//! column. The array that is written replaces the sublist; a line in it that carries a known key *is* that
//! line and keeps its keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use shared::domain::id::Side;
use shared::domain::surface::FieldIx;
use shared::domain::value::{Column, Kind, LineKey, LineSpec, Lines, Value};

use super::record::{Body, internal_id};
use super::refusal::{Reason, Refused};
use super::schema;

/// A sublist as it is written.
pub(super) struct Written {
    /// The lines.
    pub(super) value: Value,
    /// Canonical line key → NetSuite's unique key.
    pub(super) ids: BTreeMap<Arc<str>, u64>,
}

/// Where a write meets a sublist.
pub(super) struct Sublist<'a> {
    /// NetSuite's name of the sublist.
    pub(super) name: &'a str,
    /// Its position among the fields.
    pub(super) ix: FieldIx,
    /// Its columns and keys.
    pub(super) spec: &'a LineSpec,
}

impl Sublist<'_> {
    /// Reads the array `json`, written over what `current` holds. New lines take their unique key from
    /// `next_line`.
    pub(super) fn read(&self, json: &Json, current: &Body, next_line: &mut u64) -> Result<Written, Refused> {
        let lines: &[Json] = match json {
            Json::Null => &[],
            Json::Array(lines) => lines,
            _ => return Err(self.refuse(Reason::BadValue, "is not an array of lines")),
        };
        let mut written = Written { value: Value::Null, ids: BTreeMap::new() };
        let mut rows = Lines::new();
        let mut seen = BTreeSet::new();
        for (index, line) in lines.iter().enumerate() {
            let Json::Object(line) = line else {
                return Err(self.refuse(Reason::BadValue, format!("line {index} is not an object")));
            };
            self.refuse_unknown_columns(line)?;
            let key: Arc<str> = match &self.spec.key {
                None => format!("{index:06}").into(),
                Some(names) => {
                    let (key, id) = self.keys_of(names, line, current, next_line)?;
                    if !seen.insert(id) {
                        return Err(self.refuse(Reason::BadValue, format!("line {id} comes twice")));
                    }
                    written.ids.insert(key.clone(), id);
                    key
                }
            };
            if rows.insert(key.clone(), self.row(line)?).is_some() {
                return Err(self.refuse(Reason::BadValue, format!("line {key} comes twice")));
            }
        }
        if !rows.is_empty() {
            written.value = Value::Lines(Arc::new(rows));
        }
        Ok(written)
    }

    fn row(&self, line: &Map<String, Json>) -> Result<Vec<Value>, Refused> {
        let cell = |column: &Column| {
            let json = line.get(&column.netsuite).unwrap_or(&Json::Null);
            column
                .kind
                .parse(Side::NetSuite, json)
                .map_err(|bad| self.refuse(Reason::BadValue, format!("column {}: {bad}", column.netsuite)))
        };
        self.spec.columns.iter().map(cell).collect()
    }

    /// The canonical key and the unique key of a line.
    fn keys_of(
        &self,
        names: &LineKey,
        line: &Map<String, Json>,
        current: &Body,
        next_line: &mut u64,
    ) -> Result<(Arc<str>, u64), Refused> {
        let mut allot = || {
            *next_line += 1;
            *next_line
        };
        let held = |unique: &str| {
            let unique = internal_id(unique)?;
            current.lines_of(self.ix).find(|(_, id)| *id == unique)
        };
        match (self.text_in(line, &names.netsuite_external)?, self.text_in(line, &names.netsuite)?) {
            (Some(external), unique) => {
                let by_external = current.line_ids.get(&(self.ix, external.clone())).copied();
                // A line born in NetSuite that is given an external key stays the same line.
                let known = by_external.or_else(|| Some(held(unique.as_deref()?)?.1));
                Ok((external, known.unwrap_or_else(allot)))
            }
            (None, Some(unique)) => {
                let own = held(&unique).map(|(key, id)| (key.clone(), id));
                // A line that was deleted and came back has a new key of its own, and the old one as external.
                let again = || Some((unique.clone(), *current.line_ids.get(&(self.ix, unique.clone()))?));
                own.or_else(again).ok_or_else(|| {
                    let message = format!("has no line with {} {unique}", names.netsuite);
                    self.refuse(Reason::BadReference, message)
                })
            }
            (None, None) => {
                let id = allot();
                Ok((id.to_string().into(), id))
            }
        }
    }

    fn text_in(&self, line: &Map<String, Json>, column: &str) -> Result<Option<Arc<str>>, Refused> {
        let json = line.get(column).unwrap_or(&Json::Null);
        match schema::parse(&Kind::Text { max: None }, self.name, json)? {
            Value::Text(text) => Ok(Some(text)),
            _ => Ok(None),
        }
    }

    fn refuse_unknown_columns(&self, line: &Map<String, Json>) -> Result<(), Refused> {
        let is_key = |name: &str| {
            self.spec.key.as_ref().is_some_and(|k| name == k.netsuite || name == k.netsuite_external)
        };
        let known = |name: &String| is_key(name) || self.spec.columns.iter().any(|c| c.netsuite == *name);
        match line.keys().find(|name| !known(name)) {
            Some(name) => Err(self.refuse(Reason::UnknownField, format!("has no column '{name}'"))),
            None => Ok(()),
        }
    }

    fn refuse(&self, reason: Reason, what: impl std::fmt::Display) -> Refused {
        Refused::field(reason, self.name, format!("Sublist {}: {what}.", self.name))
    }
}
