//! The databases of one site on the MySQL server: made anew at each start.

use std::collections::BTreeMap;
use std::str::FromStr;

use mysql::migrate::{Schema, migrate};
use mysql::pool::{PoolOptions, connect};
use shared::domain::id::AccountId;
use shared::domain::surface::SyncConfig;
use shared::runtime::env::Env;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlPool};

use crate::Failure;

/// Where the servers are.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    pub(crate) mysql: String,
    pub(crate) redis: String,
}

impl Servers {
    pub(crate) fn of_environment() -> Result<Self, Failure> {
        Ok(Self { mysql: named("SYNC_TEST_MYSQL")?, redis: named("SYNC_TEST_REDIS")? })
    }

    /// `host:port` of Pub/Sub's emulator.
    pub(crate) fn pubsub_of_environment() -> Result<String, Failure> {
        named("PUBSUB_EMULATOR_HOST")
    }

    fn database(&self, name: &str) -> String {
        let (server, query) = self.mysql.split_once('?').unwrap_or((&self.mysql, "ssl-mode=DISABLED"));
        format!("{}/{name}?{query}", server.trim_end_matches('/'))
    }

    /// A connection with every right.
    pub(crate) async fn administrator(&self) -> Result<MySqlConnection, Failure> {
        let options = MySqlConnectOptions::from_str(&self.database(""))?.disable_statement_logging();
        Ok(MySqlConnection::connect_with(&options).await?)
    }

    /// The address of a Redis database.
    pub(crate) fn redis_address(&self, number: u8) -> String {
        format!("{}/{number}", self.redis.trim_end_matches('/'))
    }

    /// The address of an empty Redis database.
    pub(crate) async fn redis(&self, number: u8) -> Result<String, Failure> {
        let address = self.redis_address(number);
        let client = redis::Client::open(address.as_str())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("FLUSHDB").exec_async(&mut connection).await?;
        Ok(address)
    }
}

/// What a variable of the environment says.
fn named(variable: &str) -> Result<String, Failure> {
    let missing = || format!("set {variable}, or run scripts/bench, which starts private servers").into();
    Env::of_process().get(variable).map(str::to_string).ok_or_else(missing)
}

/// A site's databases.
#[derive(Debug, Clone)]
pub(crate) struct Databases {
    servers: Servers,
    site: String,
}

impl Databases {
    /// Makes a site's databases, empty. SuiteX's tables are there, without the triggers that notice edits: those
    /// come with [`Databases::watch`], once there are rows.
    pub(crate) async fn make(servers: &Servers, site: &str, config: &SyncConfig) -> Result<Self, Failure> {
        let databases = Self { servers: servers.clone(), site: site.to_string() };
        let mut server = servers.administrator().await?;
        // Each function has connections to each tenant.
        run(&mut server, "set global max_connections = 2000").await?;
        for (name, schema) in [("events", Schema::EventStore), ("state", Schema::SyncState)] {
            migrate(&databases.fresh(&mut server, name).await?, schema).await?;
        }
        for account in config.accounts.values() {
            let pool = databases.fresh(&mut server, account.id.as_str()).await?;
            migrate(&pool, Schema::Tenant).await?;
            mysql::tenant::run(&pool, &mysql::tenant::business_tables(account)).await?;
        }
        Ok(databases)
    }

    /// Databases that another process has made.
    pub(crate) fn made(servers: &Servers, site: &str) -> Self {
        Self { servers: servers.clone(), site: site.to_string() }
    }

    /// A ledger that nobody but the floor writes to, and no function reads.
    pub(crate) async fn floor(&self, connections: u32) -> Result<MySqlPool, Failure> {
        let mut server = self.servers.administrator().await?;
        migrate(&self.fresh(&mut server, "floor").await?, Schema::EventStore).await?;
        self.pool("floor", connections)
    }

    async fn fresh(&self, server: &mut MySqlConnection, name: &str) -> Result<MySqlPool, Failure> {
        let database = self.name(name);
        run(server, format!("drop database if exists {database}")).await?;
        run(server, format!("create database {database} character set utf8mb4 collate utf8mb4_bin")).await?;
        self.pool(name, 2)
    }

    /// Takes in SuiteX's rows, and notices their edits from now on.
    pub(crate) async fn watch(&self, config: &SyncConfig) -> Result<(), Failure> {
        for account in config.accounts.values() {
            let pool = self.pool(account.id.as_str(), 2)?;
            mysql::tenant::run(&pool, &mysql::tenant::ddl(account)).await?;
        }
        Ok(())
    }

    fn name(&self, name: &str) -> String {
        format!("bench_{}_{name}", self.site)
    }

    /// The address of `events`, `state` or an account's SuiteX.
    pub(crate) fn address(&self, name: &str) -> String {
        self.servers.database(&self.name(name))
    }

    pub(crate) fn tenants(&self, config: &SyncConfig) -> BTreeMap<AccountId, String> {
        config.accounts.keys().map(|id| (id.clone(), self.address(id.as_str()))).collect()
    }

    /// Connections as the adapters use them.
    pub(crate) fn pool(&self, name: &str, connections: u32) -> Result<MySqlPool, Failure> {
        Ok(connect(&PoolOptions { connections, ..PoolOptions::new(self.address(name)) })?)
    }
}

/// Runs a statement of our own making.
pub(crate) async fn run(
    connection: &mut MySqlConnection,
    statement: impl Into<String>,
) -> Result<(), Failure> {
    connection.execute(AssertSqlSafe(statement.into())).await?;
    Ok(())
}

/// MySQL's own counters.
pub(crate) async fn counters(server: &mut MySqlConnection) -> Result<BTreeMap<String, i64>, Failure> {
    let sql = "show global status where variable_name in ('Questions', 'Innodb_rows_read', 'Innodb_rows_inserted', \
        'Innodb_rows_updated', 'Com_commit', 'Com_begin', 'Com_select', 'Com_insert', 'Com_update', \
        'Com_stmt_prepare', 'Com_stmt_execute', 'Com_ping', 'Innodb_os_log_fsyncs', 'Innodb_data_fsyncs')";
    let rows: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(server).await?;
    Ok(rows.into_iter().map(|(name, value)| (name, value.parse().unwrap_or(0))).collect())
}

/// What was counted between two looks.
pub(crate) fn counted(
    before: &BTreeMap<String, i64>,
    after: &BTreeMap<String, i64>,
) -> BTreeMap<String, i64> {
    after.iter().map(|(name, value)| (name.clone(), value - before.get(name).unwrap_or(&0))).collect()
}
