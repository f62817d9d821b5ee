//! From the values that are sent to those that a row will hold: columns by name, canonical values, line keys,
//! SuiteX's habits and the rules that need no look at other rows.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use shared::domain::id::Side;
use shared::domain::surface::{Field, FieldIx, TypeSurface};
use shared::domain::value::{Kind, LineSpec, Value};

use super::faults::SuiteXFaults;
use super::refusal::Refusal;

/// Values to store, by field.
pub(super) type Values = Vec<(FieldIx, Value)>;

/// The field behind a column. Canonical names are ours, and SuiteX does not know them.
pub(super) fn column(surface: &TypeSurface, name: &str) -> Result<FieldIx, Refusal> {
    let ix = surface.field_on(Side::SuiteX, name).filter(|&ix| surface.fields[ix].suitex == name);
    ix.ok_or_else(|| Refusal::UnknownColumn { table: surface.suitex.clone(), column: name.to_string() })
}

/// What a write to one table passes before it is stored.
pub(super) struct Intake<'a> {
    pub(super) surface: &'a TypeSurface,
    pub(super) faults: &'a SuiteXFaults,
    /// The account's counter of line keys.
    pub(super) line_keys: &'a mut u64,
}

impl Intake<'_> {
    /// The values as they will be stored, or what is wrong with the first bad one.
    pub(super) fn accept(&mut self, values: &Map<String, Json>) -> Result<Values, Refusal> {
        values.iter().map(|(name, json)| self.accept_one(name, json)).collect()
    }

    fn accept_one(&mut self, name: &str, json: &Json) -> Result<(FieldIx, Value), Refusal> {
        let ix = column(self.surface, name)?;
        let field = &self.surface.fields[ix];
        let parsed = match (&field.kind, json) {
            (Kind::Lines(spec), Json::Array(items)) => {
                let lines = self.lines(field, spec, items)?;
                field.kind.parse(Side::SuiteX, &lines)
            }
            (kind, json) => kind.parse(Side::SuiteX, json),
        };
        let refused = |reason| Refusal::InvalidValue { column: field.suitex.clone(), reason };
        let value = parsed.map_err(|bad| refused(bad.to_string()))?;
        let value = self.faults.stored(self.surface, field, value);
        match self.faults.forbids(&value) {
            Some(text) => {
                Err(Refusal::ForbiddenText { column: field.suitex.clone(), text: text.to_string() })
            }
            None => Ok((ix, value)),
        }
    }

    /// The lines with a key each, where the list has one.
    fn lines(&mut self, field: &Field, spec: &LineSpec, items: &[Json]) -> Result<Json, Refusal> {
        let key = spec.key.as_ref().map(|key| key.suitex.as_str());
        let known = |name: &str| key == Some(name) || spec.columns.iter().any(|c| c.suitex == name);
        for name in items.iter().filter_map(Json::as_object).flat_map(Map::keys) {
            if !known(name) {
                let column = format!("{}.{name}", field.suitex);
                return Err(Refusal::UnknownColumn { table: self.surface.suitex.clone(), column });
            }
        }
        let mut items = items.to_vec();
        if let Some(key) = key {
            self.give_keys(key, &mut items);
        }
        Ok(Json::Array(items))
    }

    fn give_keys(&mut self, key: &str, items: &mut [Json]) {
        let given: BTreeSet<String> =
            items.iter().filter_map(|item| item.get(key)?.as_str()).map(str::to_string).collect();
        for line in items.iter_mut().filter_map(Json::as_object_mut) {
            if line.get(key).is_none_or(|v| v.is_null() || v == "") {
                line.insert(key.to_string(), Json::String(self.next_line_key(&given)));
            }
        }
    }

    fn next_line_key(&mut self, given: &BTreeSet<String>) -> String {
        loop {
            *self.line_keys += 1;
            let key = format!("sx-{}", self.line_keys);
            if !given.contains(&key) {
                return key;
            }
        }
    }
}
