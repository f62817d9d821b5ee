//! A database for a test alone.
//!
//! Making one costs a second, emptying one a few milliseconds, so databases are kept from test to test and
//! from run to run: `sync_test_<schema>_<what its migrations are>_<n>`. Who uses one holds a lock of the same
//! name, which ends with its connection however the test ends.

use std::str::FromStr;

use mysql::migrate::{self, Schema};
use mysql::pool::{self, PoolOptions};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlPool};

/// A migrated database without a row in it, this test's alone until it is dropped.
pub struct Database {
    /// Connections to it, as the adapters use them.
    pub pool: MySqlPool,
    /// Its name.
    pub name: String,
    /// Holds the lock.
    _turn: MySqlConnection,
}

impl Database {
    /// A database of `schema`. Its tables are there and empty.
    ///
    /// # Panics
    ///
    /// When the server is not there, or a migration fails.
    pub async fn fresh(schema: Schema) -> Self {
        let (name, mut turn) = claim(schema).await;
        // What a tenant's database holds beside our tables is the test's own.
        if schema == Schema::Tenant {
            run(&mut turn, format!("drop database if exists {name}")).await;
        }
        run(
            &mut turn,
            format!("create database if not exists {name} character set utf8mb4 collate utf8mb4_bin"),
        )
        .await;
        let pool = pool::connect(&options(&name)).expect("an address");
        if migrate::check(&pool, schema).await.is_err() {
            migrate::migrate(&pool, schema).await.expect("the migrations");
        }
        empty(&mut turn, &name).await;
        Self { pool, name, _turn: turn }
    }

    /// The address of this database.
    pub fn url(&self) -> String {
        options(&self.name).url
    }

    /// A further pool on it, as a second instance would have.
    pub fn another_pool(&self) -> MySqlPool {
        pool::connect(&options(&self.name)).expect("an address")
    }
}

/// Options for a database of the test server.
pub fn options(name: &str) -> PoolOptions {
    let server = crate::mysql();
    let (server, query) = server.split_once('?').unwrap_or((&server, "ssl-mode=DISABLED"));
    PoolOptions::new(format!("{}/{name}?{query}", server.trim_end_matches('/')))
}

/// A connection to the test server, with every right.
///
/// # Panics
///
/// When the server is not there.
pub async fn administrator() -> MySqlConnection {
    let address = MySqlConnectOptions::from_str(&options("").url).expect("an address");
    MySqlConnection::connect_with(&address).await.expect("the MySQL server of SYNC_TEST_MYSQL")
}

/// The first database of its kind that nobody uses, and the lock on it.
async fn claim(schema: Schema) -> (String, MySqlConnection) {
    let mut turn = administrator().await;
    let mut content = uuid::Uuid::nil();
    for migration in schema.migrations() {
        content = uuid::Uuid::new_v5(&content, migration.sql.as_bytes());
    }
    let content = &content.simple().to_string()[..8];
    for n in 0..1_000 {
        let name = format!("sync_test_{schema}_{content}_{n}");
        let lock = sqlx::query_scalar::<_, Option<i64>>("select get_lock(?, 0)").bind(&name);
        if lock.fetch_one(&mut turn).await.expect("a lock, or none") == Some(1) {
            return (name, turn);
        }
    }
    panic!("a thousand databases are in use");
}

/// Takes every row out of every table that has one, past the triggers.
async fn empty(connection: &mut MySqlConnection, name: &str) {
    let tables = "select cast(table_name as char) from information_schema.tables \
        where table_schema = ? and table_type = 'BASE TABLE' and table_name <> 'schema_migration'";
    let tables: Vec<String> =
        sqlx::query_scalar(tables).bind(name).fetch_all(&mut *connection).await.expect("its tables");
    run(connection, "set foreign_key_checks = 0".into()).await;
    for table in tables {
        let row = format!("select 1 from {name}.{table} limit 1");
        let row = connection.fetch_optional(AssertSqlSafe(row)).await.expect("a row, or none");
        if row.is_some() {
            run(connection, format!("truncate table {name}.{table}")).await;
        }
    }
}

async fn run(connection: &mut MySqlConnection, statement: String) {
    if let Err(error) = connection.execute(AssertSqlSafe(statement.clone())).await {
        panic!("{statement}: {error}");
    }
}
