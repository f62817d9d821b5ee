//! Changes, made at their sources.

use std::sync::Arc;

use mysql::tenant::{App, MysqlTenants, TenantAddresses};
use serde_json::{Map, json};
use shared::domain::id::Side;
use shared::runtime::clock::{Clock, SystemClock};

use crate::Failure;
use crate::seed::{Seeded, customer, new_phone, phone};
use crate::stack::Stack;

/// A person edits a record in NetSuite: the User Event script tells ingest.
pub(crate) fn in_netsuite(stack: &Stack, record: &Seeded, phone: &str) -> Result<(), Failure> {
    let values = Map::from_iter([("phone".to_string(), phone.into())]);
    let edited = stack.netsuite.ui_edit(&record.account, &customer(), &record.netsuite, &values, true, "ann");
    Ok(edited.map_err(|refusal| refusal.message)?)
}

/// A person edits a record in SuiteX: done when this returns.
pub(crate) async fn in_suitex(app: &App, record: &Seeded, phone: &str) -> Result<(), Failure> {
    let values = Map::from_iter([("phone".to_string(), phone.into())]);
    app.edit(&record.account, "customer", &record.suitex.to_string(), &values, "sam").await?;
    Ok(())
}

/// SuiteX tells the relay that there is something in an account's outbox.
pub(crate) async fn poke(stack: &Stack, record: &Seeded) {
    stack.fleet.post("outbox", &format!("/poke?account={}", record.account)).await;
}

/// SuiteX's people, on connections of their own.
pub(crate) fn people(stack: &Stack) -> Result<App, Failure> {
    let addresses = TenantAddresses(stack.databases.tenants(&stack.config));
    let tenants = MysqlTenants::new(&stack.config, &addresses).map_err(|wrong| wrong.join("\n"))?;
    Ok(App::new(Arc::new(tenants)))
}

/// Ingest is told of an edit in SuiteX that was made already.
pub(crate) async fn of_suitex(stack: &Stack, record: &Seeded) -> Result<(), Failure> {
    let event = json!({
        "accountId": record.account, "recordType": "customer", "recordId": record.suitex.to_string(),
        "source": "suitex", "operation": "update", "timestamp": SystemClock.now(), "revision": 1,
        "payload": {
            "changes": { "phone": new_phone(record.suitex) }, "previous": { "phone": phone(record.suitex) },
        },
        "authContext": { "actor": "sam" },
    });
    let status = stack.post(&record.account, event.to_string()).await;
    if status.as_u16() == 202 { Ok(()) } else { Err(format!("ingest answered {status}").into()) }
}

/// Where a record is edited in `path`: one half here, one half there.
pub(crate) fn source(suitex: u64) -> Side {
    if suitex.is_multiple_of(2) { Side::SuiteX } else { Side::NetSuite }
}
