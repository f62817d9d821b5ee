//! Short names for what every check speaks of.

use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, SideId, Timestamp};
use uuid::Uuid;

pub(crate) fn account(name: &str) -> AccountId {
    AccountId::parse(name).expect("an account's name")
}

pub(crate) fn acme() -> AccountId {
    account("acme")
}

pub(crate) fn globex() -> AccountId {
    account("globex")
}

pub(crate) fn kind(name: &str) -> RecordType {
    RecordType::parse(name).expect("a type's name")
}

pub(crate) fn canonical(id: &str) -> CanonicalId {
    CanonicalId::parse(id).expect("a canonical id")
}

pub(crate) fn side_id(id: &str) -> SideId {
    SideId::parse(id).expect("a side's id")
}

/// `customer/5` of an account.
pub(crate) fn key(account: &AccountId, name: &str) -> RecordKey {
    let (record_type, id) = name.split_once('/').expect("type/id");
    RecordKey::new(account.clone(), kind(record_type), canonical(id))
}

pub(crate) fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(crate) const fn at(millis: i64) -> Timestamp {
    Timestamp(millis)
}
