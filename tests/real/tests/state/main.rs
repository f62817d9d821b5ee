//! The state in a real MySQL, beyond the contract: what happens when many write at once, when connections die, and
//! how MySQL runs the statements.

mod broken;
mod config;
mod explain;
mod inbox;
mod races;
mod twin;

use std::sync::Arc;

use mysql::migrate::Schema;
use mysql::state::MysqlState;
use real_tests::Database;
use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, SideId, Timestamp, Version};
use shared::domain::record::Record;
use shared::state::{Commit, HistoryRow, State, Verdict};
use uuid::Uuid;

/// An empty database, and a state over it.
async fn fresh() -> (Database, MysqlState) {
    let database = Database::fresh(Schema::SyncState).await;
    let state = MysqlState::new(database.pool.clone(), config::config());
    (database, state)
}

fn acme() -> AccountId {
    AccountId::parse("acme").expect("an account's name")
}

fn kind(name: &str) -> RecordType {
    RecordType::parse(name).expect("a type's name")
}

fn canonical(id: &str) -> CanonicalId {
    CanonicalId::parse(id).expect("a canonical id")
}

fn side_id(id: &str) -> SideId {
    SideId::parse(id).expect("a side's id")
}

/// `customer/5` of acme.
fn key(name: &str) -> RecordKey {
    let (record_type, id) = name.split_once('/').expect("type/id");
    RecordKey::new(acme(), kind(record_type), canonical(id))
}

const fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A record of which nothing is stored yet.
fn record(name: &str) -> Record {
    let mut record = Record::new(key(name), &config::surface());
    record.alive = true;
    record
}

/// The record's next row, with one decision in its history.
fn commit_of(record: &Record) -> Commit {
    let history = HistoryRow {
        version: Version(record.row_revision),
        at: at(1),
        source: "suitex".into(),
        actor: None,
        events: vec![],
        decisions: vec![],
    };
    Commit { record: Some(record.clone()), history: vec![history], ..Commit::new(record.key.account.clone()) }
}

async fn load(state: &dyn State, key: &RecordKey) -> Option<Arc<Record>> {
    state.load(std::slice::from_ref(key)).await.expect("the state is there").remove(0)
}

/// Lets so many milliseconds go by.
#[expect(clippy::disallowed_methods, reason = "a real database runs on the machine's own clock")]
async fn rest(millis: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
}

/// Stores a record, and answers it as the next commit must have it.
async fn put(state: &dyn State, record: Record) -> Record {
    let verdicts = state.commit(vec![commit_of(&record)]).await.expect("the state is there");
    assert!(matches!(verdicts[..], [Verdict::Committed(_)]), "{verdicts:?}");
    Record::clone(&*load(state, &record.key).await.expect("what was stored"))
}
