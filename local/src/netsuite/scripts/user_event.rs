//! User Events: what runs after a save.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use shared::domain::surface::FieldIx;

use super::price::Allowance;
use super::records::document;
use super::run::{Run, Runner};
use crate::netsuite::account::Account;
use crate::netsuite::record::Record;
use crate::netsuite::schema::Schema;
use crate::netsuite::user_event::{Context, Origin};

/// A save that User Events see.
#[derive(Debug, Clone)]
pub(in crate::netsuite) struct Submitted {
    /// NetSuite's name of the record's type.
    pub(in crate::netsuite) record_type: String,
    /// `create`, `edit`, `xedit` or `delete`.
    pub(in crate::netsuite) event: &'static str,
    /// The record after the save; a deleted one as it was.
    pub(in crate::netsuite) after: Json,
    /// The record before it.
    pub(in crate::netsuite) before: Json,
    /// The fields that an inline edit carries; nothing in any other save.
    pub(in crate::netsuite) edited: Option<Vec<String>>,
    pub(in crate::netsuite) context: Context,
    pub(in crate::netsuite) user: String,
}

impl Submitted {
    pub(in crate::netsuite) fn new(
        schema: &Schema,
        event: &'static str,
        after: Json,
        before: Json,
        origin: &Origin<'_>,
    ) -> Self {
        Self {
            record_type: schema.surface().netsuite.to_ascii_lowercase(),
            event,
            after,
            before,
            edited: None,
            context: origin.context,
            user: origin.user.to_string(),
        }
    }
}

/// The save that stored `record`: a create, or an edit that changed these fields of what was there before.
pub(in crate::netsuite) fn submitted(
    schema: &Schema,
    record: &Record,
    before: Option<(&Record, Vec<FieldIx>)>,
    origin: &Origin<'_>,
) -> Submitted {
    let after = document(schema, Some(record));
    let Some((before, changed)) = before else {
        return Submitted::new(schema, "create", after, Json::Null, origin);
    };
    let before = document(schema, Some(before));
    if !origin.inline {
        return Submitted::new(schema, "edit", after, before, origin);
    }
    let edited = changed.into_iter().map(|ix| schema.field(ix).netsuite.clone()).collect();
    Submitted { edited: Some(edited), ..Submitted::new(schema, "xedit", after, before, origin) }
}

/// Runs the type's User Events. Whatever becomes of them, the save stands.
pub(in crate::netsuite) fn after_submit(account: &Arc<Account>, submitted: &Submitted) {
    let Some(deployed) = &account.deployed else { return };
    let listening = deployed.project.user_events(&submitted.record_type);
    for (script, deployment) in listening.filter(|(_, of)| of.runs_in(submitted.context)) {
        let runner = Runner { script, deployment, context: submitted.context, user: &submitted.user };
        let argument = json!({
            "type": submitted.event,
            "newRecord": submitted.after,
            "oldRecord": submitted.before,
            "edited": submitted.edited,
        });
        let ran = Run::engine(account, deployed, &runner).and_then(|(run, engine)| {
            run.begin(Allowance::USER_EVENT);
            engine.enter(&script.file, "afterSubmit", &argument)
        });
        if let Err(thrown) = ran {
            account.enter().note_script(&script.id, &thrown);
        }
    }
}
