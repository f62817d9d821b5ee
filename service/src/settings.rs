//! What a function's environment says.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use google::config::{PubsubConfig, StorageConfig, TokenConfig};
use google::token::people::PeopleConfig;
use mysql::tenant::TenantAddresses;
use shared::domain::id::AccountId;
use shared::domain::surface::SyncConfig;
use shared::netsuite::config::NetSuiteConfig;
use shared::runtime::env::{Env, EnvReader, Secret, Wrong};

use crate::NotStarted;

/// The functions, in the order in which data passes them.
pub const FUNCTIONS: [&str; 9] =
    ["ingest", "poller", "outbox", "merge", "ns-writer", "sx-writer", "dlq", "review", "notify"];

/// What a function is given: nothing that it has no business in.
#[derive(Debug, Clone, Copy)]
struct Needs {
    /// Our databases: `STATE_DATABASE_URL`,
    state: bool,
    /// and `LEDGER_DATABASE_URL`.
    ledger: bool,
    /// The tenants' databases.
    tenants: bool,
    /// Whether Pub/Sub or Cloud Scheduler calls it, with a token.
    pushed: bool,
}

fn needs(function: &str) -> Needs {
    let is = |names: &[&str]| names.contains(&function);
    Needs {
        state: !is(&["ingest", "outbox"]),
        ledger: !is(&["ingest", "outbox", "poller", "notify"]),
        tenants: is(&["outbox", "sx-writer"]),
        pushed: !is(&["ingest", "review"]),
    }
}

/// Settings of one function.
///
/// | variable | of | |
/// |---|---|---|
/// | `PORT`, `HOST` | all | where to listen; 8080, on every address |
/// | `SYNC_CONFIG` | all | path of `sync.toml` |
/// | `REDIS_URL`, `REDIS_CA` | all | the buffer; path of its authority's certificate, for `rediss://` |
/// | `STATE_DATABASE_URL` | all but ingest and outbox | the state |
/// | `LEDGER_DATABASE_URL` | the same, but for the poller and notify | the ledger |
/// | `DATABASE_CONNECTIONS` | the same | connections to each at most; 8 |
/// | `TENANT_DATABASES` | outbox, sx-writer | `acme=mysql://…;globex=mysql://…` |
/// | see [`PubsubConfig`], [`StorageConfig`] | all | |
/// | see [`TokenConfig`] | all but ingest and review | |
/// | see [`NetSuiteConfig`] | poller, ns-writer | |
/// | the same | review | who set a value is asked of NetSuite; without `NETSUITE_RESTLET_URL` it is not |
/// | see each function's own `Config` | ingest, poller, outbox, merge, notify | |
/// | see [`messenger::Config`] | notify | mail and Slack |
/// | see [`PeopleConfig`] | review | how people are let in |
pub(crate) struct Settings {
    pub(crate) function: &'static str,
    pub(crate) listen: SocketAddr,
    pub(crate) config: Arc<SyncConfig>,
    pub(crate) redis: Secret,
    pub(crate) redis_authority: Option<Vec<u8>>,
    pub(crate) databases: Option<Databases>,
    pub(crate) tenants: Option<TenantAddresses>,
    pub(crate) pubsub: PubsubConfig,
    pub(crate) storage: StorageConfig,
    pub(crate) tokens: Option<TokenConfig>,
    pub(crate) own: Own,
}

/// Where our databases are.
pub(crate) struct Databases {
    pub(crate) state: Secret,
    /// None of a function that has no business there.
    pub(crate) ledger: Option<Secret>,
    pub(crate) connections: u32,
}

/// What only one function needs.
pub(crate) enum Own {
    Ingest(ingest::Config),
    Poller(poller::Config),
    Outbox(outbox::Config),
    Merge(merge::Config),
    NsWriter(ns_writer::Config),
    SxWriter,
    Dlq,
    /// It asks NetSuite only where it was told where that is.
    Review(PeopleConfig, Option<NetSuiteConfig>),
    Notify(notify::Config, messenger::Config),
}

impl Settings {
    /// The bucket for large bodies, where the function has business there.
    pub(crate) fn bucket(&self) -> Option<&str> {
        match &self.own {
            Own::Ingest(config) => Some(&config.offload.bucket),
            Own::Poller(config) => Some(&config.offload.bucket),
            Own::Outbox(config) => Some(&config.offload.bucket),
            Own::Merge(config) => Some(&config.blob_bucket),
            _ => None,
        }
    }

    /// Reads the settings of the function `name`, and everything that is missing or wrong: what that is reads as
    /// its type's default, and must not be used. An error when there is no such function.
    pub(crate) fn read(name: &str, env: &Env) -> Result<(Self, Told), NotStarted> {
        let mut reader = EnvReader::new(env);
        let Some(function) = FUNCTIONS.into_iter().find(|known| *known == name) else {
            return Err(NotStarted(vec![format!("{name} is none of {}", FUNCTIONS.join(", "))]));
        };
        let needs = needs(function);
        let port = reader.parsed_or("PORT", 8080, "where to listen");
        let host = reader.parsed_or("HOST", IpAddr::V4(Ipv4Addr::UNSPECIFIED), "the address to listen on");
        let config = sync_config(&mut reader);
        let settings = Self {
            function,
            listen: SocketAddr::from((host, port)),
            redis: reader.secret("REDIS_URL", "the buffer, redis://host:port"),
            redis_authority: authority(&mut reader),
            databases: needs.state.then(|| databases(&mut reader, needs.ledger)),
            tenants: needs.tenants.then(|| tenants(&mut reader)),
            pubsub: PubsubConfig::read(&mut reader),
            storage: StorageConfig::read(&mut reader),
            tokens: needs.pushed.then(|| TokenConfig::read(&mut reader)),
            own: own(function, &mut reader, &config, host),
            config,
        };
        Ok((settings, Told(reader.into_wrong())))
    }
}

/// What was wrong with the environment.
pub(crate) struct Told(Vec<Wrong>);

impl Told {
    /// Whether it was about a variable whose name begins with one of these.
    pub(crate) fn about(&self, names: &[&str]) -> bool {
        self.0.iter().any(|wrong| names.iter().any(|name| wrong.name.starts_with(name)))
    }

    /// A line for each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.iter().map(|wrong| wrong.line.clone()).collect()
    }
}

fn own(function: &str, reader: &mut EnvReader<'_>, sync: &SyncConfig, host: IpAddr) -> Own {
    match function {
        "ingest" => Own::Ingest(ingest::Config::read(reader)),
        "poller" => Own::Poller(poller::Config::read(reader, sync.accounts.keys())),
        "outbox" => Own::Outbox(outbox::Config::read(reader)),
        "merge" => Own::Merge(merge::Config::read(reader)),
        "ns-writer" => Own::NsWriter(ns_writer::Config::read(reader, sync.accounts.keys())),
        "sx-writer" => Own::SxWriter,
        "dlq" => Own::Dlq,
        "notify" => Own::Notify(notify::Config::read(reader), messenger::Config::read(reader, sync)),
        _ => {
            let asks = reader.optional("NETSUITE_RESTLET_URL").is_some();
            let netsuite = asks.then(|| NetSuiteConfig::read(reader, sync.accounts.keys()));
            Own::Review(PeopleConfig::read(reader, host.is_loopback()), netsuite)
        }
    }
}

pub(crate) fn sync_config(reader: &mut EnvReader<'_>) -> Arc<SyncConfig> {
    let path = reader.required("SYNC_CONFIG", "the path of sync.toml");
    let read = || {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        SyncConfig::parse(&text).map_err(|error| format!("{path}: {error}"))
    };
    let config = if path.is_empty() { Err(String::new()) } else { read() };
    Arc::new(config.unwrap_or_else(|reason| {
        if !reason.is_empty() {
            reader.refuse("SYNC_CONFIG", reason);
        }
        SyncConfig { coalescing: Default::default(), notify: Default::default(), accounts: BTreeMap::new() }
    }))
}

fn authority(reader: &mut EnvReader<'_>) -> Option<Vec<u8>> {
    let path = reader.optional("REDIS_CA")?;
    match std::fs::read(&path) {
        Ok(pem) => Some(pem),
        Err(error) => {
            reader.refuse("REDIS_CA", format!("{path}: {error}"));
            None
        }
    }
}

fn databases(reader: &mut EnvReader<'_>, with_ledger: bool) -> Databases {
    let connections = reader.parsed_or("DATABASE_CONNECTIONS", 8, "connections to each database");
    if !(1..=200).contains(&connections) {
        reader.refuse("DATABASE_CONNECTIONS", "it must lie between 1 and 200");
    }
    Databases {
        state: reader.secret("STATE_DATABASE_URL", "the database sync_state, mysql://…"),
        ledger: with_ledger
            .then(|| reader.secret("LEDGER_DATABASE_URL", "the database event_store, mysql://…")),
        connections,
    }
}

pub(crate) fn tenants(reader: &mut EnvReader<'_>) -> TenantAddresses {
    let text = reader.secret("TENANT_DATABASES", "each account's SuiteX database, acme=mysql://…;…");
    let mut addresses = BTreeMap::new();
    for entry in text.expose().split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
        // The entry itself is not repeated: it may hold a password.
        match entry.split_once('=').map(|(account, url)| (AccountId::parse(account.trim()), url)) {
            Some((Ok(account), url)) => drop(addresses.insert(account, url.trim().to_string())),
            _ => reader.refuse("TENANT_DATABASES", "each entry is an account, =, and an address"),
        }
    }
    TenantAddresses(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(function: &str, variables: &[(&str, &str)]) -> String {
        let env: Env = variables.iter().copied().collect();
        match Settings::read(function, &env) {
            Ok((_, told)) => told.lines().join("\n"),
            Err(unknown) => unknown.to_string(),
        }
    }

    #[test]
    fn everything_that_a_function_lacks_is_named_at_once() {
        let text = wrong("merge", &[("PORT", "none"), ("DATABASE_CONNECTIONS", "0")]);
        for line in [
            "PORT is wrong",
            "SYNC_CONFIG is missing",
            "REDIS_URL is missing",
            "STATE_DATABASE_URL is missing",
            "LEDGER_DATABASE_URL is missing",
            "DATABASE_CONNECTIONS is wrong",
            "PUBSUB_PROJECT is missing",
            "PUSH_AUDIENCE is missing",
            "BLOB_BUCKET is missing",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("TENANT_DATABASES"), "merge has no business there: {text}");
    }

    #[test]
    fn nobody_is_given_what_is_not_theirs() {
        for (function, absent) in [
            ("ingest", "DATABASE_URL"),
            ("ingest", "TENANT_DATABASES"),
            ("outbox", "DATABASE_URL"),
            ("review", "TENANT_DATABASES"),
            ("dlq", "NETSUITE_RESTLET_URL"),
            ("poller", "LEDGER_DATABASE_URL"),
            ("notify", "LEDGER_DATABASE_URL"),
            ("notify", "TENANT_DATABASES"),
            ("sx-writer", "NETSUITE_CREDENTIALS"),
        ] {
            assert!(!wrong(function, &[]).contains(absent), "{function} asks for {absent}");
        }
        assert!(wrong("sx-writer", &[]).contains("TENANT_DATABASES is missing"));
        assert!(wrong("ns-writer", &[]).contains("NETSUITE_CREDENTIALS is missing"));
    }

    #[test]
    fn review_asks_netsuite_only_where_it_is_told_to() {
        assert!(!wrong("review", &[]).contains("NETSUITE"));
        let told = ("NETSUITE_RESTLET_URL", "https://{netsuite}.restlets.api.netsuite.com");
        assert!(wrong("review", &[told]).contains("NETSUITE_CREDENTIALS is missing"));
    }

    #[test]
    fn a_wrong_tenant_address_is_refused_without_repeating_it() {
        let text = wrong("outbox", &[("TENANT_DATABASES", "acme=mysql://x;mysql://root:hush@h/d")]);
        assert!(text.contains("TENANT_DATABASES is wrong") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn what_was_told_is_known_by_its_variable() {
        let env: Env = [("REDIS_CA", "/nowhere.pem")].into_iter().collect();
        let (_, told) = Settings::read("merge", &env).expect("a function");
        assert!(told.about(&["REDIS_CA"]) && told.about(&["PUBSUB_"]) && !told.about(&["TENANT_DATABASES"]));
    }

    #[test]
    fn an_unknown_function_is_told_which_there_are() {
        assert!(wrong("mergee", &[]).contains("mergee is none of ingest, poller, outbox, merge"));
    }

    #[test]
    fn review_does_not_start_unprotected_by_accident() {
        assert!(wrong("review", &[]).contains("REVIEW_IDENTITY is missing"));
        assert!(wrong("review", &[("REVIEW_IDENTITY", "none")]).contains("only iap, suitex and development"));
        let development = ("REVIEW_IDENTITY", "development");
        let here = ("HOST", "127.0.0.1");
        assert!(!wrong("review", &[development, here]).contains("REVIEW_IDENTITY"));
        assert!(wrong("review", &[development]).contains("HOST must be 127.0.0.1"), "others could come by");
        let deployed = wrong("review", &[development, here, ("K_SERVICE", "review")]);
        assert!(deployed.contains("this is a deployment"), "{deployed}");
    }

    #[test]
    fn review_is_told_what_its_way_in_lacks() {
        let iap = wrong("review", &[("REVIEW_IDENTITY", "iap"), ("REVIEW_IAP_JWKS_URL", "keys")]);
        assert!(iap.contains("REVIEW_IAP_AUDIENCE is missing") && iap.contains("it is not a URL"), "{iap}");
        let suitex = wrong("review", &[("REVIEW_IDENTITY", "suitex")]);
        for line in ["REVIEW_JWT_ISSUER is missing", "REVIEW_JWT_AUDIENCE is missing", "or REVIEW_JWT_PEM"] {
            assert!(suitex.contains(line), "{line}: {suitex}");
        }
        for (pem, why) in [("/nowhere.pem", "cannot be read"), ("-----BEGIN PRIVATE KEY-----", "private key")]
        {
            let told = wrong("review", &[("REVIEW_IDENTITY", "suitex"), ("REVIEW_JWT_PEM", pem)]);
            assert!(told.contains(why), "{told}");
        }
    }
}
