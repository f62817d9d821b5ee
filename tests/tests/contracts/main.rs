//! What every implementation of a port must hold. Each port has a list of its implementations; a further one
//! is one more row there, and the same assertions run over it.
//!
//! Nothing here waits: times are arguments.

mod blob;
mod buffer;
mod clock;
mod ledger;
mod publish;
mod state;

use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, SideId, Timestamp};
use uuid::Uuid;

/// Runs a check on a runtime of its own, as an implementation behind a network needs it.
fn wait<T>(check: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(check)
}

fn account(name: &str) -> AccountId {
    AccountId::parse(name).expect("an account's name")
}

fn acme() -> AccountId {
    account("acme")
}

fn globex() -> AccountId {
    account("globex")
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

/// `customer/5` of an account.
fn key(account: &AccountId, name: &str) -> RecordKey {
    let (record_type, id) = name.split_once('/').expect("type/id");
    RecordKey::new(account.clone(), kind(record_type), canonical(id))
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

const fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}
