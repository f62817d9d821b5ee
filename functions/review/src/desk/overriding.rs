//! "Except UI override": an admin sets values, whatever policy, direction or lock say.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use shared::domain::event::{Payload, WireOverride};
use shared::domain::id::{RecordType, Side};
use shared::domain::people::Role;
use shared::runtime::problem::Problem;

use super::conflicts::{Accepted, check_references};
use super::decision;
use super::records::{Found, view};

/// Values that are to be set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overriding {
    /// The version of the record on which it was judged.
    pub version: u64,
    /// Values by field, in SuiteX's form.
    pub fields: BTreeMap<String, Json>,
    /// Whether locks of the whole record are released, too.
    pub unlock: bool,
    /// Why: must be said.
    pub note: Option<String>,
}

/// Sets values. Takes effect once merge has taken it in, if the record is still at this version then.
pub async fn override_fields(found: &Found, overriding: &Overriding) -> Result<Accepted, Problem> {
    let access = found.access().need(Role::Admin)?;
    let (record, surface) = (found.record(), found.surface());
    let Some(note) = super::note("note", overriding.note.clone())? else {
        return Err(Problem::unprocessable("note", "must say why: an override goes past every rule"));
    };
    if overriding.version != record.version.0 {
        let detail = format!("the record is at version {} now; judge on what it shows", record.version);
        let shown = json!(view(found).await?);
        return Err(Problem::conflict(detail, Map::from_iter([("record".to_string(), shown)])));
    }
    if !record.alive {
        return Err(Problem::conflict("the record is deleted", Map::new()));
    }
    if overriding.fields.is_empty() {
        return Err(Problem::unprocessable("fields", "must name at least one field and its value"));
    }
    let mut fields = BTreeMap::new();
    let mut references: Vec<(String, RecordType, Arc<str>)> = Vec::new();
    for (name, json) in &overriding.fields {
        let path = format!("fields.{name}");
        let missing = || Problem::unprocessable(&path, format!("{} has no such field", surface.record_type));
        let spec = &surface.fields[surface.field(name).ok_or_else(missing)?];
        let value = spec.kind.parse(Side::SuiteX, json);
        let value = value.map_err(|e| Problem::unprocessable(&path, e.to_string()))?;
        spec.kind
            .references(&value, &mut |kind, id| references.push((path.clone(), kind.clone(), id.clone())));
        // In canonical form, so that the same override is the same event.
        fields.insert(name.clone(), spec.kind.render(Side::SuiteX, &value));
    }
    check_references(access, &references).await?;
    let wire = WireOverride { version: overriding.version, fields, unlock: overriding.unlock };
    let payload = Payload { overriding: Some(wire), ..Payload::default() };
    let event = decision(access, &record.key, record.version.0, payload, Some(&note), access.now());
    access.publish(std::slice::from_ref(&event)).await?;
    Ok(Accepted { event_id: event.event_id })
}
