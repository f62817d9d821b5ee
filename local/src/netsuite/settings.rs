//! How an account is set up, as far as SuiteQL shows it. What NetSuite leaves undocumented is set here too:
//! whoever talks to it must get along with every setting.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use suiteql::{Calendar, Gap, HiddenColumns, Mask, Overlap, Reckoning, Role};

/// An account's settings. Tables and columns are named as in SuiteQL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The zone, by its IANA name, in which SuiteQL shows and reads times.
    pub timezone: Tz,
    /// The user's date format, as a mask: how a date looks that no mask was given for. Its time is lost.
    pub date_format: Mask,
    /// Whether the user reads the time of day as 2 pm or as 14.
    pub twelve_hours: bool,
    /// How scripts are handed dates.
    pub script_dates: ScriptDates,
    /// Whether dates are compared as moments or by what the wall clock shows.
    pub reckoning: Reckoning,
    /// Which moment a text means that the wall clock shows twice, in autumn.
    pub overlap: Overlap,
    /// What becomes of a text that names a time which the wall clock skips, in spring.
    pub gap: Gap,
    /// What a page says of a column that holds nothing.
    pub nulls: Nulls,
    /// What a checkbox holds that nobody ever set. The other interfaces of the simulator say null.
    pub unset_checkbox: UnsetCheckbox,
    /// What stands between the ids of a multiselect.
    pub multiselect_delimiter: String,
    /// Quantities of transaction lines are shown with the sign of their posting: negative for sales.
    pub negative_quantities: bool,
    /// Most rows that a query gives over all its pages; what lies beyond is cut off silently.
    pub row_ceiling: usize,
    /// NetSuite types whose deletions leave no row in `deletedrecord`.
    pub untracked_deletions: BTreeSet<String>,
    /// How `deletedrecord` writes the type.
    pub deleted_type: DeletedType,
    /// Whose system notes the role sees, if it has a permission for their table at all.
    pub notes_shown: NotesShown,
    /// How system notes name fields.
    pub note_fields: NoteFields,
    /// Tables that the role has no permission for.
    pub denied: BTreeSet<String>,
    /// Table → ids of records that the role does not see. Their lines are hidden by `transactionline`.
    pub hidden_rows: BTreeMap<String, BTreeSet<i64>>,
    /// `table.column` that the role does not see.
    pub hidden_columns: BTreeSet<String>,
    /// What such a column looks like.
    pub hidden_as: HiddenColumns,
    /// `table.column` by which a query cannot be filtered, as some types refuse their lastModified.
    pub unfilterable_columns: BTreeSet<String>,
    /// The preference "Run Server SuiteScript and Trigger Workflows" of CSV imports.
    pub csv_imports_fire: bool,
    /// Whether User Events see NetSuite's own mass updates.
    pub mass_updates_fire: bool,
    /// What our RESTlet's native twin sees of the records of `hidden_rows`.
    pub hidden_records: HiddenRecords,
}

/// How scripts are handed dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptDates {
    /// As what JavaScript calls a date.
    #[default]
    Objects,
    /// As text, in the user's format and zone, which N/format reads.
    Text,
}

/// What a script sees of a record that its role does not see in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenRecords {
    /// All of it: only lists are restricted.
    #[default]
    Shown,
    /// It may not see it, and is told so.
    Refused,
    /// Nothing: NetSuite says that there is no such record.
    Missing,
}

/// Whose system notes a role sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotesShown {
    /// Everybody's: it has the permission *System Notes*.
    #[default]
    All,
    /// Our own alone.
    Own,
}

/// How system notes name fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteFields {
    /// `CUSTENTITY_TAGS`, `ENTITY.SPHONE`: custom fields by their id, others by an inner name.
    #[default]
    Inner,
    /// `custentity_tags`, `phone`.
    ScriptId,
}

/// What a page says of a column that holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// Nothing: the column is left out of the row.
    #[default]
    Omit,
    /// `null`.
    Null,
}

/// What a checkbox holds that nobody ever set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsetCheckbox {
    /// Nothing, as in the other interfaces of the simulator.
    #[default]
    Null,
    /// `F`, as in NetSuite's own database.
    False,
}

/// How `deletedrecord` writes the type of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedType {
    /// For people: `Sales Order`.
    #[default]
    Label,
    /// The script id in lower case: `salesorder`.
    ScriptId,
    /// The script id in upper case: `SALESORDER`.
    Upper,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timezone: Tz::America__Los_Angeles,
            // Unwrap safety: a mask of known parts.
            date_format: Mask::parse("MM/DD/YYYY").expect("a mask"),
            twelve_hours: true,
            script_dates: ScriptDates::default(),
            reckoning: Reckoning::default(),
            overlap: Overlap::default(),
            gap: Gap::default(),
            nulls: Nulls::default(),
            unset_checkbox: UnsetCheckbox::default(),
            multiselect_delimiter: ",".into(),
            negative_quantities: false,
            row_ceiling: 100_000,
            untracked_deletions: BTreeSet::new(),
            deleted_type: DeletedType::default(),
            notes_shown: NotesShown::default(),
            note_fields: NoteFields::default(),
            denied: BTreeSet::new(),
            hidden_rows: BTreeMap::new(),
            hidden_columns: BTreeSet::new(),
            hidden_as: HiddenColumns::default(),
            unfilterable_columns: BTreeSet::new(),
            csv_imports_fire: false,
            mass_updates_fire: false,
            hidden_records: HiddenRecords::default(),
        }
    }
}

impl Settings {
    /// How SuiteQL reckons time.
    pub(super) fn calendar(&self) -> Calendar {
        Calendar {
            zone: self.timezone,
            reckoning: self.reckoning,
            overlap: self.overlap,
            gap: self.gap,
            date_format: self.date_format.clone(),
        }
    }

    /// What the role does not see.
    pub(super) fn role(&self) -> Role {
        Role {
            denied: self.denied.clone(),
            hidden_rows: self.hidden_rows.clone(),
            hidden_columns: self.hidden_columns.clone(),
            hidden_as: self.hidden_as,
            unfilterable_columns: self.unfilterable_columns.clone(),
        }
    }

    /// The settings that decide what SuiteQL's tables hold, the others as they are by default.
    pub(super) fn of_tables(&self) -> Self {
        let usual = Self::default();
        Self {
            nulls: usual.nulls,
            twelve_hours: usual.twelve_hours,
            script_dates: usual.script_dates,
            row_ceiling: usual.row_ceiling,
            denied: usual.denied,
            hidden_rows: usual.hidden_rows,
            hidden_columns: usual.hidden_columns,
            hidden_as: usual.hidden_as,
            unfilterable_columns: usual.unfilterable_columns,
            csv_imports_fire: usual.csv_imports_fire,
            mass_updates_fire: usual.mass_updates_fire,
            hidden_records: usual.hidden_records,
            ..self.clone()
        }
    }
}
