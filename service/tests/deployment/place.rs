//! Where a deployment goes: empty databases on the test server, SuiteX's own tables in two of them, and accounts.

use std::path::PathBuf;

use mysql::pool;
use mysql::tenant;
use shared::domain::id::AccountId;
use shared::domain::surface::SyncConfig;
use shared::runtime::env::Env;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlPool};

/// What is synced at first: one field, and a list.
pub(crate) const CONFIG: &str = r#"
[account.acme]
[account.globex]

[type.customer]
suitex = "customers"

[type.customer.fields]
email = { type = "text" }

[type.customer.fields.notes]
type = "lines"

[type.customer.fields.notes.columns]
text = { type = "text" }
"#;

/// What SuiteX's tables have: another field, too.
pub(crate) const WIDER: &str = r#"
[account.acme]
[account.globex]

[type.customer]
suitex = "customers"

[type.customer.fields]
email = { type = "text" }
phone = { type = "text" }

[type.customer.fields.notes]
type = "lines"

[type.customer.fields.notes.columns]
text = { type = "text" }
"#;

/// The databases by what they hold.
const DATABASES: [&str; 4] = ["events", "state", "acme", "globex"];

/// Databases, roles and accounts of one test, which bear its name.
pub(crate) struct Place {
    test: &'static str,
    root: MySqlConnection,
}

impl Place {
    /// Everything empty, but for SuiteX's own tables. What an earlier run has left is removed.
    pub(crate) async fn new(test: &'static str) -> Self {
        let root = MySqlConnection::connect(&server("")).await.expect("the server of SYNC_TEST_MYSQL");
        let mut place = Self { test, root };
        place.remove().await;
        for database in DATABASES {
            place.run(&format!("create database {}", place.name(database))).await;
        }
        for id in ["acme", "globex"] {
            let pool = place.pool(id, None);
            let account = config(WIDER).accounts[&AccountId::parse(id).unwrap()].clone();
            tenant::run(&pool, &tenant::business_tables(&account)).await.unwrap();
            pool.close().await;
        }
        place
    }

    /// The same, deployed as README says; with an account for each of `functions`.
    pub(crate) async fn deployed(test: &'static str, functions: &[&str]) -> Self {
        let mut place = Self::new(test).await;
        service::migrate_roles(&place.env(None, CONFIG)).await.expect("the role of migrate");
        place.admit("migrate").await;
        service::migrate(&place.env(Some("migrate"), CONFIG)).await.expect("migrated");
        service::migrate_roles(&place.env(None, CONFIG)).await.expect("the roles of the functions");
        for function in functions {
            place.admit(function).await;
        }
        place
    }

    pub(crate) fn prefix(&self) -> String {
        format!("t-{}-", self.test)
    }

    fn name(&self, database: &str) -> String {
        format!("sync_test_service_{}_{database}", self.test)
    }

    /// Makes an account that has the role, and nothing else.
    pub(crate) async fn admit(&mut self, role: &str) {
        let prefix = self.prefix();
        let account = format!("'{prefix}{role}-u'@'%'");
        self.run(&format!("create user {account} identified by 'word' default role '{prefix}{role}'")).await;
    }

    /// An account of SuiteX's own: it may write its table, and knows nothing of us.
    pub(crate) async fn admit_suitex(&mut self) {
        let account = format!("'{}shop-u'@'%'", self.prefix());
        self.run(&format!("create user {account} identified by 'word'")).await;
        for table in ["customers", "customers_notes"] {
            let table = format!("{}.{table}", self.name("acme"));
            self.run(&format!("grant select, insert, update, delete on {table} to {account}")).await;
        }
    }

    /// The address of a database, for an account of [`Place::admit`]; without one, with every right.
    pub(crate) fn url(&self, database: &str, account: Option<&str>) -> String {
        let root = server(&self.name(database));
        let Some(account) = account else { return root };
        let (_, server) = root.split_once('@').expect("an account in the address");
        format!("mysql://{}{account}-u:word@{server}", self.prefix())
    }

    pub(crate) fn pool(&self, database: &str, account: Option<&str>) -> MySqlPool {
        pool::connect(&pool::PoolOptions::new(self.url(database, account))).unwrap()
    }

    /// The environment of `migrate` and `migrate roles`.
    pub(crate) fn env(&self, account: Option<&str>, config: &str) -> Env {
        self.variables(account, config).into_iter().collect()
    }

    /// The variables of `migrate` and `migrate roles`.
    pub(crate) fn variables(&self, account: Option<&str>, config: &str) -> [(&'static str, String); 5] {
        let tenants = ["acme", "globex"].map(|id| format!("{id}={}", self.url(id, account))).join(";");
        [
            ("LEDGER_DATABASE_URL", self.url("events", account)),
            ("STATE_DATABASE_URL", self.url("state", account)),
            ("TENANT_DATABASES", tenants),
            ("SYNC_CONFIG", self.file(config)),
            ("ROLES_PREFIX", self.prefix()),
        ]
    }

    /// The path of a file that holds `config`.
    pub(crate) fn file(&self, config: &str) -> String {
        let name = format!("{}-{}.toml", self.test, if config == WIDER { "wider" } else { "first" });
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, config).unwrap();
        path.display().to_string()
    }

    /// Runs a statement with every right, in no database.
    pub(crate) async fn run(&mut self, statement: &str) {
        if let Err(error) = self.root.execute(AssertSqlSafe(statement.to_string())).await {
            panic!("{statement}: {error}");
        }
    }

    /// Runs a statement with every right, in a database.
    pub(crate) async fn run_in(&mut self, database: &str, statement: &str) {
        let name = self.name(database);
        self.run(&format!("use {name}")).await;
        self.run(statement).await;
    }

    /// Removes databases, accounts and roles.
    pub(crate) async fn remove(&mut self) {
        for database in DATABASES {
            self.run(&format!("drop database if exists {}", self.name(database))).await;
        }
        let prefix = self.prefix();
        let names = "select cast(concat(quote(user), '@', quote(host)) as char) from mysql.user \
            where left(user, char_length(?)) = ?";
        let names = sqlx::query_scalar::<_, String>(names).bind(&prefix).bind(&prefix);
        for name in names.fetch_all(&mut self.root).await.unwrap() {
            self.run(&format!("drop user {name}")).await;
        }
    }
}

pub(crate) fn config(text: &str) -> SyncConfig {
    SyncConfig::parse(text).unwrap()
}

/// The value of an environment variable that names a service.
pub(crate) fn address(variable: &str) -> String {
    match Env::of_process().get(variable) {
        Some(address) => address.to_string(),
        None => panic!("set {variable} (scripts/services up prints it), or run scripts/test"),
    }
}

/// The address of a database of the test server, with every right.
fn server(database: &str) -> String {
    let server = address("SYNC_TEST_MYSQL");
    let (server, query) = server.split_once('?').unwrap_or((&server, "ssl-mode=DISABLED"));
    format!("{}/{database}?{query}", server.trim_end_matches('/'))
}
