//! Custom records: the rows of the project's own record types.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use shared::domain::id::Timestamp;

use super::project::Project;
use super::thrown::Thrown;

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) external_id: Option<String>,
    /// How often it was saved.
    pub(super) version: u64,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    /// Field → value, `name` among them.
    pub(super) values: BTreeMap<String, Json>,
}

/// The rows of one type.
#[derive(Debug)]
pub(super) struct RowTable {
    /// Fields and NetSuite's types of them, `name` first.
    pub(super) fields: Vec<(String, String)>,
    pub(super) rows: BTreeMap<u64, Row>,
    last_id: u64,
}

/// An account's custom records.
#[derive(Debug, Default)]
pub(in crate::netsuite) struct Rows {
    types: BTreeMap<String, RowTable>,
}

impl Rows {
    /// The project's types, without rows.
    pub(super) fn of(project: &Project) -> Self {
        let table = |fields: &[(String, String)]| {
            let name = [("name".to_string(), "text".to_string())];
            RowTable { fields: [&name[..], fields].concat(), rows: BTreeMap::new(), last_id: 0 }
        };
        let types = project.custom_types.iter();
        Self { types: types.map(|t| (t.id.clone(), table(&t.fields))).collect() }
    }

    pub(super) fn table(&self, record_type: &str) -> Option<&RowTable> {
        self.types.get(record_type)
    }

    pub(super) fn table_mut(&mut self, record_type: &str) -> Option<&mut RowTable> {
        self.types.get_mut(record_type)
    }

    /// Outbox rows that will be tried again.
    pub(in crate::netsuite) fn waiting_events(&self) -> usize {
        let attempts = |row: &&Row| {
            row.values.get("custrecord_sx_outbox_attempts").and_then(Json::as_i64).unwrap_or(0) < 50
        };
        self.types
            .get("customrecord_sx_outbox")
            .map_or(0, |table| table.rows.values().filter(attempts).count())
    }
}

impl RowTable {
    /// The row with this external id.
    pub(super) fn with_external_id(&self, external_id: &str) -> Option<&Row> {
        self.rows.values().find(|row| row.external_id.as_deref() == Some(external_id))
    }

    /// Stores what was set over the row `id`, or as a new one. Returns the id.
    pub(super) fn save(
        &mut self,
        id: Option<u64>,
        set: Map<String, Json>,
        now: Timestamp,
    ) -> Result<u64, Thrown> {
        let mut row = match id {
            Some(id) => self.rows.get(&id).cloned().ok_or_else(missing)?,
            None => Row {
                id: self.last_id + 1,
                external_id: None,
                version: 0,
                created: now,
                modified: now,
                values: BTreeMap::new(),
            },
        };
        for (name, value) in set {
            if name == "externalid" {
                row.external_id = value.as_str().filter(|text| !text.is_empty()).map(str::to_string);
                continue;
            }
            let kind = self.fields.iter().find(|(field, _)| *field == name).map(|(_, kind)| kind.as_str());
            refuse_too_long(&name, kind.unwrap_or_default(), &value)?;
            row.values.insert(name, value);
        }
        let twin = row.external_id.as_deref().and_then(|external_id| self.with_external_id(external_id));
        if twin.is_some_and(|twin| twin.id != row.id) {
            return Err(Thrown::new("DUP_CSTM_RCRD_ENTRY", "A record with this external id exists already."));
        }
        row.version += 1;
        row.modified = now;
        self.last_id = self.last_id.max(row.id);
        let id = row.id;
        self.rows.insert(id, row);
        Ok(id)
    }
}

pub(super) fn missing() -> Thrown {
    Thrown::new("RCRD_DSNT_EXIST", "That record does not exist.")
}

fn refuse_too_long(field: &str, kind: &str, value: &Json) -> Result<(), Thrown> {
    let most = match kind {
        "clobtext" => 1_000_000,
        "textarea" => 4_000,
        _ => 300,
    };
    match value.as_str() {
        Some(text) if text.chars().count() > most => {
            let message = format!(
                "The field {field} contained more than the maximum number ( {most} ) of characters allowed."
            );
            Err(Thrown::new("EXCEEDED_MAX_FIELD_LENGTH", message))
        }
        _ => Ok(()),
    }
}
