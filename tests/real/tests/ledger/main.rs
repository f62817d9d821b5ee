//! The ledger on a real server: what the contract cannot ask, because only MySQL can fail so.

mod append;
mod plans;
mod scan;

use bytes::Bytes;
use mysql::ledger::MysqlLedger;
use mysql::migrate::Schema;
use real_tests::Database;
use shared::domain::id::{AccountId, RecordType, Timestamp};
use shared::ledger::Entry;
use sqlx::MySqlPool;
use uuid::Uuid;

/// A database for the ledger, and one instance on it.
async fn ledger() -> (Database, MysqlLedger) {
    let database = Database::fresh(Schema::EventStore).await;
    let ledger = on(database.pool.clone());
    (database, ledger)
}

/// One instance on a pool.
fn on(pool: MySqlPool) -> MysqlLedger {
    let (ledger, worker) = MysqlLedger::new(pool);
    real_tests::run(worker);
    ledger
}

fn account(name: &str) -> AccountId {
    AccountId::parse(name).expect("an account's name")
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn entry(account_id: &str, n: u128) -> Entry {
    Entry {
        account: account(account_id),
        event_id: id(n),
        record_type: RecordType::parse("customer").expect("a type's name"),
        record_id: "5".into(),
        source: "suitex",
        operation: "update",
        occurred_at: Timestamp(1_767_225_600_000),
        payload: Bytes::from(format!("{{\"n\":{n}}}")),
    }
}
