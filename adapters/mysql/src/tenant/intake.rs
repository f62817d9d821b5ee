//! From the values that are sent to those that a row is to hold. Pure: MySQL's own refusals come later.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use shared::domain::id::Side;
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::{Kind, LineSpec, Value};

use super::names::number;
use super::refusal::Refusal;
use super::table::spec;

/// Values to store, by field.
pub(super) type Values = Vec<(FieldIx, Value)>;

/// The field behind a column. Canonical names are ours, and SuiteX does not know them.
pub(super) fn column(surface: &TypeSurface, name: &str) -> Result<FieldIx, Refusal> {
    let ix = surface.field_on(Side::SuiteX, name).filter(|&ix| surface.fields[ix].suitex == name);
    ix.ok_or_else(|| Refusal::unknown_column(&surface.suitex, name.to_string()))
}

/// How many lines in `values` have no key where their list wants one.
pub(super) fn keyless_lines(surface: &TypeSurface, values: &Map<String, Json>) -> usize {
    let keyless = |(name, json): (&String, &Json)| {
        let field = &surface.fields[column(surface, name).ok()?];
        let key = &spec(field)?.key.as_ref()?.suitex;
        Some(json.as_array()?.iter().filter(|line| is_keyless(line, key)).count())
    };
    values.iter().filter_map(keyless).sum()
}

/// The values as they will be stored, or what is wrong with the first bad one. Lines without a key get one of
/// `keys`, which must suffice.
pub(super) fn accept(
    surface: &TypeSurface,
    values: &Map<String, Json>,
    keys: Vec<String>,
) -> Result<Values, Refusal> {
    let mut keys = keys.into_iter();
    values.iter().map(|(name, json)| accept_one(surface, name, json, &mut keys)).collect()
}

fn accept_one(
    surface: &TypeSurface,
    name: &str,
    json: &Json,
    keys: &mut impl Iterator<Item = String>,
) -> Result<(FieldIx, Value), Refusal> {
    let ix = column(surface, name)?;
    let field = &surface.fields[ix];
    let parsed = match (&field.kind, json) {
        (Kind::Lines(spec), Json::Array(items)) => {
            refuse_unknown_columns(surface, name, spec, items)?;
            field.kind.parse(Side::SuiteX, &with_keys(spec, items, keys))
        }
        (kind, json) => kind.parse(Side::SuiteX, json),
    };
    let value = parsed.map_err(|bad| Refusal::invalid_value(name, bad.to_string()))?;
    refuse_what_is_no_id(name, &field.kind, &value)?;
    Ok((ix, value))
}

fn refuse_unknown_columns(
    surface: &TypeSurface,
    list: &str,
    spec: &LineSpec,
    items: &[Json],
) -> Result<(), Refusal> {
    let key = spec.key.as_ref().map(|key| key.suitex.as_str());
    let known = |name: &str| key == Some(name) || spec.columns.iter().any(|c| c.suitex == name);
    match items.iter().filter_map(Json::as_object).flat_map(Map::keys).find(|name| !known(name)) {
        Some(name) => Err(Refusal::unknown_column(&surface.suitex, format!("{list}.{name}"))),
        None => Ok(()),
    }
}

fn with_keys(spec: &LineSpec, items: &[Json], keys: &mut impl Iterator<Item = String>) -> Json {
    let mut items = items.to_vec();
    if let Some(key) = &spec.key {
        for item in items.iter_mut().filter(|item| is_keyless(item, &key.suitex)) {
            if let (Some(line), Some(fresh)) = (item.as_object_mut(), keys.next()) {
                line.insert(key.suitex.clone(), Json::String(fresh));
            }
        }
    }
    Json::Array(items)
}

fn is_keyless(line: &Json, key: &str) -> bool {
    line.as_object().is_some_and(|line| line.get(key).is_none_or(|v| v.is_null() || v == ""))
}

/// MySQL would read `7x` as 7.
fn refuse_what_is_no_id(column: &str, kind: &Kind, value: &Value) -> Result<(), Refusal> {
    let mut bad: BTreeSet<(String, String)> = BTreeSet::new();
    kind.references(value, &mut |to, id| {
        if number(id).is_none() {
            bad.insert((to.to_string(), id.to_string()));
        }
    });
    match bad.first() {
        Some((to, id)) => Err(Refusal::invalid_reference(column, to, id)),
        None => Ok(()),
    }
}
