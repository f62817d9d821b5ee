//! Changes, made at their sources.

use std::collections::BTreeMap;

use serde_json::{Map, json};
use shared::domain::id::{AccountId, Side};
use shared::runtime::clock::{Clock, SystemClock};
use sqlx::MySqlPool;

use crate::Failure;
use crate::seed::{Seeded, customer, new_phone, phone};
use crate::stack::Stack;

/// A person edits a record in NetSuite: the User Event script tells ingest.
pub(crate) fn in_netsuite(stack: &Stack, record: &Seeded, phone: &str) -> Result<(), Failure> {
    let values = Map::from_iter([("phone".to_string(), phone.into())]);
    let edited = stack.netsuite.ui_edit(&record.account, &customer(), &record.netsuite, &values, true, "ann");
    Ok(edited.map_err(|refusal| refusal.message)?)
}

/// SuiteX's people: they know nothing of the sync.
pub(crate) struct People(BTreeMap<AccountId, MySqlPool>);

/// A person edits a record in SuiteX: done when this returns.
pub(crate) async fn in_suitex(people: &People, record: &Seeded, phone: &str) -> Result<(), Failure> {
    let edit = sqlx::query("update customers set phone = ? where id = ?").bind(phone).bind(record.suitex);
    edit.execute(&people.0[&record.account]).await?;
    Ok(())
}

/// SuiteX tells the relay that there is something in an account's outbox.
pub(crate) async fn poke(stack: &Stack, record: &Seeded) {
    stack.fleet.post("outbox", &format!("/poke?account={}", record.account)).await;
}

/// SuiteX's people, on connections of their own.
pub(crate) fn people(stack: &Stack) -> Result<People, Failure> {
    let pool = |account: &AccountId| Ok((account.clone(), stack.databases.pool(account.as_str(), 2)?));
    Ok(People(stack.config.accounts.keys().map(pool).collect::<Result<_, Failure>>()?))
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
