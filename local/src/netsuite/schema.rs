//! The fields that a record type has in NetSuite: those of the sync surface, under NetSuite's names only.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;
use shared::domain::id::Side;
use shared::domain::surface::{Field, FieldIx, TypeSurface};
use shared::domain::value::{Kind, Value};

use super::refusal::{Reason, Refused};
use super::scripts::Family;

/// A record type's fields.
#[derive(Debug)]
pub(super) struct Schema {
    surface: Arc<TypeSurface>,
    by_name: BTreeMap<String, FieldIx>,
}

impl Schema {
    pub(super) fn new(surface: Arc<TypeSurface>) -> Self {
        let by_name = surface.fields.iter().enumerate().map(|(ix, f)| (f.netsuite.clone(), ix)).collect();
        Self { surface, by_name }
    }

    /// The surface that it is made from.
    pub(super) fn surface(&self) -> &TypeSurface {
        &self.surface
    }

    /// The fields in the order of their [`FieldIx`].
    pub(super) fn fields(&self) -> &[Field] {
        &self.surface.fields
    }

    /// The field at `ix`.
    pub(super) fn field(&self, ix: FieldIx) -> &Field {
        &self.surface.fields[ix]
    }

    /// The field that bears the mark of our scripts' writes. It is not of the surface.
    pub(super) fn mark(&self) -> Option<&'static str> {
        Family::of(&self.surface.netsuite).mark()
    }

    /// The field of this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<FieldIx> {
        self.by_name.get(name).copied()
    }

    /// The field of this name, to write to it.
    pub(super) fn writable(&self, name: &str) -> Result<FieldIx, Refused> {
        self.find(name).ok_or_else(|| {
            let of = &self.surface.netsuite;
            Refused::field(
                Reason::UnknownField,
                name,
                format!("Field '{name}' does not exist on record {of}."),
            )
        })
    }
}

/// Reads a value that was written to `field`.
pub(super) fn parse(kind: &Kind, field: &str, json: &Json) -> Result<Value, Refused> {
    kind.parse(Side::NetSuite, json).map_err(|bad| {
        let message =
            format!("You have entered an Invalid Field Value for the following field: {field} ({bad}).");
        Refused::field(Reason::BadValue, field, message)
    })
}
