//! Which triggers a tenant's database has: made by `migrate` from its configuration, compared by the functions with
//! theirs.
//!
//! `sync_surface` holds the checksum of the statements that made them. It is zeros while they are exchanged, so that
//! who dies in between leaves nothing that looks complete.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use shared::domain::surface::Account;
use sqlx::{Connection, MySqlConnection, MySqlPool};

use super::ddl::{Statement, ddl, run_on, trigger_name, trigger_names, without_triggers};
use crate::fault;
use crate::migrate::{MigrateError, Schema, turn};

/// Makes the synced tables of `account` tell their edits, as this program would have it, and removes triggers of ours
/// that nothing asks for any more. Answers whether there was anything to do. `pool`'s database is migrated; two at
/// once take turns.
///
/// # Errors
///
/// The first statement's that failed. All may be done again.
pub async fn make(pool: &MySqlPool, account: &Account) -> Result<bool, MigrateError> {
    let mut connection = turn(pool, Schema::Tenant).await?;
    let made = exchange(&mut connection, account).await.map_err(failed)?;
    // Locks end with the connection.
    connection.close().await.map_err(failed)?;
    Ok(made)
}

/// `Ok` when the triggers of `pool`'s database are those that `account` asks for.
pub async fn check(pool: &MySqlPool, account: &Account) -> Result<(), MigrateError> {
    let account_id = || account.id.clone();
    let mut connection = pool.acquire().await.map_err(failed)?;
    match noted(&mut connection).await {
        Ok(Some((checksum, _))) if checksum == checksum_of(&ddl(account)) => Ok(()),
        Ok(Some((_, made_at))) => Err(MigrateError::OtherTriggers { account: account_id(), made_at }),
        Ok(None) => Err(MigrateError::NoTriggers { account: account_id() }),
        // There is no such table: the database is behind.
        Err(error) if fault::number(&error) == Some(1146) => {
            Err(MigrateError::NoTriggers { account: account_id() })
        }
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: sqlx::Error) -> MigrateError {
    MigrateError::Database { schema: Schema::Tenant, error }
}

async fn exchange(on: &mut MySqlConnection, account: &Account) -> Result<bool, sqlx::Error> {
    let statements = ddl(account);
    let (checksum, wanted, there) = (checksum_of(&statements), trigger_names(account), ours(on).await?);
    let noted = noted(on).await?.map(|(checksum, _)| checksum);
    if noted.as_deref() == Some(&checksum[..]) && there == wanted {
        return Ok(false);
    }
    note(on, &[0; 32]).await?;
    run_on(on, &without_triggers(there.difference(&wanted))).await?;
    run_on(on, &statements).await?;
    note(on, &checksum).await?;
    Ok(true)
}

fn checksum_of(statements: &[Statement]) -> Vec<u8> {
    let mut checksum = Sha256::new();
    for statement in statements {
        checksum.update(statement.as_str());
        checksum.update(";");
    }
    checksum.finalize().to_vec()
}

/// The checksum that is noted, and when that was.
async fn noted(on: &mut MySqlConnection) -> Result<Option<(Vec<u8>, String)>, sqlx::Error> {
    let row = "select checksum, date_format(made_at, '%Y-%m-%d %H:%i:%s UTC') from sync_surface where id = 1";
    sqlx::query_as(row).fetch_optional(on).await
}

async fn note(on: &mut MySqlConnection, checksum: &[u8]) -> Result<(), sqlx::Error> {
    let row = "insert into sync_surface (id, checksum, made_at) values (1, ?, utc_timestamp(6)) \
        on duplicate key update checksum = ?, made_at = utc_timestamp(6)";
    sqlx::query(row).bind(checksum).bind(checksum).execute(on).await.map(drop)
}

/// The triggers of ours that are there: known by their names, and by what they call.
async fn ours(on: &mut MySqlConnection) -> Result<BTreeSet<String>, sqlx::Error> {
    let there = "select cast(trigger_name as char), cast(event_object_table as char), \
        lower(cast(action_timing as char)), lower(cast(event_manipulation as char)) \
        from information_schema.triggers where trigger_schema = database() \
        and (action_statement like '%call sync\\_%' or action_timing = 'BEFORE')";
    let there: Vec<(String, String, String, String)> = sqlx::query_as(there).fetch_all(on).await?;
    let ours =
        there.into_iter().filter(|(name, table, time, event)| *name == trigger_name(table, time, event));
    Ok(ours.map(|(name, ..)| name).collect())
}
