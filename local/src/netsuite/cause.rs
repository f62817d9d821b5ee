//! What changes records in NetSuite, and which of it User Events see: NetSuite's own table.

use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::user_event::{Context, Origin};

/// What changes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A person on a record's page.
    Page,
    /// A person in a list, field by field.
    InlineEdit,
    /// SuiteTalk's SOAP.
    Soap,
    /// SuiteTalk's REST.
    Rest,
    /// A RESTlet that is not ours.
    Restlet,
    /// A Suitelet.
    Suitelet,
    /// A scheduled script.
    Scheduled,
    /// A Map/Reduce script.
    MapReduce,
    /// A mass update by a script.
    CustomMassUpdate,
    /// NetSuite's own mass update.
    MassUpdate,
    /// A CSV import.
    CsvImport,
    /// Another User Event's save.
    UserEvent,
    /// A workflow that runs after the record's submit.
    Workflow,
    /// What NetSuite reckons anew by itself: a status, a total, a voided transaction.
    System,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Page,
        Self::InlineEdit,
        Self::Soap,
        Self::Rest,
        Self::Restlet,
        Self::Suitelet,
        Self::Scheduled,
        Self::MapReduce,
        Self::CustomMassUpdate,
        Self::MassUpdate,
        Self::CsvImport,
        Self::UserEvent,
        Self::Workflow,
        Self::System,
    ];

    /// What scripts are told of it.
    pub(super) fn context(self) -> Context {
        match self {
            Self::Page | Self::InlineEdit => Context::UserInterface,
            Self::Soap => Context::WebServices,
            Self::Rest => Context::RestWebServices,
            Self::Restlet => Context::Restlet,
            Self::Suitelet => Context::Suitelet,
            Self::Scheduled => Context::Scheduled,
            Self::MapReduce => Context::MapReduce,
            Self::CustomMassUpdate => Context::CustomMassUpdate,
            Self::CsvImport => Context::CsvImport,
            Self::UserEvent => Context::UserEvent,
            Self::Workflow => Context::Workflow,
            Self::MassUpdate | Self::System => Context::Other,
        }
    }

    /// Whether User Events see it at all. Those of another User Event or of a workflow do not chain.
    fn fires(self, settings: &Settings) -> bool {
        match self {
            Self::Page
            | Self::InlineEdit
            | Self::Soap
            | Self::Rest
            | Self::Restlet
            | Self::Suitelet
            | Self::Scheduled
            | Self::MapReduce
            | Self::CustomMassUpdate => true,
            Self::MassUpdate => settings.mass_updates_fire,
            Self::CsvImport => settings.csv_imports_fire,
            Self::UserEvent | Self::Workflow | Self::System => false,
        }
    }

    /// A save of this cause, by `user`.
    pub(super) fn origin<'a>(self, user: &'a str, settings: &Settings) -> Origin<'a> {
        Origin {
            context: self.context(),
            user,
            operation: None,
            user_event: self.fires(settings),
            inline: self == Self::InlineEdit,
        }
    }
}
