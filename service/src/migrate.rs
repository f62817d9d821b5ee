//! `suitex-sync migrate`: brings the databases to this program's level, and their roles up to date. It runs
//! with the migration role, before the functions are deployed.

use mysql::migrate::{Report, Schema, migrate as apply};
use mysql::pool::{PoolOptions, connect};
use mysql::roles;
use shared::runtime::env::{Env, EnvReader};

use crate::NotStarted;

/// Migrates every database whose address is given, and makes its roles; answers a line for each.
///
/// | variable | |
/// |---|---|
/// | `LEDGER_DATABASE_URL` | the database event_store |
/// | `STATE_DATABASE_URL` | the database sync_state |
/// | `TENANT_DATABASES` | addresses of tenants' databases, by semicolon; `acme=` before them is allowed |
/// | `ROLES` | `no` leaves the roles alone |
pub async fn migrate(env: &Env) -> Result<Vec<String>, NotStarted> {
    let reader = EnvReader::new(env);
    let one = |name, schema| reader.optional(name).map(|url| (name, schema, url));
    let mut databases: Vec<(&str, Schema, String)> =
        [one("LEDGER_DATABASE_URL", Schema::EventStore), one("STATE_DATABASE_URL", Schema::SyncState)]
            .into_iter()
            .flatten()
            .collect();
    let tenants = reader.optional("TENANT_DATABASES").unwrap_or_default();
    let tenants = tenants.split(';').map(str::trim).filter(|entry| !entry.is_empty());
    databases.extend(tenants.map(|entry| {
        let url = entry.find("mysql://").map_or(entry, |at| &entry[at..]);
        ("TENANT_DATABASES", Schema::Tenant, url.to_string())
    }));
    if databases.is_empty() {
        let names = "LEDGER_DATABASE_URL, STATE_DATABASE_URL or TENANT_DATABASES";
        return Err(NotStarted(vec![format!("nothing to migrate: set {names}")]));
    }
    let with_roles = reader.optional("ROLES").as_deref() != Some("no");
    let mut lines = Vec::new();
    for (name, schema, url) in databases {
        let at = |error: &dyn std::fmt::Display| NotStarted(vec![format!("{name}: {error}")]);
        let options = PoolOptions { connections: 2, ..PoolOptions::new(url) };
        let pool = connect(&options).map_err(|error| at(&error))?;
        let Report { level, applied } = apply(&pool, schema).await.map_err(|error| at(&error))?;
        if with_roles {
            roles::apply(&pool, schema, roles::PREFIX).await.map_err(|error| at(&error))?;
        }
        lines.push(format!("{schema}: level {level}, {} applied now", applied.len()));
        pool.close().await;
    }
    Ok(lines)
}
