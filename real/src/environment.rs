//! What each function's processes find in their environment: what it needs, and nothing that it has no business
//! in.

use std::collections::BTreeMap;
use std::path::Path;

use local::functions::BUCKET;
use shared::domain::id::AccountId;
use shared::runtime::env::Env;

use crate::bridge::{AUDIENCE, SERVICE_ACCOUNT};
use crate::databases::Databases;
use crate::services::Services;

/// Connections to each database, per process: two of each function leave room on a server of usual size.
const CONNECTIONS: u32 = 6;

/// What all functions' environments are made of.
pub(crate) struct Surroundings<'a> {
    /// The services.
    pub(crate) services: &'a Services,
    /// Redis, as the functions reach it.
    pub(crate) redis: &'a str,
    /// The databases.
    pub(crate) databases: &'a Databases,
    /// The Pub/Sub project.
    pub(crate) project: &'a str,
    /// The file that says what is synced.
    pub(crate) config: &'a Path,
    /// Where the keys of push tokens are.
    pub(crate) jwks_url: String,
    /// The keys of ingest.
    pub(crate) ingest_keys: String,
    /// Where NetSuite is.
    pub(crate) netsuite_url: String,
    /// Our own environment.
    pub(crate) own: &'a Env,
}

impl Surroundings<'_> {
    /// The variables of a function, but for its port.
    pub(crate) fn of(&self, function: &str) -> BTreeMap<&'static str, String> {
        let is = |names: &[&str]| names.contains(&function);
        let Services { pubsub, storage, .. } = self.services;
        let guest = Some(function);
        let mut all = BTreeMap::from([
            ("HOST", "127.0.0.1".to_string()),
            ("END_WITH_STDIN", "yes".to_string()),
            ("SYNC_CONFIG", self.config.display().to_string()),
            ("REDIS_URL", self.redis.to_string()),
            ("PUBSUB_PROJECT", self.project.to_string()),
            ("PUBSUB_EMULATOR_HOST", pubsub.clone()),
            ("STORAGE_EMULATOR_HOST", storage.clone()),
        ]);
        if let Some(filter) = self.own.get("RUST_LOG") {
            all.insert("RUST_LOG", filter.to_string());
        }
        if !is(&["ingest", "outbox"]) {
            all.insert("STATE_DATABASE_URL", self.databases.state(guest));
            if !is(&["poller", "notify"]) {
                all.insert("LEDGER_DATABASE_URL", self.databases.ledger(guest));
            }
            all.insert("DATABASE_CONNECTIONS", CONNECTIONS.to_string());
        }
        if is(&["outbox", "sx-writer"]) {
            all.insert("TENANT_DATABASES", listed(&self.databases.tenants(guest)));
        }
        if !is(&["ingest", "review"]) {
            all.insert("PUSH_AUDIENCE", AUDIENCE.to_string());
            all.insert("PUSH_SERVICE_ACCOUNTS", SERVICE_ACCOUNT.to_string());
            all.insert("PUSH_JWKS_URL", self.jwks_url.clone());
        }
        match function {
            "ingest" => {
                all.insert("BLOB_BUCKET", BUCKET.to_string());
                all.insert("INGEST_KEYS", self.ingest_keys.clone());
            }
            "outbox" | "merge" => drop(all.insert("BLOB_BUCKET", BUCKET.to_string())),
            "poller" => {
                all.insert("BLOB_BUCKET", BUCKET.to_string());
                all.insert("NETSUITE_RESTLET_URL", self.netsuite_url.clone());
                all.insert("NETSUITE_WITHOUT_SIGN_IN", "local".to_string());
                all.insert("POLL_LAG_SECONDS", "2".to_string());
                all.insert("POLL_DELETIONS_MAX", "1000".to_string());
                all.insert("POLL_DELETIONS_PERCENT", "100".to_string());
                all.insert("POLL_NULLS_MAX", "1000".to_string());
            }
            "ns-writer" => {
                all.insert("NETSUITE_RESTLET_URL", self.netsuite_url.clone());
                all.insert("NETSUITE_WITHOUT_SIGN_IN", "local".to_string());
            }
            "review" => {
                all.insert("REVIEW_IDENTITY", "development".to_string());
                all.insert("NETSUITE_RESTLET_URL", self.netsuite_url.clone());
                all.insert("NETSUITE_WITHOUT_SIGN_IN", "local".to_string());
            }
            "notify" => drop(all.insert("REVIEW_URL", "http://127.0.0.1:8080".to_string())),
            _ => {}
        }
        all
    }
}

fn listed(tenants: &BTreeMap<AccountId, String>) -> String {
    tenants.iter().map(|(account, address)| format!("{account}={address}")).collect::<Vec<_>>().join(";")
}
