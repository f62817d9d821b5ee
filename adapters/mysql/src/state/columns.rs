//! Names and ids, out of columns.

use shared::domain::id::{AccountId, CanonicalId, RecordKey, RecordType, SideId};
use sqlx::Row;
use sqlx::mysql::MySqlRow;

use super::sql::unreadable;

/// The account in the column `account_id`.
pub(super) fn account(row: &MySqlRow) -> Result<AccountId, sqlx::Error> {
    AccountId::parse(row.try_get("account_id")?).map_err(unreadable)
}

/// The record type in the column `record_type`.
pub(super) fn record_type(row: &MySqlRow) -> Result<RecordType, sqlx::Error> {
    RecordType::parse(row.try_get("record_type")?).map_err(unreadable)
}

/// The canonical id in `column`; `None` when it is null.
pub(super) fn canonical(row: &MySqlRow, column: &str) -> Result<Option<CanonicalId>, sqlx::Error> {
    let id: Option<&str> = row.try_get(column)?;
    id.map(CanonicalId::parse).transpose().map_err(unreadable)
}

/// The canonical id in the column `record_id`.
pub(super) fn record_id(row: &MySqlRow) -> Result<CanonicalId, sqlx::Error> {
    CanonicalId::parse(row.try_get("record_id")?).map_err(unreadable)
}

/// The side's id in `column`; `None` when it is null.
pub(super) fn side_id(row: &MySqlRow, column: &str) -> Result<Option<SideId>, sqlx::Error> {
    let id: Option<&str> = row.try_get(column)?;
    id.map(SideId::parse).transpose().map_err(unreadable)
}

/// The key in `account_id`, `record_type` and `record_id`.
pub(super) fn key(row: &MySqlRow) -> Result<RecordKey, sqlx::Error> {
    Ok(RecordKey::new(account(row)?, record_type(row)?, record_id(row)?))
}

/// The name of a place ([`shared::state::Place::name`]) in the column `place`.
pub(super) fn place(row: &MySqlRow) -> Result<&'static str, sqlx::Error> {
    let name: &str = row.try_get("place")?;
    let names = ["pending", "waiting", "applied", "superseded", "conflict", "error"];
    names.into_iter().find(|known| *known == name).ok_or_else(|| unreadable(format!("no place: {name}")))
}
