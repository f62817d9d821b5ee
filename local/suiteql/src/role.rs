//! What the integration's role does not let it see.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What a column looks like that the role may not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenColumns {
    /// As if it did not exist: a query that names it is refused.
    #[default]
    Unknown,
    /// As if it held nothing.
    Null,
}

/// What a role hides. Names are those of SuiteQL tables and columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// Tables for which the permission is missing.
    pub denied: BTreeSet<String>,
    /// Table → ids of the records whose rows are not shown.
    pub hidden_rows: BTreeMap<String, BTreeSet<i64>>,
    /// `table.column`.
    pub hidden_columns: BTreeSet<String>,
    /// What hidden columns look like.
    pub hidden_as: HiddenColumns,
    /// `table.column` that can be selected, and by which no query can be filtered.
    pub unfilterable_columns: BTreeSet<String>,
}
