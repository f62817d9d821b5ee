//! The world's databases on the MySQL server: made anew at each start, with an account for each function that may
//! do what the function needs, and no more.

use std::collections::BTreeMap;
use std::str::FromStr;

use mysql::migrate::{Schema, migrate};
use mysql::pool::{PoolOptions, connect};
use mysql::{roles, tenant};
use reqwest::Url;
use shared::domain::id::AccountId;
use shared::domain::surface::{Account, SyncConfig};
use shared::runtime::ids::{Ids, RandomIds};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlPool};

/// The ledger's database.
const LEDGER: &str = "world_events";

/// The state's.
const STATE: &str = "world_state";

/// What the names of the world's roles begin with; those of its accounts begin with [`ACCOUNTS`].
const ROLES: &str = "world-role-";

/// See [`ROLES`].
const ACCOUNTS: &str = "world-";

/// Two worlds on one server would empty each other's databases: whoever runs one holds this lock.
const LOCK: &str = "suitex-sync world";

/// Functions that have business in a database.
const GUESTS: [&str; 8] = ["poller", "outbox", "merge", "ns-writer", "sx-writer", "dlq", "review", "notify"];

/// The databases, ready, and this world's alone until it is dropped.
pub(crate) struct Databases {
    server: Url,
    /// The server, as the functions reach it.
    server_of_functions: Url,
    passwords: BTreeMap<&'static str, String>,
    tenants: Vec<AccountId>,
    /// Holds the lock.
    _turn: MySqlConnection,
}

impl Databases {
    /// Makes them on the server at `address`, empty; functions reach it at `road`.
    pub(crate) async fn make(address: &str, road: &str, config: &SyncConfig) -> Result<Self, String> {
        let (server, server_of_functions) = (server(address)?, server(road)?);
        let mut turn = turn(&server).await?;
        for function in GUESTS {
            run(&mut turn, format!("drop user if exists '{ACCOUNTS}{function}'@'%'")).await?;
        }
        let databases = Self {
            passwords: GUESTS.map(|function| (function, RandomIds.draw().simple().to_string())).into(),
            tenants: config.accounts.keys().cloned().collect(),
            server,
            server_of_functions,
            _turn: turn,
        };
        for (name, schema) in [(LEDGER, Schema::EventStore), (STATE, Schema::SyncState)] {
            databases.fresh(name, schema).await?.close().await;
        }
        for account in config.accounts.values() {
            let pool = databases.fresh(&tenant_database(&account.id), Schema::Tenant).await?;
            let made = tables_of_suitex(&pool, account).await;
            pool.close().await;
            made.map_err(|error| format!("the SuiteX tables of {}: {error}", account.id))?;
        }
        databases.admit().await?;
        Ok(databases)
    }

    /// The ledger's address, for a function or, when it is `None`, for the world itself.
    pub(crate) fn ledger(&self, function: Option<&str>) -> String {
        self.address(LEDGER, function)
    }

    /// The state's address.
    pub(crate) fn state(&self, function: Option<&str>) -> String {
        self.address(STATE, function)
    }

    /// The addresses of SuiteX's databases.
    pub(crate) fn tenants(&self, function: Option<&str>) -> BTreeMap<AccountId, String> {
        let address = |id: &AccountId| (id.clone(), self.address(&tenant_database(id), function));
        self.tenants.iter().map(address).collect()
    }

    fn address(&self, database: &str, function: Option<&str>) -> String {
        let mut url = if function.is_some() { &self.server_of_functions } else { &self.server }.clone();
        url.set_path(database);
        if let Some((function, password)) = function.and_then(|name| self.passwords.get_key_value(name)) {
            // They fail for addresses without a host alone, and those were refused.
            let _ = url.set_username(&format!("{ACCOUNTS}{function}"));
            let _ = url.set_password(Some(password.as_str()));
        }
        url.to_string()
    }

    /// A database without a row in it, at this program's level, with its roles.
    async fn fresh(&self, name: &str, schema: Schema) -> Result<MySqlPool, String> {
        let mut server = administrator(&self.server).await?;
        run(&mut server, format!("drop database if exists `{name}`")).await?;
        run(&mut server, format!("create database `{name}` character set utf8mb4 collate utf8mb4_bin"))
            .await?;
        let options = PoolOptions { connections: 2, ..PoolOptions::new(self.address(name, None)) };
        let pool = connect(&options).map_err(|error| error.to_string())?;
        migrate(&pool, schema).await.map_err(|error| format!("{name}: {error}"))?;
        roles::apply(&pool, schema, ROLES).await.map_err(|error| format!("the roles of {name}: {error}"))?;
        Ok(pool)
    }

    /// Gives each function its account.
    async fn admit(&self) -> Result<(), String> {
        let mut server = administrator(&self.server).await?;
        for (function, password) in &self.passwords {
            let account = format!("'{ACCOUNTS}{function}'@'%'");
            run(&mut server, format!("create user {account} identified by '{password}'")).await?;
            run(&mut server, format!("grant '{ROLES}{function}' to {account}")).await?;
            run(&mut server, format!("set default role all to {account}")).await?;
        }
        Ok(())
    }
}

/// A server's address, with what ours need beside it.
fn server(address: &str) -> Result<Url, String> {
    let mut server = Url::parse(address).map_err(|error| format!("the address of MySQL: {error}"))?;
    if server.query().is_none() {
        server.set_query(Some("ssl-mode=DISABLED"));
    }
    Ok(server)
}

/// An account's SuiteX database. Ids of accounts have no character that a name cannot have in quotes.
pub(crate) fn tenant_database(account: &AccountId) -> String {
    format!("world_suitex_{account}")
}

/// SuiteX's tables, the triggers that notice their edits, and the right of the SuiteX writer to write them.
async fn tables_of_suitex(pool: &MySqlPool, account: &Account) -> Result<(), String> {
    let tables = tenant::run(pool, &tenant::business_tables(account)).await;
    tables.map_err(|error| error.to_string())?;
    tenant::make(pool, account).await.map_err(|error| error.to_string())?;
    let tables = tenant::tables(account);
    let grants = roles::business_tables(tables.iter().map(String::as_str), ROLES);
    roles::run(pool, grants).await.map_err(|error| error.to_string())
}

/// A connection that holds the lock.
async fn turn(server: &Url) -> Result<MySqlConnection, String> {
    let mut turn = administrator(server).await?;
    // Connections that rest are ended after eight hours otherwise, and the lock with them.
    run(&mut turn, "set session wait_timeout = 31536000".into()).await?;
    let lock = sqlx::query_scalar::<_, Option<i64>>("select get_lock(?, 5)").bind(LOCK);
    match lock.fetch_one(&mut turn).await {
        Ok(Some(1)) => Ok(turn),
        Ok(_) => Err("another world runs on this MySQL: end it first".into()),
        Err(error) => Err(format!("MySQL: {error}")),
    }
}

/// A connection with every right.
async fn administrator(server: &Url) -> Result<MySqlConnection, String> {
    let options = MySqlConnectOptions::from_str(server.as_str()).map_err(|error| error.to_string())?;
    // A wait for the lock is no slow statement, and a statement may hold a password.
    let options = options.disable_statement_logging();
    MySqlConnection::connect_with(&options).await.map_err(|error| format!("MySQL: {error}"))
}

async fn run(connection: &mut MySqlConnection, statement: String) -> Result<(), String> {
    let verb = statement.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    // The statement itself may hold a password.
    connection.execute(AssertSqlSafe(statement)).await.map(drop).map_err(|error| format!("{verb}: {error}"))
}

#[cfg(test)]
mod tests {
    use local::functions::FUNCTIONS;

    use super::*;

    #[test]
    fn whoever_is_a_guest_is_a_function() {
        assert!(GUESTS.iter().all(|guest| FUNCTIONS.contains(guest)));
    }
}
