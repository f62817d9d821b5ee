//! What a person decided, on the wire; source `review` only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::super::conflict::{Choice, Override, Resolution};
use super::super::id::{Side, SideId, Version};
use super::super::surface::{FieldIx, TypeSurface};
use super::super::value::Value;
use super::{FieldError, wrong};

/// A person's decision about a conflict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WireResolution {
    /// The conflict.
    pub conflict_id: Uuid,
    /// The revision that the person judged.
    pub conflict_revision: u64,
    /// Canonical field name → what was chosen.
    #[serde(default)]
    pub fields: BTreeMap<String, WireChoice>,
    /// For a deletion: whether the record lives on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<bool>,
}

/// What a person chose for one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WireChoice {
    /// NetSuite's value.
    Netsuite,
    /// SuiteX's value.
    Suitex,
    /// What we suggested.
    Suggested,
    /// This value, in SuiteX's form; a reference by its canonical id.
    Value(Json),
}

/// Values that an admin sets, whatever policy, direction or lock say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireOverride {
    /// The version of the record that the person saw.
    pub version: u64,
    /// Canonical field name → value, in SuiteX's form; a reference by its canonical id.
    pub fields: BTreeMap<String, Json>,
    /// Whether the locks of the whole record that errors have set are released.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlock: bool,
}

fn field(surface: &TypeSurface, name: &str) -> Result<FieldIx, FieldError> {
    match surface.field(name) {
        Some(field) => Ok(field),
        None => wrong(format!("fields.{name}"), format!("{} has no field of this name", surface.record_type)),
    }
}

fn value(surface: &TypeSurface, field: FieldIx, json: &Json) -> Result<Value, FieldError> {
    let spec = &surface.fields[field];
    let at = |e: super::super::value::BadValue| FieldError {
        field: format!("fields.{}", spec.name),
        reason: e.to_string(),
    };
    spec.kind.parse(Side::SuiteX, json).map_err(at)
}

impl WireResolution {
    /// The decision in canonical form.
    pub fn to_domain(&self, surface: &TypeSurface) -> Result<Resolution, FieldError> {
        let mut fields = Vec::new();
        for (name, choice) in &self.fields {
            let field = field(surface, name)?;
            let choice = match choice {
                WireChoice::Netsuite => Choice::Side(Side::NetSuite),
                WireChoice::Suitex => Choice::Side(Side::SuiteX),
                WireChoice::Suggested => Choice::Suggested,
                WireChoice::Value(json) => Choice::Edited(value(surface, field, json)?),
            };
            fields.push((field, choice));
        }
        Ok(Resolution {
            conflict: self.conflict_id,
            revision: self.conflict_revision,
            fields,
            keep: self.keep,
        })
    }
}

impl WireOverride {
    /// The values in canonical form.
    pub fn to_domain(&self, surface: &TypeSurface) -> Result<Override, FieldError> {
        let one = |(name, json): (&String, &Json)| {
            let field = field(surface, name)?;
            Ok((field, value(surface, field, json)?))
        };
        let fields = self.fields.iter().map(one).collect::<Result<_, FieldError>>()?;
        Ok(Override { version: Version(self.version), fields, unlock: self.unlock })
    }
}

/// A person's word on which of a side's records this one is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WireIdentity {
    /// The question.
    pub ambiguity_id: Uuid,
    /// The revision that the person judged.
    pub revision: u64,
    /// The answer.
    pub choice: IdentityChoice,
}

/// Which of a side's records ours is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityChoice {
    /// This one.
    Link(SideId),
    /// None of those that were shown: create it.
    Create,
    /// Something has been put in order there: look again.
    Again,
}
