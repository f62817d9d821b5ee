//! `suitex-sync migrate` brings the databases to this program's level, and has the SuiteX tables tell their edits;
//! `suitex-sync migrate roles` says who may do what there.
//!
//! ```text
//! first    migrate roles    an administrator: makes the role of migrate, for nothing else is there yet
//!          migrate          an account with that role
//!          migrate roles    the administrator: makes the functions' roles
//! later    migrate          and `migrate roles`, when roles, types or lists were added
//! ```
//!
//! They are two because nobody who changes schemas should be able to give rights, and nobody who gives rights need
//! know how schemas change. Every database is gone to, whatever happens at another.

use std::sync::Arc;

use futures::future::BoxFuture;
use mysql::migrate::{Report, Schema, level, migrate as apply};
use mysql::pool::{PoolOptions, connect};
use mysql::{roles, tenant};
use shared::domain::surface::{Account, SyncConfig};
use shared::runtime::env::{Env, EnvReader};
use sqlx::MySqlPool;

use crate::NotStarted;
use crate::settings::{sync_config, tenants};

/// A database that is to be worked on.
struct Database {
    /// The variable that names it, and whose it is.
    name: String,
    schema: Schema,
    url: String,
    /// Whose SuiteX it is.
    account: Option<Account>,
}

/// Migrates every database whose address is given; answers a line for each.
///
/// | variable | |
/// |---|---|
/// | `LEDGER_DATABASE_URL` | the database event_store |
/// | `STATE_DATABASE_URL` | the database sync_state |
/// | `TENANT_DATABASES` | the tenants' databases, `acme=mysql://…;globex=mysql://…` |
/// | `SYNC_CONFIG` | path of `sync.toml`; needed with `TENANT_DATABASES` |
///
/// # Errors
///
/// Everything that is wrong, and what was done all the same.
pub async fn migrate(env: &Env) -> Result<Vec<String>, NotStarted> {
    let mut reader = EnvReader::new(env);
    let databases = databases(&mut reader);
    reader.finish()?;
    each(databases, |database, pool| Box::pin(migrate_one(database, pool))).await
}

/// Makes the roles in every database whose address is given; answers a line for each. The variables are those of
/// [`migrate`], with an account that may create roles and grant, and
///
/// | variable | default | |
/// |---|---|---|
/// | `ROLES_PREFIX` | `sync-` | what the roles' names begin with, where one server holds several systems |
///
/// # Errors
///
/// Everything that is wrong, and what was done all the same.
pub async fn migrate_roles(env: &Env) -> Result<Vec<String>, NotStarted> {
    let mut reader = EnvReader::new(env);
    let prefix = reader.optional("ROLES_PREFIX").unwrap_or_else(|| roles::PREFIX.to_string());
    if !prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)) || prefix.len() > 20 {
        reader.refuse("ROLES_PREFIX", "it has up to 20 of A-Z a-z 0-9 - _");
    }
    let databases = databases(&mut reader);
    reader.finish()?;
    let prefix: Arc<str> = prefix.into();
    each(databases, |database, pool| {
        let prefix = Arc::clone(&prefix);
        Box::pin(async move { roles_of_one(database, pool, &prefix).await })
    })
    .await
}

fn databases(reader: &mut EnvReader<'_>) -> Vec<Database> {
    let mut databases = Vec::new();
    for (name, schema) in
        [("LEDGER_DATABASE_URL", Schema::EventStore), ("STATE_DATABASE_URL", Schema::SyncState)]
    {
        let url = reader.optional(name);
        databases.extend(url.map(|url| Database { name: name.into(), schema, url, account: None }));
    }
    if reader.optional("TENANT_DATABASES").is_some() {
        let config = sync_config(reader);
        databases.extend(tenants_of(reader, &config));
    }
    if databases.is_empty() {
        let name = "LEDGER_DATABASE_URL, STATE_DATABASE_URL, TENANT_DATABASES";
        reader.refuse(name, "there is nothing to do: set one of them");
    }
    databases
}

fn tenants_of(reader: &mut EnvReader<'_>, config: &SyncConfig) -> Vec<Database> {
    let mut databases = Vec::new();
    for (id, url) in tenants(reader).0 {
        // A file that cannot be read has been told already.
        match config.accounts.get(&id).cloned() {
            Some(account) => databases.push(Database {
                name: format!("TENANT_DATABASES, {id}"),
                schema: Schema::Tenant,
                url,
                account: Some(account),
            }),
            None if config.accounts.is_empty() => {}
            None => reader.refuse("TENANT_DATABASES", format!("{id} is not an account of SYNC_CONFIG")),
        }
    }
    databases
}

/// Does `work` on each database, one after the other.
async fn each<W>(databases: Vec<Database>, work: W) -> Result<Vec<String>, NotStarted>
where
    W: for<'a> Fn(&'a Database, &'a MySqlPool) -> BoxFuture<'a, Result<String, String>>,
{
    let (mut done, mut wrong) = (Vec::new(), Vec::new());
    for database in &databases {
        let options = PoolOptions { connections: 2, ..PoolOptions::new(&database.url) };
        let worked = match connect(&options) {
            Ok(pool) => {
                let worked = work(database, &pool).await;
                pool.close().await;
                worked
            }
            Err(error) => Err(error.to_string()),
        };
        let name = &database.name;
        match worked {
            Ok(line) => done.push(format!("{name}: {line}")),
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    if wrong.is_empty() {
        return Ok(done);
    }
    wrong.extend(done.into_iter().map(|line| format!("done all the same: {line}")));
    Err(NotStarted(wrong))
}

async fn migrate_one(database: &Database, pool: &MySqlPool) -> Result<String, String> {
    let schema = database.schema;
    let Report { level, applied } = apply(pool, schema).await.map_err(|error| error.to_string())?;
    let line = format!("{schema} is at level {level}, {} applied now", applied.len());
    let Some(account) = &database.account else { return Ok(line) };
    let made = tenant::make(pool, account).await.map_err(|error| error.to_string())?;
    Ok(format!("{line}; its triggers {}", if made { "were made now" } else { "are as they should be" }))
}

async fn roles_of_one(database: &Database, pool: &MySqlPool, prefix: &str) -> Result<String, String> {
    let (schema, told) = (database.schema, |error: sqlx::Error| error.to_string());
    let (at, known) =
        (level(pool, schema).await.map_err(|error| error.to_string())?, schema.migrations().len());
    if at < known {
        // The functions' rights are on tables that may not be there yet.
        roles::run(pool, roles::statements_of_migrate(schema, prefix)).await.map_err(told)?;
        return Ok(format!(
            "{schema} is at level {at} of {known}: only {prefix}migrate was made; run `suitex-sync migrate`, \
             and this again"
        ));
    }
    roles::apply(pool, schema, prefix).await.map_err(told)?;
    if let Some(account) = &database.account {
        let tables = tenant::tables(account);
        let grants = roles::business_tables(tables.iter().map(String::as_str), prefix);
        roles::run(pool, grants).await.map_err(told)?;
    }
    Ok(format!("the roles of {schema} are made"))
}
