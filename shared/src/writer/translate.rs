//! Between canonical values and what a target speaks: names, forms, and ids of referred records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::{Named, Shown};
use crate::domain::event::FieldError;
use crate::domain::id::{AccountId, CanonicalId, RecordType, Side, SideId};
use crate::domain::record::Record;
use crate::domain::settle::Seen;
use crate::domain::surface::{FieldIx, TypeSurface};
use crate::domain::value::Value;
use crate::fault::Unavailable;
use crate::state::State;

/// The target's ids of records that some values refer to.
#[derive(Debug, Default)]
pub(super) struct Counterparts(BTreeMap<Named, SideId>);

impl Counterparts {
    /// Loads what any of `records` could need to be written to `side`.
    pub(super) async fn load<'a>(
        state: &dyn State,
        account: &AccountId,
        side: Side,
        records: impl Iterator<Item = (&'a Record, &'a TypeSurface)>,
    ) -> Result<Self, Unavailable> {
        let mut wanted: BTreeSet<Named> = BTreeSet::new();
        for (record, surface) in records {
            for (field, spec) in surface.fields.iter().enumerate() {
                let mut found = |kind: &RecordType, id: &Arc<str>| {
                    if let Ok(id) = CanonicalId::parse(id) {
                        wanted.insert((kind.clone(), id));
                    }
                };
                spec.kind.references(&record.canonical[field], &mut found);
                spec.kind.references(&record.sides[side].shadow[field], &mut found);
            }
        }
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let wanted: Vec<Named> = wanted.into_iter().collect();
        let ids = state.counterparts(account, side, &wanted).await?;
        Ok(Self(wanted.into_iter().zip(ids).filter_map(|(w, id)| Some((w, id?))).collect()))
    }

    /// The target's id of a record.
    pub(super) fn get(&self, kind: &RecordType, id: &str) -> Option<&SideId> {
        self.0.get(&(kind.clone(), CanonicalId::parse(id).ok()?))
    }

    /// Writes fields as the target reads them. A value whose reference has no counterpart is left out: it
    /// cannot be compared.
    pub(super) fn render(
        &self,
        values: &[(FieldIx, Value)],
        side: Side,
        surface: &TypeSurface,
    ) -> Map<String, Json> {
        let mut out = Map::new();
        for (field, value) in values {
            let spec = &surface.fields[*field];
            let mut exchange =
                |kind: &RecordType, id: &str| self.get(kind, id).map(|id| Arc::from(id.as_str()));
            if let Ok(value) = spec.kind.translate(value, &mut exchange) {
                out.insert(spec.name_on(side).to_string(), spec.kind.render(side, &value));
            }
        }
        out
    }
}

/// Fields that a target showed, read into canonical values.
#[derive(Debug, Default)]
pub struct Read {
    /// What could be read.
    pub values: Vec<(FieldIx, Value)>,
    /// What could not.
    pub errors: Vec<(FieldIx, FieldError)>,
    /// Some value refers to a record without a link, and was left out.
    pub unresolved: bool,
}

/// Reads what a target showed. A value that refers to a record without a link says nothing yet: the event
/// that told us of it waits for the link.
pub fn read(ids: &CanonicalIds, side: Side, surface: &TypeSurface, fields: &Map<String, Json>) -> Read {
    let mut read = Read::default();
    for (name, json) in fields {
        let Some(field) = surface.field_on(side, name) else { continue };
        let kind = &surface.fields[field].kind;
        let value = match kind.parse(side, json) {
            Ok(value) => value,
            Err(e) => {
                read.errors.push((field, FieldError { field: name.clone(), reason: e.to_string() }));
                continue;
            }
        };
        let mut exchange = |kind: &RecordType, id: &str| ids.0.get(&(kind.clone(), id.to_string())).cloned();
        match kind.translate(&value, &mut exchange) {
            Ok(value) => read.values.push((field, value)),
            Err(_) => read.unresolved = true,
        }
    }
    read.values.sort_by_key(|(field, _)| *field);
    read
}

/// The canonical ids behind a side's ids.
#[derive(Debug, Default)]
pub struct CanonicalIds(BTreeMap<(RecordType, String), Arc<str>>);

impl CanonicalIds {
    /// Loads those behind everything that some shown fields refer to.
    pub async fn load<'a>(
        state: &dyn State,
        account: &AccountId,
        side: Side,
        shown: impl Iterator<Item = (&'a TypeSurface, &'a Map<String, Json>)>,
    ) -> Result<Self, Unavailable> {
        let mut wanted: BTreeSet<(RecordType, SideId)> = BTreeSet::new();
        for (surface, fields) in shown {
            for (name, json) in fields {
                let Some(field) = surface.field_on(side, name) else { continue };
                let kind = &surface.fields[field].kind;
                // Only what can refer is read twice.
                let Some(Ok(value)) = kind.may_refer().then(|| kind.parse(side, json)) else { continue };
                kind.references(&value, &mut |kind, id| {
                    if let Ok(id) = SideId::parse(id) {
                        wanted.insert((kind.clone(), id));
                    }
                });
            }
        }
        if wanted.is_empty() {
            return Ok(Self::default());
        }
        let ids: Vec<_> = wanted.into_iter().map(|(kind, id)| (kind, side, id)).collect();
        let links = state.links(account, &ids).await?;
        let known = ids.into_iter().zip(links).filter_map(|((kind, _, id), link)| {
            Some(((kind, id.to_string()), Arc::from(link?.canonical.as_str())))
        });
        Ok(Self(known.collect()))
    }
}

/// A record as the target shows it, in canonical values.
pub(super) fn seen(shown: &Shown, values: Vec<(FieldIx, Value)>, complete: bool) -> Seen {
    Seen { id: shown.id.clone(), revision: shown.revision, values, complete }
}
