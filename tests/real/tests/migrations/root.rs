//! The test's own access to the server: makes accounts, and removes them.

use std::collections::BTreeMap;

use real_tests::Database;
use real_tests::database::{administrator, options};
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor};

/// Accounts and roles of one test: their names begin alike.
pub(crate) struct Root {
    connection: MySqlConnection,
    database: String,
    prefix: String,
}

impl Root {
    /// Access for a test on `database`. What an earlier run has left is removed.
    pub(crate) async fn of(database: &Database, prefix: &str) -> Self {
        let connection = administrator().await;
        let mut root = Self { connection, database: database.name.clone(), prefix: prefix.to_string() };
        root.remove().await;
        root
    }

    /// The database's tables with their columns.
    pub(crate) async fn tables(&mut self) -> BTreeMap<String, Vec<String>> {
        let columns = "select cast(table_name as char), cast(column_name as char) \
            from information_schema.columns where table_schema = ? order by ordinal_position";
        let columns = sqlx::query_as::<_, (String, String)>(columns).bind(&self.database);
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, column) in columns.fetch_all(&mut self.connection).await.unwrap() {
            tables.entry(table).or_default().push(column);
        }
        tables
    }

    /// Makes an account that has the role and nothing else; the address to log in by.
    pub(crate) async fn account(&mut self, role: &str) -> String {
        let (prefix, user) = (&self.prefix, format!("{}{role}-u", self.prefix));
        let account = format!("create user '{user}'@'%' identified by 'word' default role '{prefix}{role}'");
        self.run(account).await;
        let root = options(&self.database).url;
        let (_, server) = root.split_once('@').expect("an account in the address");
        format!("mysql://{user}:word@{server}")
    }

    /// Removes the accounts and the roles.
    pub(crate) async fn remove(&mut self) {
        let names = "select cast(concat(quote(user), '@', quote(host)) as char) from mysql.user \
            where left(user, char_length(?)) = ?";
        let names = sqlx::query_scalar::<_, String>(names).bind(&self.prefix).bind(&self.prefix);
        for name in names.fetch_all(&mut self.connection).await.unwrap() {
            self.run(format!("drop user {name}")).await;
        }
    }

    async fn run(&mut self, statement: String) {
        if let Err(error) = self.connection.execute(AssertSqlSafe(statement.clone())).await {
            panic!("{statement}: {error}");
        }
    }
}
