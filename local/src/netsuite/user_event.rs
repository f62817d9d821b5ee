//! What the User Event script that we deploy tells our ingest endpoint about a save.

use serde_json::{Map, Value as Json, json};
use shared::domain::id::{AccountId, Timestamp, derived_id};
use uuid::Uuid;

use super::record::{Record, rfc3339};
use super::schema::Schema;

/// What made a save, in the words of `runtime.executionContext`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// A person on NetSuite's own pages.
    UserInterface,
    /// Our RESTlet.
    Restlet,
    /// REST web services.
    RestWebServices,
    /// A Map/Reduce script.
    MapReduce,
    /// SOAP web services.
    WebServices,
    /// A Suitelet.
    Suitelet,
    /// A scheduled script.
    Scheduled,
    /// A mass update by a script.
    CustomMassUpdate,
    /// A CSV import.
    CsvImport,
    /// Another User Event.
    UserEvent,
    /// A workflow.
    Workflow,
    /// NetSuite itself.
    Other,
}

impl Context {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Context::UserInterface => "USERINTERFACE",
            Context::Restlet => "RESTLET",
            Context::RestWebServices => "RESTWEBSERVICES",
            Context::MapReduce => "MAPREDUCE",
            Context::WebServices => "WEBSERVICES",
            Context::Suitelet => "SUITELET",
            Context::Scheduled => "SCHEDULED",
            Context::CustomMassUpdate => "CUSTOMMASSUPDATE",
            Context::CsvImport => "CSVIMPORT",
            Context::UserEvent => "USEREVENT",
            Context::Workflow => "WORKFLOW",
            Context::Other => "OTHER",
        }
    }
}

/// Who saves, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) context: Context,
    pub(super) user: &'a str,
    /// The idempotency key, when our RESTlet saves.
    pub(super) operation: Option<Uuid>,
    /// Whether User Events see it. They don't see CSV imports, other User Events' saves and many workflows.
    pub(super) user_event: bool,
    /// Whether it is an edit in a list: the User Event is handed the edited fields and no others.
    pub(super) inline: bool,
}

impl<'a> Origin<'a> {
    /// A person, or something that User Events do not see.
    pub(super) fn person(user: &'a str, user_event: bool) -> Self {
        Self { context: Context::UserInterface, user, operation: None, user_event, inline: false }
    }
}

/// A save, as an afterSubmit script meets it.
pub(super) struct Saved<'a> {
    pub(super) account: &'a AccountId,
    pub(super) schema: &'a Schema,
    /// The record after the save; a deleted one as it was.
    pub(super) record: &'a Record,
    /// `create`, `update` or `delete`.
    pub(super) operation: &'static str,
    pub(super) at: Timestamp,
    /// New values of what changed.
    pub(super) changes: Map<String, Json>,
    /// Old values of what changed.
    pub(super) previous: Map<String, Json>,
}

impl Saved<'_> {
    /// The body that the script posts. Its id is derived from the save, so that an event sent twice is one.
    pub(super) fn event(self, origin: &Origin<'_>) -> Json {
        let record_type = self.schema.surface().record_type.as_str();
        let id = self.record.id.to_string();
        let save = self.record.saves.to_string();
        let mut metadata = Map::new();
        metadata.insert("context".into(), origin.context.as_str().into());
        if let Some(operation) = origin.operation {
            metadata.insert("operation".into(), operation.to_string().into());
        }
        let mut event = json!({
            "eventId": derived_id("netsuite-ue", &[self.account.as_str(), record_type, &id, &save]),
            "accountId": self.account.as_str(),
            "recordType": record_type,
            "recordId": id,
            "source": "netsuite-ue",
            "operation": self.operation,
            "timestamp": self.at.to_string(),
            "revision": rfc3339(self.record.last_modified),
            "payload": {},
            "metadata": metadata,
            "authContext": { "actor": origin.user },
        });
        // Moved in here, because `json!` would copy them.
        event["payload"]["changes"] = Json::Object(self.changes);
        event["payload"]["previous"] = Json::Object(self.previous);
        if let Some(external_id) = &self.record.external_id {
            event["externalId"] = Json::from(&**external_id);
        }
        event
    }
}
