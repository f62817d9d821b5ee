//! Records that could be one: the simulators' index of match keys, and what the sync created beside others. They note
//! that by themselves, so that a test need not believe what the sync asked for.
//!
//! NetSuite finds text in any case, and keeps no blanks around it. SuiteX's columns find it in any case as well, and
//! with those blanks around it that `adapters/mysql` allows for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};
use shared::domain::id::{RecordType, Side, SideId};
use shared::domain::identity::{Unless, key_texts};
use shared::domain::surface::{FieldIx, TypeSurface};
use shared::domain::value::{Kind, Value};

/// A record that the sync created beside others that it could be.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedBeside {
    /// Its type.
    pub record_type: RecordType,
    /// Our mark in it: the canonical id.
    pub mark: String,
    /// Ids of the others that have one of its keys.
    pub others: Vec<String>,
    /// Those that the sync said it knew to be others.
    pub except: Vec<SideId>,
}

/// A table's records by what their keys say.
#[derive(Debug, Default)]
pub(crate) struct KeyIndex {
    /// Whether a text can have blanks around it with which it is not found.
    blanks_count: bool,
    of: BTreeMap<(usize, String), BTreeSet<u64>>,
}

impl KeyIndex {
    /// An index as MySQL's columns have it.
    pub(crate) fn of_columns() -> Self {
        Self { blanks_count: true, ..Self::default() }
    }

    /// What each key says of stored values, by its number, where it can be found.
    fn stored(&self, surface: &TypeSurface, values: &[Value]) -> Vec<(usize, String)> {
        let is_far = |field: &FieldIx| match (&surface.fields[*field].kind, &values[*field]) {
            (Kind::Text { .. }, Value::Text(text)) => !is_found_by_columns(text),
            _ => false,
        };
        let is_found = |nth: usize| !self.blanks_count || !surface.match_keys[nth].iter().any(is_far);
        let texts = key_texts(surface, values).into_iter().enumerate();
        texts.filter_map(|(nth, text)| Some((nth, text.filter(|_| is_found(nth))?))).collect()
    }

    /// A record holds other values than before.
    pub(crate) fn note(
        &mut self,
        surface: &TypeSurface,
        id: u64,
        before: Option<&[Value]>,
        after: Option<&[Value]>,
    ) {
        if surface.match_keys.is_empty() {
            return;
        }
        for place in before.map(|values| self.stored(surface, values)).into_iter().flatten() {
            if let Some(ids) = self.of.get_mut(&place) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.of.remove(&place);
                }
            }
        }
        for place in after.map(|values| self.stored(surface, values)).into_iter().flatten() {
            self.of.entry(place).or_default().insert(id);
        }
    }

    /// The records that have a key of these values.
    pub(crate) fn like(&self, surface: &TypeSurface, values: &[Value]) -> BTreeSet<u64> {
        let texts = key_texts(surface, values).into_iter().enumerate();
        let found = texts.filter_map(|(nth, text)| self.of.get(&(nth, text?)));
        found.flatten().copied().collect()
    }

    /// The records that forbid a create, the oldest first. `all`: for keys that this index does not know, for the sync
    /// may be configured otherwise than this simulator.
    pub(crate) fn forbidding(
        &self,
        surface: &TypeSurface,
        side: Side,
        unless: &Unless,
        all: impl Fn() -> Vec<(u64, Map<String, Json>)>,
    ) -> Vec<u64> {
        let is_known = |key: &Map<String, Json>| {
            let fields: BTreeSet<_> = key.keys().filter_map(|name| surface.field_on(side, name)).collect();
            surface.match_keys.iter().any(|known| known.iter().copied().eq(fields.iter().copied()))
        };
        if !unless.keys.iter().all(is_known) {
            let all = all().into_iter();
            let found = all.filter(|(id, values)| unless.finds(&id.to_string(), values, side, surface));
            return found.map(|(id, _)| id).collect();
        }
        let like = unless.keys.iter().flat_map(|key| self.like(surface, &parsed(surface, side, key)));
        let is_other = |id: &u64| unless.except.iter().any(|other| *other.as_str() == id.to_string());
        let like: BTreeSet<u64> = like.filter(|id| !is_other(id)).collect();
        like.into_iter().collect()
    }

    /// The others beside which something with these values is being created.
    pub(crate) fn beside(
        &self,
        surface: &TypeSurface,
        side: Side,
        mark: &str,
        values: &Map<String, Json>,
        except: &[SideId],
    ) -> Option<CreatedBeside> {
        let others = self.like(surface, &parsed(surface, side, values));
        let others: Vec<String> = others.iter().map(u64::to_string).collect();
        (!others.is_empty()).then(|| CreatedBeside {
            record_type: surface.record_type.clone(),
            mark: mark.into(),
            others,
            except: except.to_vec(),
        })
    }
}

/// Whether SuiteX's columns find a text with the blanks that are around it: any spaces, tabs and line ends after it, and
/// before it eight spaces at most, or one tab or line end.
fn is_found_by_columns(text: &str) -> bool {
    let bare = text.trim_start();
    let before = &text[..text.len() - bare.len()];
    let after = &bare[bare.trim_end().len()..];
    let is_space = |c: char| matches!(c, ' ' | '\u{a0}');
    let is_blank = |c: char| is_space(c) || matches!(c, '\t' | '\n' | '\r');
    let few_spaces = before.chars().all(is_space) && before.chars().count() <= 8;
    after.chars().all(is_blank) && (few_spaces || matches!(before, "\t" | "\n" | "\r" | "\r\n"))
}

/// Values by field, as `side` writes them; what is not given, or no value of its field, is nothing.
fn parsed(surface: &TypeSurface, side: Side, values: &Map<String, Json>) -> Vec<Value> {
    let value = |field: &shared::domain::surface::Field| {
        values
            .get(field.name_on(side))
            .and_then(|json| field.kind.parse(side, json).ok())
            .unwrap_or(Value::Null)
    };
    surface.fields.iter().map(value).collect()
}
