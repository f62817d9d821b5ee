//! What an account's own rules keep from being saved: closed periods, locked records, permissions that our role lacks.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::account::State;
use super::record::Body;
use super::refusal::{Reason, Refused};
use super::scripts::Family;
use super::store::TableIx;
use super::user_event::{Context, Origin};

/// The field that says to which period a transaction belongs.
const POSTED: &str = "trandate";

/// The rules of one account; types by NetSuite's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Transactions of this day (`YYYY-MM-DD`) and before are of closed periods: nobody saves them.
    pub closed_until: Option<String>,
    /// Type → ids of records that a workflow has locked; people's own pages open them all the same.
    pub locked: BTreeMap<String, BTreeSet<u64>>,
    /// Types that our role may look at and not edit.
    pub read_only: BTreeSet<String>,
}

impl State {
    /// Refuses a save that a rule forbids: `body` is what the record would hold.
    pub(super) fn refuse_by_rule(
        &self,
        table: TableIx,
        id: Option<u64>,
        body: &Body,
        origin: &Origin<'_>,
    ) -> Result<(), Refused> {
        let of = self.store.table(table);
        let (rules, name) = (&self.faults().rules, of.schema.surface().netsuite.as_str());
        if origin.context != Context::UserInterface {
            if rules.read_only.contains(name) {
                let message = format!(
                    "Permission Violation: You need a higher level of the '{name}' permission to access this page. \
                     Please contact your account administrator."
                );
                return Err(Refused::new(Reason::Permission, message));
            }
            if id.is_some_and(|id| rules.locked.get(name).is_some_and(|ids| ids.contains(&id))) {
                let message = "This record has been locked by a user defined workflow.";
                return Err(Refused::new(Reason::Business, message));
            }
        }
        let Some(until) = &rules.closed_until else { return Ok(()) };
        let Some(posted) = of.schema.find(POSTED).filter(|_| Family::of(name) == Family::Transaction) else {
            return Ok(());
        };
        let stored = id.and_then(|id| of.get(id)).map(|record| &record.body);
        let is_closed = |body: &Body| {
            // Days in this form compare as text.
            body.render(&of.schema, posted).as_str().is_some_and(|day| day <= until.as_str())
        };
        if is_closed(body) || stored.is_some_and(is_closed) {
            let message = "You cannot create or change a transaction in a closed accounting period.";
            return Err(Refused::new(Reason::Business, message));
        }
        Ok(())
    }
}
